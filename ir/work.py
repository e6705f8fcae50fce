"""What an element of a node costs where it is computed, and how much it reads; it knows no graph."""

from __future__ import annotations

import functools
from typing import Final

from . import scalar
from .attrs import Attrs
from .dtypes import DType
from .graph import Node
from .halves import single
from .op import Element, Op, Pointwise

_MOST_LIGHT: Final = 4
_SLOW: Final = frozenset(("div", "sqrt", "tdiv", "trem", "rarely", "check"))

MOST_WRITTEN: Final = 4
"""Reductions of so few elements are written out term by term, so that lanes run along what is made of them."""


def is_light(node: Node) -> bool:
    """Whether computing an element again costs no more than loading it: its scalar body is short, with no rounding."""
    if not isinstance(node.lowering, Pointwise) or node.result.type.dtype.is_half:
        return False
    prims = _body(node.op, tuple([a.type.dtype for a in node.args]), node.attrs)
    return len(prims) <= _MOST_LIGHT and _SLOW.isdisjoint(prims)


@functools.lru_cache(maxsize=4096)
def _body(op: Op, kinds: tuple[DType, ...], attrs: Attrs) -> tuple[str, ...]:
    """The primitives that the scalar body of an elementwise op is made of."""
    assert isinstance(op.lowering, Pointwise)
    operands = [scalar.load(single(d), k, ()) for k, d in enumerate(kinds)]
    stack = [op.lowering.body(*operands, attrs) if op.attrs else op.lowering.body(*operands)]
    found: dict[scalar.Scalar, None] = {}
    while stack:
        e = stack.pop()
        if e.prim not in ("const", "load") and e not in found:
            found[e] = None
            stack.extend(e.args)
    return tuple([e.prim for e in found])


def reads(node: Node) -> int:
    """How many elements of each operand one of its own is made of, a reduction aside."""
    lowering = node.lowering
    return lowering.reads(node.attrs) if isinstance(lowering, Element) and lowering.reads is not None else 1


def work(node: Node) -> int:
    """Instructions that an element of a node takes, those counted thrice that take so much longer."""
    if not isinstance(node.lowering, Pointwise):
        return reads(node)
    prims = _body(node.op, tuple([a.type.dtype for a in node.args]), node.attrs)
    return len(prims) + 2 * sum([p in _SLOW for p in prims])
