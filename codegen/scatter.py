"""Stores at computed places: their nest, its two parts where a place may be illegal, and what may be overwritten."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Final

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.graph import Graph, Node, Value
from ..ir.op import Alias, Scatter
from ..ir.records import replace
from ..ir.scalar import Scalar, iteration, load, select
from ..ir.types import Shape
from .affine import Affine, affine, coalesced, renamed
from .lower import Check, Layout, Lowering, contiguous
from .nest import Nest, Store

_PRIMITIVES: Final = {"add": "add", "multiply": "mul", "divide": "div", "minimum": "minimum", "maximum": "maximum"}
_OF_BOOLS: Final = {"add": "or", "multiply": "and", "minimum": "and", "maximum": "or"}


def _loaded(store: Store, out: DType) -> dict[int, DType]:
    """The element types of the buffers that a store touches."""
    probe = Nest("", (), {}, (store,), (), {})
    kinds = {store.buffer: out}
    for e in probe.walk():
        if e.prim == "load":
            assert isinstance(e.payload, int)
            kinds[e.payload] = e.dtype
    return kinds


def scattered(
    node: Node, domain: Shape, layouts: Mapping[Value, Layout], out: Layout
) -> tuple[Nest, tuple[Check, ...]]:
    """The nest that puts a node's second operand into a copy of the first that is there already, and its checks.

    Args:
        node: its op has a `Scatter` lowering.
        domain: what the second operand is broadcast to.
        layouts: where all operands but the first lie.
        out: where the result lies.
    """
    rule = node.op.lowering
    assert isinstance(rule, Scatter)
    lowering = Lowering(layouts, len(domain))
    index = tuple([iteration(k) for k in range(len(domain))])
    readers = tuple([lowering.reader(a) for a in node.args])
    place, guard = rule.at(node.attrs, node.result.type, index, readers)
    checked = tuple([lowering.with_checks(p, node) for p in place])
    dtype = node.result.type.dtype
    names = _OF_BOOLS if dtype is dtypes.bool_ else _PRIMITIVES
    store = Store(
        out.buffer,
        out.address(checked),
        readers[1].at(*index),
        ordered=not rule.distinct,
        combine=None if rule.combine is None else names[rule.combine],
        guard=None if guard is None else lowering.with_checks(guard, node),
    )
    nest = Nest(node.op.name, domain, dict(enumerate(domain)), (store,), (), _loaded(store, dtype))
    return coalesced(nest), tuple(lowering.checks)


def parted(nest: Nest, buffer: int) -> tuple[Nest, Nest, Shape]:
    """A nest with checks as two: one that finds the places and may fail, one that stores and cannot.

    So nothing is written before all is checked, and the places are found by vectors on all threads.

    Args:
        nest: as `scattered` gives it.
        buffer: number of a new buffer of int64, whose shape is returned too.
    """
    (store,) = nest.stores
    form = affine(store.address)
    place: Scalar = Affine({}, form.terms, form.offset).scalar()
    if store.guard is not None:
        place = select(store.guard, place, -1)
    axes = sorted(nest.free(place))
    extents = tuple([nest.extents[i] for i in axes])
    own = Layout(buffer, contiguous(extents))
    there = renamed(place, {i: k for k, i in enumerate(axes)})
    finds = Store(buffer, own.address(tuple([iteration(k) for k in range(len(axes))])), there)
    first = Nest(
        f"{nest.name}_places", extents, dict(enumerate(extents)), (finds,), (), _loaded(finds, dtypes.int64)
    )
    found = load(dtypes.int64, buffer, (own.address(tuple([iteration(i) for i in axes])),))
    puts = replace(
        store,
        address=Affine(form.iters, {found: 1}, 0).scalar(),
        guard=None if store.guard is None else found >= 0,
    )
    second = replace(nest, stores=(puts,), dtypes=_loaded(puts, nest.dtypes[store.buffer]))
    return coalesced(first), coalesced(second), extents


class Uses:
    """Where the values of a graph are used."""

    def __init__(self, graph: Graph) -> None:
        self._users = graph.users()
        self._results = set(graph.results)
        self._position = {node: k for k, node in enumerate(graph.nodes)}

    def ends(self, node: Node, views: Container[Value]) -> bool:
        """Whether the memory of a node's first operand is of no use to anything else from that node on.

        Args:
            node: reads its first operand.
            views: values that have no memory, but read that of their operand.
        """
        root = node.args[0]
        while root.node is not None and isinstance(root.node.op.lowering, Alias):
            root = root.node.args[0]
        pending, seen = [root], {root}
        while pending:
            value = pending.pop()
            if value in self._results or value in node.args[1:]:
                return False
            for user in self._users.get(value, ()):
                if self._position[user] > self._position[node]:
                    return False
                shares = isinstance(user.op.lowering, Alias) or user.results[0] in views
                if shares and user.result not in seen:
                    seen.add(user.result)
                    pending.append(user.result)
        return True
