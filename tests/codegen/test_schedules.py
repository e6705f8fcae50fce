"""Schedules change no bit: random legal ones of random nests against the interpreter of nests."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.codegen.affine import affine
from lithograph.codegen.build import build
from lithograph.codegen.interpret import run_nest
from lithograph.codegen.nest import Nest
from lithograph.codegen.schedule import Schedule, schedule
from lithograph.codegen.steps import KernelStep
from lithograph.codegen.target import host
from lithograph.ir.check import array_difference
from lithograph.ir.dtypes import float32
from lithograph.ir.interpret_scalar import CheckFailed
from lithograph.ir.op import Element, Op, Pointwise, Reduce, Scan, Scatter
from lithograph.ir.passes import run_pipeline

from ..ir.random_graphs import random_array, random_graph, rows
from .schedules import legal_schedule, run_natively, task_ranges

DEEP = os.environ.get("LITHOGRAPH_TEST_DEEP") == "1"
# Extents around the widths of vectors, of groups of T8 and of blocks of columns.
SHAPES = ((5, 70), (300,), (17, 33), (3, 4, 20), (129,), (1, 260), (16, 16), (2, 150), (40, 3), ())


def _rows_of(*kinds: type) -> list[Op]:
    return rows(lambda op: isinstance(op.lowering, kinds))


# Reductions are few among the rows, and schedules matter most to them.
TABLE = [*_rows_of(Pointwise, Element), *8 * _rows_of(Reduce), *3 * _rows_of(Scatter), *4 * _rows_of(Scan)]


def kernels(seed: int) -> list[Nest]:
    """The nests of a random program."""

    rng = np.random.default_rng(seed)
    graph, _ = random_graph(rng, int(rng.integers(2, 14)), table=TABLE, shapes=SHAPES, most=4000, calls=False)
    made = build(run_pipeline(graph).graph, host(), lambda *_: 1)
    return [s.nest for s in made.steps if isinstance(s, KernelStep) and 0 not in s.nest.domain]


def memory(rng: np.random.Generator, nest: Nest) -> dict[int, np.ndarray]:
    """Random contents for the buffers of a nest, as long as its addresses need."""
    room = 20_000
    found = {b: random_array(rng, d, (room,)) for b, d in nest.dtypes.items()}
    for store in nest.stores:
        # Places that an earlier nest found are loaded and trusted.
        for term in affine(store.address).terms:
            if term.prim == "load":
                assert isinstance(term.payload, int)
                found[term.payload] = rng.integers(0, 100, room)
    return found


def native_and_meant(
    nest: Nest, plan: Schedule, rng: np.random.Generator
) -> tuple[dict[int, np.ndarray] | None, dict[int, np.ndarray] | None]:
    """What the buffers hold after a nest has run natively, and interpreted; None where a check failed."""
    first = memory(rng, nest)
    native = {b: x.copy() for b, x in first.items()}
    meant: dict[int, np.ndarray] | None = {b: x.copy() for b, x in first.items()}
    assert meant is not None
    status = run_natively(nest, plan, native, task_ranges(rng, plan.tasks(nest, {}), plan.serial))
    try:
        run_nest(nest, meant)
    except CheckFailed:
        meant = None
    return (None if status else native), meant


def assert_alike(seed: int, nest: Nest, plan: Schedule, rng: np.random.Generator) -> None:
    native, meant = native_and_meant(nest, plan, rng)
    said = f"seed {seed}, {plan}\n{nest}"
    assert (native is None) == (meant is None), f"one of them fails a check: {said}"
    if native is not None and meant is not None:
        for b in nest.dtypes:
            fault = array_difference(meant[b], native[b])
            assert fault is None, f"b{b} {fault}: {said}"


@pytest.mark.parametrize("block", range(40 if DEEP else 4))
def test_no_schedule_changes_a_bit(block: int) -> None:
    for seed in range(15 * block, 15 * block + 15):
        rng = np.random.default_rng(seed)
        for nest in kernels(seed):
            for plan in (schedule(nest, host()), *[legal_schedule(rng, nest) for _ in range(2)]):
                assert_alike(seed, nest, plan, rng)


def chosen(nests: Sequence[Nest], reduces: bool) -> Nest:
    """The first nest with a domain, and with or without reductions that vary with its last loop."""
    return next(
        n
        for n in nests
        if n.domain and any(len(n.domain) - 1 in n.free(r.body) and r.iters for r in n.reductions) == reduces
    )


def test_the_fuzz_meets_all_kinds_of_nests() -> None:
    found = [n for seed in range(30) for n in kernels(seed)]
    chosen(found, True)
    chosen(found, False)
    assert any(any(s.ordered for s in n.stores) for n in found)
    assert any(any(e.prim == "check" for e in n.walk()) for n in found)
    assert any(len(n.domain) == 0 for n in found) and any(n.scans for n in found)


def test_a_wrong_schedule_can_be_told() -> None:
    """Blocks that leave out the last task's elements."""
    found = (n for seed in range(30) for n in kernels(seed) if len(n.domain) == 1 and not n.reductions and not n.scans)
    prims = ((n, {e.prim for e in n.walk()}) for n in found)
    nest = next(n for n, inside in prims if "load" in inside and "check" not in inside)
    rng = np.random.default_rng(0)
    short = replace(schedule(nest, host()), block=1)
    first = memory(rng, nest)
    native, meant = ({b: x.copy() for b, x in first.items()} for _ in range(2))
    run_natively(nest, short, native, [(0, short.tasks(nest, {}) - 1)])
    run_nest(nest, meant)
    assert any(array_difference(meant[b], native[b]) for b in nest.dtypes)


@pytest.mark.parametrize("reduce", [lg.sum, lg.max, lg.argmax])
def test_lanes_lie_along_what_is_contiguous(reduce: Callable[..., Any]) -> None:
    x, column = np.ones((300, 200), np.float32), np.ones((300, 1), np.float32)

    def loops(f: Callable[..., Any]) -> list[str]:
        text = lg.function(f).ir(x, column, stage="kernels")
        return [line.split(",")[0].split()[-1] for line in text.splitlines() if line.startswith(";")]

    assert loops(lambda x, c: reduce(x, axis=0)) == loops(lambda x, c: reduce(x * c, axis=0)) == ["columns"]
    assert loops(lambda x, c: reduce(x, axis=1)) == loops(lambda x, c: reduce(x * c, axis=1)) == ["rows"]
    assert loops(lambda x, c: reduce(lg.transpose(x) * lg.transpose(c), axis=1)) == ["columns"]


@pytest.mark.parametrize("shape", [(100_003,), (331, 307), (1500, 67)])
def test_long_chains_are_computed_side_by_side(shape: tuple[int, ...]) -> None:
    x = random_array(np.random.default_rng(0), float32, shape)

    def chain(x: lg.Array, length: int) -> lg.Array:
        for _ in range(length):
            x = lg.sin(x) * 2
        return x

    short, long = (lg.function(lambda x, n=n: chain(x, n)) for n in (1, 8))
    lanes = [int(f.ir(x, stage="kernels").split()[1]) for f in (short, long)]
    assert lanes[1] in (2 * lanes[0], 4 * lanes[0])
    assert array_difference(long(x).numpy(), chain(lg.tensor(x), 8).numpy()) is None
    # Little work is not worth the longer code.
    assert int(long.ir(x[:64, None], stage="kernels").split()[1]) <= lanes[0]
