"""Rows that read at computed indices, and those that add at them; an index outside its axis is an error.

Negative indices count from the end. Additions to one place happen in the order of the indices (row-major).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import Attrs, Axis, Scatter, intern
from ..checks import Failure, fail
from ..dtypes import DType
from ..errors import DTypeError, LithographError, RangeError, ShapeError
from ..op import Accumulate, Element, Op, Reader, Sample
from ..promotion import keep
from ..scalar import Scalar
from ..stage import Operand, as_array, located, operand_type
from ..types import Extent, Shape, TensorType, broadcast_shapes, show_shape
from .axes import one_axis
from .rows import quiet, values
from .shapes import broadcast_to

__all__ = ["take", "take_along_axis"]


def _integers(name: str, dtype: DType) -> None:
    if not dtype.is_integer:
        raise DTypeError(
            f"{name}: indices must be integers, but their dtype is {dtype.name}; convert with astype(int64) "
            "first"
        )


def _range(name: str) -> Failure:
    def make(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
        assert isinstance(attrs, Axis | Scatter)
        extent = (attrs.shape if isinstance(attrs, Scatter) else types[0].shape)[attrs.axis]
        if isinstance(extent, int):
            legal = f"indices are {-extent} to {extent - 1}" if extent else "it has no index"
        else:
            legal = f"indices are below {extent}"
        return RangeError(
            f"{name}: index {report} is out of range for axis {attrs.axis} with extent {extent}; {legal}"
        )

    return make


_TAKE, _ALONG = _range("take"), _range("take_along_axis")


def _selected(
    index: Scalar, extent: Extent, read: Callable[[Scalar], Scalar], empty: Scalar
) -> Scalar:
    """The element that `read` gives at an index of any sign, checked."""
    if extent == 0:
        return scalar.check(empty, scalar.const(dtypes.bool_, False), 0, scalar.cast(index, dtypes.int64))
    # The check fails the program, but the element is read all the same, hence at a place that exists.
    return read(_place(index, extent))


def _checked(failure: Failure, indices: np.ndarray, operands: tuple[np.ndarray, ...], axis: int) -> np.ndarray:
    """Indices counted from the front, after the check."""
    extent = operands[0].shape[axis]
    wide = indices.astype(np.int64)
    fail(failure, (wide < -extent) | (wide >= extent), wide, operands, intern(Axis(axis)))
    return np.where(wide < 0, wide + extent, wide)


def _take_shape(shape: Shape, axis: int, indices: Shape) -> Shape:
    return (*shape[:axis], *indices, *shape[axis + 1 :])


def _take_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    x, indices = types
    _integers("take", indices.dtype)
    return TensorType(x.dtype, _take_shape(x.shape, typed(Axis, attrs).axis, indices.shape))


def _take_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    axis = typed(Axis, attrs).axis
    x, indices = operands
    after = axis + indices.type.ndim
    return _selected(
        indices.at(*index[axis:after]),
        x.type.shape[axis],
        lambda place: x.at(*index[:axis], place, *index[after:]),
        scalar.const(result.dtype, 0),
    )


def _take_of(x: np.ndarray, indices: np.ndarray, attrs: Axis) -> np.ndarray:
    return np.take(x, _checked(_TAKE, indices, (x, indices), attrs.axis), axis=attrs.axis)


def _indices(rng: np.random.Generator, shape: tuple[int, ...], extent: int, dtype: DType) -> np.ndarray:
    return rng.integers(0 if dtype.kind == "uint" else -extent, extent, shape).astype(dtype.numpy)


def _take_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    cases: list[tuple[tuple[int, ...], int, tuple[int, ...], DType]] = [
        ((4, 3), 0, (5,), dtypes.int64),
        ((4, 3), 1, (2, 2), dtypes.int32),
        ((2, 3, 4), 1, (), dtypes.int64),
        ((5,), 0, (0,), dtypes.int32),
        ((0, 3), 1, (2,), dtypes.uint8),
        ((6,), 0, (7,), dtypes.uint64),
    ]
    return [
        ((values(rng, dtype, shape), _indices(rng, count, shape[axis], kind)), intern(Axis(axis)))
        for shape, axis, count, kind in cases
    ]


_take = Op(
    "take",
    infer=_take_type,
    promote=keep,
    reference=quiet(_take_of),
    lowering=Element(_take_at),
    vjp=(lambda g, y, x, i, attrs: _scatter.call(g, i, intern(Scatter(attrs.axis, x.shape))), None),
    attrs=Axis,
    failure=_TAKE,
    samples=_take_samples,
)


def _scatter_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    updates, indices = types
    a = typed(Scatter, attrs)
    _integers("scatter_add", indices.dtype)
    expected = _take_shape(a.shape, a.axis, indices.shape)
    if updates.shape != expected:
        raise ShapeError(
            f"scatter_add: updates of shape {show_shape(expected)} are needed for indices of shape "
            f"{show_shape(indices.shape)} along axis {a.axis} of {show_shape(a.shape)}, not "
            f"{show_shape(updates.shape)}"
        )
    return TensorType(updates.dtype, a.shape)


def _place(index: Scalar, extent: Extent) -> Scalar:
    """Where an index of any sign points to, checked; 0 where it points outside."""
    given = scalar.cast(index, dtypes.int64)
    size = scalar.extent(extent)
    place = scalar.select(given < 0, given + size, given) if index.dtype.kind == "int" else given
    inside = (place >= 0) & (place < size)
    return scalar.check(scalar.select(inside, place, 0), inside, 0, given)


def _scatter_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> tuple[Scalar, ...]:
    axis = typed(Scatter, attrs).axis
    indices = operands[1]
    after = axis + indices.type.ndim
    place = _place(indices.at(*index[axis:after]), result.shape[axis])
    return (*index[:axis], place, *index[after:])


def _scatter_of(updates: np.ndarray, indices: np.ndarray, attrs: Scatter) -> np.ndarray:
    result = np.zeros(typed(tuple[int, ...], attrs.shape), updates.dtype)
    places = _checked(_TAKE, indices, (result, indices), attrs.axis)
    rows = np.moveaxis(result, attrs.axis, 0)
    axes = range(attrs.axis, attrs.axis + indices.ndim)
    given = np.moveaxis(updates, axes, range(indices.ndim)).reshape(indices.size, *rows.shape[1:])
    for place, row in zip(places.reshape(-1), given, strict=True):
        rows[place] += row
    return result


def _scatter_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype.kind == "bool":
        return []
    made: list[Sample] = []
    for (x, indices), attrs in _take_samples(rng, dtype):
        axis = typed(Axis, attrs).axis
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        made.append(((values(rng, dtype, shape), indices), intern(Scatter(axis, x.shape))))
    return made


_scatter: Op = Op(
    "scatter_add",
    infer=_scatter_type,
    promote=keep,
    reference=quiet(_scatter_of),
    lowering=Accumulate(_scatter_at),
    vjp=(lambda g, y, u, i, attrs: _take.call(g, i, intern(Axis(attrs.axis))), None),
    attrs=Scatter,
    failure=_TAKE,
    samples=_scatter_samples,
)


@located
def take(x: Operand, indices: Operand, /, *, axis: int | None = None) -> Array:
    """The slices of `x` at `indices` (integers of any shape, negative from the end) along `axis`.

    Without `axis`, `x` must be 1-D. The axis is replaced by those of `indices`.

    Raises:
        RangeError: an index is outside the axis, when the value is computed.
        DTypeError: `indices` are no integers.
        ShapeError: there is no such axis.
    """
    ndim = operand_type("take", x).ndim
    if axis is None and ndim != 1:
        raise ShapeError(
            f"take: the axis must be given for a tensor of rank {ndim}, as in take(x, indices, axis=0)"
        )
    return _take.call(x, indices, intern(Axis(one_axis("take", 0 if axis is None else axis, ndim))))


def _along_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    x, indices = types
    axis = typed(Axis, attrs).axis
    _integers("take_along_axis", indices.dtype)
    if _other(x.shape, axis) != _other(indices.shape, axis) or x.ndim != indices.ndim:
        raise ShapeError(
            f"take_along_axis: indices of shape {show_shape(indices.shape)} must match shape "
            f"{show_shape(x.shape)} "
            f"apart from axis {axis}"
        )
    return TensorType(x.dtype, indices.shape)


def _other(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def _along_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    axis = typed(Axis, attrs).axis
    x, indices = operands
    return _selected(
        indices.at(*index),
        x.type.shape[axis],
        lambda place: x.at(*index[:axis], place, *index[axis + 1 :]),
        scalar.const(result.dtype, 0),
    )


def _along_of(x: np.ndarray, indices: np.ndarray, attrs: Axis) -> np.ndarray:
    places = _checked(_ALONG, indices, (x, indices), attrs.axis)
    return np.take_along_axis(x, places, axis=attrs.axis)


def _along_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    cases: list[tuple[tuple[int, ...], int, tuple[int, ...], DType]] = [
        ((3, 4), 1, (3, 2), dtypes.int64),
        ((3, 4), 0, (5, 4), dtypes.int32),
        ((2, 3, 4), 1, (2, 1, 4), dtypes.int64),
        ((5,), 0, (0,), dtypes.int32),
    ]
    return [
        ((values(rng, dtype, shape), _indices(rng, count, shape[axis], kind)), intern(Axis(axis)))
        for shape, axis, count, kind in cases
    ]


_along = Op(
    "take_along_axis",
    infer=_along_type,
    promote=keep,
    reference=quiet(_along_of),
    lowering=Element(_along_at),
    vjp=(lambda g, y, x, i, attrs: _scatter_along.call(g, i, intern(Scatter(attrs.axis, x.shape))), None),
    attrs=Axis,
    failure=_ALONG,
    samples=_along_samples,
)


def _scatter_along_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    updates, indices = types
    a = typed(Scatter, attrs)
    _integers("scatter_add_along_axis", indices.dtype)
    if updates.shape != indices.shape or _other(a.shape, a.axis) != _other(indices.shape, a.axis):
        raise ShapeError(
            "scatter_add_along_axis: updates and indices must have one shape, which matches "
            f"{show_shape(a.shape)} "
            f"apart from axis {a.axis}, but they are {show_shape(updates.shape)} and "
            f"{show_shape(indices.shape)}"
        )
    return TensorType(updates.dtype, a.shape)


def _scatter_along_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> tuple[Scalar, ...]:
    axis = typed(Scatter, attrs).axis
    place = _place(operands[1].at(*index), result.shape[axis])
    return (*index[:axis], place, *index[axis + 1 :])


def _scatter_along_of(updates: np.ndarray, indices: np.ndarray, attrs: Scatter) -> np.ndarray:
    result = np.zeros(typed(tuple[int, ...], attrs.shape), updates.dtype)
    places = np.moveaxis(_checked(_ALONG, indices, (result, indices), attrs.axis), attrs.axis, 0)
    rows, given = np.moveaxis(result, attrs.axis, 0), np.moveaxis(updates, attrs.axis, 0)
    for place, row in zip(places, given, strict=True):
        old = np.take_along_axis(rows, place[None], axis=0)
        np.put_along_axis(rows, place[None], old + row, axis=0)
    return result


def _scatter_along_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype.kind == "bool":
        return []
    return [
        ((values(rng, dtype, indices.shape), indices), intern(Scatter(typed(Axis, attrs).axis, x.shape)))
        for (x, indices), attrs in _along_samples(rng, dtype)
    ]


_scatter_along: Op = Op(
    "scatter_add_along_axis",
    infer=_scatter_along_type,
    promote=keep,
    reference=quiet(_scatter_along_of),
    lowering=Accumulate(_scatter_along_at),
    vjp=(lambda g, y, u, i, attrs: _along.call(g, i, intern(Axis(attrs.axis))), None),
    attrs=Scatter,
    failure=_ALONG,
    samples=_scatter_along_samples,
)


@located
def take_along_axis(x: Operand, indices: Operand, /, *, axis: int = -1) -> Array:
    """For each place of `indices`, the element of `x` there, but at the index given along `axis`.

    Apart from `axis` the shapes broadcast together.

    Raises:
        RangeError: an index is outside the axis, when the value is computed.
        DTypeError: `indices` are no integers.
        ShapeError: ranks differ, shapes do not broadcast, or there is no such axis.
    """
    a, i = as_array("take_along_axis", x), as_array("take_along_axis", indices)
    place = one_axis("take_along_axis", axis, a.ndim)
    if a.ndim != i.ndim:
        raise ShapeError(
            "take_along_axis: tensor and indices must have one rank, but the shapes are "
            f"{show_shape(a.shape)} and "
            f"{show_shape(i.shape)}"
        )
    common = broadcast_shapes("take_along_axis", _other(a.shape, place), _other(i.shape, place))
    return _along.call(_to(a, place, common), _to(i, place, common), intern(Axis(place)))


def _to(x: Array, axis: int, common: Shape) -> Array:
    shape = (*common[:axis], x.shape[axis], *common[axis:])
    return x if shape == x.shape else broadcast_to(x, shape)
