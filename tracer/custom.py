"""Gradients that users write themselves: values under another identity, with a pull of their own.

Under a Recording that is a record; in a graph it is a node `custom_gradient`, whose region is the pull traced, so that
a gradient that is taken of the program later finds it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from ..ir import ops
from ..ir.array import Array
from ..ir.builder import Builder, Traced
from ..ir.dtypes import from_numpy
from ..ir.errors import ArgumentError, ShapeError, TraceError
from ..ir.gradient import Custom, Recording, ground
from ..ir.graph import Graph
from ..ir.registry import OPS
from ..ir.stage import current, located
from ..ir.types import TensorType, show_shape
from ..runtime.core import Tensor
from ..runtime.creation import tensor
from ..runtime.variable import Variable
from .pytree import Structure, flatten, unflatten
from .recorded import check_callable, float_result, leaves_like, stand_in, zeros_like
from .signature import brief
from .staging import staged

R = TypeVar("R")
Pull = Callable[[list[Array]], Sequence[Array | None]]
"""Gives the cotangents of some arrays, None for none, from those of others."""


class Region(Builder):
    """A region under construction, which captures whatever it uses of the graph around it.

    Attributes:
        captured: what it captures, in the order of the params that stand for it.
    """

    def __init__(self, name: str, around: Callable[[Array | np.ndarray], Array], outer: Builder | None) -> None:
        super().__init__(name, self._capture)
        self.assumptions = None if outer is None else outer.assumptions
        self.captured: list[Array | np.ndarray] = []
        self._around = around
        self._known: dict[int, Traced] = {}

    def lift(self, operand: Array | np.ndarray) -> Traced:
        """The operand as a value of the region; a variable is read in the graph around."""
        return super().lift(self._around(operand) if isinstance(operand, Variable) else operand)

    def _capture(self, source: Array | np.ndarray) -> Traced:
        known = self._known.get(id(source))
        if known is None:
            if isinstance(source, np.ndarray):
                aval = TensorType(from_numpy(source.dtype), source.shape)
            else:
                aval = source._aval
            known = self._known[id(source)] = self.param(aval)
            self.captured.append(source)
        return known

    def assign(self, variable: Variable, value: Array) -> None:
        """TraceError: a gradient changes nothing."""
        raise TraceError(
            f"a vjp assigned the variable {variable.name!r} while {self.name!r} was being traced; it only computes "
            "cotangents, so assign in the function itself"
        )

    def adopt(self, variable: Variable) -> None:
        """TraceError: a gradient makes no variables."""
        raise TraceError(f"a vjp made a variable while {self.name!r} was being traced; make it outside")

    def concrete(self, value: Array) -> Tensor:
        """TraceError: there is no value yet."""
        raise TraceError(f"a vjp made a variable while {self.name!r} was being traced; make it outside")


def region_of(
    name: str,
    types: Sequence[TensorType],
    pull: Pull,
    around: Callable[[Array | np.ndarray], Array],
    outer: Builder | None,
) -> tuple[Graph, list[int], list[Array | np.ndarray]]:
    """A pull as a region: the graph, the numbers of those that have cotangents, and what it captures."""
    region = Region(name, around, outer)
    params = [region.param(t) for t in types]
    with staged(region):
        found = pull([*params])
        made = [region.lift(g) for g in found if g is not None]
    return region.finish(made), [k for k, g in enumerate(found) if g is not None], region.captured


def with_gradient(values: Sequence[Array], args: Sequence[Array], pull: Pull) -> list[Array]:
    """The values under another identity, differentiated by `args` alone, as `pull` says.

    Args:
        values: float arrays of the current stage.
        args: float arrays of the current stage.
        pull: gives the cotangents of `args` from those of `values`, by ops of the stage that is current then.
    """
    stage = current()
    base = ground(stage)
    if stage is base and not isinstance(base, Builder):
        return list(values)
    if isinstance(base, Builder):
        results = emit_custom(base, base.lift, values, args, pull)
    else:
        results = [stand_in(base, v) for v in values]

    def filled(cotangents: Sequence[Array | None]) -> Sequence[Array | None]:
        return pull([zeros_like(v) if g is None else g for v, g in zip(values, cotangents, strict=True)])

    made = Custom(tuple(values), tuple(args), tuple(results), filled)
    while isinstance(stage, Recording):
        stage.customised(made)
        stage = stage.below
    return results


def emit_custom(
    builder: Builder,
    lift: Callable[[Array | np.ndarray], Traced],
    values: Sequence[Array],
    args: Sequence[Array],
    pull: Pull,
) -> list[Array]:
    """The node of values with a gradient of their own; `lift` brings arrays into the graph."""
    types = [v._aval for v in values]
    region, by, captured = region_of(f"{builder.name}_gradient", types, pull, lift, builder)
    operands = [*values, *[args[k] for k in by], *captured]
    return [*builder.emit_region(OPS["custom_gradient"], [lift(a) for a in operands], (region,), tuple(types))]


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

        @located
        def pull(cotangents: list[Array]) -> list[Array | None]:
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
