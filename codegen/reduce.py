"""Reductions along the vector lanes of one row: order T8 for float sums and products, any order for the rest.

Order T8 is stated in `ir/reduction.py`. Here a row is read in groups of eight 16-lane vectors; absent vectors are
skipped and absent lanes hold the identity, which changes nothing, so the bits depend on the row's length alone.
"""

from __future__ import annotations

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.op import Combine
from ..ir.scalar import Scalar
from ..ir.types import Dim
from . import instructions
from .body import Body
from .extremum import Extremum
from .instructions import llvm_type
from .nest import Reduction
from .nested import NestedReducer
from .order import CHUNK, GROUP, LANES, Pairs, combined, empty, halved, identity, in_order, tree
from .position import Position
from .scope import Evaluator, Scope

_UNROLL = 4
_LONG = 24


class RowReducer:
    """Writes reductions of rows: the reduction's iteration variable runs along the lanes.

    Attributes:
        kept: stack slots that get the terms of a reduction, a row long, padded to whole vectors.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.body = evaluator.body
        self.kept: dict[Reduction, str] = {}

    def reduce(self, expr: Scalar, scope: Scope) -> str:
        """The value of a `reduce` scalar at a scalar scope."""
        assert not scope.lanes
        r = self.evaluator.nest.reduction(expr)
        if len(r.iters) > 1:
            return NestedReducer(self.evaluator, r, self._term).reduce(scope)
        (number,) = r.iters
        extent = self.evaluator.nest.extents[number]
        if extent == 0:
            return instructions.literal(r.dtype, empty(r))
        size = self._size(extent, scope)
        if in_order(r):
            return self._in_order(r, number, size, scope)
        if r.combine in (Combine.ARGMAX, Combine.ARGMIN):
            return self._position(r, number, size, scope)
        return self._any_order(r, number, size, scope)

    def _size(self, extent: int | Dim, scope: Scope) -> str:
        return self.evaluator.size(extent, scope)

    def _term(self, r: Reduction, number: int, index: str, lanes: int, scope: Scope, mask: str | None = None) -> str:
        inner = Scope(scope, {number: index}, lanes, number, mask)
        held = self.evaluator.value(r.body, inner)
        slot = self.kept.get(r)
        if slot is not None:
            element = llvm_type(r.body.dtype, 0, memory=True)
            place = self.body.assign(f"getelementptr {element}, ptr {slot}, i64 {index}")
            stored = instructions.to_memory(self.body, r.body.dtype, held, lanes)
            kind = llvm_type(r.body.dtype, lanes, memory=True)
            self.body.emit(f"store {kind} {stored}, ptr {place}, align {r.body.dtype.itemsize}")
        if mask is None:
            return held
        absent = instructions.literal(r.body.dtype, identity(r.combine, r.body.dtype), lanes)
        kind = llvm_type(r.body.dtype, lanes)
        return self.body.assign(f"select <{lanes} x i1> {mask}, {kind} {held}, {kind} {absent}")

    def _mask(self, index: str, end: str, lanes: int) -> str:
        left = self.body.assign(f"sub i64 {end}, {index}")
        wide = instructions.splat(self.body, dtypes.int64, left, lanes)
        steps = ", ".join(f"i64 {k}" for k in range(lanes))
        return self.body.assign(f"icmp sgt <{lanes} x i64> {wide}, <{steps}>")

    def _in_order(self, r: Reduction, number: int, size: str, scope: Scope) -> str:
        """Order T8; `size` is a number when the extent is known."""
        if size.isdigit() and int(size) <= CHUNK and not r.pairs:
            return self._chunk(r, number, "0", size, scope)
        body, kind = self.body, llvm_type(r.dtype)
        pairs = Pairs(body, r.combine, r.dtype)
        chunks = size
        if not r.pairs:
            rounded = body.assign(f"add i64 {size}, {CHUNK - 1}")
            chunks = body.assign(f"lshr i64 {rounded}, 16")
        with body.loop(0, chunks) as chunk:
            if r.pairs:
                part = self.evaluator.value(r.body, Scope(scope, {number: chunk.index}))
            else:
                start = body.assign(f"shl i64 {chunk.index}, 16")
                full = body.assign(f"add i64 {start}, {CHUNK}")
                less = body.assign(f"icmp slt i64 {full}, {size}")
                end = body.assign(f"select i1 {less}, i64 {full}, i64 {size}")
                part = self._chunk(r, number, start, end, scope)
            pairs.add(chunk.index, part)
        total = pairs.total(chunks)
        if size.isdigit():
            return total
        none = body.assign(f"icmp eq i64 {size}, 0")
        return body.assign(f"select i1 {none}, {kind} {instructions.literal(r.dtype, empty(r))}, {kind} {total}")

    def _chunk(self, r: Reduction, number: int, start: str, end: str, scope: Scope) -> str:
        body, kind = self.body, llvm_type(r.dtype, LANES)
        known = start.isdigit() and end.isdigit()
        length = str(int(end) - int(start)) if known else body.assign(f"sub i64 {end}, {start}")
        whole = str(int(length) // GROUP * GROUP) if known else body.assign(f"and i64 {length}, {-GROUP}")
        stop = str(int(start) + int(whole)) if known else body.assign(f"add i64 {start}, {whole}")
        total = instructions.literal(r.dtype, identity(r.combine, r.dtype), LANES)
        if stop != start:
            with body.loop(start, stop, GROUP, carried=[(kind, total)]) as group:
                if self._is_long(r):
                    end_of_group = body.assign(f"add i64 {group.index}, {GROUP}")
                    found = self._in_slots(r, number, group.index, end_of_group, scope, masked=False)
                else:
                    terms: list[str | None] = []
                    for j in range(8):
                        index = body.assign(f"add i64 {group.index}, {j * LANES}") if j else group.index
                        terms.append(self._term(r, number, index, LANES, scope))
                    found = _present(tree(body, r.combine, r.dtype, terms, LANES))
                group.next([combined(body, r.combine, r.dtype, group.values[0], found, LANES)])
            total = group.results[0]
        if known and int(whole) == int(length):
            return halved(body, r.combine, r.dtype, total, LANES)
        if known and int(length) - int(whole) <= (LANES if self._is_long(r) else 4 * LANES):
            last = self._last_known(r, number, int(stop), int(end), scope)
        else:
            last = self._in_slots(r, number, stop, end, scope, masked=True)
        total = combined(body, r.combine, r.dtype, total, last, LANES)
        return halved(body, r.combine, r.dtype, total, LANES)

    def _last_known(self, r: Reduction, number: int, start: int, end: int, scope: Scope) -> str:
        terms: list[str | None] = [None] * 8
        for j, index in enumerate(range(start, end, LANES)):
            real = min(LANES, end - index)
            bits = ", ".join(f"i1 {'true' if k < real else 'false'}" for k in range(LANES))
            mask = None if real == LANES else f"<{bits}>"
            terms[j] = self._term(r, number, str(index), LANES, scope, mask)
        return _present(tree(self.body, r.combine, r.dtype, terms, LANES))

    def _is_long(self, r: Reduction) -> bool:
        """Whether the code of a term is too long to be written eight times."""
        return size_of(r.body) > _LONG

    def _in_slots(self, r: Reduction, number: int, start: str, end: str, scope: Scope, *, masked: bool) -> str:
        """The tree over the vectors from start to end, at most eight, written as a loop that fills eight slots."""
        body, kind = self.body, llvm_type(r.dtype, LANES)
        slots = body.alloca(kind, 8)
        absent = instructions.literal(r.dtype, identity(r.combine, r.dtype), LANES)
        for j in range(8):
            body.emit(f"store {kind} {absent}, ptr {body.assign(f'getelementptr {kind}, ptr {slots}, i64 {j}')}")
        with body.loop(start, end, LANES) as part:
            mask = self._mask(part.index, end, LANES) if masked else None
            term = self._term(r, number, part.index, LANES, scope, mask)
            offset = body.assign(f"sub i64 {part.index}, {start}")
            j_value = body.assign(f"lshr i64 {offset}, 4")
            body.emit(f"store {kind} {term}, ptr {body.assign(f'getelementptr {kind}, ptr {slots}, i64 {j_value}')}")
        terms: list[str | None] = []
        for j in range(8):
            slot = body.assign(f"getelementptr {kind}, ptr {slots}, i64 {j}")
            terms.append(body.assign(f"load {kind}, ptr {slot}"))
        return _present(tree(body, r.combine, r.dtype, terms, LANES))

    def _any_order(self, r: Reduction, number: int, size: str, scope: Scope) -> str:
        body, lanes = self.body, LANES
        kind = llvm_type(r.dtype, lanes)
        start = instructions.literal(r.dtype, identity(r.combine, r.dtype), lanes)
        unroll = 1 if self._is_long(r) else _UNROLL
        if r.dtype.is_float:
            return Extremum(body, r.combine, r.dtype, lanes).over(
                size,
                unroll,
                identity(r.combine, r.dtype),
                lambda index, mask: self._term(r, number, index, lanes, scope, mask),
                lambda index: self._mask(index, size, lanes),
            )
        if size.isdigit() and int(size) <= lanes:
            mask = None if size == str(lanes) else self._mask("0", size, lanes)
            return halved(body, r.combine, r.dtype, self._term(r, number, "0", lanes, scope, mask), lanes)
        step = lanes * unroll
        whole = str(int(size) // step * step) if size.isdigit() else body.assign(f"and i64 {size}, {-step}")
        sums = [start] * unroll
        if whole != "0":
            with body.loop(0, whole, step, carried=[(kind, start)] * unroll) as many:
                following = []
                for k in range(unroll):
                    index = body.assign(f"add i64 {many.index}, {k * lanes}") if k else many.index
                    term = self._term(r, number, index, lanes, scope)
                    following.append(combined(body, r.combine, r.dtype, many.values[k], term, lanes))
                many.next(following)
            sums = list(many.results)
        total = sums[0]
        for other in sums[1:]:
            total = combined(body, r.combine, r.dtype, total, other, lanes) if whole != "0" else total
        if whole != size:
            with body.loop(whole, size, lanes, carried=[(kind, total)]) as rest:
                term = self._term(r, number, rest.index, lanes, scope, self._mask(rest.index, size, lanes))
                rest.next([combined(body, r.combine, r.dtype, rest.values[0], term, lanes)])
            total = rest.results[0]
        return halved(body, r.combine, r.dtype, total, lanes)

    def _position(self, r: Reduction, number: int, size: str, scope: Scope) -> str:
        """Index of the first largest (or smallest) element; a NaN counts as both, the first one wins."""
        return Position(self.body, r.combine, r.body.dtype).over(
            size,
            1 if self._is_long(r) else _UNROLL,
            lambda index, mask: self._term(r, number, index, LANES, scope, mask),
            lambda index: self._mask(index, size, LANES),
        )


def beats(body: Body, combine: Combine, dtype: DType, new: str, best: str, lanes: int) -> str:
    """Whether a later element replaces the best so far: it is beyond it, or it is the first NaN."""
    prim = "gt" if combine is Combine.ARGMAX else "lt"
    beyond = instructions.emit(body, prim, dtypes.bool_, (dtype, dtype), (new, best), lanes, None)
    if not dtype.is_float:
        return beyond
    kind, bits = llvm_type(dtype, lanes), llvm_type(dtypes.bool_, lanes)
    new_nan = body.assign(f"fcmp uno {kind} {new}, {new}")
    best_real = body.assign(f"fcmp ord {kind} {best}, {best}")
    first_nan = body.assign(f"and {bits} {new_nan}, {best_real}")
    return body.assign(f"or {bits} {beyond}, {first_nan}")


def _present(term: str | None) -> str:
    assert term is not None
    return term


def size_of(root: Scalar) -> int:
    """Number of distinct operations in an expression; a reduction in it counts as one."""
    seen: set[Scalar] = set()
    stack = [root]
    while stack:
        e = stack.pop()
        if e not in seen:
            seen.add(e)
            stack.extend(e.args)
    return sum(1 for e in seen if e.args)
