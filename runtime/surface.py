"""What the native call path and its twin share: the counters' form and the operators' names; no behaviour."""

from __future__ import annotations

from typing import Final, NamedTuple


class Counters(NamedTuple):
    """What the allocator holds: live tensors, their buffers (views own none), bytes, and the most bytes."""

    num_tensors: int
    num_buffers: int
    num_bytes: int
    peak_bytes: int


BINARY: Final = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "truediv",
    "floor_divide": "floordiv",
    "remainder": "mod",
    "matmul": "matmul",
    "bitwise_and": "and",
    "bitwise_or": "or",
    "bitwise_xor": "xor",
    "bitwise_left_shift": "lshift",
    "bitwise_right_shift": "rshift",
}
UNARY: Final = {"negative": "neg", "abs": "abs", "bitwise_invert": "invert"}
COMPARISON: Final = {
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
}
OPERATORS: Final = (*BINARY, "power", *UNARY, *COMPARISON)
