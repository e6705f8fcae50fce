"""Fusion: chains of elementwise work, and reductions with what feeds and follows them, become one `fused` node each.

A group is a set of nodes that one kernel computes over one domain, the shape of its outputs. Walking backwards, a node
joins the group of its users when all of them are in it; views are cheap enough to be computed in each. A reduction may
join when, at each point of the domain, its value depends on the outermost loops alone, so that it is computed once for
each of their iterations. A node whose value others need too may join as one more output, unless that would close a
circle among the groups.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable

from .. import scalar
from ..attrs import Attrs, Axes, Constant
from ..dtypes import DType
from ..errors import PassError
from ..graph import Graph, Node, Value
from ..halves import single
from ..op import Alias, Contract, Element, Flags, Literal, Op, Pointwise, Reduce
from ..records import dataclass, field
from ..registry import OPS
from ..types import Shape

_MAX_NODES = 200
_MAX_OUTPUTS = 12
_ROW = 65536

Frame = tuple[int | None, ...]
"""For each axis of a value, the domain axis it is read at: None where the extent is 1, -1 for a reduction's own."""


@dataclass(eq=False)
class _Group:
    domain: Shape
    nodes: dict[Node, None] = field(default_factory=dict)
    outputs: dict[Node, None] = field(default_factory=dict)
    frames: dict[Node, frozenset[Frame | None]] = field(default_factory=dict)


def fuse(graph: Graph) -> Graph:
    """The graph with its fusible nodes gathered into `fused` nodes; the same object when there are none."""
    if not any(_is_fusible(n) for n in graph.nodes):
        return graph
    return _Fusion(graph).run()


def _is_scalar_literal(node: Node) -> bool:
    return isinstance(node.attrs, Constant) and node.attrs.value.size == 1


def _keeps_axes(node: Node) -> bool:
    (source,) = node.args
    return [e for e in node.result.type.shape if e != 1] == [e for e in source.type.shape if e != 1]


def _is_fusible(node: Node) -> bool:
    if Flags.ORDERED in node.op.flags or len(node.results) != 1:
        return False
    match node.lowering:
        case Pointwise() | Reduce():
            return True
        case Element():
            return node.op.name != "concat"
        case Alias():
            return _keeps_axes(node)
        case Literal():
            return _is_scalar_literal(node)
        case _:
            return False


def _is_view(node: Node) -> bool:
    lowering = node.lowering
    return isinstance(lowering, Alias | Literal) or (isinstance(lowering, Element) and lowering.view)


_MOST_LIGHT = 4
_SLOW = frozenset(("div", "sqrt", "tdiv", "trem", "rarely", "check"))


def _is_light(node: Node) -> bool:
    """Whether computing an element again costs no more than loading it: its scalar body is short, with no rounding."""
    if not isinstance(node.lowering, Pointwise) or node.result.type.dtype.is_half:
        return False
    return _is_short(node.op, tuple([a.type.dtype for a in node.args]), node.attrs)


@functools.lru_cache(maxsize=4096)
def _is_short(op: Op, kinds: tuple[DType, ...], attrs: Attrs) -> bool:
    assert isinstance(op.lowering, Pointwise)
    operands = [scalar.load(single(d), k, ()) for k, d in enumerate(kinds)]
    stack = [op.lowering.body(*operands, attrs) if op.attrs else op.lowering.body(*operands)]
    counted: set[scalar.Scalar] = set()
    while stack:
        e = stack.pop()
        if e.prim in ("const", "load") or e in counted:
            continue
        counted.add(e)
        if e.prim in _SLOW or len(counted) > _MOST_LIGHT:
            return False
        stack.extend(e.args)
    return True


def _count(shape: Shape) -> float:
    return math.prod(e if isinstance(e, int) else 1024 for e in shape)


class _Fusion:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.users = graph.users()
        self.results = set(graph.results)
        self.position = {node: k for k, node in enumerate(graph.nodes)}
        self.groups: dict[Node, list[_Group]] = {}
        self.standing: set[Node] = set()

    def run(self) -> Graph:
        for node in reversed(self.graph.nodes):
            if _is_fusible(node):
                self._place(node)
            else:
                self.standing.add(node)
        return self._rebuilt()

    def _place(self, node: Node) -> None:
        value = node.result
        users = self.users.get(value, [])
        groups = list(dict.fromkeys(g for u in users for g in self.groups.get(u, [])))
        outside = [u for u in users if u in self.standing]
        inside = value not in self.results and not outside
        checked = Flags.CHECKED in node.op.flags
        if not users and value not in self.results and not checked:
            return
        if _is_view(node) and inside and all(self._may_inline(node, g) for g in groups):
            for g in groups:
                self._inline(node, g)
            return
        if _is_scalar_literal(node) or self._is_operand_view(node, outside):
            for g in groups:
                self._inline(node, g)
            if not inside:
                self.standing.add(node)
            return
        if inside and len(groups) == 1 and self._may_inline(node, groups[0]):
            self._inline(node, groups[0])
            return
        for g in groups:
            if self._may_output(node, g):
                self._inline(node, g)
                g.outputs[node] = None
                return
        made = _Group(value.type.shape)
        made.frames[node] = frozenset([_plain(made.domain)])
        self._add(node, made)
        made.outputs[node] = None

    def _is_operand_view(self, node: Node, outside: list[Node]) -> bool:
        """Whether a view is read by matrix products, which take strided operands, and otherwise only by groups."""
        lowering = node.lowering
        strided = isinstance(lowering, Element) and lowering.view and node.result not in self.results
        return strided and bool(outside) and all(isinstance(u.lowering, Contract) for u in outside)

    def _add(self, node: Node, group: _Group) -> None:
        group.nodes[node] = None
        self.groups.setdefault(node, []).append(group)

    def _inline(self, node: Node, group: _Group) -> None:
        group.frames[node] = self._frames(node, group)
        self._add(node, group)

    def _frames(self, node: Node, group: _Group) -> frozenset[Frame | None]:
        """Where the users in a group read a node; None stands for an index that is not plain."""
        found: set[Frame | None] = set()
        for user in self.users.get(node.result, []):
            for frame in group.frames.get(user, ()):
                found.add(None if frame is None else _operand_frame(user, frame, node.result))
        return frozenset(found)

    def _may_inline(self, node: Node, group: _Group) -> bool:
        if len(group.nodes) >= _MAX_NODES:
            return False
        frames = self._frames(node, group)
        if isinstance(node.lowering, Reduce):
            return all(f is not None and self._reduction_fits(node, f, group) for f in frames)
        return _is_view(node) or _is_light(node) or self._computed_once(node, frames, group)

    def _computed_once(self, node: Node, frames: frozenset[Frame | None], group: _Group) -> bool:
        """Whether no element of a costly node would be computed many times over."""
        shape = node.result.type.shape
        if all(f is not None and _is_prefix(f, group) for f in frames):
            return True
        read = 0.0
        for user in self.users[node.result]:
            if user in group.nodes:
                read = max(read, _count(user.result.type.shape), *(_count(a.type.shape) for a in user.args))
        return _count(shape) * 2 > read

    def _reduction_fits(self, node: Node, frame: Frame, group: _Group) -> bool:
        used = [k for k in frame if k is not None]
        if -1 in used or (frame and not _is_prefix(frame, group)):
            return False
        assert isinstance(node.attrs, Axes)
        whole = len(used) == sum(e != 1 for e in group.domain)
        if whole:
            return True
        rows = math.prod(_count((group.domain[k],)) for k in used)
        width = math.prod(_count((node.args[0].type.shape[a],)) for a in node.attrs.axes)
        return width <= _ROW and (rows >= 16 or width <= 4096)

    def _may_output(self, node: Node, group: _Group) -> bool:
        """Whether a node with other users too can be one more result of a group."""
        if node.result.type.shape != group.domain or len(group.outputs) >= _MAX_OUTPUTS:
            return False
        if not self._may_inline(node, group):
            return False
        if self._frames(node, group) != {_plain(group.domain)}:
            return False
        others = [u for user in self.users[node.result] for u in self._units(user) if u is not group]
        return not self._reaches(others, group)

    def _units(self, node: Node) -> list[_Group | Node]:
        """What a node that has been placed is computed in."""
        return [*self.groups.get(node, ()), *([node] if node in self.standing else ())]

    def _reaches(self, starts: list[_Group | Node], target: _Group) -> bool:
        """Whether the target needs, directly or not, something that one of the units makes."""
        last = max(self.position[n] for n in target.nodes)
        seen: set[_Group | Node] = set()
        stack = list(starts)
        while stack:
            unit = stack.pop()
            if unit is target:
                return True
            members: Iterable[Node] = unit.outputs if isinstance(unit, _Group) else (unit,)
            if unit in seen or all(self.position[n] > last for n in members):
                continue
            seen.add(unit)
            for n in members:
                for result in n.results:
                    for user in self.users.get(result, ()):
                        stack.extend(self._units(user))
        return False

    def _rebuilt(self) -> Graph:
        groups = list(dict.fromkeys(g for node in self.graph.nodes for g in self.groups.get(node, [])))
        units: list[_Group | Node] = [*groups, *(n for n in self.graph.nodes if n in self.standing)]
        return _Assembly(self.graph, units, self.position).run()


def _plain(domain: Shape) -> Frame:
    return tuple([None if e == 1 else k for k, e in enumerate(domain)])


def _is_prefix(frame: Frame, group: _Group) -> bool:
    """Whether the axes read are the outermost ones of the domain (extents of 1 aside)."""
    used = [k for k in frame if k is not None]
    real = [k for k, e in enumerate(group.domain) if e != 1]
    return used == real[: len(used)]


def _operand_frame(user: Node, frame: Frame, operand: Value) -> Frame | None:
    shape = operand.type.shape
    match user.lowering:
        case Pointwise():
            aligned = frame[len(frame) - len(shape) :]
            return tuple(None if e == 1 else k for e, k in zip(shape, aligned, strict=True))
        case Alias():
            left = iter([k for k, e in zip(frame, user.result.type.shape, strict=True) if e != 1])
            return tuple(None if e == 1 else next(left) for e in shape)
        case Reduce():
            assert isinstance(user.attrs, Axes)
            kept = iter(frame)
            found: list[int | None] = []
            for axis, e in enumerate(shape):
                if axis in user.attrs.axes:
                    found.append(None if e == 1 else -1)
                    if user.attrs.keepdims:
                        next(kept)
                else:
                    found.append(next(kept))
            return tuple(found)
        case _:
            return None


class _Assembly:
    """Puts groups and the remaining nodes into an order in which everything is defined before it is used."""

    def __init__(self, graph: Graph, units: list[_Group | Node], position: dict[Node, int]) -> None:
        self.graph = graph
        self.units = units
        self.position = position
        self.values: dict[Value, Value] = {p: p for p in graph.params}
        self.nodes: list[Node] = []

    def run(self) -> Graph:
        for unit in self._ordered():
            if isinstance(unit, Node):
                types = tuple(r.type for r in unit.results)
                made = Node(unit.op, self._mapped(unit), unit.attrs, types, unit.loc, unit.regions)
                self._append(made, unit.results)
            else:
                self._append_group(unit)
        results = tuple(self.values[r] for r in self.graph.results)
        return Graph(self.graph.name, self.graph.params, tuple(self.nodes), results, self.graph.state)

    def _mapped(self, node: Node) -> tuple[Value, ...]:
        return tuple([self.values[a] for a in node.args])

    def _append(self, made: Node, replaced: tuple[Value, ...]) -> None:
        self.nodes.append(made)
        for old, new in zip(replaced, made.results, strict=True):
            new.name = old.name
            self.values[old] = new

    def _append_group(self, group: _Group) -> None:
        members = sorted(group.nodes, key=self.position.__getitem__)
        outputs = sorted(group.outputs, key=self.position.__getitem__)
        inner: dict[Value, Value] = {}
        params: list[Value] = []
        args: list[Value] = []
        nodes: list[Node] = []
        for member in members:
            mapped: list[Value] = []
            for arg in member.args:
                if arg not in inner:
                    assert arg.node is None or arg.node not in group.nodes
                    inner[arg] = Value(arg.type, None, len(params))
                    params.append(inner[arg])
                    args.append(self.values[arg])
                mapped.append(inner[arg])
            types = tuple(r.type for r in member.results)
            made = Node(member.op, tuple(mapped), member.attrs, types, member.loc, member.regions)
            nodes.append(made)
            inner[member.result] = made.result
        results = tuple(inner[o.result] for o in outputs)
        region = Graph("_".join(dict.fromkeys(n.op.name for n in nodes[-3:])), tuple(params), tuple(nodes), results)
        types = tuple(o.result.type for o in outputs)
        fused = Node(OPS["fused"], tuple(args), types=types, loc=outputs[-1].loc, regions=(region,))
        self._append(fused, tuple(o.result for o in outputs))

    def _ordered(self) -> list[_Group | Node]:
        """Topological order; among units that are ready, the one that was written first."""
        maker: dict[Node, _Group | Node] = {}
        for unit in self.units:
            for node in unit.outputs if isinstance(unit, _Group) else (unit,):
                maker[node] = unit
        done: set[_Group | Node] = set()
        opened: set[_Group | Node] = set()
        order: list[_Group | Node] = []
        first = {u: self._first(u) for u in self.units}
        for start in sorted(self.units, key=first.__getitem__):
            stack = [start]
            while stack:
                unit = stack[-1]
                if unit in done:
                    stack.pop()
                    continue
                pending = [u for u in self._needs(unit, maker) if u is not unit and u not in done]
                if pending:
                    if unit in opened:
                        raise PassError(f"fuse: groups of {self.graph.name!r} need each other")
                    opened.add(unit)
                    stack.extend(sorted(pending, key=first.__getitem__, reverse=True))
                    continue
                done.add(unit)
                order.append(unit)
                stack.pop()
        return order

    def _first(self, unit: _Group | Node) -> int:
        """Groups are placed by their last output, so that ordered nodes keep their places."""
        return max(self.position[n] for n in unit.outputs) if isinstance(unit, _Group) else self.position[unit]

    def _needs(self, unit: _Group | Node, maker: dict[Node, _Group | Node]) -> list[_Group | Node]:
        members = unit.nodes if isinstance(unit, _Group) else (unit,)
        inside = unit.nodes if isinstance(unit, _Group) else {}
        sources = dict.fromkeys(
            maker[a.node] for m in members for a in m.args if a.node is not None and a.node not in inside
        )
        return list(sources)
