"""The worker pool: each chunk exactly once, from any thread, nested, across forks and exits, and asleep when
idle.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lithograph.codegen import jit, pool, support
from lithograph.codegen.target import host
from lithograph.runtime import threads

ROOT = Path(__file__).resolve().parent.parent
_WORD, _POINTER = ctypes.c_int64, ctypes.c_void_p
_PARALLEL = ctypes.CFUNCTYPE(_WORD, _POINTER, _POINTER, _WORD, _WORD)
_MANY = ctypes.CFUNCTYPE(_WORD, _POINTER, _POINTER, _POINTER, _WORD, _WORD, _WORD)

# count: adds 1 to buf[lo:hi]. code: returns 1 << lo. nested: runs `count` in parallel on the whole of buf +
# 1, where buf[0] is the address of litho_parallel. slow: busy for about 2^22 steps. many: so many parallel
# runs in a row.
_KERNELS = """
define i64 @count(ptr %buf, i64 %lo, i64 %hi) {
entry:
  br label %loop
loop:
  %i = phi i64 [ %lo, %entry ], [ %next, %loop ]
  %place = getelementptr i64, ptr %buf, i64 %i
  %old = atomicrmw add ptr %place, i64 1 monotonic
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %hi
  br i1 %more, label %loop, label %done
done:
  ret i64 0
}
define i64 @code(ptr %buf, i64 %lo, i64 %hi) {
  %bit = shl i64 1, %lo
  ret i64 %bit
}
define i64 @nested(ptr %buf, i64 %lo, i64 %hi) {
  %address = load i64, ptr %buf
  %parallel = inttoptr i64 %address to ptr
  %rest = getelementptr i64, ptr %buf, i64 1
  %status = call i64 %parallel(ptr @count, ptr %rest, i64 8, i64 1)
  ret i64 %status
}
define i64 @slow(ptr %buf, i64 %lo, i64 %hi) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %next = add i64 %i, 1
  store volatile i64 %next, ptr %buf
  %more = icmp slt i64 %next, 4194304
  br i1 %more, label %loop, label %done
done:
  ret i64 0
}
define i64 @many(ptr %parallel, ptr %kernel, ptr %buf, i64 %n, i64 %grain, i64 %times) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %bits = phi i64 [ 0, %entry ], [ %all, %loop ]
  %status = call i64 %parallel(ptr %kernel, ptr %buf, i64 %n, i64 %grain)
  %all = or i64 %bits, %status
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %times
  br i1 %more, label %loop, label %done
done:
  ret i64 %all
}
"""
_CODE = jit.load(_KERNELS, ["count", "code", "nested", "slow", "many"])

pytestmark = pytest.mark.alone


def many(kernel: str, buf: ctypes.Array[ctypes.c_int64], n: int, grain: int, times: int) -> int:
    """So many parallel runs over [0, n) in a row, without the GIL; the OR of their results."""
    run = _MANY(_CODE["many"])
    return int(run(threads.parallel_address(), _CODE[kernel], ctypes.addressof(buf), n, grain, times))


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = threads.count()
    yield
    threads.set_count(before)


@pytest.fixture(params=[1, 2, 5])
def workers(request: pytest.FixtureRequest) -> int:
    threads.set_count(int(request.param))
    threads.ensure_started()
    return int(request.param)


@pytest.mark.parametrize(
    ("n", "grain"), [(0, 1), (1, 1), (2, 1), (7, 3), (16, 16), (64, 1), (1000, 7), (5, 1 << 40)]
)
def test_each_element_is_visited_once(workers: int, n: int, grain: int) -> None:
    buf = (_WORD * (n + 1))()
    assert many("count", buf, n, grain, 500) == 0
    assert list(buf) == [500] * n + [0]


def test_a_grain_below_one_counts_as_one(workers: int) -> None:
    buf = (_WORD * 4)()
    many("count", buf, 4, 0, 3)
    assert list(buf) == [3] * 4


def test_statuses_are_joined(workers: int) -> None:
    # Chunks that fail may fail for different reasons: the largest is reported, whichever thread saw it.
    whole = 1 if workers == 1 else 1 << 4
    assert many("code", (_WORD * 1)(), 5, 1, 1) == whole
    assert many("count", (_WORD * 5)(), 5, 1, 1) == 0


def test_many_forks_with_pauses() -> None:
    threads.set_count(3)
    threads.ensure_started()
    buf = (_WORD * 6)()
    for _ in range(40):
        many("count", buf, 6, 1, 1000)
        time.sleep(0.0005)  # long enough for workers to fall asleep
    assert list(buf) == [40_000] * 6


def test_concurrent_callers() -> None:
    threads.set_count(3)
    threads.ensure_started()
    buffers = [(_WORD * 9)() for _ in range(6)]
    callers = [threading.Thread(target=many, args=("count", buf, 9, 2, 20_000)) for buf in buffers]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [list(buf) for buf in buffers] == [[20_000] * 9] * 6


def test_nested_runs_are_serial(workers: int) -> None:
    buf = (_WORD * 9)()
    buf[0] = threads.parallel_address()
    many("nested", buf, 4, 1, 1000)
    assert list(buf)[1:] == [(4 if workers > 1 else 1) * 1000] * 8


def test_idle_workers_sleep() -> None:
    threads.set_count(3)
    threads.ensure_started()
    many("count", (_WORD * 4)(), 4, 1, 100)
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.02


def test_the_caller_does_not_wait_for_sleepers() -> None:
    threads.set_count(2)
    threads.ensure_started()
    waits = []
    for _ in range(30):
        time.sleep(0.002)
        start = time.perf_counter()
        many("count", (_WORD * 2)(), 2, 1, 1)
        waits.append(time.perf_counter() - start)
    # A wake-up and two system calls take microseconds; a caller that waited would show a scheduler's time
    # slice.
    assert sorted(waits)[15] < 0.001


def test_the_count_can_change_while_others_run() -> None:
    threads.set_count(4)
    threads.ensure_started()
    buf = (_WORD * 8)()
    caller = threading.Thread(target=many, args=("count", buf, 8, 1, 50_000))
    caller.start()
    for n in (1, 3, 2, 6, 1, 2) * 3:
        threads.set_count(n)
        names = [t.name for t in threading.enumerate() if t.name.startswith("lithograph-")]
        assert len(names) == n - 1
    caller.join()
    assert list(buf) == [50_000] * 8


@pytest.mark.parametrize("n", [0, -1, 257, 10**9])
def test_bad_counts_are_refused(n: int) -> None:
    before = threads.count()
    with pytest.raises(ValueError) as caught:
        threads.set_count(n)
    assert str(caught.value) == f"the number of threads must be an integer from 1 to 256, not {n}"
    assert threads.count() == before


def test_a_count_that_is_no_integer_is_refused() -> None:
    with pytest.raises(TypeError):
        threads.set_count(2.0)  # type: ignore[arg-type]


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **environment},
    )  # fmt: skip


def test_the_environment_sets_the_count() -> None:
    code = "from lithograph.runtime import threads; print(threads.count())"
    assert python(code, LITHOGRAPH_THREADS="5").stdout.strip() == "5"
    for bad in ("0", "many"):
        done = python(code, LITHOGRAPH_THREADS=bad)
        assert done.returncode == 1
        assert done.stderr.strip().splitlines()[-1] == (
            "lithograph.ir.errors.DomainError: "
            f"LITHOGRAPH_THREADS must be a number of threads from 1 to 256, not '{bad}'"
        )


def test_import_starts_no_thread() -> None:
    code = "import threading, lithograph.runtime.threads; print(threading.active_count())"
    assert python(code).stdout.strip() == "1"


def test_exit_is_clean() -> None:
    code = "from lithograph.runtime import threads; threads.set_count(4); threads.ensure_started()"
    for _ in range(3):
        done = python(code)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_workers_of_its_own() -> None:
    threads.set_count(3)
    threads.ensure_started()
    busy = threading.Thread(target=many, args=("slow", (_WORD * 1)(), 8, 1, 1))
    busy.start()  # so that the pool's lock is held when the process forks
    child = os.fork()
    if child == 0:
        buf = (_WORD * 8)()
        many("count", buf, 8, 1, 2000)
        started = sum(t.name.startswith("lithograph-") for t in threading.enumerate())
        os._exit(0 if list(buf) == [2000] * 8 and started == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    busy.join()


@pytest.mark.parametrize("futex", [False, None])
def test_either_way_of_sleeping(futex: bool | None) -> None:
    """The condition variable of other systems runs here as well."""
    library = jit.load(pool.text(host(), futex=futex), pool.SYMBOLS)
    word = ctypes.CFUNCTYPE(_WORD, _WORD)
    ctypes.CFUNCTYPE(_WORD)(library[pool.RESET])()
    word(library[pool.RESIZE])(2)
    workers = [threading.Thread(target=word(library[pool.WORKER]), args=(i,)) for i in range(2)]
    for worker in workers:
        worker.start()
    buf = (_WORD * 6)()
    run: Callable[..., int] = _MANY(_CODE["many"])
    for _ in range(20):
        run(library[pool.PARALLEL], _CODE["count"], ctypes.addressof(buf), 6, 1, 500)
        time.sleep(0.001)
    before = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - before < 0.02
    word(library[pool.RESIZE])(0)
    for worker in workers:
        worker.join(timeout=10)
        assert not worker.is_alive()
    assert list(buf) == [10_000] * 6


def test_the_address_is_the_support_librarys() -> None:
    assert threads.parallel_address() == support.address("litho_parallel")


def test_threads_share_the_work() -> None:
    """Slow chunks are run by two threads; skipped where there is one core."""
    if threads.count() < 2:
        pytest.skip("one core")
    threads.set_count(2)
    threads.ensure_started()
    seen = set()
    callback = ctypes.CFUNCTYPE(_WORD, _POINTER, _WORD, _WORD)

    def note(buf: int, lo: int, hi: int) -> int:
        seen.add(threading.get_native_id())
        time.sleep(0.01)
        return 0

    kernel = callback(note)
    run = _PARALLEL(threads.parallel_address())
    for _ in range(20):
        run(ctypes.cast(kernel, _POINTER), None, 4, 1)
    assert len(seen) == 2
