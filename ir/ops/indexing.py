"""Subscripts: what `x[...]` may hold, and the slices, reshapes and takes that it means."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from types import EllipsisType

import numpy as np

from .. import dtypes
from ..array import Array
from ..errors import ArgumentError, RangeError, ShapeError
from ..stage import as_array, current, located, number
from ..types import Dim, Extent, Shape
from .gather import take
from .shapes import reshape
from .slicing import slice_strided

__all__ = ["getitem"]

Index = int | slice | EllipsisType | None | Array | np.ndarray | list[int]

_SUPPORTED = (
    "supported are integers, slices, ..., None, and integer arrays, of which one may have axes; "
    "select by a condition with where"
)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one axis of the operand contributes: elements `start`, `start + step`, ... and whether the axis
    stays.

    `gather` holds indices that are then taken from the axis.
    """

    start: Extent = 0
    step: int = 1
    extent: Extent = 1
    stays: bool = True
    gather: Array | None = None


def _slice_part(axis: int, given: slice, extent: Extent) -> _Part:
    if not isinstance(extent, Dim):
        try:
            start, stop, step = given.indices(extent)
        except TypeError:
            raise ArgumentError(
                f"index: the bounds of a slice must be integers or None, but it is {given}"
            ) from None
        except ValueError:
            raise ArgumentError("index: the step of a slice must not be zero") from None
        count = len(range(start, stop, step))
        return _Part(start if count else 0, step, count)
    if given.start in (None, 0) and given.stop is None and given.step in (None, 1):
        return _Part(0, 1, extent)
    if given == slice(None, None, -1):
        return _Part(extent - 1, -1, extent)
    raise ShapeError(
        f"index: axis {axis} has the symbolic extent {extent}, of which only [:] and [::-1] are known "
        "slices; "
        "use take with computed indices"
    )


def _gather_part(item: Array | np.ndarray | list[int], extent: Extent) -> _Part:
    # An empty list has no dtype of its own; NumPy would make floats of it.
    if isinstance(item, list):
        try:
            item = np.asarray(item, np.int64 if item == [] else None)
        except ValueError:
            raise ArgumentError(f"index: the list {item!r} is ragged; {_SUPPORTED}") from None
    array = as_array("index", item)
    if not array.dtype.is_integer:
        raise ArgumentError(f"index: an array of {array.dtype.name} cannot select; {_SUPPORTED}")
    return _Part(0, 1, extent, True, array)


def _part(axis: int, item: Index, extent: Extent) -> _Part:
    if isinstance(item, slice):
        return _slice_part(axis, item, extent)
    if isinstance(item, Array | np.ndarray | list):
        return _gather_part(item, extent)
    if isinstance(item, bool | np.bool_) or not hasattr(type(item), "__index__"):
        raise ArgumentError(f"index: {item!r} cannot select from a tensor; {_SUPPORTED}")
    i = operator.index(item)  # type: ignore[arg-type]
    if isinstance(extent, Dim):
        return _Part(0, 1, extent, True, current().constant(number(i, dtypes.int64)))
    if not -extent <= i < extent:
        legal = f"indices are {-extent} to {extent - 1}" if extent else "it has no index"
        raise RangeError(f"index: {i} is out of range for axis {axis} with extent {extent}; {legal}")
    return _Part(i % extent, 1, 1, False)


def _without_ellipsis(items: tuple[Index, ...], ndim: int) -> tuple[Index, ...]:
    """Items with one per axis of the operand, besides None for each new axis."""
    dots = [i for i, item in enumerate(items) if item is Ellipsis]
    named = len([item for item in items if item is not None and item is not Ellipsis])
    if len(dots) > 1:
        raise ArgumentError("index: ... may stand once in a subscript")
    if named > ndim:
        raise RangeError(f"index: {named} indices were given for a tensor of rank {ndim}")
    rest: tuple[Index, ...] = (slice(None),) * (ndim - named)
    at = dots[0] if dots else len(items)
    return (*items[:at], *rest, *items[at + 1 :])


def _refuse_scattered(parts: list[_Part | None]) -> None:
    """Raise where NumPy would move axes: an index array and other indices with something between them."""
    arrays = [p for p in parts if p is not None and p.gather is not None and p.gather.ndim]
    if not arrays:
        return
    fixed = [i for i, p in enumerate(parts) if p is not None and (not p.stays or p.gather is not None)]
    if len(arrays) > 1 or fixed[-1] - fixed[0] + 1 != len(fixed):
        raise ArgumentError(
            "index: one integer array with axes may stand in a subscript, and integers only right beside it; "
            "index step by step, or use take and take_along_axis"
        )


@located
def getitem(x: Array, index: Index | tuple[Index, ...], /) -> Array:
    """`x[index]` by NumPy's rules, for integers, slices, `...`, None, and integer arrays, one of them with
    axes.

    Raises:
        RangeError: an integer is outside its axis, or there are more indices than axes; an index array's
        elements are
            checked when the value is computed.
        ArgumentError: something else stands in the subscript.
        ShapeError: a part of a symbolic axis.
    """
    items = _without_ellipsis(index if isinstance(index, tuple) else (index,), x.ndim)
    parts: list[_Part | None] = []
    axis = 0
    for item in items:
        if item is None:
            parts.append(None)
            continue
        parts.append(_part(axis, item, x.shape[axis]))
        axis += 1
    _refuse_scattered(parts)
    own = [p for p in parts if p is not None]
    result = slice_strided(
        x, tuple([p.start for p in own]), tuple([p.step for p in own]), tuple([p.extent for p in own])
    )
    for a in reversed(range(len(own))):
        gather = own[a].gather
        if gather is not None:
            result = take(result, gather, axis=a)
    shape = _result_shape(parts)
    return result if result.shape == shape else reshape(result, shape)


def _result_shape(parts: list[_Part | None]) -> Shape:
    shape: list[Extent] = []
    for p in parts:
        if p is None:
            shape.append(1)
        elif p.gather is not None:
            shape.extend(p.gather.shape)
        elif p.stays:
            shape.append(p.extent)
    return tuple(shape)
