"""Loop-invariant code motion: what every iteration of a loop computes anew from the same values is computed before it.

Only what takes time leaves the loop; views and short elementwise work are done where they are used. A loop that never
runs makes the work vain, so what may fail or has an effect stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ..attrs import Loop
from ..graph import Graph, Node, Value
from ..op import Contract, Element, Flags, Host, Pointwise, Reduce, Scan, Sort, Structural
from ..records import replace
from ..rewriter import Rewriter
from ..work import is_light, work

_STAYS: Final = Flags.CHECKED | Flags.ORDERED | Flags.DISTINCT
_MUCH_WORK: Final = 3
_LARGE: Final = 1 << 20
"""Bytes that take longer to read from memory than most elementwise work takes."""


def hoist(graph: Graph) -> Graph:
    """The graph with the costly invariants of its loops before them; it computes the same bits."""
    found = {node: roots for node in graph.nodes if isinstance(node.attrs, Loop) and (roots := _roots(node))}
    if not found:
        return graph
    writer = Rewriter(graph)
    for node in graph.nodes:
        writer.append(_without(writer, node, found[node]) if node in found else writer.map(node))
    return writer.finish()


def _first_used(loop: Node) -> int:
    """The number of the first region param that is the same in each iteration."""
    assert isinstance(loop.attrs, Loop)
    return loop.attrs.carried + loop.attrs.sliced


def _operands(loop: Node) -> Sequence[Value]:
    """The operands of a loop that its regions have a param for."""
    assert isinstance(loop.attrs, Loop)
    counted = loop.op.name == "scan" and loop.attrs.length is None
    return loop.args[1:] if counted else loop.args


def _invariant(loop: Node, region: Graph) -> dict[Value, Value]:
    """The params of a region that have one value in all iterations, with the operands that give it."""
    body, first = loop.regions[-1], _first_used(loop)
    assert isinstance(loop.attrs, Loop)
    kept = [k for k in range(loop.attrs.carried) if body.results[k] is body.params[k]]
    operands = _operands(loop)
    return {region.params[k]: operands[k] for k in (*kept, *range(first, len(region.params)))}


def _roots(loop: Node) -> dict[Graph, list[Value]]:
    """Of each region, the values that are better computed before the loop."""
    found: dict[Graph, list[Value]] = {}
    for region in dict.fromkeys(loop.regions):
        known, users = set(_invariant(loop, region)), region.users()
        movable: dict[Node, bool] = {}
        for node in region.nodes:
            if all(a in known for a in node.args) and _is_movable(node):
                known.update(node.results)
                made = any(movable.get(a.node, False) for a in node.args if a.node)
                movable[node] = made or _is_costly(node, users)
        roots = list(dict.fromkeys(_chosen(region, movable, users))) if any(movable.values()) else []
        if roots:
            found[region] = roots
    return found


def _is_movable(node: Node) -> bool:
    if node.regions or len(node.results) != 1 or node.flags & _STAYS or node.op.name == "barrier":
        return False
    return all(isinstance(e, int) for e in node.result.type.shape)


def _is_costly(node: Node, users: Mapping[Value, list[Node]]) -> bool:
    """Whether computing a value takes longer than reading it, or a kernel of its own."""
    match node.lowering:
        case Contract() | Reduce() | Sort() | Scan() | Host():
            return True
        case Pointwise():
            if any(map(_reads_memory, users.get(node.result, ()))):
                return True
            return work(node) >= _MUCH_WORK and _nbytes(node.result) <= _LARGE
        case Element(reads=reads):
            return reads is not None
        case _:
            return False


def _reads_memory(node: Node) -> bool:
    """Whether a node cannot join the kernel that makes its operand."""
    return isinstance(node.lowering, Contract | Sort | Scan | Host | Structural)


def _nbytes(value: Value) -> int:
    return value.type.dtype.itemsize * math.prod([e for e in value.type.shape if isinstance(e, int)])


def _chosen(region: Graph, movable: Mapping[Node, bool], users: Mapping[Value, list[Node]]) -> Iterable[Value]:
    """The last costly values on the ways to what stays; `movable` says which nodes are made of something costly."""
    wanted = [a for n in region.nodes if n not in movable for a in n.args] + list(region.results)
    stack = [v for v in dict.fromkeys(wanted) if v.node in movable]
    seen: set[Value] = set()
    while stack:
        value = stack.pop()
        node = value.node
        if value in seen or node is None or not movable.get(node, False):
            continue
        seen.add(value)
        if _is_costly(node, users) or (is_light(node) and _nbytes(value) <= max(map(_nbytes, node.args))):
            yield value
        else:
            stack.extend(node.args)


def _without(writer: Rewriter, loop: Node, roots: Mapping[Graph, Sequence[Value]]) -> Node:
    """The loop that takes the values of roots as more operands; each region has a param for those of all."""
    pairs = [(region, value) for region, values in roots.items() for value in values]
    known = {region: {p: writer.value(v) for p, v in _invariant(loop, region).items()} for region in roots}
    outside = [_copied(writer, value, known[region]) for region, value in pairs]

    def rewritten(region: Graph) -> Graph:
        params = [Value(v.type, None, len(region.params) + k) for k, v in enumerate(outside)]
        inside = Rewriter(replace(region, params=(*region.params, *params)))
        for param, (of, value) in zip(params, pairs, strict=True):
            if of is region:
                inside.replace(value, param)
        for node in region.nodes:
            # What has a param now is dead, and dropped with all that only it needed.
            inside.append(node if node in hoisted else inside.map(node))
        return inside.finish()

    hoisted = {value.node for _, value in pairs}
    regions = {region: rewritten(region) for region in dict.fromkeys(loop.regions)}
    args = (*[writer.value(a) for a in loop.args], *outside)
    return writer.copy(loop, args, tuple([regions[r] for r in loop.regions]))


def _copied(writer: Rewriter, root: Value, moved: dict[Value, Value]) -> Value:
    """A value of a region computed outside of it; `moved` grows by all that it is made of."""
    stack = [root]
    while stack:
        value = stack[-1]
        if value in moved:
            stack.pop()
            continue
        node = value.node
        assert node is not None
        pending = [a for a in node.args if a not in moved]
        if pending:
            stack.extend(pending)
            continue
        made = writer.add(
            node.op, [moved[a] for a in node.args], node.attrs, types=[r.type for r in node.results], loc=node.loc
        )
        moved[value] = made.result
    return moved[root]
