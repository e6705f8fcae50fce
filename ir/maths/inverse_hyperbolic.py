"""asinh, acosh and atanh as scalar expressions; it knows no other functions.

Up to 1/2 asinh x and atanh x are x + x^3 P(x^2). Beyond, asinh x = log(x + sqrt(x^2 + 1)), acosh likewise, where
what the rounding of the root and of the sum lose goes into the logarithm; atanh x = log((1 + x) / (1 - x)) / 2.
P by weighted Remez at 300 bits in mpmath (float32: coefficients rounded one by one, the others fitted anew); errors
2^-29.6 and 2^-29.4 (float32), 2^-55.8 and 2^-56.3 (float64).
"""

from __future__ import annotations

import math

from .. import dtypes, scalar
from ..scalar import RARE, Scalar
from .logarithm import log, log_of_sum
from .polynomial import horner, magnitude, signed_like

_ASINH_32 = (
    -0.1666664332151413, 0.07498642057180405, -0.04438329488039017, 0.028163248673081398,
    -0.013227739371359348,
)  # fmt: skip
_ASINH_64 = (
    -0.1666666666666569, 0.07499999999770228, -0.04464285695466689, 0.03038193673840409, -0.02237197505443009,
    0.01734998467634244, -0.013937088298571602, 0.011364738456422552, -0.008908403833037447,
    0.0057934434972575265, -0.0021837473628737386,
)  # fmt: skip
_ATANH_32 = (
    0.33333298563957214, 0.20002612471580505, 0.14220885932445526, 0.1183985248208046, 0.050735246390104294,
    0.17757989466190338,
)  # fmt: skip
_ATANH_64 = (
    0.3333333333333399, 0.19999999999793922, 0.14285714308154154, 0.11111109882612584, 0.09090948662073689,
    0.07691491454766608, 0.0667798535734301, 0.05774049161658507, 0.059844117483341376, 0.01448670648140197,
    0.14512310691729746, -0.15317802576597286, 0.22495789105554803,
)  # fmt: skip
_LN2 = {32: (0.6931471824645996, -1.904654323148236e-09), 64: (0.6931471805599453, 2.3190468138462996e-17)}


def _near(x: Scalar, p32: tuple[float, ...], p64: tuple[float, ...]) -> Scalar:
    square = x * x
    return scalar.fma(x * square, horner(square, p32 if x.dtype is dtypes.float32 else p64), x)


def _huge(x: Scalar) -> float:
    """From here on x^2 + 1 is x^2 in every bit of the result, and x^2 does not overflow below."""
    return 2.0**28 if x.dtype is dtypes.float32 else 2.0**60


def _log_with_root(x: Scalar, square: Scalar, square_low: Scalar) -> Scalar:
    """log(x + sqrt(square + square_low)) for x > 0."""
    root = scalar.unary("sqrt", square)
    # At x = 1 acosh has the root 0, of which nothing is lost.
    lost = scalar.fma(-root, root, square) + square_low
    root_low = scalar.select(root > 0.0, lost * 0.5 / root, 0.0)
    total = x + root
    first, second = scalar.select(x > root, x, root), scalar.select(x > root, root, x)
    return log_of_sum(total, (second - (total - first)) + root_low)


def _log_of_double(x: Scalar) -> Scalar:
    """log(2 x) for large x, infinity included."""
    high, low = _LN2[x.dtype.bits]
    return log(x) + low + high


RARE["log_of_double"] = _log_of_double


def asinh(x: Scalar) -> Scalar:
    """Inverse hyperbolic sine within 1.5 ULP; odd."""
    size = magnitude(x)
    square = size * size
    total = square + 1.0
    one_first = square < 1.0
    first = scalar.select(one_first, scalar.const(x.dtype, 1.0), square)
    second = scalar.select(one_first, square, 1.0)
    low = (second - (total - first)) + scalar.fma(size, size, -square)
    far = _log_with_root(size, total, low)
    found = scalar.select(size < 0.5, _near(size, _ASINH_32, _ASINH_64), far)
    return signed_like(scalar.rarely(size > _huge(x), found, "log_of_double", size), x)


def acosh(x: Scalar) -> Scalar:
    """Inverse hyperbolic cosine within 2 ULP; NaN below 1."""
    # x^2 - 1 = (x - 1) (x + 1), whose first factor is exact where it matters.
    below, above = x - 1.0, x + 1.0
    above_low = 1.0 - (above - x)
    square = below * above
    low = scalar.fma(below, above, -square) + below * above_low
    found = _log_with_root(x, square, low)
    found = scalar.select(x < 1.0, math.nan, found)
    return scalar.rarely(x > _huge(x), found, "log_of_double", x)


def atanh(x: Scalar) -> Scalar:
    """Inverse hyperbolic tangent within 2 ULP; odd, infinite at ±1, NaN beyond."""
    size = magnitude(x)
    far = log((size + 1.0) / (1.0 - size)) * 0.5
    return signed_like(scalar.select(size < 0.5, _near(size, _ATANH_32, _ATANH_64), far), x)
