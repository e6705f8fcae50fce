"""All running results of an associative function along an axis, in as many rounds as the extent has binary digits.

Pairs of neighbours are combined, of those the running results are found in the same way, and they are the odd ones of
all; each even one is the odd one before it, combined with its element (Blelloch, "Prefix sums and their applications",
1990). It is made of slices, joins and calls of the function alone, so what maps or differentiates ops need not know it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from ..ir import ops
from ..ir.array import Array
from ..ir.errors import ArgumentError, DTypeError, ShapeError
from ..ir.ops.axes import flag, one_axis
from ..ir.ops.slicing import slice_axis, slice_strided
from ..ir.stage import Operand, as_array, located
from ..ir.types import show_shape
from .pytree import flatten, unflatten
from .recorded import leaves_like
from .signature import brief

T = TypeVar("T")
Combine = Callable[[Sequence[Array], Sequence[Array]], list[Array]]
"""The function on the tensors of a nest, some of them along the axis at once."""


@located
def associative_scan(fn: Callable[[Any, Any], Any], elems: T, reverse: bool = False, axis: int = 0) -> T:
    """For each index along an axis, the elements up to it combined by an associative function.

    `fn` is called on slices, about twice as often as the extent has binary digits; how many elements they hold along
    the axis differs from call to call, so it works on each by itself. Where it is associative but for rounding, the
    results are those of a loop but for rounding.

    Args:
        fn: `fn(a, b)` combines what comes first, `a`, with what follows, `b`, of which each is like `elems`; so is its
            result.
        elems: a tensor, or several in any containers, of one extent along the axis.
        reverse: begin at the last index; `a` is then what stands behind.
        axis: of each tensor.

    Returns:
        The running results in the containers of `elems`; of no elements, or of one, they are the elements.

    Raises:
        ArgumentError: `fn` is no function, `elems` holds no tensor, or fn gives other containers.
        ShapeError: a tensor has no such axis, extents along it differ, or fn gives another shape.
        DTypeError: fn gives another dtype.
    """
    if not callable(fn):
        raise ArgumentError(f"associative_scan: fn is a function of two arguments, but {brief(fn)} was given")
    leaves, structure = flatten(elems)
    if not leaves:
        raise ArgumentError("associative_scan: elems holds no tensor")
    backwards = flag("associative_scan", "reverse", reverse)
    arrays = [as_array("associative_scan", cast(Operand, leaf)) for leaf in leaves]
    axes = [one_axis("associative_scan", axis, a.ndim) for a in arrays]
    # Known from here on: a trace with symbolic extents is bound to this one.
    extents = [operator.index(a.shape[k]) for a, k in zip(arrays, axes, strict=True)]
    for a, extent in zip(arrays, extents, strict=True):
        if extent != extents[0]:
            raise ShapeError(
                f"associative_scan: all tensors must have one extent along axis {axis}, but the shapes "
                f"{show_shape(arrays[0].shape)} and {show_shape(a.shape)} were given"
            )

    def combine(first: Sequence[Array], second: Sequence[Array]) -> list[Array]:
        made = leaves_like(structure, fn(unflatten(structure, first), unflatten(structure, second)))
        if made is None:
            raise ArgumentError("associative_scan: fn must return the containers that it is given")
        results = [as_array("associative_scan", cast(Operand, leaf)) for leaf in made]
        for result, given in zip(results, first, strict=True):
            if result.dtype is not given.dtype:
                raise DTypeError(
                    f"associative_scan: fn must keep dtypes, but of two tensors of {given.dtype} it made one of "
                    f"{result.dtype}"
                )
            if result.shape != given.shape:
                raise ShapeError(
                    f"associative_scan: fn must keep shapes, but of two tensors of shape {show_shape(given.shape)} it "
                    f"made one of shape {show_shape(result.shape)}"
                )
        return results

    turned = [ops.flip(a, axis=k) for a, k in zip(arrays, axes, strict=True)] if backwards else arrays
    scanned = _scan(combine, turned, axes, extents[0])
    back = [ops.flip(a, axis=k) for a, k in zip(scanned, axes, strict=True)] if backwards else scanned
    return cast(T, unflatten(structure, back))


def _scan(combine: Combine, elems: list[Array], axes: Sequence[int], extent: int) -> list[Array]:
    if extent < 2:
        return elems
    half = extent // 2

    def every_second(start: int, count: int) -> list[Array]:
        return [_every_second(e, k, start, count) for e, k in zip(elems, axes, strict=True)]

    odd = _scan(combine, combine(every_second(0, half), every_second(1, half)), axes, half)
    even = [slice_axis(e, k, 0, 1) for e, k in zip(elems, axes, strict=True)]
    left = (extent - 1) // 2
    if left:
        before = odd if left == half else [slice_axis(o, k, 0, left) for o, k in zip(odd, axes, strict=True)]
        others = combine(before, every_second(2, left))
        even = [ops.concat([e, o], axis=k) for e, o, k in zip(even, others, axes, strict=True)]
    return [_in_turn(e, o, k, half) for e, o, k in zip(even, odd, axes, strict=True)]


def _every_second(x: Array, axis: int, start: int, count: int) -> Array:
    starts, steps, extents = [0] * x.ndim, [1] * x.ndim, list(x.shape)
    starts[axis], steps[axis], extents[axis] = start, 2, count
    return slice_strided(x, tuple(starts), tuple(steps), tuple(extents))


def _in_turn(even: Array, odd: Array, axis: int, count: int) -> Array:
    """The elements of both in turn; the first may have one more."""
    pairs = ops.stack([slice_axis(even, axis, 0, count), odd], axis=axis + 1)
    made = ops.reshape(pairs, (*odd.shape[:axis], 2 * count, *odd.shape[axis + 1 :]))
    last = even.shape[axis] - count
    return ops.concat([made, slice_axis(even, axis, count, last)], axis=axis) if last else made
