"""Rows of arithmetic on elements, apart from division with remainder; it knows no transcendental function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..op import Accuracy
from ..promotion import floating
from ..scalar import Scalar
from ..stage import Operand, as_array, located
from .complexes import conj, imag, real
from .logic import isnan, where
from .rows import ANY, EVERY, FIELD, FLOAT, INEXACT, pointwise, refuse_kinds, wide

__all__ = [
    "abs", "add", "ceil", "clip", "divide", "floor", "fmax", "fmin", "heaviside", "maximum", "minimum", "multiply",
    "negative", "positive", "reciprocal", "relu", "round", "rsqrt", "sign", "sqrt", "square", "subtract", "trunc",
]  # fmt: skip

_INTEGER_OF = {32: dtypes.int32, 64: dtypes.int64}


def _add(a: Scalar, b: Scalar) -> Scalar:
    return a | b if a.dtype is dtypes.bool_ else a + b


def _multiply(a: Scalar, b: Scalar) -> Scalar:
    return a & b if a.dtype is dtypes.bool_ else a * b


def magnitude(x: Scalar) -> Scalar:
    """The absolute value of any number; floats lose their sign bit."""
    if x.dtype.kind in ("bool", "uint"):
        return x
    if x.dtype.is_integer:
        return scalar.select(x < 0, -x, x)
    bits = _INTEGER_OF[x.dtype.bits]
    magnitude = scalar.bitcast(x, bits) & ((1 << (bits.bits - 1)) - 1)
    return scalar.bitcast(magnitude, x.dtype)


def _sign(x: Scalar) -> Scalar:
    if x.dtype.kind == "uint":
        return scalar.select(x > 0, scalar.const(x.dtype, 1), 0)
    below = scalar.select(x < 0, scalar.const(x.dtype, -1), 0)
    result = scalar.select(x > 0, 1, below)
    return scalar.select(scalar.ne(x, x), x, result) if x.dtype.is_float else result


def _relu(x: Scalar) -> Scalar:
    return scalar.select(x <= 0, 0, x)


def _rounding(prim: str) -> Callable[[Scalar], Scalar]:
    return lambda x: scalar.unary(prim, x) if x.dtype.is_float else x


def _flat(g: Array, *_: Array) -> Array:
    """The cotangent of an operand that the result does not vary with."""
    return where(False, g, 0)


def _sign_slope(g: Array, y: Array, x: Array) -> Array:
    """Of a complex number z/|z|: g/|z| without its part along z, which only makes |z| longer."""
    if not x.dtype.is_complex:
        return _flat(g)
    across = imag(g * y) * conj(y) * 1j
    return where(x == 0, 0, across / abs(where(x == 0, 1, x)))


_add_row = pointwise(
    "add", _add, np.add, kinds=EVERY, arity=2, vjp=(lambda g, y, a, b: g, lambda g, y, a, b: g)
)
_subtract = pointwise(
    "subtract", lambda a, b: a - b, np.subtract, kinds=FIELD, arity=2,
    vjp=(lambda g, y, a, b: g, lambda g, y, a, b: -g), linear=(0, 1),
)  # fmt: skip
_multiply_row = pointwise(
    "multiply",
    _multiply,
    np.multiply,
    kinds=EVERY,
    arity=2,
    vjp=(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
)
_divide = pointwise(
    "divide",
    lambda a, b: a / b,
    np.divide,
    kinds=INEXACT,
    promote=floating,
    arity=2,
    low=0.5,
    vjp=(lambda g, y, a, b: g / b, lambda g, y, a, b: -(g / b) * y),
)
_negative = pointwise("negative", lambda x: -x, np.negative, kinds=FIELD, vjp=(lambda g, y, x: -g,))
_abs_row = pointwise(
    "abs", magnitude, np.abs, kinds=EVERY, real=True,
    vjp=(lambda g, y, x: g * conj(sign(x)),), jvp=(lambda t, y, x: real(t * conj(sign(x))),),
)  # fmt: skip
_sign_row = pointwise(
    "sign", _sign, lambda x: np.sign(x).astype(x.dtype), kinds=FIELD,
    vjp=(_sign_slope,), jvp=(lambda t, y, x: _sign_slope(t, conj(y), x),),
)  # fmt: skip
_square = pointwise("square", lambda x: x * x, np.square, kinds=FIELD, vjp=(lambda g, y, x: g * (2 * x),))
_sqrt = pointwise(
    "sqrt",
    lambda x: scalar.unary("sqrt", x),
    np.sqrt,
    kinds=INEXACT,
    promote=floating,
    low=0.3,
    vjp=(lambda g, y, x: g * (0.5 / y),),
)
_rsqrt = pointwise(
    "rsqrt",
    lambda x: 1.0 / scalar.unary("sqrt", x),
    lambda x: (1 / np.sqrt(wide(x))).astype(x.dtype),
    kinds=FLOAT,
    promote=floating,
    accuracy=Accuracy(1.5, 1.5, "1 / sqrt(x)", lambda x: 1 / np.sqrt(x), (0.1, 10.0)),
    low=0.3,
    vjp=(lambda g, y, x: g * (-0.5 * y / x),),
)
_reciprocal = pointwise(
    "reciprocal",
    lambda x: 1.0 / x,
    np.reciprocal,
    kinds=INEXACT,
    promote=floating,
    low=0.3,
    vjp=(lambda g, y, x: -g * square(y),),
)
# By the result, which what follows has to keep anyway: it is above zero where the operand is.
_relu_row = pointwise(
    "relu", _relu, lambda x: np.where(x <= 0, x.dtype.type(0), x), vjp=(lambda g, y, x: where(y > 0, g, 0),)
)
_floor = pointwise("floor", _rounding("floor"), lambda x: np.floor(x).astype(x.dtype), vjp=(_flat,), high=2.9)
_ceil = pointwise("ceil", _rounding("ceil"), lambda x: np.ceil(x).astype(x.dtype), vjp=(_flat,), high=2.9)
_trunc = pointwise("trunc", _rounding("trunc"), lambda x: np.trunc(x).astype(x.dtype), vjp=(_flat,), low=0.1)
_round = pointwise("round", _rounding("rint"), np.round, kinds=FIELD, vjp=(_flat,))


def _extremum(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """NumPy's `maximum`, `minimum`, `fmax` or `fmin`, and -0 < +0, which NumPy leaves open."""
    pick, zero_signs = getattr(np, name), np.logical_and if name in ("maximum", "fmax") else np.logical_or

    def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        found = pick(a, b)
        if a.dtype.kind != "f":
            return np.asarray(found)
        zeros = (a == 0) & (b == 0)
        negative = zero_signs(np.signbit(a), np.signbit(b))
        return np.where(zeros, np.where(negative, -0.0, 0.0).astype(a.dtype), found)

    return reference


_maximum = pointwise(
    "maximum",
    lambda a, b: scalar.binary("maximum", a, b),
    _extremum("maximum"),
    kinds=ANY,
    arity=2,
    vjp=(lambda g, y, a, b: where(a >= b, g, 0), lambda g, y, a, b: where(a < b, g, 0)),
)
_minimum = pointwise(
    "minimum",
    lambda a, b: scalar.binary("minimum", a, b),
    _extremum("minimum"),
    kinds=ANY,
    arity=2,
    vjp=(lambda g, y, a, b: where(a <= b, g, 0), lambda g, y, a, b: where(a > b, g, 0)),
)


def _numbers_first(prim: str) -> Callable[[Scalar, Scalar], Scalar]:
    """An extremum of numbers that takes a number before NaN."""

    def body(a: Scalar, b: Scalar) -> Scalar:
        found = scalar.binary(prim, a, b)
        if not a.dtype.is_float:
            return found
        return scalar.select(scalar.ne(a, a), b, scalar.select(scalar.ne(b, b), a, found))

    return body


_fmax = pointwise(
    "fmax",
    _numbers_first("maximum"),
    _extremum("fmax"),
    kinds=ANY,
    arity=2,
    vjp=(
        lambda g, y, a, b: where((a >= b) | isnan(b), g, 0),
        lambda g, y, a, b: where((a >= b) | isnan(b), 0, g),
    ),
)
_fmin = pointwise(
    "fmin",
    _numbers_first("minimum"),
    _extremum("fmin"),
    kinds=ANY,
    arity=2,
    vjp=(
        lambda g, y, a, b: where((a <= b) | isnan(b), g, 0),
        lambda g, y, a, b: where((a <= b) | isnan(b), 0, g),
    ),
)
_heaviside = pointwise(
    "heaviside",
    lambda x, y: scalar.select(x < 0, 0, scalar.select(x > 0, 1, scalar.select(scalar.eq(x, 0), y, x))),
    np.heaviside,
    kinds=FLOAT,
    promote=floating,
    arity=2,
    vjp=(_flat, lambda g, y, a, b: where(a == 0, g, 0)),
)


def add(x1: Operand, x2: Operand, /) -> Array:
    """`x1 + x2`; integers wrap, bool is logical or."""
    return _add_row.call(x1, x2)


def subtract(x1: Operand, x2: Operand, /) -> Array:
    """`x1 - x2`; integers wrap.

    Raises:
        DTypeError: both are bool.
    """
    return _subtract.call(x1, x2)


def multiply(x1: Operand, x2: Operand, /) -> Array:
    """`x1 * x2`; integers wrap, bool is logical and."""
    return _multiply_row.call(x1, x2)


def divide(x1: Operand, x2: Operand, /) -> Array:
    """`x1 / x2`, correctly rounded; integers and bool are divided as float32."""
    return _divide.call(x1, x2)


def negative(x: Operand, /) -> Array:
    """`-x`; integers wrap.

    Raises:
        DTypeError: `x` is bool.
    """
    return _negative.call(x)


@located
def positive(x: Operand, /) -> Array:
    """`x` itself.

    Raises:
        DTypeError: `x` is bool.
    """
    a = as_array("positive", x)
    if a.dtype.kind == "bool":
        raise refuse_kinds("positive", FIELD, a.dtype)
    return a


def abs(x: Operand, /) -> Array:
    """The magnitude of `x`, of complex numbers a real one; the smallest integer stays as it is."""
    return _abs_row.call(x)


def sign(x: Operand, /) -> Array:
    """-1, 0 or 1 as `x` is below, at or above zero; NaN for NaN. Of complex numbers `x / abs(x)`, and 0 at 0."""
    return _sign_row.call(x)


def square(x: Operand, /) -> Array:
    """`x * x`; integers wrap."""
    return _square.call(x)


def sqrt(x: Operand, /) -> Array:
    """The square root, correctly rounded; NaN below zero. Integers and bool count as float32."""
    return _sqrt.call(x)


def rsqrt(x: Operand, /) -> Array:
    """`1 / sqrt(x)`, both correctly rounded (at most 1.5 ULP). Integers and bool count as float32."""
    return _rsqrt.call(x)


def reciprocal(x: Operand, /) -> Array:
    """`1 / x`, correctly rounded. Integers and bool count as float32."""
    return _reciprocal.call(x)


def relu(x: Operand, /) -> Array:
    """`x` where it is above zero, +0 elsewhere; NaN for NaN. Its derivative at zero is zero."""
    return _relu_row.call(x)


def floor(x: Operand, /) -> Array:
    """The largest integral value not above `x`, in the dtype of `x`."""
    return _floor.call(x)


def ceil(x: Operand, /) -> Array:
    """The smallest integral value not below `x`, in the dtype of `x`."""
    return _ceil.call(x)


def trunc(x: Operand, /) -> Array:
    """The integral value next to `x` towards zero, in the dtype of `x`."""
    return _trunc.call(x)


def round(x: Operand, /) -> Array:
    """The nearest integral value, halves to even, in the dtype of `x`; of complex numbers, of either part."""
    return _round.call(x)


def maximum(x1: Operand, x2: Operand, /) -> Array:
    """The greater one of each pair; NaN if one is NaN, and -0 < +0. Of equals, `x1` takes the gradient."""
    return _maximum.call(x1, x2)


def minimum(x1: Operand, x2: Operand, /) -> Array:
    """The smaller one of each pair; NaN if one is NaN, and -0 < +0. Of equals, `x1` takes the gradient."""
    return _minimum.call(x1, x2)


def fmax(x1: Operand, x2: Operand, /) -> Array:
    """The greater one of each pair, a number before NaN, and -0 < +0. Of equals, `x1` takes the gradient."""
    return _fmax.call(x1, x2)


def fmin(x1: Operand, x2: Operand, /) -> Array:
    """The smaller one of each pair, a number before NaN, and -0 < +0. Of equals, `x1` takes the gradient."""
    return _fmin.call(x1, x2)


def heaviside(x1: Operand, x2: Operand, /) -> Array:
    """0 below zero, 1 above, `x2` where `x1` is zero; NaN for NaN. Integers and bool count as float32."""
    return _heaviside.call(x1, x2)


def clip(x: Operand, /, min: Operand | None = None, max: Operand | None = None) -> Array:
    """`x` limited to `min` from below, then to `max` from above; None leaves a side open."""
    result = as_array("clip", x)
    if min is not None:
        result = maximum(result, min)
    return result if max is None else minimum(result, max)
