"""The stage that carries ops out and notes them as a graph, step by step, so that they can be carried out again."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from ..ir.array import Array
from ..ir.attrs import Attrs
from ..ir.builder import Builder, Traced
from ..ir.gradient import Recording
from ..ir.graph import Graph
from ..ir.layers import Custom, Layer, ground
from ..ir.op import Op
from ..ir.stage import Stage
from ..ir.types import TensorType
from .custom import emit_custom


class Noting(Layer):
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
        super().alias(made, of)

    def customised(self, record: Custom) -> None:
        """Note a gradient of its own, by tracing its pull."""
        made = emit_custom(self.builder, self.noted, record.values, record.args, record.pull, record.again)
        for r, m in zip(record.results, made, strict=True):
            self._note(r, cast(Traced, m))

    def structured(
        self, op: Op, args: Sequence[Array], regions: tuple[Graph, ...], attrs: Attrs, results: Sequence[Array]
    ) -> None:
        """Note a loop or a choice that was carried out."""
        types = tuple([r._aval for r in results])
        made = self.builder.emit_region(op, [self.noted(a) for a in args], regions, types, attrs)
        for r, m in zip(results, made, strict=True):
            self._note(r, m)

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
    """Where ops go: the first stage that is no Recording."""
    while isinstance(stage, Recording):
        stage = stage.below
    return stage
