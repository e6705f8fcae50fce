"""What a subscript means: a strided part of the operand, then index arrays along some axes of it, then new axes.

Where several index arrays stand apart, their common axes come first in the result, as in NumPy. A mask stands for the
index arrays of its true places, so its values must be known.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from types import EllipsisType
from typing import cast as typed

import numpy as np

from .. import dtypes
from ..array import Array
from ..attrs import Constant
from ..batching import Batched
from ..builder import Traced
from ..errors import ArgumentError, RangeError, ShapeError, TraceError
from ..records import dataclass
from ..stage import as_array, current, number
from ..types import Dim, Extent, Shape, broadcast_shapes, same_extent, show_shape
from .axes import integer
from .joining import stack
from .places import out_of_range
from .shapes import broadcast_to, reshape

Index = int | slice | EllipsisType | None | Array | np.ndarray | Sequence[object]

_SUPPORTED = "a subscript holds integers, slices, ..., None, and arrays or lists of integers or bools"


@dataclass(frozen=True, slots=True)
class _Strided:
    """Elements `start`, `start + step`, ... of an axis; the axis stays unless one integer stood there."""

    axis: int
    start: Extent = 0
    step: int = 1
    extent: Extent = 1
    stays: bool = True


@dataclass(frozen=True, slots=True)
class _Indices:
    """Indices taken from an axis."""

    axis: int
    array: Array


@dataclass(frozen=True, slots=True)
class _Truth:
    """A single truth value: all or nothing, along an axis of its own."""

    value: bool


_Part = _Strided | _Indices | _Truth | EllipsisType | None


@dataclass(frozen=True, slots=True)
class Selection:
    """A subscript made out.

    Attributes:
        starts, steps, extents: the strided part, per axis of the operand.
        indices, axes: index arrays, and the axes of the strided part that they select from.
        at: where the common axes of the index arrays stand in what they select.
        kept: the axes of what was selected, in the order of the result; None for a new axis of extent 1.
        nothing: the common axes of the indices are empty, because of a single False.
    """

    starts: tuple[Extent, ...]
    steps: tuple[int, ...]
    extents: Shape
    indices: tuple[Array, ...]
    axes: tuple[int, ...]
    at: int
    kept: tuple[int | None, ...]
    nothing: int | None = None

    @property
    def selected(self) -> Shape:
        """The shape of what the index arrays select from the strided part."""
        rest = [e for k, e in enumerate(self.extents) if k not in self.axes]
        common = broadcast_shapes("index", *[i.shape for i in self.indices]) if self.indices else ()
        return (*rest[: self.at], *common, *rest[self.at :])

    @property
    def shape(self) -> Shape:
        """The shape of the result."""
        found = self.selected
        return tuple(
            [0 if k == self.nothing else 1 if a is None else found[a] for k, a in enumerate(self.kept)]
        )


def selection(shape: Shape, index: object, mode: str = "raise") -> Selection:
    """Make out a subscript of an array of some shape.

    Args:
        shape: of the array.
        index: what stands between the brackets.
        mode: of indices outside their axis; unless it is "raise", integers count as index arrays.

    Raises:
        RangeError: an integer is outside its axis, a mask does not fit, or there are more indices than axes.
        ArgumentError: something else stands in the subscript.
        ShapeError: a part of a symbolic axis, or index arrays that do not broadcast.
        TraceError: a mask whose values are not known yet.
    """
    items = [_item(i) for i in (index if isinstance(index, tuple) else (index,))]
    parts: list[_Part] = []
    axis = 0
    for item in _with_ellipsis(items, len(shape)):
        if item is None or item is Ellipsis:
            parts.append(item)
        elif isinstance(item, Array) and item.dtype is dtypes.bool_:
            parts.extend(_mask(axis, item, shape))
            axis += item.ndim
        else:
            parts.append(_part(axis, item, shape[axis], mode))
            axis += 1
    return _arranged(parts, shape)


def _item(item: object) -> object:
    """One item: lists and ndarrays become arrays, and what is none of the kinds is refused."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, bool | np.bool_):
        return current().constant(np.asarray(item))
    if isinstance(item, Array | np.ndarray):
        array = as_array("index", item)
    elif isinstance(item, Sequence) and not isinstance(item, str | bytes):
        array = _listed(item)
    elif hasattr(type(item), "__index__"):
        return operator.index(item)  # type: ignore[arg-type]
    else:
        raise ArgumentError(f"index: {item!r} cannot select from a tensor; {_SUPPORTED}")
    if not (array.dtype.is_integer or array.dtype is dtypes.bool_):
        raise ArgumentError(f"index: an array of {array.dtype.name} cannot select; {_SUPPORTED}")
    return array


def _listed(items: Sequence[object]) -> Array:
    if any(isinstance(i, Array) for i in items):
        return stack([i if isinstance(i, Array) else as_array("index", np.asarray(i)) for i in items])
    try:
        array = np.asarray(items)
    except ValueError:
        raise ArgumentError(f"index: the list {items!r} is ragged; {_SUPPORTED}") from None
    # An empty list has no dtype of its own; NumPy makes floats of it.
    array = array if array.size else array.astype(np.int64)
    if array.dtype.kind not in "biuf":
        raise ArgumentError(f"index: {items!r} cannot select from a tensor; {_SUPPORTED}")
    return current().constant(array)


def _with_ellipsis(items: list[object], ndim: int) -> list[object]:
    """Items for all axes of the operand; `...` stays before the slices it stands for, because it keeps others apart."""
    dots = [k for k, item in enumerate(items) if item is Ellipsis]
    named = sum([_consumes(item) for item in items])
    if len(dots) > 1:
        raise ArgumentError("index: ... may stand once in a subscript")
    if named > ndim:
        raise RangeError(f"index: {named} indices were given for a tensor of rank {ndim}")
    rest = [slice(None)] * (ndim - named)
    at = dots[0] + 1 if dots else len(items)
    return [*items[:at], *rest, *items[at:]]


def _consumes(item: object) -> int:
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if isinstance(item, Array) and item.dtype is dtypes.bool_ else 1


def _slice(axis: int, given: slice, extent: Extent) -> _Strided:
    if not isinstance(extent, Dim):
        try:
            start, stop, step = given.indices(extent)
        except TypeError:
            raise ArgumentError(
                f"index: the bounds of a slice must be integers or None, but it is {given}"
            ) from None
        except ValueError:
            raise ArgumentError("index: the step of a slice must not be zero") from None
        count = len(range(start, stop, step))
        return _Strided(axis, start if count else 0, step, count)
    step = 1 if given.step is None else integer("index", "the step of a slice", given.step)
    try:
        if step not in (1, -1):
            return _slice(axis, given, int(extent))
        return _symbolic(axis, given.start, given.stop, step, extent)
    except ShapeError:
        raise ShapeError(
            f"index: axis {axis} has the symbolic extent {extent}, and what {given} selects depends on its size; "
            "use take with computed indices"
        ) from None


def _symbolic(axis: int, start: object, stop: object, step: int, extent: Dim) -> _Strided:
    """A slice of a symbolic extent, as Python defines it; comparisons are what the trace assumes."""
    least: Extent = 0 if step > 0 else -1
    most: Extent = extent if step > 0 else extent - 1

    def bound(given: object, missing: Extent) -> Extent:
        if given is None:
            return missing
        i: Extent = given if isinstance(given, Dim) else integer("index", "a bound of a slice", given)
        if i < 0:
            i = i + extent
            return least if i < 0 else i
        return most if i > most else i

    first, last = bound(start, least if step > 0 else most), bound(stop, most if step > 0 else least)
    low, high = (first, last) if step > 0 else (last, first)
    # Both lie between `least` and `most`, so that nothing has to be assumed where one of them is an end.
    if not (same_extent(low, least) or same_extent(high, most)) and high < low:
        return _Strided(axis, 0, step, 0)
    return _Strided(axis, first, step, high - low)


def _part(axis: int, item: object, extent: Extent, mode: str) -> _Part:
    if isinstance(item, slice):
        return _slice(axis, item, extent)
    if isinstance(item, Array):
        return _Indices(axis, item)
    i = typed(int, item)
    if mode != "raise":
        return _Indices(axis, current().constant(number(i, dtypes.int64)))
    try:
        inside = -extent <= i < extent
    except ShapeError:
        # Nothing is assumed of a symbolic extent: the index is checked when the value is computed.
        return _Indices(axis, current().constant(number(i, dtypes.int64)))
    if not inside:
        raise out_of_range(i, axis, extent)
    return _Strided(axis, i if i >= 0 else extent + i, 1, 1, False)


def known(array: Array, what: str) -> np.ndarray:
    """The values of an array on which shapes depend.

    Raises:
        TraceError: they are known only when the function that is being traced runs, or differ from example to example;
            `what` says what they decide.
    """
    lifted = current().lift(array)
    if isinstance(lifted, Batched):
        raise TraceError(
            f"{what} depends on values that differ from example to example, and shapes must be the same for all; "
            "choose with lithograph.where(mask, a, b), or give the number of places: lithograph.nonzero(mask, size=...)"
        )
    if not isinstance(lifted, Traced):
        return lifted.numpy()
    node = lifted.value.node
    if node is not None and isinstance(node.attrs, Constant):
        return node.attrs.value
    raise TraceError(
        f"{what} depends on values that are known only when {lifted.builder.name!r} runs, and shapes must be known "
        "before; choose with lithograph.where(mask, a, b), or give the number of places: "
        "lithograph.nonzero(mask, size=...)"
    )


def _mask(axis: int, mask: Array, shape: Shape) -> list[_Part]:
    for k, (own, e) in enumerate(zip(mask.shape, shape[axis:], strict=False)):
        if own != e:
            raise RangeError(
                f"index: a mask of shape {show_shape(mask.shape)} does not fit a tensor of shape {show_shape(shape)}; "
                f"along axis {axis + k} the extents are {own} and {e}"
            )
    values = known(mask, "index: how many elements a mask selects")
    if not mask.ndim:
        return [_Truth(bool(values))]
    return [_Indices(axis + k, current().constant(found)) for k, found in enumerate(np.nonzero(values))]


def _arranged(parts: list[_Part], shape: Shape) -> Selection:
    """Put the common axes of the index arrays where NumPy has them."""
    arrays = [p for p in parts if isinstance(p, _Indices)]
    truths = [p.value for p in parts if isinstance(p, _Truth)]
    advanced = bool(truths) or any(p.array.ndim for p in arrays)
    where = [k for k, p in enumerate(parts) if _selects(p)] if advanced else []
    apart = bool(where) and where[-1] - where[0] + 1 != len(where)
    indices = _with_truths([p.array for p in arrays], truths)
    count = max([i.ndim for i in indices], default=0)
    own = [p for p in parts if isinstance(p, _Strided)]
    gathered = tuple([p.axis for p in arrays])
    before = [p for p in parts[: where[0]] if isinstance(p, _Strided)] if where and not apart else []
    at = len(before)
    numbers = {p.axis: k if k < at else k + count for k, p in enumerate(own)}
    kept: list[int | None] = []
    common: list[int | None] = list(range(at, at + count)) if indices else [None] * bool(truths)
    nothing: int | None = None
    for k, p in enumerate(parts):
        if where and k == (0 if apart else where[0]):
            nothing = len(kept) if truths and not all(truths) and not indices else None
            kept.extend(common)
        if p is None:
            kept.append(None)
        elif isinstance(p, _Strided) and p.stays:
            kept.append(numbers[p.axis])
    every: dict[int, _Strided] = {p.axis: p for p in own}
    axes = range(len(own) + len(arrays))
    return Selection(
        tuple([every[k].start if k in every else 0 for k in axes]),
        tuple([every[k].step if k in every else 1 for k in axes]),
        tuple([every[k].extent if k in every else shape[k] for k in axes]),
        indices,
        gathered,
        at,
        tuple(kept),
        nothing,
    )


def _selects(part: _Part) -> bool:
    return isinstance(part, _Indices | _Truth) or (isinstance(part, _Strided) and not part.stays)


def _with_truths(arrays: list[Array], truths: list[bool]) -> tuple[Array, ...]:
    """Index arrays broadcast with the axis of single truth values: of extent 1, or 0 where one is False."""
    if not truths or not arrays:
        return tuple(arrays)
    common = broadcast_shapes("index", *[a.shape for a in arrays], (1,) if all(truths) else (0,))
    if all(truths):
        return tuple([a if a.ndim else reshape(a, (1,)) for a in arrays])
    return tuple([broadcast_to(a, common) for a in arrays])
