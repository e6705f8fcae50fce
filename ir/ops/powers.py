"""The row of powers: IEEE 754 `pow` for floats, repeated squaring for integers."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from .. import dtypes, maths, scalar
from ..array import Array
from ..attrs import NO_ATTRS, Attrs
from ..checks import fail
from ..dtypes import DType
from ..errors import DomainError, LithographError
from ..op import Accuracy, Op, Pointwise, Sample
from ..promotion import counted
from ..scalar import Scalar
from ..stage import Operand
from ..types import TensorType
from .logic import where
from .rows import FIELD, edge_pairs, pointwise_type, quiet, values, wide
from .transcendental import log

__all__ = ["pow", "power"]

_USUAL_BITS: Final = 6


def _negative(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    return DomainError(
        f"power: integers cannot be raised to a negative power, and the exponent is {report}; "
        "convert the base with astype(float32) first"
    )


def _power_body(x: Scalar, y: Scalar) -> Scalar:
    if x.dtype.is_float:
        # The most frequent exponents and those of their slopes, the short ones first.
        found = maths.power(x, y)
        for exponent in (0.5, -1.0, 3.0):
            found = scalar.rarely(scalar.eq(y, exponent), found, f"power_{exponent}", x)
        for exponent, product in ((1.0, x), (2.0, x * x)):
            found = scalar.select(scalar.eq(y, exponent), product, found)
        return found
    small = _squarings(x, y, _USUAL_BITS)
    result = scalar.rarely(y >= 1 << _USUAL_BITS, small, "power", x, y)
    if x.dtype.kind == "uint":
        return result
    return scalar.check(result, y >= 0, 0, scalar.cast(y, dtypes.int64))


def _squarings(x: Scalar, y: Scalar, bits: int) -> Scalar:
    """`x` to the power of the lowest bits of `y`, by squaring again and again."""
    result, base = scalar.const(x.dtype, 1), x
    for bit in range(bits):
        taken = scalar.ne(scalar.binary("lshr", y, bit) & 1, 0)
        result = scalar.select(taken, result * base, result)
        base = base * base
    return result


def _root(x: Scalar) -> Scalar:
    """x to the power 0.5: `pow` has another root of -0.0 and of -inf than `sqrt`."""
    return scalar.select(scalar.eq(x, -math.inf), math.inf, scalar.unary("sqrt", x) + 0.0)


def _cube(x: Scalar) -> Scalar:
    """x to the power 3 within 0.51 ULP: of the product of rounded products, what was rounded away is added."""
    square = x * x
    cube = square * x
    exact = cube + (scalar.fma(square, x, -cube) + scalar.fma(x, x, -square) * x)
    # Where it overflows, the difference is nan; where it is -0.0, the sum is 0.0.
    return scalar.select(scalar.eq(exact, exact) & scalar.ne(cube, 0.0), exact, cube)


scalar.RARE["power_0.5"] = _root
scalar.RARE["power_-1.0"] = lambda x: 1.0 / x
scalar.RARE["power_3.0"] = _cube
scalar.RARE["power"] = lambda x, y: _squarings(x, y, x.dtype.bits)


def _power_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "f":
        root = np.where(x == -np.inf, np.inf, np.sqrt(x) + 0.0)
        found = np.power(wide(x), wide(y)).astype(x.dtype)
        for exponent, simple in ((-1, 1 / x), (0.5, root), (2, x * x)):
            found = np.where(y == exponent, simple, found)
        return np.asarray(found)
    if y.dtype.kind == "i":
        fail(_negative, y < 0, y, (x, y), NO_ATTRS)
    return np.asarray(np.power(x, y))


def _draw(rng: np.random.Generator, dtype: DType, count: int) -> tuple[np.ndarray, ...]:
    """Bases and exponents whose powers are mostly finite: wide, and close to 1 with large exponents."""
    most = 88.0 if dtype is dtypes.float32 else 709.0
    some = count // 3
    near = np.exp(rng.uniform(-16, 0, some)) * rng.choice([-1, 1], some)
    logs = np.concatenate([rng.uniform(-5, 5, some), rng.uniform(-most, most, some), near])
    y = rng.uniform(-1.05, 1.05, logs.size) * most / np.maximum(np.abs(logs), 1e-30)
    return np.exp(logs).astype(dtype.numpy), y.astype(dtype.numpy)


def _power_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype.kind == "bool":
        return []
    low = 0.3 if dtype.is_inexact else -4
    exponents = (-2, 2) if dtype.is_inexact else (0, 5)
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
    keep = slice(None) if dtype.is_inexact else other >= 0
    return [*made, ((one[keep], other[keep]), NO_ATTRS)]


def _power_slope(g: Array, y: Array, a: Array, b: Array) -> Array:
    none = b == 0
    return where(none, 0, g * (b * power(a, where(none, 1, b - 1))))


def _power_exponent_slope(g: Array, y: Array, a: Array, b: Array) -> Array:
    zero = a == 0
    return where(zero, 0, g * (y * log(where(zero, 1, a))))


_power = Op(
    "power",
    infer=pointwise_type("power", FIELD),
    promote=counted,
    reference=quiet(_power_of),
    lowering=Pointwise(_power_body),
    vjp=(_power_slope, _power_exponent_slope),
    failure=_negative,
    unfailing=("uint", "float", "complex"),
    samples=_power_samples,
    accuracy=Accuracy(1.1, 1.4, "x ** y", np.power, draw=_draw),
)


def power(x1: Operand, x2: Operand, /) -> Array:
    """`x1` to the power `x2`; IEEE 754 `pow` for floats, where an exponent of 2 gives `x1 * x1`; integers
    wrap.

    Raises:
        DomainError: a negative exponent in integers, when the value is computed.
    """
    return _power.call(x1, x2)


pow = power
"""The same function by its name in the Array API standard."""
