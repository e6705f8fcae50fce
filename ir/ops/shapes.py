"""Rows that keep the elements and change the shape: reshape, transposition, broadcasting, sizes of axes."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import Attrs, Permutation, ShapeOf, intern
from ..batch_rules import Mapped, nothing, ranked
from ..dtypes import DType
from ..errors import ShapeError
from ..gradient import unbroadcast
from ..op import Alias, Element, Op, Reader, Sample
from ..promotion import keep
from ..scalar import Scalar
from ..stage import Operand, located, operand_type
from ..types import Dim, Extent, Shape, TensorType, show_shape
from .axes import AxisArgument, as_shape, factors, flag, legal_shape, many_axes, one_axis, sequence
from .rows import quiet, values

__all__ = [
    "broadcast_to", "expand_dims", "matrix_transpose", "moveaxis", "permute_dims", "reshape", "squeeze",
    "swapaxes", "transpose",
]  # fmt: skip


def _reshape_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    shape = typed(ShapeOf, attrs).shape
    source, made = types[0], TensorType(types[0].dtype, shape)
    if source.elements != made.elements:
        raise ShapeError(
            f"reshape: size ({source.elements}) must match the product of shape {show_shape(shape)}; "
            f"the tensor has shape {show_shape(source.shape)}"
        )
    return made


def _reshape_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    pairs = [((3, 4), (2, 6)), ((), (1, 1)), ((6,), (3, 2)), ((2, 0), (0, 5)), ((2, 1, 3), (6,))]
    return [((values(rng, dtype, a),), intern(ShapeOf(b))) for a, b in pairs]


_reshape: Op = Op(
    "reshape",
    infer=_reshape_type,
    promote=keep,
    reference=quiet(lambda x, attrs: np.reshape(x, attrs.shape)),
    lowering=Alias(),
    vjp=(lambda g, y, x, attrs: _reshape.call(g, intern(ShapeOf(x.shape))),),
    linear=(0,),
    attrs=ShapeOf,
    samples=_reshape_samples,
)


def _fill_in(given: Shape, shape: Shape) -> Shape:
    """The target shape with its one -1 replaced by what the size asks for."""
    unknown = [i for i, s in enumerate(given) if s == -1]
    if any(isinstance(s, int) and s < -1 for s in given) or len(unknown) > 1:
        raise ShapeError(
            f"reshape: extents must be >= 0, and one may be -1, but the shape is {show_shape(given)}"
        )
    if not unknown:
        return given
    count, symbols = factors(shape)
    known, known_symbols = factors(tuple([s for s in given if s != -1]))
    rest = list(symbols)
    for s in known_symbols:
        if s not in rest:
            break
        rest.remove(s)
    else:
        if known and count % known == 0:
            extent: Extent = functools.reduce(operator.mul, rest, count // known)
            return tuple([extent if s == -1 else s for s in given])
    raise ShapeError(
        f"reshape: no extent in place of -1 makes the shape {show_shape(given)} hold what "
        f"{show_shape(shape)} holds"
    )


@located
def reshape(x: Operand, /, shape: Extent | Sequence[Extent], *more: Extent, copy: bool | None = None) -> Array:
    """The elements of `x` in row-major order under another shape; one extent may be -1, the rest then decides
    it.

    `copy` is there for the Array API: a tensor never changes, so the result may share the memory of `x`, and True
    asks for nothing that could be told apart.

    Raises:
        ShapeError: the sizes differ.
    """
    if copy is not None:
        flag("reshape", "copy", copy)
    given = as_shape("reshape", (shape, *more) if more else shape)  # type: ignore[arg-type]
    filled = _fill_in(given, operand_type("reshape", x).shape)
    return _reshape.call(x, intern(ShapeOf(filled)))


@located
def expand_dims(x: Operand, /, *, axis: int | Sequence[int] = 0) -> Array:
    """`x` with new axes of extent 1, where `axis` counts in the result.

    Raises:
        ShapeError: the result has no such axis.
    """
    shape = operand_type("expand_dims", x).shape
    count = len(axis) if isinstance(axis, Sequence) else 1
    new = many_axes("expand_dims", axis, len(shape) + count)
    old = iter(shape)
    return _reshape.call(
        x, intern(ShapeOf(tuple([1 if i in new else next(old) for i in range(len(shape) + count)])))
    )


@located
def squeeze(x: Operand, /, axis: AxisArgument = None) -> Array:
    """`x` without the axes named, which must have extent 1; None names all such axes.

    Raises:
        ShapeError: an extent is not 1.
    """
    shape = operand_type("squeeze", x).shape
    axes = (
        tuple([i for i, s in enumerate(shape) if s == 1])
        if axis is None
        else many_axes("squeeze", axis, len(shape))
    )
    for a in axes:
        if shape[a] != 1:
            raise ShapeError(f"squeeze: axis {a} has extent {shape[a]}, only axes of extent 1 can be dropped")
    return _reshape.call(x, intern(ShapeOf(tuple([s for i, s in enumerate(shape) if i not in axes]))))


def _transpose_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    order = typed(Permutation, attrs).order
    if sorted(order) != list(range(types[0].ndim)):
        raise ShapeError(
            f"transpose: axes {order} must name each of the {types[0].ndim} axes of shape "
            f"{show_shape(types[0].shape)} once"
        )
    return TensorType(types[0].dtype, tuple([types[0].shape[i] for i in order]))


def _transposed(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    order = typed(Permutation, attrs).order
    return operands[0].at(*[index[order.index(i)] for i in range(len(order))])


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple([order.index(i) for i in range(len(order))])


def _transpose_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    pairs = [((3, 4), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((2, 3, 4), (0, 2, 1)), ((), ()), ((0, 2), (1, 0))]
    return [((values(rng, dtype, shape),), intern(Permutation(order))) for shape, order in pairs]


def _transpose_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    return op.call(*operands, intern(Permutation((0, *[i + 1 for i in typed(Permutation, attrs).order]))))


_transpose: Op = Op(
    "transpose",
    infer=_transpose_type,
    promote=keep,
    reference=quiet(lambda x, attrs: np.transpose(x, attrs.order)),
    lowering=Element(_transposed, view=True),
    vjp=(lambda g, y, x, attrs: _transpose.call(g, intern(Permutation(_inverse(attrs.order)))),),
    linear=(0,),
    attrs=Permutation,
    samples=_transpose_samples,
    batch=_transpose_batch,
)


@located
def transpose(x: Operand, /, axes: Sequence[int] | None = None) -> Array:
    """Axis i of the result is axis `axes[i]` of `x`; without `axes` their order is reversed.

    Raises:
        ShapeError: `axes` is not a permutation.
    """
    ndim = operand_type("transpose", x).ndim
    given = range(ndim)[::-1] if axes is None else sequence("transpose", "axes", axes)
    return _transpose.call(x, intern(Permutation(tuple([one_axis("transpose", a, ndim) for a in given]))))


def permute_dims(x: Operand, /, axes: Sequence[int]) -> Array:
    """Axis i of the result is axis `axes[i]` of `x`; the Array API's name of `transpose`."""
    return transpose(x, axes)


@located
def swapaxes(x: Operand, axis1: int, axis2: int, /) -> Array:
    """`x` with two axes exchanged."""
    ndim = operand_type("swapaxes", x).ndim
    order = list(range(ndim))
    a, b = one_axis("swapaxes", axis1, ndim), one_axis("swapaxes", axis2, ndim)
    order[a], order[b] = order[b], order[a]
    return _transpose.call(x, intern(Permutation(tuple(order))))


@located
def moveaxis(x: Operand, source: int | Sequence[int], destination: int | Sequence[int], /) -> Array:
    """`x` with one axis, or several, moved to other places, the rest in their order.

    Raises:
        ShapeError: there is no such axis, one is named twice, or sources and destinations differ in number.
    """
    ndim = operand_type("moveaxis", x).ndim
    sources, places = _axes_in_order(source, ndim), _axes_in_order(destination, ndim)
    if len(sources) != len(places):
        raise ShapeError(f"moveaxis: {len(sources)} axes cannot move to {len(places)} places")
    order = [i for i in range(ndim) if i not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return _transpose.call(x, intern(Permutation(tuple(order))))


def _axes_in_order(axis: int | Sequence[int], ndim: int) -> list[int]:
    many_axes("moveaxis", axis, ndim)
    return [one_axis("moveaxis", a, ndim) for a in (axis if isinstance(axis, Sequence) else (axis,))]


@located
def matrix_transpose(x: Operand, /) -> Array:
    """`x` with its last two axes exchanged.

    Raises:
        ShapeError: `x` has fewer than two axes.
    """
    ndim = operand_type("matrix_transpose", x).ndim
    if ndim < 2:
        raise ShapeError(f"matrix_transpose: the tensor must have at least 2 axes, but its rank is {ndim}")
    return _transpose.call(x, intern(Permutation((*range(ndim - 2), ndim - 1, ndim - 2))))


def _broadcast_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    shape, given = typed(ShapeOf, attrs).shape, types[0].shape
    offset = len(shape) - len(given)
    if offset < 0 or any(s not in (1, shape[offset + i]) for i, s in enumerate(given)):
        raise ShapeError(
            f"broadcast_to: a tensor of shape {show_shape(given)} cannot be broadcast to "
            f"{show_shape(shape)}; "
            "extents must be equal or 1, counted from the last axis"
        )
    return TensorType(types[0].dtype, shape)


def _broadcasted(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    given = operands[0].type.shape
    own = index[len(index) - len(given) :]
    zero = scalar.const(dtypes.int64, 0)
    return operands[0].at(*[zero if s == 1 else i for s, i in zip(given, own, strict=True)])


def _broadcast_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    pairs = [
        ((3, 1), (2, 3, 4)),
        ((), (2, 3)),
        ((4,), (4,)),
        ((1,), (0,)),
        ((1, 1), (3, 2)),
        ((0, 1), (2, 0, 3)),
    ]
    return [((values(rng, dtype, a),), intern(ShapeOf(b))) for a, b in pairs]


def _broadcast_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    shape = typed(ShapeOf, attrs).shape
    return op.call(ranked(operands[0], len(shape)), intern(ShapeOf((extent, *shape))))


_broadcast_to = Op(
    "broadcast_to",
    infer=_broadcast_type,
    promote=keep,
    reference=quiet(
        lambda x, attrs: np.ascontiguousarray(np.broadcast_to(x, attrs.shape)).reshape(attrs.shape)
    ),
    lowering=Element(_broadcasted, view=True),
    vjp=(lambda g, y, x, attrs: unbroadcast(g, x.shape),),
    linear=(0,),
    attrs=ShapeOf,
    samples=_broadcast_samples,
    batch=_broadcast_batch,
)


@located
def broadcast_to(x: Operand, /, shape: Sequence[Extent]) -> Array:
    """`x` repeated along axes that it lacks, or has with extent 1, up to `shape`.

    Raises:
        ShapeError: `x` does not broadcast to `shape`.
    """
    return _broadcast_to.call(x, intern(ShapeOf(legal_shape("broadcast_to", shape))))


def _extent(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    return scalar.extent(TensorType(result.dtype, typed(ShapeOf, attrs).shape).elements)


_extent_row = Op(
    "extent",
    infer=lambda types, attrs: TensorType(dtypes.int64, ()),
    promote=keep,
    reference=quiet(lambda attrs: np.int64(math.prod(attrs.shape))),
    lowering=Element(_extent),
    attrs=ShapeOf,
    samples=lambda rng, dtype: [((), intern(ShapeOf(shape))) for shape in ((), (3,), (2, 5), (0, 7))],
    batch=nothing,
)


def axis_size(x: Array, axes: tuple[int, ...]) -> Array | int:
    """The number of elements along `axes` together: an int where it is known, else an int64 0-d array."""
    shape = tuple([x._aval.shape[a] for a in axes])
    if any(isinstance(s, Dim) for s in shape):
        return _extent_row.call(intern(ShapeOf(shape)))
    return math.prod(shape)  # type: ignore[arg-type]
