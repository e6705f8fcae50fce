"""Derivatives in more than one direction: `jvp`, which goes forward, and the matrices `jacobian` and `hessian`.

A matrix of derivatives has a row for each element of the result: the pull of the cotangent that is one there. All are
computed at once, as examples of one batch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..ir import ops
from ..ir.array import Array
from ..ir.batching import Batched, Batching, Level
from ..ir.errors import ArgumentError, DTypeError, ShapeError
from ..ir.forward import Forward
from ..ir.gradient import Recording
from ..ir.stage import Stage, current, entered, located
from ..ir.types import show_shape
from ..runtime.creation import tensor
from .custom import running
from .pytree import flatten, unflatten
from .recorded import (
    by_argument,
    check_callable,
    connected,
    float_array,
    float_result,
    leaves_like,
    numbers_of,
    record,
    stand_in,
    zeros_like,
)
from .signature import brief


@located
def jvp(f: Callable[..., object], primals: Sequence[object], tangents: Sequence[object]) -> tuple[Any, Any]:
    """`(f(*primals), tangent)`: the result, and how it changes along `tangents`, in the same containers.

    Args:
        f: gives float tensors, in any containers.
        primals: the arguments, each a nest of float tensors.
        tangents: for each argument the direction, in its containers, of its shape and dtype.

    Raises:
        DTypeError: an argument or the result holds other than floats, or a tangent cannot become the argument's dtype.
        ShapeError, ArgumentError: the tangents are not of the kind of the primals.
    """
    check_callable(f)
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, list | tuple):
            raise ArgumentError(f"jvp: {name} is a tuple, an entry per argument of f, but {brief(given)} was given")
    if len(primals) != len(tangents):
        raise ArgumentError(f"jvp: {len(primals)} primals were given, and {len(tangents)} tangents; each needs its own")
    forward = Forward(current())
    inside = [
        _moving(forward, n, primal, tangent) for n, (primal, tangent) in enumerate(zip(primals, tangents, strict=True))
    ]
    with entered(forward):
        out = f(*inside)
    leaves, structure = flatten(out)
    results = [float_result(forward, leaf) for leaf in leaves]
    found = [forward.tangent(r) for r in results]
    made = [zeros_like(r) if t is None else t for t, r in zip(found, results, strict=True)]
    return unflatten(structure, results), unflatten(structure, made)


def _moving(forward: Forward, n: int, primal: object, tangent: object) -> object:
    """Argument n under another identity, with a tangent."""
    leaves, structure = flatten(primal)
    own = leaves_like(structure, tangent)
    if own is None:
        raise ArgumentError(f"jvp: the tangent of argument {n} must have the containers of that argument")
    fresh: list[Array] = []
    for leaf, given in zip(leaves, own, strict=True):
        made = stand_in(forward.below, float_array(leaf, n))
        forward.move(made, _tangent(forward.below, made, given))
        fresh.append(made)
    return unflatten(structure, fresh)


def _tangent(stage: Stage, primal: Array, given: object) -> Array:
    tangent = stage.lift(given) if isinstance(given, Array) else tensor(given, dtype=primal.dtype)
    if tangent.dtype is not primal.dtype:
        raise DTypeError(f"jvp: a tangent is {tangent._aval}, and its primal {primal._aval}; their dtypes must match")
    if tangent.shape != primal.shape:
        raise ShapeError(
            f"jvp: a tangent has the shape {show_shape(tangent.shape)}, and its primal {show_shape(primal.shape)}"
        )
    return tangent


def jacobian(f: Callable[..., object], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that gives all first derivatives of `f`: of each element of its result by each of an argument.

    Args:
        f: gives float tensors, in any containers.
        argnums: the argument, or arguments, to differentiate by; each may be a nest of float tensors.

    Returns:
        `j(*args, **kwargs)`, which gives for each tensor of the result, in its containers, the derivatives in the
        structure of the argument, or a tuple of them; each has the shape `out.shape + in.shape`. It takes one pass
        backwards, in which each op is carried out for all elements of the result together.

    Raises, when the result is called:
        DomainError: no tensor of the result depends on an argument.
        DTypeError: an argument or the result holds other than real floats.
        ArgumentError: `argnums` is not of the arguments.
    """
    return _jacobian(f, argnums, True)


def hessian(f: Callable[..., object], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that gives all second derivatives of `f`; each has the shape `out.shape + in.shape + in.shape`.

    Arguments and errors are those of `jacobian`, in whose structure the structure of the arguments stands twice. The
    second derivative of what depends on an argument linearly is zero.
    """
    return _jacobian(_jacobian(f, argnums, True), argnums, False)


def _jacobian(f: Callable[..., object], argnums: int | Sequence[int], needed: bool) -> Callable[..., Any]:
    check_callable(f)
    numbers = numbers_of(argnums)

    @functools.wraps(f, updated=())
    @located
    def call(*args: object, **kwargs: object) -> object:
        if not all(-len(args) <= n < len(args) for n in numbers):
            raise ArgumentError(f"argnums is {argnums}, but the call has {len(args)} positional arguments")
        stage = current()
        recording, wanted, structures, out = record(stage, f, args, kwargs, [n % len(args) for n in numbers])
        leaves, structure = flatten(out)
        results = [float_result(stage, leaf) for leaf in leaves]
        found = [derivatives(value, wanted, _pull(recording, value, wanted)) for value in results]
        if needed:
            connected(stage, [next((d for d in ds if d is not None), None) for ds in zip(*found, strict=True)], wanted)
        made: list[object] = []
        for value, ds in zip(results, found, strict=True):
            full = [
                ops.full((*value.shape, *w.shape), -0.0, dtype=w.dtype) if d is None else d
                for d, w in zip(ds, wanted, strict=True)
            ]
            by = by_argument(full, structures)
            made.append(by[0] if isinstance(argnums, int) else tuple(by))
        return unflatten(structure, made)

    return call


def _pull(recording: Recording, value: Array, wanted: Sequence[Array]) -> Callable[[Array], Sequence[Array | None]]:
    return lambda seed: recording.gradients([value], [seed], wanted)


def derivatives(
    value: Array, wanted: Sequence[Array], pull: Callable[[Array], Sequence[Array | None]]
) -> list[Array | None]:
    """For each wanted array the derivatives of each element of `value` by each of its own; None: not connected.

    Args:
        value: of floats.
        wanted: what is differentiated by.
        pull: gives the cotangents of `wanted` for one of `value`.
    """
    if value.dtype.is_complex:
        raise DTypeError(f"a jacobian is one of real numbers, but the result is {value._aval}; take its parts first")
    if value.ndim == 0:
        return [*pull(ops.ones_like(value))]
    batch = Batching(current(), Level("jacobian", value.size))
    seeds = ops.reshape(ops.eye(value.size, dtype=value.dtype), (value.size, *value.shape))
    with running(batch):
        rows = [g if g is None else batch.spread(batch.lift(g)) for g in pull(Batched(seeds, batch.level))]
    return [r if r is None else ops.reshape(r, (*value.shape, *w.shape)) for r, w in zip(rows, wanted, strict=True)]
