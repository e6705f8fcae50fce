"""Frameworks in processes of their own, of which one runs at a time; it knows the protocol, and no case."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

ROOT: Final = Path(__file__).resolve().parent.parent
ENVIRONMENT: Final = "LITHOGRAPH_BENCH_PEERS"
PEERS: Final = ("numpy", "jax", "torch", "numba")
LIMIT_S: Final = 120.0
_THREAD_VARIABLES: Final = ("OMP", "MKL", "OPENBLAS", "NUMBA", "NUMEXPR")

Answer = dict[str, object]


def environment(threads: int, cache: str) -> dict[str, str]:
    """What a process sees: thread counts for every library, and object caches in one folder."""
    # Without bytecode an import would compile a checkout's sources each time, as it never does once installed.
    dropped = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LITHOGRAPH_") and k not in dropped}
    return {
        **kept,
        **{f"{library}_NUM_THREADS": str(threads) for library in _THREAD_VARIABLES},
        "NPROC": str(threads),  # read by XLA
        "LITHOGRAPH_THREADS": str(threads),
        "LITHOGRAPH_CACHE": os.path.join(cache, "lithograph"),
        "JAX_COMPILATION_CACHE_DIR": os.path.join(cache, "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TORCHINDUCTOR_CACHE_DIR": os.path.join(cache, "torch"),
        "NUMBA_CACHE_DIR": os.path.join(cache, "numba"),
    }


class Process:
    """A framework's process; it is stopped while it is not asked, so that its threads disturb nobody.

    Attributes:
        hello: its first words: the framework's version and how long its import took, or that it failed.
    """

    def __init__(self, framework: str, threads: int, python: str, cache: str) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", framework, str(threads)],
            cwd=ROOT,
            env=environment(threads, cache),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.hello = self._answer(LIMIT_S)
        self._pause()

    def ask(self, do: str, limit: float = LIMIT_S, **arguments: object) -> Answer:
        """The answer to one question, or {"failed": why} when none comes within `limit` seconds."""
        if self._process.poll() is not None or self._process.stdin is None:
            return {"failed": self._last_words()}
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._answer(limit)
        self._pause()
        return answer

    def close(self) -> None:
        """End the process, also a stopped one."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _pause(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)

    def _answer(self, limit: float) -> Answer:
        assert self._process.stdout is not None, "it is a pipe"
        if not select.select([self._process.stdout], [], [], limit)[0]:
            self._process.kill()
            self._process.wait()
            return {"failed": f"no answer within {limit:.0f} s"}
        line = self._process.stdout.readline()
        if line:
            return cast(Answer, json.loads(line))
        self._process.wait()
        return {"failed": self._last_words()}

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return f"process ended with {self._process.returncode}: {lines[-1] if lines else 'no message'}"


def find_frameworks(
    given: str | None, wanted: Sequence[str] = PEERS
) -> tuple[dict[str, str], dict[str, str]]:
    """The interpreter of each framework; and for each peer without one, why.

    Args:
        given: an interpreter that has peers, besides the one that runs this; else ENVIRONMENT names it.
        wanted: the peers.

    Raises:
        SystemExit: the given interpreter does not run.
    """
    given = given or os.environ.get(ENVIRONMENT)
    found = {"lithograph": sys.executable, "numpy": sys.executable}
    pythons = [*([given] if given else []), sys.executable]
    for python in pythons:
        try:
            there = _modules(python, PEERS)
        except (OSError, subprocess.CalledProcessError) as fault:
            raise SystemExit(f"benchmarks: {python} does not run: {fault}") from fault
        for name in there:
            found.setdefault(name, python)
    hint = f"not installed; --peers-python or {ENVIRONMENT} names a Python that has it"
    absent = {name: hint for name in wanted if name not in found}
    return {name: python for name, python in found.items() if name in ("lithograph", *wanted)}, absent


def _modules(python: str, names: Sequence[str]) -> list[str]:
    code = f"import importlib.util as u; print(*[n for n in {list(names)!r} if u.find_spec(n)])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def import_seconds(name: str, python: str, cache: str, rounds: int) -> float:
    """How long `import name` takes after NumPy's, the least of some processes."""
    clock = (
        f"import numpy, time; start = time.perf_counter(); import {name}; print(time.perf_counter() - start)"
    )
    times = []
    for _ in range(rounds):
        done = subprocess.run(
            [python, "-c", clock],
            cwd=ROOT,
            env=environment(1, cache),
            capture_output=True,
            text=True,
            check=True,
        )
        times.append(float(done.stdout))
    return min(times)


def versions(hellos: Mapping[str, Answer]) -> str:
    return ", ".join(f"{name} {hello.get('version', '?')}" for name, hello in hellos.items())
