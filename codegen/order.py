"""Combining partial results, and order T8 in native code: its trees, and the pairs of its chunks; it knows no loops.

Order T8 is stated in `ir/reduction.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.op import Combine
from ..ir.scalar import Number
from . import instructions
from .body import Body
from .instructions import llvm_type
from .nest import Reduction

LANES = 16
GROUP = 128
CHUNK = 65536
LEVELS = 48


def identity(combine: Combine, dtype: DType) -> Number:
    """What combines with x to x: -0.0 for float sums."""
    match combine:
        case Combine.SUM:
            return -0.0 if dtype.is_float else 0
        case Combine.PROD:
            return 1.0 if dtype.is_float else 1
        case Combine.ANY:
            return False
        case Combine.ALL:
            return True
        case Combine.MAX | Combine.ARGMAX:
            return -math.inf if dtype.is_float else _lowest(dtype)
        case Combine.MIN | Combine.ARGMIN:
            return math.inf if dtype.is_float else _highest(dtype)


def _lowest(dtype: DType) -> Number:
    return -(1 << dtype.bits - 1) if dtype.kind == "int" else 0


def _highest(dtype: DType) -> Number:
    return (1 << dtype.bits - 1) - 1 if dtype.kind == "int" else (1 << dtype.bits) - 1


PRIMITIVE = {
    Combine.SUM: "add",
    Combine.PROD: "mul",
    Combine.MAX: "maximum",
    Combine.MIN: "minimum",
    Combine.ANY: "or",
    Combine.ALL: "and",
}


def combined(body: Body, combine: Combine, dtype: DType, x: str, y: str, lanes: int) -> str:
    """Two partial results as one."""
    return instructions.emit(body, PRIMITIVE[combine], dtype, (dtype, dtype), (x, y), lanes, None)


def halved(body: Body, combine: Combine, dtype: DType, vector: str, lanes: int) -> str:
    """All lanes as one, by halves: lane l with lane l + lanes/2, and so on."""
    return _by_halves(body, dtype, vector, lanes, lambda a, b, half: combined(body, combine, dtype, a, b, half))


def farthest(body: Body, greatest: bool, dtype: DType, vector: str, lanes: int) -> str:
    """The greatest or the least lane by plain comparison: any lane where one is NaN, either zero of two."""
    return _by_halves(body, dtype, vector, lanes, lambda a, b, half: beyond(body, greatest, dtype, a, b, half))


def beyond(body: Body, greatest: bool, dtype: DType, a: str, b: str, lanes: int) -> str:
    """`b` where it is strictly greater (or less) than `a`, else `a`."""
    prim, kind = "gt" if greatest else "lt", llvm_type(dtype, lanes)
    better = instructions.emit(body, prim, dtypes.bool_, (dtype, dtype), (b, a), lanes, None)
    return body.assign(f"select {llvm_type(dtypes.bool_, lanes)} {better}, {kind} {b}, {kind} {a}")


def _by_halves(body: Body, dtype: DType, vector: str, lanes: int, join: Callable[[str, str, int], str]) -> str:
    while lanes > 1:
        half = lanes // 2
        kind = llvm_type(dtype, lanes)
        low = ", ".join(f"i32 {k}" for k in range(half))
        high = ", ".join(f"i32 {k + half}" for k in range(half))
        a = body.assign(f"shufflevector {kind} {vector}, {kind} poison, <{half} x i32> <{low}>")
        b = body.assign(f"shufflevector {kind} {vector}, {kind} poison, <{half} x i32> <{high}>")
        vector = join(a, b, half)
        lanes = half
    return body.assign(f"extractelement {llvm_type(dtype, 1)} {vector}, i64 0")


def in_order(r: Reduction) -> bool:
    """Whether a reduction follows order T8."""
    return r.combine in (Combine.SUM, Combine.PROD) and r.dtype.is_float


def tree(body: Body, combine: Combine, dtype: DType, terms: list[str | None], lanes: int) -> str | None:
    """The halving tree of order T8 over eight terms, absent ones skipped."""
    while len(terms) > 1:
        half = len(terms) // 2
        pairs = zip(terms[:half], terms[half:], strict=True)
        terms = [
            (combined(body, combine, dtype, a, b, lanes) if a is not None else b) if b is not None else a
            for a, b in pairs
        ]
    return terms[0]


def empty(r: Reduction) -> Number:
    """The result over no elements: +0.0 for float sums."""
    if r.combine is Combine.SUM:
        return 0.0 if r.dtype.is_float else 0
    return identity(r.combine, r.dtype)


class Pairs:
    """The results of chunks, added in adjacent pairs as they come: a stack slot for each power of two."""

    def __init__(self, body: Body, combine: Combine, dtype: DType) -> None:
        self.body = body
        self.combine = combine
        self.dtype = dtype
        self.kind = llvm_type(dtype)
        self.stack = body.alloca(self.kind, LEVELS)

    def _slot(self, level: str) -> str:
        return self.body.assign(f"getelementptr {self.kind}, ptr {self.stack}, i64 {level}")

    def add(self, number: str, part: str) -> None:
        """The result of chunk `number`, counted from 0 and coming in order."""
        body = self.body
        ones = trailing_ones(body, number)
        with body.loop(0, ones, carried=[(self.kind, part)]) as carry:
            left = body.assign(f"load {self.kind}, ptr {self._slot(carry.index)}")
            carry.next([combined(body, self.combine, self.dtype, left, carry.values[0], 0)])
        body.emit(f"store {self.kind} {carry.results[0]}, ptr {self._slot(ones)}")

    def total(self, chunks: str) -> str:
        """The result of the first `chunks` chunks; the identity when there is none."""
        body, kind = self.body, self.kind
        body.declare("declare i64 @llvm.ctlz.i64(i64, i1)")
        zeros = body.assign(f"call i64 @llvm.ctlz.i64(i64 {chunks}, i1 false)")
        levels = body.assign(f"sub i64 64, {zeros}")
        unit = instructions.literal(self.dtype, identity(self.combine, self.dtype))
        with body.loop(0, levels, carried=[(kind, unit)]) as level:
            left = body.assign(f"load {kind}, ptr {self._slot(level.index)}")
            both = combined(body, self.combine, self.dtype, left, level.values[0], 0)
            bit = body.assign(f"lshr i64 {chunks}, {level.index}")
            present = body.assign(f"trunc i64 {bit} to i1")
            level.next([body.assign(f"select i1 {present}, {kind} {both}, {kind} {level.values[0]}")])
        return level.results[0]


def trailing_ones(body: Body, number: str) -> str:
    """How many of the lowest bits of an i64 are set before the first that is not."""
    body.declare("declare i64 @llvm.cttz.i64(i64, i1)")
    flipped = body.assign(f"xor i64 {number}, -1")
    return body.assign(f"call i64 @llvm.cttz.i64(i64 {flipped}, i1 false)")
