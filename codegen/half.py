"""Conversion from and to half precision in integer operations, the same on every target.

It is what a target with instructions for float16 does by these, bit for bit but for NaN. Expressions in the scalars
of `ir/scalar.py`, from which `codegen/instructions.py` makes its `cast`.
"""

from __future__ import annotations

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.scalar import Scalar, binary, bitcast, cast, const, select

_SIGN = -(1 << 31)
_ABOVE_ALL = 0x7FFFFFFF
_INFINITY = 0x7F800000


def widen(x: Scalar) -> Scalar:
    """A scalar of half precision as float32, exactly."""
    bits = cast(bitcast(x, dtypes.uint16), dtypes.int32)
    if x.dtype is dtypes.bfloat16:
        return bitcast(bits << 16, dtypes.float32)
    magnitude = (bits & 0x7FFF) << 13
    # The exponent's bias is 112 less; a product with a power of two is exact, and makes denormals normal.
    scaled = bitcast(bitcast(magnitude, dtypes.float32) * 2.0**112, dtypes.int32)
    value = select(magnitude >= 0x7C00 << 13, magnitude | _INFINITY, scaled)
    return bitcast(value | ((bits & 0x8000) << 16), dtypes.float32)


def narrow(x: Scalar, dtype: DType) -> Scalar:
    """A scalar of any other real dtype as `dtype`, which has half precision: rounded once, to nearest even."""
    x = _single(widen(x) if x.dtype.is_half else x, dtype)
    bits = bitcast(x, dtypes.int32)
    sign = binary("lshr", bits & _SIGN, 16)
    magnitude = bits & _ABOVE_ALL
    found = _bfloat16(magnitude) if dtype is dtypes.bfloat16 else _float16(magnitude)
    return bitcast(cast(found | sign, dtypes.uint16), dtype)


def _bfloat16(magnitude: Scalar) -> Scalar:
    odd = binary("lshr", magnitude, 16) & 1
    return select(magnitude > _INFINITY, 0x7FC0, binary("lshr", magnitude + odd + 0x7FFF, 16))


def _float16(magnitude: Scalar) -> Scalar:
    odd = binary("lshr", magnitude, 13) & 1
    normal = binary("lshr", magnitude + odd + (0xFFF - (112 << 23)), 13)
    # Next to 1/2 the last bit of float32 is the last one of float16's denormals: the addition rounds.
    denormal = bitcast(bitcast(magnitude, dtypes.float32) + 0.5, dtypes.int32) - (126 << 23)
    found = select(magnitude < 113 << 23, denormal, normal)
    beyond = select(magnitude > _INFINITY, const(dtypes.int32, 0x7E00), 0x7C00)
    return select(magnitude >= 143 << 23, beyond, found)


def _single(x: Scalar, dtype: DType) -> Scalar:
    """A float32 that rounds to `dtype` as `x` itself does."""
    if x.dtype.is_integer and dtype is dtypes.bfloat16 and x.dtype.bits >= 32:
        x = cast(_sticky(x) if x.dtype.bits == 64 else x, dtypes.float64)
    if x.dtype is not dtypes.float64:
        # Integers that float32 does not hold are beyond float16.
        return cast(x, dtypes.float32)
    near = cast(x, dtypes.float32)
    back = cast(near, dtypes.float64)
    bits = bitcast(near, dtypes.int32)
    farther = select(x < 0, back < x, back > x)
    inexact = (back < x) | (back > x)
    odd = select(farther, bits - 1, bits) | 1
    return bitcast(select(inexact, odd, bits), dtypes.float32)


def _sticky(x: Scalar) -> Scalar:
    """A 64-bit integer that float64 holds and that rounds as `x` does: the bits that it loses are told by one."""
    low = x & 2047
    told = (x ^ low) | select(low > 0, const(x.dtype, 1 << 11), 0)
    wide = const(x.dtype, 1 << 53)
    small = x < wide if x.dtype.kind == "uint" else (x < wide) & (x > -(1 << 53))
    return select(small, x, told)
