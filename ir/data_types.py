"""What users ask about dtypes: limits, kinds, the common dtype of operands, what may be converted."""

from __future__ import annotations

from typing import Final

import numpy as np

from . import dtypes
from .array import Array
from .dtypes import DType
from .errors import ArgumentError, DTypeError
from .promotion import common
from .records import dataclass
from .stage import located, operand_type
from .types import TensorType

__all__ = ["can_cast", "finfo", "iinfo", "isdtype", "result_type"]


@dataclass(frozen=True, slots=True)
class FloatInfo:
    """The limits of a floating dtype, as Python floats; of a complex dtype, those of its parts."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType

    @property
    def tiny(self) -> float:
        """NumPy's name of `smallest_normal`."""
        return self.smallest_normal


@dataclass(frozen=True, slots=True)
class IntegerInfo:
    """The limits of an integer dtype, as Python ints."""

    bits: int
    max: int
    min: int
    dtype: DType


_FORMATS: Final = {"float16": (5, 10), "bfloat16": (8, 7), "float32": (8, 23), "float64": (11, 52)}
"""Bits of the exponent and of the fraction (IEEE 754; bfloat16 has float32's exponent)."""

_PARTS: Final = {"complex64": "float32", "complex128": "float64"}

_KINDS: Final = {
    "bool": ("bool",),
    "signed integer": ("int",),
    "unsigned integer": ("uint",),
    "integral": ("int", "uint"),
    "real floating": ("float",),
    "complex floating": ("complex",),
    "numeric": ("int", "uint", "float", "complex"),
}


def _dtype_of(given: object) -> DType:
    """The dtype of an array, or the one that is meant."""
    if isinstance(given, Array | np.ndarray | np.generic):
        return operand_type("finfo", given).dtype
    if given is None:
        raise DTypeError("None is not a dtype")
    return dtypes.as_dtype(given)


@located
def finfo(type: object, /) -> FloatInfo:
    """The limits of a floating or complex dtype, or of that of an array.

    Raises:
        DTypeError: it is no such dtype.
    """
    given = _dtype_of(type)
    found = dtypes.BY_NAME[_PARTS.get(given.name, given.name)]
    if found.name not in _FORMATS:
        raise DTypeError(f"finfo: {given.name} is no floating dtype; ask iinfo for the limits of integers")
    exponent, fraction = _FORMATS[found.name]
    bias = 2 ** (exponent - 1) - 1
    largest = (2.0 - 2.0**-fraction) * 2.0**bias
    return FloatInfo(found.bits, 2.0**-fraction, largest, -largest, 2.0 ** (1 - bias), found)


@located
def iinfo(type: object, /) -> IntegerInfo:
    """The limits of an integer dtype, or of that of an array.

    Raises:
        DTypeError: it is no such dtype.
    """
    found = _dtype_of(type)
    if not found.is_integer:
        raise DTypeError(f"iinfo: {found.name} is no integer dtype; ask finfo for the limits of floats")
    if found.kind == "uint":
        return IntegerInfo(found.bits, 2**found.bits - 1, 0, found)
    return IntegerInfo(found.bits, 2 ** (found.bits - 1) - 1, -(2 ** (found.bits - 1)), found)


@located
def isdtype(dtype: object, kind: object) -> bool:
    """Whether a dtype is of a kind: a dtype, one of the Array API's names of kinds, or a tuple of either.

    The names are bool, signed integer, unsigned integer, integral, real floating, complex floating, and numeric.

    Raises:
        DTypeError: `dtype` is none.
        ArgumentError: there is no such kind.
    """
    given = _dtype_of(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(given, k) for k in kind)
    if isinstance(kind, DType):
        return given is kind
    if isinstance(kind, str) and kind in _KINDS:
        return given.kind in _KINDS[kind]
    if isinstance(kind, str):
        raise ArgumentError(f"isdtype: the kind must be one of {', '.join(_KINDS)}, or a dtype, but {kind!r} was given")
    return given is _dtype_of(kind)


def _type_of(given: object) -> TensorType:
    if isinstance(given, Array | np.ndarray | np.generic | bool | int | float | complex):
        return operand_type("result_type", given)
    return TensorType(_dtype_of(given), ())


@located
def result_type(*arrays_and_dtypes: object) -> DType:
    """The dtype in which arrays, dtypes and Python numbers meet; numbers are weak, as in every function of arrays.

    Raises:
        DTypeError: there is none, as for uint64 and a signed integer.
        ArgumentError: nothing was given.
    """
    if not arrays_and_dtypes:
        raise ArgumentError("result_type: at least one array or dtype is needed")
    return common(tuple([_type_of(x) for x in arrays_and_dtypes]))


@located
def can_cast(from_: object, to: object, /) -> bool:
    """Whether the values of an array or dtype become those of another by promotion alone, without loss of kind.

    So it is when the two meet in `to`, by the Array API's table and between kinds as well.

    Raises:
        DTypeError: something is no dtype.
    """
    start, end = _dtype_of(from_), _dtype_of(to)
    try:
        return dtypes.promote(start, end) is end
    except DTypeError:
        return False
