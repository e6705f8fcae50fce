"""Questions about whole programs that several passes ask: which graphs there are, what effects a node has."""

from __future__ import annotations

from collections.abc import Iterator

from .graph import Graph, Node
from .op import Flags, Structural


def _regions(graph: Graph) -> Iterator[Graph]:
    return (region for node in graph.nodes for region in node.regions)


def control_regions(graph: Graph) -> list[Graph]:
    """The regions of the loops and choices that are nodes of a graph."""
    return [
        region
        for node in graph.nodes
        if isinstance(node.op.lowering, Structural) and node.op.lowering.control
        for region in node.regions
    ]


def regions_first(graph: Graph) -> tuple[list[Graph], dict[Graph, int], dict[Graph, int]]:
    """All graphs under and including `graph`, each after those it uses; how often each is used; how deep.

    A graph that is used in several places comes once, with the depth at which it is first met.

    Raises:
        ValueError: a graph contains itself.
    """
    ordered: list[Graph] = []
    uses = {graph: 0}
    depth = {graph: 0}
    open = {graph: _regions(graph)}
    while open:
        g = next(reversed(open))
        region = next(open[g], None)
        if region is None:
            ordered.append(g)
            del open[g]
        elif region in open:
            raise ValueError(f"the graph {region.name!r} contains itself")
        else:
            uses[region] = uses.get(region, 0) + 1
            if uses[region] == 1:
                depth[region] = len(open)
                open[region] = _regions(region)
    return ordered, uses, depth


def flags_within(graph: Graph) -> dict[Graph, Flags]:
    """For each graph under and including `graph`, the flags of all nodes in it, at any depth."""
    found: dict[Graph, Flags] = {}
    for g in regions_first(graph)[0]:
        flags = Flags.NONE
        for some in _distinct(g):
            flags |= some
        for region in _regions(g):
            flags |= found[region]
        found[g] = flags
    return found


def flagged(graph: Graph, flags: Flags, within: dict[Graph, Flags]) -> set[Node]:
    """The nodes of a graph that have one of some flags, in themselves or in their regions."""
    wanted = {id(f) for f in _distinct(graph) if f & flags}
    return {n for n in graph.nodes if id(n.flags) in wanted or (n.regions and node_flags(n, within) & flags)}


def _distinct(graph: Graph) -> list[Flags]:
    """The different flags of nodes. Joining flags is slow in Python, so is hashing them; equal ones are one object."""
    return list({id(node.flags): node.flags for node in graph.nodes}.values())


def node_flags(node: Node, within: dict[Graph, Flags]) -> Flags:
    """The flags of a node, those of its regions included; `within` is what `flags_within` found."""
    flags = node.flags
    for region in node.regions:
        flags |= within[region]
    return flags
