"""log, log2, log10 and log1p as scalar expressions; it knows no other functions.

x = 2^e m with m in [sqrt(1/2), sqrt(2)), log x = e ln 2 + log(1 + f) with f = m - 1.
float32: log(1 + f) = f - f^2/2 + f^3 P(f). float64: log(1 + f) = f - (h - s (h + z P(z))) with s = f / (2 +
f), h = f^2/2 and z = s^2 (the form of Sun's fdlibm). P by weighted Remez at 200 bits in mpmath; errors
2^-27.1 and 2^-59. For another base f, the rest of log(1 + f) and e are multiplied by constants in two parts.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from .. import dtypes, scalar
from ..records import dataclass
from ..scalar import RARE, Scalar
from .polynomial import bits, bits_of, horner, mantissa_bits, power_of_two

_P32 = (
    0.3333331346511841, -0.2500016689300537, 0.20002223551273346, -0.16659367084503174, 0.14209498465061188,
    -0.12550178170204163, 0.12113162130117416, -0.10905180126428604, 0.052926596254110336,
)  # fmt: skip
_P64 = (
    0.6666666666666735, 0.3999999999941107, 0.28571428743266897, 0.2222219847568238, 0.18183569747808562,
    0.1531390325256908, 0.14797505572441544,
)  # fmt: skip
_LN2_32 = (0.693145751953125, 1.428606765330187e-06)
_LN2_64 = (0.6931471804855391, 7.440617110012397e-11)


@dataclass(frozen=True, slots=True)
class _Base:
    """Logarithms of e and 2 in a base, each in two parts; the first of 2 has so few bits that its product with an
    exponent is exact.
    """

    of_e: tuple[float, float]
    of_2: tuple[float, float]


_BASE_2 = {
    32: _Base((1.4426950216293335, 1.925963033500011e-08), (1.0, 0.0)),
    64: _Base((1.4426950408889634, 2.0355273740931033e-17), (1.0, 0.0)),
}
_BASE_10 = {
    32: _Base((0.4342944920063019, -1.0103049952192578e-08), (0.301025390625, 4.605039066518657e-06)),
    64: _Base((0.4342944819032518, 1.098319650216765e-17), (0.30102999566383914, 1.42050232272661e-13)),
}


def split(x: Scalar) -> tuple[Scalar, Scalar]:
    """(m, e) with x = 2^e m and m in [sqrt(1/2), sqrt(2)), e a signed integer, for normal positive x."""
    width = mantissa_bits(x.dtype)
    offset = bits_of(x.dtype, math.sqrt(0.5))
    shifted = bits(x) - offset
    m = scalar.bitcast((shifted & ((1 << width) - 1)) + offset, x.dtype)
    return m, scalar.binary("ashr", shifted, width)


def normal(x: Scalar) -> tuple[Scalar, Scalar]:
    """(y, d) with x = 2^-d y and y normal, for positive x; d is an integer-valued float."""
    lift = mantissa_bits(x.dtype) + 1
    denormal = x < least_normal(x)
    shift = scalar.select(denormal, scalar.const(x.dtype, lift), 0.0)
    return scalar.select(denormal, x * 2.0**lift, x), shift


def _rest(f: Scalar) -> Scalar:
    """log(1 + f) - f."""
    if f.dtype is dtypes.float32:
        square = f * f
        return scalar.fma(square, -0.5, square * f * horner(f, _P32))
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    return scalar.fma(s, half_square + z * horner(z, _P64), -half_square)


def _in_base(f: Scalar, e: Scalar, base: _Base) -> Scalar:
    """e times the logarithm of 2 and the logarithm of 1 + f, in a base."""
    of_e, of_e_low = base.of_e
    of_2, of_2_low = base.of_2
    low = scalar.fma(e, of_2_low, scalar.fma(f, of_e_low, _rest(f) * of_e))
    return scalar.fma(e, of_2, scalar.fma(f, of_e, low))


def _of_parts(f: Scalar, e: Scalar) -> Scalar:
    """e ln 2 + log(1 + f)."""
    if f.dtype is dtypes.float32:
        high, low = _LN2_32
        square = f * f
        tail = scalar.fma(e, low, square * f * horner(f, _P32))
        return scalar.fma(e, high, f + scalar.fma(square, -0.5, tail))
    high, low = _LN2_64
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    rest = scalar.fma(e, low, s * (half_square + z * horner(z, _P64)))
    return scalar.fma(e, high, f - (half_square - rest))


def log_of_sum(high: Scalar, low: Scalar) -> Scalar:
    """log(high + low) for a normal positive `high`, and a `low` of about an ULP of it at most."""
    m, e = split(high)
    return _of_parts((m - 1.0) + low * power_of_two(-e, high.dtype), scalar.cast(e, high.dtype))


Parts = Callable[[Scalar, Scalar], Scalar]
"""The logarithm of 2^e (1 + f) from f and e."""


def _logarithm(name: str, parts: Parts, x: Scalar) -> Scalar:
    m, e = split(x)
    usual = parts(m - 1.0, scalar.cast(e, x.dtype))
    return scalar.rarely(~((x >= least_normal(x)) & (x < math.inf)), usual, name, x)


def _of_any(parts: Parts, x: Scalar) -> Scalar:
    """A logarithm, denormals, zeros, infinities and NaN included."""
    y, shift = normal(x)
    m, e = split(y)
    result = parts(m - 1.0, scalar.cast(e, x.dtype) - shift)
    outside = scalar.select(x > 0.0, x, scalar.select(scalar.eq(x, 0.0), -math.inf, _nan(x)))
    return scalar.select((x > 0.0) & (x < math.inf), result, outside)


def _log2_of_parts(f: Scalar, e: Scalar) -> Scalar:
    return _in_base(f, e, _BASE_2[f.dtype.bits])


def _log10_of_parts(f: Scalar, e: Scalar) -> Scalar:
    return _in_base(f, e, _BASE_10[f.dtype.bits])


RARE["log"] = functools.partial(_of_any, _of_parts)
RARE["log2"] = functools.partial(_of_any, _log2_of_parts)
RARE["log10"] = functools.partial(_of_any, _log10_of_parts)


def log(x: Scalar) -> Scalar:
    """Natural logarithm within 1 ULP (float32 and float64); -inf at zero, NaN below."""
    return _logarithm("log", _of_parts, x)


def log2(x: Scalar) -> Scalar:
    """Logarithm to base 2 within 1.2 ULP, exact for powers of 2; -inf at zero, NaN below."""
    return _logarithm("log2", _log2_of_parts, x)


def log10(x: Scalar) -> Scalar:
    """Logarithm to base 10 within 1.2 ULP; -inf at zero, NaN below."""
    return _logarithm("log10", _log10_of_parts, x)


def least_normal(x: Scalar) -> float:
    """The smallest normal number of a scalar's dtype."""
    return 2.0**-126 if x.dtype is dtypes.float32 else 2.0**-1022


def log1p(x: Scalar) -> Scalar:
    """log(1 + x) within 1.5 ULP; -inf at -1, NaN below; small arguments keep their sign of zero.

    What the rounding of u = 1 + x loses is found exactly (Knuth's two-sum) and added to f, at u's scale.
    """
    u = x + 1.0
    back = u - 1.0
    lost = (1.0 - (u - back)) + (x - back)
    m, e = split(u)
    usual = _of_parts((m - 1.0) + lost * power_of_two(-e, x.dtype), scalar.cast(e, x.dtype))
    usual = scalar.select(scalar.eq(x, 0.0), x, usual)
    return scalar.rarely(~((x > -1.0) & (x < _HUGE)), usual, "log1p", x)


# From here on 1 + x rounds to x, in either type; 2^-e for smaller arguments is a normal number.
_HUGE = 2.0**60
RARE["log1p"] = lambda x: log(scalar.select(x < 0.0, x + 1.0, x))


def _nan(x: Scalar) -> Scalar:
    return scalar.const(x.dtype, math.nan)
