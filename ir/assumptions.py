"""What a trace takes for granted about symbolic extents, so that it is used again only where that holds.

Python code that is traced may compare extents, and so do type rules. Each answer is a *guard*: a program is right for
all sizes for which its guards give the answers that its trace got. This file knows no function and no cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .errors import ShapeError
from .records import dataclass
from .types import TIMES, Dim, Extent, Holding


@dataclass(frozen=True, slots=True)
class Guard:
    """A comparison of extents, and the answer that was given.

    Attributes:
        relation: "==" or "<".
    """

    left: Dim
    relation: str
    right: Extent
    answer: bool

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """Whether the answer is right for these sizes of the symbols."""
        return _compare(self.left, self.relation, self.right, sizes) == self.answer

    def __str__(self) -> str:
        relation = self.relation if self.answer else {"==": "!=", "<": ">="}[self.relation]
        return f"{self.left} {relation} {self.right}"


def _compare(left: Dim, relation: str, right: Extent, sizes: Mapping[str, int]) -> bool:
    a, b = left.evaluate(sizes), right.evaluate(sizes) if isinstance(right, Dim) else right
    return a == b if relation == "==" else a < b


def _lone(difference: Dim) -> str | None:
    """A symbol that a difference of zero gives as a polynomial of the others; the last by name."""
    symbols = [s for n, _ in difference.terms for s in n.split(TIMES)]
    lone = [n for n, c in difference.terms if c in (1, -1) and symbols.count(n) == 1]
    return lone[-1] if lone else None


class Assumptions:
    """The guards of one trace, which grow while it runs.

    Attributes:
        sizes: of the symbols in the call that is traced for, by which comparisons are answered. Without them
            (None) an extent equals no number, different extents are equal, and other questions are refused.
        guards: the comparisons that were made.
    """

    def __init__(self, sizes: Mapping[str, int] | None) -> None:
        self.sizes = sizes
        self._answers: dict[tuple[object, ...], Guard] = {}

    @property
    def guards(self) -> tuple[Guard, ...]:
        """Each comparison once, in the order of asking."""
        return tuple(self._answers.values())

    def holds(self, left: Dim, relation: str, right: Extent) -> bool:
        """Whether `left == right` or `left < right` in this trace; ShapeError where it cannot be known."""
        key = (left.terms, left.const, relation, *((right.terms, right.const) if isinstance(right, Dim) else (right,)))
        known = self._answers.get(key)
        if known is None:
            known = self._answers[key] = Guard(left, relation, right, self._answer(left, relation, right))
        return known.answer

    def _answer(self, left: Dim, relation: str, right: Extent) -> bool:
        if self.sizes is not None:
            return _compare(left, relation, right, self.sizes)
        if relation == "==":
            return isinstance(right, Dim)
        raise ShapeError(
            f"whether {left} {relation} {right} depends on the extents of the call, which the TensorSpec leaves open; "
            "give the extent as a number, or let the function be traced by a call"
        )

    def number(self, extent: Dim) -> int:
        """The number that an extent is in the call that is traced for, which the trace is then bound to."""
        if self.sizes is None:
            raise ShapeError(
                f"the extent {extent} is left open by the TensorSpec, and a number is needed here; "
                "give the extent as a number, or let the function be traced by a call"
            )
        found = extent.evaluate(self.sizes)
        self.holds(extent, "==", found)
        return found

    def equalities(self) -> dict[str, Extent]:
        """For each symbol that the guards fix, what it is equal to."""
        found: dict[str, Extent] = {}
        for g in self.guards:
            if g.relation != "==" or not g.answer:
                continue
            left: Extent = g.left.substitute(found)
            right = g.right.substitute(found) if isinstance(g.right, Dim) else g.right
            difference = left - right
            if isinstance(difference, Dim) and (name := _lone(difference)) is not None:
                value = Dim(name) - difference * dict(difference.terms)[name]
                found = {k: v.substitute({name: value}) if isinstance(v, Dim) else v for k, v in found.items()}
                found[name] = value
        return found

    def accepts(self, guards: Iterable[Holding]) -> bool:
        """Whether the guards of a trace that is used inside this one hold here; they become guards of this one."""
        return all(self.holds(g.left, g.relation, g.right) == g.answer for g in guards)
