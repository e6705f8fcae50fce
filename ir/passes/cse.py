"""Merges nodes that compute the same from the same values; effects are never merged."""

from __future__ import annotations

from collections.abc import Hashable

from ..analysis import flagged, flags_within
from ..fields import exact_key
from ..graph import Graph, Node
from ..op import Flags
from ..rewriter import Rewriter


def cse(graph: Graph) -> Graph:
    """The graph with one node, the first, for all that have the same op, arguments, attrs and regions."""
    writer = Rewriter(graph)
    ordered = flagged(graph, Flags.ORDERED, flags_within(graph))
    seen: dict[Hashable, Node] = {}
    for node in graph.nodes:
        new = writer.map(node)
        if node in ordered:
            writer.append(new)
            continue
        key = (new.op, new.args, exact_key(new.attrs), new.regions)
        first = seen.get(key)
        if first is None:
            seen[key] = writer.append(new)
            continue
        for old, result in zip(node.results, first.results, strict=True):
            writer.replace(old, result)
    return writer.finish()
