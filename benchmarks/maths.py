"""Elementary functions: nanoseconds per element beside NumPy, and torch and JAX where they can be imported.

    python benchmarks/maths.py [name ...]

32,768 elements, which stay in the second-level cache; one thread; the median over batches of calls,
frameworks taking turns. Ours is the loop alone with a given output, as NumPy's and torch's; JAX returns a
new array. Each framework's answer is checked against NumPy's in a wider type before it is timed.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
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
from lithograph.ir import dtypes, maths
from lithograph.ir.dtypes import DType
from tests.maths.evaluate import Elementwise

Numbers = np.ndarray[tuple[int, ...], np.dtype[Any]]
Call = Callable[[], object]
ELEMENTS: Final = 32_768
CALLS: Final = 20
ROUNDS: Final = 15
# Each function with the interval its arguments come from.
FUNCTIONS: Final = {
    "exp": (-10.0, 10.0),
    "expm1": (-3.0, 3.0),
    "log": (0.1, 10.0),
    "log1p": (-0.9, 3.0),
    "tanh": (-4.0, 4.0),
    "sigmoid": (-8.0, 8.0),
    "erf": (-3.0, 3.0),
    "sin": (-10.0, 10.0),
    "cos": (-10.0, 10.0),
    "power": (0.1, 10.0),
}


def _sigmoid(x: Numbers) -> Numbers:
    return np.asarray(1 / (1 + np.exp(-x)))


def _exact(name: str, x: list[Numbers]) -> Numbers:
    wide = [a.astype(np.longdouble) for a in x]
    if name == "sigmoid":
        return _sigmoid(wide[0])
    if name == "erf":
        return np.asarray(np.vectorize(math.erf)(x[0].astype(np.float64)))
    return np.asarray(getattr(np, name)(*wide))


def _ours(name: str, dtype: DType, x: list[Numbers], out: Numbers) -> Call:
    lanes = target.host().lanes(dtype.itemsize)
    compiled = Elementwise(getattr(maths, name), *[dtype] * len(x), lanes=lanes)
    addresses = [a.ctypes.data for a in (out, *x)]
    return lambda: compiled.native(ELEMENTS, *addresses)


def _numpy(name: str, dtype: DType, x: list[Numbers], out: Numbers) -> Call | None:
    if name == "erf":
        return None
    if name == "sigmoid":
        return lambda: np.copyto(out, _sigmoid(x[0]))
    return lambda: getattr(np, name)(*x, out=out)


def _torch(name: str, dtype: DType, x: list[Numbers], out: Numbers) -> Call | None:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    function = getattr(torch, {"power": "pow"}.get(name, name))
    given, result = [torch.from_numpy(a) for a in x], torch.from_numpy(out)
    return lambda: function(*given, out=result)


def _jax(name: str, dtype: DType, x: list[Numbers], out: Numbers) -> Call | None:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    place = {"sigmoid": jax.nn, "erf": jax.scipy.special}.get(name, jax.numpy)
    function = jax.jit(getattr(place, name))
    given = [jax.numpy.asarray(a) for a in x]
    np.copyto(out, np.asarray(function(*given)))
    return lambda: function(*given).block_until_ready()


FRAMEWORKS: Final = {"ours": _ours, "numpy": _numpy, "torch": _torch, "jax": _jax}


def _row(name: str, dtype: DType, frameworks: list[str]) -> dict[str, float]:
    rng = np.random.default_rng(0)
    x = [rng.uniform(*FUNCTIONS[name], ELEMENTS).astype(dtype.numpy)]
    if name == "power":
        x.append(rng.uniform(-3, 3, ELEMENTS).astype(dtype.numpy))
    exact = _exact(name, x)
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
