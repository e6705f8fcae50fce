"""Computing again instead of keeping: `remat`, whose backward pass starts from the inputs of a function.

The function runs once, and what it does is noted as a graph, step by step, beside carrying it out; so effects happen
once, random numbers are drawn once, and what is computed again are the same ops on the same inputs. Those are its
arguments and whatever else it reads: variables as they were, tensors that it closes over.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

import numpy as np

from ..ir.array import Array
from ..ir.attrs import Attrs
from ..ir.builder import Builder, Traced
from ..ir.gradient import Custom, Recording, ground
from ..ir.graph import Graph
from ..ir.op import Op
from ..ir.registry import OPS
from ..ir.stage import Stage, current, located
from ..ir.types import TensorType
from .custom import emit_custom, with_gradient
from .pytree import flatten, unflatten
from .recorded import check_callable, stand_in
from .replay import replay
from .staging import staged

R = TypeVar("R")


class _Noting(Recording):
    """The stage that carries ops out and notes them as a graph.

    Attributes:
        builder: of the graph.
        inputs: what it uses and did not make, in the order of its params.
    """

    def __init__(self, outer: Stage, name: str) -> None:
        super().__init__(_bottom(outer))
        self.outer = outer
        self.builder = Builder(name, self._input)
        base = ground(outer)
        self.builder.assumptions = base.assumptions if isinstance(base, Builder) else None
        self.inputs: list[Array] = []
        self._known: dict[int, tuple[Callable[[], Array | None], Traced]] = {}

    def lift(self, operand: Array | np.ndarray) -> Array:
        """The operand in the stages around, which may watch what is read here."""
        return self.outer.lift(operand)

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        """Carry out one op, unknown to the Recordings between, and note it."""
        made = self.below.emit(op, args, attrs, result)
        self._note(made, self.builder.emit(op, tuple([self.noted(a) for a in args]), attrs, result))
        return made

    def constant(self, value: np.ndarray) -> Array:
        """A constant of the stage below, and of the graph."""
        made = self.below.constant(value)
        self._note(made, self.builder.constant(value))
        return made

    def alias(self, made: Array, of: Array) -> None:
        """Note one array under two identities."""
        self._note(made, self.noted(of))
        if isinstance(self.below, Recording):
            self.below.alias(made, of)

    def customised(self, record: Custom) -> None:
        """Note a gradient of its own, by tracing its pull."""
        made = emit_custom(self.builder, self.noted, record.values, record.args, record.pull)
        for r, m in zip(record.results, made, strict=True):
            self._note(r, cast(Traced, m))

    def noted(self, array: Array | np.ndarray) -> Traced:
        """An array as a value of the graph."""
        known = self._known.get(id(array))
        if known is not None and known[0]() is array:
            return known[1]
        return self.builder.lift(array)

    def _input(self, array: Array | np.ndarray) -> Traced:
        lifted = self.lift(array)
        known = self._known.get(id(lifted))
        if known is not None and known[0]() is lifted:
            return known[1]
        made = self.builder.param(lifted._aval)
        self.inputs.append(lifted)
        self._note(lifted, made)
        return made

    def _note(self, array: Array, value: Traced) -> None:
        # Held weakly: what the function drops may go while it still runs.
        self._known[id(array)] = weakref.ref(array), value


def _bottom(stage: Stage) -> Stage:
    """Where ops go: the stage that notes already, or carries out."""
    while isinstance(stage, Recording) and not isinstance(stage, _Noting):
        stage = stage.below
    return stage


def remat(f: Callable[..., R]) -> Callable[..., R]:
    """The function that gives what `f` gives, and whose gradient computes f again instead of keeping what it made.

    Between the two, memory holds what f was given and reads, and its result. Values and gradients have the bits that
    they have without; the time of one more call of f is what it costs.

    Args:
        f: any function; it runs once, and its ops are repeated, not its effects.

    Raises, when the result is called:
        TraceError: a vjp of `custom_gradient` inside cannot be traced.
    """
    check_callable(f)
    name = getattr(f, "__name__", "remat")

    @functools.wraps(f, updated=())
    @located
    def call(*args: object, **kwargs: object) -> R:
        outer = current()
        if outer is ground(outer) and not isinstance(outer, Builder):
            return f(*args, **kwargs)
        noting = _Noting(outer, name)
        with staged(noting):
            out = f(*args, **kwargs)
            leaves, structure = flatten(out)
            floats = [k for k, x in enumerate(leaves) if isinstance(x, Array) and x.dtype.is_inexact]
            results = [noting.lift(cast(Array, leaves[k])) for k in floats]
            graph = noting.builder.finish([noting.noted(r) for r in results])
        made: list[object] = list(leaves)
        for k, r in zip(floats, _again(graph, results, noting.inputs), strict=True):
            made[k] = r
        return cast(R, unflatten(structure, made))

    return call


def _again(graph: Graph, results: Sequence[Array], inputs: Sequence[Array]) -> list[Array]:
    """The results under another identity, whose gradient by the inputs runs the graph again."""
    by = [k for k, x in enumerate(inputs) if x.dtype.is_inexact]

    def pull(cotangents: list[Array]) -> Sequence[Array | None]:
        stage = current()
        tracing = isinstance(ground(stage), Builder)
        # In a program nothing else would tell the second run from the first, nor when it may start.
        later = [OPS["barrier"].call(x, cotangents[0]) if tracing else stand_in(stage, x) for x in inputs]
        recording = Recording(stage)
        with staged(recording):
            again = replay(graph, later)
        return recording.gradients(again, cotangents, [later[k] for k in by])

    return with_gradient(results, [inputs[k] for k in by], pull) if results else []
