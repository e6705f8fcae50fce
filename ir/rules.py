"""The rewrite rules, as tables read downwards; how they are matched and tested is known to `ir/rewrite.py`.

Not exact, and therefore not in `EXACT`: x + 0.0 (-0.0 becomes 0.0), x * 0 and x - x (nan, infinities),
0.0 - x as -x (0.0 becomes -0.0), x / c by a rounded reciprocal, not (x < y) as x >= y (nan).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from typing import cast as typed

import numpy as np

from . import dtypes, ops
from .array import Array
from .attrs import Attrs, Cast, Permutation, ShapeOf, Slice, intern
from .dtypes import DType
from .ops.rows import edges
from .registry import OPS
from .rewrite import Rule, RuleSample
from .storage import convert

_Samples = Callable[[DType], list[RuleSample]]


def _extra(dtype: DType) -> np.ndarray:
    if not dtype.is_float:
        return edges(dtype)
    return np.concatenate([edges(dtype), convert(np.array([3.1, -0.3, 1e-30, -7e9]), dtype)])


def _values(arity: int, kinds: tuple[str, ...]) -> _Samples:
    """All combinations of edge values of the kinds of dtypes that a rule is for, `arity` at a time."""

    def samples(dtype: DType) -> list[RuleSample]:
        if dtype.kind not in kinds:
            return []
        some = _extra(dtype)
        picked = np.indices((some.size,) * arity).reshape(arity, -1)
        return [(tuple([some[i] for i in picked]), ())]

    return samples


def _chosen(dtype: DType) -> list[RuleSample]:
    """A bool and a value of the dtype."""
    x = _extra(dtype)
    return [((np.arange(2 * x.size) % 2 == 0, np.repeat(x, 2)), ())]


def _shaped(shape: tuple[int, ...], *attrs: Attrs) -> _Samples:
    """An array of any dtype, with attrs."""

    def samples(dtype: DType) -> list[RuleSample]:
        return [((np.resize(_extra(dtype), shape),), attrs)]

    return samples


_FLOAT: Final = ("float",)
_INT: Final = ("int", "uint")
_NUMBER: Final = ("int", "uint", "float")
_BOOL: Final = ("bool",)
_BITS: Final = ("bool", "int", "uint")
_ANY: Final = (*_BITS, "float")


def _transpose(x: Array, order: Attrs) -> Array:
    return OPS["transpose"].call(x, order)


def _reshape(x: Array, shape: Attrs) -> Array:
    return OPS["reshape"].call(x, shape)


def _broadcast(x: Array, shape: Attrs) -> Array:
    return OPS["broadcast_to"].call(x, shape)


def _composed(x: Array, inner: Attrs, outer: Attrs) -> Array:
    order = typed(Permutation, inner).order
    return _transpose(x, intern(Permutation(tuple([order[i] for i in typed(Permutation, outer).order]))))


def _same_order(x: Array, order: Attrs) -> Array | None:
    return x if typed(Permutation, order).order == tuple(range(x.ndim)) else None


def _same_shape(x: Array, shape: Attrs) -> Array | None:
    return x if typed(ShapeOf, shape).shape == x.shape else None


def _same_dtype(x: Array, to: Attrs) -> Array | None:
    return x if typed(Cast, to).dtype is x.dtype else None


def _whole(x: Array, attrs: Attrs) -> Array | None:
    part = typed(Slice, attrs)
    whole = part.extents == x.shape and all(s == 1 for s in part.steps) and all(s == 0 for s in part.starts)
    return x if whole else None


def _cast_samples(dtype: DType) -> list[RuleSample]:
    return [((_extra(dtype),), (Cast(dtype),)), ((_extra(dtype),), (Cast(dtypes.bool_),))]


ARITHMETIC: Final = (
    Rule("x * 1", lambda x: x * 1, lambda x: x, _values(1, _NUMBER)),
    Rule("1 * x", lambda x: 1 * x, lambda x: x, _values(1, _NUMBER)),
    Rule("x * -1", lambda x: x * -1, lambda x: -x, _values(1, ("int", "float"))),
    Rule("x / 1", lambda x: x / 1, lambda x: x, _values(1, _FLOAT)),
    Rule("x / -1", lambda x: x / -1, lambda x: -x, _values(1, _FLOAT)),
    Rule("x / 2", lambda x: x / 2, lambda x: x * 0.5, _values(1, _FLOAT)),
    Rule("x + -0.0", lambda x: x + -0.0, lambda x: x, _values(1, _FLOAT)),
    Rule("-0.0 + x", lambda x: -0.0 + x, lambda x: x, _values(1, _FLOAT)),
    Rule("x - 0.0", lambda x: x - 0.0, lambda x: x, _values(1, _FLOAT)),
    Rule("-0.0 - x", lambda x: -0.0 - x, lambda x: -x, _values(1, _FLOAT)),
    Rule("x + 0", lambda x: x + 0, lambda x: x, _values(1, _INT)),
    Rule("0 + x", lambda x: 0 + x, lambda x: x, _values(1, _INT)),
    Rule("x - 0", lambda x: x - 0, lambda x: x, _values(1, _INT)),
    Rule("-(-x)", lambda x: ops.negative(-x), lambda x: x, _values(1, ("int", "float"))),
    Rule("x + -y", lambda x, y: x + -y, lambda x, y: x - y, _values(2, ("int", "float"))),
    Rule("x - -y", lambda x, y: x - -y, lambda x, y: x + y, _values(2, ("int", "float"))),
    Rule("-x * -y", lambda x, y: -x * -y, lambda x, y: x * y, _values(2, ("int", "float"))),
    Rule("-x / -y", lambda x, y: -x / -y, lambda x, y: x / y, _values(2, _FLOAT)),
    Rule("abs(-x)", lambda x: ops.abs(-x), ops.abs, _values(1, ("int", "float"))),
    Rule("abs(abs(x))", lambda x: ops.abs(ops.abs(x)), ops.abs, _values(1, _NUMBER)),
    Rule("square(-x)", lambda x: ops.square(-x), ops.square, _values(1, ("int", "float"))),
    Rule("x ** 2", lambda x: x**2, ops.square, _values(1, _NUMBER)),
    Rule("x ** 1", lambda x: x**1, lambda x: x, _values(1, _NUMBER)),
    Rule("x ** 0", lambda x: x**0, ops.ones_like, _values(1, _FLOAT)),
    Rule("relu(relu(x))", lambda x: ops.relu(ops.relu(x)), ops.relu, _values(1, _FLOAT)),
    Rule("floor(floor(x))", lambda x: ops.floor(ops.floor(x)), ops.floor, _values(1, _FLOAT)),
    Rule("maximum(x, x)", lambda x: ops.maximum(x, x), lambda x: x, _values(1, _NUMBER)),
    Rule("minimum(x, x)", lambda x: ops.minimum(x, x), lambda x: x, _values(1, _NUMBER)),
)

LOGIC: Final = (
    Rule("where(true, x, y)", lambda x, y: ops.where(True, x, y), lambda x, y: x, _values(2, _ANY)),
    Rule("where(false, x, y)", lambda x, y: ops.where(False, x, y), lambda x, y: y, _values(2, _ANY)),
    Rule("where(c, x, x)", lambda c, x: ops.where(c, x, x), lambda c, x: x, _chosen),
    Rule("not not x", lambda x: ops.logical_not(ops.logical_not(x)), lambda x: x, _values(1, _BOOL)),
    Rule("~~x", lambda x: ~~x, lambda x: x, _values(1, _BITS)),
    Rule("x & x", lambda x: x & x, lambda x: x, _values(1, _BITS)),
    Rule("x | x", lambda x: x | x, lambda x: x, _values(1, _BITS)),
    Rule("x and true", lambda x: ops.logical_and(x, True), lambda x: x, _values(1, _BOOL)),
    Rule("x or false", lambda x: ops.logical_or(x, False), lambda x: x, _values(1, _BOOL)),
)

SHAPES: Final = (
    Rule("astype to its own dtype", OPS["astype"].call, _same_dtype, _cast_samples),
    Rule("transpose that moves nothing", _transpose, _same_order, _shaped((2, 3), Permutation((0, 1)))),
    Rule("reshape to its own shape", _reshape, _same_shape, _shaped((2, 3), ShapeOf((2, 3)))),
    Rule("broadcast to its own shape", _broadcast, _same_shape, _shaped((2, 3), ShapeOf((2, 3)))),
    Rule(
        "slice of everything",
        OPS["slice"].call,
        _whole,
        _shaped((2, 3), Slice((0, 0), (1, 1), (2, 3))),
    ),
    Rule(
        "transpose of transpose",
        lambda x, p, q: _transpose(_transpose(x, p), q),
        _composed,
        _shaped((2, 3, 4), Permutation((1, 2, 0)), Permutation((2, 1, 0))),
    ),
    Rule(
        "reshape of reshape",
        lambda x, s, t: _reshape(_reshape(x, s), t),
        lambda x, s, t: _reshape(x, t),
        _shaped((2, 3, 4), ShapeOf((6, 4)), ShapeOf((3, 8))),
    ),
    Rule(
        "broadcast of broadcast",
        lambda x, s, t: _broadcast(_broadcast(x, s), t),
        lambda x, s, t: _broadcast(x, t),
        _shaped((3, 1), ShapeOf((3, 4)), ShapeOf((2, 3, 4))),
    ),
)

EXACT: Final = (*ARITHMETIC, *LOGIC, *SHAPES)
"""What `simplify` applies."""

FAST_MATH: Final = (
    Rule("x + 0.0", lambda x: x + 0.0, lambda x: x, _values(1, _FLOAT), exact=False),
    Rule("0.0 + x", lambda x: 0.0 + x, lambda x: x, _values(1, _FLOAT), exact=False),
    Rule("0.0 - x", lambda x: 0.0 - x, lambda x: -x, _values(1, _FLOAT), exact=False),
    Rule("log(exp(x))", lambda x: ops.log(ops.exp(x)), lambda x: x, _values(1, _FLOAT), exact=False),
    Rule(
        "x / sqrt(y)",
        lambda x, y: x / ops.sqrt(y),
        lambda x, y: x * ops.rsqrt(y),
        _values(2, _FLOAT),
        exact=False,
    ),
)
"""What `fast_math` applies besides."""
