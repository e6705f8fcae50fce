"""Polynomials and the bit patterns of floats, as scalar expressions; it knows no particular function."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from .. import dtypes, scalar
from ..dtypes import DType
from ..scalar import Scalar


def horner(x: Scalar, coefficients: Sequence[float]) -> Scalar:
    """The polynomial with these coefficients, lowest power first, by one chain of FMAs."""
    total = scalar.const(x.dtype, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = scalar.fma(total, x, c)
    return total


def even_odd(x: Scalar, coefficients: Sequence[float]) -> Scalar:
    """The same by two chains in x^2, for long polynomials that would be waited for."""
    square = x * x
    return scalar.fma(horner(square, coefficients[1::2]), x, horner(square, coefficients[::2]))


def integer_of(dtype: DType) -> DType:
    """The signed integer type as wide as a float type."""
    return dtypes.int32 if dtype is dtypes.float32 else dtypes.int64


def mantissa_bits(dtype: DType) -> int:
    """Number of stored mantissa bits."""
    return 23 if dtype is dtypes.float32 else 52


def bits_of(dtype: DType, value: float) -> int:
    """The bit pattern of a constant, as a signed integer."""
    if dtype is dtypes.float32:
        return int(struct.unpack("<i", struct.pack("<f", value))[0])
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def bits(x: Scalar) -> Scalar:
    """A float's bits as a signed integer."""
    return scalar.bitcast(x, integer_of(x.dtype))


def power_of_two(exponent: Scalar, dtype: DType) -> Scalar:
    """2^exponent for an integer that is a normal number's exponent."""
    return scalar.bitcast((exponent << mantissa_bits(dtype)) + bits_of(dtype, 1.0), dtype)


def magnitude(x: Scalar) -> Scalar:
    """The absolute value, by clearing the sign bit."""
    return scalar.bitcast(bits(x) & ((1 << x.dtype.bits - 1) - 1), x.dtype)


def signed_like(size: Scalar, x: Scalar) -> Scalar:
    """A value without sign given the sign of `x`."""
    return scalar.bitcast(bits(size) | bits(x) & -(1 << x.dtype.bits - 1), x.dtype)


def below(x: Scalar, limit: float) -> Scalar:
    """x, but no more than the limit; NaN stays."""
    return scalar.select(x > limit, limit, x)


def above(x: Scalar, limit: float) -> Scalar:
    """x, but no less than the limit; NaN stays."""
    return scalar.select(x < limit, limit, x)


def nearest(x: Scalar, factor: float, bias: int) -> tuple[Scalar, Scalar]:
    """n, x * factor rounded to an integer, as a float; and an integer whose low bits are those of n + bias.

    Adding 1.5 * 2^mantissa pushes the fraction out of the mantissa and leaves the integer in its low bits;
    n may not exceed a fifth of 2^mantissa.
    """
    magic = 1.5 * 2.0 ** mantissa_bits(x.dtype) + bias
    shifted = scalar.fma(x, factor, magic)
    return shifted - magic, bits(shifted)


def power_of_low_bits(biased: Scalar, dtype: DType) -> Scalar:
    """2^n from an integer whose low bits are those of n + the exponent bias of the dtype."""
    return scalar.bitcast(biased << mantissa_bits(dtype), dtype)
