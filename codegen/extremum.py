"""The largest or smallest float of a row, fast: NaN and the sign of zero are followed beside the comparison.

`maximum` with NaN and -0 < +0 is several instructions a vector; the plain comparison is one. So a lane keeps the best
by comparison, whether it saw a NaN, and the sign bits that it saw: a largest element that is zero is +0 unless all
signs were set, a smallest one is -0 if any was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.op import Combine
from . import instructions
from .body import Body
from .instructions import llvm_type
from .order import beyond, farthest

_BITS = {"float32": dtypes.int32, "float64": dtypes.int64}

Term = Callable[[str, str | None], str]
"""Writes the elements at an index, under a mask or None; absent ones are the identity."""


class Extremum:
    """Writes the loops over one row.

    Attributes:
        combine: MAX or MIN.
        lanes: vector lanes.
    """

    def __init__(self, body: Body, combine: Combine, dtype: DType, lanes: int) -> None:
        self.body = body
        self.combine = combine
        self.dtype = dtype
        self.lanes = lanes
        self.bits = _BITS[dtype.name]
        self.kinds = (llvm_type(dtype, lanes), f"<{lanes} x i1>", llvm_type(self.bits, lanes))
        self.prim = "gt" if combine is Combine.MAX else "lt"
        self.join = "and" if combine is Combine.MAX else "or"

    def start(self, identity: float) -> tuple[str, str, str]:
        """The state before any element."""
        signs = instructions.literal(self.bits, -1 if self.combine is Combine.MAX else 0, self.lanes)
        return instructions.literal(self.dtype, identity, self.lanes), "zeroinitializer", signs

    def step(self, state: tuple[str, ...], term: str) -> tuple[str, str, str]:
        """The state after one more vector."""
        body, (kind, mask, integers) = self.body, self.kinds
        best, nan, signs = state
        beyond = body.assign(f"fcmp o{self.prim} {kind} {term}, {best}")
        odd = body.assign(f"fcmp uno {kind} {term}, {term}")
        raw = body.assign(f"bitcast {kind} {term} to {integers}")
        return (
            body.assign(f"select {mask} {beyond}, {kind} {term}, {kind} {best}"),
            body.assign(f"or {mask} {nan}, {odd}"),
            body.assign(f"{self.join} {integers} {signs}, {raw}"),
        )

    def together(self, terms: Sequence[str]) -> str:
        """The extremum of several vectors, lane by lane."""
        body, (kind, mask, integers) = self.body, self.kinds
        best, signs, nan = terms[0], body.assign(f"bitcast {kind} {terms[0]} to {integers}"), "zeroinitializer"
        for term in terms[1:]:
            best = beyond(body, self.combine is Combine.MAX, self.dtype, best, term, self.lanes)
            raw = body.assign(f"bitcast {kind} {term} to {integers}")
            signs = body.assign(f"{self.join} {integers} {signs}, {raw}")
        for a, b in zip(terms[::2], [*terms[1::2], terms[-1]], strict=False):
            nan = body.assign(f"or {mask} {nan}, {body.assign(f'fcmp uno {kind} {a}, {b}')}")
        lowest = instructions.literal(self.bits, -(1 << self.bits.bits - 1), self.lanes)
        sign = body.assign(f"and {integers} {signs}, {lowest}")
        zero = body.assign(f"bitcast {integers} {sign} to {kind}")
        is_zero = body.assign(f"fcmp oeq {kind} {best}, zeroinitializer")
        real = body.assign(f"select {mask} {is_zero}, {kind} {zero}, {kind} {best}")
        odd = instructions.literal(self.dtype, float("nan"), self.lanes)
        return body.assign(f"select {mask} {nan}, {kind} {odd}, {kind} {real}")

    def joined(self, a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, str, str]:
        """Two states as one."""
        body, (kind, mask, integers) = self.body, self.kinds
        beyond = body.assign(f"fcmp o{self.prim} {kind} {b[0]}, {a[0]}")
        return (
            body.assign(f"select {mask} {beyond}, {kind} {b[0]}, {kind} {a[0]}"),
            body.assign(f"or {mask} {a[1]}, {b[1]}"),
            body.assign(f"{self.join} {integers} {a[2]}, {b[2]}"),
        )

    def result(self, state: tuple[str, ...]) -> str:
        """The one value that a state stands for."""
        body, dtype, lanes = self.body, self.dtype, self.lanes
        scalar_kind, bits = llvm_type(dtype), llvm_type(self.bits)
        best = farthest(body, self.combine is Combine.MAX, dtype, state[0], lanes)
        wide = f"v{lanes}{instructions.mangled(self.bits)}"
        body.declare(f"declare {bits} @llvm.vector.reduce.{self.join}.{wide}({self.kinds[2]})")
        signs = body.assign(f"call {bits} @llvm.vector.reduce.{self.join}.{wide}({self.kinds[2]} {state[2]})")
        sign = body.assign(f"and {bits} {signs}, {-(1 << self.bits.bits - 1)}")
        zero = body.assign(f"bitcast {bits} {sign} to {scalar_kind}")
        is_zero = body.assign(f"fcmp oeq {scalar_kind} {best}, {instructions.literal(dtype, 0.0)}")
        real = body.assign(f"select i1 {is_zero}, {scalar_kind} {zero}, {scalar_kind} {best}")
        seen = body.assign(f"bitcast {self.kinds[1]} {state[1]} to i{lanes}")
        any_nan = body.assign(f"icmp ne i{lanes} {seen}, 0")
        return body.assign(
            f"select i1 {any_nan}, {scalar_kind} {instructions.literal(dtype, float('nan'))}, {scalar_kind} {real}"
        )

    def over(self, size: str, unroll: int, identity: float, term: Term, mask: Callable[[str], str]) -> str:
        """The extremum over [0, size): `unroll` vectors at a time, then masked ones."""
        body, step = self.body, self.lanes * unroll
        whole = str(int(size) // step * step) if size.isdigit() else body.assign(f"and i64 {size}, {-step}")
        state: tuple[str, ...] = self.start(identity)
        if size.isdigit() and int(size) <= self.lanes:
            return self.result(self.step(state, term("0", None if size == str(self.lanes) else mask("0"))))
        if whole != "0":
            carried = list(zip(self.kinds, state, strict=True)) * unroll
            with body.loop(0, whole, step, carried=carried) as many:
                following: list[str] = []
                for k in range(unroll):
                    index = body.assign(f"add i64 {many.index}, {k * self.lanes}") if k else many.index
                    following += self.step(many.values[3 * k : 3 * k + 3], term(index, None))
                many.next(following)
            state = many.results[:3]
            for k in range(1, unroll):
                state = self.joined(state, many.results[3 * k : 3 * k + 3])
        if whole != size:
            with body.loop(whole, size, self.lanes, carried=list(zip(self.kinds, state, strict=True))) as rest:
                rest.next(self.step(rest.values, term(rest.index, mask(rest.index))))
            state = rest.results
        return self.result(state)
