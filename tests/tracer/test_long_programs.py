"""Long programs take linear time and no recursion, from the Python function to native code, gradients too."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg

X = np.linspace(0.5, 1.5, 32, dtype=np.float32)


def chain(length: int) -> Callable[[lg.Array], lg.Array]:
    """About `length` ops, each on the result of the one before."""

    def run(x: lg.Array) -> lg.Array:
        y = x
        for k in range(length // 4):
            y = (y * 1.0001 + x) - (y * 0.5 if k % 2 else lg.sqrt(x))
        return y

    return run


def slope(length: int) -> Callable[[lg.Array], lg.Array]:
    return lg.grad(lambda x: lg.sum(chain(length)(x)))


def wide_slope(length: int) -> Callable[[lg.Array], lg.Array]:
    """The gradient of a chain of which much is kept: kernels with many results."""

    def run(x: lg.Array) -> lg.Array:
        for _ in range(length // 9):
            x = 0.5 * x * (1.0 + lg.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
        return lg.sum(x)

    return lg.grad(run)


def seconds(make: Callable[[int], Callable[[lg.Array], lg.Array]], length: int) -> float:
    """Processor time of the first call, and that the result is what eager ops give."""
    function = make(length)
    compiled = lg.function(function)
    gc.collect()
    gc.disable()  # A collection walks the heap of the whole test session.
    try:
        started = time.process_time()
        made = compiled(X)
        taken = time.process_time() - started
    finally:
        gc.enable()
    assert np.array_equal(made.numpy(), function(lg.tensor(X)).numpy(), equal_nan=True)
    return taken


@pytest.mark.parametrize(
    ("make", "short", "long"), [(chain, 2_000, 20_000), (slope, 800, 8_000), (wide_slope, 300, 3_000)]
)
def test_compiling_takes_linear_time(
    make: Callable[[int], Callable[[lg.Array], lg.Array]], short: int, long: int
) -> None:
    seconds(make, 200)
    # Ten times the ops; quadratic work would take a hundred times as long.
    most = 25 * min(seconds(make, short) for _ in range(2)) + 0.1
    assert any(seconds(make, long) < most for _ in range(2))


def test_no_function_of_native_code_grows_with_the_program() -> None:
    lines = {}
    for length in (600, 3600):
        text = lg.function(wide_slope(length)).ir(X, stage="llvm")
        lines[length] = [part.count("\n") for part in text.split("\ndefine ")]
    # One kernel more is a call more in the entry; its results are a number each in a table.
    assert max(lines[3600]) < max(lines[600]) + 3 * (len(lines[3600]) - len(lines[600]))
    assert sum(lines[3600]) < 7 * sum(lines[600])
