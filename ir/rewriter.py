"""Writing a graph anew: nodes are kept, replaced or added, dead ones dropped; it knows no rule and no pass.

Graphs are immutable and nodes do not know their graph, so a node whose arguments are unchanged is shared
between the old graph and the new one, and a graph in which nothing changes is returned as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .analysis import flagged, flags_within
from .array import Array
from .attrs import NO_ATTRS, Attrs, Constant
from .dtypes import from_numpy
from .errors import StateError
from .graph import Graph, Node, StateSlot, Value
from .loc import Loc
from .op import Flags, Op
from .registry import OPS
from .stage import entered
from .types import TensorType


class Known(Array):
    """The array that stands for a value of a graph that is being rewritten."""

    __slots__ = ("_aval", "value")

    def __init__(self, value: Value) -> None:
        self._aval = value.type
        self.value = value


class Rewriter:
    """A graph that is being written anew; as a stage, it appends the nodes of traced functions.

    Attributes:
        graph: the old graph.
        loc: the location of nodes that traced functions append.
    """

    assumptions = None

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.loc: Loc | None = None
        self._new: dict[Value, Value] = {}
        self._nodes: list[Node] = []

    def value(self, old: Value) -> Value:
        """What stands for a value of the old graph."""
        return self._new.get(old, old)

    def replace(self, old: Value, new: Value) -> None:
        """From now on `new` stands for `old`."""
        self._new[old] = new

    def map(self, node: Node) -> Node:
        """An old node with its arguments in the new graph, itself when they are unchanged; not appended."""
        args = tuple([self._new.get(a, a) for a in node.args])
        if args == node.args:
            return node
        return self.copy(node, args)

    def copy(self, node: Node, args: tuple[Value, ...], regions: tuple[Graph, ...] | None = None) -> Node:
        """An old node with other arguments or regions, whose results stand for the old ones; not appended."""
        types = tuple([r.type for r in node.results])
        new = Node(node.op, args, node.attrs, types, node.loc, node.regions if regions is None else regions)
        for old_result, result in zip(node.results, new.results, strict=True):
            result.name = old_result.name
            self._new[old_result] = result
        return new

    def append(self, node: Node) -> Node:
        """Append a node; it must be new, or an old one that was not appended yet."""
        self._nodes.append(node)
        return node

    def add(
        self,
        op: Op,
        args: Sequence[Value],
        attrs: Attrs = NO_ATTRS,
        *,
        types: Sequence[TensorType],
        loc: Loc | None = None,
        regions: tuple[Graph, ...] = (),
    ) -> Node:
        """Append a node made from nothing."""
        return self.append(Node(op, tuple(args), attrs, tuple(types), loc, regions))

    def trace(self, function: Callable[..., Array | None], *args: Value | Attrs) -> Value | None:
        """Append the nodes of a function of arrays and attrs; the value of its result, None for None."""
        with entered(self):
            result = function(*[Known(a) if isinstance(a, Value) else a for a in args])
        if result is None:
            return None
        return self.lift(result).value

    def lift(self, operand: Array | np.ndarray) -> Known:
        """The operand as a value of the graph."""
        if isinstance(operand, Known):
            return operand
        if isinstance(operand, Array):
            raise StateError(f"{operand!r} does not belong to the graph {self.graph.name!r}")
        return self.constant(operand)

    def constant(self, value: np.ndarray) -> Known:
        """A constant node."""
        if value.flags.writeable:
            value = value.copy()
            value.setflags(write=False)
        type = TensorType(from_numpy(value.dtype), value.shape)
        return self.emit(OPS["constant"], (), Constant(value, type), type)

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Known:
        """Append a node with one result."""
        node = self.add(op, [self.lift(a).value for a in args], attrs, types=(result,), loc=self.loc)
        return Known(node.result)

    def finish(self, state: tuple[StateSlot, ...] | None = None) -> Graph:
        """The new graph without dead nodes; the old one when nothing changed.

        A node is dead when nothing uses its results and it is neither CHECKED nor ORDERED, its regions
        included.
        """
        graph = self.graph
        results = tuple([self._new.get(r, r) for r in graph.results])
        nodes = _alive(Graph(graph.name, graph.params, tuple(self._nodes), results))
        if (
            results == graph.results
            and len(nodes) == len(graph.nodes)
            and all(a is b for a, b in zip(nodes, graph.nodes, strict=True))
        ):
            return graph
        return Graph(graph.name, graph.params, nodes, results, graph.state if state is None else state)


def _alive(graph: Graph) -> tuple[Node, ...]:
    kept = flagged(graph, Flags.CHECKED | Flags.ORDERED, flags_within(graph))
    needed = set(graph.results)
    alive: list[Node] = []
    for node in reversed(graph.nodes):
        if node in kept or not needed.isdisjoint(node.results):
            needed.update(node.args)
            alive.append(node)
    return tuple(alive[::-1])
