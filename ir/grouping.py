"""Which nodes of a graph one kernel computes, and in which order kernels run; it changes no graph.

A group is a set of nodes that one kernel computes over one domain, the shape of its outputs. Walking backwards, a node
joins the group of its users when all of them are in it; views are cheap enough to be computed in each, and so is what
the pass `recompute` computes again. What users read at several indices is computed for each, and so is all that it is
made of: a group has a budget of such work, or chains of stencils would grow as powers. A reduction may join when, at
each point of the domain, its value depends on the outermost loops alone, so that it is computed once for each of their
iterations. A node whose value others need too may join as one more output, unless that would close a circle among the
groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .attrs import Axes, Constant
from .errors import PassError
from .graph import Graph, Node, Value
from .op import Alias, Contract, Element, Flags, Literal, Pointwise, Reduce
from .records import dataclass, field
from .types import Shape
from .work import MOST_WRITTEN, is_light, reads, work

_MAX_NODES = 200
_MAX_AGAIN = 300
_MAX_OUTPUTS = 12
_MOST_REPEATED = 64
_MOST_INDICES = 32
_ROW = 65536
_FEW = 1000
_MUCH_WORK = 16

Frame = tuple[int | None, ...]
"""For each axis of a value, the domain axis it is read at: None where the extent is 1, -1 for a reduction's own."""


class Indirect:
    """An index that is not plain, equal to itself alone."""


Index = Frame | Indirect


@dataclass(eq=False)
class Group:
    """What one kernel computes.

    Attributes:
        domain: the extents of its loops.
        nodes: its members, the last one first.
        outputs: those whose values it stores.
        indices: where a member is read.
        work: instructions at a point of the domain, reductions aside.
        row: elements of the longest reduction that runs along lanes by itself for each of many points; 0: none.
        repeated: instructions that a point of the domain costs beyond one for each of what it is computed from.
    """

    domain: Shape
    nodes: dict[Node, None] = field(default_factory=dict)
    outputs: dict[Node, None] = field(default_factory=dict)
    indices: dict[Node, frozenset[Index]] = field(default_factory=dict)
    work: int = 0
    row: int = 0
    repeated: int = 0
    _indirect: dict[tuple[object, ...], Indirect] = field(default_factory=dict)

    def indirect(self, *key: object) -> Indirect:
        """The index that a user makes of another one, the same for the same key."""
        return self._indirect.setdefault(key, Indirect())


Unit = Group | Node
"""A step of a program: what one kernel computes, or a node that stands for itself."""


def grouped(graph: Graph) -> list[Unit]:
    """The units of a graph, each after those whose results it needs; among ready ones, the one written first."""
    return _Grouping(graph).run()


def _is_scalar_literal(node: Node) -> bool:
    return isinstance(node.attrs, Constant) and node.attrs.value.size == 1


def _keeps_axes(node: Node) -> bool:
    (source,) = node.args
    return [e for e in node.result.type.shape if e != 1] == [e for e in source.type.shape if e != 1]


def is_fusible(node: Node) -> bool:
    if Flags.ORDERED in node.flags or len(node.results) != 1:
        return False
    match node.lowering:
        case Pointwise() | Reduce():
            return True
        case Element():
            return node.op.name != "concat" or _is_short(node)
        case Alias():
            return _keeps_axes(node)
        case Literal():
            return _is_scalar_literal(node)
        case _:
            return False


def _is_short(node: Node) -> bool:
    """Whether what is joined is short enough that choosing by its index costs less than a kernel of its own."""
    return len(node.args) <= 4 and _count(node.result.type.shape) <= 16


def _is_free(node: Node) -> bool:
    """Whether an element costs nothing wherever it is read: a view, a literal, a number made of its own index."""
    lowering = node.lowering
    return isinstance(lowering, Alias | Literal) or (isinstance(lowering, Element) and (lowering.view or not node.args))


def _count(shape: Shape) -> float:
    return math.prod(e if isinstance(e, int) else 1024 for e in shape)


def computed_again(graph: Graph) -> set[Node]:
    """The nodes of what is made of results of `again`: each kernel that needs it computes it, so that none keeps it."""
    found: set[Node] = set()
    for node in graph.nodes:
        if node.op.name == "again" or (
            isinstance(node.lowering, Pointwise | Alias | Element)
            and any(a.node in found for a in node.args)
            and all(a.node is not None and (a.node in found or _is_scalar_literal(a.node)) for a in node.args)
        ):
            found.add(node)
    return found


class _Grouping:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.users = graph.users()
        self.results = set(graph.results)
        self.position = {node: k for k, node in enumerate(graph.nodes)}
        self.groups: dict[Node, list[Group]] = {}
        self.standing: set[Node] = set()
        self.needs: dict[Unit, set[Unit]] = {}
        self.again = computed_again(graph)

    def run(self) -> list[Unit]:
        for node in reversed(self.graph.nodes):
            if is_fusible(node):
                self._place(node)
            else:
                self._stand(node)
        return self._ordered()

    def _place(self, node: Node) -> None:
        value = node.result
        users = self.users.get(value, [])
        outside = [u for u in users if u in self.standing]
        inside = value not in self.results and not outside
        if not users and value not in self.results and Flags.CHECKED not in node.flags:
            return
        reading: dict[Group, list[Node]] = {}
        for user in users:
            for g in self.groups.get(user, ()):
                reading.setdefault(g, []).append(user)
        indices = {g: _indices(value, of, g) for g, of in reading.items()}
        if _is_scalar_literal(node) or self._is_operand_view(node, outside):
            for g in reading:
                self._inline(node, g, indices[g])
            if not inside:
                self._stand(node)
            return
        everywhere = len(reading) == 1 or node in self.again or _is_free(node)
        if inside and everywhere and all(self._may_inline(node, g, indices[g], of) for g, of in reading.items()):
            for g in reading:
                self._inline(node, g, indices[g])
            return
        for g, of in reading.items():
            if self._may_output(node, g, indices[g], of):
                self._output(node, g, indices[g])
                return
        made = Group(value.type.shape)
        self._output(node, made, frozenset([_plain(made.domain)]))

    def _is_operand_view(self, node: Node, outside: list[Node]) -> bool:
        """Whether a view is read by matrix products, which take strided operands, and otherwise only by groups."""
        lowering = node.lowering
        strided = isinstance(lowering, Element) and lowering.view and node.result not in self.results
        return strided and bool(outside) and all(isinstance(u.lowering, Contract) for u in outside)

    def _inline(self, node: Node, group: Group, indices: frozenset[Index]) -> None:
        group.nodes[node] = None
        group.indices[node] = indices
        group.repeated += _repeated(node, indices)
        if _at_points(indices, group):
            group.row = max(group.row, _row(node, group))
            group.work += 0 if _is_free(node) else work(node)
        self.groups.setdefault(node, []).append(group)

    def _output(self, node: Node, group: Group, indices: frozenset[Index]) -> None:
        self._inline(node, group, indices)
        group.outputs[node] = None
        self._needed(node, group)

    def _stand(self, node: Node) -> None:
        self.standing.add(node)
        self._needed(node, node)

    def _needed(self, node: Node, maker: Unit) -> None:
        """Note which units need what one makes."""
        for result in node.results:
            for user in self.users.get(result, ()):
                for unit in self._units(user):
                    if unit is not maker:
                        self.needs.setdefault(unit, set()).add(maker)

    def _may_inline(self, node: Node, group: Group, indices: frozenset[Index], users: Sequence[Node]) -> bool:
        if len(group.nodes) >= (_MAX_AGAIN if node in self.again else _MAX_NODES):
            return False
        if len(indices) > _MOST_INDICES or group.repeated + _repeated(node, indices) > _MOST_REPEATED:
            return False
        if _is_much(work(node), group.row) and _at_points(indices, group):
            return False
        if isinstance(node.lowering, Reduce):
            return all(isinstance(i, tuple) and _reduction_fits(node, i, group) for i in indices)
        return _is_free(node) or is_light(node) or _computed_once(node, group, indices, users)

    def _may_output(self, node: Node, group: Group, indices: frozenset[Index], users: Sequence[Node]) -> bool:
        """Whether a node with other users too can be one more result of a group."""
        if node.result.type.shape != group.domain or len(group.outputs) >= _MAX_OUTPUTS:
            return False
        if not self._may_inline(node, group, indices, users) or indices != {_plain(group.domain)}:
            return False
        others = {u for user in self.users[node.result] for u in self._units(user) if u is not group}
        return not self._depends(group, others)

    def _units(self, node: Node) -> list[Unit]:
        """What a node that has been placed is computed in."""
        return [*self.groups.get(node, ()), *([node] if node in self.standing else ())]

    def _depends(self, unit: Unit, others: set[Unit]) -> bool:
        """Whether a unit needs, directly or not, what one of others makes; what is not placed yet adds nothing."""
        seen, stack = {unit}, [unit]
        while stack:
            needed = self.needs.get(stack.pop(), set())
            if not others.isdisjoint(needed):
                return True
            stack.extend(needed - seen)
            seen |= needed
        return False

    def _ordered(self) -> list[Unit]:
        """Topological order; among units that are ready, the one that was written first."""
        groups = dict.fromkeys(g for node in self.graph.nodes for g in self.groups.get(node, []))
        units: list[Unit] = [*groups, *(n for n in self.graph.nodes if n in self.standing)]
        maker: dict[Node, Unit] = {}
        for unit in units:
            for node in unit.outputs if isinstance(unit, Group) else (unit,):
                maker[node] = unit
        done: set[Unit] = set()
        opened: set[Unit] = set()
        order: list[Unit] = []
        first = {u: self._first(u) for u in units}
        for start in sorted(units, key=first.__getitem__):
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

    def _first(self, unit: Unit) -> int:
        """Groups are placed by their last output, so that ordered nodes keep their places."""
        return max(self.position[n] for n in unit.outputs) if isinstance(unit, Group) else self.position[unit]

    def _needs(self, unit: Unit, maker: dict[Node, Unit]) -> list[Unit]:
        members = unit.nodes if isinstance(unit, Group) else (unit,)
        inside = unit.nodes if isinstance(unit, Group) else {}
        sources = dict.fromkeys(
            maker[a.node] for m in members for a in m.args if a.node is not None and a.node not in inside
        )
        return list(sources)


def _repeated(node: Node, indices: frozenset[Index]) -> int:
    """Instructions for all indices but one."""
    return 0 if len(indices) == 1 or _is_free(node) else (len(indices) - 1) * work(node)


def _computed_once(node: Node, group: Group, indices: frozenset[Index], users: Sequence[Node]) -> bool:
    """Whether no element of a costly node would be computed many times over."""
    shape = node.result.type.shape
    if all(isinstance(i, tuple) and _is_prefix(i, group) for i in indices):
        return True
    read = 0.0
    for user in users:
        read = max(read, _count(user.result.type.shape), *(_count(a.type.shape) for a in user.args))
    return _count(shape) * 2 > read


def _reduction_fits(node: Node, frame: Frame, group: Group) -> bool:
    used = [k for k in frame if k is not None]
    if -1 in used or (frame and not _is_prefix(frame, group)):
        return False
    assert isinstance(node.attrs, Axes)
    whole = len(used) == sum(e != 1 for e in group.domain)
    if whole:
        # What follows the last reduction can be cut off; between two, all that the second reads would be read again.
        return group.row > 0 or not _is_much(group.work, _row(node, group))
    rows = math.prod(_count((group.domain[k],)) for k in used)
    width = math.prod(_count((node.args[0].type.shape[a],)) for a in node.attrs.axes)
    return width <= _ROW and (rows >= 16 or width <= 4096)


def _row(node: Node, group: Group) -> int:
    """Elements along which lanes run for one point of many, so that nothing else there is a vector; 0: they do not."""
    if not isinstance(node.lowering, Reduce) or _count(group.domain) < _FEW:
        return 0
    assert isinstance(node.attrs, Axes)
    width = math.prod([_count((node.args[0].type.shape[a],)) for a in node.attrs.axes])
    return int(width) if width > MOST_WRITTEN else 0


def _is_much(instructions: int, row: int) -> bool:
    """Whether instructions that are done one by one beside each row of a length are worth a kernel of their own."""
    return row > 0 and instructions >= max(_MUCH_WORK, row // 64)


def _plain(domain: Shape) -> Frame:
    return tuple([None if e == 1 else k for k, e in enumerate(domain)])


def _at_points(indices: frozenset[Index], group: Group) -> bool:
    """Whether a value has an element for each point of the domain, and is read there alone."""
    real = [k for k, e in enumerate(group.domain) if e != 1]
    return all(isinstance(i, tuple) and [k for k in i if k is not None] == real for i in indices)


def _is_prefix(frame: Frame, group: Group) -> bool:
    """Whether the axes read are the outermost ones of the domain (extents of 1 aside)."""
    used = [k for k in frame if k is not None]
    real = [k for k, e in enumerate(group.domain) if e != 1]
    return used == real[: len(used)]


def _indices(value: Value, users: Sequence[Node], group: Group) -> frozenset[Index]:
    """Where the users in a group read a value."""
    found: set[Index] = set()
    for user in users:
        count = reads(user)
        for index in group.indices[user]:
            if count == 1:
                found.add(_operand_index(user, index, value, group))
            else:
                found.update([group.indirect(index, user, k) for k in range(count)])
    return frozenset(found)


def _operand_index(user: Node, index: Index, operand: Value, group: Group) -> Index:
    shape, whole = operand.type.shape, user.result.type.shape
    match user.lowering:
        case Pointwise():
            if shape == whole:
                return index
            if isinstance(index, Indirect):
                return group.indirect(index, shape, whole)
            aligned = index[len(index) - len(shape) :]
            return tuple(None if e == 1 else k for e, k in zip(shape, aligned, strict=True))
        case Alias():
            if isinstance(index, Indirect):
                return group.indirect(index, shape, whole)
            left = iter([k for k, e in zip(index, whole, strict=True) if e != 1])
            return tuple(None if e == 1 else next(left) for e in shape)
        case Reduce() if isinstance(index, tuple):
            assert isinstance(user.attrs, Axes)
            kept = iter(index)
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
            return group.indirect(index, user)
