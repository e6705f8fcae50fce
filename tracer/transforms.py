"""Derivatives of functions: `grad` and its kin, for plain and compiled functions alike; the rules are the op
rows'.

A function is run under a Recording over the current stage. Outside a trace its body runs eagerly, with plain
Python control flow; inside one, the gradient is written into the graph. Transforms nest to any order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast, overload

import numpy as np

from ..ir import ops
from ..ir.array import Array
from ..ir.builder import Traced
from ..ir.errors import ArgumentError, DomainError, DTypeError, ShapeError
from ..ir.gradient import Recording
from ..ir.stage import Stage, current, located
from ..ir.types import show_shape
from ..runtime.core import Tensor, wrap
from ..runtime.creation import tensor
from ..runtime.variable import Variable
from .pytree import Structure, count_leaves, flatten, unflatten
from .signature import brief
from .staging import staged


def grad(f: Callable[..., object], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that gives the gradient of `f`.

    Args:
        f: gives a float tensor; for one that is no scalar, its elements are summed.
        argnums: the argument, or arguments, to differentiate by; each may be a nest of float tensors.

    Returns:
        `g(*args, dy=None, **kwargs)`, which gives the gradient in the structure of the argument, or a tuple
        of them; `dy` is the cotangent of f's result, ones by default.

    Raises, when the result is called:
        DomainError: f's result does not depend on an argument.
        DTypeError, ShapeError, ArgumentError: the arguments, the result or `dy` are not of the right kind.
    """
    both = value_and_grad(f, argnums)

    @functools.wraps(f, updated=())
    def call(*args: object, dy: object = None, **kwargs: object) -> object:
        return cast("tuple[object, object]", both(*args, dy=dy, **kwargs))[1]

    return call


def grads(f: Callable[..., object]) -> Callable[..., tuple[Any, ...]]:
    """The function that gives the gradients of `f` by all its positional arguments; see `grad`."""
    _check_callable(f)

    @functools.wraps(f, updated=())
    def call(*args: object, dy: object = None, **kwargs: object) -> tuple[object, ...]:
        return cast("tuple[object, ...]", grad(f, range(len(args)))(*args, dy=dy, **kwargs))

    return call


@overload
def value_and_grad(
    f: Callable[..., object], argnums: int | Sequence[int] = 0, has_aux: Literal[False] = False
) -> Callable[..., tuple[Array, Any]]: ...


@overload
def value_and_grad(
    f: Callable[..., object], argnums: int | Sequence[int] = 0, *, has_aux: bool
) -> Callable[..., tuple[Any, Any]]: ...


def value_and_grad(
    f: Callable[..., object], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """The function that gives `(value, gradient)`; with `has_aux`, f gives `(value, aux)` and so does the
    result.

    Arguments and errors are those of `grad`.
    """
    _check_callable(f)
    numbers = _numbers(argnums)

    @functools.wraps(f, updated=())
    @located
    def call(*args: object, dy: object = None, **kwargs: object) -> tuple[object, object]:
        if not all(-len(args) <= n < len(args) for n in numbers):
            raise ArgumentError(f"argnums is {argnums}, but the call has {len(args)} positional arguments")
        stage = current()
        recording, wanted, structures, out = _record(stage, f, args, kwargs, [n % len(args) for n in numbers])
        aux: object = None
        if has_aux:
            if not isinstance(out, tuple) or len(out) != 2:
                raise ArgumentError("with has_aux=True, f must return a pair (value, aux)")
            out, aux = out
        value = _differentiable(stage, out)
        found = recording.gradients([value], [_seed(stage, value, dy)], wanted)
        made = _by_argument(_connected(stage, found, wanted), structures)
        result = made[0] if isinstance(argnums, int) else tuple(made)
        return ((value, aux) if has_aux else value), result

    return call


@located
def vjp(f: Callable[..., object], *xs: object) -> tuple[Any, Callable[[object], tuple[Any, ...]]]:
    """`(f(*xs), vjp_fn)`, where `vjp_fn(dy)` gives the cotangents of `xs` from that of the result, as a
    tuple.

    What the result does not depend on has the cotangent zero.

    Raises:
        DTypeError: an argument holds other than floats.
        ShapeError, ArgumentError: `dy` is not of the kind of the result.
    """
    _check_callable(f)
    stage = current()
    recording, wanted, structures, out = _record(stage, f, xs, {}, range(len(xs)))
    leaves, structure = flatten(out)
    results = [_differentiable(stage, leaf) for leaf in leaves]

    @located
    def pull(dy: object) -> tuple[object, ...]:
        seeds, given = flatten(dy)
        if given != structure:
            raise ArgumentError("dy must have the containers of the result of f")
        below = recording.below
        found = recording.gradients(
            results, [_seed(below, r, s) for r, s in zip(results, seeds, strict=True)], wanted
        )
        return tuple(
            _by_argument(
                [_zeros(w) if g is None else g for g, w in zip(found, wanted, strict=True)], structures
            )
        )

    return unflatten(structure, results), pull


@located
def variable_grads(
    f: Callable[[], object], var_list: Sequence[Variable] | None = None
) -> tuple[Array, dict[str, Array | None]]:
    """The value of `f()` and its gradients by variables, keyed by their names.

    Args:
        f: takes nothing and gives a scalar.
        var_list: the variables; all trainable ones that f reads when None. Without a connection, or not
            trainable, a listed variable has None; one that f does not read is absent from the default list.

    Raises:
        ShapeError: f's result is no scalar.
        ArgumentError: none of `var_list` is trainable, or two variables have one name.
        DomainError: f's result depends on none of them.
    """
    value, pairs = gradients_by_variable(f, var_list, "variable_grads")
    named = _by_name([v for v, _ in pairs])
    return value, {name: next(g for w, g in pairs if w._cell is v._cell) for name, v in named.items()}


def gradients_by_variable(
    f: Callable[[], object], var_list: Sequence[Variable] | None, asking: str
) -> tuple[Array, list[tuple[Variable, Array | None]]]:
    """The value of `f()` and its gradients, each with its variable; as `variable_grads`, whose errors name `asking`."""
    _check_callable(f)
    if var_list is not None and not (
        isinstance(var_list, list | tuple) and all(isinstance(v, Variable) for v in var_list)
    ):
        raise ArgumentError(f"var_list is a list of variables, but {brief(var_list)} was given")
    if var_list is not None and not any(v.trainable for v in var_list):
        raise ArgumentError(
            f"{asking}() expects at least one of the input variables to be trainable, but none of the "
            f"{len(var_list)} variables is trainable."
        )
    stage = current()
    recording = _Watching(stage)
    with staged(recording):
        out = f()
    value = _differentiable(recording, out)
    if value.ndim:
        raise ShapeError(
            f"The f passed in {asking}(f) must return a scalar, but it returned a "
            f"rank-{value.ndim} tensor"
        )
    read = {id(v._cell): (v, w) for v, _, w in recording.watched.values()}
    if var_list is None:
        asked = [v for v, _ in read.values() if v.trainable]
    else:
        asked = list(var_list)
    wanted = [read[id(v._cell)][1] for v in asked if v.trainable and id(v._cell) in read]
    found = dict(
        zip(map(id, wanted), recording.gradients([value], [_seed(stage, value, None)], wanted), strict=True)
    )
    if all(g is None for g in found.values()):
        raise DomainError(
            "Cannot find a connection between any variable and the result of the loss function y=f(x). "
            "Please make sure the operations that use variables are inside the function f passed to "
            f"{asking}()."
        )
    pairs: list[tuple[Variable, Array | None]] = []
    for v in {id(v._cell): v for v in asked}.values():
        place = read.get(id(v._cell))
        pairs.append((v, found.get(id(place[1])) if place is not None and v.trainable else None))
    return value, [(v, g) for v, g in pairs if var_list is not None or g is not None]


@located
def _numbers(argnums: int | Sequence[int]) -> tuple[int, ...]:
    one = isinstance(argnums, int) or not isinstance(argnums, Sequence)
    numbers = cast("tuple[object, ...]", (argnums,) if one else (*cast("Sequence[int]", argnums),))
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise ArgumentError(f"argnums is an integer or a sequence of integers, but {argnums!r} was given")
    return cast("tuple[int, ...]", numbers)


@located
def _check_callable(f: object) -> None:
    if not callable(f):
        raise ArgumentError(f"a gradient is taken of a function, but a {type(f).__name__} was given")


class _Watching(Recording):
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
            known = self.watched[id(operand._cell)] = (operand, value, _alias(self.below, value))
        return known[2] if known[1] is value else value


def _record(
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
        fresh = [_alias(stage, _float_array(leaf, n)) for leaf in leaves]
        inside[n] = unflatten(structure, fresh)
        wanted += fresh
        structures.append(structure)
    with staged(recording):
        out = f(*inside, **kwargs)
    return recording, wanted, structures, out


def _float_array(leaf: object, n: int) -> Array:
    array = current().lift(leaf if isinstance(leaf, Array | np.ndarray) else tensor(leaf))
    if not array.dtype.is_inexact:
        raise DTypeError(
            f"a gradient is taken by floats, but argument {n} holds {array._aval}; convert it with astype, "
            "or choose other arguments with argnums"
        )
    return array


def _alias(stage: Stage, array: Array) -> Array:
    """The same array under another identity, of which the Recordings below know."""
    if isinstance(array, Traced):
        made: Array = Traced(array.value, array.builder)
    else:
        made = cast(Array, wrap(array._aval, cast(Tensor, array)._data, array))
    if isinstance(stage, Recording):
        stage.alias(made, array)
    return made


def _differentiable(stage: Stage, out: object) -> Array:
    if not isinstance(out, Array):
        raise ArgumentError(
            f"the function to differentiate must return a tensor, but it returned a {type(out).__name__}"
        )
    value = stage.lift(out)
    if not value.dtype.is_inexact:
        raise DTypeError(f"the function to differentiate must return floats, but it returned {value._aval}")
    return value


def _seed(stage: Stage, value: Array, dy: object) -> Array:
    if dy is None:
        return ops.ones(value.shape, dtype=value.dtype)
    seed = stage.lift(dy) if isinstance(dy, Array | np.ndarray) else tensor(dy, dtype=value.dtype)
    if seed.shape != value.shape:
        raise ShapeError(
            f"The shape of dy passed in grad(f)(x, dy) must match the shape returned by f(x): dy has "
            f"{show_shape(seed.shape)}, f(x) has {show_shape(value.shape)}"
        )
    return seed if seed.dtype is value.dtype else ops.astype(seed, value.dtype)


def _connected(stage: Stage, found: Sequence[Array | None], wanted: Sequence[Array]) -> list[Array]:
    if not isinstance(stage, Recording) and any(g is None for g in found):
        raise DomainError(
            "Cannot compute gradient of y=f(x) with respect to x. Make sure that the f you passed encloses "
            "all operations that lead from x to y."
        )
    return [_zeros(w) if g is None else g for g, w in zip(found, wanted, strict=True)]


def _zeros(like: Array) -> Array:
    # -0.0 is what adding nothing gives: x + -0.0 is x for every x.
    return ops.full(like.shape, -0.0, dtype=like.dtype)


def _by_argument(found: Sequence[Array], structures: Sequence[Structure]) -> list[object]:
    rest = iter(found)
    return [unflatten(s, [next(rest) for _ in range(count_leaves(s))]) for s in structures]


def _by_name(variables: Sequence[Variable]) -> dict[str, Variable]:
    named: dict[str, Variable] = {}
    for v in variables:
        other = named.setdefault(v.name, v)
        if other._cell is not v._cell:
            raise ArgumentError(
                f"two variables are named {v.name!r}: one is {other._aval}, the other {v._aval}; gradients are "
                "keyed by name, so give each its own"
            )
    return named
