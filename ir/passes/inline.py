"""Replaces each call by the nodes of the graph that it calls, at any depth, and forgets gradients that nobody took."""

from __future__ import annotations

from ..analysis import regions_first
from ..graph import Graph, Node
from ..op import Structural
from ..rewriter import Rewriter
from ..text import CALL


def inline(graph: Graph) -> Graph:
    """The graph without `call` nodes; locations of nodes from callees gain that of the call."""
    done: dict[Graph, Graph] = {}
    for g in regions_first(graph)[0]:
        done[g] = _inline(g, done)
    return done[graph]


def _inline(graph: Graph, done: dict[Graph, Graph]) -> Graph:
    if not any(node.regions for node in graph.nodes):
        return graph
    writer = Rewriter(graph)
    for node in graph.nodes:
        if node.op.name == CALL:
            _splice(writer, node, done[node.regions[0]])
        elif isinstance(node.op.lowering, Structural) and node.op.lowering.gradient:
            for result, handed in zip(node.results, node.args, strict=False):
                writer.replace(result, writer.value(handed))
        else:
            regions = tuple([done[r] for r in node.regions])
            args = tuple([writer.value(a) for a in node.args])
            changed = regions != node.regions or args != node.args
            writer.append(writer.copy(node, args, regions) if changed else node)
    return writer.finish()


def _splice(writer: Rewriter, call: Node, callee: Graph) -> None:
    values = {p: writer.value(a) for p, a in zip(callee.params, call.args, strict=True)}
    for node in callee.nodes:
        loc = node.loc.called_from(call.loc) if node.loc is not None else call.loc
        copy = writer.add(
            node.op,
            [values[a] for a in node.args],
            node.attrs,
            types=[r.type for r in node.results],
            loc=loc,
            regions=node.regions,
        )
        for old, new in zip(node.results, copy.results, strict=True):
            new.name = old.name
            values[old] = new
    for result, inner in zip(call.results, callee.results, strict=True):
        writer.replace(result, values[inner])
