"""Reductions of a row over several loops that memory does not walk as one, such as sums over the first and last axis.

In order T8 a vector of sixteen elements in a row may cross the end of the innermost loop. So the terms are first laid
side by side in a piece of stack, as whole vectors of which each overwrites what is too much of the one before; full
pieces are then added as one row. What may be combined in any order needs no piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir import dtypes
from . import instructions
from .body import Body
from .extremum import Extremum
from .instructions import llvm_type
from .nest import Reduction
from .order import CHUNK, GROUP, LANES, Pairs, combined, empty, halved, identity, in_order, tree
from .scope import Evaluator, Scope

PIECE = 2048

Term = Callable[[Reduction, int, str, int, Scope, str | None], str]
"""Writes a vector of terms: the reduction, its innermost loop, the first index, lanes, the scope around, a mask."""


class NestedReducer:
    """Writes one reduction over its loops."""

    def __init__(self, evaluator: Evaluator, r: Reduction, term: Term) -> None:
        self.evaluator = evaluator
        self.body: Body = evaluator.body
        self.r = r
        self.term = term
        self.kind = llvm_type(r.dtype, LANES)

    def reduce(self, scope: Scope) -> str:
        """The value at a scalar scope."""
        if in_order(self.r):
            return self._in_order(scope)
        r, body = self.r, self.body
        unit = identity(r.combine, r.dtype)
        if r.dtype.is_float:
            extremum = Extremum(body, r.combine, r.dtype, LANES)
            state = extremum.start(float(unit))
            return extremum.result(self._over(scope, 0, extremum.kinds, state, extremum.step))
        start = instructions.literal(r.dtype, unit, LANES)
        (total,) = self._over(
            scope, 0, (self.kind,), (start,), lambda held, x: (combined(body, r.combine, r.dtype, held[0], x, LANES),)
        )
        return halved(body, r.combine, r.dtype, total, LANES)

    def _over(
        self,
        scope: Scope,
        depth: int,
        kinds: Sequence[str],
        state: Sequence[str],
        step: Callable[[tuple[str, ...], str], Sequence[str]],
    ) -> tuple[str, ...]:
        """The state after a vector of terms at a time went through `step`."""
        body, number = self.body, self.r.iters[depth]
        size = self.evaluator.size(self.evaluator.nest.extents[number], scope)
        last = depth == len(self.r.iters) - 1
        with body.loop(0, size, LANES if last else 1, carried=list(zip(kinds, state, strict=True))) as loop:
            if last:
                term = self.term(self.r, number, loop.index, LANES, scope, self._mask(loop.index, size))
                loop.next(tuple(step(loop.values, term)))
            else:
                inner = Scope(scope, {number: loop.index}, anchor=body.anchor())
                loop.next(self._over(inner, depth + 1, kinds, loop.values, step))
        return loop.results

    def _mask(self, index: str, size: str) -> str | None:
        if size.isdigit() and int(size) % LANES == 0:
            return None
        left = self.body.assign(f"sub i64 {size}, {index}")
        wide = instructions.splat(self.body, dtypes.int64, left, LANES)
        steps = ", ".join(f"i64 {k}" for k in range(LANES))
        return self.body.assign(f"icmp sgt <{LANES} x i64> {wide}, <{steps}>")

    def _in_order(self, scope: Scope) -> str:
        """Order T8 over the terms as they are laid into the piece."""
        body, r = self.body, self.r
        pieces = _Pieces(body, r)
        self._fill(scope, 0, pieces)
        return pieces.result()

    def _fill(self, scope: Scope, depth: int, pieces: _Pieces) -> None:
        body, number = self.body, self.r.iters[depth]
        size = self.evaluator.size(self.evaluator.nest.extents[number], scope)
        last = depth == len(self.r.iters) - 1
        with body.loop(0, size, LANES if last else 1) as loop:
            if not last:
                self._fill(Scope(scope, {number: loop.index}, anchor=body.anchor()), depth + 1, pieces)
                return
            mask = self._mask(loop.index, size)
            held = self.term(self.r, number, loop.index, LANES, scope, mask)
            left = body.assign(f"sub i64 {size}, {loop.index}")
            fewer = body.assign(f"icmp slt i64 {left}, {LANES}")
            pieces.put(held, body.assign(f"select i1 {fewer}, i64 {left}, i64 {LANES}"))


class _Pieces:
    """Terms that arrive one after another, added in order T8."""

    def __init__(self, body: Body, r: Reduction) -> None:
        self.body = body
        self.r = r
        self.kind = llvm_type(r.dtype, LANES)
        self.element = llvm_type(r.dtype)
        self.unit = instructions.literal(r.dtype, identity(r.combine, r.dtype), LANES)
        self.piece = body.alloca(self.element, PIECE + GROUP + LANES)
        self.total = body.alloca(self.kind)
        self.filled, self.taken, self.chunks = [body.alloca("i64", 1, 8) for _ in range(3)]
        for slot in (self.filled, self.taken, self.chunks):
            body.emit(f"store i64 0, ptr {slot}")
        body.emit(f"store {self.kind} {self.unit}, ptr {self.total}")
        self.pairs = Pairs(body, r.combine, r.dtype)

    def _get(self, slot: str) -> str:
        return self.body.assign(f"load i64, ptr {slot}")

    def _vector(self, index: str) -> str:
        place = self.body.assign(f"getelementptr {self.element}, ptr {self.piece}, i64 {index}")
        return self.body.assign(f"load {self.kind}, ptr {place}, align {self.r.dtype.itemsize}")

    def _lay(self, held: str, index: str) -> None:
        place = self.body.assign(f"getelementptr {self.element}, ptr {self.piece}, i64 {index}")
        self.body.emit(f"store {self.kind} {held}, ptr {place}, align {self.r.dtype.itemsize}")

    def put(self, held: str, count: str) -> None:
        """Append the first `count` lanes."""
        body = self.body
        at = self._get(self.filled)
        self._lay(held, at)
        then = body.assign(f"add i64 {at}, {count}")
        body.emit(f"store i64 {then}, ptr {self.filled}")
        full = body.assign(f"icmp sge i64 {then}, {PIECE}")
        with body.if_(full):
            self._take(str(PIECE))
            self._lay(self._vector(str(PIECE)), "0")
            body.emit(f"store i64 {body.assign(f'sub i64 {then}, {PIECE}')}, ptr {self.filled}")
            taken = body.assign(f"add i64 {self._get(self.taken)}, {PIECE}")
            body.emit(f"store i64 {taken}, ptr {self.taken}")
            whole = body.assign(f"icmp eq i64 {taken}, {CHUNK}")
            with body.if_(whole):
                self._end_chunk()

    def _take(self, count: str) -> None:
        """Add the groups below `count` to the sixteen accumulators."""
        body, r = self.body, self.r
        before = body.assign(f"load {self.kind}, ptr {self.total}")
        with body.loop(0, count, GROUP, carried=[(self.kind, before)]) as group:
            terms: list[str | None] = []
            for j in range(GROUP // LANES):
                index = body.assign(f"add i64 {group.index}, {j * LANES}") if j else group.index
                terms.append(self._vector(index))
            found = tree(body, r.combine, r.dtype, terms, LANES)
            assert found is not None
            group.next([combined(body, r.combine, r.dtype, group.values[0], found, LANES)])
        body.emit(f"store {self.kind} {group.results[0]}, ptr {self.total}")

    def _end_chunk(self) -> None:
        body, r = self.body, self.r
        part = halved(body, r.combine, r.dtype, body.assign(f"load {self.kind}, ptr {self.total}"), LANES)
        number = self._get(self.chunks)
        self.pairs.add(number, part)
        body.emit(f"store i64 {body.assign(f'add i64 {number}, 1')}, ptr {self.chunks}")
        body.emit(f"store i64 0, ptr {self.taken}")
        body.emit(f"store {self.kind} {self.unit}, ptr {self.total}")

    def result(self) -> str:
        """The value over all terms."""
        body, r = self.body, self.r
        filled, taken = self._get(self.filled), self._get(self.taken)
        for k in range(GROUP // LANES):
            self._lay(self.unit, body.assign(f"add i64 {filled}, {k * LANES}") if k else filled)
        self._take(filled)
        rest = body.assign(f"add i64 {filled}, {taken}")
        some = body.assign(f"icmp sgt i64 {rest}, 0")
        with body.if_(some):
            self._end_chunk()
        chunks = self._get(self.chunks)
        total = self.pairs.total(chunks)
        none = body.assign(f"icmp eq i64 {chunks}, 0")
        zero = instructions.literal(r.dtype, empty(r))
        return body.assign(f"select i1 {none}, {self.element} {zero}, {self.element} {total}")
