"""Which choices of a nest are written as branches: those with a long side that nothing else uses any part of.

It decides by the expressions alone; whether all lanes choose alike is known to `codegen/scope.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ..ir.scalar import Scalar
from .nest import Nest

_LONG: Final = 8
"""So many primitives on one side are worth a branch."""


class Branching:
    """The choices of one nest."""

    def __init__(self, nest: Nest) -> None:
        self._nest = nest
        self._counted: Counter[Scalar] | None = None
        self._before: dict[Scalar, tuple[Scalar, ...] | None] = {}

    def before(self, choice: Scalar) -> tuple[Scalar, ...] | None:
        """What has to be known before a `select` or `rarely` that is a branch; None for one that is not."""
        if choice not in self._before:
            self._before[choice] = self._plan(choice)
        return self._before[choice]

    def _plan(self, choice: Scalar) -> tuple[Scalar, ...] | None:
        condition, *others = choice.args
        sides = others if choice.prim == "select" else others[:1]
        own = [self._own(side) for side in sides]
        if max(map(len, own)) < _LONG:
            return None
        known = set().union(*own)
        read = [a for part in own for e in part if e.prim != "load" for a in e.args]
        return tuple(dict.fromkeys([a for a in (condition, *others, *read) if a not in known]))

    def _own(self, side: Scalar) -> Sequence[Scalar]:
        """The expressions that are of no use but for this side of a choice; checks and reductions stay outside."""
        uses = self._uses()
        left = {side: uses[side]}
        found: list[Scalar] = []
        stack: list[tuple[Scalar, ...]] = [(side,)]
        while stack:
            for a in dict.fromkeys(stack.pop()):
                left[a] = left.get(a, uses[a]) - 1
                if not left[a] and a.prim not in ("check", "reduce", "const", "iter", "size"):
                    found.append(a)
                    stack.append(a.args)
        return found

    def _uses(self) -> Counter[Scalar]:
        """How many expressions and stores use each."""
        if self._counted is None:
            self._counted = Counter()
            for expr in self._nest.walk():
                self._counted.update(set(self._nest.inputs(expr)))
            for store in self._nest.stores:
                self._counted.update(store.roots())
        return self._counted
