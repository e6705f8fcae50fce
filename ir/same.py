"""Structural comparison of graphs: the first difference between two of them; it knows no op."""

from __future__ import annotations

from collections.abc import Sequence

from .fields import same_attrs
from .graph import Graph, Node, Value
from .loc import Loc


def same(a: Graph, b: Graph, *, locations: bool = True) -> bool:
    """Whether two graphs are equal: names, types, nodes, attrs by bits, regions, state, locations."""
    return difference(a, b, locations=locations) is None


def difference(a: Graph, b: Graph, *, locations: bool = True) -> str | None:
    """What differs first between two graphs, in words, or None; shared regions must be shared alike."""
    partner: dict[int, Graph] = {id(a): b}
    back: dict[int, Graph] = {id(b): a}
    work = [(a, b)]
    while work:
        left, right = work.pop()
        found = _difference(left, right, locations)
        if found is not None:
            return f"in graph {left.name!r}: {found}"
        for x, y in zip(left.nodes, right.nodes, strict=True):
            for r, s in zip(x.regions, y.regions, strict=True):
                if partner.get(id(r), s) is not s or back.get(id(s), r) is not r:
                    return f"in graph {left.name!r}: the region {r.name!r} is shared differently"
                if id(r) not in partner:
                    partner[id(r)], back[id(s)] = s, r
                    work.append((r, s))
    return None


def _difference(a: Graph, b: Graph, locations: bool) -> str | None:
    if a.name != b.name:
        return f"the names are {a.name!r} and {b.name!r}"
    if a.state != b.state:
        return f"the state is {a.state} and {b.state}"
    if len(a.nodes) != len(b.nodes):
        return f"there are {len(a.nodes)} and {len(b.nodes)} nodes"
    number: dict[Value, int] = {}
    partner: dict[Value, int] = {}

    def define(xs: Sequence[Value], ys: Sequence[Value], what: str) -> str | None:
        if len(xs) != len(ys):
            return f"{what} are {len(xs)} and {len(ys)}"
        for x, y in zip(xs, ys, strict=True):
            if x.type is not y.type or x.name != y.name:
                return f"value %{len(number)} is {x.name!r} of {x.type} and {y.name!r} of {y.type}"
            number[x] = partner[y] = len(number)
        return None

    def use(xs: Sequence[Value], ys: Sequence[Value], what: str) -> str | None:
        left, right = [number.get(x) for x in xs], [partner.get(y) for y in ys]
        return None if left == right else f"{what} are {left} and {right}"

    found = define(a.params, b.params, "params")
    for i, (x, y) in enumerate(zip(a.nodes, b.nodes, strict=True)):
        found = (
            found
            or _node_difference(x, y, locations)
            or use(x.args, y.args, "the arguments")
            or define(x.results, y.results, "the results")
        )
        if found is not None:
            return f"node {i} ({x.op.name}): {found}"
    return found or use(a.results, b.results, "the results")


def _node_difference(a: Node, b: Node, locations: bool) -> str | None:
    if a.op is not b.op:
        return f"the ops are {a.op.name} and {b.op.name}"
    if not same_attrs(a.attrs, b.attrs):
        return f"the attrs are {a.attrs} and {b.attrs}"
    if len(a.regions) != len(b.regions):
        return f"the regions are {len(a.regions)} and {len(b.regions)}"
    if locations and not same_loc(a.loc, b.loc):
        return f"the locations are {a.loc} and {b.loc}"
    return None


def same_loc(a: Loc | None, b: Loc | None) -> bool:
    """Whether two locations are the same place, called from the same places, alike as gradients."""
    while a is not None and b is not None:
        if a is b:
            return True
        if a.position != b.position or a.gradient != b.gradient:
            return False
        a, b = a.outer, b.outer
    return a is b
