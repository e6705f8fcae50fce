"""Reading by subscript, and arrays with what a subscript selects replaced: `x[...]` and `x.at[...]`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from .. import dtypes
from ..array import Array
from ..attrs import Indexing, intern
from ..errors import ArgumentError, DTypeError, ShapeError
from ..registry import OPS
from ..stage import Operand, as_array, located, operand_type
from ..types import Extent, Shape, show_shape
from .arithmetic import negative
from .axes import one_axis
from .conversion import astype
from .creation import iota
from .gathering import Mode, axes_of, check_alone, legal_mode, select
from .powers import power
from .shapes import reshape
from .slicing import fits, into, put_strided, slice_strided
from .subscripts import Index, Selection, selection

__all__ = ["put_along_axis", "scatter"]

PutMode = Literal["raise", "clip", "wrap", "drop"]
Reduce = Literal["set", "add", "multiply", "divide", "min", "max"]
_ON_SLICES = {"add": "add", "multiply": "multiply", "divide": "divide", "min": "minimum", "max": "maximum"}


def _read(x: Array, found: Selection, mode: Mode = "raise", fill_value: Operand = 0) -> Array:
    result = slice_strided(x, found.starts, found.steps, found.extents)
    if found.indices:
        result = select(result, found.indices, found.axes, found.at, mode, fill_value)
    shape = found.shape
    if found.nothing is not None:
        result = reshape(result, tuple([1 if k == found.nothing else e for k, e in enumerate(shape)]))
        return slice_strided(result, (0,) * len(shape), (1,) * len(shape), shape)
    return result if result.shape == shape else reshape(result, shape)


@located
def getitem(x: Array, index: Index | tuple[Index, ...], /) -> Array:
    """`x[index]` by NumPy's rules: integers, slices, `...`, None, integer arrays, masks, lists, in any mixture.

    Raises:
        RangeError: an integer is outside its axis (those of arrays when the value is computed), a mask does not fit,
            or there are more indices than axes.
        ArgumentError: something else stands in the subscript.
        ShapeError: a part of a symbolic axis, or index arrays that do not broadcast.
        TraceError: a mask whose values are not known while a function is traced.
    """
    return _read(x, selection(x.shape, index))


def _aligned(updates: Array, found: Selection) -> Array:
    """What is put into the places of a subscript, with the axes that the places have before new axes are made."""
    fits("x.at[...]", updates._aval, found.shape)
    if not updates.ndim or found.nothing is not None:
        return updates
    padded: list[Extent] = [*(1,) * (len(found.kept) - updates.ndim), *updates.shape]
    shape: list[Extent] = [1] * len(found.selected)
    for axis, extent in zip(found.kept, padded, strict=True):
        if axis is not None:
            shape[axis] = extent
    return updates if tuple(shape) == updates.shape else reshape(updates, tuple(shape))


def _changed(x: Array, found: Selection, updates: Operand, reduce: Reduce, mode: PutMode) -> Array:
    given: Operand = updates
    if isinstance(updates, Array) or operand_type("x.at[...]", updates).ndim:
        given = _aligned(as_array("x.at[...]", updates), found)
    if reduce == "divide" and not x.dtype.is_float:
        raise DTypeError(
            f"x.at[...]: a tensor of {x.dtype} cannot hold quotients; convert with astype(float32) first"
        )
    if found.nothing is not None:
        return x
    whole = all(s == 0 for s in found.starts) and all(s == 1 for s in found.steps) and found.extents == x.shape
    if not found.indices and reduce == "set":
        return put_strided(x, given, found.starts, found.steps, found.extents)
    part = slice_strided(x, found.starts, found.steps, found.extents)
    if found.indices:
        attrs = intern(Indexing(found.axes, found.at, mode))
        check_alone(part, found.indices, found.axes, found.selected, mode)
        given = OPS[f"scatter_{reduce}"].call(part, given, *found.indices, attrs)
        if whole:
            return given
    else:
        given = OPS[_ON_SLICES[reduce]].call(part, _converted(x, given))
    return put_strided(x, given, found.starts, found.steps, found.extents)


def _converted(x: Array, given: Operand) -> Operand:
    """What is joined to elements of `x`, in their dtype as if it were put there; Python numbers are weak anyway."""
    if isinstance(given, bool | int | float):
        return given
    return astype(given, into("x.at[...]", (x._aval, operand_type("x.at[...]", given)))[1])


class At:
    """What `x.at` is: `x.at[index]` has functions that give `x` with the selected elements changed."""

    __slots__ = ("_array",)

    def __init__(self, array: Array) -> None:
        self._array = array

    def __getitem__(self, index: Index | tuple[Index, ...]) -> Places:
        return Places(self._array, index)


class Places:
    """Places of an array; their functions give the array with these changed, and never change it.

    What is put there is converted to the array's dtype where NumPy's rule "same kind" allows it, and broadcast. Where a
    place is named twice, `set` keeps the last value, the others join all of them in the order of the indices. An index
    outside its axis is an error, or by `mode`: "clip", the nearest place; "wrap", the place modulo the extent; "drop",
    no place.

    Raises:
        RangeError: an index is outside its axis, when the value is computed.
        ShapeError: what is put there does not broadcast to the shape of the places.
        DTypeError: what is put there would lose its kind.
        ArgumentError: there is no such mode.
    """

    __slots__ = ("_array", "_index")

    def __init__(self, array: Array, index: Index | tuple[Index, ...]) -> None:
        self._array = array
        self._index = index

    @located
    def get(self, *, mode: Mode = "raise", fill_value: Operand = 0) -> Array:
        """`x[index]`, where `mode` may be "fill" too: outside is `fill_value`."""
        legal_mode("get", mode, Mode)
        return _read(self._array, selection(self._array.shape, self._index, mode), mode, fill_value)

    def _change(self, name: str, updates: Operand, reduce: Reduce, mode: PutMode) -> Array:
        legal_mode(name, mode, PutMode)
        return _changed(self._array, selection(self._array.shape, self._index, mode), updates, reduce, mode)

    @located
    def set(self, values: Operand, *, mode: PutMode = "raise") -> Array:
        """`x` with `values` in the places."""
        return self._change("set", values, "set", mode)

    @located
    def add(self, values: Operand, *, mode: PutMode = "raise") -> Array:
        """`x` with `values` added to the places."""
        return self._change("add", values, "add", mode)

    @located
    def subtract(self, values: Operand, *, mode: PutMode = "raise") -> Array:
        """`x` with `values` subtracted from the places."""
        return self._change("subtract", negative(values), "add", mode)

    @located
    def multiply(self, values: Operand, *, mode: PutMode = "raise") -> Array:
        """`x` with the places multiplied by `values`."""
        return self._change("multiply", values, "multiply", mode)

    @located
    def divide(self, values: Operand, *, mode: PutMode = "raise") -> Array:
        """`x` with the places divided by `values`; DTypeError unless `x` holds floats."""
        return self._change("divide", values, "divide", mode)

    @located
    def min(self, values: Operand, *, mode: PutMode = "raise") -> Array:
        """`x` with the smaller one of each place and `values`."""
        return self._change("min", values, "min", mode)

    @located
    def max(self, values: Operand, *, mode: PutMode = "raise") -> Array:
        """`x` with the greater one of each place and `values`."""
        return self._change("max", values, "max", mode)

    @located
    def power(self, values: Operand, *, mode: PutMode = "raise") -> Array:
        """`x` with the places raised to `values`; of a place that is named twice the last power stays."""
        legal_mode("power", mode, PutMode)
        return self.set(power(self.get(mode=_reading(mode)), values), mode=mode)

    @located
    def apply(self, function: Callable[[Array], Array], *, mode: PutMode = "raise") -> Array:
        """`x` with `function` of the places in the places; it is called once, with all of them."""
        legal_mode("apply", mode, PutMode)
        return self.set(function(self.get(mode=_reading(mode))), mode=mode)


def _reading(mode: PutMode) -> Mode:
    return "fill" if mode == "drop" else mode


def _row(name: str, reduce: object, mode: object) -> str:
    legal_mode(name, mode, PutMode)
    if not isinstance(reduce, str) or reduce not in get_args(Reduce):
        raise ArgumentError(
            f"{name}: reduce is one of {', '.join([repr(r) for r in get_args(Reduce)])}, but {reduce!r} was given"
        )
    return f"scatter_{reduce}"


@located
def scatter(
    x: Operand,
    indices: Operand | tuple[Operand, ...],
    updates: Operand,
    /,
    *,
    axis: int | Sequence[int] = 0,
    reduce: Reduce = "set",
    mode: PutMode = "raise",
) -> Array:
    """`x` with `updates` put where `gather(x, indices, axis=axis)` reads.

    By `reduce` an update replaces what is there (the last one for a place stays), or is joined to it: "add",
    "multiply", "divide", "min", "max", in the order of the indices. Modes are those of `x.at[...]`.

    Raises:
        RangeError: an index is outside its axis, when the value is computed.
        DTypeError: `indices` are no integers, or updates would lose their kind.
        ShapeError: there is no such axis, or shapes do not broadcast.
    """
    row = _row("scatter", reduce, mode)
    array = as_array("scatter", x)
    given, axes, at = axes_of("scatter", indices, axis, array.ndim)
    return OPS[row].call(array, updates, *given, intern(Indexing(axes, at, mode)))


@located
def put_along_axis(
    x: Operand,
    indices: Operand,
    values: Operand,
    /,
    *,
    axis: int = -1,
    reduce: Reduce = "set",
    mode: PutMode = "raise",
) -> Array:
    """`x` with `values` put where `take_along_axis(x, indices, axis=axis)` reads; NumPy's function changes `x` itself.

    Raises:
        RangeError: an index is outside its axis, when the value is computed.
        DTypeError: `indices` are no integers, or values would lose their kind.
        ShapeError: ranks differ, shapes do not broadcast, or there is no such axis.
    """
    row = _row("put_along_axis", reduce, mode)
    array, along = as_array("put_along_axis", x), as_array("put_along_axis", indices)
    own = one_axis("put_along_axis", axis, array.ndim)
    if array.ndim != along.ndim:
        raise ShapeError(
            "put_along_axis: tensor and indices must have one rank, but the shapes are "
            f"{show_shape(array.shape)} and {show_shape(along.shape)}"
        )
    if any(k != own and e not in (1, array.shape[k]) for k, e in enumerate(along.shape)):
        raise ShapeError(
            f"put_along_axis: apart from axis {own}, indices of shape {show_shape(along.shape)} do not fit "
            f"{show_shape(array.shape)}"
        )
    given = [
        along if k == own else reshape(iota(e, dtypes.int64), _along(e, k, array.ndim))
        for k, e in enumerate(array.shape)
    ]
    return OPS[row].call(array, values, *given, intern(Indexing(tuple(range(array.ndim)), 0, mode)))


def _along(extent: Extent, axis: int, ndim: int) -> Shape:
    return tuple([extent if k == axis else 1 for k in range(ndim)])
