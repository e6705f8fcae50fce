"""Random words and what is made of them: Philox4x32-10, uniform and normal numbers; it knows no keys and no
arrays.

Philox: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
from typing import Final

from .. import dtypes, maths, scalar
from ..dtypes import DType
from ..scalar import Scalar

Words = tuple[Scalar, Scalar, Scalar, Scalar]

_MULTIPLIERS: Final = (0xD2511F53, 0xCD9E8D57)
_WEYL: Final = (0x9E3779B9, 0xBB67AE85)
_ROUNDS: Final = 10


def philox4x32(counter_lo: Scalar, counter_hi: Scalar, key_lo: Scalar, key_hi: Scalar) -> Words:
    """Four uint32 words for a counter of the words (counter_lo, counter_hi, 0, 0) under a key of two; all
    uint32.
    """
    zero = scalar.const(dtypes.uint32, 0)
    a, b, c, d = counter_lo, counter_hi, zero, zero
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
