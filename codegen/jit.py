"""LLVM text in, callable addresses out: one process-wide LLJIT, one library per program, objects cached on disk."""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Mapping, Sequence

import llvmlite
import llvmlite.binding as llvm

from . import cache
from .target import Target, host, machine

_lock = threading.Lock()
_names = itertools.count()


class Library:
    """Machine code that is loaded; it is unloaded when the last reference to this object goes."""

    __slots__ = ("_tracker", "keep")

    def __init__(self, tracker: llvm.ResourceTracker, keep: tuple[Library, ...]) -> None:
        self._tracker = tracker
        self.keep = keep

    def __getitem__(self, symbol: str) -> int:
        """Address of an exported symbol."""
        return int(self._tracker[symbol])


@functools.cache
def _engine() -> tuple[llvm.LLJIT, llvm.TargetMachine]:
    return llvm.create_lljit_compiler(machine(host())), machine(host())


def optimize(module: llvm.ModuleRef, tm: llvm.TargetMachine) -> None:
    """Run LLVM's default O2 pipeline in place (for code that is emitted as plain scalar control flow)."""
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    builder = llvm.create_pass_builder(tm, options)
    builder.getModulePassManager().run(module, builder)


def compile_object(text: str, *, pipeline: bool = False, target: Target | None = None) -> bytes:
    """Object code of an LLVM module given as text, from the disk cache when it is there.

    Args:
        text: LLVM assembly.
        pipeline: run LLVM's default O2 passes first; directly emitted vector code needs none.
        target: the target; the host by default.
    """
    target = target or host()
    name = cache.key(text, target.key, llvmlite.__version__, "O2" if pipeline else "O0")
    body = cache.load(name)
    if body is not None:
        return body
    tm = machine(target)
    module = llvm.parse_assembly(text)
    module.verify()  # LLVM aborts the process on code that is not valid; this raises.
    module.triple = target.triple
    module.data_layout = str(tm.target_data)
    if pipeline:
        optimize(module, tm)
    body = bytes(tm.emit_object(module))
    module.close()
    cache.store(name, body)
    return body


def assembly(text: str, *, pipeline: bool = False) -> str:
    """Native assembly of an LLVM module given as text, for reading."""
    tm = machine(host())
    module = llvm.parse_assembly(text)
    module.triple = host().triple
    module.data_layout = str(tm.target_data)
    if pipeline:
        optimize(module, tm)
    return str(tm.emit_assembly(module))


def load(
    text: str,
    exports: Sequence[str],
    imports: Mapping[str, int] | None = None,
    *,
    pipeline: bool = False,
    keep: tuple[Library, ...] = (),
) -> Library:
    """Compile (or fetch from the cache) and link a module.

    Args:
        text: LLVM assembly; symbols that it declares must be among `imports` or be known to the process (libc).
        exports: names of defined symbols whose addresses are wanted.
        imports: addresses for declared symbols.
        pipeline: as in `compile_object`.
        keep: libraries whose code the imports point into; they live as long as the result.
    """
    image = compile_object(text, pipeline=pipeline)
    engine, _ = _engine()
    builder = llvm.JITLibraryBuilder()
    builder.add_object_img(image).add_current_process()
    for symbol in exports:
        builder.export_symbol(symbol)
    for symbol, address in (imports or {}).items():
        builder.import_symbol(symbol, address)
    with _lock:
        tracker = builder.link(engine, f"litho{next(_names)}")
    return Library(tracker, keep)
