"""Rows of the elementary functions; their polynomials are in `ir/maths`, the references are made in a wider format."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .. import dtypes, maths, scalar
from ..array import Array
from ..attrs import NO_ATTRS
from ..checks import POWER_NEGATIVE, fail
from ..dtypes import DType
from ..op import Flags, Op, Pointwise, Sample, Vjp
from ..promotion import counted, floating
from ..scalar import Scalar
from ..stage import Operand
from .arithmetic import square
from .logic import where
from .rows import FLOAT, NUMERIC, edge_pairs, pointwise, pointwise_type, quiet, values, wide

__all__ = ["cos", "erf", "exp", "expm1", "log", "log1p", "power", "sigmoid", "sin", "tanh"]


def _function(
    name: str,
    body: Callable[[Scalar], Scalar],
    exact: Callable[[np.ndarray], np.ndarray],
    vjp: Vjp,
    low: float = -3.0,
    high: float = 3.0,
) -> Op:
    return pointwise(
        name,
        body,
        lambda x: exact(wide(x)).astype(x.dtype),
        kinds=FLOAT,
        promote=floating,
        vjp=(vjp,),
        low=low,
        high=high,
    )


def _sigmoid_of(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(np.isnan(x), x, np.where(x >= 0, 1 / (1 + e), e / (1 + e)))


def _erf_of(x: np.ndarray) -> np.ndarray:
    # math.erf is within 1 ULP of float64, the best there is without another dependency.
    return np.vectorize(math.erf, otypes=[np.float64])(x.astype(np.float64)) if x.size else x


_exp = _function("exp", maths.exp, np.exp, lambda g, y, x: g * y)
_expm1 = _function("expm1", maths.expm1, np.expm1, lambda g, y, x: g * (y + 1))
_log = _function("log", maths.log, np.log, lambda g, y, x: g / x, low=0.2)
_log1p = _function("log1p", maths.log1p, np.log1p, lambda g, y, x: g / (x + 1), low=-0.7)
_tanh = _function("tanh", maths.tanh, np.tanh, lambda g, y, x: g * (1 - square(y)))
_sigmoid = _function("sigmoid", maths.sigmoid, _sigmoid_of, lambda g, y, x: g * (y * (1 - y)))
_erf = _function("erf", maths.erf, _erf_of, lambda g, y, x: g * (2 / math.sqrt(math.pi) * exp(-square(x))))
_sin = _function("sin", maths.sin, np.sin, lambda g, y, x: g * cos(x))
_cos = _function("cos", maths.cos, np.cos, lambda g, y, x: -g * sin(x))


def _power_body(x: Scalar, y: Scalar) -> Scalar:
    if x.dtype.is_float:
        # Squares are by far the most frequent powers; this makes them exact, and lets a constant 2 be simplified.
        return scalar.select(scalar.eq(y, 2.0), x * x, maths.power(x, y))
    result, base = scalar.const(x.dtype, 1), x
    for bit in range(x.dtype.bits - (x.dtype.kind == "int")):
        taken = scalar.ne(scalar.binary("lshr", y, bit) & 1, 0)
        result = scalar.select(taken, result * base, result)
        base = base * base
    if x.dtype.kind == "uint":
        return result
    return scalar.check(result, y >= 0, POWER_NEGATIVE, scalar.cast(y, dtypes.int64))


def _power_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "f":
        return np.where(y == 2, np.square(x), np.power(wide(x), wide(y)).astype(x.dtype))
    if y.dtype.kind == "i":
        fail(POWER_NEGATIVE, y < 0, y, (x, y), NO_ATTRS)
    return np.asarray(np.power(x, y))


def _power_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype.kind == "bool":
        return []
    low = 0.3 if dtype.is_float else -4
    exponents = (-2, 2) if dtype.is_float else (0, 5)
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((3, 4), (3, 4)),
        ((2, 1), (3,)),
        ((), (5,)),
        ((0,), (1,)),
    ]
    made: list[Sample] = [
        ((values(rng, dtype, a, low, 3), values(rng, dtype, b, *exponents)), NO_ATTRS) for a, b in shapes
    ]
    one, other = edge_pairs(dtype)
    keep = slice(None) if dtype.is_float else other >= 0
    return [*made, ((one[keep], other[keep]), NO_ATTRS)]


def _power_slope(g: Array, y: Array, a: Array, b: Array) -> Array:
    none = b == 0
    return where(none, 0, g * (b * power(a, where(none, 1, b - 1))))


def _power_exponent_slope(g: Array, y: Array, a: Array, b: Array) -> Array:
    zero = a == 0
    return where(zero, 0, g * (y * log(where(zero, 1, a))))


_power = Op(
    "power",
    infer=pointwise_type("power", NUMERIC),
    promote=counted,
    reference=quiet(_power_of),
    lowering=Pointwise(_power_body),
    vjp=(_power_slope, _power_exponent_slope),
    flags=Flags.CHECKED,
    samples=_power_samples,
)


def exp(x: Operand, /) -> Array:
    """e to the power `x`. Integers and bool count as float32."""
    return _exp.call(x)


def expm1(x: Operand, /) -> Array:
    """`exp(x) - 1`, exact near zero. Integers and bool count as float32."""
    return _expm1.call(x)


def log(x: Operand, /) -> Array:
    """The natural logarithm; -inf at zero, NaN below. Integers and bool count as float32."""
    return _log.call(x)


def log1p(x: Operand, /) -> Array:
    """`log(1 + x)`, exact near zero. Integers and bool count as float32."""
    return _log1p.call(x)


def tanh(x: Operand, /) -> Array:
    """The hyperbolic tangent. Integers and bool count as float32."""
    return _tanh.call(x)


def sigmoid(x: Operand, /) -> Array:
    """`1 / (1 + exp(-x))`. Integers and bool count as float32."""
    return _sigmoid.call(x)


def erf(x: Operand, /) -> Array:
    """The error function. Integers and bool count as float32."""
    return _erf.call(x)


def sin(x: Operand, /) -> Array:
    """The sine of `x` radians; NaN at infinity. Integers and bool count as float32."""
    return _sin.call(x)


def cos(x: Operand, /) -> Array:
    """The cosine of `x` radians; NaN at infinity. Integers and bool count as float32."""
    return _cos.call(x)


def power(x1: Operand, x2: Operand, /) -> Array:
    """`x1` to the power `x2`; IEEE 754 `pow` for floats, where an exponent of 2 gives `x1 * x1`; integers wrap.

    Raises:
        DomainError: a negative exponent in integers, when the value is computed.
    """
    return _power.call(x1, x2)
