"""Matrix products: ours against NumPy, torch and JAX, each in a process of its own, answers checked.

    python benchmarks/gemm.py [--threads 1,2] [--python PYTHON_WITH_PEERS] [--dtype float32] [--rounds 3]

Times are the best of all rounds, from Python to Python; torch and NumPy write a given output, JAX a new one.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

Numbers = np.ndarray[tuple[int, ...], np.dtype[Any]]
Call = Callable[[], Numbers]
ROOT: Final = Path(__file__).resolve().parent.parent
PEERS: Final = ("ours", "numpy", "torch", "jax")
SECONDS: Final = 0.03


@dataclass(frozen=True)
class Shape:
    """C[m, n] = A[m, k] B[k, n], for `batch` entries; `turned` names the operands stored transposed."""

    m: int
    n: int
    k: int
    batch: int = 1
    turned: str = ""

    def __str__(self) -> str:
        batch = f"{self.batch} x " if self.batch > 1 else ""
        return f"{batch}{self.m} x {self.n} x {self.k} {self.turned}".rstrip()


SHAPES: Final = (
    *(Shape(n, n, n) for n in (64, 100, 128, 256, 512, 1024, 2048)),
    Shape(1024, 1024, 1024, turned="b"),
    Shape(1024, 1024, 1024, turned="a"),
    Shape(32, 512, 784),
    Shape(32, 512, 784, turned="b"),
    Shape(1, 1024, 1024),
    Shape(1, 1024, 1024, turned="b"),
    Shape(8, 960, 1024, turned="b"),
    Shape(1024, 10, 784),
    Shape(784, 512, 32, turned="a"),
    Shape(4096, 4096, 64),
    Shape(4096, 64, 4096),
    Shape(128, 128, 64, batch=32, turned="b"),
)


def operands(shape: Shape, dtype: str) -> tuple[Numbers, Numbers]:
    """Random operands, of rank 3 where there is a batch; transposed ones are views."""
    rng = np.random.default_rng(0)

    def one(rows: int, columns: int, turned: bool) -> Numbers:
        sizes = (columns, rows) if turned else (rows, columns)
        x = rng.standard_normal((shape.batch, *sizes)).astype(dtype)
        x = x.transpose(0, 2, 1) if turned else x
        return x if shape.batch > 1 else x[0]

    return one(shape.m, shape.k, "a" in shape.turned), one(shape.k, shape.n, "b" in shape.turned)


def check(got: Numbers, a: Numbers, b: Numbers) -> None:
    """Raise AssertionError unless `got` is within the rounding of k additions of the product."""
    wide = np.asarray(a, np.float64), np.asarray(b, np.float64)
    bound = a.shape[-1] * np.finfo(a.dtype).eps * (np.abs(wide[0]) @ np.abs(wide[1]))
    assert (np.abs(got - wide[0] @ wide[1]) <= bound).all(), "a wrong product"


def ours(a: Numbers, b: Numbers, threads_count: int) -> Call:
    """The native function on outputs and scratch memory made beforehand, called natively as programs do."""
    from lithograph.codegen import gemm, jit, support
    from lithograph.runtime import threads

    threads.set_count(threads_count)
    threads.ensure_started()
    dtype = a.dtype.name
    a3, b3 = (x.reshape(1, *x.shape) if x.ndim == 2 else x for x in (a, b))
    (batch, m, k), n = a3.shape[:3], b3.shape[2]
    c = np.empty((batch, m, n), a.dtype)
    memory = np.empty(gemm.scratch_bytes(dtype, batch, m, n, k) + 64, np.uint8)
    strides_a, strides_b = ([s // a.itemsize for s in x.strides] for x in (a3, b3))
    place = memory.ctypes.data + -memory.ctypes.data % 64
    extents = (m * n, n, batch, m, n, k)
    values = (
        a3.ctypes.data,
        *strides_a,
        b3.ctypes.data,
        *strides_b,
        c.ctypes.data,
        *extents,
        place,
        threads_count,
    )
    types = ["ptr" if i in (0, 4, 8, 15) else "i64" for i in range(len(values))]
    symbol = gemm.symbol(dtype)
    loads = (
        f"  %p{i} = getelementptr i64, ptr %words, i64 {i}\n  %v{i} = load {t}, ptr %p{i}\n"
        for i, t in enumerate(types)
    )
    arguments = ", ".join(f"{t} %v{i}" for i, t in enumerate(types))
    text = (
        f"declare i64 @{symbol}({', '.join(types)})\ndefine i64 @call(ptr %words) {{\n{''.join(loads)}"
        f"  %status = call i64 @{symbol}({arguments})\n  ret i64 %status\n}}\n"
    )
    library = jit.load(text, ["call"], {symbol: support.address(symbol)}, keep=(support.library(dtype),))
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(library["call"])
    words = (ctypes.c_int64 * len(values))(*values)

    def run(held: tuple[object, ...] = (library, a3, b3, memory)) -> Numbers:
        function(words)
        return c

    return run


def theirs(peer: str, a: Numbers, b: Numbers, threads_count: int) -> Call:
    """A peer's product."""
    if peer == "numpy":
        out = np.empty((*a.shape[:-1], b.shape[-1]), a.dtype)
        return lambda: np.matmul(a, b, out=out)
    if peer == "torch":
        import torch

        torch.set_num_threads(threads_count)
        x, y = torch.from_numpy(a), torch.from_numpy(b)
        result = torch.matmul(x, y)

        def run() -> Numbers:
            torch.matmul(x, y, out=result)
            return result.numpy()  # type: ignore[no-any-return]

        return run
    import jax

    jax.config.update("jax_enable_x64", True)
    turned_a, turned_b = (x.strides[-1] != x.itemsize for x in (a, b))
    # A transposition inside the compiled function is a layout, as it is for the others.
    product = jax.jit(
        lambda x, y: (x.swapaxes(-1, -2) if turned_a else x) @ (y.swapaxes(-1, -2) if turned_b else y)
    )
    u = jax.device_put(a.swapaxes(-1, -2) if turned_a else a)
    v = jax.device_put(b.swapaxes(-1, -2) if turned_b else b)
    return lambda: np.asarray(product(u, v).block_until_ready())


def best_time(call: Call) -> float:
    """Seconds of one call, the best of five groups of calls."""
    start = time.perf_counter()
    call()
    times = max(1, int(SECONDS / (time.perf_counter() - start)))
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(times):
            call()
        best = min(best, (time.perf_counter() - start) / times)
    return best


def work(peer: str, dtype: str, threads_count: int) -> None:
    """Measure one peer in this process and print its times as JSON."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads_count])
    seconds = []
    for shape in SHAPES:
        a, b = operands(shape, dtype)
        call = ours(a, b, threads_count) if peer == "ours" else theirs(peer, a, b, threads_count)
        check(call(), a, b)
        seconds.append(best_time(call))
    print(json.dumps(seconds))


def measured(peer: str, python: str, dtype: str, threads_count: int) -> list[float] | None:
    """One peer's times, from a process of its own; None where it is not installed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = str(threads_count)
    command = [python, __file__, "--worker", peer, "--dtype", dtype, "--threads", str(threads_count)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode == 0:
        return [float(x) for x in json.loads(done.stdout)]
    if "ModuleNotFoundError" in done.stderr:
        return None
    raise RuntimeError(f"{peer} failed:\n{done.stderr}")


def main() -> None:
    """Print a table: microseconds and GFLOP/s of ours, and how many times longer each peer takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has the peers")
    parser.add_argument("--dtype", default="float32", choices=("float32", "float64"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    counts = [int(x) for x in options.threads.split(",")]
    if options.worker:
        work(options.worker, options.dtype, counts[0])
        return
    for count in counts:
        best: dict[str, list[float]] = {}
        for _ in range(options.rounds):
            for peer in PEERS:
                python = sys.executable if peer in ("ours", "numpy") else options.python
                times = measured(peer, python, options.dtype, count)
                if times is not None:
                    best[peer] = [min(x) for x in zip(times, best.get(peer, times), strict=True)]
        peers = [peer for peer in best if peer != "ours"]
        print(f"\n{options.dtype}, {count} thread{'s' * (count > 1)}; times of peers in units of ours")
        print(f"{'m x n x k':<26}{'us':>11}{'GFLOP/s':>9}" + "".join(f"{peer:>8}" for peer in peers))
        for i, shape in enumerate(SHAPES):
            mine = best["ours"][i]
            rate = 2e-9 * shape.batch * shape.m * shape.n * shape.k / mine
            ratios = "".join(f"{best[peer][i] / mine:8.2f}" for peer in peers)
            print(f"{shape!s:<26}{mine * 1e6:11.1f}{rate:9.1f}{ratios}")


if __name__ == "__main__":
    main()
