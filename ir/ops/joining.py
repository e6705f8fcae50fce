"""Rows and functions that join arrays along an axis and take them apart again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeGuard
from typing import cast as typed

import numpy as np

from .. import scalar
from ..array import Array
from ..attrs import Attrs, Axis, intern
from ..batch_rules import along
from ..dtypes import DType
from ..errors import ArgumentError, DTypeError, ShapeError
from ..op import Element, Op, Reader, Sample
from ..promotion import same
from ..scalar import Scalar
from ..stage import Operand, as_array, located
from ..types import Dim, Extent, TensorType, show_shape
from .axes import integer, one_axis
from .manipulation import atleast_1d, atleast_2d, atleast_3d
from .rows import quiet, values
from .shapes import expand_dims, reshape
from .slicing import slice_axis

__all__ = [
    "array_split", "column_stack", "concat", "dsplit", "dstack", "hsplit", "hstack", "split", "stack", "vsplit",
    "vstack",
]  # fmt: skip


_MOST_PARTS: Final = 65536
"""Parts that an axis may be cut into when it has fewer elements; beyond, the number is taken for a mistake."""


def _type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    axis = typed(Axis, attrs).axis
    first = types[0]
    total: Extent = 0
    for t in types:
        if t.dtype is not first.dtype:
            raise DTypeError(
                f"concat: the operands are {first.dtype} and {t.dtype}, and must be of one dtype"
            )
        if t.ndim != first.ndim or any(
            i != axis and s != o for i, (s, o) in enumerate(zip(t.shape, first.shape, strict=True))
        ):
            raise ShapeError(
                f"concat: shapes {show_shape(first.shape)} and {show_shape(t.shape)} must be equal apart "
                "from "
                f"axis {axis}"
            )
        total = total + t.shape[axis]
    return TensorType(first.dtype, (*first.shape[:axis], total, *first.shape[axis + 1 :]))


def _clamped(index: Scalar, extent: Extent) -> Scalar:
    """An index that is safe to read at; what lies outside is not selected."""
    last = scalar.extent(extent) - 1
    low = scalar.binary("minimum", index, last)
    return scalar.binary("maximum", low, 0)


def _at(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Scalar:
    axis = typed(Axis, attrs).axis
    found: Scalar | None = None
    end: Extent = result.shape[axis]
    # From the last operand to the first, so that the innermost choice needs no test.
    for reader in reversed(operands):
        extent = reader.type.shape[axis]
        begin = end - extent
        if extent == 0:
            continue
        own = index[axis] if begin == 0 else index[axis] - scalar.extent(begin)
        part = reader.at(*index[:axis], _clamped(own, extent), *index[axis + 1 :])
        found = part if found is None else scalar.select(index[axis] < scalar.extent(end), part, found)
        end = begin
    return found if found is not None else scalar.const(result.dtype, 0)


def _slope(g: Array, y: Array, operands: tuple[Array, ...], attrs: Attrs, i: int) -> Array:
    axis = typed(Axis, attrs).axis
    begin: Extent = 0
    for operand in operands[:i]:
        begin = begin + operand.shape[axis]
    return slice_axis(g, axis, begin, operands[i].shape[axis])


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    groups: list[tuple[int, list[tuple[int, ...]]]] = [
        (0, [(2, 3), (4, 3)]),
        (1, [(2, 3), (2, 1), (2, 2)]),
        (0, [(3,)]),
        (1, [(2, 0), (2, 3), (2, 0), (2, 1)]),
        (0, [(0,), (0,)]),
        (2, [(1, 2, 3), (1, 2, 2)]),
    ]
    return [(tuple([values(rng, dtype, s) for s in shapes]), intern(Axis(axis))) for axis, shapes in groups]


_concat = Op(
    "concat",
    infer=_type,
    promote=same,
    reference=quiet(lambda *given: np.concatenate(given[:-1], axis=given[-1].axis)),
    lowering=Element(_at),
    vjp=_slope,
    linear=range(sys.maxsize),
    attrs=Axis,
    samples=_samples,
    batch=along,
)


def _several(name: str, arrays: Sequence[Operand]) -> list[Array]:
    given: object = arrays
    if not isinstance(given, list | tuple) or not given:
        raise ArgumentError(f"{name}: a list or tuple of at least one tensor is needed, as in {name}([a, b])")
    return [as_array(name, a) for a in given]


@located
def concat(arrays: Sequence[Operand], /, *, axis: int | None = 0) -> Array:
    """The arrays one after another along `axis`; None: all flattened first.

    Raises:
        ArgumentError: there is no array.
        ShapeError: shapes differ apart from that axis, or there is no such axis.
    """
    found = _several("concat", arrays)
    if axis is None:
        found, axis = [reshape(a, -1) for a in found], 0
    return _concat.call(*found, intern(Axis(one_axis("concat", axis, found[0].ndim))))


@located
def stack(arrays: Sequence[Operand], /, *, axis: int = 0) -> Array:
    """Arrays of one shape side by side along a new axis.

    Raises:
        ArgumentError: there is no array.
        ShapeError: shapes differ, or the result has no such axis.
    """
    found = _several("stack", arrays)
    for a in found:
        if a.shape != found[0].shape:
            raise ShapeError(
                f"stack: all shapes must be equal, but {show_shape(found[0].shape)} and "
                f"{show_shape(a.shape)} differ"
            )
    new = one_axis("stack", axis, found[0].ndim + 1)
    return _concat.call(*[expand_dims(a, axis=new) for a in found], intern(Axis(new)))


def _known_extent(name: str, x: Array, axis: int) -> int:
    extent = x._aval.shape[axis]
    if isinstance(extent, Dim):
        raise ShapeError(f"{name}: axis {axis} has the symbolic extent {extent}, and must be known")
    return extent


def _parts(array: Array, axis: int, bounds: Sequence[int]) -> list[Array]:
    return [slice_axis(array, axis, a, b - a) for a, b in pairwise(bounds)]


def _cut_at(name: str, array: Array, axis: int, indices: Sequence[object]) -> list[Array]:
    extent = _known_extent(name, array, axis)
    cuts = [integer(name, "an index", i) for i in indices]
    bounds = [0, *[c + extent if c < 0 else c for c in cuts], extent]
    if any(a > b for a, b in pairwise(bounds)):
        raise ShapeError(f"{name}: indices {tuple(cuts)} must not decrease, and lie within the extent {extent}")
    return _parts(array, axis, bounds)


@located
def split(x: Operand, sections_or_indices: int | Sequence[int], /, *, axis: int = 0) -> list[Array]:
    """`x` cut along `axis` into that many equal parts, or before each of the indices (which may not
    decrease).

    Raises:
        ShapeError: the extent is not a multiple of the sections, is symbolic, or an index lies outside.
    """
    return _split("split", as_array("split", x), sections_or_indices, axis)


def _are_indices(given: object) -> TypeGuard[Sequence[int]]:
    return isinstance(given, Sequence) or (isinstance(given, np.ndarray) and given.ndim > 0)


def _split(name: str, array: Array, sections_or_indices: int | Sequence[int], axis: int) -> list[Array]:
    place = one_axis(name, axis, array.ndim)
    if _are_indices(sections_or_indices):
        return _cut_at(name, array, place, list(sections_or_indices))
    extent = _known_extent(name, array, place)
    sections = integer(name, "the number of sections", sections_or_indices)
    if sections < 1 or extent % sections or sections > max(extent, _MOST_PARTS):
        raise ShapeError(
            f"{name}: axis {place} of extent {extent} cannot be cut into {sections} equal parts; "
            "give the indices to cut at instead"
        )
    size = extent // sections
    return _parts(array, place, [k * size for k in range(sections + 1)])


@located
def array_split(x: Operand, sections_or_indices: int | Sequence[int], /, *, axis: int = 0) -> list[Array]:
    """`x` cut as `split` does, but parts may be unequal: the first ones are longer by one.

    Raises:
        ShapeError: there are no sections, the extent is symbolic, or an index lies outside.
    """
    array = as_array("array_split", x)
    place = one_axis("array_split", axis, array.ndim)
    if _are_indices(sections_or_indices):
        return _cut_at("array_split", array, place, list(sections_or_indices))
    extent = _known_extent("array_split", array, place)
    sections = integer("array_split", "the number of sections", sections_or_indices)
    most = max(extent, _MOST_PARTS)
    if not 1 <= sections <= most:
        raise ShapeError(f"array_split: the number of sections must be from 1 to {most}, but it is {sections}")
    size, longer = divmod(extent, sections)
    return _parts(array, place, [k * size + min(k, longer) for k in range(sections + 1)])


def _split_of_rank(
    name: str, x: Operand, sections_or_indices: int | Sequence[int], axis: int, rank: int
) -> list[Array]:
    array = as_array(name, x)
    if array.ndim < rank:
        raise ShapeError(f"{name}: the tensor must have at least {rank} axes, but its rank is {array.ndim}")
    return _split(name, array, sections_or_indices, axis)


@located
def vsplit(x: Operand, sections_or_indices: int | Sequence[int], /) -> list[Array]:
    """`x` cut along its first axis as `split` does; ShapeError when its rank is below 2."""
    return _split_of_rank("vsplit", x, sections_or_indices, 0, 2)


@located
def hsplit(x: Operand, sections_or_indices: int | Sequence[int], /) -> list[Array]:
    """`x` cut along its second axis (the only one of a 1-D tensor) as `split` does; ShapeError for a 0-d tensor."""
    array = as_array("hsplit", x)
    return _split_of_rank("hsplit", array, sections_or_indices, 0 if array.ndim == 1 else 1, 1)


@located
def dsplit(x: Operand, sections_or_indices: int | Sequence[int], /) -> list[Array]:
    """`x` cut along its third axis as `split` does; ShapeError when its rank is below 3."""
    return _split_of_rank("dsplit", x, sections_or_indices, 2, 3)


def _joined(name: str, arrays: list[Array], axis: int) -> Array:
    if axis >= arrays[0].ndim:
        raise ShapeError(f"{name}: tensors of rank {arrays[0].ndim} have no axis {axis} to join along")
    return _concat.call(*arrays, intern(Axis(axis)))


@located
def vstack(arrays: Sequence[Operand], /) -> Array:
    """The arrays one below the other, 1-D ones as rows; errors as for `concat`."""
    return _joined("vstack", [atleast_2d(a) for a in _several("vstack", arrays)], 0)


@located
def hstack(arrays: Sequence[Operand], /) -> Array:
    """The arrays side by side along their second axis, 1-D ones along their only one; errors as for `concat`."""
    found = [atleast_1d(a) for a in _several("hstack", arrays)]
    return _joined("hstack", found, 0 if found[0].ndim == 1 else 1)


@located
def dstack(arrays: Sequence[Operand], /) -> Array:
    """The arrays behind one another along their third axis (see `atleast_3d`); errors as for `concat`."""
    return _joined("dstack", [atleast_3d(a) for a in _several("dstack", arrays)], 2)


@located
def column_stack(arrays: Sequence[Operand], /) -> Array:
    """The arrays side by side, 0-d and 1-D ones as columns; errors as for `concat`."""
    found = [a if a.ndim >= 2 else reshape(a, (-1, 1)) for a in _several("column_stack", arrays)]
    return _joined("column_stack", found, 1)
