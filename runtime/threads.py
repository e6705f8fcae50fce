"""The worker threads: how many there are, when they start and stop; what they run is native (codegen/pool).

Workers are daemon threads of Python that enter the native loop once, without the GIL, and stay there. None is
started at import. After a fork the child has none; it starts its own if its parent had some.
"""

from __future__ import annotations

import atexit
import ctypes
import operator
import os
import threading
from collections.abc import Callable

from ..codegen import pool, support
from ..ir.config import config

_lock = threading.Lock()
_workers: list[threading.Thread] = []
_wanted: int | None = None
_started = False
_Word = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
_Nullary = ctypes.CFUNCTYPE(ctypes.c_int64)

# Native pools need POSIX calls; elsewhere programs run on their caller's thread.
_SUPPORTED = os.name == "posix"
_MOST = 256


def _default_count() -> int:
    if config.threads is not None:
        return config.threads
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    here = (os.cpu_count() or 1) if affinity is None else len(affinity(0))
    return min(here, _MOST)


def _checked(n: int) -> int:
    if n not in range(1, _MOST + 1):
        raise ValueError(f"the number of threads must be an integer from 1 to {_MOST}, not {n!r}")
    return n


def count() -> int:
    """Number of threads that compiled programs may use, their caller included.

    `config.threads`, else the CPUs that this process may run on.
    """
    global _wanted
    if not _SUPPORTED:
        return 1
    if _wanted is None:
        _wanted = _default_count()
    return _wanted


def set_count(n: int) -> None:
    """Use `n` threads from now on, their caller included (1 to 256); results do not depend on it.

    Raises ValueError when `n` is no such number, TypeError when it is no integer. Waits for workers that are
    no longer wanted to finish their chunk.
    """
    global _wanted
    n = _checked(operator.index(n))
    with _lock:
        _wanted = n
        if _started:
            _match()


def ensure_started() -> None:
    """Start the workers that are missing; called when a program with parallel parts is loaded."""
    global _started
    if _started and len(_workers) == count() - 1:
        return
    with _lock:
        _started = True
        _match()


def parallel_address() -> int:
    """Address of `i64 litho_parallel(ptr kernel, ptr bufs, i64 n, i64 grain)`.

    It runs `i64 kernel(ptr bufs, i64 lo, i64 hi)` over [0, n) in chunks of `grain` and returns the largest of
    the results (unsigned). With no worker, n <= grain, or another parallel run under way (a nested one too)
    it makes one call on its own thread.
    """
    return support.address(pool.PARALLEL)


def _match() -> None:
    """Make the workers as many as `count` says; the lock is held."""
    wanted = count() - 1
    _Word(support.address(pool.RESIZE))(wanted)
    while len(_workers) > wanted:
        _workers.pop().join()
    loop = _Word(support.address(pool.WORKER))
    while len(_workers) < wanted:
        index = len(_workers)
        worker = threading.Thread(target=loop, args=(index,), name=f"lithograph-{index}", daemon=True)
        worker.start()
        _workers.append(worker)


def _leave() -> None:
    """Send the workers home before the interpreter takes their code away."""
    with _lock:
        if not _workers:
            return
        _Word(support.address(pool.RESIZE))(0)
        while _workers:
            _workers.pop().join()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    if not _started:
        return
    _workers.clear()
    _Nullary(support.address(pool.RESET))()
    with _lock:
        _match()


config.watch("threads", lambda n: set_count(_default_count()))
atexit.register(_leave)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
