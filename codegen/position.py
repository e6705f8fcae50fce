"""The index of a row's first largest or smallest element: each lane keeps its best element and in which vector it was.

Only what is strictly beyond replaces a lane's best, so the first of equal ones stays, and NaN, which counts as
beyond all, never gets in: whether there was one is followed beside, and then a second pass finds the first.
"""

from __future__ import annotations

from collections.abc import Callable

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.op import Combine
from . import instructions
from .body import Body
from .instructions import llvm_type
from .order import LANES, beyond, combined, farthest, halved, identity

Term = Callable[[str, str | None], str]
"""Writes the elements at an index, under a mask or None; absent ones are the identity."""

_LAST = (1 << 63) - 1
_LAST_VECTOR = (1 << 31) - 1


class Position:
    """Writes the loops over one row.

    Attributes:
        combine: ARGMAX or ARGMIN.
        dtype: of the elements.
    """

    def __init__(self, body: Body, combine: Combine, dtype: DType) -> None:
        self.body = body
        self.combine = combine
        self.greatest = combine is Combine.ARGMAX
        self.dtype = dtype
        self.kind = llvm_type(dtype, LANES)
        self.mask = f"<{LANES} x i1>"
        self.indices = f"<{LANES} x i64>"

    def over(self, size: str, unroll: int, term: Term, mask: Callable[[str], str]) -> str:
        """The index over [0, size), as an i64."""
        if size.isdigit() and int(size) <= LANES:
            return self._in_one(term("0", None if size == str(LANES) else mask("0")))
        body, step = self.body, LANES * unroll
        best = instructions.literal(self.dtype, identity(self.combine, self.dtype), LANES)
        kinds = (self.kind, f"<{LANES} x i32>")
        state: tuple[str, ...] = (best, "zeroinitializer") * unroll
        nan = "zeroinitializer"
        whole = str(int(size) // step * step) if size.isdigit() else body.assign(f"and i64 {size}, {-step}")
        if whole != "0":
            carried = [*zip(kinds * unroll, state, strict=True), (self.mask, nan)]
            with body.loop(0, whole, step, carried=carried) as many:
                following: list[str] = []
                terms: list[str] = []
                for k in range(unroll):
                    index = body.assign(f"add i64 {many.index}, {k * LANES}") if k else many.index
                    terms.append(term(index, None))
                    following += self._step(many.values[2 * k : 2 * k + 2], terms[-1], index)
                many.next([*following, self._any_nan(many.values[-1], terms)])
            state, nan = many.results[:-1], many.results[-1]
        if whole != size:
            carried = [*zip(kinds, state[:2], strict=True), (self.mask, nan)]
            with body.loop(whole, size, LANES, carried=carried) as rest:
                held = term(rest.index, mask(rest.index))
                rest.next([*self._step(rest.values[:2], held, rest.index), self._any_nan(rest.values[2], [held])])
            state, nan = (*rest.results[:2], *state[2:]), rest.results[2]
        found = self._first_of(state)
        return found if not self.dtype.is_float else self._or_first_nan(found, nan, size, term, mask)

    def _step(self, state: tuple[str, ...], held: str, index: str) -> tuple[str, str]:
        body = self.body
        best, where = state
        prim = "gt" if self.greatest else "lt"
        beyond = instructions.emit(body, prim, dtypes.bool_, (self.dtype, self.dtype), (held, best), LANES, None)
        number = body.assign(f"trunc i64 {body.assign(f'lshr i64 {index}, 4')} to i32")
        wide = instructions.splat(body, dtypes.int32, number, LANES)
        return (
            body.assign(f"select {self.mask} {beyond}, {self.kind} {held}, {self.kind} {best}"),
            body.assign(f"select {self.mask} {beyond}, <{LANES} x i32> {wide}, <{LANES} x i32> {where}"),
        )

    def _any_nan(self, before: str, terms: list[str]) -> str:
        """Whether a lane saw a NaN; one comparison tells it of two vectors."""
        body = self.body
        if not self.dtype.is_float:
            return before
        for a, b in zip(terms[::2], [*terms[1::2], terms[-1]] if len(terms) % 2 else terms[1::2], strict=True):
            odd = body.assign(f"fcmp uno {self.kind} {a}, {b}")
            before = body.assign(f"or {self.mask} {before}, {odd}")
        return before

    def _first_of(self, state: tuple[str, ...]) -> str:
        """The least index among the lanes that hold the best of all."""
        body = self.body
        best = state[0]
        for other in state[2::2]:
            best = beyond(body, self.greatest, self.dtype, best, other, LANES)
        extreme = instructions.splat(body, self.dtype, farthest(body, self.greatest, self.dtype, best, LANES), LANES)
        vectors = f"<{LANES} x i32>"
        least = none = instructions.literal(dtypes.int32, _LAST_VECTOR, LANES)
        for held, where in zip(state[::2], state[1::2], strict=True):
            chosen = self._equal(held, extreme)
            candidate = body.assign(f"select {self.mask} {chosen}, {vectors} {where}, {vectors} {none}")
            least = combined(body, Combine.MIN, dtypes.int32, least, candidate, LANES)
        # The first element lies in the first vector that has one, and there in the lowest lane.
        number = halved(body, Combine.MIN, dtypes.int32, least, LANES)
        there = body.assign(f"icmp eq {vectors} {least}, {instructions.splat(body, dtypes.int32, number, LANES)}")
        first = body.assign(f"shl i64 {body.assign(f'zext i32 {number} to i64')}, 4")
        return body.assign(f"add i64 {first}, {self._lowest(there)}")

    def _lowest(self, chosen: str) -> str:
        """The lowest lane that is chosen, as an i64."""
        body = self.body
        bits = body.assign(f"bitcast {self.mask} {chosen} to i{LANES}")
        body.declare(f"declare i{LANES} @llvm.cttz.i{LANES}(i{LANES}, i1)")
        lane = body.assign(f"call i{LANES} @llvm.cttz.i{LANES}(i{LANES} {bits}, i1 false)")
        return body.assign(f"zext i{LANES} {lane} to i64")

    def _equal(self, a: str, b: str) -> str:
        return instructions.emit(self.body, "eq", dtypes.bool_, (self.dtype, self.dtype), (a, b), LANES, None)

    def _less(self, least: str, index: str, chosen: str) -> str:
        body = self.body
        smaller = body.assign(f"icmp slt {self.indices} {index}, {least}")
        both = body.assign(f"and {self.mask} {smaller}, {chosen}")
        return body.assign(f"select {self.mask} {both}, {self.indices} {index}, {self.indices} {least}")

    def _or_first_nan(self, found: str, nan: str, size: str, term: Term, mask: Callable[[str], str]) -> str:
        body = self.body
        slot = body.alloca("i64", 1, 8)
        body.emit(f"store i64 {found}, ptr {slot}")
        seen = body.assign(f"bitcast {self.mask} {nan} to i{LANES}")
        some = body.assign(f"icmp ne i{LANES} {seen}, 0")
        with body.if_(some):
            last = instructions.literal(dtypes.int64, _LAST, LANES)
            with body.loop(0, size, LANES, carried=[(self.indices, last)]) as each:
                held = term(each.index, mask(each.index))
                odd = body.assign(f"fcmp uno {self.kind} {held}, {held}")
                steps = ", ".join(f"i64 {k}" for k in range(LANES))
                first = instructions.splat(body, dtypes.int64, each.index, LANES)
                index = body.assign(f"add {self.indices} {first}, <{steps}>")
                each.next([self._less(each.values[0], index, odd)])
            body.emit(f"store i64 {halved(body, Combine.MIN, dtypes.int64, each.results[0], LANES)}, ptr {slot}")
        return body.assign(f"load i64, ptr {slot}")

    def _in_one(self, held: str) -> str:
        """The index in a single vector: the first lane that equals the best, or the first NaN."""
        body = self.body
        extreme = instructions.splat(body, self.dtype, farthest(body, self.greatest, self.dtype, held, LANES), LANES)
        chosen = self._equal(held, extreme)
        if self.dtype.is_float:
            odd = body.assign(f"fcmp uno {self.kind} {held}, {held}")
            some = body.assign(f"icmp ne i{LANES} {body.assign(f'bitcast {self.mask} {odd} to i{LANES}')}, 0")
            chosen = body.assign(f"select i1 {some}, {self.mask} {odd}, {self.mask} {chosen}")
        return self._lowest(chosen)
