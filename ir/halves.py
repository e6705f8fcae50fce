"""Half precision: float16 and bfloat16 are computed in float32 and rounded after each op.

The meaning of an op on them is that of its float32 form on operands that float32 holds exactly, with the result
rounded once, to nearest even. This file says what a row is told instead of them; it knows no op.
"""

from __future__ import annotations

import dataclasses

from . import dtypes
from .attrs import Attrs, Constant
from .dtypes import DType
from .types import TensorType


def single(dtype: DType) -> DType:
    """The dtype that values are computed in: float32 for half precision, else the dtype itself."""
    return dtypes.float32 if dtype.is_half else dtype


def single_type(type: TensorType) -> TensorType:
    """The type with float32 in place of half precision."""
    return TensorType(dtypes.float32, type.shape) if type.dtype.is_half else type


def single_attrs(attrs: Attrs) -> Attrs:
    """Attrs with float32 in place of half precision; a constant stays what it is."""
    if isinstance(attrs, Constant):
        return attrs
    changed = {
        f.name: dtypes.float32
        for f in dataclasses.fields(attrs)
        if isinstance(d := getattr(attrs, f.name), DType) and d.is_half
    }
    return dataclasses.replace(attrs, **changed) if changed else attrs
