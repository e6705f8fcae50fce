"""Law 1 by machine: random graphs and their gradients give the same bits compiled and eager, on 1 and 2 threads."""

from __future__ import annotations

import os

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.array import Array
from lithograph.ir.errors import LithographError
from lithograph.ir.graph import Graph
from lithograph.runtime import threads
from lithograph.tracer.replay import replay

from ..codegen.programs import same_bits
from ..ir.random_graphs import ALL_DTYPES, random_graph, rows

DEEP = os.environ.get("LITHOGRAPH_TEST_DEEP") == "1"
BATCH = 25
BATCHES = 80 if DEEP else 20


def outcome(function: object, arrays: list[np.ndarray]) -> list[np.ndarray] | str:
    """The results as arrays, or the class of the designed error."""
    assert callable(function)
    try:
        return [np.asarray(t.numpy()) for t in function(*arrays)]
    except LithographError as error:
        return type(error).__name__


def whole(graph: Graph, x: tuple[Array, ...]) -> tuple[Array, ...]:
    """The graph's results, then the gradients of the sum of its float results by its float params."""
    results = replay(graph, x)
    active = [k for k, a in enumerate(x) if a.dtype.is_float]
    if not active or not any(r.dtype.is_float for r in results):
        return tuple(results)

    def total(*chosen: Array) -> Array:
        given = list(x)
        for k, a in zip(active, chosen, strict=True):
            given[k] = a
        made = [lg.sum(r).astype(lg.float64) for r in replay(graph, given) if r.dtype.is_float]
        connected = [*made, *(0.0 * lg.sum(a).astype(lg.float64) for a in chosen)]
        value = connected[0]
        for other in connected[1:]:
            value = value + other
        return value

    return (*results, *lg.grads(total)(*[x[k] for k in active]))


def drawn(seed: int) -> tuple[Graph, list[np.ndarray]]:
    """The graph of a seed: most on the usual dtypes, some on any three."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 30))
    if seed % 10:
        return random_graph(rng, size)
    return random_graph(rng, size, [ALL_DTYPES[k] for k in rng.permutation(len(ALL_DTYPES))[:3]])


def check(seed: int) -> None:
    graph, arrays = drawn(seed)

    def run(*x: Array) -> tuple[Array, ...]:
        return whole(graph, tuple(x))

    def eagerly(*x: np.ndarray) -> tuple[Array, ...]:
        return run(*[lg.tensor(a) for a in x])

    with np.errstate(all="ignore"):
        expected = outcome(eagerly, arrays)
        compiled = lg.function(run)
        for count in (1, 2):
            threads.set_count(count)
            got = outcome(compiled, arrays)
            if isinstance(expected, str) or isinstance(got, str):
                assert got == expected, f"seed {seed}: {got} compiled, {expected} eager"
                continue
            for k, (a, b) in enumerate(zip(got, expected, strict=True)):
                place = f"seed {seed}, result {k} on {count} threads"
                assert same_bits(a, b), f"{place}:\n{a}\ncompiled, eager\n{b}\n{graph}"


@pytest.mark.parametrize("batch", range(BATCHES))
def test_compiled_is_eager(batch: int) -> None:
    before = threads.count()
    try:
        for seed in range(batch * BATCH, (batch + 1) * BATCH):
            check(seed)
    finally:
        threads.set_count(before)


def test_every_row_takes_part() -> None:
    met: set[str] = set()
    for seed in range(2 * BATCH * BATCHES // 3):
        work = [drawn(seed)[0]]
        while work:
            nodes = work.pop().nodes
            met.update(n.op.name for n in nodes)
            work.extend(r for n in nodes for r in n.regions)
    assert {op.name for op in rows()} - met == set()


def test_the_comparison_can_fail() -> None:
    zero = np.zeros(2, np.float32)
    assert not same_bits(zero, -zero)
    assert not same_bits(zero, zero.astype(np.float64))
    assert same_bits(zero * np.nan, zero * np.nan)
    assert dtypes.float32.is_float
