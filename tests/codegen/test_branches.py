"""Choices that all elements make alike are branches in the kernel: same bits, and what fails still fails."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg

X = np.linspace(-3, 3, 1003, dtype=np.float32)

Program = Callable[[lg.Array, lg.Array], lg.Array]


def long(x: lg.Array) -> lg.Array:
    return lg.sin(x) * 1.1 + lg.exp(-x * x)


def in_a_row(n: int) -> Program:
    def run(x: lg.Array, a: lg.Array) -> lg.Array:
        for k in range(n):
            x = lg.where(a > k % 3, long(x), x)
        return x

    return run


def in_one_another(n: int) -> Program:
    def run(x: lg.Array, a: lg.Array) -> lg.Array:
        y = x
        for k in range(n):
            y = lg.where(a > k, y * 1.5, long(y) + k)
        return y

    return run


def shared(n: int) -> Program:
    def run(x: lg.Array, a: lg.Array) -> lg.Array:
        y = x
        for k in range(n):
            y = lg.where(a > k, long(y) * x, x + k) + lg.where(a < k, x * x, long(y) * lg.tanh(y))
        return y

    return run


def reduced(n: int) -> Program:
    def run(x: lg.Array, a: lg.Array) -> lg.Array:
        y = lg.reshape(x, (17, 59)) * n
        rows = lg.sum(lg.where(a > 1, long(y), y), axis=1, keepdims=True)
        columns = lg.max(lg.where(a > 2, long(y), y - rows), axis=0)
        return lg.where(a > 0, long(columns), columns)

    return run


@pytest.mark.parametrize("make", [in_a_row, in_one_another, shared, reduced], ids=lambda f: f.__name__)
@pytest.mark.parametrize("a", [-1.0, 0.5, 2.5, np.nan])
def test_bits_are_those_of_eager_ops(make: Callable[[int], Program], a: float) -> None:
    program, x, flag = make(6), lg.tensor(X), lg.tensor(a)
    assert np.array_equal(lg.function(program)(x, flag).numpy(), program(x, flag).numpy(), equal_nan=True)


@pytest.mark.parametrize("make", [in_a_row, in_one_another, shared], ids=lambda f: f.__name__)
def test_code_grows_with_the_program_alone(make: Callable[[int], Program]) -> None:
    def lines(n: int) -> int:
        return lg.function(make(n)).ir(X, np.float32(1), stage="llvm").count("\n")

    assert lines(80) < 6 * lines(20)


def test_the_side_that_is_not_taken_takes_no_time() -> None:
    program = lg.function(lambda x, flag: lg.where(flag, long(long(long(x))), x))
    x = lg.tensor(np.resize(X, 1 << 20))

    def seconds(flag: bool) -> float:
        given, times = lg.tensor(flag), []
        for _ in range(9):
            started = time.perf_counter()
            program(x, given)
            times.append(time.perf_counter() - started)
        return min(times)

    assert re.search(r"phi <\d+ x float>", program.ir(x, lg.tensor(True), stage="llvm"))
    assert seconds(False) < 0.7 * seconds(True)


def test_checks_on_the_side_that_is_not_taken_fail_all_the_same() -> None:
    def run(x: lg.Array, n: lg.Array, flag: lg.Array) -> lg.Array:
        return lg.where(flag, x, long(x) * lg.astype(7 // n, lg.float32))

    given = lg.tensor(X), lg.tensor(np.zeros(X.size, np.int32)), lg.tensor(True)
    for f in (run, lg.function(run)):
        with pytest.raises(lg.DivisionError, match="floor_divide"):
            f(*given)


@pytest.mark.parametrize("dtype", [lg.float32, lg.float64, lg.float16, lg.bfloat16])
def test_powers_by_one_exponent_are_those_by_many(dtype: lg.DType) -> None:
    x = np.concatenate([X, [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 3e38, -1e30]])
    base = lg.astype(lg.tensor(x), dtype)
    for exponent in (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, np.inf, np.nan):
        one = lg.astype(lg.tensor(exponent), dtype)
        many = lg.broadcast_to(one, base.shape) + lg.zeros(base.shape, dtype=dtype)
        wanted = (base**many).astype(lg.float64).numpy()
        constant = lg.function(lambda t, e=exponent: t**e)
        for found in (base**one, base**exponent, constant(base), lg.function(lg.power)(base, one)):
            wide = found.astype(lg.float64).numpy()
            assert np.array_equal(wide, wanted, equal_nan=True), exponent
            assert np.array_equal(np.signbit(wide)[wide == 0], np.signbit(wanted)[wanted == 0]), exponent
