"""100,000 calls through the public API leave nothing behind; threads and forked processes share functions safely."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.codegen import jit
from lithograph.runtime.core import counters

from .processes import run

N = 8
ONE = np.ones(4, np.float32)


def resident() -> int:
    """Bytes of this process in memory, 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def steps() -> dict[str, tuple[int, Callable[[], object], tuple[object, ...]]]:
    """What is called, how often, and what it must not keep."""
    v, w = lg.Variable(ONE), lg.Variable(ONE)
    x, y = lg.tensor(ONE), np.array(ONE)
    nest = {"a": x, "b": [y, (x, 2)]}

    @lg.function
    def stateful(x: lg.Array) -> lg.Array:
        v.assign_add(x)
        return v * 2

    @lg.function
    def nested(d: dict[str, Any], k: float = 1.5) -> dict[str, object]:
        a, (b, (c, n)) = d["a"], d["b"]
        return {"sum": a + b * c, "rest": [n, None, k]}

    @lg.function
    def slope(x: lg.Array) -> object:
        return lg.grad(lambda z: lg.sum(lg.tanh(z) * w))(x)

    def failing() -> None:
        with pytest.raises(lg.ShapeError):
            x + np.ones(3, np.float32)

    def eager() -> object:
        return (x + y).sum() * 2 + lg.exp(x)[1:3]

    def fresh() -> object:
        return lg.function(lambda x: x * 2 + 1)(x)

    return {
        "variables": (100_000, lambda: stateful(x), (v, x)),
        "containers": (100_000, lambda: nested(nest), (nest, x, y)),
        "keywords": (50_000, lambda: nested(d=nest, k=2.5), (nest, x, y)),
        "a compiled gradient": (100_000, lambda: slope(y), (w, y)),
        "eager ops": (100_000, eager, (x, y)),
        "an eager gradient": (2_000, lambda: lg.value_and_grad(lambda z: lg.sum(z * z))(x), (x,)),
        "reads and writes": (20_000, lambda: (w.assign(x * 1), w.numpy(), w.assign_add(x), w.value()), (w, x)),
        "errors": (2_000, failing, (x,)),
        "new functions": (60, fresh, (x,)),
    }


@pytest.mark.parametrize("name", steps())
def test_calls_leave_nothing_behind(name: str) -> None:
    n, step, watched = steps()[name]
    for _ in range(min(n, 300)):
        step()
    gc.collect()
    before, memory = counters()[:3], resident()
    references = [sys.getrefcount(o) for o in watched]
    for _ in range(n):
        step()
    gc.collect()
    assert counters()[:3] == before
    assert all(abs(sys.getrefcount(o) - r) < 20 for o, r in zip(watched, references, strict=True))
    assert resident() - memory < 12 << 20


def race(work: Callable[[int], None]) -> None:
    """Run `work(i)` on N threads that start together; what one of them raises is raised here."""
    start, failures = threading.Barrier(N), list[BaseException]()

    def guarded(i: int) -> None:
        start.wait()
        try:
            work(i)
        except BaseException as error:  # it is raised again below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(N)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


def test_racing_first_calls_count_once_and_lose_no_update() -> None:
    for _ in range(5):
        v = lg.Variable(np.zeros(3, np.int64))

        @lg.function
        def bump(x: lg.Array, v: lg.Variable = v) -> lg.Array:
            return v.assign_add(x)

        one, seen = np.ones(3, np.int64), [list[int]() for _ in range(N)]

        def many(part: list[int], bump: lg.Function[lg.Array] = bump, one: np.ndarray = one) -> None:
            for _ in range(200):
                part.append(int(bump(one)[0]))

        race(lambda i, seen=seen, many=many: many(seen[i]))  # type: ignore[misc]
        assert bump.trace_count == 1
        assert v.numpy().tolist() == [200 * N] * 3
        # Every increment is seen by exactly one call, and each thread sees its own in order.
        assert sorted(n for part in seen for n in part) == list(range(1, 200 * N + 1))
        assert all(part == sorted(part) for part in seen)


def test_everything_at_once() -> None:
    x = lg.tensor(np.arange(50_000, dtype=np.float32))
    total = lg.function(lambda x: lg.sum(lg.square(x * 1e-3)))
    expected = total(x).item()
    shared = lg.Variable(np.zeros(2, np.float32))

    def work(i: int) -> None:
        for k in range(25):
            assert total(x).item() == expected
            assert (x[:5] + k).tolist() == [k, k + 1, k + 2, k + 3, k + 4]
            f = lg.function(lambda a, k=k: a * (k + i))
            assert f(np.ones(3 + k % 4, np.float32)).tolist() == [k + i] * (3 + k % 4)
            with pytest.raises(lg.DivisionError):
                lg.tensor([1]) // 0
            shared.assign(np.full(2, i, np.float32))
            a, b = shared.numpy().tolist()
            assert a == b

    race(work)


def test_dropped_functions_free_their_libraries() -> None:
    def libraries() -> int:
        return sum(type(o) is jit.Library for o in gc.get_objects())

    gc.collect()
    before = libraries()
    held = [lg.function(lambda x, k=k: lg.exp(x) * (k + 3.25)) for k in range(4)]
    for f in held:
        f(ONE)
    assert libraries() == before + 4
    del f, held
    gc.collect()
    assert libraries() == before


FORKING = """
import os, threading
import numpy as np, lithograph as lg
x = np.arange(400_000, dtype=np.float32)
f = lg.function(lambda x: lg.sum(lg.exp(x * -1e-5)))
v = lg.Variable(np.zeros(2, np.float32))
bump = lg.function(v.assign_add)
expected = f(x).item()
bump(np.ones(2, np.float32))
for _ in range(3):
    child = os.fork()
    if child == 0:
        right = f(x).item() == expected and bump(np.ones(2, np.float32)).tolist() == [2, 2]
        right = right and lg.function(lambda x: lg.sum(x * 2))(x).item() == lg.sum(lg.tensor(x) * 2).item()
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert f(x).item() == expected and v.numpy().tolist() == [1, 1]
print("well")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("native", ["0", "1"])
def test_a_forked_child_computes(native: str) -> None:
    done = run(FORKING, LITHOGRAPH_THREADS="3", LITHOGRAPH_NATIVE=native, PYTHONWARNINGS="ignore::DeprecationWarning")
    assert (done.returncode, done.stdout, done.stderr) == (0, "well\n", "")


EXITING = """
import threading, numpy as np, lithograph as lg
x = np.arange(3_000_000, dtype=np.float32)
f = lg.function(lambda x: lg.sum(lg.exp(x * -1e-6)))
f(x)
def forever():
    while True:
        f(x)
        x[:5] + lg.tensor([1.0])
for _ in range(3):
    threading.Thread(target=forever, daemon=True).start()
f(x)
"""


def test_the_interpreter_exits_cleanly_while_threads_compute() -> None:
    for count in ("1", "3"):
        done = run(EXITING, LITHOGRAPH_THREADS=count)
        assert (done.returncode, done.stderr) == (0, "")
