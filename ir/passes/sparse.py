"""Updates of a table by the gradient of a look-up: computed for the rows that were looked up, and put into the table.

That gradient is zeros with a few rows added to. Where the update leaves an element as it is when its gradient is zero,
as `w - 0.1 * g` does, only those rows change. So `scatter_set(w, rows of the new w)` has the same bits: the gradient of
a row is summed in a table of its own, in the same order, and each time a row is named it is given the same value.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from typing import Final, cast

from .. import dtypes
from ..array import Array
from ..attrs import Along, Attrs, Constant, Indexing, intern
from ..graph import Graph, Node, Value
from ..op import Pointwise
from ..ops.conversion import astype
from ..ops.creation import iota, zeros
from ..ops.cumulative import cumulative_max
from ..ops.joining import concat
from ..ops.logic import where
from ..ops.ordering import argsort
from ..ops.shapes import broadcast_to, reshape
from ..ops.slicing import slice_axis
from ..records import dataclass
from ..registry import OPS
from ..rewriter import Known as Standing
from ..rewriter import Rewriter
from ..stage import entered
from ..types import Extent, Shape
from ..untouched import Known, Zero, known, number

Users = dict[Value, list[Node]]
_Put = tuple[Value, Array, Array]
"""A table, new rows of it, and which these are."""

_ROWS: Final = intern(Indexing((0,), 0))
_LEGAL: Final = intern(Indexing((0,), 0, "drop"))
"""Of rows that are known to exist: nothing is checked."""
_LEAST_ELEMENTS: Final = 1 << 13
"""In smaller tables, writing all of it costs less than finding the rows."""
_LEAST_RATIO: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class _Update:
    """What is computed from the gradients of look-ups in tables of one shape, and from nothing that others need too.

    Attributes:
        gradients: nodes that add rows to zeros.
        nodes: elementwise, in order.
        tables: for each node that leaves elements as they are, the param whose they are.
        checked: whether the rows that the gradients name are known to exist.
    """

    gradients: tuple[Node, ...]
    nodes: tuple[Node, ...]
    tables: dict[Node, Value]
    checked: bool


def sparse(graph: Graph) -> Graph:
    """The graph with such updates made sparse."""
    if not any(map(_is_gradient, graph.nodes)):
        return graph
    users = graph.users()
    found = {u.nodes[-1]: u for u in _updates(graph, users)}
    if not found:
        return graph
    inside = {n for u in found.values() for n in (*u.gradients, *u.nodes)}
    writer, last = Rewriter(graph), list[tuple[Node, _Put]]()
    for node in graph.nodes:
        if node not in inside:
            writer.append(writer.map(node))
        if node not in found:
            continue
        for made, put in _written(writer, found[node]).items():
            outer = [u for u in users.get(made.result, ()) if u not in inside]
            if outer:
                _write(writer, made, put)
            elif made.result in graph.results:
                # When all else is computed nothing is left to fail, so that the table may be written in place.
                last.append((made, put))
    for made, put in last:
        _write(writer, made, put)
    return writer.finish()


def _updates(graph: Graph, users: Users) -> Iterator[_Update]:
    leaves = dict.fromkeys(filter(_is_gradient, graph.nodes))
    results, order = set(graph.results), {n: k for k, n in enumerate(graph.nodes)}
    taken: set[Node] = set()
    for leaf in leaves:
        if leaf not in taken:
            update = _update(leaf, leaves, users, results, order)
            if update is not None and taken.isdisjoint((*update.gradients, *update.nodes)):
                taken.update(update.gradients, update.nodes)
                yield update


def _is_gradient(node: Node) -> bool:
    if node.op.name != "scatter_add" or node.attrs != _ROWS or not node.result.type.dtype.plain:
        return False
    type = node.result.type
    if not type.dtype.is_float or not _is_zero(node.args[0]) or 0 in type.shape:
        return False
    rows, count = type.shape[0], node.args[2].type.elements
    if not isinstance(rows, int) or not isinstance(type.elements, int) or type.elements < _LEAST_ELEMENTS:
        return False
    return not isinstance(count, int) or 0 < count * _LEAST_RATIO <= rows


def _is_zero(value: Value) -> bool:
    node = value.node
    if node is not None and node.op.name == "broadcast_to":
        node = node.args[0].node
    return node is not None and isinstance(node.attrs, Constant) and number(node.attrs) == Zero(negative=False)


def _update(
    leaf: Node,
    leaves: Container[Node],
    users: Users,
    results: set[Value],
    order: dict[Node, int],
) -> _Update | None:
    """The update that the gradient of a look-up is part of; None where it is needed whole."""
    type = leaf.result.type
    gradients, nodes = {leaf}, set[Node]()
    pending = [leaf]
    while pending:
        for user in users.get(pending.pop().result, ()):
            own = isinstance(user.op.lowering, Pointwise) and user.result.type.shape == type.shape
            if own and user not in nodes:
                nodes.add(user)
                pending.append(user)
                more = [n for a in user.args if (n := a.node) is not None and n in leaves and n not in gradients]
                gradients.update(more)
                pending += more
    if any(g.result.type is not type or g.args[2].type.dtype is not leaf.args[2].type.dtype for g in gradients):
        return None
    listed = sorted(nodes, key=order.__getitem__)
    tables = _tables(gradients, listed)
    # What is needed elsewhere too is computed there, from tables alone.
    while True:
        outer = [n for n in listed if n not in tables and _needed(n, nodes, users, results)]
        if not outer:
            break
        nodes.difference_update(outer)
        listed = [n for n in listed if n in nodes]
        tables = {n: t for n, t in tables.items() if n in nodes}
    if not listed or any(_needed(n, nodes, users, results) for n in gradients):
        return None
    last = order[listed[-1]]
    early = any(order[u] < last for n in tables for u in users.get(n.result, ()) if u not in nodes)
    if early or not tables:
        return None
    looked_up = [g for g in gradients if any(_is_look_up(n, g) and order[n] < last for n in users[g.args[2]])]
    first = sorted(gradients, key=order.__getitem__)
    return _Update(tuple(first), tuple(listed), tables, checked=len(looked_up) == len(first))


def _is_look_up(node: Node, gradient: Node) -> bool:
    """Whether a node fails where an index of a gradient is none of a row."""
    same = node.op.name == "gather" and node.attrs == _ROWS and node.args[1] is gradient.args[2]
    return same and node.args[0].type.shape[0] == gradient.result.type.shape[0]


def _needed(node: Node, nodes: set[Node], users: Users, results: set[Value]) -> bool:
    return node.result in results or any(u not in nodes for u in users.get(node.result, ()))


def _tables(gradients: set[Node], nodes: Sequence[Node]) -> dict[Node, Value]:
    """For each node that leaves an element as it is where the gradients are zero, the param whose element that is."""
    found: dict[Value, Known | None] = {g.result: Zero(negative=False) for g in gradients}
    tables: dict[Node, Value] = {}
    for node in nodes:
        for a in node.args:
            if a not in found:
                found[a] = _outside(a, node.result.type.shape)
        made = found[node.result] = known(node, found)
        # A table that is computed costs as much as the update, and is then written in one go.
        if isinstance(made, Value) and made.node is None and made.type is node.result.type:
            tables[node] = made
    return tables


def _outside(value: Value, shape: Sequence[Extent]) -> Known | None:
    node = value.node
    if node is not None and node.op.name == "broadcast_to":
        node = node.args[0].node
    if node is not None and isinstance(node.attrs, Constant):
        return number(node.attrs)
    return value if value.type.shape == shape else None


def _written(writer: Rewriter, update: _Update) -> dict[Node, _Put]:
    """Append the update of the rows that the gradients name; how each node that leaves a table as it is writes that."""

    def here(value: Value) -> Array:
        return Standing(writer.value(value))

    with entered(writer):
        writer.loc = update.gradients[0].loc
        shape = update.gradients[0].result.type.shape
        indices = [here(g.args[2]) for g in update.gradients]
        flat = [i if i.ndim == 1 else reshape(i, (i._aval.elements,)) for i in indices]
        every = flat[0] if len(flat) == 1 else concat(flat)
        rows = every if every.dtype is dtypes.int64 else astype(every, dtypes.int64)
        rows = where(rows < 0, rows + shape[0], rows)
        first, start = _firsts(rows), cast(Extent, 0)
        named = (rows, _LEGAL) if update.checked else (every, _ROWS)
        compact: dict[Value, Array] = {}
        for g, index, part in zip(update.gradients, indices, flat, strict=True):
            updates, count = here(g.args[1]), part.shape[0]
            if updates.shape != (count, *shape[1:]):
                updates = reshape(broadcast_to(updates, (*index.shape, *shape[1:])), (count, *shape[1:]))
            own = first if len(flat) == 1 else slice_axis(first, 0, start, count)
            nothing = zeros((rows.shape[0], *shape[1:]), dtype=g.result.type.dtype)
            sums = OPS["scatter_add"].call(nothing, updates, own, _LEGAL)
            compact[g.result] = OPS["gather"].call(sums, first, _LEGAL)
            start = start + count
        for node in update.nodes:
            writer.loc = node.loc
            args = [compact[a] if a in compact else _read(here, a, shape, *named) for a in node.args]
            types = tuple([a._aval for a in args])
            compact[node.result] = writer.emit(node.op, tuple(args), node.attrs, node.op.result_type(types, node.attrs))
    return {n: (writer.value(t), compact[n.result], rows) for n, t in update.tables.items()}


def _read(here: Callable[[Value], Array], value: Value, shape: Shape, rows: Array, attrs: Attrs) -> Array:
    """The rows of an operand; all of it where it has the same for each row."""
    node = value.node
    if node is not None and node.op.name == "broadcast_to":
        value = node.args[0]
    if value.type.ndim < len(shape) or value.type.shape[0] == 1:
        return here(value)
    return OPS["gather"].call(here(value), rows, attrs)


def _firsts(rows: Array) -> Array:
    """For each place of a list of rows the first place with the same row."""
    count = rows.shape[0]
    order = argsort(rows)
    ordered = OPS["gather"].call(rows, order, _LEGAL)
    begins = ordered != OPS["shift"].call(ordered, -1, intern(Along(0)))
    begin = cumulative_max(where(begins, iota(count, dtypes.int64), 0))
    firsts = OPS["gather"].call(order, begin, _LEGAL)
    return OPS["scatter_set"].call(zeros((count,), dtype=dtypes.int64), firsts, order, _LEGAL)


def _write(writer: Rewriter, node: Node, put: _Put) -> None:
    """Append the writing of rows of a table, which stands for the node from now on."""
    table, new, rows = put
    writer.loc = node.loc
    with entered(writer):
        made = OPS["scatter_set"].call(Standing(table), new, rows, _LEGAL)
    writer.replace(node.result, writer.lift(made).value)
