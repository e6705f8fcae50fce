"""Elementary functions: nanoseconds per element beside NumPy, and torch and JAX where they can be imported.

    python benchmarks/maths.py [name ...]

32,768 elements, which stay in the second-level cache; one thread; the median over batches of calls,
frameworks taking turns. Ours is the loop alone with a given output, as NumPy's and torch's; JAX returns a
new array. Each framework's answer is checked against NumPy's in a wider type before it is timed.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lithograph.codegen import target
from lithograph.ir import dtypes
from lithograph.ir.dtypes import DType
from lithograph.ir.op import Op, Pointwise
from lithograph.ir.registry import OPS
from tests.maths.evaluate import Elementwise

Numbers = np.ndarray[tuple[int, ...], np.dtype[Any]]
Call = Callable[[], object]
ELEMENTS: Final = 32_768
CALLS: Final = 20
ROUNDS: Final = 15
# The rows that state an error bound, and say of what function.
FUNCTIONS: Final = {op.name: op for op in OPS.values() if op.accuracy is not None and op.accuracy.wider is not None}


def _sigmoid(x: Numbers) -> Numbers:
    return np.asarray(1 / (1 + np.exp(-x)))


def _exact(op: Op, x: list[Numbers]) -> Numbers:
    assert op.accuracy is not None and op.accuracy.wider is not None
    return np.asarray(op.accuracy.wider(*[a.astype(np.longdouble) for a in x]))


def _operands(op: Op, dtype: DType) -> list[Numbers]:
    """Usual operands: those of the row's first sample, which are where it is smooth, drawn in plenty."""
    assert op.samples is not None
    rng = np.random.default_rng(0)
    few, _ = op.samples(rng, dtype)[0]
    return [rng.uniform(x.min(), x.max(), ELEMENTS).astype(dtype.numpy) for x in few]


def _ours(name: str, dtype: DType, x: list[Numbers], out: Numbers) -> Call:
    lanes = target.host().lanes(dtype.itemsize)
    lowering = FUNCTIONS[name].lowering
    assert isinstance(lowering, Pointwise)
    compiled = Elementwise(lowering.body, *[dtype] * len(x), lanes=lanes)
    addresses = [a.ctypes.data for a in (out, *x)]
    return lambda: compiled.native(ELEMENTS, *addresses)


def _numpy(name: str, dtype: DType, x: list[Numbers], out: Numbers) -> Call | None:
    if name == "sigmoid":
        return lambda: np.copyto(out, _sigmoid(x[0]))
    function = getattr(np, name, None)
    return None if function is None else lambda: function(*x, out=out)


def _torch(name: str, dtype: DType, x: list[Numbers], out: Numbers) -> Call | None:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    function = getattr(torch, {"power": "pow"}.get(name, name), None)
    if function is None:
        return None
    given, result = [torch.from_numpy(a) for a in x], torch.from_numpy(out)
    return lambda: function(*given, out=result)


def _jax(name: str, dtype: DType, x: list[Numbers], out: Numbers) -> Call | None:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    places = (jax.numpy, jax.nn, jax.scipy.special, jax.lax)
    found = next((getattr(place, name) for place in places if hasattr(place, name)), None)
    if found is None:
        return None
    function = jax.jit(found)
    given = [jax.numpy.asarray(a) for a in x]
    np.copyto(out, np.asarray(function(*given)))
    return lambda: function(*given).block_until_ready()


FRAMEWORKS: Final = {"ours": _ours, "numpy": _numpy, "torch": _torch, "jax": _jax}


def _row(name: str, dtype: DType, frameworks: list[str]) -> dict[str, float]:
    x = _operands(FUNCTIONS[name], dtype)
    exact = _exact(FUNCTIONS[name], x)
    calls: dict[str, Call] = {}
    # Native calls know addresses only, so the arrays are held here.
    outs = {framework: np.zeros(ELEMENTS, dtype.numpy) for framework in frameworks}
    for framework in frameworks:
        call = FRAMEWORKS[framework](name, dtype, x, outs[framework])
        if call is None:
            continue
        call()
        # Peers state looser bounds than ours; a function that is another one is off by more than this.
        assert np.allclose(outs[framework], exact, rtol=64 * np.finfo(dtype.name).eps), (
            f"{framework}'s {name} is wrong"
        )
        calls[framework] = call
    seconds: dict[str, list[float]] = {framework: [] for framework in calls}
    for _ in range(ROUNDS):
        for framework, call in calls.items():
            start = time.perf_counter()
            for _ in range(CALLS):
                call()
            seconds[framework].append((time.perf_counter() - start) / CALLS)
    return {framework: statistics.median(t) / ELEMENTS * 1e9 for framework, t in seconds.items()}


def main() -> None:
    """Print one row per function and dtype."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    frameworks = [f for f in FRAMEWORKS if f in ("ours", "numpy") or importlib.util.find_spec(f)]
    print(f"{'ns per element':18}" + "".join(f"{f:>8}" for f in frameworks) + "  fastest peer / ours")
    for name in sys.argv[1:] or FUNCTIONS:
        for dtype in (dtypes.float32, dtypes.float64):
            row = _row(name, dtype, frameworks)
            cells = "".join(f"{row[f]:8.2f}" if f in row else f"{'-':>8}" for f in frameworks)
            peers = [t for f, t in row.items() if f != "ours"]
            ratio = f"{min(peers) / row['ours']:8.2f}" if peers else ""
            print(f"{name:8}{dtype.name:10}{cells}{ratio}", flush=True)


if __name__ == "__main__":
    main()
