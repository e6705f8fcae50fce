"""Threads: racing first calls, shared state, functions that come and go; and what calls leave behind."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

import lithograph as lg
from lithograph.runtime.core import counters

N_THREADS = 8


def race(work: Callable[[int], None], n: int = N_THREADS) -> None:
    """Run `work(i)` on n threads that start together; what any of them raises is raised here."""
    barrier = threading.Barrier(n)
    failures: list[BaseException] = []

    def run(i: int) -> None:
        barrier.wait()
        try:
            work(i)
        except BaseException as error:  # it is raised again in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


def test_racing_first_calls_make_one_trace() -> None:  # A1.2
    for _ in range(5):
        f = lg.function(lambda x: x * 3 + 1)
        results: list[object] = [None] * N_THREADS

        def work(i: int, f: lg.Function[Any] = f, results: list[object] = results) -> None:
            results[i] = f(np.full(4, i, np.float32)).tolist()

        race(work)
        assert f.trace_count == 1
        assert results == [[3.0 * i + 1] * 4 for i in range(N_THREADS)]


def test_one_function_many_signatures() -> None:
    f = lg.function(lambda x, k: (x * k).sum())

    def work(i: int) -> None:
        for n in range(1, 12):
            for k in (2.0, 3.0):
                assert f(np.ones(n, np.float32), k).item() == n * k

    race(work)
    assert f.trace_count == 4, "for each k one for the first extent, and one for all others"


def test_state_is_updated_once_per_call() -> None:
    v = lg.Variable(np.zeros(3, np.float32))
    bump = lg.function(v.assign_add)
    one = np.ones(3, np.float32)

    def work(i: int) -> None:
        for _ in range(300):
            bump(one)

    race(work)
    assert v.numpy().tolist() == [300 * N_THREADS] * 3


def test_gradients_beside_compiled_calls() -> None:
    f = lg.function(lambda x: lg.square(x).sum())
    x = lg.tensor([1.0, 2.0])
    f(x)

    def work(i: int) -> None:
        for _ in range(30):
            if i % 2:
                assert lg.grad(f)(x).tolist() == [2, 4]
                assert lg.grad(lambda v: (v * v * v).sum())(x).tolist() == [3, 12]
            else:
                assert f(x).item() == 5
                assert (x + x).tolist() == [2, 4]

    race(work)


def test_functions_that_come_and_go() -> None:
    def work(i: int) -> None:
        for k in range(4):
            f = lg.function(lambda x, k=k: x * (k + i))
            assert f(np.ones(2, np.float32)).tolist() == [k + i] * 2
            assert f(np.ones(2, np.float32)).tolist() == [k + i] * 2

    race(work, 4)


def test_calls_leak_nothing() -> None:
    v = lg.Variable(np.zeros(4, np.float32))

    @lg.function
    def f(x: lg.Array, d: dict[str, lg.Array]) -> dict[str, lg.Array]:
        v.assign_add(x)
        return {"a": x * d["k"] + v, "b": x}

    x = lg.tensor([1.0, 2.0, 3.0, 4.0])
    d = {"k": np.ones(4, np.float32)}

    def many(n: int) -> None:
        for _ in range(n):
            f(x, d)

    many(100)
    gc.collect()
    before = counters()
    blocks = len(gc.get_objects())
    many(100_000)
    gc.collect()
    after = counters()
    assert after[:3] == before[:3]
    assert len(gc.get_objects()) <= blocks + 10


def test_slow_calls_and_gradients_leak_nothing() -> None:
    f = lg.function(lambda x: (x * 2).sum())
    odd = np.ones((3, 3), np.float32).T[::2]
    x = lg.tensor([1.0, 2.0])

    def many(n: int) -> None:
        for _ in range(n):
            f(odd)
            lg.grad(f)(x)

    many(20)
    gc.collect()
    before, objects = counters(), len(gc.get_objects())
    many(500)
    gc.collect()
    assert counters()[:3] == before[:3]
    assert len(gc.get_objects()) <= objects + 50


def test_dropped_functions_give_their_tensors_back() -> None:
    gc.collect()
    before = counters()
    held = [lg.tensor(np.ones(1000, np.float32)), lg.Variable(np.ones(1000, np.float32))]
    f = lg.function(lambda x: x * held[0] + held[1])
    f(np.ones(1000, np.float32))
    gone = weakref.ref(f)
    held.clear()
    assert f(np.zeros(1000, np.float32)).tolist() == [1] * 1000
    del f
    assert gone() is None
    gc.collect()
    assert counters()[:3] == before[:3]
