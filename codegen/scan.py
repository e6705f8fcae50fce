"""Recurrences along one axis: a nest whose last loop runs in order, each element made from the one before.

Such a nest has one store, of a `scan` scalar with two arguments: the first element, and each other one, which loads
the element before from the buffer that is written. Where a kept axis is contiguous, the lanes run along it and the
element before is loaded; else a few rows are walked side by side, each with its last element in a register.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..ir import dtypes
from ..ir.attrs import Along
from ..ir.graph import Node, Value
from ..ir.op import Scan
from ..ir.scalar import Scalar, const, extent, iteration, load
from . import instructions
from .affine import coalesced
from .instructions import llvm_type
from .lower import Layout, Lowering
from .nest import Nest, Store
from .scope import Evaluator, Scope

ROWS = 4
"""Rows walked side by side: an addition takes four cycles, so that many are under way at once."""


def lower_scan(node: Node, layouts: Mapping[Value, Layout]) -> Nest:
    """The nest that computes a node whose lowering is `Scan`; its last loop runs along the axis of the node's attrs.

    Args:
        node: the recurrence.
        layouts: where its operands and its result lie.
    """
    attrs, out = node.attrs, layouts[node.result]
    rule, shape, result = node.op.lowering, node.result.type.shape, node.result.type.dtype
    assert isinstance(rule, Scan) and isinstance(attrs, Along)
    axis, along = attrs.axis, shape[attrs.axis]
    kept = [k for k in range(len(shape)) if k != axis]
    last = len(kept)

    def places(k: Scalar) -> tuple[Scalar, ...]:
        number = {a: iteration(i) for i, a in enumerate(kept)}
        number[axis] = extent(along) - 1 - k if attrs.reverse else k
        return tuple([number[a] for a in range(len(shape))])

    here = iteration(last) if along != 1 else const(dtypes.int64, 0)
    lowering = Lowering(layouts, len(shape))
    elements = [lowering.at(a, places(here)) for a in node.args]
    address = out.address(places(here))
    first = rule.first(*elements)
    domain = (*[shape[k] for k in kept], *([] if along == 1 else [along]))
    kinds = {layout.buffer: v.type.dtype for v, layout in layouts.items()}
    value = first
    if along != 1:
        before = load(result, out.buffer, (out.address(places(here - 1)),))
        value = Scalar("scan", result, (first, rule.step(before, *elements)))
    nest = Nest(node.op.name, domain, dict(enumerate(domain)), (Store(out.buffer, address, value),), (), kinds)
    return coalesced(nest)


class ScanWriter:
    """Writes the loops of a nest with a scan.

    Attributes:
        lanes: vector lanes along the last kept axis; 0: rows side by side.
        block: iterations of the outermost kept loop in one task.
        width: the most columns that are walked together.
    """

    def __init__(self, evaluator: Evaluator, lanes: int, block: int, width: int) -> None:
        self.evaluator = evaluator
        self.body = evaluator.body
        self.lanes = lanes
        self.block = block
        self.width = width
        (self.store,) = evaluator.nest.stores
        self.first, self.step = self.store.value.args
        self.along = len(evaluator.nest.domain) - 1

    def write(self, root: Scope) -> None:
        """The tasks lo .. hi-1."""
        body, nest = self.body, self.evaluator.nest
        if not self.along:
            self._rows([root])
            return
        if self.along > 1:
            with body.loop("%lo", "%hi") as outer:
                self._inside(Scope(root, {0: outer.index}, anchor=body.anchor()), 1)
            return
        size = self.evaluator.size(nest.domain[0], root)
        start = body.assign(f"mul i64 %lo, {self.block}")
        end = body.assign(f"mul i64 %hi, {self.block}")
        self._last(root, 0, start, self._least(end, size))

    def _least(self, a: str, b: str) -> str:
        less = self.body.assign(f"icmp slt i64 {a}, {b}")
        return self.body.assign(f"select i1 {less}, i64 {a}, i64 {b}")

    def _inside(self, scope: Scope, number: int) -> None:
        size = self.evaluator.size(self.evaluator.nest.domain[number], scope)
        if number == self.along - 1:
            self._last(scope, number, "0", size)
            return
        with self.body.loop(0, size) as loop:
            self._inside(Scope(scope, {number: loop.index}, anchor=self.body.anchor()), number + 1)

    def _last(self, scope: Scope, number: int, start: str, stop: str) -> None:
        """The innermost of the kept loops, from start to stop."""
        body = self.body
        if self.lanes:
            with body.loop(start, stop, self.width) as block:
                end = body.assign(f"add i64 {block.index}, {self.width}")
                self._columns(scope, number, block.index, self._least(end, stop))
            return
        length = body.assign(f"sub i64 {stop}, {start}")
        whole = body.assign(f"and i64 {length}, {-ROWS}")
        middle = body.assign(f"add i64 {start}, {whole}")
        with body.loop(start, middle, ROWS) as several:
            rows = []
            for k in range(ROWS):
                index = body.assign(f"add i64 {several.index}, {k}") if k else several.index
                rows.append(Scope(scope, {number: index}, anchor=body.anchor()))
            self._rows(rows)
        with body.loop(middle, stop) as one:
            self._rows([Scope(scope, {number: one.index}, anchor=body.anchor())])

    def _rows(self, rows: Sequence[Scope]) -> None:
        """The recurrences of some rows, one step of each at a time."""
        body, evaluator, dtype = self.body, self.evaluator, self.evaluator.nest.dtypes[self.store.buffer]
        before = self._before()
        made = []
        for row in rows:
            inner = Scope(row, {self.along: "0"})
            made.append(evaluator.value(self.first, inner))
            self._put(made[-1], inner)
        size = evaluator.size(evaluator.nest.domain[self.along], rows[0])
        kind = llvm_type(dtype)
        with body.loop(1, size, carried=[(kind, x) for x in made]) as each:
            inners, following = [], []
            for row, held in zip(rows, each.values, strict=True):
                inner = Scope(row, {self.along: each.index})
                if before is not None:
                    inner.memo[before] = held
                following.append(evaluator.value(self.step, inner))
                inners.append(inner)
            for inner, value in zip(inners, following, strict=True):
                self._put(value, inner)
            each.next(following)

    def _before(self) -> Scalar | None:
        """The load of the element before, unless no step needs it."""
        nest = self.evaluator.nest
        found = [e for e in nest.walk() if e.prim == "load" and e.payload == self.store.buffer]
        return found[0] if found else None

    def _put(self, value: str, scope: Scope) -> None:
        scope.memo[self.store.value] = value
        self.evaluator.store(self.store, scope)

    def _columns(self, scope: Scope, number: int, start: str, stop: str) -> None:
        body = self.body
        size = self.evaluator.size(self.evaluator.nest.domain[self.along], scope)
        self._vectors(Scope(scope, {self.along: "0"}, anchor=body.anchor()), number, start, stop, self.first)
        with body.loop(1, size) as each:
            self._vectors(Scope(scope, {self.along: each.index}, anchor=body.anchor()), number, start, stop, self.step)

    def _vectors(self, scope: Scope, number: int, start: str, stop: str, value: Scalar) -> None:
        body, lanes = self.body, self.lanes
        length = body.assign(f"sub i64 {stop}, {start}")
        whole = body.assign(f"and i64 {length}, {-lanes}")
        full = body.assign(f"add i64 {start}, {whole}")
        with body.loop(start, full, lanes) as c:
            inner = Scope(scope, {number: c.index}, lanes, number)
            self._put(self.evaluator.value(value, inner), inner)
        with body.loop(full, stop, lanes) as c:
            left = body.assign(f"sub i64 {stop}, {c.index}")
            wide = instructions.splat(body, dtypes.int64, left, lanes)
            steps = ", ".join(f"i64 {k}" for k in range(lanes))
            inner = Scope(
                scope, {number: c.index}, lanes, number, body.assign(f"icmp sgt <{lanes} x i64> {wide}, <{steps}>")
            )
            self._put(self.evaluator.value(value, inner), inner)
