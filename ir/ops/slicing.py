"""Rows that take strided parts of an array, and put them into zeros: each is the other's gradient."""

from __future__ import annotations

from typing import cast as typed

import numpy as np

from .. import scalar
from ..array import Array
from ..attrs import Attrs, Placement, Slice, intern
from ..batch_rules import Mapped, ranked, spread
from ..dtypes import DType
from ..errors import DTypeError, ShapeError
from ..gradient import unbroadcast
from ..op import Element, Op, Reader, Sample, Scatter, Target
from ..promotion import keep
from ..scalar import Scalar
from ..stage import Operand, as_array, located
from ..types import Dim, Extent, Shape, TensorType, broadcast_shapes, show_shape
from .axes import AxisArgument, many_axes
from .rows import quiet, values

__all__ = ["flip"]


def _inside(
    name: str, starts: tuple[Extent, ...], steps: tuple[int, ...], extents: Shape, shape: Shape
) -> None:
    """Raise ShapeError unless every place that is named exists; what depends on a symbol is trusted."""
    if not len(starts) == len(steps) == len(extents) == len(shape):
        raise ShapeError(f"{name}: starts, steps and extents must be given for all {len(shape)} axes")
    for axis, (start, step, extent, size) in enumerate(zip(starts, steps, extents, shape, strict=True)):
        if step == 0:
            raise ShapeError(f"{name}: the step along axis {axis} must not be zero")
        if isinstance(start, Dim) or isinstance(extent, Dim) or isinstance(size, Dim) or extent == 0:
            continue
        last = start + (extent - 1) * step
        if not (0 <= start < size and 0 <= last < size):
            raise ShapeError(
                f"{name}: elements {start} to {last} along axis {axis} are not all within the extent {size}"
            )


def _take(
    x: np.ndarray, starts: tuple[int, ...], steps: tuple[int, ...], extents: tuple[int, ...]
) -> np.ndarray:
    """A view of the places named."""
    for axis, (start, step, extent) in enumerate(zip(starts, steps, extents, strict=True)):
        stop = start + extent * step
        part = slice(0, 0) if extent == 0 else slice(start, stop if stop >= 0 else None, step)
        x = x[(slice(None),) * axis + (part,)]
    return x


def _slice_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    a = typed(Slice, attrs)
    _inside("slice", a.starts, a.steps, a.extents, types[0].shape)
    return TensorType(types[0].dtype, a.extents)


def _slice_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    a = typed(Slice, attrs)
    places = [_stepped(i, start, step) for i, start, step in zip(index, a.starts, a.steps, strict=True)]
    return operands[0].at(*places)


def _stepped(i: Scalar, start: Extent, step: int) -> Scalar:
    scaled = i if step == 1 else i * step
    return scaled if start == 0 else scaled + scalar.extent(start)


def _slice_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    cases: list[tuple[tuple[int, ...], Slice]] = [
        ((4, 5), Slice((1, 0), (1, 2), (2, 3))),
        ((6,), Slice((5,), (-1,), (6,))),
        ((6,), Slice((5,), (-2,), (3,))),
        ((2, 3, 4), Slice((0, 2, 3), (1, -1, -3), (2, 3, 2))),
        ((3, 2), Slice((0, 0), (1, 1), (0, 2))),
        ((), Slice((), (), ())),
    ]
    return [((values(rng, dtype, shape),), intern(attrs)) for shape, attrs in cases]


def _slice_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    return op.call(*operands, _whole_axis(typed(Slice, attrs), extent))


def _whole_axis(a: Slice, extent: Extent) -> Slice:
    """The same part of each of some examples."""
    return intern(Slice((0, *a.starts), (1, *a.steps), (extent, *a.extents)))


_slice: Op = Op(
    "slice",
    infer=_slice_type,
    promote=keep,
    reference=quiet(lambda x, attrs: _take(x, attrs.starts, attrs.steps, attrs.extents).copy()),
    lowering=Element(_slice_at, view=True),
    vjp=(lambda g, y, x, attrs: _place.call(g, intern(Placement(attrs.starts, attrs.steps, x.shape))),),
    linear=(0,),
    attrs=Slice,
    samples=_slice_samples,
    batch=_slice_batch,
)


def _place_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    a = typed(Placement, attrs)
    _inside("place", a.starts, a.steps, types[0].shape, a.shape)
    return TensorType(types[0].dtype, a.shape)


def _place_of(x: np.ndarray, attrs: Placement) -> np.ndarray:
    result = np.zeros([int(s) for s in typed(tuple[int, ...], attrs.shape)], x.dtype)
    _take(result, typed(tuple[int, ...], attrs.starts), attrs.steps, x.shape)[...] = x
    return result


def _place_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    a = typed(Placement, attrs)
    zero = scalar.const(result.dtype, 0)
    covered: Scalar | None = None
    places: list[Scalar] = []
    for i, start, step, extent, size in zip(
        index, a.starts, a.steps, operands[0].type.shape, a.shape, strict=True
    ):
        if extent == 0:
            return zero
        if start == 0 and step == 1 and extent == size:
            places.append(i)
            continue
        distance = i - scalar.extent(start)
        # For distances below zero (along the step) the quotient is 0 or less, so the test on the sign
        # decides.
        number = distance if step == 1 else scalar.binary("tdiv", distance, step)
        hit = (distance >= 0 if step > 0 else distance <= 0) & (number < scalar.extent(extent))
        hit = hit if step in (1, -1) else hit & scalar.eq(number * step, distance)
        covered = hit if covered is None else covered & hit
        last = scalar.extent(extent) - 1
        clipped = scalar.binary("maximum", scalar.binary("minimum", number, last), 0)
        places.append(clipped if step == 1 else scalar.select(hit, number, 0))
    found = operands[0].at(*places)
    return found if covered is None else scalar.select(covered, found, zero)


def _place_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    made: list[Sample] = []
    for (x,), attrs in _slice_samples(rng, dtype):
        a = typed(Slice, attrs)
        extents = typed(tuple[int, ...], a.extents)
        made.append(((values(rng, dtype, extents),), intern(Placement(a.starts, a.steps, x.shape))))
    return made


def _place_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    a = typed(Placement, attrs)
    return op.call(*operands, intern(Placement((0, *a.starts), (1, *a.steps), (extent, *a.shape))))


_place: Op = Op(
    "place",
    infer=_place_type,
    promote=keep,
    reference=quiet(_place_of),
    lowering=Element(_place_at),
    vjp=(lambda g, y, x, attrs: _slice.call(g, intern(Slice(attrs.starts, attrs.steps, x.shape))),),
    linear=(0,),
    attrs=Placement,
    samples=_place_samples,
    batch=_place_batch,
)


_KINDS = ("bool", "uint", "int", "float", "complex")


def into(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    """The second operand in the dtype of the first, if NumPy's rule "same kind" allows it; the rest as they are.

    Raises:
        DTypeError: it would lose its kind, as a float put among integers.
    """
    x, given = types[0].dtype, types[1]
    if not given.weak and _KINDS.index(given.dtype.kind) > _KINDS.index(x.kind):
        raise DTypeError(
            f"{name}: elements of {given.dtype} cannot be put into a tensor of {x}; convert with astype first"
        )
    return (x, x, *[t.dtype for t in types[2:]])


def fits(name: str, updates: TensorType, wanted: Shape) -> None:
    """ShapeError unless updates broadcast to the shape of the places that they are put in."""
    refused = ShapeError(
        f"{name}: what is put there has shape {show_shape(updates.shape)}, which does not broadcast to that of the "
        f"places, {show_shape(wanted)}"
    )
    try:
        common = broadcast_shapes(name, updates.shape, wanted)
    except ShapeError:
        raise refused from None
    if common != wanted:
        raise refused


def _put_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    a = typed(Slice, attrs)
    _inside("put_slice", a.starts, a.steps, a.extents, types[0].shape)
    fits("put_slice", types[1], a.extents)
    return types[0]


def _put_at(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Target:
    a = typed(Slice, attrs)
    return tuple([_stepped(i, start, step) for i, start, step in zip(index, a.starts, a.steps, strict=True)]), None


def _put_of(x: np.ndarray, updates: np.ndarray, attrs: Slice) -> np.ndarray:
    result = np.array(x)
    starts, extents = typed(tuple[int, ...], attrs.starts), typed(tuple[int, ...], attrs.extents)
    _take(result, starts, attrs.steps, extents)[...] = updates
    return result


def _put_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    made: list[Sample] = []
    for k, ((x,), attrs) in enumerate(_slice_samples(rng, dtype)):
        extents = typed(tuple[int, ...], typed(Slice, attrs).extents)
        made.append(((x, values(rng, dtype, extents[1:] if k % 2 else extents)), attrs))
    return made


def _put_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    x, updates = operands
    there = ranked(updates, x.ndim - mapped[0]) if mapped[1] else updates
    return op.call(spread(x, mapped[0], extent), there, _whole_axis(typed(Slice, attrs), extent))


_put: Op = Op(
    "put_slice",
    infer=_put_type,
    promote=into,
    reference=quiet(_put_of),
    lowering=Scatter(lambda attrs, types: typed(Slice, attrs).extents, _put_at, distinct=True),
    vjp=(
        lambda g, y, x, u, attrs: _put.call(g, 0.0, attrs),
        lambda g, y, x, u, attrs: unbroadcast(_slice.call(g, attrs), u.shape),
    ),
    linear=(0, 1),
    attrs=Slice,
    samples=_put_samples,
    batch=_put_batch,
)


def put_strided(
    x: Array, updates: Operand, starts: tuple[Extent, ...], steps: tuple[int, ...], extents: Shape
) -> Array:
    """`x` with the part that starts, steps and extents per axis name replaced by `updates`, which are broadcast."""
    return _put.call(x, updates, intern(Slice(starts, steps, extents)))


def slice_strided(x: Array, starts: tuple[Extent, ...], steps: tuple[int, ...], extents: Shape) -> Array:
    """The part of `x` that starts, steps and extents per axis name; `x` itself where that is all of it."""
    if extents == x.shape and all(s == 1 for s in steps) and all(s == 0 for s in starts):
        return x
    return _slice.call(x, intern(Slice(starts, steps, extents)))


def slice_axis(x: Array, axis: int, start: Extent, extent: Extent) -> Array:
    """`extent` elements of `x` from `start` on along one axis."""
    starts = tuple([start if i == axis else 0 for i in range(x.ndim)])
    extents = tuple([extent if i == axis else s for i, s in enumerate(x.shape)])
    return slice_strided(x, starts, (1,) * x.ndim, extents)


@located
def flip(x: Operand, /, *, axis: AxisArgument = None) -> Array:
    """`x` with the order along `axis` (None: along all) reversed."""
    array = as_array("flip", x)
    axes = many_axes("flip", axis, array.ndim)
    starts = tuple([s - 1 if i in axes and s != 0 else 0 for i, s in enumerate(array.shape)])
    steps = tuple([-1 if i in axes else 1 for i in range(array.ndim)])
    return slice_strided(array, starts, steps, array.shape)


def placed(x: Array, starts: tuple[int, ...], shape: Shape) -> Array:
    """`x` within zeros of `shape`, from the indices `starts` on."""
    return _place.call(x, intern(Placement(starts, (1,) * x.ndim, shape)))
