"""What all derivatives of functions share: running a function on stand-ins, its cotangents, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np

from ..ir import ops
from ..ir.array import Array
from ..ir.batching import Batched, Batching
from ..ir.builder import Traced
from ..ir.errors import ArgumentError, DomainError, DTypeError, ShapeError
from ..ir.gradient import Recording
from ..ir.layers import Layer
from ..ir.stage import Stage, current, entered, located
from ..ir.types import show_shape
from ..runtime.core import Tensor
from ..runtime.creation import handle, tensor
from ..runtime.variable import Variable
from ..runtime.watching import made as told
from .pytree import LEAF, Structure, count_leaves, flatten, unflatten


@located
def numbers_of(argnums: int | Sequence[int]) -> tuple[int, ...]:
    one = isinstance(argnums, int) or not isinstance(argnums, Sequence)
    numbers = cast("tuple[object, ...]", (argnums,) if one else (*cast("Sequence[int]", argnums),))
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise ArgumentError(f"argnums is an integer or a sequence of integers, but {argnums!r} was given")
    return cast("tuple[int, ...]", numbers)


@located
def check_callable(f: object) -> None:
    if not callable(f):
        raise ArgumentError(f"a gradient is taken of a function, but a {type(f).__name__} was given")


class Watching(Recording):
    """A Recording that gives each variable it reads an identity of its own.

    Attributes:
        watched: by cell, the variable, its value when first read, and the array that stands for that.
    """

    def __init__(self, below: Stage) -> None:
        super().__init__(below)
        self.watched: dict[int, tuple[Variable, Array, Array]] = {}

    def lift(self, operand: Array | np.ndarray) -> Array:
        """The operand in the stage below; for a variable that nobody assigned since, its stand-in."""
        value = self.below.lift(operand)
        if not isinstance(operand, Variable) or not operand.dtype.is_inexact:
            return value
        known = self.watched.get(id(operand._cell))
        if known is None:
            known = self.watched[id(operand._cell)] = (operand, value, stand_in(self.below, value))
        return known[2] if known[1] is value else value


def record(
    stage: Stage,
    f: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object],
    numbers: Sequence[int],
) -> tuple[Recording, list[Array], list[Structure], object]:
    """Run f on stand-ins of the arguments it is differentiated by."""
    recording = Recording(stage)
    inside = list(args)
    wanted: list[Array] = []
    structures: list[Structure] = []
    for n in numbers:
        leaves, structure = flatten(args[n])
        fresh = [stand_in(stage, float_array(leaf, n)) for leaf in leaves]
        inside[n] = unflatten(structure, fresh)
        wanted += fresh
        structures.append(structure)
    with entered(recording):
        out = f(*inside, **kwargs)
    return recording, wanted, structures, out


def float_array(leaf: object, n: int) -> Array:
    array = current().lift(leaf if isinstance(leaf, Array | np.ndarray) else tensor(leaf))
    if not array.dtype.is_inexact:
        raise DTypeError(
            f"a gradient is taken by floats, but argument {n} holds {array._aval}; convert it with astype, "
            "or choose other arguments with argnums"
        )
    return array


def stand_in(stage: Stage, array: Array) -> Array:
    """The same array under another identity, of which the stages from `stage` down know."""
    if isinstance(array, Traced):
        made: Array = Traced(array.value, array.builder)
    elif isinstance(array, Batched):
        made = Batched(array.whole, array.level)
    else:
        made = cast(Array, told(handle(cast(Tensor, array))))
    if isinstance(stage, Layer):
        stage.alias(made, array)
    return made


def float_result(stage: Stage, out: object) -> Array:
    if not isinstance(out, Array):
        raise ArgumentError(
            f"the function to differentiate must return a tensor, but it returned a {type(out).__name__}"
        )
    value = stage.lift(out)
    if not value.dtype.is_inexact:
        raise DTypeError(f"the function to differentiate must return floats, but it returned {value._aval}")
    return value


def seed_of(stage: Stage, value: Array, dy: object) -> Array:
    if dy is None:
        return ops.ones(value.shape, dtype=value.dtype)
    seed = stage.lift(dy) if isinstance(dy, Array | np.ndarray) else tensor(dy, dtype=value.dtype)
    if seed.shape != value.shape:
        raise ShapeError(
            f"The shape of dy passed in grad(f)(x, dy) must match the shape returned by f(x): dy has "
            f"{show_shape(seed.shape)}, f(x) has {show_shape(value.shape)}"
        )
    return seed if seed.dtype is value.dtype else ops.astype(seed, value.dtype)


def connected(stage: Stage, found: Sequence[Array | None], wanted: Sequence[Array]) -> list[Array]:
    if not differentiating(stage) and any(g is None for g in found):
        raise DomainError(
            "Cannot compute gradient of y=f(x) with respect to x. Make sure that the f you passed encloses "
            "all operations that lead from x to y."
        )
    return [zeros_like(w) if g is None else g for g, w in zip(found, wanted, strict=True)]


def differentiating(stage: object) -> bool:
    """Whether a derivative is being taken around."""
    while isinstance(stage, Layer):
        if not isinstance(stage, Batching):
            return True
        stage = stage.below
    return False


def zeros_like(like: Array) -> Array:
    # -0.0 is what adding nothing gives: x + -0.0 is x for every x.
    return ops.full(like.shape, -0.0, dtype=like.dtype)


def leaves_like(structure: Structure, tree: object) -> list[object] | None:
    """The leaves of `tree` in the order of a structure that it has but for the order of keys; None where it has not.

    Where the structure is a leaf, so is all of `tree`: a list of numbers is a tensor to be.
    """
    if structure == LEAF:
        return [tree]
    numbers, wanted = flatten(unflatten(structure, range(count_leaves(structure))), sort_keys=True)
    leaves, given = flatten(tree, sort_keys=True)
    if given != wanted:
        return None
    placed = dict(zip(cast("list[int]", numbers), leaves, strict=True))
    return [placed[k] for k in range(len(placed))]


def by_argument(found: Sequence[Array], structures: Sequence[Structure]) -> list[object]:
    rest = iter(found)
    return [unflatten(s, [next(rest) for _ in range(count_leaves(s))]) for s in structures]
