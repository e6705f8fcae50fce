"""Building graphs: the stage in which calling an op writes a node; it knows nothing of Python functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .abstract import Abstract
from .array import Array
from .assumptions import Assumptions
from .attrs import NO_ATTRS, Attrs, Constant
from .dtypes import from_numpy
from .errors import StateError, TraceError
from .graph import Graph, Node, StateSlot, Value
from .loc import Loc, here
from .op import Op
from .registry import OPS
from .types import TensorType


class Traced(Abstract):
    """The array that stands for a value of a graph under construction.

    Using it after its graph is finished raises StateError, which says where it was made.
    """

    __slots__ = ("__weakref__", "_aval", "builder", "value")

    def __init__(self, value: Value, builder: Builder) -> None:
        self._aval = value.type
        self.value = value
        self.builder = builder

    def _cannot(self, what: str, instead: str) -> TraceError | StateError:
        if self.builder.finished:
            return self.builder.stale(self)
        return TraceError(
            f"{what} a traced tensor ({self._aval}) is not known while {self.builder.name!r} is being "
            f"traced; {instead}"
        )

    def __repr__(self) -> str:
        return f"<traced {self._aval} in {self.builder.name!r}>"


class Builder:
    """A graph under construction.

    Attributes:
        name: name of the graph.
        capture: what to do with an array that does not belong to this graph (None: it is an error).
        loc: overrides the location given to new nodes, when set.
        assumptions: of a trace with symbolic extents.
    """

    def __init__(self, name: str, capture: Callable[[Array | np.ndarray], Traced] | None = None) -> None:
        self.name = name
        self.capture = capture
        self.loc: Loc | None = None
        self.assumptions: Assumptions | None = None
        self.finished = False
        self._params: list[Value] = []
        self._nodes: list[Node] = []
        self._constants: dict[Constant, Traced] = {}

    @property
    def n_params(self) -> int:
        """Number of params so far."""
        return len(self._params)

    @property
    def n_nodes(self) -> int:
        """Number of nodes so far."""
        return len(self._nodes)

    def param(self, type: TensorType, name: str = "") -> Traced:
        """Append a param."""
        value = Value(type, None, len(self._params), name)
        self._params.append(value)
        return Traced(value, self)

    def lift(self, operand: Array | np.ndarray) -> Traced:
        """The operand as a value of this graph."""
        if isinstance(operand, Traced) and operand.builder is self:
            if self.finished:
                raise self.stale(operand)
            return operand
        if isinstance(operand, Traced) and operand.builder.finished:
            raise self.stale(operand)
        if self.capture is None:
            raise StateError(f"{operand!r} does not belong to the graph {self.name!r}")
        return self.capture(operand)

    def stale(self, operand: Traced) -> StateError:
        """The error for a value that is used after its graph was finished."""
        made = operand.value.node.loc if operand.value.node is not None else None
        where = f" It was made at {made}." if made is not None else ""
        return StateError(
            f"a traced tensor ({operand._aval}) of {operand.builder.name!r} was used after its trace "
            f"ended.{where} Return it from the function instead of keeping it elsewhere."
        )

    def constant(self, value: np.ndarray) -> Traced:
        """A constant node; equal small constants are one node."""
        type = TensorType(from_numpy(value.dtype), value.shape)
        if value.flags.writeable:
            value = value.copy()
            value.setflags(write=False)
        attrs = Constant(value, type)
        known = self._constants.get(attrs)
        if known is None:
            known = self.emit(OPS["constant"], (), attrs, type)
            self._constants[attrs] = known
        return known

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Traced:
        """Append a node with one result."""
        values = tuple(
            [a.value if type(a) is Traced and a.builder is self else self.lift(a).value for a in args]
        )
        node = Node(op, values, attrs, (result,), self.loc or here())
        if self.finished:
            raise StateError(f"the graph {self.name!r} is finished")
        self._nodes.append(node)
        return Traced(node.results[0], self)

    def emit_region(
        self,
        op: Op,
        args: Sequence[Traced],
        regions: tuple[Graph, ...],
        types: tuple[TensorType, ...],
        attrs: Attrs = NO_ATTRS,
    ) -> tuple[Traced, ...]:
        """Append a node that has regions and any number of results."""
        node = Node(op, tuple([self.lift(a).value for a in args]), attrs, types, self.loc or here(), regions)
        self._nodes.append(node)
        return tuple([Traced(r, self) for r in node.results])

    def finish(self, results: Sequence[Traced], state: tuple[StateSlot, ...] = ()) -> Graph:
        """The finished graph; this builder and its traced arrays are of no further use."""
        values = tuple([self.lift(r).value for r in results])
        self.finished = True
        return Graph(self.name, tuple(self._params), tuple(self._nodes), values, state)
