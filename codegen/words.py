"""64-bit integer and pointer arithmetic as LLVM instructions; it knows no loop and no primitive."""

from __future__ import annotations

from .body import Body, Operand


def add(f: Body, a: Operand, b: Operand) -> str:
    """a + b."""
    return f.assign(f"add nsw i64 {a}, {b}")


def sub(f: Body, a: Operand, b: Operand) -> str:
    """a - b."""
    return f.assign(f"sub nsw i64 {a}, {b}")


def mul(f: Body, a: Operand, b: Operand) -> str:
    """a * b."""
    return f.assign(f"mul nsw i64 {a}, {b}")


def div(f: Body, a: Operand, b: Operand) -> str:
    """a / b rounded down, for a >= 0 and b > 0."""
    return f.assign(f"udiv i64 {a}, {b}")


def rem(f: Body, a: Operand, b: Operand) -> str:
    """a mod b, for a >= 0 and b > 0."""
    return f.assign(f"urem i64 {a}, {b}")


def ceil_div(f: Body, a: Operand, b: Operand) -> str:
    """a / b rounded up, for a >= 0 and b > 0."""
    return div(f, sub(f, add(f, a, b), 1), b)


def round_up(f: Body, a: Operand, multiple: Operand) -> str:
    """The least multiple that is not below a, for a >= 0."""
    return mul(f, ceil_div(f, a, multiple), multiple)


def least(f: Body, a: Operand, b: Operand) -> str:
    """The smaller of two signed numbers."""
    f.declare("declare i64 @llvm.smin.i64(i64, i64)")
    return f.assign(f"call i64 @llvm.smin.i64(i64 {a}, i64 {b})")


def most(f: Body, a: Operand, b: Operand) -> str:
    """The larger of two signed numbers."""
    f.declare("declare i64 @llvm.smax.i64(i64, i64)")
    return f.assign(f"call i64 @llvm.smax.i64(i64 {a}, i64 {b})")


def compare(f: Body, predicate: str, a: Operand, b: Operand) -> str:
    """An i1: `icmp predicate i64 a, b`."""
    return f.assign(f"icmp {predicate} i64 {a}, {b}")


def both(f: Body, a: str, b: str) -> str:
    """The i1 `a and b`."""
    return f.assign(f"and i1 {a}, {b}")


def either(f: Body, a: str, b: str) -> str:
    """The i1 `a or b`."""
    return f.assign(f"or i1 {a}, {b}")


def select(f: Body, condition: str, a: Operand, b: Operand) -> str:
    """a where the i1 `condition` holds, else b (both i64)."""
    return f.assign(f"select i1 {condition}, i64 {a}, i64 {b}")


def select_ptr(f: Body, condition: str, a: str, b: str) -> str:
    """a where the i1 `condition` holds, else b (both pointers)."""
    return f.assign(f"select i1 {condition}, ptr {a}, ptr {b}")


def at(f: Body, base: str, index: Operand, element: str) -> str:
    """Address of `base[index]` for elements of the LLVM type `element`."""
    return f.assign(f"getelementptr {element}, ptr {base}, i64 {index}")


def get(f: Body, pointer: str, type_: str = "i64", align: int = 8) -> str:
    """The value at an address."""
    return f.assign(f"load {type_}, ptr {pointer}, align {align}")


def put(f: Body, value: Operand, pointer: str, type_: str = "i64", align: int = 8) -> None:
    """Store a value at an address."""
    f.emit(f"store {type_} {value}, ptr {pointer}, align {align}")
