"""Writing a nest, as its schedule says, as one LLVM function.

The function is `i64 name(ptr bufs, i64 lo, i64 hi)`: it runs tasks lo .. hi-1 of the nest and returns 0, or the status
of a failed check. A task is a block of the outermost loop, so tasks may run in any order and on any thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..ir.scalar import Scalar
from .affine import renamed
from .body import Body
from .columns import ColumnReducer
from .instructions import llvm_type
from .lower import single_loops
from .nest import Nest
from .order import LANES
from .reduce import RowReducer, size_of
from .scan import ScanWriter
from .schedule import Schedule
from .scope import Evaluator, Scope

_LONG = 60
_KEEP = 8
_LONGEST_ROW = 8192


class KernelWriter:
    """Writes one nest as one function."""

    def __init__(
        self,
        nest: Nest,
        plan: Schedule,
        declares: dict[str, None],
        *,
        numbers: Mapping[int, int] | None = None,
        first_check: int = 0,
        symbols: Sequence[str] = (),
        sizes_buffer: int | None = None,
        width: int = 16,
        has_f16: bool = False,
    ) -> None:
        """A writer.

        Args:
            nest, plan, declares: what is written, how, and the `declare` lines that gather in its module.
            numbers: for each buffer of the nest its entry in `bufs`; the same number by default.
            first_check: number of the nest's first check in its program.
            symbols, sizes_buffer: the names of the sizes, and the entry in `bufs` that points to them.
            width: bytes of a vector register.
            has_f16: whether the target converts float16 by instructions.
        """
        nest = single_loops(nest) if plan.columns and not nest.scans else nest
        self.nest = nest
        self.plan = plan
        self.body = Body(declares, has_f16)
        self.symbols = symbols
        self.width = width
        self.numbers = numbers
        self.sizes_buffer = sizes_buffer
        self.evaluator = Evaluator(self.body, nest, {}, {}, first_check, self._reduce)
        self._rows = RowReducer(self.evaluator)

    def _reduce(self, expr: Scalar, scope: Scope) -> str:
        return self._rows.reduce(expr, scope)

    def write(self, name: str, attributes: str = "") -> str:
        """The function's definition."""
        body, nest = self.body, self.nest
        for number in sorted(nest.dtypes):
            entry = number if self.numbers is None else self.numbers[number]
            slot = body.assign(f"getelementptr ptr, ptr %bufs, i64 {entry}")
            self.evaluator.pointers[number] = body.assign(f"load ptr, ptr {slot}", "buf")
        if self.symbols:
            slot = body.assign(f"getelementptr ptr, ptr %bufs, i64 {self.sizes_buffer}")
            sizes = body.assign(f"load ptr, ptr {slot}", "sizes")
            for k, symbol in enumerate(self.symbols):
                place = body.assign(f"getelementptr i64, ptr {sizes}, i64 {k}")
                self.evaluator.sizes[symbol] = body.assign(f"load i64, ptr {place}", "size")
        checked = any(e.prim == "check" for e in nest.walk())
        if checked:
            self.evaluator.status = body.alloca("i64", 1, 8)
            body.emit(f"store i64 0, ptr {self.evaluator.status}")
        self._keep_rows()
        root = Scope(None, {}, anchor=body.anchor())
        if nest.scans:
            ScanWriter(self.evaluator, self.plan.lanes, self.plan.block, self.plan.columns).write(root)
        elif nest.domain:
            self._outermost(root)
        else:
            self._stores(root)
        result = body.assign(f"load i64, ptr {self.evaluator.status}") if checked else "0"
        body.emit(f"ret i64 {result}")
        return body.function(f"internal i64 @{name}(ptr %bufs, i64 %lo, i64 %hi)", attributes)

    def _keep_rows(self) -> None:
        """Keep costly terms of a row's reductions where the loop over the same row needs them again."""
        nest, last = self.nest, len(self.nest.domain) - 1
        if last < 0 or not self.plan.lanes or self.plan.columns:
            return
        used = set(nest.walk())
        for r in nest.reductions:
            n = nest.extents[r.iters[0]] if len(r.iters) == 1 else 0
            if not isinstance(n, int) or n != nest.domain[last] or n > _LONGEST_ROW or last in nest.free(r.body):
                continue
            again = renamed(r.body, {r.iters[0]: last})
            if again in used and size_of(again) >= _KEEP:
                slot = self.body.alloca(llvm_type(r.body.dtype, memory=True), -(-n // LANES) * LANES)
                self.evaluator.kept[again] = slot
                self._rows.kept[r] = slot

    def _size(self, number: int, root: Scope) -> str:
        return self.evaluator.size(self.nest.domain[number], root)

    def _outermost(self, root: Scope) -> None:
        body, rank, block = self.body, len(self.nest.domain), self.plan.block
        size = self._size(0, root)
        if rank == 1:
            start = body.assign(f"mul i64 %lo, {block}")
            end = body.assign(f"mul i64 %hi, {block}")
            less = body.assign(f"icmp slt i64 {end}, {size}")
            stop = body.assign(f"select i1 {less}, i64 {end}, i64 {size}")
            self._innermost(root, 0, start, stop)
            return
        with body.loop("%lo", "%hi") as outer:
            self._inside(Scope(root, {0: outer.index}, anchor=body.anchor()), 1)

    def _inside(self, scope: Scope, number: int) -> None:
        size = self._size(number, scope)
        if number == len(self.nest.domain) - 1:
            self._innermost(scope, number, "0", size)
            return
        with self.body.loop(0, size) as loop:
            self._inside(Scope(scope, {number: loop.index}, anchor=self.body.anchor()), number + 1)

    def _innermost(self, scope: Scope, number: int, start: str, stop: str) -> None:
        lanes = self.plan.lanes
        if self.plan.columns:
            self._column_blocks(scope, number, start, stop)
        elif lanes:
            self._vectors(scope, number, start, stop)
        else:
            with self.body.loop(start, stop) as loop:
                self._stores(Scope(scope, {number: loop.index}, anchor=self.body.anchor()))

    def _vectors(self, scope: Scope, number: int, start: str, stop: str) -> None:
        body, lanes = self.body, self.plan.lanes
        if self._ends_whole():
            full = stop
        elif start.isdigit() and stop.isdigit():
            full = str(int(start) + (int(stop) - int(start)) // lanes * lanes)
        else:
            length = body.assign(f"sub i64 {stop}, {start}")
            whole = body.assign(f"and i64 {length}, {-lanes}")
            full = body.assign(f"add i64 {start}, {whole}")
        self._prepare(scope)
        if self._in_one_loop():
            full = start
        if full != start:
            with body.loop(start, full, lanes) as loop:
                self._stores(Scope(scope, {number: loop.index}, lanes, number))
        if full != stop:
            with body.loop(full, stop, lanes) as loop:
                left = body.assign(f"sub i64 {stop}, {loop.index}")
                kind = f"<{lanes} x i64>"
                one = body.assign(f"insertelement {kind} poison, i64 {left}, i64 0")
                wide = body.assign(f"shufflevector {kind} {one}, {kind} poison, <{lanes} x i32> zeroinitializer")
                steps = ", ".join(f"i64 {k}" for k in range(lanes))
                mask = body.assign(f"icmp sgt {kind} {wide}, <{steps}>")
                self._stores(Scope(scope, {number: loop.index}, lanes, number, mask))

    def _ends_whole(self) -> bool:
        """Whether every block of the last loop is a whole number of vectors, so that nothing is masked."""
        last, plan = self.nest.domain[-1], self.plan
        blocks = (plan.columns, plan.block if len(self.nest.domain) == 1 else 0)
        return isinstance(last, int) and not any(n % plan.lanes for n in (last, *blocks))

    def _in_one_loop(self) -> bool:
        """Whether all vectors are masked: long code is not worth a second copy where masks are cheap."""
        if self.width < 64:
            return False
        return not self._ends_whole() and sum(size_of(s.value) for s in self.nest.stores) > _LONG

    def _prepare(self, scope: Scope) -> None:
        """Compute the reductions that later levels read, so that none is first met in a loop that may not run."""
        for expr in self.nest.walk():
            if expr.prim == "reduce" and self.nest.free(expr) <= scope.iters.keys():
                self.evaluator.value(expr, scope)

    def _column_blocks(self, scope: Scope, number: int, start: str, stop: str) -> None:
        body = self.body
        width = self.plan.columns
        reducer = ColumnReducer(self.evaluator, number, width, self.plan.lanes)
        self._prepare(scope)
        with body.loop(start, stop, width) as block:
            end = body.assign(f"add i64 {block.index}, {width}")
            less = body.assign(f"icmp slt i64 {end}, {stop}")
            reducer.start = block.index
            reducer.stop = body.assign(f"select i1 {less}, i64 {end}, i64 {stop}")
            inner = Scope(scope, {}, anchor=body.anchor())
            inner.reduced = dict(scope.reduced)
            for expr in self.nest.walk():
                if expr.prim == "reduce" and number in self.nest.free(expr):
                    reducer.reduce(expr, inner)
            self._vectors(inner, number, reducer.start, reducer.stop)

    def _stores(self, scope: Scope) -> None:
        for store in self.nest.stores:
            self.evaluator.value(store.value, scope)
        for store in self.nest.stores:
            self.evaluator.store(store, scope)

