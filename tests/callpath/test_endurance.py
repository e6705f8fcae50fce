"""A million calls leave nothing behind, racing threads break nothing, the interpreter exits cleanly."""

from __future__ import annotations

import dataclasses
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lithograph.codegen import jit
from lithograph.ir import dtypes
from lithograph.ir.types import TensorType
from lithograph.runtime.record import (
    BuildConst,
    BuildDict,
    BuildOutput,
    MatchArray,
    MatchDict,
    NewOutput,
    Record,
    StateBinding,
    StateOutput,
)

pytestmark = pytest.mark.callpath
F4 = TensorType(dtypes.float32, (4,))
BIG = TensorType(dtypes.float32, (1000,))
ROOT = Path(__file__).resolve().parents[2]
PAGE = 4096


def resident() -> int:
    """Bytes of this process in memory, 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def run_flat(path: ModuleType, step: Callable[[], object], n: int, *watched: object) -> None:
    """Call `step` n times; counters, reference counts and memory stay where they were."""
    for _ in range(200):
        step()
    gc.collect()
    counts, memory = path.counters()[:3], resident()
    references = [sys.getrefcount(o) for o in watched]
    for _ in range(n):
        step()
    gc.collect()
    assert path.counters()[:3] == counts
    drift = [abs(sys.getrefcount(o) - r) for o, r in zip(watched, references, strict=True)]
    assert max(drift) < 20, drift
    assert resident() - memory < 4 << 20


def often(path: ModuleType, n: int) -> int:
    """n calls, fewer for the twin, which is 300 times slower."""
    return n // 200 if path.__name__.endswith("twin") else n


def test_a_million_calls(path: ModuleType, tensor: Any, dispatcher: Any, muladd: Record) -> None:
    f, x, y = dispatcher(muladd), tensor(1), np.zeros(4, np.float32)
    run_flat(path, lambda: f(x, y), often(path, 1_000_000), F4, None, x, y, f, muladd, F4.dtype.numpy)


def test_calls_with_containers_and_state(
    path: ModuleType, tensor: Any, dispatcher: Any, programs: jit.Library
) -> None:
    keys = ("a", "b", "c")
    cell = path.Cell(tensor(0))
    copying = Record(
        n_args=1,
        match=(MatchDict(0, keys), *(MatchArray(1 + i, F4, 1 + i) for i in range(3))),
        outputs=tuple(NewOutput(F4, 16, 4 + i) for i in range(3)),
        build=(BuildOutput(0), BuildConst(None), BuildOutput(1), BuildDict(keys)),
        n_bufs=7,
        program=programs["copies"],
        fail=ValueError,
        constants=np.array([3]),
        constants_buf=0,
    )
    adding = Record(
        n_args=1,
        match=(MatchArray(0, F4, 2),),
        state=(StateBinding(cell, F4, 0, 1, True),),
        outputs=(StateOutput(0),),
        build=(BuildOutput(0),),
        n_bufs=3,
        program=programs["accumulate"],
        fail=ValueError,
    )
    f, g = dispatcher(copying), dispatcher(adding, dataclasses.replace(adding, n_args=2, release_gil=True))
    given, one = {k: tensor(i) for i, k in enumerate(keys)}, tensor(1)
    watched = (F4, None, *keys, given, one, cell, *given.values())
    run_flat(path, lambda: (f(given), g(one), g(one, None)), often(path, 100_000), *watched)


def test_failing_calls_and_misses(
    path: ModuleType, tensor: Any, dispatcher: Any, muladd: Record, programs: jit.Library
) -> None:
    f, x = dispatcher(dataclasses.replace(muladd, program=programs["fail7"])), tensor(1)

    def step() -> None:
        with pytest.raises(ValueError, match="7"):
            f(x, x)
        f(x)
        f(x, x, y=x)

    run_flat(path, step, often(path, 20_000), F4, None, x, f, muladd)


def test_conversions(path: ModuleType, tensor: Any) -> None:
    small, large = np.zeros(4, np.float32), np.zeros(1000, np.float32)

    def step() -> None:
        for aval, array in ((F4, small), (BIG, large)):
            t = path.from_ndarray(aval, array)
            view = path.view(F4, 0, t)
            shown = path.as_ndarray(view), path.as_ndarray(t)
            path.dispose(t)
            path.wrap(F4, array.ctypes.data, array)
            del shown

    run_flat(path, step, often(path, 100_000), F4, BIG, None, small, large, F4.dtype.numpy)


def test_records_come_and_go(path: ModuleType, muladd: Record, tensor: Any) -> None:
    f, x = path.Dispatcher(lambda *a: None, 4), tensor(1)

    def step() -> None:
        f.install(muladd)
        f(x, x)
        f.clear()
        path.Dispatcher(len).install(muladd)

    run_flat(path, step, often(path, 10_000), F4, None, x, muladd, len)


def test_racing_threads(path: ModuleType, tensor: Any, muladd: Record, programs: jit.Library) -> None:
    f = path.Dispatcher(lambda x, y: "slow", 2)
    waiting = dataclasses.replace(muladd, program=programs["slow_muladd"], release_gil=True)
    stop, wrong = threading.Event(), []
    x, y = tensor(2), tensor(3)

    def hammer() -> None:
        while not stop.is_set():
            t = tensor(2)
            made = f(t, y)
            path.dispose(t)
            if not isinstance(made, str) and path.as_ndarray(made).tolist() != [7] * 4:
                wrong.append(made)

    def change() -> None:
        while not stop.is_set():
            f.install(waiting)
            f.install(dataclasses.replace(muladd, owner=[f]))
            f(x, y)
            f.clear()
            gc.collect(0)

    threads = [threading.Thread(target=hammer) for _ in range(7)] + [threading.Thread(target=change)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for t in threads:
            t.start()
        stop.wait(0.7)
    finally:
        stop.set()
        for t in threads:
            t.join()
        sys.setswitchinterval(before)
    assert wrong == []
    f.clear()


def test_racing_updates_of_one_variable(path: ModuleType, tensor: Any, programs: jit.Library) -> None:
    cell = path.Cell(tensor(0))
    f = path.Dispatcher(lambda x: "busy")
    f.install(
        Record(
            n_args=1,
            match=(MatchArray(0, F4, 2),),
            state=(StateBinding(cell, F4, 0, 1, True),),
            outputs=(),
            build=(BuildConst("done"),),
            n_bufs=3,
            program=programs["slow_accumulate"],
            fail=ValueError,
            release_gil=True,
        )
    )
    one, done, torn = tensor(1), [], []

    def update() -> None:
        for _ in range(40):
            while f(one) == "busy":
                os.sched_yield()
            done.append(1)

    def read() -> None:
        while len(done) < 120:
            try:
                shown = path.as_ndarray(cell.tensor)
            except RuntimeError:
                continue
            first = shown.tolist()
            os.sched_yield()
            if len(set(first)) != 1 or shown.tolist() != first:
                torn.append(first)

    threads = [threading.Thread(target=update) for _ in range(3)] + [threading.Thread(target=read)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert torn == []
    assert path.as_ndarray(cell.tensor).tolist() == [120] * 4


def test_dispose_during_a_call(path: ModuleType, programs: jit.Library, muladd: Record) -> None:
    f = path.Dispatcher(lambda *a: "slow")
    f.install(dataclasses.replace(muladd, program=programs["slow_muladd"], release_gil=True))
    large = path.from_ndarray(BIG, np.full(1000, 2, np.float32))
    x = path.view(F4, 0, large)
    y = path.from_ndarray(F4, np.full(4, 3, np.float32))
    made: list[Any] = []
    thread = threading.Thread(target=lambda: made.append(f(x, y)))
    thread.start()
    while path.counters().num_tensors < 4 and thread.is_alive():
        os.sched_yield()
    for t in (large, x, y):
        path.dispose(t)
    others = [path.from_ndarray(BIG, np.zeros(1000, np.float32)) for _ in range(4)]
    thread.join()
    assert isinstance(made[0], str) or path.as_ndarray(made[0]).tolist() == [7] * 4
    del others


EXIT = """
import atexit, gc, sys, threading, time
sys.path.insert(0, {root!r})
import numpy as np
from lithograph.ir import dtypes
from lithograph.ir.types import TensorType
from lithograph.runtime import core
A, B = TensorType(dtypes.float32, (4,)), TensorType(dtypes.float32, (1000,))
class Holder:
    def __del__(self):
        print("late", core.as_ndarray(self.t).tolist() if core is not None else "gone")
small, big = core.from_ndarray(A, np.ones(4, np.float32)), core.from_ndarray(B, np.ones(1000, np.float32))
shown, view = core.as_ndarray(big), core.view(A, 0, big)
cell = core.Cell(small)
f = core.Dispatcher(lambda *a: f)
core.bind_operator("add", f)
holder = Holder(); holder.t = small; holder.me = holder
sys.small = small
sys.modules["kept"] = big
atexit.register(lambda: print("atexit", core.counters().num_tensors))
threading.Thread(target=lambda: time.sleep(60), daemon=True).start()
{extra}
print("end")
"""


@pytest.mark.parametrize("extra", ["", "raise SystemExit(0)", "del core.Tensor", "gc.disable()"])
def test_clean_exit(path: ModuleType, extra: str) -> None:
    native = "0" if path.__name__.endswith("twin") else "1"
    code = EXIT.format(root=str(ROOT), extra=extra)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        env={**os.environ, "LITHOGRAPH_NATIVE": native},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "atexit 3" in done.stdout


def test_the_environment_chooses(path: ModuleType) -> None:
    code = "from lithograph.runtime import core; print(core.Dispatcher.__module__)"
    said = {
        native: subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"],
            env={**os.environ, "LITHOGRAPH_NATIVE": native},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for native in "01"
    }
    assert said["0"] == "lithograph.runtime.twin"
    assert said["1"] in ("lithograph", "lithograph.runtime.twin")
