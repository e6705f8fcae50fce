"""Regions under construction: graphs inside a node, which capture whatever they use of the graph around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..ir.array import Array
from ..ir.builder import Builder, Traced
from ..ir.dtypes import from_numpy
from ..ir.errors import TraceError
from ..ir.graph import Graph, Value
from ..ir.types import TensorType
from ..runtime.core import Tensor
from ..runtime.partitioned import PartitionedVariable
from ..runtime.variable import StateStage, Variable

Source = Array | np.ndarray


class Region(Builder, StateStage):
    """A region under construction.

    Attributes:
        captured: what it captures, in the order of the params that stand for it.
        what: whose region it is, as errors name it.
    """

    def __init__(self, name: str, around: Callable[[Source], Array], outer: Builder | None, what: str) -> None:
        super().__init__(name, self._capture)
        self.assumptions = None if outer is None else outer.assumptions
        self.captured: list[Source] = []
        self.what = what
        self._around = around
        self._known: dict[int, Traced] = {}

    def lift(self, operand: Source) -> Traced:
        """The operand as a value of the region; a variable is read in the graph around, one in parts here."""
        if isinstance(operand, PartitionedVariable):
            operand = operand.as_tensor()
        return super().lift(self._around(operand) if isinstance(operand, Variable) else operand)

    def _capture(self, source: Source) -> Traced:
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
            f"{self.what} assigned the variable {variable.name!r} while {self.name!r} was being traced; it only "
            "computes, so assign in the function itself"
        )

    def adopt(self, variable: Variable) -> None:
        """TraceError: variables are made outside."""
        raise TraceError(f"{self.what} made a variable while {self.name!r} was being traced; make it outside")

    def concrete(self, value: Array) -> Tensor:
        """TraceError: there is no value yet."""
        raise TraceError(f"{self.what} made a variable while {self.name!r} was being traced; make it outside")


class Body(Region):
    """The region of a loop or a choice, which may assign variables: they leave it as results.

    Attributes:
        slots: of each variable that it carries or assigns, by cell: the variable, its latest value, whether it was
            assigned.
    """

    def __init__(self, name: str, around: Callable[[Source], Array], outer: Builder | None, what: str) -> None:
        super().__init__(name, around, outer, what)
        self.slots: dict[int, tuple[Variable, Traced, bool]] = {}

    def carry(self, variable: Variable) -> None:
        """Append a param that the variable enters by."""
        self.slots[id(variable._cell)] = variable, self.param(variable._aval, variable.name), False

    def lift(self, operand: Source) -> Traced:
        """The operand as a value of the region; a variable gives its latest value."""
        if isinstance(operand, Variable):
            slot = self.slots.get(id(operand._cell))
            if slot is not None:
                return slot[1]
        return super().lift(operand)

    def assign(self, variable: Variable, value: Array) -> None:
        """Let reads of the variable give this value from now on, and the region leave it there."""
        self.slots[id(variable._cell)] = variable, self.lift(value), True

    def written(self) -> list[Variable]:
        """The variables that were assigned, in the order in which they first were."""
        return [v for v, _, assigned in self.slots.values() if assigned]


def united(builders: Sequence[tuple[Region, int, Sequence[Traced]]]) -> tuple[tuple[Graph, ...], list[Source]]:
    """Finished regions that all take the same captured values, in one order, and those.

    Args:
        builders: each with the number of its params that are no captured values, and its results.
    """
    captured = {id(s): s for b, _, _ in builders for s in b.captured}
    graphs = []
    for b, own, results in builders:
        graph = b.finish(results)
        values = {id(s): p for s, p in zip(b.captured, graph.params[own:], strict=True)}
        params = list(graph.params[:own])
        for key, source in captured.items():
            param = values.get(key)
            if param is None:
                aval = source._aval if isinstance(source, Array) else TensorType(from_numpy(source.dtype), source.shape)
                param = Value(aval, None, 0)
            param.index = len(params)
            params.append(param)
        graphs.append(Graph(graph.name, tuple(params), graph.nodes, graph.results))
    return tuple(graphs), list(captured.values())
