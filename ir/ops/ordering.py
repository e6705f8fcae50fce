"""Rows that sort along the last axis, and the functions made of them; the order is that of `Sort` in `ir/op.py`."""

from __future__ import annotations

from typing import Final, NamedTuple
from typing import cast as typed

import numpy as np

from .. import dtypes
from ..array import Array
from ..attrs import Attrs, Axis, Order, intern
from ..dtypes import DType
from ..errors import ArgumentError, ShapeError
from ..op import Op, Sample, Sort
from ..promotion import keep
from ..registry import OPS
from ..stage import Operand, as_array, located
from ..types import TensorType, show_shape
from .axes import flag, integer, one_axis
from .creation import zeros
from .gathering import take_along_axis
from .rows import ANY, edges, quiet, refuse_kinds, values
from .shapes import swapaxes
from .slicing import slice_axis

__all__ = ["argsort", "lexsort", "sort", "top_k"]


def _positions(x: np.ndarray, attrs: Order) -> np.ndarray:
    """A stable ascending order; one that descends is that of the reversed row, read from its end."""
    keys = x if x.dtype.kind in "biuf" and x.dtype.itemsize != 2 else x.astype(np.float32)
    if not attrs.descending:
        return np.argsort(keys, axis=-1, kind="stable").astype(np.int64)
    turned = np.argsort(keys[..., ::-1], axis=-1, kind="stable")[..., ::-1]
    return np.asarray(x.shape[-1] - 1 - turned, np.int64)


def _first_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    cases: list[tuple[tuple[int, ...], int]] = [((3, 9), 2), ((80,), 48), ((2, 4), 4), ((4,), 0), ((0, 5), 3)]
    made: list[Sample] = []
    for k, (shape, first) in enumerate(cases):
        made.append(((rng.choice(edges(dtype), shape),), intern(Order(k % 2 == 0, first))))
        made.append(((values(rng, dtype, shape, -9, 9),), intern(Order(k % 2 == 1, first))))
    return made


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    cases: list[tuple[tuple[int, ...], bool]] = [
        ((7,), False), ((3, 5), True), ((2, 60), False), ((1,), True), ((2, 0), False), ((0, 3), True),
    ]  # fmt: skip
    made: list[Sample] = [
        ((values(rng, dtype, shape, -9, 9),), intern(Order(descending))) for shape, descending in cases
    ]
    for descending in (False, True):
        made.append(((edges(dtype),), intern(Order(descending))))
        made.append(((rng.permutation(np.resize(edges(dtype), 80)),), intern(Order(descending))))
    return made


def _row(name: str, positions: bool) -> Op:
    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        (x,) = types
        if not x.ndim:
            raise ShapeError(f"{name}: a 0-d tensor has no axis to sort along")
        if x.dtype.kind not in ANY:
            raise refuse_kinds(name, ANY, x.dtype)
        extent = typed(Order, attrs).first
        if extent is None:
            return TensorType(dtypes.int64 if positions else x.dtype, x.shape)
        row = x.shape[-1]  # A symbolic one was asked when the op was called.
        if not positions or extent < 0 or (isinstance(row, int) and row < extent):
            raise ShapeError(f"{name}: {extent} first positions cannot be taken of rows of {row} elements")
        return TensorType(dtypes.int64, (*x.shape[:-1], extent))

    def reference(x: np.ndarray, attrs: Order) -> np.ndarray:
        order = _positions(x, attrs)
        return order[..., : attrs.first] if positions else np.take_along_axis(x, order, axis=-1)

    return Op(
        name,
        infer=infer,
        promote=keep,
        reference=quiet(reference),
        lowering=Sort(positions),
        vjp=None if positions else (_sort_slope,),
        jvp=None if positions else (_sort_tangent,),
        attrs=Order,
        samples=lambda rng, dtype: _samples(rng, dtype) + (_first_samples(rng, dtype) if positions else []),
    )


def _sort_slope(g: Array, y: Array, x: Array, attrs: Order) -> Array:
    order = _argsort.call(x, attrs)
    return OPS["scatter_add_along_axis"].call(zeros(x.shape, dtype=x.dtype), g, order, intern(Axis(x.ndim - 1)))


def _sort_tangent(t: Array, y: Array, x: Array, attrs: Order) -> Array:
    return OPS["take_along_axis"].call(t, _argsort.call(x, attrs), intern(Axis(x.ndim - 1)))


_sort: Op = _row("sort", positions=False)
_argsort: Op = _row("argsort", positions=True)


def _along(row: Op, x: Operand, axis: object, descending: object, stable: object) -> Array:
    array = as_array(row.name, x)
    flag(row.name, "stable", stable)
    attrs = intern(Order(flag(row.name, "descending", descending)))
    place = one_axis(row.name, axis, array.ndim)
    return _turned(row.call(_turned(array, place), attrs), place)


def _turned(x: Array, axis: int) -> Array:
    """`x` with an axis and the last one exchanged."""
    return x if axis == x.ndim - 1 else swapaxes(x, axis, -1)


@located
def sort(x: Operand, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The elements of `x` in order along `axis`.

    A NaN counts as greater than every number, and the zeros as equal. Equal elements keep their order, whatever
    `stable` says.

    Raises:
        ShapeError: there is no such axis.
    """
    return _along(_sort, x, axis, descending, stable)


@located
def argsort(x: Operand, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The indices along `axis` that put the elements of `x` in the order of `sort`, as int64.

    Raises:
        ShapeError: there is no such axis.
    """
    return _along(_argsort, x, axis, descending, stable)


_MOST_FIRST: Final = 48
"""The longest list of first positions that is found without sorting all."""


class TopK(NamedTuple):
    """The first elements of an order, and where they stand."""

    values: Array
    indices: Array


@located
def top_k(x: Operand, k: int, /, *, axis: int = -1, largest: bool = True) -> TopK:
    """The `k` largest (or smallest) elements along `axis`, best first, and their indices as int64.

    Of equal elements the one with the lower index comes first; a NaN counts as greater than every number.

    Raises:
        ShapeError: there is no such axis, or it has fewer than `k` elements.
    """
    array = as_array("top_k", x)
    place = one_axis("top_k", axis, array.ndim)
    count = integer("top_k", "k", k)
    extent = array._aval.shape[place]
    if count < 0 or extent < count:
        raise ShapeError(f"top_k: k must be from 0 to the extent {extent} of axis {place}, but it is {count}")
    descending = flag("top_k", "largest", largest)
    if count <= _MOST_FIRST:
        attrs = intern(Order(descending, count))
        indices = _turned(_argsort.call(_turned(array, place), attrs), place)
    else:
        indices = slice_axis(argsort(array, axis=place, descending=descending), place, 0, count)
    return TopK(take_along_axis(array, indices, axis=place), indices)


@located
def lexsort(keys: Array | list[Operand] | tuple[Operand, ...], /, *, axis: int = -1) -> Array:
    """The indices that sort by several keys of one shape, the last key first, as int64.

    Raises:
        ArgumentError: there is no key.
        ShapeError: the keys differ in shape, or there is no such axis.
    """
    given: object = keys
    if not isinstance(given, list | tuple | Array) or not len(given):
        raise ArgumentError("lexsort: a list or tuple of at least one key is needed, as in lexsort([a, b])")
    found = [as_array("lexsort", k) for k in keys]
    for key in found:
        if key.shape != found[0].shape:
            raise ShapeError(
                f"lexsort: all keys must have one shape, but {show_shape(found[0].shape)} and "
                f"{show_shape(key.shape)} differ"
            )
    place = one_axis("lexsort", axis, found[0].ndim)
    order = argsort(found[0], axis=place)
    for key in found[1:]:
        order = _then(order, argsort(_then(key, order, place), axis=place), place)
    return order


def _then(x: Array, order: Array, axis: int) -> Array:
    return OPS["take_along_axis"].call(x, order, intern(Axis(axis)))
