"""`vmap`: a function of one example made into one of many; how ops are carried out for all of them is the rows'."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from ..ir.array import Array
from ..ir.batch_rules import move
from ..ir.batching import Batched, Batching, Level
from ..ir.errors import ArgumentError, ShapeError
from ..ir.stage import current, located
from ..ir.types import Extent
from ..runtime.creation import given, tensor
from .custom import running
from .pytree import LEAF, Structure, container, count_leaves, flatten, unflatten
from .signature import brief

Axes = int | None | Sequence[Any] | Mapping[Any, Any]
"""An axis, None for what has none, or a nest of these that is the upper part of the nest it is for."""


def vmap(f: Callable[..., object], in_axes: Axes = 0, out_axes: Axes = 0) -> Callable[..., Any]:
    """The function that gives what `f` gives for each of many examples, all computed at once.

    `f` is run once, and sees one example: tensors without the axis that they are mapped over. Each op is carried out
    for all examples together; there is no loop over them. It composes with gradients, with itself and with `function`,
    in any order. An answer is that of a loop over the examples, but for rounding where matrices are multiplied: the
    products of many small matrices are computed as one.

    Args:
        f: gives tensors, in any containers.
        in_axes: for each positional argument the axis that examples lie along (negative: counted from the last), or
            None for what is the same for all. One number or None is for all arguments. For an argument that is a nest,
            it may be a nest too, which ends where one number or None is for all that lies below.
        out_axes: the axis of the results that examples lie along, or None for what does not differ between them; one
            for all, or a nest as for an argument.

    Returns:
        `g(*args, **kwargs)`; what is given by keyword is the same for all examples.

    Inside, a variable is the same for all examples: what differs between them cannot be assigned. Random numbers from a
    `key` are those of that key; those of the default generator, or another `Generator`, differ from example to example.
    A tensor that differs has no truth value and no number, since it is many: choose with `where`. Untraced, ops
    are carried out one by one, also those of a function that `function` made: compile the whole, `function(vmap(f))`.

    Raises, when the result is called:
        ArgumentError: axes are no such nest, nothing is mapped, or f gives what is no tensor; a result that differs
            between examples has the axis None.
        ShapeError: an argument has no such axis, or arguments have different numbers of examples.
    """
    _check(f, in_axes, out_axes)
    name = getattr(f, "__name__", type(f).__name__)

    @functools.wraps(f, updated=())
    @located
    def call(*args: object, **kwargs: object) -> object:
        leaves, structure = flatten(args)
        axes = _axes("in_axes", in_axes if _is_axis(in_axes) else _items(in_axes, len(args)), structure)
        stage = current()
        wholes = [_whole(leaf, axis) for leaf, axis in zip(leaves, axes, strict=True)]
        numbers = [n for n, s in enumerate(structure.children) for _ in range(count_leaves(s))]
        batch = Batching(stage, Level(name, _extent(wholes, axes, numbers)))
        inside = [_front(w, a, batch) for w, a in zip(wholes, axes, strict=True)]
        with running(batch):
            out = f(*cast("tuple[object, ...]", unflatten(structure, inside)), **kwargs)
            results, made = flatten(out)
            lifted = [_result(batch, r) for r in results]
        where = _axes("out_axes", out_axes, made)
        return unflatten(made, [_back(batch, r, a) for r, a in zip(lifted, where, strict=True)])

    return call


@located
def _check(f: object, in_axes: object, out_axes: object) -> None:
    if not callable(f):
        raise ArgumentError(f"vmap takes a function, but a {type(f).__name__} was given")
    for what, axes in (("in_axes", in_axes), ("out_axes", out_axes)):
        for leaf in flatten(axes)[0]:
            if not _is_axis(leaf):
                raise ArgumentError(f"vmap: {what} holds axes, which are integers or None, but {brief(leaf)} was given")
    if not _is_axis(in_axes) and not isinstance(in_axes, list | tuple):
        raise ArgumentError(
            f"vmap: in_axes is one axis for all arguments, or a tuple with an entry per argument, but {brief(in_axes)} "
            "was given"
        )


def _is_axis(value: object) -> bool:
    return value is None or (isinstance(value, int | np.integer) and not isinstance(value, bool))


def _items(in_axes: object, count: int) -> tuple[object, ...]:
    items = tuple(cast("Sequence[object]", in_axes))
    if len(items) != count:
        raise ArgumentError(f"vmap: in_axes has {len(items)} entries, but the call has {count} positional arguments")
    return items


def _axes(what: str, axes: object, structure: Structure) -> list[int | None]:
    """The axis of each leaf of a nest."""
    if axes is None:
        return [None] * count_leaves(structure)
    if _is_axis(axes):
        return [operator.index(cast(int, axes))] * count_leaves(structure)
    own = container(type(axes))
    if structure == LEAF or own is None or type(axes) is not structure.type:
        raise ArgumentError(
            f"vmap: {what} must be the upper part of the nest that it is for, but {brief(axes)} stands where there is "
            f"{_named(structure)}"
        )
    parts, meta = own.flatten(axes)
    entries = list(parts)
    if isinstance(axes, dict) and set(axes) == set(cast("tuple[object, ...]", structure.meta)):
        entries, meta = [axes[k] for k in cast("tuple[object, ...]", structure.meta)], structure.meta
    if meta != structure.meta or len(entries) != len(structure.children):
        raise ArgumentError(
            f"vmap: {what} must be the upper part of the nest that it is for, but the entries of {brief(axes)} are not "
            f"those of {_named(structure)}"
        )
    return [a for e, s in zip(entries, structure.children, strict=True) for a in _axes(what, e, s)]


def _named(structure: Structure) -> str:
    if structure == LEAF:
        return "a tensor"
    keys = f" with {', '.join(map(repr, structure.meta))}" if isinstance(structure.meta, tuple) else ""
    return f"a {structure.type.__name__} of {len(structure.children)}{keys}"


def _whole(leaf: object, axis: int | None) -> object:
    """An argument as an array of the current stage, where it is mapped."""
    if axis is None:
        return leaf
    return current().lift(leaf if isinstance(leaf, Array | np.ndarray) else tensor(leaf))


def _extent(wholes: Sequence[object], axes: Sequence[int | None], numbers: Sequence[int]) -> Extent:
    """The number of examples."""
    first: tuple[Extent, Array, int, int] | None = None
    for whole, axis, n in zip(wholes, axes, numbers, strict=True):
        if axis is None:
            continue
        array = cast(Array, whole)
        if not -array.ndim <= axis < array.ndim:
            raise ShapeError(
                f"vmap: argument {n} holds {array._aval}, which has no axis {axis} to lie along; map what has no axis "
                "of examples with None in in_axes"
            )
        extent = array._aval.shape[axis]
        if first is None:
            first = extent, array, axis, n
        elif extent != first[0]:
            raise ShapeError(
                f"vmap: argument {first[3]} has {first[0]} examples (axis {first[2]} of {first[1]._aval}), and "
                f"argument {n} has {extent} (axis {axis} of {array._aval}); there must be as many of each"
            )
    if first is None:
        raise ArgumentError("vmap: no argument is mapped; in_axes must name an axis of at least one tensor")
    return first[0]


def _front(whole: object, axis: int | None, batch: Batching) -> object:
    """What the function sees of an argument."""
    return whole if axis is None else Batched(move(cast(Array, whole), axis % cast(Array, whole).ndim, 0), batch.level)


def _result(batch: Batching, leaf: object) -> Array:
    if not isinstance(leaf, Array | np.ndarray):
        raise ArgumentError(
            f"the function that vmap maps must return tensors, but it returned {brief(leaf)}, which is a "
            f"{type(leaf).__name__}"
        )
    return batch.lift(leaf)


def _back(batch: Batching, result: Array, axis: int | None) -> Array:
    """A result of all examples, which lie along an axis of it, or the one result where that is None."""
    if axis is None:
        if batch.maps(result):
            raise ArgumentError(
                f"vmap: out_axes is None for a result ({result._aval}) that differs from example to example; name the "
                "axis that examples are to lie along"
            )
        return given(result)
    rank = result.ndim + 1
    if not -rank <= axis < rank:
        raise ShapeError(
            f"vmap: out_axes is {axis} for a result of {rank} axes, with that of examples; axes are {-rank} to "
            f"{rank - 1}"
        )
    return move(batch.spread(result), 0, axis % rank)
