"""Compiled calls, eager assignments, readers and failures on the same variables at once: each call is one step."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

import lithograph as lg

pytestmark = pytest.mark.callpath

Step = Callable[[], object]
SMALL, LARGE = 10, 100_000  # below and above what gives up the interpreter's lock


@pytest.fixture(autouse=True)
def eager_switches() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(*steps: tuple[Step, int | None]) -> list[int]:
    """Run each step in a thread of its own, so many times, or (None) until the counted ones are done: how often."""
    counted = [n for _, n in steps if n is not None]
    begin, done = threading.Barrier(len(steps)), threading.Semaphore(0)
    finished, failures = threading.Event(), []
    times = [0] * len(steps)

    def run(i: int, step: Step, n: int | None) -> None:
        begin.wait()
        try:
            while not finished.is_set() and (n is None or times[i] < n):
                step()
                times[i] += 1
        except BaseException as error:  # it is raised again in the test's own thread
            failures.append(error)
            finished.set()
        if n is not None:
            done.release()

    threads = [threading.Thread(target=run, args=(i, step, n)) for i, (step, n) in enumerate(steps)]
    for t in threads:
        t.start()
    for _ in counted:
        assert done.acquire(timeout=120), "somebody waits for ever"
    finished.set()
    for t in threads:
        t.join(120)
        assert not t.is_alive(), "somebody waits for ever"
    if failures:
        raise failures[0]
    return times


def zeros(n: int) -> lg.Variable:
    return lg.Variable(np.zeros(n, np.float32))


def adding(*variables: lg.Variable) -> lg.Function[None]:
    """A compiled step that adds 1 to variables in this order."""

    @lg.function
    def step() -> None:
        for v in variables:
            v.assign_add(1.0)

    step()
    return step


def read_whole(*variables: lg.Variable) -> None:
    for v in variables:
        given = v.value()
        found = given.numpy()
        first, last = found.min(), found.max()
        assert first == last, "a value that was never assigned"
        given.dispose()


@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_overlapping_sets_of_variables(n: int, deep: bool) -> None:
    a, b, c = (zeros(n) for _ in range(3))

    @lg.function
    def failing(i: lg.Array) -> lg.Array:
        a.assign_add(1000.0)
        c.assign_add(1000.0)
        return lg.take(b.value(), i)

    outside = lg.tensor([n])

    def fail() -> None:
        with pytest.raises(IndexError):
            failing(outside)

    k = 5000 if deep else 500
    steps = [adding(a), adding(a), adding(b), adding(a, b), adding(b, c, a), adding(c, b)]
    fail()
    read: Step = lambda: read_whole(a, b, c)  # noqa: E731
    together(*((s, k) for s in steps), (steps[4], k), (fail, None), (read, None), (read, None))
    assert [v.numpy().max() for v in (a, b, c)] == [5 * k + 4, 5 * k + 4, 3 * k + 2]
    read_whole(a, b, c)


def test_who_needs_several_does_not_wait_for_ever() -> None:
    a, b = zeros(LARGE), zeros(LARGE)
    one, other, both = adding(a), adding(b), adding(a, b)
    start = time.monotonic()
    both_times, *_ = together((both, 20), (one, None), (one, None), (other, None), (other, None))
    assert both_times == 20 and time.monotonic() - start < 60
    read_whole(a, b)


def test_readers_do_not_wait_for_ever() -> None:
    a = zeros(LARGE)
    step = adding(a)
    reads, *_ = together((lambda: read_whole(a), 20), (step, None), (step, None), (step, None))
    assert reads == 20


@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_eager_assignments_beside_compiled_steps(n: int) -> None:
    a = zeros(n)
    step, number = adding(a), iter(range(1, 10_000))

    def assign() -> None:
        k = 100.0 * next(number)
        a.assign(lg.full((n,), k))
        assert a.numpy().min() >= k, "an assignment is never lost"

    together((assign, 500), (step, None), (step, None), (lambda: read_whole(a), None))
    read_whole(a)


@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_eager_additions_are_never_lost(n: int) -> None:
    a = zeros(n)
    step, k = adding(a), 300
    plus, minus = (lambda: a.assign_add(1.0)), (lambda: a.assign_sub(np.float32(-1.0)))
    together((plus, k), (plus, k), (minus, k), (step, k), (step, k), (lambda: read_whole(a), None))
    assert a.numpy().max() == 5 * k + 1
    read_whole(a)


@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_results_are_disposed_while_others_run(n: int) -> None:
    a = zeros(n)
    f = lg.function(lambda: (a.assign_add(1.0), a.value() * 2.0))
    shared: list[lg.Array] = [*f()]

    def run() -> None:
        shared[:] = f()

    def use() -> None:
        x = shared[0]
        try:
            assert len(set(np.unique((x + 0.0).numpy()))) == 1
        except lg.StateError as error:
            assert str(error).startswith("Tensor is disposed.")

    def drop() -> None:
        for x in list(shared):
            x.dispose()

    k = 500
    together((run, k), (run, k), (use, None), (use, None), (drop, None))
    assert a.numpy().max() == 2 * k + 1
    read_whole(a)


@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_a_variable_is_disposed_while_others_use_it(n: int) -> None:
    for _ in range(5):
        a, b = zeros(n), zeros(n)
        steps, gone = (adding(a, b), adding(b)), threading.Event()

        def use(step: Step, gone: threading.Event = gone) -> None:
            try:
                step()
            except lg.StateError as error:
                assert str(error).startswith("Tensor is disposed. It was disposed at ")
                gone.set()

        def drop(a: lg.Variable = a, gone: threading.Event = gone) -> None:
            a.dispose()
            assert gone.wait(60), "nobody was refused"

        together((partial(use, steps[0]), None), (partial(use, steps[1]), None), (drop, 1))
        read_whole(b)


@pytest.mark.parametrize("n", [SMALL, LARGE])
def test_optimizers_of_several_threads(n: int) -> None:
    w, optimizer = zeros(n), lg.optimizers.sgd(1.0)
    step = lg.function(lambda: optimizer.minimize(lambda: -w.value().sum()))
    step()
    together((step, 500), (step, 500), (lambda: read_whole(w), None))
    assert optimizer.iterations.item() == 1001 and w.numpy().max() == 1001
    read_whole(w)


def test_handles_of_a_small_tensor_in_threads() -> None:
    # What lies in the Tensor itself moves with its first view, while another thread may be about to make one.
    # Python runs in between where the view's type is new: so each has a shape of its own.
    shapes = [[1 + (i in twos) for i in range(20)] for twos in itertools.combinations(range(20), 3)]
    given = [(lg.arange(8), shape) for shape in shapes]

    def view(turn: Iterator[tuple[lg.Array, list[int]]]) -> None:
        x, shape = next(turn)
        assert lg.reshape(x, shape).shape == tuple(shape)

    together(*((partial(view, iter(given)), len(given)) for _ in range(2)))


def test_everything_at_once(deep: bool) -> None:
    n_threads, until = 6, time.monotonic() + (20 if deep else 1.5)
    sizes = (3, 50, LARGE)
    variables, shared = [zeros(n) for n in sizes], [lg.ones((n,)) for n in sizes]
    outside = lg.tensor([10 * LARGE])
    programs = [
        {
            "add": adding(v),
            "mix": lg.function(lambda x, v=v: v.assign(v * 0.5 + x)),
            "read": lg.function(lambda v=v: (v.value(), v + 1.0)),
            "fail": lg.function(lambda v=v: (v.assign_add(1.0), lg.take(v.value(), outside))),
            "host": lg.function(lambda x: lg.fft.fft(lg.astype(x[:3], "complex64"))),
        }
        for v in variables
    ]
    forwards, backwards = adding(*variables), adding(*reversed(variables))

    def tidied(x: lg.Array, v: lg.Variable) -> None:
        with lg.tidy():
            lg.sum((x + v) * 2.0).item()

    def renew(i: int) -> None:
        shared[i].dispose()
        shared[i] = lg.full((sizes[i],), 2.0)

    def choices(i: int) -> list[Step]:
        v, x, f = variables[i], shared[i], programs[i]
        return [
            partial(f["mix"], x),
            lambda: lg.dispose(f["read"]()),
            partial(f["host"], x),
            *(f["add"], f["fail"], forwards, backwards, v.numpy),
            partial(v.assign, x),
            partial(v.assign_add, x),
            lambda: tidied(x, v),
            lambda: renew(i),
            lambda: lg.grad(lambda z: lg.sum(z * v))(x),
            lambda: lg.variable_grads(v.sum),
            lambda: len(x.reshape((-1,))[::2].tolist()),
            partial(repr, v),
            lambda: gc.collect(0),
        ]

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        while time.monotonic() < until:
            steps = choices(int(rng.integers(len(sizes))))
            step = steps[int(rng.integers(len(steps)))]
            try:
                step()
            except lg.RangeError:
                assert any(step is f["fail"] for f in programs)
            except lg.StateError as error:
                assert str(error).startswith("Tensor is disposed. It was disposed at ")

    together(*((partial(work, k), 1) for k in range(n_threads)))
    assert all(np.isfinite(v.numpy()).all() for v in variables)
