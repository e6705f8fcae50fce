"""The machine code of the call path: assembled, compiled once, loaded; it does not decide when it is used."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

from ...codegen import jit
from . import arrays, calling, dispatching, matching, memory, operating, symbols
from .assembler import Module
from .layout import LIVE_WORDS
from .types import cell_type, dispatcher_type, function, keep, names, tensor_type

BUILTINS: Final = (
    "new_tensor",
    "wrap",
    "view",
    "as_ndarray",
    "from_ndarray",
    "dispose",
    "is_disposed",
    "reset_peak",
    "trim_blocks",
    "enter",
    "leave",
    "install",
    "clear",
    "bind",
    "replace",
)


def assemble() -> Module:
    """The whole call path as LLVM text for this interpreter."""
    m = Module(symbols.SIGNATURES)
    m.data("live", LIVE_WORDS)
    m.data("types", 3)
    m.data("dispatcher_names", 3)
    m.data("cell_names", 2)
    for part in (memory, arrays, matching, calling, dispatching, operating):
        part.emit(m)
    return m


class Native:
    """The loaded call path.

    Attributes:
        types: Tensor, Cell, Dispatcher.
        functions: the builtins, by name.
        live: the process-wide counts.
    """

    def __init__(self, describe: Callable[[object], tuple[object, ...]]) -> None:
        """`describe(aval)` gives (dtype, bytes, *extents)."""
        module = assemble()
        text = module.text
        library = jit.load(text, module.exports, symbols.addresses(module.used), pipeline=True)
        keep(library)
        keep(describe)
        code = {name: library[name] for name in module.exports}
        self.types = tensor_type(code), cell_type(code), dispatcher_type(code)
        _fill(code["types"], tuple(map(id, self.types)))
        _fill(code["describe"], (id(describe),))
        _fill(code["dispatcher_names"], names([b"slow", b"n_buckets"]))
        _fill(code["cell_names"], names([b"tensor"]))
        self.functions = {name: function(name, code[name]) for name in BUILTINS}
        self.live = (ctypes.c_int64 * LIVE_WORDS).from_address(code["live"])


def _fill(address: int, words: tuple[int, ...]) -> None:
    (ctypes.c_int64 * len(words)).from_address(address)[:] = list(words)
