"""Addresses that grow by at most one from a lane to the next, though no formula says that they grow by one.

Such are places that wrap around or are clipped at an edge. Where the last lane's address is as far from the first one's
as lanes are, all lie side by side: whoever loads can ask that, and seldom needs to gather.
"""

from __future__ import annotations

from ..ir.scalar import Scalar
from ..ir.types import Dim, Extent
from .affine import affine
from .nest import Nest

_RISING, _FALLING = ("lt", "le"), ("gt", "ge")
_DEEPEST = 8


def climbs(nest: Nest, address: Scalar, vector: int, depth: int = _DEEPEST) -> bool:
    """Whether an int64 expression grows by at most one where an iteration variable grows by one, or falls."""
    form = affine(address)
    varying = [t for t in form.terms if vector in nest.free(t)]
    factor = form.iters.get(vector, 0)
    if not varying:
        return isinstance(factor, int) and factor <= 1
    if len(varying) > 1 or factor != 0 or form.terms[varying[0]] != 1 or not depth:
        return False
    (term,) = varying
    match term.prim:
        case "minimum" | "maximum":
            return all(climbs(nest, a, vector, depth - 1) for a in term.args)
        case "select":
            condition, yes, no = term.args
            if condition.prim not in (*_RISING, *_FALLING):
                return False
            x, bound = condition.args
            if _slope(nest, x, vector) != 1 or vector in nest.free(bound):
                return False
            first, last = (yes, no) if condition.prim in _RISING else (no, yes)
            return _is_at_most(last, first) and all(climbs(nest, a, vector, depth - 1) for a in (yes, no))
        case _:
            return False


def _slope(nest: Nest, x: Scalar, vector: int) -> object:
    form = affine(x)
    return None if any(vector in nest.free(t) for t in form.terms) else form.iters.get(vector, 0)


def _is_at_most(a: Scalar, b: Scalar) -> bool:
    """Whether one expression is certainly nowhere greater than another."""
    return _is_negative(affine(a - b).constant()) or any(
        x.prim == "select" and all(_is_at_most(*((side, b) if x is a else (a, side))) for side in x.args[1:])
        for x in (a, b)
    )


def _is_negative(known: Extent | None) -> bool:
    if isinstance(known, Dim):
        # Symbols stand for no negative number.
        return known.const <= 0 and all(c <= 0 for _, c in known.terms)
    return known is not None and known <= 0
