"""Runs a pass on the regions of loops and choices too, the innermost first; it knows no pass."""

from __future__ import annotations

import functools
from collections.abc import Callable

from ..graph import Graph
from ..op import Structural
from ..rewriter import Rewriter

Pass = Callable[[Graph], Graph]


def throughout(run: Pass) -> Pass:
    """The pass on a graph and on every graph that control flow in it runs."""

    @functools.wraps(run)
    def on_all(graph: Graph) -> Graph:
        return _run(run, graph, {})

    return on_all


def _run(run: Pass, graph: Graph, done: dict[Graph, Graph]) -> Graph:
    if graph not in done:
        done[graph] = run(_inside(run, graph, done))
    return done[graph]


def _inside(run: Pass, graph: Graph, done: dict[Graph, Graph]) -> Graph:
    if not any(isinstance(n.op.lowering, Structural) and n.op.lowering.control for n in graph.nodes):
        return graph
    writer = Rewriter(graph)
    for node in graph.nodes:
        regions = node.regions
        if isinstance(node.op.lowering, Structural) and node.op.lowering.control:
            regions = tuple([_run(run, r, done) for r in regions])
        if regions == node.regions:
            writer.append(writer.map(node))
        else:
            writer.append(writer.copy(node, tuple([writer.value(a) for a in node.args]), regions))
    return writer.finish()
