"""Differences of neighbours along an axis, and the integral by trapezoids: plain functions of rows."""

from __future__ import annotations

from ..array import Array
from ..errors import ArgumentError, ShapeError
from ..stage import Operand, as_array, located
from ..types import show_shape
from .axes import integer, one_axis
from .joining import concat
from .logic import not_equal
from .reductions import as_floats, sum
from .shapes import broadcast_to, reshape
from .slicing import slice_axis

__all__ = ["diff", "trapezoid"]


@located
def diff(
    x: Operand, /, *, axis: int = -1, n: int = 1, prepend: Operand | None = None, append: Operand | None = None
) -> Array:
    """Each element along `axis` less the one before it, `n` times over; for bool, whether the two differ.

    `prepend` and `append` are put before and after `x` first; a number, or a 0-d tensor, counts as one slice.
    The axis becomes shorter by `n`, but not below 0. Integers wrap.

    Raises:
        ShapeError: `x` is 0-d, there is no such axis, or what is put beside it does not fit.
        ArgumentError: `n` is negative.
    """
    array, times = as_array("diff", x), integer("diff", "n", n)
    if times < 0:
        raise ArgumentError(f"diff: n must be at least 0, but {times} was given")
    if array.ndim == 0:
        raise ShapeError("diff: the tensor must have at least 1 axis, but its rank is 0")
    place = one_axis("diff", axis, array.ndim)
    parts = [_slab(array, place, prepend), [array], _slab(array, place, append)]
    joined = [p for part in parts for p in part]
    array = concat(joined, axis=place) if len(joined) > 1 else array
    for _ in range(times):
        if array.shape[place] == 0:
            break
        array = _once(array, place)
    return array


def _slab(x: Array, axis: int, given: Operand | None) -> list[Array]:
    if given is None:
        return []
    part = as_array("diff", given)
    if part.ndim == 0:
        return [broadcast_to(part, tuple([1 if a == axis else s for a, s in enumerate(x.shape)]))]
    return [part]


def _once(x: Array, axis: int) -> Array:
    before, after = _neighbours(x, axis)
    return not_equal(after, before) if x.dtype.kind == "bool" else after - before


def _neighbours(x: Array, axis: int) -> tuple[Array, Array]:
    """All elements but the last, and all but the first."""
    count = x.shape[axis]
    left = count - 1 if count != 0 else 0
    return slice_axis(x, axis, 0, left), slice_axis(x, axis, 0 if count == 0 else 1, left)


@located
def trapezoid(y: Operand, /, x: Operand | None = None, *, dx: Operand = 1.0, axis: int = -1) -> Array:
    """The integral along `axis` by the trapezoidal rule: the sum of distances times the mean of neighbours.

    The samples lie at `x` (1-D along the axis, or of the shape of `y`), or `dx` apart. Integers and bool count
    as float32.

    Raises:
        ShapeError: `y` is 0-d, or `x` does not fit it.
    """
    array = as_floats("trapezoid", y)
    if array.ndim == 0:
        raise ShapeError("trapezoid: the tensor must have at least 1 axis, but its rank is 0")
    place = one_axis("trapezoid", axis, array.ndim)
    before, after = _neighbours(array, place)
    if x is None:
        return sum((before + after) * 0.5 * dx, axis=place)
    at = as_floats("trapezoid", x)
    if at.shape != array.shape:
        if at.ndim != 1 or at.shape[0] != array.shape[place]:
            raise ShapeError(
                f"trapezoid: x must have the shape {show_shape(array.shape)} of y, or be 1-D along axis {place}, "
                f"but its shape is {show_shape(at.shape)}"
            )
        at = reshape(at, tuple([s if a == place else 1 for a, s in enumerate(array.shape)]))
    left, right = _neighbours(at, place)
    return sum((before + after) * 0.5 * (right - left), axis=place)
