"""Functions that go to other processes, with pickle: by name where that can be imported, else as their programs.

Loading makes the programs again and runs none of the sender's code. A loaded function has the programs that it was sent
with; for other calls it would need its Python function, which stayed behind.
"""

from __future__ import annotations

import copyreg
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any, NoReturn, cast

from ..ir.errors import StateError
from ..ir.records import dataclass
from ..ir.stage import located
from ..runtime.variable import Variable
from .entry import Binding, Program
from .extents import Extents, Family
from .function import Function, Options, make_function
from .packing import Packed, bare, pack, pack_key, unpack, unpack_key
from .signature import Signature


@dataclass(frozen=True, eq=False)
class _Crate:
    """A function as data.

    Attributes:
        name: of its graphs; `module` and `path` of its Python function, whose code has this `fingerprint`.
        bindings: packed keys, with the number of a program and the sizes of its symbols.
        families: packed keys, with what a `Family` has; programs by number.
    """

    name: str
    module: str
    path: str
    fingerprint: str | None
    signature: Signature
    options: Options
    traces: int
    programs: Sequence[Packed]
    bindings: Sequence[tuple[object, int, Mapping[str, int]]]
    families: Sequence[tuple[object, list[Extents], list[int], set[int], bool]]


def _importable(module: object, path: str) -> object:
    """What stands in a loaded module under a dotted name."""
    found: object = sys.modules.get(str(module))
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def _fingerprint(function: object) -> str | None:
    """What tells code from other code, in any process; None for what is no Python function."""
    code = getattr(function, "__code__", None)
    return hashlib.blake2b(repr(_parts(code)).encode(), digest_size=16).hexdigest() if code is not None else None


def _parts(code: CodeType) -> tuple[object, ...]:
    constants = [
        _parts(c) if isinstance(c, CodeType) else sorted(map(repr, c)) if isinstance(c, frozenset) else repr(c)
        for c in code.co_consts
    ]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants


@located
def _reduce(function: Function[Any]) -> str | tuple[Callable[[_Crate], Function[Any]], tuple[_Crate]]:
    module, path = str(getattr(function, "__module__", "")), str(getattr(function, "__qualname__", ""))
    by_name = _importable(module, path) is function
    if by_name and (module != "__main__" or not function._bindings):
        return path
    if not function._bindings:
        raise StateError(
            f"{function.name!r} cannot be pickled: another process cannot import it as {module}.{path}, and it has no "
            "program yet; call it, or get_concrete_function(...), first"
        )
    # The main module of another process may be this one or another: there the fingerprint decides.
    return _load, (_pack(function, module, path, _fingerprint(function.python_function) if by_name else None),)


def _pack(function: Function[Any], module: str, path: str, fingerprint: str | None) -> _Crate:
    with function._lock:
        bindings, families = list(function._bindings.items()), list(function._families.items())
        programs = list(dict.fromkeys([b.program for _, b in bindings] + [p for _, f in families for p in f.programs]))
        captured = {id(v): v for p in programs for v in p.trace.variables if isinstance(v, Variable)}
        numbers = {p: i for i, p in enumerate(programs)}
        signature = function._signature

        def packed(key: object) -> object:
            return pack_key(function.name, cast("tuple[object, ...]", key), captured, signature)

        return _Crate(
            function.name, module, path, fingerprint, bare(signature), function._options, function.trace_count,
            [pack(p) for p in programs],
            [(packed(key), numbers[b.program], dict(b.sizes)) for key, b in bindings],
            [(packed(k), f.seen, [numbers[p] for p in f.programs], f.fixed, f.static) for k, f in families],
        )  # fmt: skip


def _load(crate: _Crate) -> Function[Any]:
    known = _importable(crate.module, crate.path)
    if crate.fingerprint is not None and isinstance(known, Function):
        here: Function[Any] = known
        if _fingerprint(here.python_function) == crate.fingerprint:
            return here
    made: Function[Any] = make_function(_absent(crate), crate.name, crate.options, None)
    made._known_signature = crate.signature
    made._traces = crate.traces
    programs: list[Program] = [unpack(p) for p in crate.programs]
    made._captured.update([id(v) for p in programs for v in p.trace.variables if isinstance(v, Variable)])
    for key, number, sizes in crate.bindings:
        made._bindings[unpack_key(key, crate.signature)] = Binding(programs[number], sizes)
    for key, seen, chosen, fixed, static in crate.families:
        family = Family(list(seen), [programs[i] for i in chosen], set(fixed), static)
        made._families[unpack_key(key, crate.signature)] = family
    return made


def _absent(crate: _Crate) -> Callable[..., NoReturn]:
    """Stands for the Python function that stayed behind."""
    kinds = ", ".join([f"{crate.name}({p.signature})" for p in crate.programs])

    def absent(*args: object, **kwargs: object) -> NoReturn:
        raise StateError(
            f"{crate.name!r} was loaded without its Python function, and has no program for this call; it has {kinds}. "
            "Call it so before it is pickled, or give it a name that can be imported"
        )

    absent.__module__, absent.__qualname__ = crate.module, crate.path
    absent.__name__ = crate.path.rpartition(".")[2]
    return absent


copyreg.pickle(Function, _reduce)
