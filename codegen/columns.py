"""Reductions down the columns: the lanes run along a kept axis, partial results lie in rows that stay in cache.

Float sums and products follow order T8 with one accumulator row for each of its sixteen lanes. Used where rows are
contiguous along an axis that is kept (sums over the first axis and the like).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.op import Combine
from ..ir.scalar import Scalar
from . import instructions
from .extremum import Extremum
from .instructions import llvm_type
from .nest import Reduction
from .order import (
    CHUNK,
    GROUP,
    LANES,
    PRIMITIVE,
    combined,
    empty,
    identity,
    in_order,
    trailing_ones,
    tree,
)
from .reduce import beats, size_of
from .scope import Evaluator, Scope

_LEVELS = 20
_ROWS = 4
_IN_REGISTERS = 256
_LONG = 24


class ColumnReducer:
    """Writes reductions for a block of columns.

    Attributes:
        width: columns per block; `start` and `stop` (i64 names) bound the block that is being written.
        lanes: vector lanes along the columns.
        column: the iteration variable of the columns.
        nested: the reductions that others need: each is computed once, never anew for each term.
    """

    def __init__(self, evaluator: Evaluator, column: int, width: int, lanes: int) -> None:
        self.evaluator = evaluator
        self.body = evaluator.body
        self.column = column
        self.width = width
        self.lanes = lanes
        self.start = self.stop = ""
        self.nested = evaluator.nest.nested()

    def reduce(self, expr: Scalar, scope: Scope) -> None:
        """Compute a reduction for all columns of the block; `scope.reduced` then knows how to read it."""
        r = self.evaluator.nest.reduction(expr)
        (number,) = r.iters
        extent = self.evaluator.nest.extents[number]
        size = self.evaluator.size(extent, scope)
        if extent == 0:
            scope.reduced[expr] = lambda at: instructions.literal(r.dtype, empty(r), at.lanes)
            return
        if isinstance(extent, int) and (extent <= LANES or extent * max(size_of(r.body), 4) <= _IN_REGISTERS):
            if expr not in self.nested:
                scope.reduced[expr] = lambda at: self._short(r, number, extent, scope, at.iters[self.column], at.mask)
                return
            row = self._rows(r.dtype, 1)
            self._over_columns(
                lambda column, mask: self._put(
                    r.dtype, self._at(r.dtype, row, column), self._short(r, number, extent, scope, column, mask)
                )
            )
        elif r.combine in (Combine.ARGMAX, Combine.ARGMIN):
            row = self._position(r, number, size, scope)
        elif in_order(r):
            row = self._in_order(r, number, size, scope)
        else:
            row = self._any_order(r, number, size, scope)
        scope.reduced[expr] = lambda at: self._read(r.dtype, row, at)

    def _short(self, r: Reduction, number: int, extent: int, scope: Scope, column: str, mask: str | None) -> str:
        """Few rows: combined in registers, one after another, float sums by the halving tree over the lanes."""
        body, dtype = self.body, r.body.dtype
        if in_order(r):
            lanes = []
            for lane in range(LANES):
                rows = [str(k) for k in range(lane, extent, LANES)]
                lanes.append(self._eight(r, number, rows, column, scope, mask) if rows else None)
            found = tree(body, r.combine, dtype, lanes, self.lanes)
            assert found is not None
            return found
        terms = [self._term(r, number, str(k), column, scope, mask) for k in range(extent)]
        if r.combine in PRIMITIVE:
            return self._joined(r, terms)
        best, place = terms[0], instructions.literal(dtypes.int64, 0, self.lanes)
        for k, term in enumerate(terms[1:], 1):
            better = beats(body, r.combine, dtype, term, best, self.lanes)
            bits, kind, wide = f"<{self.lanes} x i1>", llvm_type(dtype, self.lanes), llvm_type(dtypes.int64, self.lanes)
            best = body.assign(f"select {bits} {better}, {kind} {term}, {kind} {best}")
            at_k = instructions.literal(dtypes.int64, k, self.lanes)
            place = body.assign(f"select {bits} {better}, {wide} {at_k}, {wide} {place}")
        return place

    def _read(self, dtype: DType, row: str, scope: Scope) -> str:
        slot = self._at(dtype, row, scope.iters[self.column])
        kind = llvm_type(dtype, scope.lanes, memory=True)
        held = self.body.assign(f"load {kind}, ptr {slot}, align {dtype.itemsize}")
        return instructions.from_memory(self.body, dtype, held, scope.lanes)

    def _rows(self, dtype: DType, count: int) -> str:
        return self.body.alloca(llvm_type(dtype, memory=True), count * self.width)

    def _slot(self, dtype: DType, rows: str, row: str, offset: str) -> str:
        place = self.body.assign(f"mul i64 {row}, {self.width}") if row != "0" else "0"
        index = self.body.assign(f"add i64 {place}, {offset}")
        return self.body.assign(f"getelementptr {llvm_type(dtype, memory=True)}, ptr {rows}, i64 {index}")

    def _at(self, dtype: DType, row: str, column: str) -> str:
        return self._slot(dtype, row, "0", self.body.assign(f"sub i64 {column}, {self.start}"))

    def _get(self, dtype: DType, slot: str) -> str:
        kind = llvm_type(dtype, self.lanes, memory=True)
        held = self.body.assign(f"load {kind}, ptr {slot}, align {dtype.itemsize}")
        return instructions.from_memory(self.body, dtype, held, self.lanes)

    def _put(self, dtype: DType, slot: str, value: str) -> None:
        held = instructions.to_memory(self.body, dtype, value, self.lanes)
        self.body.emit(f"store {llvm_type(dtype, self.lanes, memory=True)} {held}, ptr {slot}, align {dtype.itemsize}")

    def _term(self, r: Reduction, number: int, row: str, column: str, scope: Scope, mask: str | None) -> str:
        inner = Scope(Scope(scope, {number: row}), {self.column: column}, self.lanes, self.column, mask)
        return self.evaluator.value(r.body, inner)

    def _over_columns(self, write: Callable[[str, str | None], None], *, masked: bool = False) -> None:
        """Write code for all columns of the block, a vector at a time: `write(first column, mask or None)`.

        `masked` uses one loop with masks for all, which is less code where the time does not matter.
        """
        body, full = self.body, self.start
        if not masked:
            length = body.assign(f"sub i64 {self.stop}, {self.start}")
            whole = body.assign(f"and i64 {length}, {-self.lanes}")
            full = body.assign(f"add i64 {self.start}, {whole}")
            with body.loop(self.start, full, self.lanes) as c:
                write(c.index, None)
        if self._exact and not masked:
            return
        with body.loop(full, self.stop, self.lanes) as c:
            left = body.assign(f"sub i64 {self.stop}, {c.index}")
            wide = instructions.splat(body, dtypes.int64, left, self.lanes)
            steps = ", ".join(f"i64 {k}" for k in range(self.lanes))
            write(c.index, body.assign(f"icmp sgt <{self.lanes} x i64> {wide}, <{steps}>"))

    @property
    def _exact(self) -> bool:
        """Whether all blocks are whole vectors."""
        columns = self.evaluator.nest.extents[self.column]
        return isinstance(columns, int) and columns % self.lanes == 0

    def _fill(self, dtype: DType, rows: str, count: int, value: str) -> None:
        with self.body.loop(0, count * self.width, self.lanes) as k:
            slot = self._slot(dtype, rows, "0", k.index)
            self._put(dtype, slot, value)

    def _in_order(self, r: Reduction, number: int, size: str, scope: Scope) -> str:
        body, dtype = self.body, r.dtype
        result = self._rows(dtype, 1)
        if size.isdigit() and int(size) <= CHUNK:
            self._chunk(r, number, "0", size, scope, result)
            return result
        stack = self._rows(dtype, _LEVELS)
        part = self._rows(dtype, 1)
        self._fill(dtype, stack, _LEVELS, self._unit(r))
        rounded = body.assign(f"add i64 {size}, {CHUNK - 1}")
        chunks = body.assign(f"lshr i64 {rounded}, 16")
        with body.loop(0, chunks) as chunk:
            start = body.assign(f"shl i64 {chunk.index}, 16")
            full = body.assign(f"add i64 {start}, {CHUNK}")
            less = body.assign(f"icmp slt i64 {full}, {size}")
            end = body.assign(f"select i1 {less}, i64 {full}, i64 {size}")
            self._chunk(r, number, start, end, scope, part)
            ones = trailing_ones(body, chunk.index)
            with body.loop(0, ones) as level:
                self._join_rows(r, stack, level.index, part)
            with body.loop(0, self.width, self.lanes) as k:
                held = self._get(dtype, self._slot(dtype, part, "0", k.index))
                self._put(dtype, self._slot(dtype, stack, ones, k.index), held)
        self._fill(dtype, result, 1, self._unit(r))
        with body.loop(0, _LEVELS) as level:
            bit = body.assign(f"lshr i64 {chunks}, {level.index}")
            present = body.assign(f"trunc i64 {bit} to i1")
            with body.if_(present):
                self._join_rows(r, stack, level.index, result)
        if not size.isdigit():
            none = body.assign(f"icmp eq i64 {size}, 0")
            with body.if_(none):
                self._fill(dtype, result, 1, instructions.literal(dtype, empty(r), self.lanes))
        return result

    def _unit(self, r: Reduction) -> str:
        return instructions.literal(r.dtype, identity(r.combine, r.dtype), self.lanes)

    def _join_rows(self, r: Reduction, rows: str, row: str, target: str) -> None:
        dtype = r.dtype
        with self.body.loop(0, self.width, self.lanes) as k:
            left = self._get(dtype, self._slot(dtype, rows, row, k.index))
            slot = self._slot(dtype, target, "0", k.index)
            self._put(dtype, slot, combined(self.body, r.combine, dtype, left, self._get(dtype, slot), self.lanes))

    def _chunk(self, r: Reduction, number: int, start: str, end: str, scope: Scope, result: str) -> None:
        body, dtype = self.body, r.dtype
        acc = self._rows(dtype, LANES)
        self._fill(dtype, acc, LANES, self._unit(r))
        length = body.assign(f"sub i64 {end}, {start}")
        whole = body.assign(f"and i64 {length}, {-GROUP}")
        stop = body.assign(f"add i64 {start}, {whole}")
        with body.loop(start, stop, GROUP) as group, body.loop(0, LANES) as lane:
            first = body.assign(f"add i64 {group.index}, {lane.index}")
            rows = [body.assign(f"add i64 {first}, {j * LANES}") if j else first for j in range(8)]

            def eight(column: str, mask: str | None) -> None:
                if mask is not None or size_of(r.body) > _LONG:
                    self._slots(r, number, first, "8", column, scope, mask, acc, lane.index)
                    return
                found = self._eight(r, number, rows, column, scope, mask)
                self._accumulate(r, acc, lane.index, column, found)

            self._over_columns(eight)
        rest = body.assign(f"sub i64 {length}, {whole}")
        known = (int(end) - int(start)) % GROUP if start.isdigit() and end.isdigit() else None
        if known != 0:
            some = body.assign(f"icmp sgt i64 {rest}, 0")
            with body.if_(some):
                self._last(r, number, stop, rest, known, scope, acc)
        half = LANES // 2
        while half:
            with body.loop(0, half) as lane:
                other = body.assign(f"add i64 {lane.index}, {half}")
                with body.loop(0, self.width, self.lanes) as k:
                    slot = self._slot(dtype, acc, lane.index, k.index)
                    right = self._get(dtype, self._slot(dtype, acc, other, k.index))
                    both = combined(body, r.combine, dtype, self._get(dtype, slot), right, self.lanes)
                    self._put(dtype, slot, both)
            half //= 2
        with body.loop(0, self.width, self.lanes) as k:
            held = self._get(dtype, self._slot(dtype, acc, "0", k.index))
            self._put(dtype, self._slot(dtype, result, "0", k.index), held)

    def _accumulate(self, r: Reduction, acc: str, row: str, column: str, term: str) -> None:
        dtype = r.dtype
        offset = self.body.assign(f"sub i64 {column}, {self.start}")
        slot = self._slot(dtype, acc, row, offset)
        self._put(dtype, slot, combined(self.body, r.combine, dtype, self._get(dtype, slot), term, self.lanes))

    def _eight(
        self, r: Reduction, number: int, rows: Sequence[str], column: str, scope: Scope, mask: str | None
    ) -> str:
        """The tree of order T8 over at most eight rows of one lane."""
        terms: list[str | None] = [self._term(r, number, row, column, scope, mask) for row in rows]
        found = tree(self.body, r.combine, r.dtype, [*terms, *[None] * (8 - len(rows))], self.lanes)
        assert found is not None
        return found

    def _last(
        self, r: Reduction, number: int, start: str, rest: str, known: int | None, scope: Scope, acc: str
    ) -> None:
        """The last, incomplete group: lane l has the rows l, l+16, … below `rest`, at most eight of them."""
        body = self.body
        counts = range(1, 9) if known is None else range(max(known // LANES, 1), -(-known // LANES) + 1)
        with body.loop(0, LANES) as lane:
            over = body.assign(f"sub i64 {rest}, {lane.index}")
            rounded = body.assign(f"add i64 {over}, {LANES - 1}")
            present = body.assign(f"ashr i64 {rounded}, 4")
            first = body.assign(f"add i64 {start}, {lane.index}")
            if size_of(r.body) > _LONG:
                self._over_columns(
                    lambda column, mask: self._slots(
                        r, number, first, present, column, scope, mask, acc, lane.index
                    ),
                    masked=True,
                )
                return
            for count in counts:
                with body.if_(body.assign(f"icmp eq i64 {present}, {count}")):
                    rows = [body.assign(f"add i64 {first}, {j * LANES}") if j else first for j in range(count)]

                    def partly(column: str, mask: str | None, rows: Sequence[str] = rows) -> None:
                        found = self._eight(r, number, rows, column, scope, mask)
                        self._accumulate(r, acc, lane.index, column, found)

                    self._over_columns(partly)

    def _slots(
        self,
        r: Reduction,
        number: int,
        first: str,
        present: str,
        column: str,
        scope: Scope,
        mask: str | None,
        acc: str,
        lane: str,
    ) -> None:
        """Add the tree over rows first, first + 16, … (`present` of them, at most 8) to an accumulator row."""
        body, dtype = self.body, r.dtype
        kind = llvm_type(dtype, self.lanes)
        slots = body.alloca(kind, 8)
        absent = self._unit(r)
        places = [body.assign(f"getelementptr {kind}, ptr {slots}, i64 {j}") for j in range(8)]
        for place in places:
            body.emit(f"store {kind} {absent}, ptr {place}")
        with body.loop(0, present) as j_loop:
            skipped = body.assign(f"shl i64 {j_loop.index}, 4")
            row = body.assign(f"add i64 {first}, {skipped}")
            term = self._term(r, number, row, column, scope, mask)
            place = body.assign(f"getelementptr {kind}, ptr {slots}, i64 {j_loop.index}")
            body.emit(f"store {kind} {term}, ptr {place}")
        terms: list[str | None] = [body.assign(f"load {kind}, ptr {place}") for place in places]
        found = tree(body, r.combine, dtype, terms, self.lanes)
        assert found is not None
        self._accumulate(r, acc, lane, column, found)

    def _any_order(self, r: Reduction, number: int, size: str, scope: Scope) -> str:
        body, dtype = self.body, r.dtype
        result = self._rows(dtype, 1)
        start = identity(r.combine, dtype)
        if size == "0":
            start = empty(r)
        self._fill(dtype, result, 1, instructions.literal(dtype, start, self.lanes))
        many = 1 if size_of(r.body) > _LONG else 2 * _ROWS if self._is_extremum(r) else _ROWS
        whole = str(int(size) // many * many) if size.isdigit() else body.assign(f"and i64 {size}, {-many}")
        with body.loop(0, whole, many) as row:
            rows = [body.assign(f"add i64 {row.index}, {k}") if k else row.index for k in range(many)]
            self._over_columns(lambda column, mask: self._join(r, number, rows, column, scope, mask, result))
        if whole != size:
            with body.loop(whole, size) as row:
                self._over_columns(lambda column, mask: self._join(r, number, [row.index], column, scope, mask, result))
        return result

    def _join(
        self,
        r: Reduction,
        number: int,
        rows: Sequence[str],
        column: str,
        scope: Scope,
        mask: str | None,
        result: str,
    ) -> None:
        """Combine some rows, one after another, with what is held for the columns."""
        dtype = r.dtype
        slot = self._at(dtype, result, column)
        held = self._get(dtype, slot)
        self._put(dtype, slot, self._joined(r, [held, *[self._term(r, number, k, column, scope, mask) for k in rows]]))

    def _joined(self, r: Reduction, terms: Sequence[str]) -> str:
        """The terms as one, combined in any order."""
        if self._is_extremum(r) and len(terms) > 2:
            return Extremum(self.body, r.combine, r.dtype, self.lanes).together(terms)
        found = terms[0]
        for term in terms[1:]:
            found = combined(self.body, r.combine, r.dtype, found, term, self.lanes)
        return found

    def _is_extremum(self, r: Reduction) -> bool:
        return r.combine in (Combine.MAX, Combine.MIN) and r.dtype in (dtypes.float32, dtypes.float64)

    def _position(self, r: Reduction, number: int, size: str, scope: Scope) -> str:
        body, dtype = self.body, r.body.dtype
        best, result = self._rows(dtype, 1), self._rows(dtypes.int64, 1)
        self._fill(dtypes.int64, result, 1, instructions.literal(dtypes.int64, 0, self.lanes))

        def first(column: str, mask: str | None) -> None:
            term = self._term(r, number, "0", column, scope, mask)
            self._put(dtype, self._at(dtype, best, column), term)

        self._over_columns(first)
        with body.loop(1, size) as row:

            def later(column: str, mask: str | None) -> None:
                term = self._term(r, number, row.index, column, scope, mask)
                slot, place = self._at(dtype, best, column), self._at(dtypes.int64, result, column)
                held = self._get(dtype, slot)
                better = beats(body, r.combine, dtype, term, held, self.lanes)
                kind, wide = llvm_type(dtype, self.lanes), llvm_type(dtypes.int64, self.lanes)
                bits = f"<{self.lanes} x i1>"
                self._put(dtype, slot, body.assign(f"select {bits} {better}, {kind} {term}, {kind} {held}"))
                at = instructions.splat(body, dtypes.int64, row.index, self.lanes)
                old = self._get(dtypes.int64, place)
                self._put(dtypes.int64, place, body.assign(f"select {bits} {better}, {wide} {at}, {wide} {old}"))

            self._over_columns(later)
        return result

