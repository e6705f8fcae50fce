"""Rows and functions that join arrays along an axis and take them apart again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast as typed

import numpy as np

from .. import scalar
from ..array import Array
from ..attrs import Attrs, Axis, intern
from ..dtypes import DType
from ..errors import ArgumentError, DTypeError, ShapeError
from ..op import Element, Op, Reader, Sample
from ..promotion import same
from ..scalar import Scalar
from ..stage import Operand, as_array, located
from ..types import Dim, Extent, TensorType, show_shape
from .axes import integer, one_axis
from .rows import quiet, values
from .shapes import expand_dims, reshape
from .slicing import slice_axis

__all__ = ["concat", "split", "stack"]


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
    attrs=Axis,
    samples=_samples,
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


@located
def split(x: Operand, sections_or_indices: int | Sequence[int], /, *, axis: int = 0) -> list[Array]:
    """`x` cut along `axis` into that many equal parts, or before each of the indices (which may not
    decrease).

    Raises:
        ShapeError: the extent is not a multiple of the sections, is symbolic, or an index lies outside.
    """
    array = as_array("split", x)
    place = one_axis("split", axis, array.ndim)
    extent = array._aval.shape[place]
    if isinstance(extent, Dim):
        raise ShapeError(f"split: axis {place} has the symbolic extent {extent}, and must be known")
    if isinstance(sections_or_indices, Sequence):
        cuts = [integer("split", "an index", i) for i in sections_or_indices]
        bounds = [0, *[c + extent if c < 0 else c for c in cuts], extent]
        if any(a > b for a, b in pairwise(bounds)):
            raise ShapeError(
                f"split: indices {tuple(cuts)} must not decrease, and lie within the extent {extent}"
            )
    else:
        sections = integer("split", "the number of sections", sections_or_indices)
        if sections < 1 or extent % sections:
            raise ShapeError(
                f"split: axis {place} of extent {extent} cannot be cut into {sections} equal parts; "
                "give the indices to cut at instead"
            )
        bounds = list(range(0, extent + 1, extent // sections)) if extent else [0] * (sections + 1)
    return [slice_axis(array, place, a, b - a) for a, b in pairwise(bounds)]
