"""Statistics: plain functions of rows, so that fusion and gradients come by themselves."""

from __future__ import annotations

from ..array import Array
from ..dtypes import DType
from ..stage import Operand, located
from .arithmetic import sqrt, square
from .axes import AxisArgument, flag, many_axes
from .conversion import astype
from .reductions import as_floats, sum
from .shapes import axis_size

__all__ = ["mean", "std", "var"]


@located
def mean(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The sum over `axis` divided by the number of elements; integers and bool count as float32."""
    array = as_floats("mean", x)
    axes = many_axes("mean", axis, array.ndim)
    kept = flag("mean", "keepdims", keepdims)
    return sum(array, axis=axes, keepdims=kept) / _number(axis_size(array, axes), array.dtype)


def _number(count: Array | int, dtype: DType) -> Array | float:
    return float(count) if isinstance(count, int) else astype(count, dtype)


@located
def var(x: Operand, /, *, axis: AxisArgument = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The mean square distance from the mean over `axis`, in two passes; `correction` lessens the divisor.

    Integers and bool count as float32.
    """
    array = as_floats("var", x)
    axes = many_axes("var", axis, array.ndim)
    count = _number(axis_size(array, axes), array.dtype)
    centre = sum(array, axis=axes, keepdims=True) / count
    total = sum(square(array - centre), axis=axes, keepdims=flag("var", "keepdims", keepdims))
    return total / (count - correction if correction else count)


def std(x: Operand, /, *, axis: AxisArgument = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """The square root of the variance over `axis` (see `var`)."""
    return sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))
