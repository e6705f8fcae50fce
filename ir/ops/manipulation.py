"""Functions that shift, turn and take apart whole arrays, and the row `roll`."""

from __future__ import annotations

from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import Attrs, Axis, intern
from ..batch_rules import Mapped, shifted, spread
from ..dtypes import DType
from ..errors import ArgumentError, DTypeError, ShapeError
from ..op import Element, Op, Reader, Sample
from ..scalar import Scalar
from ..stage import Operand, as_array, located
from ..types import Dim, Extent, TensorType, broadcast_shapes, same_extent, show_shape
from .arithmetic import maximum
from .axes import AxisArgument, integer, many_axes, one_axis, sequence
from .creation import iota
from .division import remainder
from .gathering import take_along_axis
from .rows import quiet, values
from .shapes import axis_size, broadcast_to, expand_dims, reshape, squeeze, swapaxes
from .slicing import flip, slice_axis

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "fliplr", "flipud", "ravel", "roll", "rot90",
    "unstack",
]  # fmt: skip


def _roll_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    x, shift = types
    if not shift.dtype.is_integer or shift.ndim:
        raise DTypeError(f"roll: the shift must be one integer, but it is {shift}")
    return TensorType(x.dtype, x.shape)


def _rolled(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Scalar:
    axis = typed(Axis, attrs).axis
    x, shift = operands
    size = scalar.extent(x.type.shape[axis])
    # The remainder has the shift's sign, so the place is at most one extent away.
    place = index[axis] - scalar.binary("trem", shift.at(), size)
    place = scalar.select(place < 0, place + size, scalar.select(place >= size, place - size, place))
    return x.at(*index[:axis], place, *index[axis + 1 :])


def _roll_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    cases = [((4, 3), 0, 1), ((4, 3), 1, -1), ((2, 3, 5), 1, 7), ((5,), 0, -12), ((0, 3), 0, 2), ((6,), 0, 0)]
    return [((values(rng, dtype, shape), np.array(shift)), intern(Axis(axis))) for shape, axis, shift in cases]


def _roll_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    (x, shift), axis = operands, typed(Axis, attrs).axis + 1
    x = spread(x, mapped[0], extent)
    size = x._aval.shape[axis]
    if not mapped[1] or same_extent(size, 0):
        return op.call(x, shift if not mapped[1] else 0, shifted(attrs))
    # Each example reads along the axis from a place of its own; one that is empty reads nothing.
    count = maximum(axis_size(x, (axis,)), 1)
    places = remainder(iota(size, dtypes.int64) - reshape(shift, (extent, 1)), count)
    shape = tuple([e if i in (0, axis) else 1 for i, e in enumerate(x._aval.shape)])
    return take_along_axis(x, reshape(places, shape), axis=axis)


_roll: Op = Op(
    "roll",
    infer=_roll_type,
    promote=lambda name, types: (types[0].dtype, dtypes.int64 if types[1].dtype.is_integer else types[1].dtype),
    reference=quiet(lambda x, shift, attrs: np.roll(x, int(shift), attrs.axis)),
    lowering=Element(_rolled),
    vjp=(lambda g, y, x, shift, attrs: _roll.call(g, -shift, attrs), None),
    linear=(0,),
    attrs=Axis,
    samples=_roll_samples,
    batch=_roll_batch,
)


@located
def roll(x: Operand, /, shift: Operand | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None) -> Array:
    """`x` with its elements moved by `shift` places along `axis`; what leaves at the end enters at the start.

    Args:
        x: the array.
        shift: how far, negative towards the start; several for as many axes. One may be a 0-d integer tensor.
        axis: one or several; None rolls the elements in row-major order.

    Raises:
        ShapeError: there is no such axis, or shifts and axes differ in number.
        DTypeError: a shift is no integer.
    """
    array = as_array("roll", x)
    if axis is None:
        if isinstance(shift, list | tuple):
            raise ArgumentError("roll: several shifts need as many axes, as in roll(x, (1, 2), axis=(0, 1))")
        return reshape(roll(reshape(array, -1), shift, axis=0), array.shape)
    places = [one_axis("roll", a, array.ndim) for a in (axis if isinstance(axis, list | tuple) else (axis,))]
    shifts = list(shift) if isinstance(shift, list | tuple) else [shift] * len(places)
    if len(shifts) != len(places):
        raise ShapeError(f"roll: {len(shifts)} shifts were given for {len(places)} axes")
    for place, by in zip(places, shifts, strict=True):
        array = _roll.call(array, by, intern(Axis(place)))
    return array


@located
def broadcast_arrays(*arrays: Operand) -> list[Array]:
    """The arrays broadcast against one another, each with its own dtype.

    Raises:
        ShapeError: the shapes do not broadcast together.
    """
    found = [as_array("broadcast_arrays", a) for a in arrays]
    if not found:
        return []
    shape = broadcast_shapes("broadcast_arrays", *[a.shape for a in found])
    return [a if a.shape == shape else broadcast_to(a, shape) for a in found]


@located
def unstack(x: Operand, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The slices of `x` along `axis`, which they lack.

    Raises:
        ShapeError: there is no such axis, or its extent is symbolic.
    """
    array = as_array("unstack", x)
    place = one_axis("unstack", axis, array.ndim)
    extent = array._aval.shape[place]
    if isinstance(extent, Dim):
        raise ShapeError(f"unstack: axis {place} has the symbolic extent {extent}, and must be known")
    return tuple([squeeze(slice_axis(array, place, i, 1), place) for i in range(extent)])


@located
def rot90(x: Operand, /, k: int = 1, *, axes: tuple[int, int] = (0, 1)) -> Array:
    """`x` turned `k` times by 90 degrees in the plane of two axes, from the first towards the second.

    Raises:
        ShapeError: the axes are not two different ones of `x`.
    """
    array = as_array("rot90", x)
    if array.ndim < 2:
        raise ShapeError(f"rot90: the tensor must have at least 2 axes, but its rank is {array.ndim}")
    if len(many_axes("rot90", sequence("rot90", "axes", axes), array.ndim)) != 2:  # type: ignore[arg-type]
        raise ShapeError(f"rot90: two axes are needed, but {axes!r} was given")
    first, second = [one_axis("rot90", a, array.ndim) for a in axes]
    times = integer("rot90", "k", k) % 4
    if times == 0:
        return array
    if times == 2:
        return flip(array, axis=(first, second))
    if times == 1:
        return swapaxes(flip(array, axis=second), first, second)
    return flip(swapaxes(array, first, second), axis=second)


@located
def fliplr(x: Operand, /) -> Array:
    """`x` with the order along its second axis reversed.

    Raises:
        ShapeError: there is no such axis.
    """
    return _flipped("fliplr", x, 1)


@located
def flipud(x: Operand, /) -> Array:
    """`x` with the order along its first axis reversed.

    Raises:
        ShapeError: there is no such axis.
    """
    return _flipped("flipud", x, 0)


def _flipped(name: str, x: Operand, axis: int) -> Array:
    array = as_array(name, x)
    if array.ndim <= axis:
        raise ShapeError(f"{name}: the tensor must have an axis {axis}, but its shape is {show_shape(array.shape)}")
    return flip(array, axis=axis)


@located
def ravel(x: Operand, /) -> Array:
    """The elements of `x` in row-major order along one axis."""
    return reshape(as_array("ravel", x), -1)


@located
def atleast_1d(x: Operand, /) -> Array:
    """`x`, with an axis of extent 1 when it is 0-d."""
    array = as_array("atleast_1d", x)
    return array if array.ndim else expand_dims(array)


@located
def atleast_2d(x: Operand, /) -> Array:
    """`x` with as many leading axes of extent 1 as make its rank 2."""
    array = as_array("atleast_2d", x)
    return array if array.ndim >= 2 else expand_dims(array, axis=tuple(range(2 - array.ndim)))


@located
def atleast_3d(x: Operand, /) -> Array:
    """`x` with as many axes of extent 1 as make its rank 3: (), (n,), (m, n) become (1, 1, 1), (1, n, 1), (m, n, 1)."""
    array = as_array("atleast_3d", x)
    axes: AxisArgument = {0: (0, 1, 2), 1: (0, 2), 2: (2,)}.get(array.ndim)
    return array if axes is None else expand_dims(array, axis=axes)
