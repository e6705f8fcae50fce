"""Elements on their way out, to NumPy and to Python; what NumPy has no dtype for leaves by way of ml_dtypes."""

from __future__ import annotations

import numpy as np

from ..ir import dtypes
from ..ir.errors import MissingExtra
from ..ir.storage import convert, readable


def to_numpy(array: np.ndarray) -> np.ndarray:
    """The array in a dtype that others know, without a copy; MissingExtra for bfloat16 without ml_dtypes."""
    if array.dtype != dtypes.bfloat16.numpy:
        return array
    try:
        import ml_dtypes
    except ImportError:
        raise MissingExtra(
            "NumPy has no bfloat16: for an array of it install ml_dtypes, as `pip install 'lithograph[bfloat16]'` "
            "does, or convert with astype(float32) first"
        ) from None
    return array.view(ml_dtypes.bfloat16)


def to_list(array: np.ndarray) -> object:
    """The elements as nested lists of Python numbers; one number for a 0-d array."""
    return readable(array).tolist()


def as_asked(array: np.ndarray, dtype: object, copy: bool | None) -> np.ndarray:
    """What `__array__` gives for a dtype (None: the array's own)."""
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    if array.dtype != dtypes.bfloat16.numpy:
        return np.array(array, None if wanted is None else wanted.numpy, copy=copy)
    if wanted is None or wanted is dtypes.bfloat16:
        return np.array(to_numpy(array), copy=copy)
    return convert(array, wanted)
