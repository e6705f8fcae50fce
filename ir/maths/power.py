"""pow of IEEE 754-2019 for floats as a scalar expression; it knows no integers and no arrays.

As y log x may be 745 (88 in float32), log x is needed to 2^-64 (2^-32). With x = 2^e m and s = (m - 1) / (m + 1),
log x = e ln 2 + 2 (s + s^3/3 + s^5 P(s^2)), where all but the last term are unevaluated sums of two floats (Dekker,
1971); float32 has logarithms to base 2. Polynomials by weighted Remez at 200 bits in mpmath, errors of the logarithm
2^-36.8 (float32) and 2^-68. Zeros, infinities, NaN and denormal x are the rare side.
"""

from __future__ import annotations

import math

from .. import dtypes, scalar
from ..scalar import RARE, Scalar
from .exponential import exp_of_sum, spread
from .logarithm import normal, split
from .polynomial import above, below, horner, magnitude, nearest

_ATANH = (
    0.2000000000000113, 0.14285714285048337, 0.11111111260242647, 0.09090892157223149, 0.07693379949277263,
    0.06628377528337036, 0.06598467458530101,
)  # fmt: skip
# ln 2 in 42 bits, so that an exponent times it is exact, and what is left; 1/3 and what is left.
_LN2 = (0.693147180559663, 2.8235290563031577e-13)
_THIRD = (0.3333333333333333, 1.850371707708594e-17)
# The same for float32, with 2 / ln 2 and ln 2.
_ATANH_32 = (0.20000076293945312, 0.14273542165756226, 0.11709947884082794)
_THIRD_32 = (0.3333333432674408, -9.934107758624577e-09)
_SCALE_32 = (2.885390043258667, 3.851926067000022e-08)
_LN2_32 = (0.6931471824645996, -1.9046542121259336e-09)
_EXP2_32 = (
    0.24022647738456726, 0.05550359562039375, 0.009618503041565418, 0.0013390997191891074, 0.0001532782771391794,
)  # fmt: skip


def power(x: Scalar, y: Scalar) -> Scalar:
    """x to the power y within 1.1 ULP (float32; 1.004 is the worst seen) and 1.4 ULP (float64), with all special cases
    of the standard.

    pow(x, 0) and pow(1, y) are 1 even for NaN; a negative base needs an integral exponent, else NaN.
    """
    size = magnitude(x)
    least = 2.0**-126 if x.dtype is dtypes.float32 else 2.0**-1022
    ordinary = (size >= least) & (size < math.inf) & (magnitude(y) < math.inf)
    integral, odd = _parity(y)
    m, e = split(size)
    found = _of_parts(m, scalar.cast(e, x.dtype), y)
    negative = x < 0.0
    found = scalar.select(negative & odd, -found, found)
    found = scalar.select(negative & ~integral, math.nan, found)
    return scalar.rarely(~ordinary, found, "pow", x, y)


def _special(x: Scalar, y: Scalar) -> Scalar:
    """`power` for any arguments."""
    size = magnitude(x)
    integral, odd = _parity(y)
    lifted, shift = normal(size)
    m, e = split(lifted)
    found = _of_parts(m, scalar.cast(e, x.dtype) - shift, y)
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


def _of_parts(m: Scalar, e: Scalar, y: Scalar) -> Scalar:
    """(2^e m)^y for a finite y."""
    if y.dtype is dtypes.float32:
        return _exp2(*_times(y, *_log2(m, e)))
    high, low = _log(m, e)
    return exp_of_sum(*_times(y, high, low))


def _times(y: Scalar, high: Scalar, low: Scalar) -> tuple[Scalar, Scalar]:
    """y (high + low) as an unevaluated sum."""
    product = y * high
    return product, scalar.fma(y, high, -product) + y * low


def _log2(m: Scalar, e: Scalar) -> tuple[Scalar, Scalar]:
    """e + log2 m of float32 as an unevaluated sum."""
    s, s_low = _quotient(m)
    square = s * s
    square_low = scalar.fma(s + s, s_low, scalar.fma(s, s, -square))
    rest = scalar.fma(square, horner(square, _ATANH_32), _THIRD_32[1])
    third = square * _THIRD_32[0]
    third_low = scalar.fma(
        square, rest, scalar.fma(square_low, _THIRD_32[0], scalar.fma(square, _THIRD_32[0], -third))
    )
    # log2 m = w (1 + s^2/3 + ...) with w = 2 s / ln 2.
    w = s * _SCALE_32[0]
    w_low = scalar.fma(s, _SCALE_32[0], -w) + scalar.fma(s, _SCALE_32[1], s_low * _SCALE_32[0])
    tail = w * third
    low = scalar.fma(w, third_low, scalar.fma(w, third, -tail)) + scalar.fma(w_low, third, w_low)
    first, first_low = _sum_ordered(e, w)
    second, second_low = _sum_ordered(first, tail)
    return second, low + (first_low + second_low)


def _exp2(high: Scalar, low: Scalar) -> Scalar:
    """2^(high + low) in float32."""
    t = below(above(high, -200.0), 200.0)
    low = scalar.select(scalar.eq(t, high), low, 0.0)
    n, both = nearest(t, 1.0, 254)
    near = t - n
    r, r_low = _sum_ordered(near, low)
    tail = r * scalar.fma(r, horner(r, _EXP2_32), _LN2_32[1])
    return spread(scalar.fma(r, _LN2_32[0], scalar.fma(r_low, _LN2_32[0], tail)), both)


def _quotient(m: Scalar) -> tuple[Scalar, Scalar]:
    """(m - 1) / (m + 1) as an unevaluated sum."""
    top, bottom = m - 1.0, m + 1.0
    lost = m - (bottom - 1.0)
    inverse = 1.0 / bottom
    s = top * inverse
    return s, scalar.fma(-s, lost, scalar.fma(-s, bottom, top)) * inverse


def _log(m: Scalar, e: Scalar) -> tuple[Scalar, Scalar]:
    """e ln 2 + log m of float64 as an unevaluated sum."""
    s, s_low = _quotient(m)
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
