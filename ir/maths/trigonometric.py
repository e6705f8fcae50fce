"""sin, cos and tan as scalar expressions, right for every finite argument; it knows no other functions.

sin x = ± sin r with r = x - n pi. Up to a limit n pi is subtracted in three parts, each by one FMA: the first
difference is exact, so cancellation loses nothing. Beyond it (rare) x / (2 pi) is formed in fixed point
from the bits of 1 / (2 pi) that matter at x's exponent (Payne and Hanek), and its fraction is multiplied by
pi. sin r = r + r^3 P(r^2), P by weighted Remez at 200 bits in mpmath on |r| <= pi/2 + 0.01; errors 2^-30.2
and 2^-61.4. tan x likewise, with r = x - n pi/2 in two floats and tan r = r + r^3 T(r^2), or -1 / tan r for odd n;
errors of T 2^-29.3 and 2^-55.6.
The bits of 1 / (2 pi): `int(mpmath.floor(2**1184 / (2 * mpmath.pi)))` at 1300 bits, in words of 32.
"""

from __future__ import annotations

import itertools
import math

from .. import dtypes, scalar
from ..scalar import RARE, Scalar
from .polynomial import above, below, bits, horner, magnitude, mantissa_bits, nearest

_P32 = (
    -0.1666666716337204, 0.008333350531756878, -0.00019843093468807638, 2.7627086183201754e-06,
    -2.5506926348839443e-08,
)  # fmt: skip
_P64 = (
    -0.16666666666666666, 0.008333333333333203, -0.00019841269841210508, 2.755731921114999e-06,
    -2.505210686052252e-08, 1.605893858043688e-10, -7.642951792908681e-13, 2.7206678069156013e-15,
)  # fmt: skip
_T32 = (
    0.3333335220813751, 0.13332578539848328, 0.05406953766942024, 0.021232377737760544, 0.010965469293296337,
    -7.573058974230662e-05, 0.0044583166018128395,
)  # fmt: skip
_T64 = (
    0.33333333333332654, 0.1333333333343163, 0.053968253918589344, 0.021869489801544455, 0.00886321646680792,
    0.003592313285397891, 0.0014546116589103414, 0.0005956774302163475, 0.0002205807667370025,
    0.00014021815946048784, -3.157441979136343e-05, 9.420643989154005e-05, -4.743570884840667e-05,
    2.1477021152480335e-05,
)  # fmt: skip
_PI_32 = (3.1415927410125732, -8.742277657347586e-08, -3.4302490200117637e-15)
_PI_64 = (3.141592653589793, 1.2246467991473532e-16, -2.9947698097183397e-33)
_LIMIT_32, _LIMIT_64 = 2.0**17, 2.0**40
_INVERSE_TWO_PI = (
    0x00000000,
    0x28BE60DB,
    0x9391054A,
    0x7F09D5F4,
    0x7D4D3770,
    0x36D8A566,
    0x4F10E410,
    0x7F9458EA,
    0xF7AEF158,
    0x6DC91B8E,
    0x909374B8,
    0x01924BBA,
    0x82746487,
    0x3F877AC7,
    0x2C4A69CF,
    0xBA208D7D,
    0x4BAED121,
    0x3A671C09,
    0xAD17DF90,
    0x4E64758E,
    0x60D4CE7D,
    0x272117E2,
    0xEF7E4A0E,
    0xC7FE25FF,
    0xF7816603,
    0xFBCBC462,
    0xD6829B47,
    0xDB4D9FB3,
    0xC9F2C26D,
    0xD3D18FD9,
    0xA797FA8B,
    0x5D49EEB1,
    0xFAF97C5E,
    0xCF41CE7D,
    0xE294A4BA,
    0x9AFED7EC,
    0x47E35742,
    0x1580CC11,
)


def _sine(r: Scalar, odd: Scalar) -> Scalar:
    """sin r for |r| <= pi/2, negated where the lowest bit of `odd` is set."""
    square = r * r
    y = scalar.fma(r * square, horner(square, _P32 if r.dtype is dtypes.float32 else _P64), r)
    y = below(above(y, -1.0), 1.0)
    return scalar.bitcast(bits(y) ^ (odd << r.dtype.bits - 1), r.dtype)


def _subtract(x: Scalar, n: Scalar, parts: tuple[float, float, float]) -> Scalar:
    for part in parts:
        x = scalar.fma(n, -part, x)
    return x


def sin(x: Scalar) -> Scalar:
    """Sine of an angle in radians within 1.9 ULP for all finite arguments; odd, NaN at infinity."""
    single = x.dtype is dtypes.float32
    n, low = nearest(x, 1 / math.pi, 0)
    usual = _sine(_subtract(x, n, _PI_32 if single else _PI_64), low)
    # n may be +0 where x is -0, which the subtraction would make +0.
    usual = scalar.select(scalar.eq(x, 0.0), x, usual)
    far = magnitude(x) > (_LIMIT_32 if single else _LIMIT_64)
    return scalar.rarely(far, usual, "sin", x)


def cos(x: Scalar) -> Scalar:
    """Cosine of an angle in radians within 1.9 ULP for all finite arguments; even, NaN at infinity.

    cos x = ± sin(x - k pi/2) with the odd k nearest to x / (pi/2).
    """
    single = x.dtype is dtypes.float32
    size = magnitude(x)
    m, low = nearest(scalar.fma(size, 1 / math.pi, -0.5), 1.0, 1)
    parts = _PI_32 if single else _PI_64
    usual = _sine(_subtract(size, m + 0.5, parts), low)
    return scalar.rarely(size > (_LIMIT_32 if single else _LIMIT_64), usual, "cos", x)


def _tangent(r: Scalar, low: Scalar, odd: Scalar) -> Scalar:
    """tan(r + low) for |r| <= pi/4, or -1 / tan(r + low) where the lowest bit of `odd` is set."""
    square = r * r
    t = r + scalar.fma(
        r * square, horner(square, _T32 if r.dtype is dtypes.float32 else _T64), scalar.fma(low, square, low)
    )
    return scalar.select(scalar.ne(odd & 1, 0), -1.0 / t, t)


def tan(x: Scalar) -> Scalar:
    """Tangent of an angle in radians within 1.9 ULP for all finite arguments; odd, NaN at infinity."""
    single = x.dtype is dtypes.float32
    n, odd = nearest(x, 2 / math.pi, 0)
    high, middle, last = [part * 0.5 for part in (_PI_32 if single else _PI_64)]
    first = scalar.fma(n, -high, x)
    product = n * -middle
    r = first + product
    # What that sum loses (Knuth's two-sum), and what the product did.
    back = r - first
    low = (first - (r - back)) + (product - back)
    low = scalar.fma(n, -last, low + scalar.fma(n, -middle, -product))
    usual = scalar.select(scalar.eq(x, 0.0), x, _tangent(r, low, odd))
    return scalar.rarely(magnitude(x) > (_LIMIT_32 if single else _LIMIT_64), usual, "tan", x)


def _far(x: Scalar, quarter: bool) -> Scalar:
    """sin x, or cos x = sin(|x| + pi/2), for |x| > 1 by fixed point arithmetic."""
    r, _, odd = _reduced_far(x, 1, quarter)
    y = _sine(r, odd)
    if not quarter:
        y = scalar.select(x < 0.0, -y, y)
    return scalar.select(magnitude(x) < math.inf, y, scalar.const(x.dtype, math.nan))


def _tan_far(x: Scalar) -> Scalar:
    y = _tangent(*_reduced_far(x, 2, False))
    y = scalar.select(x < 0.0, -y, y)
    return scalar.select(magnitude(x) < math.inf, y, scalar.const(x.dtype, math.nan))


def _reduced_far(x: Scalar, cuts: int, quarter: bool) -> tuple[Scalar, Scalar, Scalar]:
    """(r, low, n): |x| > 1, and pi/2 more if `quarter`, is r + low + n pi / cuts, by fixed point arithmetic."""
    single = x.dtype is dtypes.float32
    size = magnitude(x)
    width = mantissa_bits(x.dtype)
    pattern = bits(size)
    field = scalar.binary("ashr", pattern, width)
    whole = scalar.cast((pattern & ((1 << width) - 1)) | (1 << width), dtypes.uint64)
    # |x| = whole * 2^(field - bias - width); the first word is zero, so that no wanted bit lies before it.
    start = scalar.cast(field - ((127 if single else 1023) + width - 32), dtypes.uint64)
    if single:
        wide, n = _fraction_of_three(whole, _window(start, 3, 3), cuts, quarter)
        r = scalar.cast(wide, x.dtype)
        low = scalar.cast(wide - scalar.cast(r, dtypes.float64), x.dtype)
    else:
        r, low, n = _fraction_of_six(whole, _window(start, 6, 5), cuts, quarter)
    return r, low, scalar.cast(n, field.dtype)


def _window(start: Scalar, count: int, depth: int) -> list[Scalar]:
    """`count` words of 32 bits (in uint64) of 1 / (2 pi) from bit `start`, which is below 32 * 2^depth."""
    words = [scalar.const(dtypes.uint64, w) for w in _INVERSE_TWO_PI]
    zero = scalar.const(dtypes.uint64, 0)
    for level in reversed(range(depth)):
        step = 1 << level
        taken = scalar.ne(start & (step * 32), 0)
        kept = words[: count + step]
        words = [
            scalar.select(taken, words[k + step] if k + step < len(words) else zero, w)
            for k, w in enumerate(kept)
        ]
    shift = start & 31
    pairs = itertools.pairwise(words)
    return [_low((a << shift) | scalar.binary("lshr", b, 32 - shift)) for a, b in pairs]


def _low(word: Scalar) -> Scalar:
    return word & 0xFFFFFFFF


def _high(word: Scalar) -> Scalar:
    return scalar.binary("lshr", word, 32)


def _fraction_of_three(m: Scalar, words: list[Scalar], cuts: int, quarter: bool) -> tuple[Scalar, Scalar]:
    """(r, n): the angle of m * words in units of 2^-64 turns is r + n pi / cuts, with the least r, in float64."""
    last = m * words[2]
    middle = m * words[1] + _high(last)
    turn = ((m * words[0] + _high(middle)) << 32) | _low(middle)
    if quarter:
        turn = turn + (1 << 62)
    n = scalar.binary("lshr", turn + (1 << 63 - cuts), 64 - cuts)
    signed = scalar.bitcast(turn << cuts, dtypes.int64)
    return scalar.cast(signed, dtypes.float64) * (math.pi / cuts * 2.0**-64), n


def _fraction_of_six(
    m: Scalar, words: list[Scalar], cuts: int, quarter: bool
) -> tuple[Scalar, Scalar, Scalar]:
    """(r, low, n): the angle of m * words in units of 2^-128 turns is r + low + n pi / cuts, with the least r."""
    product: list[Scalar] = []
    carry = scalar.const(dtypes.uint64, 0)
    for w in reversed(words):
        carry = _low(m) * w + carry
        product.insert(0, _low(carry))
        carry = _high(carry)
    carry = scalar.const(dtypes.uint64, 0)
    for k in reversed(range(5)):
        carry = _high(m) * words[k + 1] + product[k] + carry
        product[k] = _low(carry)
        carry = _high(carry)
    high = (product[0] << 32) | product[1]
    low = (product[2] << 32) | product[3]
    if quarter:
        high = high + (1 << 62)
    n = scalar.binary("lshr", high + (1 << 63 - cuts), 64 - cuts)
    signed = scalar.bitcast((high << cuts) | scalar.binary("lshr", low, 64 - cuts), dtypes.int64)
    # The head has 53 bits, so its cast is exact. Both are in units of pi / cuts.
    head = scalar.cast(signed & -2048, dtypes.float64) * (2.0**-64 / cuts)
    tail = scalar.cast(signed & 2047, dtypes.float64) * (2.0**-64 / cuts)
    tail = scalar.fma(scalar.cast(low << cuts, dtypes.float64), 2.0**-128 / cuts, tail)
    rest = scalar.fma(head, _PI_64[1], tail * math.pi)
    r = scalar.fma(head, math.pi, rest)
    return r, scalar.fma(head, math.pi, -r) + rest, n


RARE["sin"] = lambda x: _far(x, False)
RARE["cos"] = lambda x: _far(x, True)
RARE["tan"] = _tan_far
