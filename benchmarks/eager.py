"""Eager ops beside NumPy's of the same name: every elementwise row and every reduction, on 4 and on 1,048,576 floats.

    python benchmarks/eager.py [--write] [name ...]

Ours on one thread, and as it comes, on all; NumPy has one. float32, and integers or bools where a row takes no floats;
results are new arrays on both sides. They take turns in batches, and a figure is the least of its batches. An answer is
checked before it is timed. `--write` puts the table into benchmarks/eager.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.dtypes import DType
from lithograph.ir.op import Op, Pointwise, Reduce
from lithograph.ir.registry import OPS

ROOT: Final = Path(__file__).resolve().parent.parent
Numbers = np.ndarray[tuple[int, ...], np.dtype[Any]]
Call = Callable[[], object]
Row = tuple[str, float, float, float]
"""An op and its operands; seconds of ours on one thread and on all, and of NumPy's."""
LARGE: Final = 1 << 20
SMALL: Final = 4
ROUNDS: Final = 12
MOST: Final = 1.05
"""A ratio up to this is within the noise of a run."""
NAMES: Final = {
    "astype": None, "bitwise_invert": "bitwise_invert", "pow": "pow", "relu": None, "stop_gradient": None,
}  # fmt: skip
"""Rows whose NumPy function has another name, or (None) does something else."""
AXES: Final = {"all axes": None, "first axis": 0, "last axis": 1}


def _dtype(op: Op) -> DType | None:
    """The first dtype that a row takes, floats before others."""
    if op.samples is None:
        return None
    rng = np.random.default_rng(0)
    tried = (dtypes.float32, dtypes.int32, dtypes.bool_)
    return next((d for d in tried if op.samples(rng, d)), None)


def _operands(op: Op, dtype: DType, shape: tuple[int, ...]) -> list[Numbers]:
    """Usual operands: those of the row's first sample, drawn in plenty."""
    assert op.samples is not None
    rng = np.random.default_rng(0)
    few, _ = op.samples(rng, dtype)[0]
    found = []
    for x in few:
        if x.dtype.kind == "b":
            found.append(rng.integers(0, 2, shape).astype(x.dtype))
        elif x.dtype.kind in "iu":
            found.append(rng.integers(int(x.min()), int(x.max()) + 1, shape).astype(x.dtype))
        else:
            found.append(rng.uniform(x.min(), x.max(), shape).astype(x.dtype))
    if dtype.is_integer and len(found) == 2:
        found[1][found[1] == 0] = 1
    return found


def _least(calls: Sequence[tuple[int | None, Call]], repeat: int) -> list[float]:
    """Seconds per call of each, on so many threads of ours (None: all), by turns."""
    least = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for k, (threads, call) in enumerate(calls):
            lg.config.threads = threads
            call()
            start = time.perf_counter()
            for _ in range(repeat):
                call()
            least[k] = min(least[k], (time.perf_counter() - start) / repeat)
    return least


def _row(title: str, ours: Call, theirs: Call, repeat: int, terms: int = 300) -> Row:
    found = ours()
    assert isinstance(found, lg.Array)
    a, b = found.numpy(), np.asarray(theirs())
    exact = a.dtype.kind not in "fc"
    # Functions may differ by units in the last place, reductions by half a unit for each term in another order.
    rtol = terms / 2 * float(np.finfo(np.float32).eps)
    same = np.array_equal(a, b) if exact else np.allclose(a, b, rtol=rtol, atol=1e-5, equal_nan=True)
    assert same, f"{title}: the answers differ"
    alone, together, other = _least([(1, ours), (None, ours), (None, theirs)], repeat)
    return title, alone, together, other


def _rows(names: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for op in OPS.values():
        name = NAMES.get(op.name, op.name)
        theirs, dtype = getattr(np, name or "", None), _dtype(op)
        if theirs is None or dtype is None or (names and op.name not in names):
            continue
        mine = getattr(lg, op.name, None)
        if mine is None:
            continue
        if isinstance(op.lowering, Pointwise) and op.attrs is None:
            for size in (SMALL, LARGE):
                x = _operands(op, dtype, (size,))
                t = [lg.tensor(v) for v in x]
                title = f"{op.name}, {dtype}, {size:,}"
                repeat = 2000 if size == SMALL else 4
                rows.append(_row(title, partial(mine, *t), partial(theirs, *x), repeat))
        elif isinstance(op.lowering, Reduce):
            (v,) = _operands(op, dtype, (1024, 1024))
            if op.name == "prod":  # Products of a million numbers stay in range only near 1.
                v = 1 + v / 1024
            u = lg.tensor(v)
            for words, axis in AXES.items():
                title = f"{op.name}, {dtype}, {words} of 1024 x 1024"
                calls = partial(mine, u, axis=axis), partial(theirs, v, axis=axis)
                rows.append(_row(title, *calls, 20, LARGE if axis is None else 1024))
        print(*(_line(r) for r in rows[-3:]), sep="\n", file=sys.stderr, flush=True) if rows else None
    return rows


def _time(seconds: float) -> str:
    return f"{seconds * 1e9:.0f} ns" if seconds < 1e-6 else f"{seconds * 1e6:.1f} µs"


def _line(row: Row) -> str:
    title, alone, together, theirs = row
    mark = "slower" if together > theirs * MOST else "slower on one thread" if alone > theirs * MOST else ""
    ratios = f"{alone / theirs:.2f} | {together / theirs:.2f}"
    return f"| {title} | {_time(alone)} | {_time(together)} | {_time(theirs)} | {ratios} | {mark} |"


def table(rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown."""
    slower = sum(together > theirs * MOST for _, _, together, theirs in rows)
    on_one = sum(alone > theirs * MOST for _, alone, _, theirs in rows)
    head = (
        f"Measured {time.strftime('%Y-%m-%d')}: {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, NumPy {np.__version__}. Of {len(rows)} rows {slower} are slower than NumPy (by "
        f"more than 5 %) as they come, and {on_one} on one thread.\n\n"
        "| op | one thread | all threads | NumPy | ratio, one | ratio, all | |\n|---|--:|--:|--:|--:|--:|---|\n"
    )
    return head + "\n".join(map(_line, rows)) + "\n"


def main() -> None:
    """Measure, print, and perhaps keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/eager.md")
    parser.add_argument("names", nargs="*", help="rows; all by default")
    arguments = parser.parse_args()
    text = table(_rows(arguments.names))
    print(text)
    if arguments.write:
        (ROOT / "benchmarks" / "eager.md").write_text("# Eager ops beside NumPy's\n\n" + text)


if __name__ == "__main__":
    main()
