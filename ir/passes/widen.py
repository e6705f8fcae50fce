"""Makes one loop of two that do the same: a loop, and the same loop run again for what its gradient needs of it."""

from __future__ import annotations

from ..attrs import Loop
from ..graph import Graph, Node, Value
from ..records import replace
from ..rewriter import Rewriter
from ..same import same


def widen(graph: Graph) -> Graph:
    """The graph in which a loop also stacks what a later one does that starts from the same and runs as often.

    The body of the later one computes what that of the first does, and more results after these.
    """
    pairs = _pairs(graph)
    if not pairs:
        return graph
    writer = Rewriter(graph)
    wider = {later: first for first, later in pairs.items()}
    made: dict[Node, Node] = {}
    for node in graph.nodes:
        if node in pairs:
            made[node] = _widened(writer, node, pairs[node])
        elif node in wider:
            n = len(node.results)
            for old, new in zip(node.results, made[wider[node]].results[:n], strict=True):
                writer.replace(old, new)
        else:
            writer.append(writer.map(node))
    return writer.finish()


def _pairs(graph: Graph) -> dict[Node, Node]:
    """For loops, a later one that does the same and more."""
    begun: dict[tuple[Value, ...], list[Node]] = {}
    found: dict[Node, Node] = {}
    for node in graph.nodes:
        attrs = node.attrs
        if not isinstance(attrs, Loop):
            continue
        counted = node.op.name == "scan" and attrs.length is None
        key = node.args[counted:]
        first = next((x for x in begun.get(key, ()) if x not in found and _continues(x, node)), None)
        if first is not None:
            found[first] = node
        else:
            begun.setdefault(key, []).append(node)
    return found


def _continues(first: Node, later: Node) -> bool:
    a, b = first.attrs, later.attrs
    assert isinstance(a, Loop) and isinstance(b, Loop)
    if later.op.name != "scan" or a.carried != b.carried or a.sliced != b.sliced or a.reverse != b.reverse:
        return False
    if first.op.name == "while":
        if later.args[0] is not first.results[-1] or b.length is not None:
            return False
    elif a != b or first.args != later.args:
        return False
    body, wider = first.regions[-1], later.regions[0]
    if len(wider.results) < len(body.results):
        return False
    shorter = replace(wider, name=body.name, results=wider.results[: len(body.results)])
    return same(body, shorter, locations=False)


def _widened(writer: Rewriter, first: Node, later: Node) -> Node:
    """The first loop with the body of the later one; its results stand for those of both."""
    *condition, _ = first.regions
    stacks = tuple([r.type for r in later.results])
    types = (*stacks, *[r.type for r in first.results[len(first.results) - len(condition) :]])
    regions = (*condition, later.regions[0])
    args = [writer.value(a) for a in first.args]
    made = writer.add(first.op, args, first.attrs, types=types, loc=first.loc, regions=regions)
    own = len(first.results) - len(condition)
    for old, new in zip(first.results[:own], made.results, strict=False):
        new.name = old.name
        writer.replace(old, new)
    if condition:
        writer.replace(first.results[-1], made.results[-1])
    return made
