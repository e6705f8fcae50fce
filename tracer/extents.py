"""Which extents of a function's arrays are symbols: those that were seen to change; it traces nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ..ir.records import dataclass, field
from ..ir.types import Dim, Extent, TensorType

if TYPE_CHECKING:
    from .entry import Program

Extents = tuple[Extent, ...]
"""The extents of some arrays, one array after another."""

OPEN: Final = "?"
"""Stands for the name of an extent that a spec leaves open without naming it."""
_MOST_SEEN: Final = 16
_MOST_PROGRAMS: Final = 64


def flat(types: Sequence[TensorType]) -> Extents:
    """The extents of arrays of these types."""
    return tuple([e for t in types for e in t.shape])


def shaped(types: Sequence[TensorType], extents: Extents) -> list[TensorType]:
    """The types with other extents."""
    rest: Iterator[Extent] = iter(extents)
    return [TensorType(t.dtype, tuple([next(rest) for _ in t.shape])) for t in types]


def general(key: Hashable) -> Hashable:
    """What of the key of an array is the same for all its shapes of one rank; another key as it is."""
    return (key.dtype, key.ndim) if isinstance(key, TensorType) and key.is_static else key


def _name(k: int) -> str:
    return f"d{k}"


def is_ours(name: str) -> bool:
    """Whether the name of a symbol is one that stands for an extent without a name."""
    return name == OPEN or (name[0] == "d" and name[1:].isdecimal())


def named(extents: Extents) -> Extents:
    """Extents with a name of its own for each that was left open without one."""
    found: list[Extent] = []
    taken = {s for e in extents if isinstance(e, Dim) for s in e.symbols}
    fresh = (name for k in range(len(extents) + len(taken)) if (name := _name(k)) not in taken)
    for e in extents:
        found.append(Dim(next(fresh)) if isinstance(e, Dim) and e.symbols == (OPEN,) else e)
    return tuple(found)


def sizes_of(pattern: Extents, extents: Extents) -> dict[str, int] | None:
    """What the symbols of a pattern are for these extents; None where they do not fit it."""
    sizes: dict[str, int] = {}
    for p, e in zip(pattern, extents, strict=True):
        if isinstance(p, Dim):
            (name,) = p.symbols
            if not isinstance(e, int) or sizes.setdefault(name, e) != e:
                return None
        elif isinstance(e, Dim) or p != e:
            return None
    return sizes


@dataclass(slots=True)
class Family:
    """The calls of a function that differ in extents alone.

    Attributes:
        seen: extents of calls that there was no program for.
        programs: those with symbols.
        fixed: places whose number a trace needed.
        static: whether no trace with symbols succeeds.
    """

    seen: list[Extents] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)
    static: bool = False

    def find(self, extents: Extents) -> tuple[Program, Mapping[str, int]] | None:
        """A program with symbols that is right for these extents, and the sizes of its symbols."""
        for program in self.programs:
            sizes = sizes_of(flat(program.types), extents)
            if sizes is not None and all(g.holds(sizes) for g in program.trace.guards):
                return program, sizes
        return None

    def pattern(self, extents: Extents, asked: Extents | None) -> Extents:
        """The extents, with symbols where they have changed, or where a spec asks for symbols.

        Places whose extents were alike in all calls share a symbol.
        """
        self.seen.append(extents)
        del self.seen[:-_MOST_SEEN]
        if self.static:
            return extents
        if asked is not None:
            return tuple([e if k in self.fixed else a for k, (e, a) in enumerate(zip(extents, asked, strict=True))])
        symbols: dict[tuple[Extent, ...], Dim] = {}
        found: list[Extent] = []
        for k, column in enumerate(zip(*self.seen, strict=True)):
            changes = any(e != column[0] for e in column) and k not in self.fixed
            found.append(symbols.setdefault(column, Dim(_name(len(symbols)))) if changes else extents[k])
        return tuple(found)

    def add(self, program: Program) -> None:
        """Keep a program with symbols, and note which of them its guards fix to a number."""
        self.programs.append(program)
        del self.programs[:-_MOST_PROGRAMS]
        bound = {name for name, value in program.trace.equalities.items() if isinstance(value, int)}
        self.fixed |= {k for k, e in enumerate(flat(program.types)) if isinstance(e, Dim) and bound & set(e.symbols)}
