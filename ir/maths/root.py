"""cbrt as a scalar expression; it knows no other functions.

x = 2^(3k + j) m with m in [sqrt(1/2), sqrt(2)) and j in {-1, 0, 1}. The inverse cube root of z = 2^j m by a
polynomial in m (mpmath, weighted Remez: 2^-11.9 and 2^-20.1) and one step of Halley's method; then y = z r^2, and one
correction with the remainder z - y^3. No division.
"""

from __future__ import annotations

import math

from .. import dtypes, scalar
from ..scalar import RARE, Scalar
from .logarithm import least_normal, normal, split
from .polynomial import horner, magnitude, nearest, power_of_low_bits, signed_like

_P32 = (1.7307078481333809, -1.2857293840704183, 0.713340735731201, -0.15854051291837884)
_P64 = (
    2.1099885731346766, -3.151624061490199, 4.438265515797389, -4.042771886269019, 2.2539378805176415,
    -0.7010855756542048, 0.09329030737123802,
)  # fmt: skip


def cbrt(x: Scalar) -> Scalar:
    """The cube root within 0.8 ULP; odd."""
    size = magnitude(x)
    m, e = split(size)
    usual = _of_parts(m, scalar.cast(e, x.dtype))
    ordinary = (size >= least_normal(x)) & (size < math.inf)
    return signed_like(scalar.rarely(~ordinary, usual, "cbrt", size), x)


def _of_any(x: Scalar) -> Scalar:
    """The cube root of what is not negative: denormals, zero, infinity and NaN included."""
    y, shift = normal(x)
    m, e = split(y)
    found = _of_parts(m, scalar.cast(e, x.dtype) - shift)
    return scalar.select((x > 0.0) & (x < math.inf), found, x)


RARE["cbrt"] = _of_any


def _of_parts(m: Scalar, e: Scalar) -> Scalar:
    single = m.dtype is dtypes.float32
    k, biased = nearest(e, 1 / 3, 127 if single else 1023)
    j = scalar.fma(k, -3.0, e)
    up, down = j > 0.0, j < 0.0
    z = m * scalar.select(up, 2.0, scalar.select(down, scalar.const(m.dtype, 0.5), 1.0))
    scale = scalar.select(up, 2 ** (-1 / 3), scalar.select(down, scalar.const(m.dtype, 2 ** (1 / 3)), 1.0))
    r = horner(m, _P32 if single else _P64) * scale
    off = scalar.fma(-(z * r), r * r, 1.0)
    r = scalar.fma(r * off, scalar.fma(off, 2 / 9, 1 / 3), r)
    rr = r * r
    y = z * rr
    remainder = scalar.fma(-(y * y), y, z)
    return scalar.fma(remainder, rr * (1 / 3), y) * power_of_low_bits(biased, m.dtype)
