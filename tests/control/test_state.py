"""Variables, random numbers and other effects in loops and choices; where memory goes; how they end."""

from __future__ import annotations

import os
import re
import signal
import threading
from typing import Any

import numpy as np
import pytest

import lithograph as lg


def test_a_loop_assigns_variables_in_each_iteration() -> None:
    v, w = lg.Variable([1.0, 2.0], name="v"), lg.Variable(0, name="w")

    def steps(n: Any) -> Any:
        def body(i: Any, c: Any) -> Any:
            v.assign(v * 2.0 + c)
            w.assign_add(1)
            return c + v.sum()

        return lg.fori_loop(0, n, body, 0.0)

    eager = steps(3)
    after = v.numpy().copy(), w.numpy().copy()
    v.assign([1.0, 2.0])
    w.assign(0)
    compiled = lg.function(steps)(3)
    assert eager.item() == compiled.item()
    assert np.array_equal(v.numpy(), after[0]) and np.array_equal(w.numpy(), after[1])
    assert w.item() == 3


def test_a_condition_sees_what_the_body_assigned() -> None:
    v = lg.Variable(0)

    def count(n: Any) -> Any:
        def body(c: Any) -> Any:
            v.assign_add(2)
            return c + 1

        return lg.while_loop(lambda c: v < n, body, 0)

    assert count(7).item() == 4
    v.assign(0)
    assert lg.function(count)(lg.tensor(7)).item() == 4 and v.item() == 8


def test_only_the_branch_that_is_taken_assigns() -> None:
    v = lg.Variable(1.0)

    def choose(p: Any) -> Any:
        def taken() -> Any:
            v.assign(v * 10.0)
            return v + 0.0

        return lg.cond(p, taken, lambda: v - 1.0)

    compiled = lg.function(choose)
    assert compiled(lg.tensor(False)).item() == 0.0 and v.item() == 1.0
    assert compiled(lg.tensor(True)).item() == 10.0 and v.item() == 10.0
    assert choose(lg.tensor(False)).item() == 9.0 and v.item() == 10.0


def test_gradients_flow_through_variables_that_a_loop_assigns() -> None:
    v = lg.Variable([0.5, -1.0], dtype=lg.float64)

    def loss(x: Any) -> Any:
        def body(c: Any) -> Any:
            v.assign(v * c + 1.0)
            return c * 0.5

        return (lg.while_loop(lambda c: (c > 0.1).any(), body, x) * v).sum()

    def unrolled(x: Any) -> Any:
        c, u = x, lg.tensor([0.5, -1.0], dtype=lg.float64)
        while bool((c.numpy() > 0.1).any()):
            c, u = c * 0.5, u * c + 1.0
        return (c * u).sum()

    x = lg.tensor([0.9, 0.7], dtype=lg.float64)
    expected = lg.grad(unrolled)(x).numpy()
    for f in (lg.grad(loss), lg.function(lg.grad(loss))):
        v.assign(lg.tensor([0.5, -1.0], dtype=lg.float64))
        assert np.allclose(f(x).numpy(), expected, rtol=1e-14)


def test_random_numbers_go_on_from_iteration_to_iteration() -> None:
    def draw() -> Any:
        return lg.scan(lambda c, _: (c, lg.random.uniform((2,))), 0, None, length=4)[1]

    lg.random.seed(3)
    expected = [lg.random.uniform((2,)).tolist() for _ in range(5)]
    for f in (draw, lg.function(draw)):
        lg.random.seed(3)
        assert f().tolist() == expected[:4]
        assert lg.random.uniform((2,)).tolist() == expected[4]


def test_a_failure_in_a_loop_leaves_all_state_as_it_was() -> None:
    v = lg.Variable([1, 1, 1])

    @lg.function
    def divide(x: Any) -> Any:
        def body(i: Any, c: Any) -> Any:
            v.assign(v * 2)
            return c // x[i]

        return lg.fori_loop(0, 3, body, 100)

    assert divide(lg.tensor([1, 2, 3])).item() == 16 and v.tolist() == [8, 8, 8]
    with pytest.raises(lg.DivisionError) as error:
        divide(lg.tensor([1, 0, 3]))
    assert v.tolist() == [8, 8, 8]
    assert "return c // x[i]" in str(error.value)


@pytest.mark.alone
@pytest.mark.skipif(os.name != "posix", reason="signals are sent with os.kill")
@pytest.mark.parametrize("shape", [(), (8, 8)])
def test_control_c_ends_a_native_loop_and_changes_nothing(shape: tuple[int, ...]) -> None:  # API §12
    v = lg.Variable(1.0)

    @lg.function
    def long(x: Any) -> Any:
        v.assign_add(1.0)
        return lg.while_loop(lambda c: (c >= 0).all(), lambda c: (c + 1) % 1000, x, maximum_iterations=2**35)

    # Where tests run in the background, a shell may have told them to ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            long(lg.zeros(shape, dtype=lg.int32))
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert v.item() == 1.0


def test_memory_is_what_is_saved_of_each_iteration() -> None:
    """A gradient through 100,000 iterations runs natively, in memory proportional to what it keeps."""

    @lg.function
    def slope(x: Any, n: Any) -> Any:
        def last(x: Any) -> Any:
            return lg.while_loop(lambda c: c[1] < n, lambda c: (lg.sin(c[0]) * 1.01 + x * 0.01, c[1] + 1), (x, 0))[0]

        return lg.grad(last)(x)

    x = lg.tensor(0.3, dtype=lg.float64)
    found = slope(x, lg.tensor(100_000)).item()
    plan = slope.memory_plan()
    assert re.search(r"stack float64\[\?\]: 8 bytes for each iteration", plan)
    assert len(re.findall("for each iteration", plan)) == 1
    y, g = 0.3, 1.0
    for _ in range(100_000):
        y, g = np.sin(y) * 1.01 + 0.3 * 0.01, np.cos(y) * 1.01 * g + 0.01
    assert found == pytest.approx(g, rel=1e-9)


@pytest.mark.parametrize("shape", [(), (4,)])
@pytest.mark.parametrize("n", [2**58, 2**60, 2**61, 2**63 - 1])
def test_a_stack_beyond_all_memory_is_refused(n: int, shape: tuple[int, ...]) -> None:
    """Its size in bytes does not even fit 64 bits, and must not wrap."""
    v = lg.Variable(1.0)

    @lg.function
    def slope(x: Any, n: Any) -> Any:
        v.assign_add(1.0)
        return lg.grad(lambda x: lg.fori_loop(0, n, lambda i, c: lg.sin(c) * x, x).sum())(x)

    with pytest.raises(MemoryError, match="no memory left for the values that its gradient needs"):
        slope(lg.ones(shape, dtype=lg.float64), lg.tensor(n, dtype=lg.int64))
    assert v.item() == 1.0


def test_what_a_body_stacks_is_not_saved_again() -> None:
    @lg.function
    def slope(x: Any) -> Any:
        return lg.grad(lambda x: lg.scan(lambda c, a: (lg.exp(c * a), c), x[0], x)[0].sum())(x)

    slope(lg.ones((4, 3)))
    (first, _) = [line for line in slope.ir(stage="optimized").splitlines() if "= scan(" in line]
    assert first.count("%", 0, first.index("=")) == 2


def test_a_loop_and_its_gradient_run_the_body_once() -> None:
    @lg.function
    def both(x: Any) -> Any:
        return lg.value_and_grad(lambda x: lg.scan(lambda c, a: (lg.exp(c * a), c), x[0], x)[0].sum())(x)

    both(lg.ones((4, 3)))
    assert both.ir(stage="traced").count("= scan(") == 3
    assert both.ir(stage="optimized").count("= scan(") == 2


def test_what_is_carried_is_written_in_place() -> None:
    @lg.function
    def fill(n: Any) -> Any:
        return lg.fori_loop(0, n, lambda i, c: c.at[i].set(i * 2), lg.zeros((50_000,), dtype=lg.int32))

    assert fill(lg.tensor(50_000)).tolist() == list(range(0, 100_000, 2))
    body = fill.ir(stage="kernels").split("; loop")[1]
    assert "copy int32[50000]" not in body
    assert "scatter_set" in body


@pytest.mark.parametrize("dtype", [lg.float16, lg.bfloat16, lg.int8, lg.uint64, lg.complex64, lg.bool_])
@pytest.mark.parametrize("shape", [(), (3,), (0,), (2, 0, 3)])
def test_any_dtype_and_shape_is_carried(dtype: Any, shape: tuple[int, ...]) -> None:
    x = lg.astype(lg.ones(shape), dtype)

    def f(x: Any) -> Any:
        def step(i: Any, c: Any) -> Any:
            return ~c if dtype is lg.bool_ else c * x + x

        return lg.fori_loop(0, 3, step, x), lg.scan(lambda c, a: (c, a), x, lg.stack([x, x]))[1]

    eager, compiled = f(x), lg.function(f)(x)
    for a, b in zip(eager, compiled, strict=True):
        assert a.dtype is b.dtype and a.shape == b.shape
        assert a.tolist() == b.tolist()


def test_loops_of_no_iterations() -> None:
    x = lg.tensor([1.0, 2.0])

    def none(x: Any) -> Any:
        first = lg.fori_loop(3, 3, lambda i, c: c * 2.0, x)
        second = lg.while_loop(lambda c: c.sum() > 100.0, lambda c: c * 2.0, x)
        third, ys = lg.scan(lambda c, a: (c + a, (c, a.sum())), x, lg.zeros((0, 2)))
        return first, second, third, ys, lg.map(lambda a: a[0], lg.zeros((0, 2)))

    for f in (none, lg.function(none)):
        first, second, third, (cs, sums), mapped = f(x)
        assert first.tolist() == second.tolist() == third.tolist() == [1.0, 2.0]
        assert cs.shape == (0, 2) and sums.shape == (0,) and mapped.shape == (0,)
    for g in (lg.grad(lambda x: none(x)[2].sum()), lg.function(lg.grad(lambda x: none(x)[2].sum()))):
        assert g(x).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_gradients_of_high_order_through_an_open_loop(order: int) -> None:
    """From the third on, stacks have several cotangents, which are added iteration by iteration."""

    def loop(x: Any) -> Any:
        def body(c: Any) -> Any:
            return lg.sin(c[0]) * x + c[0] * c[0] * 0.1, c[1] + 1

        return lg.while_loop(lambda c: c[1] < 4, body, (x, 0))[0].sum()

    def unrolled(x: Any) -> Any:
        h = x
        for _ in range(4):
            h = lg.sin(h) * x + h * h * 0.1
        return h.sum()

    for x in (lg.tensor(0.7, dtype=lg.float64), lg.tensor([0.7, 0.2], dtype=lg.float64)):
        f, plain = loop, unrolled
        for _ in range(order):
            f, plain = [lambda x, g=g: lg.grad(g)(x).sum() for g in (f, plain)]
        assert f(x).item() == lg.function(f)(x).item() == pytest.approx(plain(x).item(), rel=1e-12)


@pytest.mark.parametrize("dtype", [lg.float64, lg.float16, lg.int32])
def test_loops_over_numbers_that_carry_nothing(dtype: Any) -> None:
    x = lg.astype(lg.tensor([1, 2, 3]), dtype)

    def doubled(x: Any) -> Any:
        return lg.map(lambda a: a + a, x), lg.fori_loop(0, 3, lambda i, c: c, ())

    for f in (doubled, lg.function(doubled)):
        made, nothing = f(x)
        assert made.tolist() == [2, 4, 6] and made.dtype is dtype and nothing == ()


def test_bounds_beyond_32_bits() -> None:
    def count(n: Any) -> Any:
        return lg.fori_loop(n, 2**33 + 3, lambda i, c: c + i, 0 * n)

    at = lg.tensor(2**33, dtype=lg.int64)
    for f in (count, lg.function(count)):
        assert f(at).item() == 3 * 2**33 + 3

    def fixed() -> Any:
        return lg.fori_loop(2**33, 2**33 + 3, lambda i, c: c + 1, 0)

    assert fixed().item() == lg.function(fixed)().item() == 3
    limited = lg.function(lambda x: lg.while_loop(lambda c: c < 3, lambda c: c + 1, x, maximum_iterations=2**40))
    assert limited(lg.tensor(0)).item() == 3


def test_many_threads_run_one_loop() -> None:
    @lg.function
    def slope(x: Any, n: Any) -> Any:
        def last(x: Any) -> Any:
            return lg.while_loop(lambda c: c[1] < n, lambda c: (lg.sin(c[0]) + x, c[1] + 1), (x, 0))[0].sum()

        return lg.grad(last)(x)

    expected = {n: slope(lg.ones((20,)), lg.tensor(n)).tolist() for n in range(1, 9)}
    wrong: list[int] = []

    def run(n: int) -> None:
        for _ in range(50):
            if slope(lg.ones((20,)), lg.tensor(n)).tolist() != expected[n]:
                wrong.append(n)

    threads = [threading.Thread(target=run, args=(n,)) for n in expected]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []
