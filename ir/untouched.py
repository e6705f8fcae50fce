"""What elementwise nodes give where one of their operands is zero, as far as that holds whatever the others are.

Only what is exact counts, signs of zero included: x - 0.0 is x for every x, and so is x + -0.0, but x + 0.0 is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from .attrs import Constant
from .graph import Node, Value
from .records import dataclass
from .storage import readable


@dataclass(frozen=True, slots=True)
class Zero:
    """A zero of a known sign."""

    negative: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """A known bool."""

    value: bool


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A constant array: neither nan nor infinite, every element of the same sign, none of them zero."""

    negative: bool


Known = Zero | Truth | Number | Value
"""A value stands for itself: the element is the same as its."""

Rule = Callable[[Sequence[Known | None]], Known | None]


def number(constant: Constant) -> Known | None:
    """What is known of a constant."""
    array = np.asarray(readable(constant.value))
    if array.dtype.kind != "f" or not array.size or not np.all(np.isfinite(array)):
        return None
    signs = np.unique(np.signbit(array))
    if len(signs) != 1:
        return None
    if not array.any():
        return Zero(bool(signs[0]))
    return Number(bool(signs[0])) if array.all() else None


def known(node: Node, found: Mapping[Value, Known | None]) -> Known | None:
    """What the result of a node is, given what its operands are; None where that depends on more."""
    rule = _RULES.get(node.op.name)
    return None if rule is None else rule([found.get(a) for a in node.args])


def _multiply(of: Sequence[Known | None]) -> Known | None:
    a, b = of
    signed = isinstance(a, Zero | Number) and isinstance(b, Zero | Number)
    if not signed or (isinstance(a, Number) and isinstance(b, Number)):
        return None
    assert isinstance(a, Zero | Number) and isinstance(b, Zero | Number)
    return Zero(a.negative != b.negative)


def _divide(of: Sequence[Known | None]) -> Known | None:
    a, b = of
    return Zero(a.negative != b.negative) if isinstance(a, Zero) and isinstance(b, Number) else None


def _add(of: Sequence[Known | None]) -> Known | None:
    a, b = of
    if isinstance(a, Zero) and isinstance(b, Zero):
        return Zero(a.negative and b.negative)
    if isinstance(b, Zero) and b.negative:
        return a
    return b if isinstance(a, Zero) and a.negative else None


def _subtract(of: Sequence[Known | None]) -> Known | None:
    a, b = of
    return _add((a, Zero(not b.negative))) if isinstance(b, Zero) else None


def _negative(of: Sequence[Known | None]) -> Known | None:
    return Zero(not of[0].negative) if isinstance(of[0], Zero) else None


def _equal(of: Sequence[Known | None]) -> Known | None:
    return Truth(True) if all(isinstance(a, Zero) for a in of) else None


def _not_equal(of: Sequence[Known | None]) -> Known | None:
    return Truth(False) if all(isinstance(a, Zero) for a in of) else None


def _where(of: Sequence[Known | None]) -> Known | None:
    chosen, yes, no = of
    return (yes if chosen.value else no) if isinstance(chosen, Truth) else None


def _extremum(negative: bool) -> Rule:
    """Of a zero and a number of this sign, a maximum (a minimum) is the zero."""

    def rule(of: Sequence[Known | None]) -> Known | None:
        for a, b in (of, of[::-1]):
            if isinstance(a, Zero) and isinstance(b, Number) and b.negative is negative:
                return a
        return None

    return rule


_RULES: Final[dict[str, Rule]] = {
    "multiply": _multiply,
    "divide": _divide,
    "add": _add,
    "subtract": _subtract,
    "negative": _negative,
    "square": lambda of: Zero(False) if isinstance(of[0], Zero) else None,
    "equal": _equal,
    "not_equal": _not_equal,
    "where": _where,
    "maximum": _extremum(negative=True),
    "minimum": _extremum(negative=False),
}
