"""A graph over symbols with sizes, or other extents, in their place; it knows no op."""

from __future__ import annotations

from collections.abc import Mapping

from .analysis import regions_first
from .fields import static_attrs, static_type
from .graph import Graph, Node, Value
from .types import Extent


def specialised(graph: Graph, sizes: Mapping[str, Extent]) -> Graph:
    """The graph with extents for some of its symbols, regions included; the same object when there are none."""
    if not sizes:
        return graph
    done: dict[Graph, Graph] = {}
    for g in regions_first(graph)[0]:
        done[g] = _copy(g, sizes, done)
    return done[graph]


def _copy(graph: Graph, sizes: Mapping[str, Extent], regions: Mapping[Graph, Graph]) -> Graph:
    known = {p: Value(static_type(p.type, sizes), None, p.index, p.name) for p in graph.params}
    nodes = []
    for node in graph.nodes:
        types = tuple([static_type(r.type, sizes) for r in node.results])
        inside = tuple([regions[r] for r in node.regions])
        args = tuple([known[a] for a in node.args])
        made = Node(node.op, args, static_attrs(node.attrs, sizes), types, node.loc, inside)
        for old, new in zip(node.results, made.results, strict=True):
            new.name = old.name
            known[old] = new
        nodes.append(made)
    results = tuple([known[r] for r in graph.results])
    return Graph(graph.name, tuple([known[p] for p in graph.params]), tuple(nodes), results, graph.state)
