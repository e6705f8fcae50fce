"""Rows that read at computed indices, along one axis or several; an index outside its axis is an error unless allowed.

Negative indices count from the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import Attrs, Axis, Indexing, intern
from ..batch_rules import Mapped, along, common_rank, move, numbered, together, transpose
from ..dtypes import DType
from ..errors import ArgumentError, ShapeError
from ..op import Element, Op, Reader, Sample
from ..promotion import keep
from ..records import replace
from ..registry import OPS
from ..scalar import Scalar
from ..stage import Operand, as_array, located, operand_type
from ..types import Extent, Shape, TensorType, broadcast_shapes, show_shape
from .arithmetic import maximum
from .axes import one_axis, sequence
from .creation import full, zeros
from .logic import where
from .places import failure, integers, place, places
from .rows import quiet, values
from .shapes import broadcast_to, reshape

__all__ = ["gather", "take", "take_along_axis"]

Mode = Literal["raise", "clip", "wrap", "fill"]


def selected_shape(shape: Shape, attrs: Indexing, indices: Shape) -> Shape:
    """The shape of what indices of a common shape select."""
    rest = [e for k, e in enumerate(shape) if k not in attrs.axes]
    return (*rest[: attrs.at], *indices, *rest[attrs.at :])


def domain(attrs: Attrs, types: tuple[TensorType, ...], first: int = 1) -> Shape:
    """The shape of what the index operands, from number `first` on, select from the first one."""
    shapes = [t.shape for t in types[first:]]
    return selected_shape(types[0].shape, typed(Indexing, attrs), broadcast_shapes("index", *shapes))


def legal(name: str, types: tuple[TensorType, ...], attrs: Attrs, first: int = 1) -> None:
    """Raise unless there is one index operand for each axis, of integers, and the axes exist."""
    a, ndim = typed(Indexing, attrs), types[0].ndim
    for t in types[first:]:
        integers(name, t.dtype)
    ascending = list(a.axes) == sorted(set(a.axes)) and all(0 <= k < ndim for k in a.axes)
    if not a.axes or len(a.axes) != len(types) - first or not ascending or not 0 <= a.at <= ndim - len(a.axes):
        raise ShapeError(
            f"{name}: {len(types) - first} index operands with axes {a.axes} placed at {a.at} do not fit rank {ndim}"
        )


def places_at(
    attrs: Attrs, shape: Shape, index: tuple[Scalar, ...], indices: Sequence[Reader]
) -> tuple[tuple[Scalar, ...], Scalar | None]:
    """Where the element at `index` of the selection lies in an array of `shape`; whether it does (None: it does)."""
    a = typed(Indexing, attrs)
    count = max(r.type.ndim for r in indices)
    common = index[a.at : a.at + count]
    rest = iter((*index[: a.at], *index[a.at + count :]))
    inside: Scalar | None = None
    found: list[Scalar] = []
    for axis, extent in enumerate(shape):
        if axis not in a.axes:
            found.append(next(rest))
            continue
        number = a.axes.index(axis)
        reader = indices[number]
        own = zip(reader.type.shape, common[count - reader.type.ndim :], strict=True)
        given = reader.at(*[scalar.const(dtypes.int64, 0) if e == 1 else i for e, i in own])
        there, exists = place(given, extent, a.mode, number)
        found.append(there)
        if exists is not None:
            inside = exists if inside is None else inside & exists
    return tuple(found), inside


def _gather_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    legal("gather", types, attrs)
    return TensorType(types[0].dtype, domain(attrs, types))


def _gather_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    x, *indices = operands
    found, inside = places_at(attrs, x.type.shape, index, indices)
    return _element(x, found, inside)


def _element(x: Reader, found: tuple[Scalar, ...], inside: Scalar | None = None) -> Scalar:
    """The element at checked places, zero where it is not inside."""
    zero = scalar.const(x.type.dtype, 0)
    if 0 not in x.type.shape:
        element = x.at(*found)
        return element if inside is None else scalar.select(inside, element, zero)
    # There is nothing to read; what fails because of that is the check.
    for there in found:
        if there.prim == "check":
            zero = scalar.check(zero, there.args[1], typed(int, there.payload), there.args[2])
    return zero


def selection(x: np.ndarray, indices: Sequence[np.ndarray], attrs: Indexing) -> list[tuple[tuple[int, ...], bool]]:
    """For each place of the common shape of the indices, in row-major order: the index along `attrs.axes`, and whether
    it exists.
    """
    found = [places(i, (x, *indices), attrs, k) for k, i in enumerate(indices)]
    shape = np.broadcast_shapes(*[i.shape for i in indices])
    wide = [(np.broadcast_to(p, shape), np.broadcast_to(e, shape)) for p, e in found]
    return [(tuple([int(p[c]) for p, _ in wide]), all(e[c] for _, e in wide)) for c in np.ndindex(shape)]


def _gather_of(x: np.ndarray, *rest: np.ndarray | Indexing) -> np.ndarray:
    *indices, attrs = typed("tuple[np.ndarray, ...]", rest)
    a = typed(Indexing, attrs)
    common = np.broadcast_shapes(*[i.shape for i in indices])
    moved = np.moveaxis(x, a.axes, range(len(a.axes)))
    left = moved.shape[len(a.axes) :]
    parts = [moved[at] if exists else np.zeros(left, x.dtype) for at, exists in selection(x, indices, a)]
    found = np.array(parts, x.dtype).reshape((*common, *left))
    return np.moveaxis(found, range(len(common)), range(a.at, a.at + len(common)))


def random_indices(
    rng: np.random.Generator, shape: tuple[int, ...], extent: int, dtype: DType, beyond: int = 0
) -> np.ndarray:
    """Legal indices into an extent, and up to `beyond` outside."""
    low = 0 if dtype.kind == "uint" else -extent - beyond
    return rng.integers(low, extent + beyond, shape).astype(dtype.numpy)


def gather_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    """Operands of one dtype with indices of several shapes, dtypes and modes."""
    made: list[Sample] = []

    def add(shape: tuple[int, ...], axes: tuple[int, ...], at: int, *given: tuple[tuple[int, ...], DType]) -> None:
        for mode in ("raise", "clip", "wrap", "drop")[: 4 if len(axes) > 1 else 1]:
            beyond = 0 if mode == "raise" else 3
            indices = [
                random_indices(rng, s, shape[a], d, beyond) for (s, d), a in zip(given, axes, strict=True)
            ]
            attrs = intern(Indexing(axes, at, typed(Literal["raise"], mode)))
            made.append(((values(rng, dtype, shape), *indices), attrs))

    add((4, 3), (0,), 0, ((5,), dtypes.int64))
    add((4, 3), (1,), 1, ((2, 2), dtypes.int32))
    add((2, 3, 4), (1,), 1, ((), dtypes.int64))
    add((0, 3), (1,), 0, ((2,), dtypes.uint8))
    add((2, 3, 4), (0, 2), 0, ((4,), dtypes.uint64), ((2, 1), dtypes.int8))
    return made


def _gather_vjp(g: Array, y: Array, operands: tuple[Array, ...], attrs: Attrs, i: int) -> Array:
    x, *indices = operands
    return OPS["scatter_add"].call(zeros(x.shape, dtype=x.dtype), g, *indices, attrs)


def _gather_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    (x, *indices), a = operands, typed(Indexing, attrs)
    if not any(mapped[1:]):
        return op.call(x, *indices, intern(replace(a, axes=tuple([k + 1 for k in a.axes]), at=a.at + 1)))
    if not mapped[0]:
        return move(op.call(x, *together(indices, mapped[1:]), attrs), a.at, 0)
    axes, rank = (0, *[k + 1 for k in a.axes]), common_rank(indices, mapped[1:])
    found = op.call(x, *numbered(indices, mapped[1:], extent), intern(Indexing(axes, 0, a.mode)))
    last = 1 + rank + a.at
    return transpose(found, (0, *range(1 + rank, last), *range(1, 1 + rank), *range(last, found.ndim)))


_gather = Op(
    "gather",
    infer=_gather_type,
    promote=keep,
    reference=quiet(_gather_of),
    lowering=Element(_gather_at),
    vjp=_gather_vjp,
    linear=(0,),
    attrs=Indexing,
    failure=failure,
    samples=gather_samples,
    batch=_gather_batch,
)


def check_alone(x: Array, indices: Sequence[Operand], axes: Sequence[int], domain: Shape, mode: str) -> None:
    """Check indices that select nothing because something else is empty: an illegal one is an error all the same."""
    if mode != "raise" or 0 not in domain:
        return
    for i, axis in zip(indices, axes, strict=True):
        column = full([e if k == axis else 1 for k, e in enumerate(x.shape)], False)
        _gather.call(column, i, intern(Indexing((axis,), 0)))


def select(
    x: Array, indices: Sequence[Operand], axes: Sequence[int], at: int, mode: Mode, fill_value: Operand
) -> Array:
    """What several index arrays select together; outside is as `mode` says."""
    attrs = intern(Indexing(tuple(axes), at, "drop" if mode == "fill" else mode))
    found = _gather.call(x, *indices, attrs)
    check_alone(x, indices, axes, found.shape, mode)
    if mode != "fill" or (isinstance(fill_value, bool | int | float) and fill_value == 0):
        return found
    # Where a true value is read there is something to read.
    there = full([x.shape[a] for a in axes], True)
    inside = _gather.call(there, *indices, intern(Indexing(tuple(range(len(axes))), 0, "drop")))
    ones = (1,) * (found.ndim - inside.ndim - at)
    return where(reshape(inside, (*inside.shape, *ones)), found, fill_value)


def legal_mode(name: str, mode: object, modes: object) -> None:
    """ArgumentError unless a mode is one of a Literal."""
    if not isinstance(mode, str) or mode not in get_args(modes):
        raise ArgumentError(
            f"{name}: mode is one of {', '.join([repr(m) for m in get_args(modes)])}, but {mode!r} was given"
        )


def axes_of(
    name: str, indices: object, axis: int | Sequence[int], ndim: int
) -> tuple[list[Operand], tuple[int, ...], int]:
    """Index arrays, their axes ascending, and where the axes of the indices stand in the result."""
    if isinstance(axis, int) and not isinstance(indices, tuple):
        one = one_axis(name, axis, ndim)
        return [typed(Operand, indices)], (one,), one
    axes = [one_axis(name, a, ndim) for a in sequence(name, "axis", axis)]
    given = list(sequence(name, "indices", indices))
    if len(given) != len(axes) or len(set(axes)) != len(axes) or not axes:
        raise ShapeError(
            f"{name}: one index array is needed for each of some different axes, but axis is {axis} and there are "
            f"{len(given)} index arrays"
        )
    order = sorted(range(len(axes)), key=axes.__getitem__)
    ascending = tuple([axes[k] for k in order])
    together = ascending[-1] - ascending[0] + 1 == len(ascending)
    return [typed(Operand, given[k]) for k in order], ascending, ascending[0] if together else 0


@located
def gather(
    x: Operand,
    indices: Operand | tuple[Operand, ...],
    /,
    *,
    axis: int | Sequence[int] = 0,
    mode: Mode = "raise",
    fill_value: Operand = 0,
) -> Array:
    """The slices of `x` at `indices` (integers of any shape, negative from the end) along `axis`.

    With several axes, `indices` is a tuple of as many arrays, which broadcast together. Their common axes replace
    the axes indexed, and stand first where those are not neighbours. An index outside its axis is an error, or by
    `mode`: "clip", the nearest place; "wrap", the place modulo the extent; "fill", `fill_value`.

    Raises:
        RangeError: an index is outside its axis, when the value is computed; modes "clip" and "wrap" only where the
            axis is empty.
        DTypeError: `indices` are no integers.
        ShapeError: there is no such axis, or the index arrays do not broadcast.
    """
    legal_mode("gather", mode, Mode)
    array = as_array("gather", x)
    given, axes, at = axes_of("gather", indices, axis, array.ndim)
    return select(array, given, axes, at, mode, fill_value)


@located
def take(
    x: Operand,
    indices: Operand,
    /,
    *,
    axis: int | None = None,
    mode: Mode = "raise",
    fill_value: Operand = 0,
) -> Array:
    """The slices of `x` at `indices` (integers of any shape, negative from the end) along `axis`.

    Without `axis`, `x` must be 1-D. The axis is replaced by those of `indices`. Modes are those of `gather`, but with
    "clip" no index counts from the end, as in NumPy.

    Raises:
        RangeError: an index is outside the axis, when the value is computed.
        DTypeError: `indices` are no integers.
        ShapeError: there is no such axis.
    """
    legal_mode("take", mode, Mode)
    ndim = operand_type("take", x).ndim
    if axis is None and ndim != 1:
        raise ShapeError(
            f"take: the axis must be given for a tensor of rank {ndim}, as in take(x, indices, axis=0)"
        )
    integers("take", operand_type("take", indices).dtype)
    if mode == "clip":
        indices = maximum(indices, 0)
    one = one_axis("take", 0 if axis is None else axis, ndim)
    return select(as_array("take", x), [indices], [one], one, mode, fill_value)


def _along_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    x, indices = types
    axis = typed(Axis, attrs).axis
    integers("take_along_axis", indices.dtype)
    if other(x.shape, axis) != other(indices.shape, axis) or x.ndim != indices.ndim:
        raise ShapeError(
            f"take_along_axis: indices of shape {show_shape(indices.shape)} must match shape "
            f"{show_shape(x.shape)} "
            f"apart from axis {axis}"
        )
    return TensorType(x.dtype, indices.shape)


def other(shape: Shape, axis: int) -> Shape:
    """A shape without one axis."""
    return (*shape[:axis], *shape[axis + 1 :])


def _along_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    axis = typed(Axis, attrs).axis
    x, indices = operands
    there, _ = place(indices.at(*index), x.type.shape[axis])
    return _element(x, (*index[:axis], there, *index[axis + 1 :]))


def _along_of(x: np.ndarray, indices: np.ndarray, attrs: Axis) -> np.ndarray:
    return np.take_along_axis(x, places(indices, (x, indices), attrs)[0], axis=attrs.axis)


def along_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    """Operands of one dtype with indices that have the same rank."""
    cases: list[tuple[tuple[int, ...], int, tuple[int, ...], DType]] = [
        ((3, 4), 1, (3, 2), dtypes.int64),
        ((3, 4), 0, (5, 4), dtypes.int32),
        ((2, 3, 4), 1, (2, 1, 4), dtypes.int64),
        ((5,), 0, (0,), dtypes.int32),
    ]
    return [
        ((values(rng, dtype, shape), random_indices(rng, count, shape[axis], kind)), intern(Axis(axis)))
        for shape, axis, count, kind in cases
    ]


_along = Op(
    "take_along_axis",
    infer=_along_type,
    promote=keep,
    reference=quiet(_along_of),
    lowering=Element(_along_at),
    vjp=(
        lambda g, y, x, i, attrs: OPS["scatter_add_along_axis"].call(zeros(x.shape, dtype=x.dtype), g, i, attrs),
        None,
    ),
    linear=(0,),
    attrs=Axis,
    failure=failure,
    samples=along_samples,
    batch=along,
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
    common = broadcast_shapes("take_along_axis", other(a.shape, place), other(i.shape, place))
    return _along.call(_to(a, place, common), _to(i, place, common), intern(Axis(place)))


def _to(x: Array, axis: int, common: Shape) -> Array:
    shape = (*common[:axis], x.shape[axis], *common[axis:])
    return x if shape == x.shape else broadcast_to(x, shape)
