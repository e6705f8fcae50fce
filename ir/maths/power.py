"""pow of IEEE 754-2019 for floats as a scalar expression; it knows no integers and no arrays.

float32: 2^(y log2 x) in float64, where polynomials with errors of 2^-38 (log2, degree 13 in m - 1) and
2^-34 (2^r, degree 7) leave less than 0.05 ULP beside the final rounding.
float64 needs log x to 2^-64, as y log x may be 745. With x = 2^e m and s = (m - 1) / (m + 1), log x = e ln
2 + 2 (s + s^3/3 + s^5 P(s^2)), where all but the last term are unevaluated sums of two floats (Dekker, 1971).
Polynomials by weighted Remez at 200 bits in mpmath. Zeros, infinities, NaN and denormal x are the rare side.
"""

from __future__ import annotations

import math

from .. import dtypes, scalar
from ..scalar import RARE, Scalar
from .exponential import exp_of_sum
from .logarithm import normal, split
from .polynomial import above, below, horner, magnitude, nearest, power_of_low_bits

_LOG2 = (
    1.4426950408865746, -0.7213475203275858, 0.4808983488023455, -0.3606737931354598, 0.2885387958425947,
    -0.2404464336208237, 0.20610711664245449, -0.1804367472458472, 0.16021681458724357,
    -0.1424987730022805, 0.13027410320339758, -0.13462731900047523, 0.13251781740282279,
    -0.06974874512888622,
)  # fmt: skip
_EXP2 = (
    0.9999999999616938, 0.6931471807276547, 0.24022651198165157, 0.055504103569090794,
    0.009618027248944493, 0.0013333919248294589, 0.00015469293779136922, 1.5202781440658289e-05,
)  # fmt: skip
_ATANH = (
    0.2000000000000113, 0.14285714285048337, 0.11111111260242647, 0.09090892157223149, 0.07693379949277263,
    0.06628377528337036, 0.06598467458530101,
)  # fmt: skip
# ln 2 in 42 bits, so that an exponent times it is exact, and what is left; 1/3 and what is left.
_LN2 = (0.693147180559663, 2.8235290563031577e-13)
_THIRD = (0.3333333333333333, 1.850371707708594e-17)


def power(x: Scalar, y: Scalar) -> Scalar:
    """x to the power y within 0.6 ULP (float32) and 1.4 ULP (float64), with all special cases of the
    standard.

    pow(x, 0) and pow(1, y) are 1 even for NaN; a negative base needs an integral exponent, else NaN.
    """
    size = magnitude(x)
    least = 2.0**-126 if x.dtype is dtypes.float32 else 2.0**-1022
    ordinary = (size >= least) & (size < math.inf) & (magnitude(y) < math.inf)
    integral, odd = _parity(y)
    found = _of_positive(size, y)
    negative = x < 0.0
    found = scalar.select(negative & odd, -found, found)
    found = scalar.select(negative & ~integral, math.nan, found)
    return scalar.rarely(~ordinary, found, "pow", x, y)


def _special(x: Scalar, y: Scalar) -> Scalar:
    """`power` for any arguments."""
    size = magnitude(x)
    integral, odd = _parity(y)
    found = _of_positive(size, y)
    found = scalar.select(scalar.eq(size, 1.0), 1.0, found)
    # x + y is NaN where either is; the magnitudes beyond come from the signs of y and of log |x|.
    shrinks = (y < 0.0) ^ (size < 1.0)
    extreme = scalar.select(shrinks, scalar.const(x.dtype, 0.0), math.inf)
    endless = scalar.eq(magnitude(y), math.inf) & scalar.ne(size, 1.0)
    found = scalar.select(scalar.eq(size, 0.0) | scalar.eq(size, math.inf) | endless, extreme, found)
    # 1/x tells -0 from +0.
    negative = (x < 0.0) | (1.0 / x < 0.0)
    found = scalar.select(negative & odd, -found, found)
    found = scalar.select((x < 0.0) & (x > -math.inf) & ~integral, math.nan, found)
    found = scalar.select(scalar.ne(x, x) | scalar.ne(y, y), x + y, found)
    return scalar.select(scalar.eq(y, 0.0) | scalar.eq(x, 1.0), 1.0, found)


RARE["pow"] = _special


def _parity(y: Scalar) -> tuple[Scalar, Scalar]:
    """Whether y is integral (infinities are), and whether it is odd."""
    half = y * 0.5
    integral = scalar.eq(scalar.unary("trunc", y), y)
    return integral, integral & scalar.ne(scalar.unary("trunc", half), half)


def _of_positive(x: Scalar, y: Scalar) -> Scalar:
    """The power of a positive finite base to a finite exponent."""
    if x.dtype is dtypes.float64:
        high, low = _log(x)
        p = y * high
        return exp_of_sum(p, scalar.fma(y, high, -p) + y * low)
    m, e = split(scalar.cast(x, dtypes.float64))
    f = m - 1.0
    log2 = scalar.fma(f, horner(f, _LOG2), scalar.cast(e, dtypes.float64))
    t = below(above(scalar.cast(y, dtypes.float64) * log2, -200.0), 200.0)
    n, biased = nearest(t, 1.0, 1023)
    return scalar.cast(horner(t - n, _EXP2) * power_of_low_bits(biased, dtypes.float64), dtypes.float32)


def _log(x: Scalar) -> tuple[Scalar, Scalar]:
    """log x of a positive float64 as an unevaluated sum."""
    lifted, shift = normal(x)
    m, exponent = split(lifted)
    e = scalar.cast(exponent, x.dtype) - shift
    top, bottom = m - 1.0, m + 1.0
    lost = m - (bottom - 1.0)
    inverse = 1.0 / bottom
    s = top * inverse
    s_low = (scalar.fma(-s, bottom, top) - s * lost) * inverse
    square = s * s
    square_low = scalar.fma(s, s, -square) + (s + s) * s_low
    cube = square * s
    cube_low = scalar.fma(square, s, -cube) + scalar.fma(square, s_low, square_low * s)
    third = cube * _THIRD[0]
    third_low = scalar.fma(cube, _THIRD[0], -third) + scalar.fma(cube, _THIRD[1], cube_low * _THIRD[0])
    # s_low counts five times in s^5 P, of which P is nearly 1/5.
    tail = square * square * scalar.fma(s, horner(square, _ATANH), s_low)
    small = (s_low + third_low) + tail
    # e ln 2 is 0 or larger than 2s, and that is larger than 2 s^3/3: two sums that need no test of size.
    first, first_low = _sum_ordered(e * _LN2[0], s + s)
    second, second_low = _sum_ordered(first, third + third)
    rest = scalar.fma(e, _LN2[1], (first_low + second_low) + (small + small))
    high = second + rest
    return high, (second - high) + rest


def _sum_ordered(a: Scalar, b: Scalar) -> tuple[Scalar, Scalar]:
    """a + b and its rounding error, for |a| >= |b| or a = 0 (Dekker)."""
    total = a + b
    return total, b - (total - a)
