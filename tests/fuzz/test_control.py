"""Random programs with loops and choices in each other: eager and compiled, unrolled, in batches, with gradients."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

State = tuple[Any, Any]
"""A vector of three numbers, and a number."""
Program = Callable[[State], State]
SEEDS = 100 if os.environ.get("LITHOGRAPH_TEST_DEEP") == "1" else 12


def step(rng: np.random.Generator) -> Program:
    """One line of straight code."""
    a, b = rng.uniform(-1, 1, 2)
    k = int(rng.integers(3))
    return [
        lambda s: (lg.sin(s[0] * a + s[1]), s[1] * b),
        lambda s: (s[0] * s[1] + b, lg.tanh(s[0].sum() * a)),
        lambda s: (lg.minimum(s[0], a) - s[0][k], s[0][k] * s[1]),
        lambda s: (lg.where(s[0] > a, s[0] * b, s[1]), lg.cos(s[1])),
        lambda s: (lg.flip(s[0]) + a, s[0][k] - s[1]),
        lambda s: (s[0], lg.exp(-s[1] * s[1])),
        lambda s: (s[0].at[k].add(s[1] * a), s[1] + b),
    ][int(rng.integers(7))]


def program(rng: np.random.Generator, depth: int) -> Program:
    """A few lines; at depth 0 straight ones."""
    parts = [part(rng, depth) for _ in range(int(rng.integers(1, 4)))]

    def run(s: State) -> State:
        for p in parts:
            s = p(s)
        return s

    return run


def part(rng: np.random.Generator, depth: int) -> Program:
    if depth == 0 or rng.random() < 0.3:
        return step(rng)
    inner, other = program(rng, depth - 1), program(rng, depth - 1)
    n, at = int(rng.integers(4)), float(rng.uniform(-0.5, 0.5))
    xs = rng.uniform(-1, 1, (n, 3))

    def scanned(s: State) -> State:
        def body(c: State, x: Any) -> tuple[State, Any]:
            c = inner((c[0] + x, c[1]))
            return c, (c[0] * x, c[1])

        s, (vectors, numbers) = lg.scan(body, s, xs, reverse=at > 0)
        return s[0] + vectors.sum(axis=0), s[1] + numbers.sum() if n else s[1]

    def counted(s: State) -> State:
        def body(c: Any) -> Any:
            return inner(c[0]), c[1] + 1

        return lg.while_loop(lambda c: (c[1] < n) & (c[0][1] < 50.0), body, (s, 0))[0]  # type: ignore[no-any-return]

    return [
        lambda s: lg.fori_loop(0, n, lambda i, c: inner(c), s),
        lambda s: lg.cond(s[1] > at, inner, other, s),
        lambda s: lg.switch(lg.astype(lg.clip(s[1] * 2 + 1, 0, 2), lg.int32), [inner, other, lambda s: s], s),
        scanned,
        counted,
    ][int(rng.integers(5))]


def loss(f: Program) -> Callable[..., Any]:
    def run(v: Any, x: Any) -> Any:
        v, x = f((v, x))
        return v.sum() + x

    return run


def same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_control_flow(seed: int) -> None:
    rng = np.random.default_rng(seed)
    f = program(rng, 2)
    v, x = lg.tensor(rng.uniform(-1, 1, (4, 3))), lg.tensor(rng.uniform(-1, 1, 4))
    eager, compiled = f((v[0], x[0])), lg.function(f)((v[0], x[0]))
    assert all(map(same, eager, compiled))

    def vjp(v: Any, x: Any) -> Any:
        return lg.vjp(loss(f), v, x)[1](1.0)

    slopes = vjp(v[0], x[0])
    assert all(map(same, slopes, lg.function(vjp)(v[0], x[0])))
    lg.run_functions_eagerly(True)
    try:
        unrolled = vjp(v[0], x[0])
    finally:
        lg.run_functions_eagerly(False)
    for a, b in zip(slopes, unrolled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    each = [vjp(v[k], x[k]) for k in range(4)]
    batch, whole = lg.vmap(vjp)(v, x), lg.function(lg.vmap(vjp))(v, x)
    assert all(map(same, batch, whole))
    for k, found in enumerate(batch):
        np.testing.assert_allclose(found, np.stack([e[k].numpy() for e in each]), rtol=1e-9, atol=1e-12)
