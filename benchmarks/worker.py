"""One framework in one process: it answers questions asked as JSON lines, and times nothing that is wrong.

    python -m benchmarks.worker FRAMEWORK THREADS

On one thread the process is pinned to one core; its parent has set the thread variables of libraries.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import timeit
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import cast

import numpy as np

from .answers import error, training_error
from .cases import BY_NAME, CHAIN, FIRST, Case, Function, Nest, Numbers, long_chain
from .peers import FRAMEWORKS, Framework, NotOffered
from .training import STEPS

BATCH_S = 0.02
Answer = dict[str, object]
Timer = Callable[[int], float]


def _mapped(f: Callable[[Numbers], object], nest: Nest) -> object:
    return {k: f(v) for k, v in nest.items()} if isinstance(nest, dict) else f(nest)


def flat(framework: Framework, result: object) -> list[Numbers]:
    """The arrays of a result."""
    if isinstance(result, Mapping):
        result = list(result.values())
    if isinstance(result, list | tuple):
        return [framework.to_numpy(r) for r in result]
    return [framework.to_numpy(result)]


def function_of(framework: Framework, case: Case) -> Function:
    """The case's function, compiled unless the case says eager; not called yet.

    Raises:
        NotOffered: the framework has nothing for it.
    """
    if framework.ops is not None:
        function = case.formula(framework.ops)
        return function if case.eager else framework.compiled(function)
    if framework.loops is None or case.name not in framework.loops:
        raise NotOffered(f"no loop for {case.name}")
    return framework.compiled(framework.loops[case.name])


def timer_of(function: Function, arguments: list[object], framework: Framework, dispatch: bool) -> Timer:
    """Seconds of n calls, written out so that nothing but the call itself is timed."""
    names = {f"a{k}": a for k, a in enumerate(arguments)}
    call = f"f({', '.join(names)})"
    scope: dict[str, object] = {"f": function, "ready": framework.ready, **names}
    if framework.ready is None:
        return timeit.Timer(call, globals=scope).timeit
    if not dispatch:
        return timeit.Timer(f"ready({call})", globals=scope).timeit
    batch = timeit.Timer(f"r = {call}", globals=scope).timeit

    def timed(n: int) -> float:
        start = perf_counter()
        batch(n - 1)
        framework.ready(function(*arguments)) if framework.ready else None
        return perf_counter() - start

    return timed


class Session:
    """One framework and the cases that it got right, and so may be timed on."""

    def __init__(self, framework: Framework) -> None:
        self.framework = framework
        self.timers: dict[str, Timer] = {}

    def prepare(self, name: str, small: bool) -> Answer:
        """Build a case, call it, compare the answer; only a right one can be timed."""
        case, framework = BY_NAME[name], self.framework
        rng = np.random.default_rng(1)
        if isinstance(case, Case):
            inputs = case.make(rng, small)
            keep = framework.array if not case.numpy_inputs else lambda a: a
            arguments = [_mapped(keep, a) for a in inputs]
            function = function_of(framework, case)
            timer = timer_of(function, arguments, framework, case.dispatch)
            references = case.reference(*[_mapped(lambda a: a.astype(np.float64), a) for a in inputs])
            off = error(flat(framework, function(*arguments)), references)
            most = case.tolerance
        else:
            if framework.training is None:
                raise NotOffered("no training")
            start = case.make(rng, small)
            step, params = framework.training(*start)
            timer = timer_of(step, [], framework, False)
            losses = [float(flat(framework, step())[0]) for _ in range(STEPS)]
            off, most = training_error(losses, params(), start), 1.0
        if off <= most:
            self.timers[name] = timer
        return {"ok": off <= most, "error": off, "most": most}

    def time(self, name: str, budget: float) -> Answer:
        """Seconds per call, the median of batches that fill `budget` seconds."""
        timer = self.timers[name]
        gc.collect()
        others = _others()
        once = min(timer(1), timer(1))
        n = max(1, int(BATCH_S / once))
        n = max(1, int(BATCH_S / (timer(n) / n)))
        times, end = [timer(n) / n], perf_counter() + budget
        while perf_counter() < end:
            times.append(timer(n) / n)
        return {"seconds": float(np.median(times)), "others": others()}

    def drop(self, name: str) -> Answer:
        self.timers.pop(name, None)
        gc.collect()
        return {}

    def first(self, warm: bool) -> Answer:
        """Seconds from the first call of a function of ten ops to its result, which is checked."""
        framework = self.framework
        inputs = cast("list[Numbers]", FIRST.make(np.random.default_rng(1), False))
        arguments = [framework.array(a) for a in inputs]
        if warm:
            small = framework.compiled(lambda x: x + 1)(framework.array(np.ones(3, np.float32)))
            flat(framework, small)
        start = perf_counter()
        result = function_of(framework, FIRST)(*arguments)
        if framework.ready is not None:
            framework.ready(result)
        seconds = perf_counter() - start
        got = [a.astype(np.float32) for a in flat(framework, result)]
        off = error(got, FIRST.reference(*[a.astype(np.float64) for a in inputs]))
        return {"seconds": seconds, "ok": off <= FIRST.tolerance, "error": off, "most": FIRST.tolerance}

    def chain(self) -> Answer:
        """Seconds per op of tracing a long function, the least of three."""
        if self.framework.trace is None or self.framework.ops is None:
            raise NotOffered("it does not trace")
        x = self.framework.array(np.ones(4, np.float32))
        times = []
        for _ in range(3):
            function = long_chain(self.framework.ops)
            start = perf_counter()
            self.framework.trace(function, x)
            times.append((perf_counter() - start) / CHAIN)
        return {"seconds": min(times), "ok": True}

    def ask(self, question: Answer) -> Answer:
        """The answer to one question; whatever goes wrong in a framework is an answer too."""
        method: Callable[..., Answer] = getattr(self, str(question.pop("do")))
        try:
            return method(**question)
        except NotOffered as missing:
            return {"missing": str(missing)}
        except Exception as fault:
            return {"failed": f"{type(fault).__name__}: {fault}".partition("\n")[0][:200]}


def _others() -> Callable[[], float]:
    """Starts to watch the cores this process may use; the result says how many of them others have used."""

    def used() -> float:
        mine = os.sched_getaffinity(0)
        with open("/proc/stat") as stat:
            rows = [line.split() for line in stat if line.startswith("cpu") and line[3] != " "]
        busy = [row[1:4] + row[6:9] for row in rows if int(row[0][3:]) in mine]
        own = os.times()
        return sum(int(t) for row in busy for t in row) / os.sysconf("SC_CLK_TCK") - own.user - own.system

    if not os.path.exists("/proc/stat"):
        return lambda: 0.0
    before, start = used(), perf_counter()
    return lambda: max(0.0, (used() - before) / (perf_counter() - start))


def main(name: str, threads: int) -> None:
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not get between the answers
    start = perf_counter()
    framework = FRAMEWORKS[name](threads)
    session = Session(framework)
    hello = {"import_s": perf_counter() - start, "version": framework.version}
    print(json.dumps(hello), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(session.ask(json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
