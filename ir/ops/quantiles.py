"""Quantiles of sorted rows: plain functions of rows."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from .. import dtypes
from ..array import Array
from ..attrs import Permutation, ShapeOf, intern
from ..errors import ArgumentError, ShapeError
from ..registry import OPS
from ..stage import Operand, as_array, located
from ..types import Extent, show_shape
from .arithmetic import ceil, floor, maximum, round
from .axes import AxisArgument, flag, many_axes, without
from .conversion import astype
from .gather import take, take_along_axis
from .logic import isfinite, isnan, logical_not, where
from .ordering import sort
from .reductions import as_floats, count_nonzero
from .shapes import axis_size, broadcast_to, moveaxis, reshape

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


def _parts(name: str, q: Operand, whole: float) -> Array:
    """The parts as float64, 0-d or 1-D."""
    if not isinstance(q, Array):
        given = np.asarray(q, np.float64)
        if not ((given >= 0) & (given <= whole)).all():
            raise ArgumentError(f"{name}: q must be from 0 to {whole:g}, but {q!r} was given")
        q = given / whole
        whole = 1.0
    parts = astype(as_array(name, q), dtypes.float64)
    if parts.ndim > 1:
        raise ShapeError(f"{name}: q must be 0-d or 1-D, but its shape is {show_shape(parts.shape)}")
    return parts if whole == 1.0 else parts / whole


def _quantile(
    name: str,
    x: Operand,
    parts: Array,
    axis: AxisArgument,
    method: Method,
    keepdims: bool,
    *,
    skip_nan: bool = False,
) -> Array:
    array, kept = as_floats(name, x), flag(name, "keepdims", keepdims)
    axes = many_axes(name, axis, array.ndim)
    if method not in _METHODS:
        raise ArgumentError(f"{name}: method must be one of {', '.join(_METHODS)}, but {method!r} was given")
    if any(array.shape[a] == 0 for a in axes):
        raise ShapeError(f"{name}: of no elements is undefined, and the shape is {show_shape(array.shape)}")
    rows = sort(_rows(array, axes))
    legal = (parts >= 0) & (parts <= 1)
    safe = reshape(where(legal, parts, 0.0), (-1,))
    if skip_nan:
        count = astype(count_nonzero(logical_not(isnan(rows)), axis=-1, keepdims=True), dtypes.float64)
        found = _between(rows, safe * maximum(count - 1, 0.0), method)
    else:
        count_all = axis_size(array, axes)
        last = float(count_all - 1) if isinstance(count_all, int) else astype(count_all, dtypes.float64) - 1
        # NaN is sorted to the end.
        nan = isnan(take(rows, np.array([-1]), axis=-1))
        found = where(nan, _NAN, _between(rows, safe * last, method))
    found = where(reshape(legal, (-1,)), found, _NAN)
    shape = without(array.shape, axes, kept)
    return reshape(moveaxis(found, -1, 0), (*parts.shape, *shape))


def _rows(x: Array, axes: tuple[int, ...]) -> Array:
    """The elements over `axes` in a last axis of their own."""
    kept = tuple([a for a in range(x.ndim) if a not in axes])
    count: Extent = 1
    for a in axes:
        count = x.shape[a] * count
    moved = OPS["transpose"].call(x, intern(Permutation((*kept, *axes))))
    return OPS["reshape"].call(moved, intern(ShapeOf((*without(x.shape, axes), count))))


def _between(rows: Array, place: Array, method: Method) -> Array:
    """The values at places (float64) along the last axis: the same for all rows where 1-D, else for each its own."""
    if method == "nearest":
        return _at(rows, round(place))
    low = _at(rows, floor(place)) if method != "higher" else None
    high = _at(rows, ceil(place)) if method != "lower" else None
    if low is None or high is None:
        one = low if low is not None else high
        assert one is not None
        return one
    if method == "midpoint":
        return where(low == high, low, low * 0.5 + high * 0.5)
    t = astype(place - floor(place), rows.dtype)
    step = high - low
    # From the nearer end, so that each end is met exactly; infinite steps would make NaN of infinities.
    near = where(t < 0.5, low + step * t, high - step * (1 - t))
    return where(low == high, low, where(isfinite(step), near, low * (1 - t) + high * t))


def _at(rows: Array, place: Array) -> Array:
    index = astype(place, dtypes.int64)
    if index.ndim == 1:
        return take(rows, index, axis=-1)
    return take_along_axis(rows, broadcast_to(index, (*rows.shape[:-1], index.shape[-1])), axis=-1)
