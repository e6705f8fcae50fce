"""`pow` of IEEE 754-2019 for floats as a scalar expression; it knows no integers and no arrays.

float32 is computed as exp(y log x) in float64, whose errors are far below half a ULP of float32. float64
needs log x to 2^-64, as y log x may be 745: with x = 2^e m and s = (m - 1) / (m + 1), log x = e ln 2 + 2 (s +
s^3/3 + s^5/5 ...), where all but the terms from s^5 on are carried as unevaluated sums of two floats (Dekker,
1971). |s| < 0.172, so the series is cut after s^27.
"""

from __future__ import annotations

import math
from typing import Final

from .. import dtypes, maths, scalar
from ..maths.logarithm import normal, split
from ..maths.polynomial import horner, magnitude
from ..scalar import Scalar

# ln 2 in 42 bits, so that an exponent times it is exact, and what is left; 1/3 and what is left.
_LN2: Final = (0.6931471805598903, 5.497923018708371e-14)
_THIRD: Final = (0.3333333333333333, 1.850371707708594e-17)
_SERIES: Final = tuple([1.0 / k for k in range(5, 29, 2)])


def power(x: Scalar, y: Scalar) -> Scalar:
    """x to the power y, within 0.51 ULP in float32 and 2 ULP in float64, with all special cases of the
    standard.
    """
    size = magnitude(x)
    if x.dtype is dtypes.float32:
        wide = dtypes.float64
        found = scalar.cast(maths.exp(scalar.cast(y, wide) * maths.log(scalar.cast(size, wide))), x.dtype)
    else:
        found = _positive(size, y)
    infinite = scalar.select(y < 0.0, scalar.const(x.dtype, 0.0), math.inf)
    vanished = scalar.select(y < 0.0, scalar.const(x.dtype, math.inf), 0.0)
    found = scalar.select(scalar.eq(size, math.inf), infinite, found)
    found = scalar.select(scalar.eq(size, 0.0), vanished, found)
    found = scalar.select(scalar.eq(size, 1.0), 1.0, found)
    found = scalar.select(scalar.ne(x, x) | scalar.ne(y, y), x + y, found)
    integral = scalar.eq(scalar.unary("trunc", y), y)
    half = y * 0.5
    odd = integral & scalar.ne(scalar.unary("trunc", half), half)
    # 1/x tells -0 from +0.
    negative = (x < 0.0) | (1.0 / x < 0.0)
    found = scalar.select(odd & negative, -found, found)
    found = scalar.select((x < 0.0) & (x > -math.inf) & ~integral, math.nan, found)
    return scalar.select(scalar.eq(y, 0.0) | scalar.eq(x, 1.0), 1.0, found)


def _positive(x: Scalar, y: Scalar) -> Scalar:
    """The power of a positive finite float64."""
    high, low = _log(x)
    p = y * high
    rest = scalar.fma(y, high, -p) + y * low
    found = maths.exp(p)
    usual = (magnitude(p) < 1000.0) & (found < math.inf)
    return scalar.select(usual, scalar.fma(found, rest, found), found)


def _log(x: Scalar) -> tuple[Scalar, Scalar]:
    """log x as an unevaluated sum."""
    scaled, lifted = normal(x)
    m, exponent = split(scaled)
    e = scalar.cast(exponent, x.dtype) - lifted
    above, below = m + 1.0, m - 1.0
    above_low = m - (above - 1.0)
    s = below / above
    s_low = (scalar.fma(-s, above, below) - s * above_low) / above
    square = s * s
    square_low = scalar.fma(s, s, -square) + 2.0 * s * s_low
    cube = square * s
    cube_low = scalar.fma(square, s, -cube) + square * s_low + square_low * s
    third = cube * _THIRD[0]
    third_low = scalar.fma(cube, _THIRD[0], -third) + cube * _THIRD[1] + cube_low * _THIRD[0]
    small = s_low + third_low + square * cube * horner(square, _SERIES)
    first, first_low = _sum(e * _LN2[0], 2.0 * s)
    second, second_low = _sum(first, 2.0 * third)
    low = scalar.fma(e, _LN2[1], first_low + second_low + 2.0 * small)
    high = second + low
    return high, (second - high) + low


def _sum(a: Scalar, b: Scalar) -> tuple[Scalar, Scalar]:
    """a + b and its rounding error (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)
