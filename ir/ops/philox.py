"""Random words and what is made of them: Philox4x32-10, numbers of several distributions; it knows no keys and
no arrays.

Philox: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
from typing import Final

from .. import dtypes, maths, scalar
from ..dtypes import DType
from ..maths.polynomial import horner
from ..scalar import Scalar

Words = tuple[Scalar, Scalar, Scalar, Scalar]

_MULTIPLIERS: Final = (0xD2511F53, 0xCD9E8D57)
_WEYL: Final = (0x9E3779B9, 0xBB67AE85)
_ROUNDS: Final = 10


def philox4x32(
    counter_lo: Scalar, counter_hi: Scalar, key_lo: Scalar, key_hi: Scalar, stream: int = 0
) -> Words:
    """Four uint32 words for a counter of the words (counter_lo, counter_hi, stream, 0) under a key of two; all
    uint32.
    """
    a, b = counter_lo, counter_hi
    c, d = scalar.const(dtypes.uint32, stream), scalar.const(dtypes.uint32, 0)
    for _ in range(_ROUNDS):
        (a_high, a_low), (c_high, c_low) = _product(a, _MULTIPLIERS[0]), _product(c, _MULTIPLIERS[1])
        a, b, c, d = c_high ^ b ^ key_lo, c_low, a_high ^ d ^ key_hi, a_low
        key_lo, key_hi = key_lo + _WEYL[0], key_hi + _WEYL[1]
    return a, b, c, d


def _product(x: Scalar, factor: int) -> tuple[Scalar, Scalar]:
    """The upper and the lower word of a product."""
    wide = scalar.cast(x, dtypes.uint64) * factor
    return scalar.cast(scalar.binary("lshr", wide, 32), dtypes.uint32), scalar.cast(wide, dtypes.uint32)


def _unit(dtype: DType, high: Scalar, low: Scalar) -> Scalar:
    """A number in [0, 1): 24 bits of `high`, or the 32 bits of `high` above 21 of `low`."""
    if dtype is dtypes.float32:
        return scalar.cast(scalar.binary("lshr", high, 8), dtype) * 2.0**-24
    upper = scalar.cast(high, dtypes.uint64) << 21
    return scalar.cast(upper | scalar.cast(scalar.binary("lshr", low, 11), dtypes.uint64), dtype) * 2.0**-53


def uniform(dtype: DType, words: Words) -> Scalar:
    """A number uniformly distributed in [0, 1): a multiple of 2**-24 in float32, of 2**-53 in float64."""
    return _unit(dtype, words[0], words[1])


def normal(dtype: DType, words: Words) -> Scalar:
    """A number of the normal distribution with mean 0 and standard deviation 1, by Box and Muller's method.

    The first number, moved from [0, 1) to (0, 1], gives the radius, the second one the angle. The result is
    within 5 ULP of the exact one for the same words.
    """
    single = dtype is dtypes.float32
    first = _unit(dtype, words[0], words[1])
    second = _unit(dtype, words[1], words[0]) if single else _unit(dtype, words[2], words[3])
    radius = scalar.unary("sqrt", maths.log(1.0 - first) * -2.0)
    # cos(2 pi u) = sin(2 pi (|u - 1/2| - 1/4)), where both differences are exact: accurate also near its
    # zeros.
    quarter = scalar.binary("maximum", second - 0.5, 0.5 - second) - 0.25
    return radius * maths.sin(quarter * (2 * math.pi))


def bits(dtype: DType, words: Words) -> Scalar:
    """A word of 32 bits, or two of them as one of 64, the first above."""
    if dtype is dtypes.uint32:
        return words[0]
    return scalar.cast(words[0], dtype) << 32 | scalar.cast(words[1], dtype)


def exponential(dtype: DType, words: Words) -> Scalar:
    """A number of the exponential distribution with mean 1, above zero and finite.

    It is -log(1 - u), where u is a word of 32 bits (64 for float64) and a half, scaled to (0, 1) and rounded to
    the dtype, but below 1: so small numbers are as fine as the word. Within 1.5 ULP for the same u.
    """
    single = dtype is dtypes.float32
    width = 32 if single else 64
    word = words[0] if single else bits(dtypes.uint64, words)
    u = scalar.cast(word, dtype) * 2.0**-width + 2.0 ** -(width + 1)
    return -maths.log1p(-scalar.binary("minimum", u, 1.0 - 2.0 ** (-24 if single else -53)))


_NUMERATOR32 = (
    4.0, 253.21484375, 4840.80859375, 30815.7265625, 52925.5625, 11122.1171875,
)  # fmt: skip
_DENOMINATOR32 = (
    1.0, 70.14314270019531, 1554.192138671875, 12398.21875, 31204.3671875, 15863.42578125,
)  # fmt: skip
_NUMERATOR64 = (
    4.0, 548.3960786431134, 30211.481410886256, 861901.2525983935, 13725332.533748278, 123189680.25586922,
    603667782.124739, 1500440218.8748364, 1649229479.4639204, 607262772.4908004, 33016816.2346277,
)  # fmt: skip
_DENOMINATOR64 = (
    1.0, 143.9384589016973, 8401.575642346425, 256984.65663463355, 4457225.74276906, 44513141.25695518,
    250131308.43078387, 745840342.9272441, 1060148291.1676315, 587634276.8120068, 79381812.78329487,
)  # fmt: skip


def truncated_normal(dtype: DType, words: Words) -> Scalar:
    """A number of the standard normal distribution cut off at -2 and 2, by the inverse of its distribution.

    For v = u - 1/2, u uniform in [0, 1), that is v P(s) / Q(s) with s = 1/4 - v^2 (the form of Wichura's AS 241;
    P and Q by weighted least squares at 200 bits in mpmath, all coefficients positive: relative errors 2^-29 and
    2^-57). Within 4 ULP in float32 and 5 in float64 for the same words.
    """
    single = dtype is dtypes.float32
    v = uniform(dtype, words) - 0.5
    s = scalar.fma(-v, v, 0.25)
    upper = horner(s, _NUMERATOR32 if single else _NUMERATOR64)
    lower = horner(s, _DENOMINATOR32 if single else _DENOMINATOR64)
    z = v * (upper / lower)
    return scalar.binary("maximum", scalar.binary("minimum", z, 2.0), -2.0)


def below(span: Scalar, words: Words, narrow: bool) -> Scalar:
    """An integer in [0, span) for a uint64 span; below 2^64 where the span is 0. `narrow` spans are up to 2^32.

    It is the upper part of r * span, with r of 96 bits for spans up to 2^32 and of 128 beyond, so the chances of
    two results differ by less than one in 2^64.
    """
    wide = [scalar.cast(w, dtypes.uint64) for w in words]
    small = _shifted(wide[2] * span)
    small = _shifted(wide[0] * span + _shifted(wide[1] * span + small))
    if narrow:
        return small
    high, low = wide[0] << 32 | wide[1], wide[2] << 32 | wide[3]
    lower = _upper_half(low, span)
    carried = scalar.cast(high * span + lower < lower, dtypes.uint64)
    large = scalar.select(scalar.eq(span, 0), high, _upper_half(high, span) + carried)
    return scalar.select((span - 1) < (1 << 32), small, large)


def _shifted(x: Scalar) -> Scalar:
    return scalar.binary("lshr", x, 32)


def _upper_half(x: Scalar, y: Scalar) -> Scalar:
    """The upper 64 bits of a product of two uint64."""
    mask = 0xFFFFFFFF
    x_high, x_low, y_high, y_low = _shifted(x), x & mask, _shifted(y), y & mask
    middle = x_high * y_low + _shifted(x_low * y_low)
    other = x_low * y_high + (middle & mask)
    return x_high * y_high + _shifted(middle) + _shifted(other)
