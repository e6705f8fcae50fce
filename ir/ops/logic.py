"""Rows whose result or condition is a truth value: comparison, logic, bits, selection."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import NO_ATTRS, Attrs
from ..dtypes import DType
from ..errors import DTypeError
from ..op import Op, Pointwise, Sample
from ..promotion import boolean, chosen
from ..scalar import Scalar
from ..stage import Operand
from ..types import TensorType, broadcast_shapes
from .rows import ANY, BITS, EVERY, edge_pairs, edges, pointwise, quiet, values

__all__ = [
    "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "logical_xor", "not_equal", "where",
]  # fmt: skip

Body = Callable[..., Scalar]


def _compared(name: str, body: Body, reference: np.ufunc, kinds: Sequence[str] = ANY) -> Op:
    return pointwise(name, body, reference, kinds=kinds, result=dtypes.bool_, arity=2)


_equal = _compared("equal", scalar.eq, np.equal, EVERY)
_not_equal = _compared("not_equal", scalar.ne, np.not_equal, EVERY)
_less = _compared("less", lambda a, b: a < b, np.less)
_less_equal = _compared("less_equal", lambda a, b: a <= b, np.less_equal)
_greater = _compared("greater", lambda a, b: a > b, np.greater)
_greater_equal = _compared("greater_equal", lambda a, b: a >= b, np.greater_equal)


def equal(x1: Operand, x2: Operand, /) -> Array:
    """Where `x1 == x2`, as bool; false with NaN."""
    return _equal.call(x1, x2)


def not_equal(x1: Operand, x2: Operand, /) -> Array:
    """Where `x1 != x2`, as bool; true with NaN."""
    return _not_equal.call(x1, x2)


def less(x1: Operand, x2: Operand, /) -> Array:
    """Where `x1 < x2`, as bool; false with NaN."""
    return _less.call(x1, x2)


def less_equal(x1: Operand, x2: Operand, /) -> Array:
    """Where `x1 <= x2`, as bool; false with NaN."""
    return _less_equal.call(x1, x2)


def greater(x1: Operand, x2: Operand, /) -> Array:
    """Where `x1 > x2`, as bool; false with NaN."""
    return _greater.call(x1, x2)


def greater_equal(x1: Operand, x2: Operand, /) -> Array:
    """Where `x1 >= x2`, as bool; false with NaN."""
    return _greater_equal.call(x1, x2)


def _logical(name: str, body: Body, reference: np.ufunc, arity: int = 2) -> Op:
    return pointwise(name, body, reference, kinds=("bool",), promote=boolean, arity=arity)


_logical_and = _logical("logical_and", lambda a, b: a & b, np.logical_and)
_logical_or = _logical("logical_or", lambda a, b: a | b, np.logical_or)
_logical_xor = _logical("logical_xor", lambda a, b: a ^ b, np.logical_xor)
_logical_not = _logical("logical_not", lambda a: ~a, np.logical_not, 1)


def logical_and(x1: Operand, x2: Operand, /) -> Array:
    """Where both are not zero, as bool."""
    return _logical_and.call(x1, x2)


def logical_or(x1: Operand, x2: Operand, /) -> Array:
    """Where one of them is not zero, as bool."""
    return _logical_or.call(x1, x2)


def logical_xor(x1: Operand, x2: Operand, /) -> Array:
    """Where just one of them is not zero, as bool."""
    return _logical_xor.call(x1, x2)


def logical_not(x: Operand, /) -> Array:
    """Where `x` is zero, as bool."""
    return _logical_not.call(x)


_bitwise_and = pointwise("bitwise_and", lambda a, b: a & b, np.bitwise_and, kinds=BITS, arity=2)
_bitwise_or = pointwise("bitwise_or", lambda a, b: a | b, np.bitwise_or, kinds=BITS, arity=2)
_bitwise_xor = pointwise("bitwise_xor", lambda a, b: a ^ b, np.bitwise_xor, kinds=BITS, arity=2)
_bitwise_invert = pointwise("bitwise_invert", lambda a: ~a, np.invert, kinds=BITS)


def _shifted(move: np.ufunc) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A shift whose amount outside the width, or below zero, leaves nothing but the sign."""

    def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        inside = (b >= 0) & (b < 8 * a.itemsize)
        nothing = np.where((a < 0) & (move is np.right_shift), -1, 0).astype(a.dtype)
        return np.where(inside, move(a, np.where(inside, b, 0)), nothing)

    return reference


_bitwise_left_shift = pointwise(
    "bitwise_left_shift",
    lambda a, b: a << b,
    _shifted(np.left_shift),
    kinds=("int", "uint"),
    arity=2,
    low=0,
    high=40,
)
_bitwise_right_shift = pointwise(
    "bitwise_right_shift",
    lambda a, b: scalar.binary("ashr" if a.dtype.kind == "int" else "lshr", a, b),
    _shifted(np.right_shift),
    kinds=("int", "uint"),
    arity=2,
    low=0,
    high=40,
)


def bitwise_and(x1: Operand, x2: Operand, /) -> Array:
    """The bits set in both; bool or integers."""
    return _bitwise_and.call(x1, x2)


def bitwise_or(x1: Operand, x2: Operand, /) -> Array:
    """The bits set in one of them; bool or integers."""
    return _bitwise_or.call(x1, x2)


def bitwise_xor(x1: Operand, x2: Operand, /) -> Array:
    """The bits set in just one of them; bool or integers."""
    return _bitwise_xor.call(x1, x2)


def bitwise_invert(x: Operand, /) -> Array:
    """All bits turned over; bool or integers."""
    return _bitwise_invert.call(x)


def bitwise_left_shift(x1: Operand, x2: Operand, /) -> Array:
    """The bits of `x1` moved up by `x2`; 0 where `x2` is negative, or not below the width."""
    return _bitwise_left_shift.call(x1, x2)


def bitwise_right_shift(x1: Operand, x2: Operand, /) -> Array:
    """The bits of `x1` moved down by `x2`, its sign kept; 0 or -1 where `x2` is negative, or not below the width."""
    return _bitwise_right_shift.call(x1, x2)


def _never(x: Scalar) -> Scalar:
    return scalar.const(dtypes.bool_, False)


def _is_finite(x: Scalar) -> Scalar:
    if not x.dtype.is_float:
        return scalar.const(dtypes.bool_, True)
    return scalar.eq(x - x, 0.0)


_isnan = pointwise(
    "isnan",
    lambda x: scalar.ne(x, x) if x.dtype.is_float else _never(x),
    np.isnan,
    kinds=EVERY,
    result=dtypes.bool_,
)
_isinf = pointwise(
    "isinf",
    lambda x: scalar.eq(x, math.inf) | scalar.eq(x, -math.inf) if x.dtype.is_float else _never(x),
    np.isinf,
    kinds=EVERY,
    result=dtypes.bool_,
)
_isfinite = pointwise("isfinite", _is_finite, np.isfinite, kinds=EVERY, result=dtypes.bool_)


def isnan(x: Operand, /) -> Array:
    """Where `x` is NaN, as bool."""
    return _isnan.call(x)


def isinf(x: Operand, /) -> Array:
    """Where `x` is infinite, as bool."""
    return _isinf.call(x)


def isfinite(x: Operand, /) -> Array:
    """Where `x` is neither infinite nor NaN, as bool."""
    return _isfinite.call(x)


def _where_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    condition, yes, no = types
    if condition.dtype is not dtypes.bool_:
        raise DTypeError(
            f"where: the condition must be bool, but it is {condition.dtype.name}; compare it first, as in x "
            "!= 0"
        )
    if yes.dtype is not no.dtype:
        raise DTypeError(f"where: the choices are {yes.dtype} and {no.dtype}, and must be of one dtype")
    return TensorType(yes.dtype, broadcast_shapes("where", condition.shape, yes.shape, no.shape))


def _where_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    b = dtypes.bool_
    one, other = edge_pairs(dtype)
    return [
        ((values(rng, b, (3, 4)), values(rng, dtype, (3, 4)), values(rng, dtype, (3, 4))), NO_ATTRS),
        ((values(rng, b, (4,)), values(rng, dtype, (3, 1)), values(rng, dtype, ())), NO_ATTRS),
        ((values(rng, b, ()), values(rng, dtype, ()), values(rng, dtype, ())), NO_ATTRS),
        ((values(rng, b, (0,)), values(rng, dtype, (1,)), values(rng, dtype, (0,))), NO_ATTRS),
        ((np.arange(one.size) % 3 == 0, one, other), NO_ATTRS),
        ((np.arange(edges(dtype).size) % 2 == 0, edges(dtype), values(rng, dtype, (1,))), NO_ATTRS),
    ]


_where = Op(
    "where",
    infer=_where_type,
    promote=chosen,
    reference=quiet(np.where),
    lowering=Pointwise(scalar.select),
    vjp=(None, lambda g, y, c, a, b: where(c, g, 0), lambda g, y, c, a, b: where(c, 0, g)),
    linear=(1, 2),
    samples=_where_samples,
)


def where(condition: Operand, x1: Operand, x2: Operand, /) -> Array:
    """`x1` where `condition` (bool) holds, else `x2`; all three broadcast together.

    Raises:
        DTypeError: `condition` is not bool.
        ShapeError: the shapes do not broadcast.
    """
    return _where.call(condition, x1, x2)
