"""Gradients whose forward part is computed again: the peaks of plans, same bits, and what must not be repeated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.graph import Graph
from lithograph.ir.passes import PASSES, PIPELINE, Settings, run_pipeline
from lithograph.ir.same import difference

from .test_gradients import same_bits

Fn = Callable[..., Any]
WITHOUT = tuple(name for name in PIPELINE if name != "recompute")
N = 65536


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take no program for too small."""
    monkeypatch.setattr(import_module("lithograph.ir.passes.recompute"), "LEAST", 1)


@pytest.fixture(autouse=True)
def _pipeline() -> Iterator[None]:
    yield
    lg.config.pipeline = PIPELINE


class Compiled:
    """A function of its own that is compiled by a pipeline when it is first called."""

    def __init__(self, f: Fn, pipeline: tuple[str, ...] = PIPELINE) -> None:
        self.function: Any = lg.function(f)
        self.pipeline = pipeline

    def __call__(self, *args: object) -> Any:
        lg.config.pipeline = self.pipeline
        return self.function(*args)

    def plan(self, *args: object) -> str:
        return str(self.function.memory_plan(*args))


def peak(text: str) -> int:
    found = re.search(r"peak (\d+) bytes", text)
    assert found, text
    return int(found[1])


def saved(text: str) -> int:
    """The bytes that a plan says are saved, 0 where it says nothing of computing again."""
    found = re.search(r"recomputed: .*: saves (-?\d+) bytes", text)
    return int(found[1]) if found else 0


def gelu(x: Any) -> Any:
    return 0.5 * x * (1.0 + lg.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def tower(act: Fn, layers: int) -> Fn:
    def run(x: Any) -> Any:
        for _ in range(layers):
            x = act(x)
        return lg.sum(x)

    return lg.grad(run)


def layer_norm(x: Any) -> Any:
    d = x - lg.mean(x, axis=-1, keepdims=True)
    return d / lg.sqrt(lg.mean(d * d, axis=-1, keepdims=True) + 1e-5)


def test_a_tower_keeps_the_inputs_of_some_layers() -> None:
    x = lg.tensor(np.random.default_rng(0).standard_normal(N, np.float32))
    f = tower(gelu, 20)
    plain, again = Compiled(f, WITHOUT), Compiled(f)
    expected = f(x)
    for way in (plain, again):
        assert same_bits(way(x), expected)
        assert lg.debug.peak_bytes(partial(way, x)) == peak(way.plan(x))
    assert peak(plain.plan(x)) == 79 * x.nbytes and peak(again.plan(x)) == 9 * x.nbytes
    assert saved(again.plan(x)) == 70 * x.nbytes and "tanh" in again.plan(x)
    assert saved(plain.plan(x)) == 0


def mlp(layers: int) -> Callable[[], tuple[Fn, list[lg.Variable]]]:
    def make() -> tuple[Fn, list[lg.Variable]]:
        rng = np.random.default_rng(1)
        weights = [lg.Variable(rng.normal(0, 0.1, (128, 128)).astype(np.float32), name=f"w{k}") for k in range(layers)]
        optimizer = lg.optimizers.adam(1e-3)

        def step(x: Any) -> Any:
            def loss() -> Any:
                h = x
                for w in weights:
                    h = gelu(h @ w)
                return lg.mean(h * h)

            return optimizer.minimize(loss)

        return step, weights

    return make


def test_a_network_keeps_its_products() -> None:
    x = lg.tensor(np.random.default_rng(0).standard_normal((1024, 128), np.float32))
    states, peaks = [], []
    for pipeline in (WITHOUT, PIPELINE):
        step, weights = mlp(4)()
        way = Compiled(step, pipeline)
        for _ in range(3):
            way(x)
        peaks.append(peak(way.plan(x)))
        assert lg.debug.peak_bytes(partial(way, x)) == peaks[-1]
        assert saved(way.plan(x)) == peaks[0] - peaks[-1]
        states.append([w.numpy() for w in weights])
    assert all(same_bits(a, b) for a, b in zip(*states, strict=True))
    # Of four layers the product alone is kept, not the seven other values that their gradients need.
    assert peaks[1] < 0.35 * peaks[0]


@pytest.mark.parametrize(
    ("name", "f", "most"),
    [
        ("layer norm", lambda x, w: lg.sum(layer_norm(x) * w), 0.55),
        ("blocks", lambda x, w: lg.sum(gelu(layer_norm(gelu(layer_norm(x * w))))), 0.6),
        ("softmax", lambda x, w: lg.sum(lg.softmax(x * 2.0) * w), 0.7),
        ("dense", lambda x, w: lg.sum(lg.sin(x @ lg.transpose(w)) * 2), 1.0),
    ],
)
def test_what_is_kept_of_reductions(name: str, f: Fn, most: float, always: None) -> None:
    rng = np.random.default_rng(0)
    x, w = (lg.tensor(rng.standard_normal((600, 512), np.float32)) for _ in range(2))
    g = lg.grad(f)
    plain, again = Compiled(g, WITHOUT), Compiled(g)
    expected = g(x, w)
    for way in (plain, again):
        assert same_bits(way(x, w), expected)
    assert peak(again.plan(x, w)) <= most * peak(plain.plan(x, w)), name
    assert saved(again.plan(x, w)) == peak(plain.plan(x, w)) - peak(again.plan(x, w))


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("small", tower(gelu, 20)),
        ("one kernel", tower(lg.tanh, 5)),
        ("forward alone", lambda x: gelu(gelu(x) @ gelu(x))),
        ("products", lg.grad(lambda x: lg.sum((x @ x) @ (x @ x)))),
    ],
)
def test_where_nothing_is_gained_nothing_is_done(name: str, f: Fn) -> None:
    size = 8 if name == "small" else 300
    x = lg.tensor(np.random.default_rng(0).standard_normal((size, size), np.float32))
    way = Compiled(f)
    way(x)
    assert "again" not in way.function.ir(x, stage="optimized") and saved(way.plan(x)) == 0


def test_random_numbers_and_what_may_fail_are_not_repeated(always: None) -> None:
    def f(x: Any, i: Any) -> Any:
        for _ in range(6):
            keep = lg.random.uniform((64, 64)) < 0.8
            x = gelu(x * keep) * lg.exp(lg.take(x, i, axis=0))
        return lg.sum(x)

    x, i = lg.tensor(np.random.default_rng(0).normal(0, 0.1, (64, 64))), lg.tensor(np.arange(64)[::-1].copy())
    found, texts = [], []
    for pipeline in (WITHOUT, PIPELINE):
        lg.random.seed(5)
        way = Compiled(lg.grad(f), pipeline)
        found.append(way(x, i))
        texts.append(way.function.ir(x, i, stage="optimized"))
        assert texts[-1].count("= gather(") == 6 and texts[-1].count("= random_uniform(") == 6
    assert "again" in texts[1] and same_bits(*found)


def test_extents_that_change(always: None) -> None:
    f = tower(lambda x: gelu(x) * lg.sum(x * x, axis=-1, keepdims=True), 6)
    plain, again = Compiled(f, WITHOUT), Compiled(f)
    rng = np.random.default_rng(0)
    inputs = [lg.tensor(rng.normal(0, 0.1, (rows, 48)).astype(np.float32)) for rows in (1500, 3, 700, 2048)]
    for x in inputs:
        assert same_bits(plain(x), f(x)) and same_bits(again(x), f(x))
    last = inputs[-1]
    assert again.function.trace_count == 2, "the second trace is for all sizes"
    assert saved(again.plan(last)) == peak(plain.plan(last)) - peak(again.plan(last)) > 0
    assert lg.debug.peak_bytes(partial(again, last)) == peak(again.plan(last))


def random_function(rng: np.random.Generator, length: int) -> Fn:
    """A function of two square arrays that stays within bounds, of elementwise ops, reductions, products and views."""
    steps = [(int(rng.integers(12)), int(rng.integers(1 << 30)), int(rng.integers(1 << 30))) for _ in range(length)]

    def run(x: Any, w: Any) -> Any:
        pool = [x, w]
        for kind, i, j in steps:
            a, b = pool[-1 - i % min(4, len(pool))], pool[j % len(pool)]
            match kind:
                case 0 | 1:
                    made = lg.tanh(a + b)
                case 2:
                    made = lg.sin(a) * b
                case 3:
                    made = a * 0.5 + b * 0.25
                case 4:
                    made = lg.relu(a) - b
                case 5:
                    made = lg.where(a > 0, a, b * 0.1)
                case 6:
                    made = layer_norm(a)
                case 7:
                    made = lg.tanh(a @ b * 0.1)
                case 8:
                    made = lg.transpose(a) * 0.9
                case 9:
                    made = lg.softmax(a) * b
                case 10:
                    made = gelu(a)
                case _:
                    made = a + lg.max(b, axis=0)
            pool.append(made)
        # All of it, so that it depends on both.
        return lg.sum(pool[-1] * pool[-2]) + lg.sum(pool[len(pool) // 2] + x * w)

    return run


def traced(f: Fn, *args: object) -> Graph:
    return lg.function(f).get_concrete_function(*args).graph


@pytest.mark.parametrize("seed", range(12))
def test_random_programs(seed: int, always: None, deep: bool) -> None:
    for part in range(12 if deep else 1):
        rng = np.random.default_rng([seed, part])
        f = random_function(rng, int(rng.integers(6, 60)))
        x, w = (lg.tensor(rng.normal(0, 0.5, (12, 12))) for _ in range(2))
        g = lg.grad(f, argnums=(0, 1))
        expected = g(x, w)
        for pipeline in (WITHOUT, PIPELINE, (*PIPELINE[:-1], "cse", "simplify", "fold", "fuse")):
            assert all(same_bits(a, b) for a, b in zip(Compiled(g, pipeline)(x, w), expected, strict=True))
        # Verified, interpreted before and after, read back from text, and run again, which changes nothing.
        graph = traced(g, x, w)
        before = run_pipeline(graph, WITHOUT[:-1]).graph
        once = run_pipeline(before, ("recompute",), Settings(check=3, seed=seed)).graph
        assert PASSES["recompute"](once) is once
        assert difference(once, run_pipeline(before, ("recompute",)).graph) is None, "one graph, one result"


def test_random_programs_are_met(always: None) -> None:
    met = 0
    for seed in range(12):
        rng = np.random.default_rng([seed, 0])
        f = random_function(rng, int(rng.integers(6, 60)))
        x = lg.tensor(np.zeros((12, 12)))
        graph = run_pipeline(traced(lg.grad(f, argnums=(0, 1)), x, x), WITHOUT[:-1]).graph
        met += PASSES["recompute"](graph) is not graph
    assert met >= 6


def test_no_pass_merges_the_two(always: None) -> None:
    x = lg.tensor(np.random.default_rng(0).standard_normal(N, np.float32))
    way = Compiled(tower(gelu, 20), (*PIPELINE[:-1], "canonical", "cse", "fold", "simplify", "cse", "dce", "fuse"))
    way(x)
    assert peak(way.plan(x)) == 9 * x.nbytes
