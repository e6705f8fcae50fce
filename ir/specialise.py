"""A graph over symbols with sizes, or other extents, in their place; it knows no op."""

from __future__ import annotations

from collections.abc import Mapping

from .fields import static_attrs, static_type
from .graph import Graph, Node, Value
from .types import Extent


def specialised(graph: Graph, sizes: Mapping[str, Extent]) -> Graph:
    """The graph with extents for some of its symbols; the same object when there are none."""
    return _Copy(sizes).graph(graph) if sizes else graph


class _Copy:
    def __init__(self, sizes: Mapping[str, Extent]) -> None:
        self.sizes = sizes
        self.regions: dict[Graph, Graph] = {}

    def graph(self, graph: Graph) -> Graph:
        known = self.regions.get(graph)
        if known is not None:
            return known
        values: dict[Value, Value] = {}
        for p in graph.params:
            values[p] = Value(static_type(p.type, self.sizes), None, p.index, p.name)
        nodes = []
        for node in graph.nodes:
            made = Node(
                node.op,
                tuple([values[a] for a in node.args]),
                static_attrs(node.attrs, self.sizes),
                tuple([static_type(r.type, self.sizes) for r in node.results]),
                node.loc,
                tuple([self.graph(r) for r in node.regions]),
            )
            for old, new in zip(node.results, made.results, strict=True):
                new.name = old.name
                values[old] = new
            nodes.append(made)
        params = tuple([values[p] for p in graph.params])
        results = tuple([values[r] for r in graph.results])
        found = self.regions[graph] = Graph(graph.name, params, tuple(nodes), results, graph.state)
        return found
