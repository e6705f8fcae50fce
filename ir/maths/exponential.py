"""exp, exp2, expm1, sigmoid and hyperbolic functions as scalar expressions; it knows no other functions.

exp(x) = 2^n exp(r) with n = round(x / ln 2) and r = x - n ln 2, where ln 2 is a short part, whose product
with n is exact, and the rest; exp(r) - 1 = r + r^2 P(r). P is minimax for the relative error of exp on |r|
<= 1.0005 ln(2)/2: weighted Remez at 200 bits in mpmath (float32: coefficients rounded one by one, the
others fitted anew); errors 2^-28.2 and 2^-60.2. 2^x likewise, with 2^r - 1 = r Q(r); errors 2^-28.3 and 2^-55.5.
sinh x = x + x^3 S(x^2) up to 1, where exponentials cancel; errors 2^-31.6 and 2^-56.5.
"""

from __future__ import annotations

from .. import dtypes, scalar
from ..dtypes import DType
from ..records import dataclass
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
        q, s: coefficients of Q and S.
    """

    high: float
    low: float
    p: tuple[float, ...]
    least: float
    most: float
    minus_one: float
    identity: float
    flat: float
    q: tuple[float, ...]
    s: tuple[float, ...]


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
    q=(
        0.6931471824645996,
        0.24022647738456726,
        0.05550359562039375,
        0.009618503041565418,
        0.0013390997191891074,
        0.0001532782771391794,
    ),
    s=(0.1666666716337204, 0.008333311416208744, 0.00019842608890030533, 2.784269781841431e-06),
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
    q=(
        0.6931471805599453, 0.24022650695910072, 0.055504108664821736, 0.009618129107628562,
        0.0013333558146381359, 0.00015403530393170287, 1.525273386521658e-05, 1.321548700459984e-06,
        1.0178047374463087e-07, 7.054814476367381e-09, 4.457263130659004e-10, 2.5855561320871274e-11,
    ),
    s=(
        0.16666666666666669, 0.008333333333333137, 0.00019841269841440075, 2.7557319154371105e-06,
        2.5052123581746703e-08, 1.6057223997882177e-10, 7.75986514640576e-13,
    ),
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
    return spread(*_reduced(x, 2 * _bias(x.dtype), low))


def spread(q: Scalar, both: Scalar) -> Scalar:
    """2^n (1 + q), with n + twice the bias in the low bits of `both`."""
    width = mantissa_bits(q.dtype)
    # The exponent fields of 2^floor(n/2) and 2^ceil(n/2) add up to n + 2 bias.
    first = (both << width - 1) & -(1 << width)
    second = scalar.bitcast((both << width) - first, q.dtype)
    first = scalar.bitcast(first, q.dtype)
    return scalar.fma(q, first, first) * second


def exp(x: Scalar) -> Scalar:
    """e^x within 1.1 ULP (float32 and float64), denormal results included."""
    f = _format(x.dtype)
    return _scaled(below(above(x, f.least), f.most))


def exp2(x: Scalar) -> Scalar:
    """2^x within 1.2 ULP (float32 and float64), exact for integers, denormal results included."""
    f = _format(x.dtype)
    bias = _bias(x.dtype)
    x = below(above(x, -bias - 25.0 if x.dtype is dtypes.float32 else -bias - 54.0), bias + 2.0)
    n, both = nearest(x, 1.0, 2 * bias)
    r = x - n
    return spread(r * horner(r, f.q), both)


def exp_of_negative(x: Scalar) -> Scalar:
    """`exp` for arguments that are at most 0, with the same bits."""
    return _scaled(above(x, _format(x.dtype).least))


def one_minus_exp(x: Scalar) -> Scalar:
    """1 - e^x for x <= 0 where e^x is a normal number, accurate near zero."""
    q, n = _reduced(x, _bias(x.dtype))
    scale = power_of_low_bits(n, x.dtype)
    return scalar.fma(q, -scale, 1.0 - scale)


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


def _halves(x: Scalar) -> tuple[Scalar, Scalar]:
    """(e^x / 4, e^-x / 4) for x from 0 on; a quarter, since 2^n overflows before a quarter of it does."""
    f = _format(x.dtype)
    # Beyond this the sum of both is infinite in any case.
    q, n = _reduced(below(x, f.most + 0.5), _bias(x.dtype) - 2)
    scale = power_of_low_bits(n, x.dtype)
    grown = scalar.fma(q, scale, scale)
    return grown, 0.0625 / grown


def sinh(x: Scalar) -> Scalar:
    """Hyperbolic sine within 1.7 ULP; odd."""
    size = magnitude(x)
    square = size * size
    near = scalar.fma(size * square, horner(square, _format(x.dtype).s), size)
    grown, shrunk = _halves(size)
    half = grown - shrunk
    return signed_like(scalar.select(size < 1.0, near, half + half), x)


def cosh(x: Scalar) -> Scalar:
    """Hyperbolic cosine within 1.7 ULP; even."""
    grown, shrunk = _halves(magnitude(x))
    half = grown + shrunk
    return half + half


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
