"""What an index along an axis points to: checked, clipped, wrapped or dropped; once as scalars and once in NumPy."""

from __future__ import annotations

from typing import Final

import numpy as np

from .. import dtypes, scalar
from ..attrs import Attrs, Axis, Indexing
from ..checks import fail
from ..dtypes import DType
from ..errors import DTypeError, LithographError, RangeError
from ..scalar import Scalar
from ..types import Dim, Extent, TensorType

_LARGEST: Final = (1 << 63) - 1


def out_of_range(index: int, axis: int, extent: Extent) -> RangeError:
    """The error for an index that its axis does not have."""
    if isinstance(extent, int):
        legal = f"indices are {-extent} to {extent - 1}" if extent else "it has no index"
    else:
        legal = f"indices are below {extent}"
    return RangeError(f"index {index} is out of range for axis {axis} with extent {extent}; {legal}")


def failure(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    """What a failed check of an index means; its number is that of the index operand."""
    assert isinstance(attrs, Axis | Indexing)
    axis = attrs.axis if isinstance(attrs, Axis) else attrs.axes[number]
    return out_of_range(report, axis, types[0].shape[axis])


def integers(name: str, dtype: DType) -> None:
    """DTypeError unless a dtype is one of integers."""
    if not dtype.is_integer:
        raise DTypeError(
            f"{name}: indices must be integers, but their dtype is {dtype.name}; convert with astype(int64) first"
        )


def place(
    index: Scalar, extent: Extent, mode: str = "raise", number: int = 0
) -> tuple[Scalar, Scalar | None]:
    """Where an index points to, always a place that exists, and where it does at all (None: everywhere).

    An axis without places gives place 0, which must not be used; only mode `drop` does not fail there.
    """
    if index.dtype is dtypes.uint64:
        index = scalar.binary("minimum", index, _LARGEST)
    given = scalar.cast(index, dtypes.int64)
    if extent == 0 and mode != "drop":
        nowhere = scalar.const(dtypes.int64, 0)
        return scalar.check(nowhere, scalar.const(dtypes.bool_, False), number, given), None
    size = scalar.extent(extent)
    if mode in ("wrap", "clip") and isinstance(extent, Dim):
        given = scalar.check(given, size > 0, number, given)
    if mode == "wrap":
        rest = scalar.binary("trem", given, size)
        return scalar.select(rest < 0, rest + size, rest), None
    from_front = scalar.select(given < 0, given + size, given) if index.dtype.kind == "int" else given
    if mode == "clip":
        return scalar.binary("maximum", scalar.binary("minimum", from_front, size - 1), 0), None
    inside = (from_front >= 0) & (from_front < size)
    legal = scalar.select(inside, from_front, 0)
    # The check fails the program, but the element is read all the same, hence at a place that exists.
    return (legal, inside) if mode == "drop" else (scalar.check(legal, inside, number, given), None)


def places(
    indices: np.ndarray, operands: tuple[np.ndarray, ...], attrs: Axis | Indexing, number: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The same of an array of indices into the first operand, as its rows' references need it: places, and whether
    they exist.
    """
    axis = attrs.axis if isinstance(attrs, Axis) else attrs.axes[number]
    mode = attrs.mode if isinstance(attrs, Indexing) else "raise"
    extent = operands[0].shape[axis]
    wide = np.minimum(indices, _LARGEST).astype(np.int64) if indices.dtype == np.uint64 else indices.astype(np.int64)
    outside = (wide < -extent) | (wide >= extent)
    if mode == "raise" or (extent == 0 and mode != "drop"):
        fail(failure, outside, wide, operands, attrs, number)
    if extent == 0:
        return np.zeros_like(wide), ~outside
    if mode == "wrap":
        return wide % extent, np.ones_like(outside)
    from_front = np.where(wide < 0, wide + extent, wide)
    if mode == "clip":
        return np.clip(from_front, 0, extent - 1), np.ones_like(outside)
    return np.where(outside, 0, from_front), ~outside

