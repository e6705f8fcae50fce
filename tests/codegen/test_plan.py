"""The buffer plan: reuse, aliases, state in place, and that a run takes what the plan says."""

from __future__ import annotations

import re

import numpy as np
import pytest

import lithograph as lg


def planned(text: str) -> int:
    found = re.search(r"peak (\d+) bytes", text)
    assert found is not None
    return int(found[1])


def test_the_measured_peak_is_the_planned_one() -> None:
    @lg.function
    def f(x: lg.Array, w: lg.Array) -> lg.Array:
        return lg.tanh(x @ w) @ w + x

    x = np.ones((64, 64), np.float32)
    f(x, x)
    assert lg.debug.peak_bytes(lambda: f(x, x)) == planned(f.memory_plan(x, x))


def test_an_elementwise_chain_needs_its_output_alone() -> None:
    @lg.function
    def f(x: lg.Array) -> lg.Array:
        return lg.exp(x * 2.0 + 1.0) / (x + 3.0)

    x = np.ones(1000, np.float32)
    f(x)
    assert planned(f.memory_plan(x)) == 4000
    assert lg.debug.peak_bytes(lambda: f(x)) == 4000


def test_temporaries_share_memory() -> None:
    @lg.function
    def f(x: lg.Array) -> lg.Array:
        for _ in range(6):
            x = lg.relu(x @ x)
        return x

    x = np.eye(32, dtype=np.float32)
    assert planned(f.memory_plan(x)) <= 3 * x.nbytes
    assert np.array_equal(f(x).numpy(), x)


def test_state_is_updated_in_place_when_nobody_else_holds_it() -> None:
    v = lg.Variable(np.zeros(100, np.float32))

    @lg.function
    def step(x: lg.Array) -> None:
        v.assign_add(x)

    x = np.ones(100, np.float32)
    step(x)
    held = v.value()
    step(x)
    assert float(lg.sum(held)) == 100.0, "a tensor read from a variable never changes"
    assert float(lg.sum(v.value())) == 200.0
    del held
    step(x)
    before = v.numpy().ctypes.data
    step(x)
    assert v.numpy().ctypes.data == before
    assert "updated in place" in step.memory_plan(x)


def test_state_that_is_read_afterwards_is_not_overwritten() -> None:
    v = lg.Variable(np.arange(6, dtype=np.float32).reshape(2, 3))

    @lg.function
    def turned() -> lg.Array:
        old = v.value()
        v.assign(lg.flip(old, axis=1))
        return lg.sum(old * v.value())

    expected = float(np.sum(np.arange(6).reshape(2, 3) * np.arange(6).reshape(2, 3)[:, ::-1]))
    assert float(turned()) == expected
    assert float(turned()) == expected
    assert np.array_equal(v.numpy(), np.arange(6, dtype=np.float32).reshape(2, 3))


def test_a_failing_check_leaves_state_as_it_was() -> None:
    v, w = lg.Variable(np.zeros(3, np.float32)), lg.Variable(np.ones(3, np.float32))

    @lg.function
    def step(i: lg.Array) -> None:
        v.assign_add(1.0)
        w.assign(lg.take(w.value(), i, axis=0))

    step(np.array([2, 1, 0]))
    with pytest.raises(lg.RangeError):
        step(np.array([0, 7, 0]))
    assert v.numpy().tolist() == [1.0, 1.0, 1.0]
    assert w.numpy().tolist() == [1.0, 1.0, 1.0]
    step(np.array([0, 0, 0]))
    assert v.numpy().tolist() == [2.0, 2.0, 2.0]


def test_results_that_share_memory_are_told_apart() -> None:
    @lg.function
    def f(x: lg.Array) -> tuple[lg.Array, ...]:
        y = x + 1.0
        return x, y, y, lg.reshape(y, (3, 2)), lg.reshape(x, (6,))

    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    a, b, c, d, e = f(x)
    x[:] = -1
    assert np.array_equal(a.numpy(), np.arange(6).reshape(2, 3))
    assert np.array_equal(b.numpy(), c.numpy())
    assert np.array_equal(d.numpy(), np.arange(1, 7).reshape(3, 2))
    assert np.array_equal(e.numpy(), np.arange(6))
