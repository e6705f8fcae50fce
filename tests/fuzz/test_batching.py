"""Random graphs for many examples at once: by the references against each example alone, compiled against eager."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.array import Array
from lithograph.ir.batching import Batched, Batching, Level
from lithograph.ir.builder import Builder
from lithograph.ir.errors import LithographError
from lithograph.ir.graph import Graph
from lithograph.ir.interpret import interpret
from lithograph.ir.op import Contract, Flags, Host
from lithograph.ir.stage import entered
from lithograph.ir.types import TensorType
from lithograph.ir.verify import verify
from lithograph.tracer.replay import replay

from ..codegen.programs import same_bits
from ..ir.random_graphs import random_graph, rows
from .test_same_bits import outcome, whole

DEEP = os.environ.get("LITHOGRAPH_TEST_DEEP") == "1"
BATCH = 25
BATCHES = 40 if DEEP else 8
COUNT = 3
# How many elements a product of matrices has decides in which order it is summed; keys that are drawn shall differ;
# what runs on the host gives complex numbers.
EXACT = rows(lambda op: not isinstance(op.lowering, Contract | Host) and Flags.DISTINCT not in op.flags)
REAL = (dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64, dtypes.bool_, dtypes.uint8, dtypes.float16)


def drawn(seed: int) -> tuple[Graph, list[list[np.ndarray]], tuple[bool, ...]]:
    """A graph, the inputs of each example, and which of them differ."""
    rng = np.random.default_rng(seed)
    kinds = [REAL[k] for k in rng.permutation(len(REAL))[:3]]
    graph, inputs = random_graph(rng, int(rng.integers(1, 20)), kinds, table=EXACT)
    mapped = tuple([bool(rng.random() < 0.6) for _ in inputs])
    if not any(mapped):
        mapped = (True, *mapped[1:])
    # The same elements in another order.
    others = [[rng.permutation(x.reshape(-1)).reshape(x.shape) if m else x for x, m in zip(inputs, mapped, strict=True)]
              for _ in range(COUNT - 1)]  # fmt: skip
    return graph, [inputs, *others], mapped


def batched(graph: Graph, mapped: Sequence[bool]) -> tuple[Graph, tuple[bool, ...]]:
    """The graph for many examples, and which of its results differ between them."""
    builder = Builder(graph.name)
    stage = Batching(builder, Level(graph.name, COUNT))
    params: list[Array] = []
    for p, m in zip(graph.params, mapped, strict=True):
        whole = builder.param(TensorType(p.type.dtype, (COUNT, *p.type.shape) if m else p.type.shape))
        params.append(Batched(whole, stage.level) if m else whole)
    with entered(stage):
        results = replay(graph, params)
    return builder.finish([builder.lift(stage.whole(r)) for r in results]), tuple(map(stage.maps, results))


def columns_of(given: Sequence[Sequence[np.ndarray]], mapped: Sequence[bool]) -> list[np.ndarray]:
    return [np.stack(xs) if m else xs[0] for xs, m in zip(zip(*given, strict=True), mapped, strict=True)]


def interpreted(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray] | str:
    try:
        return interpret(graph, inputs)
    except LithographError as error:
        return type(error).__name__


def check(seed: int) -> int:
    """How many results of how many examples were compared; none where an example fails, and all fail together."""
    graph, given, mapped = drawn(seed)
    many, which = batched(graph, mapped)
    verify(many)
    if any(v.type.dtype.is_complex for v in graph.values()):
        return 0  # NumPy computes them otherwise at the end of an array.
    columns = columns_of(given, mapped)
    found = interpreted(many, columns)
    each = [interpreted(graph, xs) for xs in given]
    if any(isinstance(e, str) for e in each):
        assert found in each, f"seed {seed}: {found}, each {each}"
        return 0
    for k, differs in enumerate(which):
        expected = [np.asarray(e[k]) for e in each]
        for n, one in enumerate(expected):
            got = np.asarray(found[k])
            got = got[n] if differs else got
            assert same_bits(got, one), f"seed {seed}, result {k}, example {n}:\n{got}\nalone\n{one}\n{graph}"
    return len(which)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_many_examples_are_each_example(batch: int) -> None:
    with np.errstate(all="ignore"):
        compared = [check(seed) for seed in range(batch * BATCH, (batch + 1) * BATCH)]
    assert sum(map(bool, compared)) > BATCH // 3


def compiled_is_eager(seed: int) -> None:
    graph, given, mapped = drawn(seed)
    axes = tuple([0 if m else None for m in mapped])
    mapped_whole = lg.vmap(lambda *x: whole(graph, x), in_axes=axes)

    def run(*x: Array) -> tuple[Array, ...]:
        return tuple(mapped_whole(*map(lg.tensor, x)))

    columns = columns_of(given, mapped)
    expected, found = outcome(run, columns), outcome(lg.function(run), columns)
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected, f"seed {seed}: {found} compiled, {expected} eager"
        return
    for k, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert same_bits(a, b), f"seed {seed}, result {k}:\n{a}\ncompiled, eager\n{b}\n{graph}"


@pytest.mark.parametrize("batch", range(BATCHES))
def test_gradients_of_each_example_are_the_same_compiled(batch: int) -> None:  # law 1
    with np.errstate(all="ignore"):
        for seed in range(batch * BATCH, (batch + 1) * BATCH, 1 if DEEP else 5):
            compiled_is_eager(seed)
