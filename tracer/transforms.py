"""Derivatives of functions: `grad` and its kin, for plain and compiled functions alike; the rules are the op
rows'.

A function is run under a Recording over the current stage. Outside a trace its body runs eagerly, with plain
Python control flow; inside one, the gradient is written into the graph. Transforms nest to any order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast, overload

from ..ir.array import Array
from ..ir.errors import ArgumentError, DomainError, ShapeError
from ..ir.stage import current, entered, located
from ..runtime.variable import Variable
from .pytree import flatten, unflatten
from .recorded import (
    Watching,
    by_argument,
    check_callable,
    connected,
    float_result,
    numbers_of,
    record,
    seed_of,
    zeros_like,
)
from .signature import brief


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
    check_callable(f)

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
    check_callable(f)
    numbers = numbers_of(argnums)

    @functools.wraps(f, updated=())
    @located
    def call(*args: object, dy: object = None, **kwargs: object) -> tuple[object, object]:
        if not all(-len(args) <= n < len(args) for n in numbers):
            raise ArgumentError(f"argnums is {argnums}, but the call has {len(args)} positional arguments")
        stage = current()
        recording, wanted, structures, out = record(stage, f, args, kwargs, [n % len(args) for n in numbers])
        aux: object = None
        if has_aux:
            if not isinstance(out, tuple) or len(out) != 2:
                raise ArgumentError("with has_aux=True, f must return a pair (value, aux)")
            out, aux = out
        value = float_result(stage, out)
        found = recording.gradients([value], [seed_of(stage, value, dy)], wanted)
        made = by_argument(connected(stage, found, wanted), structures)
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
    check_callable(f)
    stage = current()
    recording, wanted, structures, out = record(stage, f, xs, {}, range(len(xs)))
    leaves, structure = flatten(out)
    results = [float_result(stage, leaf) for leaf in leaves]

    @located
    def pull(dy: object) -> tuple[object, ...]:
        seeds, given = flatten(dy)
        if given != structure:
            raise ArgumentError("dy must have the containers of the result of f")
        here = current()
        found = recording.gradients(
            results, [seed_of(here, r, s) for r, s in zip(results, seeds, strict=True)], wanted
        )
        return tuple(
            by_argument(
                [zeros_like(w) if g is None else g for g, w in zip(found, wanted, strict=True)], structures
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
    check_callable(f)
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
    recording = Watching(stage)
    with entered(recording):
        out = f()
    value = float_result(recording, out)
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
        zip(map(id, wanted), recording.gradients([value], [seed_of(stage, value, None)], wanted), strict=True)
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
