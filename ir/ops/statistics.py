"""Statistics: plain functions of rows, so that fusion and gradients come by themselves."""

from __future__ import annotations

import math
import sys
from typing import Final

from ..array import Array
from ..attrs import Axes, ShapeOf, intern
from ..dtypes import DType
from ..errors import ArgumentError, ShapeError
from ..registry import OPS
from ..stage import Operand, as_array, located
from ..types import show_shape
from .arithmetic import sqrt, square
from .axes import AxisArgument, many_axes
from .conversion import astype, rounded_once
from .logic import where
from .reductions import as_floats, axes_of, max, min, sum
from .rows import NUMERIC, refuse_kinds
from .shapes import axis_size, broadcast_to

__all__ = ["average", "mean", "ptp", "std", "var"]


@located
@rounded_once
def mean(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The sum over `axis` divided by the number of elements; integers and bool count as float32.

    Of no elements it is NaN.
    """
    array = as_floats("mean", x)
    attrs = axes_of("mean", axis, keepdims, array.ndim)
    return OPS["sum"].call(array, attrs) / as_number(axis_size(array, attrs.axes), array.dtype)


def as_number(count: Array | int, dtype: DType) -> Array | float:
    """A number of elements as a divisor of arrays of `dtype`."""
    return float(count) if isinstance(count, int) else astype(count, dtype)


_LARGEST: Final = sys.float_info.max


def as_correction(name: str, value: object) -> float:
    """A `correction` argument; ArgumentError for what is no real number, or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST <= value <= _LARGEST:
        raise ArgumentError(f"{name}: correction must be a finite number, but {value!r} was given")
    return float(value)


def corrected(count: Array | float, correction: float) -> Array | float:
    """The divisor of a variance: the number of elements less the correction, NaN when none is left."""
    left = count - correction if correction else count
    if isinstance(left, Array):
        return where(left > 0, left, math.nan)
    return left if left > 0 else math.nan


@located
@rounded_once
def var(x: Operand, /, *, axis: AxisArgument = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The mean square distance from the mean over `axis`, in two passes; `correction` lessens the divisor.

    Integers and bool count as float32. It is NaN where the number of elements is not above `correction`: with
    `correction=1`, of a single element.

    Raises:
        ArgumentError: `correction` is no finite number.
    """
    array = as_floats("var", x)
    if array.dtype.is_complex:
        raise refuse_kinds("var", NUMERIC, array.dtype)
    attrs = axes_of("var", axis, keepdims, array.ndim)
    count = as_number(axis_size(array, attrs.axes), array.dtype)
    divisor = corrected(count, as_correction("var", correction))
    centre = OPS["sum"].call(array, intern(Axes(attrs.axes, keepdims=True))) / count
    return OPS["sum"].call(square(array - centre), attrs) / divisor


@rounded_once
def std(x: Operand, /, *, axis: AxisArgument = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The square root of the variance over `axis` (see `var`)."""
    return sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


@located
def ptp(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The range over `axis`: the maximum less the minimum, in the dtype of `x`; NaN if there is one.

    Raises:
        ShapeError: there are no elements to choose from.
        DTypeError: `x` is bool.
    """
    return max(x, axis=axis, keepdims=keepdims) - min(x, axis=axis, keepdims=keepdims)


@located
@rounded_once
def average(
    x: Operand, /, *, axis: AxisArgument = None, weights: Operand | None = None, keepdims: bool = False
) -> Array:
    """The mean over `axis` in which each element counts as much as its weight: `sum(x * w) / sum(w)`.

    `weights` has the shape of `x`, or is 1-D along the one axis that is reduced. Integers and bool count as
    float32. Weights that sum to zero give NaN or an infinity.

    Raises:
        ShapeError: the weights fit neither `x` nor the axis.
    """
    if weights is None:
        return mean(x, axis=axis, keepdims=keepdims)
    array, w = as_floats("average", x), as_array("average", weights)
    axes = many_axes("average", axis, array.ndim)
    if w.shape != array.shape:
        if w.ndim != 1 or len(axes) != 1 or w.shape[0] != array.shape[axes[0]]:
            raise ShapeError(
                f"average: the weights must have the shape {show_shape(array.shape)} of the tensor, or be 1-D "
                f"along one axis, but their shape is {show_shape(w.shape)} and the axes are {axes}"
            )
        column = tuple([s if a == axes[0] else 1 for a, s in enumerate(array.shape)])
        w = broadcast_to(OPS["reshape"].call(w, intern(ShapeOf(column))), array.shape)
    weighed = sum(array * w, axis=axes, keepdims=keepdims)
    return weighed / sum(astype(w, weighed.dtype), axis=axes, keepdims=keepdims)
