"""Evaluating scalar expressions inside loops: each is written once, in the outermost loop that it varies with.

Where all lanes of all iterations choose alike, what is long is not computed only to be thrown away: that is a branch.

A scope is a loop level: the iteration variables known there, whether one of them runs along vector lanes, and the
values computed so far. It knows no schedule: `codegen/kernel.py` opens the scopes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.scalar import RARE, Scalar, extent
from ..ir.types import Extent
from . import instructions
from .affine import Affine, affine
from .body import Anchor, Body
from .branching import Branching
from .climbing import climbs
from .instructions import llvm_type
from .nest import Nest, Store

_DEEPEST: Final = 16
"""Branches in one another; choices further inside are selects."""
_LONG_ROW: Final = 4
"""So many vectors in a row, and few of them lie across an edge."""


class Scope:
    """One loop level.

    Attributes:
        lanes: 0 for a scalar level, else the number of vector lanes.
        iters: names of the iteration variables' i64 values; along lanes: of the first lane's.
        vector: the variable that runs along the lanes.
        mask: a vector of i1 that says which lanes are real, or None when all are.
        reduced: how a `reduce` scalar is read here, for reductions that were computed row by row.
        anchor: where values of this level are written; None for the innermost, which is written in place.
        homes: the levels of expressions by the variables that they vary with, as far as they were asked for.
    """

    __slots__ = ("anchor", "homes", "iters", "lanes", "mask", "memo", "parent", "reduced", "splats", "vector")

    def __init__(
        self,
        parent: Scope | None,
        iters: dict[int, str],
        lanes: int = 0,
        vector: int | None = None,
        mask: str | None = None,
        anchor: Anchor | None = None,
    ) -> None:
        self.parent = parent
        self.iters: dict[int, str] = iters if parent is None else {**parent.iters, **iters}
        self.lanes = lanes
        self.vector = vector
        self.mask = mask
        self.anchor = anchor
        self.memo: dict[Scalar, str] = {}
        self.homes: dict[frozenset[int], Scope] = {}
        self.splats: dict[tuple[Scalar, int], str] = {}
        self.reduced: dict[Scalar, Callable[[Scope], str]] = {} if parent is None else parent.reduced


class Evaluator:
    """Writes expressions of one nest into one function.

    Attributes:
        pointers: names of the buffers' pointers by number.
        sizes: names of symbol sizes (i64) by symbol.
        status: the i64 stack slot that a failing check writes to.
        kept: expressions of the innermost loop whose values for the whole row lie in a stack slot already.
    """

    def __init__(
        self,
        body: Body,
        nest: Nest,
        pointers: dict[int, str],
        sizes: dict[str, str],
        first_check: int,
        reduce: Callable[[Scalar, Scope], str],
    ) -> None:
        self.body = body
        self.nest = nest
        self.pointers = pointers
        self.sizes = sizes
        self.first_check = first_check
        self.status: str | None = None
        self.kept: dict[Scalar, str] = {}
        self._reduce = reduce
        self._branching = Branching(nest)
        self._climbing: dict[tuple[Scalar, int], bool] = {}
        self._depth = 0

    def size(self, value: Extent, scope: Scope) -> str:
        """An extent as an i64 operand: digits when it is known."""
        return str(value) if isinstance(value, int) else self.value(extent(value), scope)

    def home(self, expr: Scalar, scope: Scope) -> Scope:
        """The outermost level where everything that `expr` varies with is known."""
        free = self.nest.free(expr)
        found = scope.homes.get(free)
        if found is None:
            found = scope
            while found.parent is not None and free <= found.parent.iters.keys():
                found = found.parent
            scope.homes[free] = found
        return found

    def value(self, expr: Scalar, scope: Scope) -> str:
        """The operand that holds `expr` at `scope`: a vector when the scope has lanes."""
        stack = [expr]
        while stack:
            top = stack[-1]
            home = self.home(top, scope)
            if top in home.memo:
                stack.pop()
                continue
            pending = [a for a in self._needs(top, home) if a not in self.home(a, scope).memo]
            if pending:
                stack.extend(reversed(pending))
                continue
            if home.anchor is None:
                home.memo[top] = self._write(top, home)
            else:
                with self.body.at(home.anchor):
                    home.memo[top] = self._write(top, home)
            stack.pop()
        return self._fetch(expr, scope)

    def _needs(self, expr: Scalar, home: Scope) -> tuple[Scalar, ...]:
        if expr in self.kept and home.lanes:
            return ()
        if expr.prim in ("const", "iter", "size", "reduce"):
            return ()
        if expr.prim == "load":
            form = affine(expr.args[0])
            if self._unit_stride(form, home):
                return (self._base(form, home),)
            return () if self._may_be_together(expr, home) else expr.args
        return self._before(expr, home) or expr.args

    def _fetch(self, expr: Scalar, scope: Scope) -> str:
        home = self.home(expr, scope)
        held = home.memo[expr]
        if not scope.lanes or home.lanes:
            return held
        if expr.prim == "const":
            return instructions.literal(expr.dtype, expr.payload, scope.lanes)
        key = (expr, scope.lanes)
        wide = home.splats.get(key)
        if wide is None:
            if home.anchor is None:
                wide = instructions.splat(self.body, expr.dtype, held, scope.lanes)
            else:
                with self.body.at(home.anchor):
                    wide = instructions.splat(self.body, expr.dtype, held, scope.lanes)
            home.splats[key] = wide
        return wide

    def _write(self, expr: Scalar, scope: Scope) -> str:
        if expr.prim == "const":
            return instructions.literal(expr.dtype, expr.payload, scope.lanes)
        if expr.prim == "size":
            assert isinstance(expr.payload, str)
            return self.sizes[expr.payload]
        if expr.prim == "iter":
            assert isinstance(expr.payload, int)
            return self._iteration(expr.payload, scope)
        if expr in self.kept and scope.lanes:
            assert scope.vector is not None
            element = llvm_type(expr.dtype, 0, memory=True)
            index = scope.iters[scope.vector]
            place = self.body.assign(f"getelementptr {element}, ptr {self.kept[expr]}, i64 {index}")
            return self._read(expr.dtype, place, True, scope)
        if expr.prim == "load":
            return self._load(expr, scope)
        if expr.prim == "reduce":
            row = scope.reduced.get(expr)
            return row(scope) if row is not None else self._reduced(expr, scope)
        if self._before(expr, scope):
            return self._branched(expr, scope)
        args = [self._fetch(a, scope) for a in expr.args]
        if expr.prim == "check":
            assert isinstance(expr.payload, int)
            self._check(args[1], args[2], expr.payload, scope)
            return args[0]
        kinds = [a.dtype for a in expr.args]
        return instructions.emit(self.body, expr.prim, expr.dtype, kinds, args, scope.lanes, expr.payload)

    def _before(self, expr: Scalar, home: Scope) -> tuple[Scalar, ...] | None:
        """What is needed before an expression that is written as a branch; None for one that is not."""
        if expr.prim not in ("select", "rarely") or not home.lanes or self.home(expr.args[0], home).lanes:
            return None
        return self._branching.before(expr) if self._depth < _DEEPEST else None

    def _branched(self, expr: Scalar, scope: Scope) -> str:
        condition, *sides = expr.args
        if expr.prim == "rarely":
            assert isinstance(expr.payload, str)
            sides = [RARE[expr.payload](*sides[1:]), sides[0]]
        home = self.home(condition, scope)
        with self.body.if_(home.memo[condition]) as branch:
            yes = self._side(sides[0], scope)
            branch.otherwise()
            no, last = self._side(sides[1], scope), self.body.block
        kind = llvm_type(expr.dtype, scope.lanes)
        return self.body.assign(f"phi {kind} [ {yes}, %{branch.taken} ], [ {no}, %{last} ]")

    def _side(self, expr: Scalar, scope: Scope) -> str:
        """The value of one side of a branch; what was written for it is not known outside of it."""
        outside, scope.memo, scope.splats = (scope.memo, scope.splats), dict(scope.memo), dict(scope.splats)
        self._depth += 1
        try:
            return self.value(expr, scope)
        finally:
            self._depth -= 1
            scope.memo, scope.splats = outside

    def _reduced(self, expr: Scalar, scope: Scope) -> str:
        """Write a reduction; what its loops need of this level is written before them."""
        outer, scope.anchor = scope.anchor, self.body.anchor()
        try:
            return self._reduce(expr, scope)
        finally:
            scope.anchor = outer

    def _iteration(self, number: int, scope: Scope) -> str:
        name = scope.iters[number]
        if number != scope.vector:
            return name
        wide = instructions.splat(self.body, dtypes.int64, name, scope.lanes)
        steps = ", ".join(f"i64 {k}" for k in range(scope.lanes))
        return self.body.assign(f"add <{scope.lanes} x i64> {wide}, <{steps}>")

    def _unit_stride(self, form: Affine, scope: Scope) -> bool:
        """Whether consecutive lanes read consecutive elements."""
        if not scope.lanes or scope.vector is None or form.iters.get(scope.vector, 0) != 1:
            return False
        return not any(scope.vector in self.nest.free(t) for t in form.terms)

    def _base(self, form: Affine, scope: Scope) -> Scalar:
        return Affine({i: f for i, f in form.iters.items() if i != scope.vector}, form.terms, form.offset).scalar()

    def _address(self, dtype: DType, buffer: int, form: Affine, address: Scalar, scope: Scope) -> tuple[str, bool]:
        """A pointer to consecutive elements and True, or pointers per lane (one when scalar) and False."""
        element = llvm_type(dtype, 0, memory=True)
        pointer = self.pointers[buffer]
        if self._unit_stride(form, scope):
            assert scope.vector is not None
            outer_expr = self._base(form, scope)
            outer = self.home(outer_expr, scope).memo[outer_expr]
            index = self.body.assign(f"add i64 {outer}, {scope.iters[scope.vector]}")
            return self.body.assign(f"getelementptr {element}, ptr {pointer}, i64 {index}"), True
        index = self._fetch(address, scope)
        kind = llvm_type(dtypes.int64, scope.lanes)
        return self.body.assign(f"getelementptr {element}, ptr {pointer}, {kind} {index}"), False

    def _load(self, expr: Scalar, scope: Scope) -> str:
        assert isinstance(expr.payload, int)
        address = expr.args[0]
        if self._may_be_together(expr, scope):
            return self._asked(expr, scope)
        where, together = self._address(expr.dtype, expr.payload, affine(address), address, scope)
        return self._read(expr.dtype, where, together, scope)

    def _may_be_together(self, load: Scalar, scope: Scope) -> bool:
        """Whether lanes mostly lie side by side, which their first and last address tell."""
        if not scope.lanes or scope.vector is None or scope.parent is None or self._depth >= _DEEPEST:
            return False
        key, n = (load, scope.vector), self.nest.extents[scope.vector]
        if isinstance(n, int) and n < _LONG_ROW * scope.lanes:
            return False
        if key not in self._climbing:
            constant = affine(load.args[0]).iters.get(scope.vector, 0) == 0
            self._climbing[key] = constant and climbs(self.nest, load.args[0], scope.vector)
        return self._climbing[key]

    def _asked(self, load: Scalar, scope: Scope) -> str:
        """Lanes that are read at once where they lie side by side, else each by itself."""
        assert scope.vector is not None and isinstance(load.payload, int)
        first, (address,) = scope.iters[scope.vector], load.args
        last = self.body.assign(f"add i64 {first}, {scope.lanes - 1}")
        ends = [self.value(address, Scope(scope.parent, {scope.vector: at})) for at in (first, last)]
        far = self.body.assign(f"sub i64 {ends[1]}, {ends[0]}")
        element, pointer = llvm_type(load.dtype, 0, memory=True), self.pointers[load.payload]
        with self.body.if_(self.body.assign(f"icmp eq i64 {far}, {scope.lanes - 1}")) as branch:
            where = self.body.assign(f"getelementptr {element}, ptr {pointer}, i64 {ends[0]}")
            yes = self._read(load.dtype, where, True, scope)
            branch.otherwise()
            places = f"{llvm_type(dtypes.int64, scope.lanes)} {self._side(address, scope)}"
            where = self.body.assign(f"getelementptr {element}, ptr {pointer}, {places}")
            no, end = self._read(load.dtype, where, False, scope), self.body.block
        kind = llvm_type(load.dtype, scope.lanes)
        return self.body.assign(f"phi {kind} [ {yes}, %{branch.taken} ], [ {no}, %{end} ]")

    def _read(self, dtype: DType, where: str, together: bool, scope: Scope) -> str:
        kind, lanes, size = llvm_type(dtype, scope.lanes, memory=True), scope.lanes, dtype.itemsize
        if lanes and (scope.mask is not None or not together):
            name, pointers = ("load", "ptr") if together else ("gather", f"<{lanes} x ptr>")
            symbol = f"@llvm.masked.{name}.{_suffix(dtype, lanes, together)}"
            self.body.declare(f"declare {kind} {symbol}({pointers}, i32, <{lanes} x i1>, {kind})")
            held = self.body.assign(
                f"call {kind} {symbol}({pointers} {where}, i32 {size}, "
                f"<{lanes} x i1> {scope.mask or _ALL}, {kind} zeroinitializer)"
            )
        else:
            held = self.body.assign(f"load {kind}, ptr {where}, align {size}")
        return instructions.from_memory(self.body, dtype, held, lanes)

    def store(self, to: Store, scope: Scope) -> None:
        """Write one element, or one per lane."""
        address, lanes = to.address, scope.lanes
        value = self.value(to.value, scope)
        form = affine(address)
        self.value(self._base(form, scope) if self._unit_stride(form, scope) else address, scope)
        if to.guard is None:
            self._put(to, value, scope)
            return
        guard = self.value(to.guard, scope)
        if not lanes:
            with self.body.if_(guard):
                self._put(to, value, scope)
            return
        whole = scope.mask
        scope.mask = guard if whole is None else self.body.assign(f"and <{lanes} x i1> {guard}, {whole}")
        self._put(to, value, scope)
        scope.mask = whole

    def _put(self, to: Store, value: str, scope: Scope) -> None:
        dtype, lanes = self.nest.dtypes[to.buffer], scope.lanes
        where, together = self._address(dtype, to.buffer, affine(to.address), to.address, scope)
        if to.combine is not None:
            there = self._read(dtype, where, together, scope)
            value = instructions.emit(self.body, to.combine, dtype, (dtype, dtype), (there, value), lanes, None)
        held = instructions.to_memory(self.body, dtype, value, lanes)
        kind, size = llvm_type(dtype, lanes, memory=True), dtype.itemsize
        if lanes and (scope.mask is not None or not together):
            name, pointers = ("store", "ptr") if together else ("scatter", f"<{lanes} x ptr>")
            symbol = f"@llvm.masked.{name}.{_suffix(dtype, lanes, together)}"
            self.body.declare(f"declare void {symbol}({kind}, {pointers}, i32, <{lanes} x i1>)")
            mask = f"<{lanes} x i1> {scope.mask or _ALL}"
            self.body.emit(f"call void {symbol}({kind} {held}, {pointers} {where}, i32 {size}, {mask})")
        else:
            self.body.emit(f"store {kind} {held}, ptr {where}, align {size}")

    def _check(self, ok: str, report: str, number: int, scope: Scope) -> None:
        body, lanes = self.body, scope.lanes
        assert self.status is not None
        bits = ""
        if not lanes:
            failed = body.assign(f"xor i1 {ok}, true")
        else:
            bad = body.assign(f"xor <{lanes} x i1> {ok}, splat (i1 true)")
            if scope.mask is not None:
                bad = body.assign(f"and <{lanes} x i1> {bad}, {scope.mask}")
            bits = body.assign(f"bitcast <{lanes} x i1> {bad} to i{lanes}")
            failed = body.assign(f"icmp ne i{lanes} {bits}, 0")
        with body.if_(failed):
            if lanes:
                body.declare(f"declare i{lanes} @llvm.cttz.i{lanes}(i{lanes}, i1)")
                lane = body.assign(f"call i{lanes} @llvm.cttz.i{lanes}(i{lanes} {bits}, i1 true)")
                report = body.assign(f"extractelement <{lanes} x i64> {report}, i{lanes} {lane}")
            shifted = body.assign(f"shl i64 {report}, 16")
            code = body.assign(f"or i64 {shifted}, {self.first_check + number + 1}")
            body.emit(f"store i64 {code}, ptr {self.status}")


_ALL = "splat (i1 true)"


def _suffix(dtype: DType, lanes: int, together: bool) -> str:
    """The types in the names of masked memory intrinsics."""
    return f"v{lanes}{instructions.mangled(dtype, memory=True)}.{'' if together else f'v{lanes}'}p0"
