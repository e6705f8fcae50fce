"""Quantiles of sorted rows: plain functions of rows."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from .. import dtypes
from ..array import Array
from ..errors import ArgumentError, ShapeError
from ..records import dataclass
from ..stage import Operand, as_array, located, operand_type
from ..types import Extent, show_shape
from .arithmetic import ceil, floor, maximum, round
from .axes import AxisArgument, flag, many_axes, without
from .conversion import astype
from .gathering import take, take_along_axis
from .logic import isfinite, isnan, logical_not, where
from .ordering import sort
from .reductions import as_floats, count_nonzero
from .rows import ANY, refuse_kinds
from .shapes import axis_size, broadcast_to, moveaxis, permute_dims, reshape

__all__ = ["median", "nanmedian", "nanquantile", "percentile", "quantile"]

Method = Literal["linear", "lower", "higher", "nearest", "midpoint"]
_METHODS: Final = ("linear", "lower", "higher", "nearest", "midpoint")
_NAN: Final = float("nan")


@located
def quantile(
    x: Operand,
    q: Operand,
    /,
    *,
    axis: AxisArgument = None,
    method: Method = "linear",
    keepdims: bool = False,
) -> Array:
    """The value below which the part `q` (0 to 1) of the elements over `axis` lies; NaN if one is NaN.

    In the sorted row of n elements it lies at place `q * (n - 1)`, counted from 0 (Hyndman and Fan, 1996, type
    7). Between two elements, `method` interpolates linearly, or takes the lower, the higher, the nearest (an even
    place at a tie), or the middle of the two. A 1-D `q` puts an axis of its own before the others. Integers and
    bool count as float32.

    Raises:
        ShapeError: there are no elements, or `q` has more than one axis.
        ArgumentError: a part is outside 0 to 1 (in a tensor, it gives NaN), or there is no such method.
    """
    return _quantile("quantile", x, _parts("quantile", q, 1.0), axis, method, keepdims)


@located
def percentile(
    x: Operand,
    q: Operand,
    /,
    *,
    axis: AxisArgument = None,
    method: Method = "linear",
    keepdims: bool = False,
) -> Array:
    """The quantile (see `quantile`) at `q` per cent.

    Raises:
        ShapeError: there are no elements, or `q` has more than one axis.
        ArgumentError: a percentage is outside 0 to 100 (in a tensor, it gives NaN), or there is no such method.
    """
    return _quantile("percentile", x, _parts("percentile", q, 100.0), axis, method, keepdims)


@located
def median(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The middle one of the sorted elements over `axis`, or the mean of the two in the middle; NaN if one is NaN.

    Integers and bool count as float32.

    Raises:
        ShapeError: there are no elements.
    """
    return _quantile("median", x, _parts("median", 0.5, 1.0), axis, "midpoint", keepdims)


@located
def nanquantile(
    x: Operand,
    q: Operand,
    /,
    *,
    axis: AxisArgument = None,
    method: Method = "linear",
    keepdims: bool = False,
) -> Array:
    """The quantile (see `quantile`) of the elements that are not NaN; NaN where all are.

    Raises:
        ShapeError: there are no elements, or `q` has more than one axis.
        ArgumentError: a part is outside 0 to 1 (in a tensor, it gives NaN), or there is no such method.
    """
    return _quantile("nanquantile", x, _parts("nanquantile", q, 1.0), axis, method, keepdims, skip_nan=True)


@located
def nanmedian(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The median (see `median`) of the elements that are not NaN; NaN where all are.

    Raises:
        ShapeError: there are no elements.
    """
    return _quantile("nanmedian", x, _parts("nanmedian", 0.5, 1.0), axis, "midpoint", keepdims, skip_nan=True)


def _parts(name: str, q: Operand, whole: float) -> Array | np.ndarray:
    """The parts as float64, 0-d or 1-D: an ndarray where they are known."""
    parts: Array | np.ndarray
    kind = operand_type(name, q)
    if kind.dtype.kind not in ANY:
        raise refuse_kinds(name, ANY, kind.dtype)
    if isinstance(q, Array):
        parts = astype(q, dtypes.float64) / whole
    else:
        try:
            parts = np.asarray(q, np.float64) / whole
        except OverflowError:
            parts = np.asarray(np.inf)
        if not ((parts >= 0) & (parts <= 1)).all():
            raise ArgumentError(f"{name}: q must be from 0 to {whole:g}, but {q!r} was given")
    if parts.ndim > 1:
        raise ShapeError(f"{name}: q must be 0-d or 1-D, but its shape is {show_shape(parts.shape)}")
    return parts


def _quantile(
    name: str,
    x: Operand,
    parts: Array | np.ndarray,
    axis: AxisArgument,
    method: object,
    keepdims: bool,
    *,
    skip_nan: bool = False,
) -> Array:
    array, kept = as_floats(name, x), flag(name, "keepdims", keepdims)
    axes = many_axes(name, axis, array.ndim)
    if not isinstance(method, str) or method not in _METHODS:
        raise ArgumentError(f"{name}: method must be one of {', '.join(_METHODS)}, but {method!r} was given")
    if any(array.shape[a] == 0 for a in axes):
        raise ShapeError(f"{name}: of no elements is undefined, and the shape is {show_shape(array.shape)}")
    rows = sort(_rows(array, axes))
    count = axis_size(array, axes)
    if isinstance(parts, np.ndarray) and isinstance(count, int) and not skip_nan:
        found = _between(rows, _Places.known(parts.reshape(-1) * (count - 1), rows), method)
    else:
        found = _where_legal(rows, as_array(name, parts), count, method, skip_nan=skip_nan)
    if not skip_nan:
        # NaN is sorted to the end.
        found = where(isnan(take(rows, np.array([-1]), axis=-1)), _NAN, found)
    shape = without(array.shape, axes, kept)
    return reshape(moveaxis(found, -1, 0), (*parts.shape, *shape))


def _where_legal(rows: Array, parts: Array, count: Array | int, method: str, *, skip_nan: bool) -> Array:
    """The quantiles at parts that are known only when the values are; NaN where one is outside 0 to 1."""
    legal = reshape((parts >= 0) & (parts <= 1), (-1,))
    last: Array | float
    if skip_nan:
        real = count_nonzero(logical_not(isnan(rows)), axis=-1, keepdims=True)
        last = maximum(astype(real, dtypes.float64) - 1, 0.0)
    else:
        last = float(count - 1) if isinstance(count, int) else astype(count, dtypes.float64) - 1
    place = where(legal, reshape(parts, (-1,)), 0.0) * last
    return where(legal, _between(rows, _Places.computed(place, rows), method), _NAN)


def _rows(x: Array, axes: tuple[int, ...]) -> Array:
    """The elements over `axes` in a last axis of their own."""
    kept = tuple([a for a in range(x.ndim) if a not in axes])
    count: Extent = 1
    for a in axes:
        count = x.shape[a] * count
    moved = x if (*kept, *axes) == tuple(range(x.ndim)) else permute_dims(x, (*kept, *axes))
    return reshape(moved, (*without(x.shape, axes), count))


@dataclass(frozen=True, slots=True)
class _Places:
    """Places along the last axis of rows: the same for all rows where 1-D, else for each its own.

    Attributes:
        low, high, nearest: the indices beside a place, and the nearer one.
        beyond: how far the place lies beyond `low`, in the dtype of the rows.
    """

    low: Array | np.ndarray
    high: Array | np.ndarray
    nearest: Array | np.ndarray
    beyond: Array | np.ndarray

    @staticmethod
    def known(place: np.ndarray, rows: Array) -> _Places:
        """Of places that are known now."""
        low, high, nearest = [f(place).astype(np.int64) for f in (np.floor, np.ceil, np.round)]
        return _Places(low, high, nearest, (place - low).astype(rows.dtype.numpy))

    @staticmethod
    def computed(place: Array, rows: Array) -> _Places:
        """Of places that are computed."""
        low, high, nearest = [astype(f(place), dtypes.int64) for f in (floor, ceil, round)]
        return _Places(low, high, nearest, astype(place - floor(place), rows.dtype))


def _between(rows: Array, places: _Places, method: str) -> Array:
    """The values at places along the last axis."""
    match method:
        case "nearest":
            return _at(rows, places.nearest)
        case "lower":
            return _at(rows, places.low)
        case "higher":
            return _at(rows, places.high)
    low, high, t = _at(rows, places.low), _at(rows, places.high), places.beyond
    if method == "midpoint":
        return where(low == high, low, low * 0.5 + high * 0.5)
    step = high - low
    # From the nearer end, so that each end is met exactly; infinite steps would make NaN of infinities.
    near = where(t < 0.5, low + step * t, high - step * (1 - t))
    return where(low == high, low, where(isfinite(step), near, low * (1 - t) + high * t))


def _at(rows: Array, index: Array | np.ndarray) -> Array:
    if index.ndim == 1:
        return take(rows, index, axis=-1)
    assert isinstance(index, Array)
    return take_along_axis(rows, broadcast_to(index, (*rows.shape[:-1], index.shape[-1])), axis=-1)
