"""exp, expm1, sigmoid and tanh as scalar expressions, all from one reduction; it knows no other functions.

exp(x) = 2^n exp(r) with n = round(x / ln 2) and r = x - n ln 2, where ln 2 is a short part, whose product
with n is exact, and the rest; exp(r) - 1 = r + r^2 P(r). P is minimax for the relative error of exp on |r|
<= 1.0005 ln(2)/2: weighted Remez at 200 bits in mpmath (float32: coefficients rounded one by one, the
others fitted anew); errors 2^-28.2 and 2^-60.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import dtypes, scalar
from ..dtypes import DType
from ..scalar import Scalar
from .polynomial import (
    above,
    below,
    horner,
    magnitude,
    mantissa_bits,
    nearest,
    power_of_low_bits,
    signed_like,
)

_LOG2_E = 1.4426950408889634


@dataclass(frozen=True, slots=True)
class _Format:
    """Constants of one float type.

    Attributes:
        high, low: ln 2 in two parts, the first with so few bits that its product with n is exact.
        p: coefficients of P.
        least, most: exp is 0 below and infinite above these.
        minus_one: expm1 rounds to -1 below this.
        identity: expm1(x) rounds to x where |x| is below this.
        flat: tanh(x) rounds to 1 where -2|x| is below this.
    """

    high: float
    low: float
    p: tuple[float, ...]
    least: float
    most: float
    minus_one: float
    identity: float
    flat: float


_FLOAT32 = _Format(
    high=0.693359375,
    low=-0.00021219444170128554,
    p=(
        0.4999999403953552,
        0.16666516661643982,
        0.04166810214519501,
        0.008369184099137783,
        0.00138383568264544,
    ),
    least=-104.0,
    most=89.0,
    minus_one=-18.0,
    identity=2.0**-25,
    flat=-20.0,
)
_FLOAT64 = _Format(
    high=0.693147180559663,
    low=2.8235290563031577e-13,
    p=(
        0.5, 0.16666666666666682, 0.041666666666666095, 0.008333333333316985, 0.0013888888889116416,
        0.00019841269896509262, 2.4801586925514732e-05, 2.755723473332491e-06, 2.755758250001754e-07,
        2.5112082683325758e-08, 2.082650739485503e-09,
    ),
    least=-746.0,
    most=710.0,
    minus_one=-40.0,
    identity=2.0**-54,
    flat=-44.0,
)  # fmt: skip


def _format(dtype: DType) -> _Format:
    return _FLOAT32 if dtype is dtypes.float32 else _FLOAT64


def _bias(dtype: DType) -> int:
    return 127 if dtype is dtypes.float32 else 1023


def _reduced(x: Scalar, bias: int, low: Scalar | None = None) -> tuple[Scalar, Scalar]:
    """(q, b) with exp(x + low) = 2^n (1 + q) and n + bias in the low bits of b, for x within the limits."""
    f = _format(x.dtype)
    n, exponent = nearest(x, _LOG2_E, bias)
    r = scalar.fma(n, -f.low, scalar.fma(n, -f.high, x))
    if low is not None:
        r = r + low
    return scalar.fma(r * r, horner(r, f.p), r), exponent


def _scaled(x: Scalar, low: Scalar | None = None) -> Scalar:
    """exp of a clamped x; two factors, so that denormal results are rounded once and large ones overflow."""
    width = mantissa_bits(x.dtype)
    q, both = _reduced(x, 2 * _bias(x.dtype), low)
    # The exponent fields of 2^floor(n/2) and 2^ceil(n/2) add up to n + 2 bias.
    first = (both << width - 1) & -(1 << width)
    second = scalar.bitcast((both << width) - first, x.dtype)
    first = scalar.bitcast(first, x.dtype)
    return scalar.fma(q, first, first) * second


def exp(x: Scalar) -> Scalar:
    """e^x within 1.1 ULP (float32 and float64), denormal results included."""
    f = _format(x.dtype)
    return _scaled(below(above(x, f.least), f.most))


def exp_of_negative(x: Scalar) -> Scalar:
    """`exp` for arguments that are at most 0, with the same bits."""
    return _scaled(above(x, _format(x.dtype).least))


def exp_of_sum(high: Scalar, low: Scalar) -> Scalar:
    """exp(high + low) for a `low` under an ULP of `high`, as accurate as `exp`."""
    f = _format(high.dtype)
    inside = (high > f.least) & (high < f.most)
    return _scaled(below(above(high, f.least), f.most), scalar.select(inside, low, 0.0))


def expm1(x: Scalar) -> Scalar:
    """e^x - 1 within 1.9 ULP; small arguments keep their sign of zero."""
    f = _format(x.dtype)
    # Half the result, doubled: 2^n itself overflows before the result does.
    q, n = _reduced(below(above(x, f.minus_one), f.most), _bias(x.dtype) - 1)
    scale = power_of_low_bits(n, x.dtype)
    result = scalar.fma(q, scale, scale - 0.5)
    return scalar.select(magnitude(x) < f.identity, x, result + result)


def tanh(x: Scalar) -> Scalar:
    """Hyperbolic tangent within 2.1 ULP: (1 - e) / (1 + e) with e = exp(-2|x|), the sign copied."""
    size = magnitude(x)
    q, n = _reduced(above(size * -2.0, _format(x.dtype).flat), _bias(x.dtype))
    scale = power_of_low_bits(n, x.dtype)
    u = scalar.fma(q, -scale, 1.0 - scale)
    return signed_like(u / scalar.fma(q, scale, scale + 1.0), x)


def sigmoid(x: Scalar) -> Scalar:
    """1 / (1 + e^-x) within 2.5 ULP, 0 at -inf; negative x: e^x / (1 + e^x), which keeps tiny results."""
    e = exp_of_negative(-magnitude(x))
    return scalar.select(x < 0.0, e, 1.0) / (e + 1.0)
