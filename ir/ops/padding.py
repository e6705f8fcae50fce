"""Padding: an array with something around it, as a mode says, made of indices along one axis after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..array import Array
from ..errors import ArgumentError, ShapeError
from ..stage import Operand, as_array, located
from ..types import Dim, Shape, TensorType, show_shape
from .axes import integer, sequence
from .creation import full
from .gathering import take
from .logic import where
from .shapes import broadcast_to
from .slicing import placed

__all__ = ["pad"]

_TRUE: Final = np.array(True)
_MODES: Final = ("constant", "edge", "reflect", "symmetric", "wrap")


def _pair(given: object) -> tuple[int, int]:
    pair = sequence("pad", "the widths of an axis", given)
    if len(pair) != 2:
        raise ShapeError(f"pad: the widths of an axis are two numbers, before and after, but {given!r} was given")
    return integer("pad", "a width", pair[0]), integer("pad", "a width", pair[1])


def _widths(given: object, shape: Shape) -> list[tuple[int, int]]:
    """Numbers before and after for each axis."""
    if not isinstance(given, Sequence):
        number = integer("pad", "a width", given)
        pairs = [(number, number)] * len(shape)
    elif len(given) == 2 and not isinstance(given[0], Sequence):
        pairs = [_pair(given)] * len(shape)
    elif len(given) == 1 and len(shape) != 1:
        pairs = [_pair(given[0])] * len(shape)
    else:
        pairs = [_pair(p) for p in given]
    if len(pairs) != len(shape):
        raise ShapeError(
            f"pad: one pair (before, after) per axis is needed, but shape {show_shape(shape)} met {pairs}"
        )
    if any(a < 0 or b < 0 for a, b in pairs):
        raise ShapeError(
            f"pad: widths must be >= 0, but they are {pairs}; slice instead of padding by less than none"
        )
    return pairs


def _sources(mode: str, extent: int, before: int, after: int) -> np.ndarray:
    """The index that each place along an axis of `extent` is read from."""
    places = np.arange(-before, extent + after)
    if mode == "edge" or (mode == "reflect" and extent == 1):
        return np.clip(places, 0, extent - 1)
    if mode == "wrap":
        return places % extent
    # There and back: a period of 2n, or of 2n - 2 where the outermost elements are not repeated.
    outermost = 1 if mode == "reflect" else 0
    period = 2 * (extent - outermost)
    folded = places % period
    return np.where(folded < extent, folded, period - folded - (1 - outermost))


def _with_constant(array: Array, pairs: list[tuple[int, int]], value: Operand) -> Array:
    starts = tuple([a for a, _ in pairs])
    shape = tuple([a + s + b for s, (a, b) in zip(array.shape, pairs, strict=True)])
    inside = placed(array, starts, shape)
    if isinstance(value, bool | int | float) and value == 0:
        return inside
    covered = placed(broadcast_to(_TRUE, array.shape), starts, shape)
    return where(covered, inside, full((), value, dtype=array.dtype))


@located
def pad(
    x: Operand,
    widths: int | tuple[int, int] | Sequence[tuple[int, int]],
    /,
    *,
    mode: str = "constant",
    constant_values: Operand = 0,
) -> Array:
    """`x` with something around it.

    Args:
        x: the array.
        widths: the numbers of elements before and after, a pair per axis, or one pair or number for all.
        mode: `constant` puts `constant_values` there; `edge` repeats the outermost element; `reflect` mirrors at
            the outermost element, `symmetric` behind it; `wrap` goes on at the other end.
        constant_values: one number.

    Raises:
        ShapeError: a width is negative, the pairs are not one per axis, or an axis without elements is to be
            continued.
        ArgumentError: there is no such mode.
    """
    if type(mode) is not str or mode not in _MODES:
        raise ArgumentError(f"pad: the mode must be one of {', '.join(_MODES)}, but {mode!r} was given")
    array = as_array("pad", x)
    pairs = _widths(widths, array.shape)
    shape = tuple([a + s + b for s, (a, b) in zip(array._aval.shape, pairs, strict=True)])
    TensorType(array.dtype, shape)  # refuses sizes that no memory holds
    if mode == "constant":
        return _with_constant(array, pairs, constant_values)
    for axis, (before, after) in enumerate(pairs):
        extent = array._aval.shape[axis]
        if not before and not after:
            continue
        if isinstance(extent, Dim):
            raise ShapeError(
                f"pad: axis {axis} has the symbolic extent {extent}, and must be known with mode {mode!r}"
            )
        if extent == 0:
            raise ShapeError(f"pad: axis {axis} has no elements to continue with mode {mode!r}")
        array = take(array, _sources(mode, extent, before, after), axis=axis)
    return array
