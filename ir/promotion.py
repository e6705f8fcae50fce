"""Which dtypes an op converts its operands to; it knows no op, only the rules that rows share.

Tensors promote by the Array API's table, a mixed integer and float pair gives the float. A Python number is
weak: it takes the tensor's dtype, and where its kind is higher than the tensor's it counts as int32, float32
or complex64.
"""

from __future__ import annotations

from typing import Final

from . import dtypes
from .dtypes import DType
from .types import TensorType

_DEFAULT: Final = {
    "bool": dtypes.bool_,
    "int": dtypes.int32,
    "uint": dtypes.int32,
    "float": dtypes.float32,
    "complex": dtypes.complex64,
}


def common(types: tuple[TensorType, ...]) -> DType:
    """The dtype in which values of these types meet.

    Raises:
        DTypeError: uint64 meets a signed integer.
    """
    found: DType | None = None
    for t in types:
        if not t.weak:
            found = t.dtype if found is None else dtypes.promote(found, t.dtype)
    strong = found is not None
    for t in types:
        if not t.weak:
            continue
        if found is None:
            found = t.dtype
        elif strong:
            found = dtypes.promote_weak(found, _DEFAULT[t.dtype.kind])
        else:
            found = dtypes.promote(found, t.dtype)
    assert found is not None, "an op without operands promotes nothing"
    return found


def keep(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    """Each operand as it is; Python numbers become bool, int32, float32 or complex64."""
    return tuple([t.dtype for t in types])


def same(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    """All operands in their common dtype."""
    if len(types) == 1:
        return (types[0].dtype,)
    return (common(types),) * len(types)


def counted(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    """All operands in their common dtype, bool as int32."""
    found = common(types)
    return (dtypes.int32 if found is dtypes.bool_ else found,) * len(types)


def floating(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    """All operands in their common dtype, bool and integers as float32."""
    found = common(types)
    return (found if found.is_inexact else dtypes.float32,) * len(types)


def boolean(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    """All operands as bool: whether they differ from zero."""
    return (dtypes.bool_,) * len(types)


def accumulated(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    """The dtype that sums are made in: bool and narrow integers as int32, narrow unsigned ones as uint32."""
    return tuple([widened(t.dtype) for t in types])


def chosen(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    """A condition as it is, then all others in their common dtype."""
    return (types[0].dtype, *same(name, types[1:]))


def widened(dtype: DType) -> DType:
    """The dtype that elements of `dtype` are added and multiplied in: at least 32 bits for integers."""
    if dtype is dtypes.bool_ or (dtype.kind == "int" and dtype.bits < 32):
        return dtypes.int32
    if dtype.kind == "uint" and dtype.bits < 32:
        return dtypes.uint32
    return dtype
