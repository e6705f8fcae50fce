"""asin, acos, atan and atan2 as scalar expressions; it knows no other functions.

asin x = x + x^3 P(x^2) up to 1/2, and pi/2 - 2 asin sqrt((1 - x) / 2) beyond, where the square is exact.
atan x = x + x^3 Q(x^2) up to 1, and pi/2 - atan(1/x) beyond. pi and pi/2 are unevaluated sums of two floats.
P and Q by weighted Remez at 300 bits in mpmath (float32: coefficients rounded one by one, the others fitted anew);
errors 2^-27.6 and 2^-28.5 (float32), 2^-55.7 and 2^-55.8 (float64).
"""

from __future__ import annotations

import math

from .. import dtypes, scalar
from ..dtypes import DType
from ..scalar import Scalar
from .polynomial import bits, horner, magnitude, signed_like

_ASIN_32 = (
    0.16666752099990845, 0.07495307177305222, 0.04546964168548584, 0.02418149821460247, 0.0421651192009449,
)  # fmt: skip
_ASIN_64 = (
    0.166666666666654, 0.07500000000338886, 0.04464285682674166, 0.03038195920409952, 0.022371756402450326,
    0.017359730150482144, 0.01388497979597813, 0.012170920566050668, 0.0065204601071364, 0.01954915748692197,
    -0.01625753065064, 0.0319354081751005,
)  # fmt: skip
_ATAN_32 = (
    -0.33333298563957214, 0.1999853104352951, -0.14264051616191864, 0.10951174795627594, -0.08400475233793259,
    0.05790654569864273, -0.031127002090215683, 0.010887361131608486, -0.0017875476041808724,
)  # fmt: skip
_ATAN_64 = (
    -0.33333333333333287, 0.19999999999990448, -0.14285714285036596, 0.11111111086446068,
    -0.09090908547228259, 0.07692299711407133, -0.06666583719278497, 0.058817161297160296,
    -0.05259433663826978, 0.04744925629835632, -0.042863894516191416, 0.03821002943677908,
    -0.03278536514735785, 0.02615157576361378, -0.01861409876900532, 0.01131756633815964,
    -0.005612334172232641, 0.0021515635458567955, -0.0005928854769243555, 0.00010387037595366067,
    -8.65406811999631e-06,
)  # fmt: skip
_HALF_PI = {32: (1.5707963705062866, -4.371138828673793e-08), 64: (1.5707963267948966, 6.123233995736766e-17)}


def _rest_of(dtype: DType, x: Scalar, halves: int = 1) -> Scalar:
    """`halves` times pi/2, minus x."""
    high, low = _HALF_PI[dtype.bits]
    return halves * high - (x - halves * low)


def _odd(x: Scalar, square: Scalar, p32: tuple[float, ...], p64: tuple[float, ...]) -> Scalar:
    return scalar.fma(x * square, horner(square, p32 if x.dtype is dtypes.float32 else p64), x)


def _of_half(x: Scalar) -> tuple[Scalar, Scalar]:
    """(beyond, y): whether |x| > 1/2, and then y = asin sqrt((1 - |x|) / 2), else y = asin |x|."""
    size = magnitude(x)
    beyond = size > 0.5
    square = scalar.select(beyond, scalar.fma(size, -0.5, 0.5), x * x)
    root = scalar.select(beyond, scalar.unary("sqrt", square), size)
    return beyond, _odd(root, square, _ASIN_32, _ASIN_64)


def asin(x: Scalar) -> Scalar:
    """Inverse sine within 2.4 ULP; odd, NaN outside [-1, 1]."""
    beyond, y = _of_half(x)
    return signed_like(scalar.select(beyond, _rest_of(x.dtype, y + y), y), x)


def acos(x: Scalar) -> Scalar:
    """Inverse cosine within 1.5 ULP; NaN outside [-1, 1]."""
    beyond, y = _of_half(x)
    twice = y + y
    far = scalar.select(x < 0.0, _rest_of(x.dtype, twice, 2), twice)
    return scalar.select(beyond, far, _rest_of(x.dtype, signed_like(y, x)))


def atan(x: Scalar) -> Scalar:
    """Inverse tangent within 1.6 ULP; odd, ±pi/2 at infinity."""
    size = magnitude(x)
    beyond = size > 1.0
    ratio = scalar.select(beyond, 1.0 / size, size)
    y = _odd(ratio, ratio * ratio, _ATAN_32, _ATAN_64)
    return signed_like(scalar.select(beyond, _rest_of(x.dtype, y), y), x)


def atan2(y: Scalar, x: Scalar) -> Scalar:
    """The angle of the point (x, y) from the x axis within 1.9 ULP; the signs of zeros tell the sides of an axis."""
    height, width = magnitude(y), magnitude(x)
    steep = height > width
    least, most = scalar.select(steep, width, height), scalar.select(steep, height, width)
    ratio = least / most
    ratio = scalar.select(scalar.eq(least, 0.0) & scalar.eq(most, 0.0), 0.0, ratio)
    ratio = scalar.select(scalar.eq(least, math.inf) & scalar.eq(most, math.inf), 1.0, ratio)
    angle = _odd(ratio, ratio * ratio, _ATAN_32, _ATAN_64)
    # From the nearest half axis on, or back.
    back = bits(x) < 0
    high, low = (
        scalar.select(steep, scalar.const(x.dtype, part), scalar.select(back, scalar.const(x.dtype, part * 2), 0.0))
        for part in _HALF_PI[x.dtype.bits]
    )
    return signed_like(high + (scalar.select(steep ^ back, -angle, angle) + low), y)
