"""How elements lie in NumPy arrays, and conversion between the dtypes: the part that NumPy lacks is bfloat16.

A bfloat16 element is two bytes, the upper half of a float32, in a private NumPy dtype. Conversion to it rounds
once, to nearest even. This file knows neither ops nor expressions.
"""

from __future__ import annotations

import math
import struct

import numpy as np

from . import dtypes
from .dtypes import DType

_QUANTA = 8
"""Bits of a bfloat16's significand."""
_LEAST_EXPONENT = -125
"""Of the smallest normal bfloat16 as a fraction below 1 times a power of two."""


def held(array: np.ndarray) -> np.ndarray:
    """The array in the dtype that holds its elements here: a bfloat16 of ml_dtypes becomes ours, without a copy.

    Raises:
        DTypeError: its dtype is not supported.
    """
    own = dtypes.from_numpy(array.dtype).numpy
    return array if array.dtype == own else array.view(own)


def convert(array: np.ndarray, dtype: DType) -> np.ndarray:
    """The values of an array in another dtype: as `astype` of NumPy, which does not know bfloat16."""
    array = held(array)
    if array.dtype == dtypes.bfloat16.numpy:
        return array if dtype is dtypes.bfloat16 else _single(array).astype(dtype.numpy)
    if dtype is not dtypes.bfloat16:
        with np.errstate(all="ignore"):
            return array.astype(dtype.numpy)
    if array.dtype == np.float32:
        return _upper_half(array)
    return _upper_half(_rounded(array))


def bfloat16(value: float) -> np.ndarray:
    """A Python number as a 0-d array of bfloat16, rounded once."""
    single = value
    if math.isfinite(value):
        exponent = max(math.frexp(value)[1], _LEAST_EXPONENT) - _QUANTA
        single = math.copysign(math.ldexp(round(math.ldexp(value, -exponent)), exponent), value)
    try:
        bits = struct.pack("<f", single)
    except OverflowError:
        bits = struct.pack("<f", math.copysign(math.inf, value))
    return np.frombuffer(bits[2:], dtypes.bfloat16.numpy)[0:1].reshape(())


def widened(array: np.ndarray) -> np.ndarray:
    """Half precision as float32, which holds each of its values; other arrays as they are."""
    if array.dtype == np.float16:
        return array.astype(np.float32)
    return readable(array)


def readable(array: np.ndarray) -> np.ndarray:
    """bfloat16 as the float32 that NumPy can compute with and show; other arrays as they are."""
    return _single(array) if array.dtype == dtypes.bfloat16.numpy else array


def _single(array: np.ndarray) -> np.ndarray:
    bits = np.ascontiguousarray(array).view(np.uint16).reshape(array.shape)
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _upper_half(array: np.ndarray) -> np.ndarray:
    """float32 to bfloat16: half a unit is added below the last bit, and the lower half dropped."""
    bits = np.ascontiguousarray(array).view(np.uint32).reshape(array.shape)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    upper = ((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)).astype(np.uint16)
    upper = np.where(np.isnan(array), np.uint16(0x7FC0), upper)
    return upper.view(dtypes.bfloat16.numpy)


def _rounded(array: np.ndarray) -> np.ndarray:
    """Numbers wider than float32 as the float32 that holds their bfloat16 exactly."""
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        # A float64 does not hold them all: what its last bits say is told by one of them.
        low = array & array.dtype.type(2047)
        sticky = array - low | (low != 0).astype(array.dtype) << array.dtype.type(11)
        array = np.where(np.abs(array.astype(np.float64)) < 2.0**53, array, sticky)
    x = array.astype(np.float64)
    with np.errstate(all="ignore"):
        exponent = np.maximum(np.frexp(x)[1], _LEAST_EXPONENT) - _QUANTA
        whole = np.where(np.isfinite(x), np.rint(np.ldexp(x, -exponent)), x)
        return np.asarray(np.ldexp(whole, exponent), np.float32)
