"""Gradients that users write themselves: values under another identity, with a pull of their own.

Under a Recording that is a record; in a graph it is a node `custom_gradient`, whose region is the pull traced, so that
a gradient that is taken of the program later finds it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar, cast

import numpy as np

from ..ir import ops
from ..ir.array import Array
from ..ir.attrs import Attrs
from ..ir.batch_rules import total
from ..ir.batching import Batched, Batching
from ..ir.builder import Builder, Traced
from ..ir.errors import ArgumentError, ShapeError, StateError
from ..ir.graph import Graph
from ..ir.layers import Custom, Layer
from ..ir.op import Op
from ..ir.registry import OPS
from ..ir.stage import Stage, current, entered, located
from ..ir.types import TensorType, show_shape
from ..runtime.creation import tensor
from ..runtime.variable import Variable, assignments, was_assigned
from .pytree import Structure, flatten, unflatten
from .recorded import check_callable, float_result, leaves_like, stand_in, zeros_like
from .region import Region
from .signature import brief

R = TypeVar("R")
Pull = Callable[[list[Array]], Sequence[Array | None]]
"""Gives the cotangents of some arrays, None for none, from those of others."""


def region_of(
    name: str,
    types: Sequence[TensorType],
    pull: Pull,
    around: Callable[[Array | np.ndarray], Array],
    outer: Builder | None,
) -> tuple[Graph, list[int], list[Array | np.ndarray]]:
    """A pull as a region: the graph, the numbers of those that have cotangents, and what it captures."""
    region = Region(name, around, outer, "a vjp")
    params = [region.param(t) for t in types]
    with entered(region):
        found = pull([*params])
        made = [region.lift(g) for g in found if g is not None]
    return region.finish(made), [k for k, g in enumerate(found) if g is not None], region.captured


def with_gradient(values: Sequence[Array], args: Sequence[Array], pull: Pull, again: bool = False) -> list[Array]:
    """The values under another identity, differentiated by `args` alone, as `pull` says.

    Args:
        values: float arrays of the current stage.
        args: float arrays of the current stage.
        pull: gives the cotangents of `args` from those of `values`, by ops of the stage that is current then.
        again: the pull runs again what made the values.
    """
    return _customised(current(), values, args, pull, again)


def _customised(
    stage: Stage, values: Sequence[Array], args: Sequence[Array], pull: Pull, again: bool
) -> list[Array]:
    if isinstance(stage, Builder):
        return emit_custom(stage, stage.lift, values, args, pull, again)
    if isinstance(stage, Batching):
        wholes = [stage.spread(v) for v in values]
        below = _customised(stage.below, wholes, [stage.whole(a) for a in args], _of_all(stage, args, pull), again)
        return [Batched(made, stage.level) for made in below]
    if not isinstance(stage, Layer):
        return list(values)
    below = _customised(stage.below, values, args, pull, again)
    results = [stand_in(stage.below, v) if r is v else r for r, v in zip(below, values, strict=True)]

    def filled(cotangents: Sequence[Array | None]) -> Sequence[Array | None]:
        return pull([zeros_like(v) if g is None else g for v, g in zip(values, cotangents, strict=True)])

    stage.customised(Custom(tuple(values), tuple(args), tuple(results), filled, again))
    return results


def _of_all(stage: Batching, args: Sequence[Array], pull: Pull) -> Pull:
    """The pull of all examples of a batch; the cotangents of what is the same for all are summed."""
    level, mapped = stage.level, [stage.maps(a) for a in args]

    def whole(cotangents: list[Array]) -> list[Array | None]:
        here = Batching(current(), level)
        with running(here):
            found = pull([Batched(g, level) for g in cotangents])
            given = [None if g is None else here.spread(here.lift(g)) for g in found]
        return [total(g) if g is not None and not m else g for g, m in zip(given, mapped, strict=True)]

    return whole


@contextmanager
def running(stage: Batching) -> Iterator[None]:
    """Carry ops out for all examples of a batch for a while."""
    stage.level.running += 1
    try:
        with entered(stage):
            yield
    finally:
        stage.level.running -= 1


def emit_custom(
    builder: Builder,
    lift: Callable[[Array | np.ndarray], Traced],
    values: Sequence[Array],
    args: Sequence[Array],
    pull: Pull,
    again: bool,
) -> list[Array]:
    """The node of values with a gradient of their own; `lift` brings arrays into the graph."""
    types = [v._aval for v in values]
    region, by, captured = region_of(f"{builder.name}_gradient", types, pull, lift, builder)
    operands = [*values, *[args[k] for k in by], *captured]
    row = OPS["remat" if again else "custom_gradient"]
    return [*builder.emit_region(row, [lift(a) for a in operands], (region,), tuple(types))]


def custom_gradient(f: Callable[..., tuple[R, Callable[..., object]]]) -> Callable[..., R]:
    """The function that gives the value of `f`, with the gradient that f gives beside it.

    Args:
        f: gives `(value, vjp)`: float tensors in any containers, and a function of their cotangents, which come in the
            same containers. `vjp(dy)` gives a tuple with an entry per positional argument of f: its cotangent, in its
            containers and of its shape, or None where it has none; for one argument, the entry alone will do. What vjp
            needs of f it keeps by closure.

    Returns:
        The function of the same arguments. Whatever f uses besides them, variables too, is held constant. Gradients of
        higher order differentiate vjp, and what it uses of f. While a function is traced, vjp is traced beside it.

    Raises, when the result is called or differentiated:
        StateError: vjp reads a variable that was assigned since f was called.
        ArgumentError: f gives no such pair, or vjp not as many cotangents as f has arguments.
        ShapeError: a cotangent has another shape than its argument.
        DTypeError: the value holds other than floats.
    """
    check_callable(f)

    @functools.wraps(f, updated=())
    @located
    def call(*args: object, **kwargs: object) -> R:
        stage = current()
        places = [_Place.of(a) for a in args]
        floats = [[stage.lift(x) for x in p.floats] for p in places]
        out: object = f(*args, **kwargs)
        if not isinstance(out, tuple) or len(out) != 2 or not callable(out[1]):
            raise ArgumentError(
                "The function f passed in custom_gradient(f) must return a pair (value, vjp) where vjp is a function, "
                f"but it returned {brief(out)}"
            )
        value, vjp = out
        leaves, structure = flatten(value)
        values = [float_result(stage, leaf) for leaf in leaves]
        then = assignments()

        @located
        def pull(cotangents: list[Array]) -> list[Array | None]:
            with _as_of(then):
                given = vjp(unflatten(structure, cotangents))
            entries = given if isinstance(given, tuple) else (given,)
            if len(entries) != len(places):
                raise ArgumentError(
                    "The function f passed in custom_gradient(f) must return a pair (value, vjp) where vjp is a "
                    "function that returns the same number of tensors as inputs passed to f(...). It returned "
                    f"{len(entries)}, and {len(places)} were passed."
                )
            return [g for n, (p, e) in enumerate(zip(places, entries, strict=True)) for g in p.cotangents(n, e)]

        return cast(R, unflatten(structure, with_gradient(values, [x for xs in floats for x in xs], pull)))

    return call


class _AsOf(Layer):
    """Refuses to read variables assigned since: a vjp that is traced with its function has their values of then."""

    def __init__(self, below: Stage, then: int) -> None:
        super().__init__(below)
        self._then = then

    def lift(self, operand: Array | np.ndarray) -> Array:
        """The operand below; StateError for a variable that was assigned."""
        if isinstance(operand, Variable) and was_assigned(operand, self._then):
            raise StateError(
                f"the vjp of custom_gradient(f) reads the variable {operand.name!r}, which was assigned since f was "
                "called; read it in f, and let vjp use what that gave"
            )
        return self.below.lift(operand)

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        """Carry out one op below."""
        return self.below.emit(op, args, attrs, result)


def _as_of(then: int) -> AbstractContextManager[None]:
    """Where a vjp runs whose function was called when there had been that many assignments."""
    return nullcontext() if assignments() == then else entered(_AsOf(current(), then))


class _Place:
    """A positional argument: its containers, and which of its leaves are differentiated by.

    Attributes:
        types: of each leaf that is a float array its type, else None.
    """

    def __init__(self, structure: Structure, leaves: Sequence[object]) -> None:
        self.structure = structure
        self.floats = [x for x in leaves if isinstance(x, Array) and x.dtype.is_inexact]
        self.types = [x._aval if isinstance(x, Array) and x.dtype.is_inexact else None for x in leaves]

    @staticmethod
    def of(argument: object) -> _Place:
        leaves, structure = flatten(argument)
        return _Place(structure, leaves)

    def cotangents(self, number: int, entry: object) -> list[Array | None]:
        """What a vjp gave for this argument, leaf by leaf, where that is differentiated by."""
        if entry is None:
            return [None for t in self.types if t is not None]
        leaves = leaves_like(self.structure, entry)
        if leaves is None:
            raise ArgumentError(
                f"the cotangent that a vjp of custom_gradient(f) returns for argument {number} must have the "
                "containers of that argument"
            )
        return [_cotangent(number, g, t) for g, t in zip(leaves, self.types, strict=True) if t is not None]


def _cotangent(number: int, given: Any, type: TensorType) -> Array:
    made = current().lift(given) if isinstance(given, Array | np.ndarray) else tensor(given, dtype=type.dtype)
    if made.shape != type.shape:
        raise ShapeError(
            f"the cotangent that a vjp of custom_gradient(f) returns for argument {number} has shape "
            f"{show_shape(made.shape)}, and the argument {show_shape(type.shape)}"
        )
    return made if made.dtype is type.dtype else ops.astype(made, type.dtype)
