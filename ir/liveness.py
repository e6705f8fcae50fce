"""How much memory a program will hold, step by step: an estimate from its units, before anything is planned."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from .graph import Graph, Node, Value
from .grouping import Unit
from .op import Alias, Element, Literal
from .records import dataclass

SOME: Final = 1024
"""What a symbol is taken for."""


def nbytes(value: Value) -> int:
    """Bytes of a value, each symbol taken for the same number."""
    return elements(value) * value.type.dtype.itemsize


def elements(value: Value) -> int:
    """Elements of a value, each symbol taken for the same number."""
    return math.prod([e if isinstance(e, int) else SOME for e in value.type.shape])


@dataclass(frozen=True, slots=True)
class Liveness:
    """When values are in memory.

    Attributes:
        first: for each value that has memory of its own, the unit that makes it.
        last: for each value that is read from memory, param or not, the unit that does so last.
        held: for each unit, the bytes of temporaries while it runs.
        kept: the bytes of results, which have memory throughout.
    """

    first: dict[Value, int]
    last: dict[Value, int]
    held: list[int]
    kept: int

    @property
    def peak(self) -> int:
        """The most bytes beyond the params."""
        return max(self.held, default=0) + self.kept


def liveness(graph: Graph, units: Sequence[Unit]) -> Liveness:
    """When the values of a graph are in memory while its units run in order.

    What a kernel reads for the last time makes room for what it writes. New state replaces the old in place, unless
    that is read later.
    """
    first: dict[Value, int] = {}
    last: dict[Value, int] = {}
    root: dict[Value, Value] = {p: p for p in graph.params}
    for k, unit in enumerate(units):
        for value in reads(unit):
            if value in root:
                last[root[value]] = k
        for value in writes(unit):
            first[root.setdefault(value, value)] = k
        if isinstance(unit, Node) and _shares(unit) and unit.args[0] in root:
            root[unit.result] = root[unit.args[0]]
    results = {root[r] for r in graph.results if r in root} & first.keys()
    in_place: set[Value] = set()
    for slot in graph.state:
        new = None if slot.result is None else root.get(graph.results[slot.result])
        if new in first and last.get(graph.params[slot.param], -1) <= first[new]:
            in_place.add(new)
    kept = sum(map(nbytes, results - in_place))
    return Liveness(first, last, _held(units, {v: k for v, k in first.items() if v not in results}, last), kept)


def reads(unit: Unit) -> list[Value]:
    """What a unit needs that it does not make itself."""
    if isinstance(unit, Node):
        return list(unit.args)
    return [a for node in unit.nodes for a in node.args if a.node not in unit.nodes]


def writes(unit: Unit) -> list[Value]:
    """The values that a unit puts in memory of their own."""
    if isinstance(unit, Node):
        return [] if _shares(unit) or isinstance(unit.lowering, Literal) else list(unit.results)
    return [node.result for node in unit.outputs]


def _shares(node: Node) -> bool:
    """Whether the result is read from the memory of the operand."""
    return isinstance(node.lowering, Alias) or (isinstance(node.lowering, Element) and node.lowering.view)


def _held(units: Sequence[Unit], first: Mapping[Value, int], last: Mapping[Value, int]) -> list[int]:
    born: list[list[int]] = [[] for _ in units]
    dying: list[list[int]] = [[] for _ in units]
    for value, k in first.items():
        born[k].append(nbytes(value))
        dying[max(k, last.get(value, k))].append(nbytes(value))
    held, now = [], 0
    for unit, new, old in zip(units, born, dying, strict=True):
        reused = 0 if isinstance(unit, Node) else _common(new, old)
        held.append(now + sum(new) - reused)
        now += sum(new) - sum(old)
    return held


def _common(new: Collection[int], old: Collection[int]) -> int:
    return sum((Counter(new) & Counter(old)).elements())
