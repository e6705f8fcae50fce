"""Statistics of the elements that are not NaN: plain functions of rows."""

from __future__ import annotations

import math

from ..array import Array
from ..stage import Operand, as_array, located
from .arithmetic import sqrt, square
from .axes import AxisArgument, flag, many_axes
from .conversion import astype
from .logic import isnan, logical_not, where
from .reductions import all, as_floats, count_nonzero, max, min, prod, sum
from .statistics import as_correction, corrected

__all__ = ["nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]


def _filled(name: str, x: Operand, filler: float) -> Array:
    array = as_array(name, x)
    return where(isnan(array), filler, array) if array.dtype.kind in ("float", "complex") else array


@located
def nansum(x: Operand, /, *, axis: AxisArgument = None, dtype: object = None, keepdims: bool = False) -> Array:
    """The sum over `axis` (see `sum`) with 0 in place of NaN."""
    return sum(_filled("nansum", x, 0.0), axis=axis, dtype=dtype, keepdims=keepdims)


@located
def nanprod(x: Operand, /, *, axis: AxisArgument = None, dtype: object = None, keepdims: bool = False) -> Array:
    """The product over `axis` (see `prod`) with 1 in place of NaN."""
    return prod(_filled("nanprod", x, 1.0), axis=axis, dtype=dtype, keepdims=keepdims)


@located
def nanmax(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The maximum over `axis` of the elements that are not NaN; NaN where all are.

    Raises:
        ShapeError: there are no elements to choose from.
    """
    array = as_array("nanmax", x)
    found = max(_filled("nanmax", array, -math.inf), axis=axis, keepdims=keepdims)
    return _unless_all_nan(array, found, axis, keepdims)


@located
def nanmin(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The minimum over `axis` of the elements that are not NaN; NaN where all are.

    Raises:
        ShapeError: there are no elements to choose from.
    """
    array = as_array("nanmin", x)
    found = min(_filled("nanmin", array, math.inf), axis=axis, keepdims=keepdims)
    return _unless_all_nan(array, found, axis, keepdims)


def _unless_all_nan(x: Array, found: Array, axis: AxisArgument, keepdims: bool) -> Array:
    if not x.dtype.is_float:
        return found
    return where(all(isnan(x), axis=axis, keepdims=keepdims), math.nan, found)


@located
def nanmean(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The mean over `axis` of the elements that are not NaN; NaN where there is none.

    Integers and bool count as float32.
    """
    array = as_floats("nanmean", x)
    axes, kept = many_axes("nanmean", axis, array.ndim), flag("nanmean", "keepdims", keepdims)
    return nansum(array, axis=axes, keepdims=kept) / _present(array, axes, kept)


def _present(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """How many elements are not NaN, in the dtype of `x`."""
    return astype(count_nonzero(logical_not(isnan(x)), axis=axes, keepdims=keepdims), x.dtype)


@located
def nanvar(x: Operand, /, *, axis: AxisArgument = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The variance over `axis` (see `var`) of the elements that are not NaN.

    Raises:
        ArgumentError: `correction` is no finite number.
    """
    array = as_floats("nanvar", x)
    axes, kept = many_axes("nanvar", axis, array.ndim), flag("nanvar", "keepdims", keepdims)
    given = as_correction("nanvar", correction)
    centre = nanmean(array, axis=axes, keepdims=True)
    distance = where(isnan(array), 0.0, array - centre)
    total = sum(square(distance), axis=axes, keepdims=kept)
    return total / corrected(_present(array, axes, kept), given)


def nanstd(x: Operand, /, *, axis: AxisArgument = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The square root of the variance over `axis` (see `nanvar`)."""
    return sqrt(nanvar(x, axis=axis, correction=correction, keepdims=keepdims))
