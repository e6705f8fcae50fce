"""Random graphs forward: the transpose of what goes backwards, and the same bits compiled and eager."""

from __future__ import annotations

import os

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.array import Array
from lithograph.ir.graph import Graph
from lithograph.tracer.replay import replay

from ..codegen.programs import same_bits
from ..ir.random_graphs import random_graph
from .test_same_bits import drawn, outcome

DEEP = os.environ.get("LITHOGRAPH_TEST_DEEP") == "1"
BATCH = 25
BATCHES = 40 if DEEP else 3


# Near zero slopes such as those of atan2(x, tanh(x)), which cancel, are so large that others added to them on the way
# back are lost, while they are exact forward: at 1e-42 (seed 6471) both ways are right to their own rounding.
TINY = 1e-6


class Moved:
    """A graph as a function of its float params alone, with a direction for each, that gives its float results."""

    def __init__(self, graph: Graph, arrays: list[np.ndarray], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.graph = graph
        self.arrays = arrays
        self.places = [k for k, p in enumerate(graph.params) if p.type.dtype.is_float]
        self.points = [arrays[k] for k in self.places]
        self.along = [rng.uniform(-1, 1, x.shape).astype(x.dtype) for x in self.points]

    def __call__(self, *moved: Array) -> tuple[Array, ...]:
        given: list[Array] = [lg.tensor(x) for x in self.arrays]
        for k, x in zip(self.places, moved, strict=True):
            given[k] = x
        return tuple([r for r in replay(self.graph, given) if r.dtype.is_float])

    def pushed(self, *both: Array) -> tuple[Array, ...]:
        """The results, and their tangents."""
        half = len(both) // 2
        value, tangent = lg.jvp(self, both[:half], both[half:])
        return *value, *tangent


def compiled_is_eager(seed: int) -> bool:
    graph, arrays = drawn(seed)
    f = Moved(graph, arrays, seed)
    given = [*f.points, *f.along]

    def eagerly(*both: np.ndarray) -> tuple[Array, ...]:
        return f.pushed(*map(lg.tensor, both))

    expected, found = outcome(eagerly, given), outcome(lg.function(f.pushed), given)
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected, f"seed {seed}: {found} compiled, {expected} eager"
        return False
    for k, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert same_bits(a, b), f"seed {seed}, result {k}:\n{a}\ncompiled, eager\n{b}\n{graph}"
    return bool(expected)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_compiled_is_eager(batch: int) -> None:  # law 1
    with np.errstate(all="ignore"):
        assert sum(map(compiled_is_eager, range(batch * BATCH, (batch + 1) * BATCH))) > BATCH // 3


def transpose_of_reverse(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    graph, arrays = random_graph(rng, int(rng.integers(1, 12)), [dtypes.float64, dtypes.int64, dtypes.bool_])
    types = [v.type for v in (*graph.params, *[r for n in graph.nodes for r in n.results])]
    if any(t.dtype.is_inexact and t.dtype is not dtypes.float64 for t in types):
        return False  # Narrow floats round differently on the two ways.
    if any(((abs(x) > 0) & (abs(x) < TINY)).any() for x in arrays if x.dtype.kind == "f"):
        return False
    f = Moved(graph, arrays, seed)
    try:
        out, pull = lg.vjp(f, *map(lg.tensor, f.points))
        _, tangents = lg.jvp(f, [*map(lg.tensor, f.points)], [*map(lg.tensor, f.along)])
    except lg.LithographError:
        return False
    weights = [rng.uniform(-1, 1, y.shape) for y in out]
    back = pull(tuple([lg.tensor(w) for w in weights]))
    terms = [np.asarray(t) * w for t, w in zip(tangents, weights, strict=True)]
    others = [np.asarray(g) * t for g, t in zip(back, f.along, strict=True)]
    size = sum(float(np.abs(x).sum()) for x in [*terms, *others])
    if not terms or not np.isfinite(size):
        return False
    found, expected = (sum(float(x.sum()) for x in xs) for xs in (terms, others))
    assert abs(found - expected) <= 1e-9 * size, f"seed {seed}: {found} forward, {expected} backwards\n{graph}"
    return size > 0


@pytest.mark.parametrize("batch", range(BATCHES))
def test_forward_is_the_transpose_of_reverse(batch: int) -> None:
    with np.errstate(all="ignore"):
        # Of many graphs most hold narrow floats, or no float that moves, or give no finite number.
        seeds = range(batch * 8 * BATCH, (batch + 1) * 8 * BATCH)
        assert sum(map(transpose_of_reverse, seeds)) > BATCH // 3
