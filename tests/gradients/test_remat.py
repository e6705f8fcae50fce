"""Computing again instead of keeping: the same bits in less memory, with state, randomness and higher orders."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .test_gradients import FUNCTIONS, Fn, same_bits


@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_bits(name: str) -> None:  # law 1
    f, at = FUNCTIONS[name]
    x, g = lg.tensor(at), lg.remat(FUNCTIONS[name][0])

    def second(f: Fn) -> Fn:
        return lg.grad(lambda u: (lg.grad(f)(u) * u).sum())

    def forward(f: Fn) -> Fn:
        return lambda v: lg.jvp(f, (v,), (v,))[1]

    assert same_bits(g(x), f(x)) and same_bits(lg.function(g)(x), f(x))
    for order in (lg.grad, second, forward):
        expected = order(f)(x)
        for way in (order(g), lg.function(order(g)), order(lg.function(g)), order(lg.remat(g))):
            assert same_bits(way(x), expected)


def peak(plan: str) -> int:
    """The peak that a memory plan states, in bytes."""
    found = re.search(r"peak ([\d_,]+) bytes", plan)
    assert found, plan
    return int(re.sub(r"\D", "", found[1]))


def chain(block: Fn, count: int) -> Fn:
    def run(x: lg.Array) -> lg.Array:
        for _ in range(count):
            x = block(x)
        return x.sum()

    return run


def layers(w: np.ndarray) -> Fn:
    def block(x: lg.Array) -> lg.Array:
        for _ in range(6):
            x = lg.tanh(x @ w)
        return x

    return block


def test_a_chain_takes_less_memory() -> None:
    w = np.random.default_rng(0).normal(0, 0.3, (32, 32)).astype(np.float32)
    x = np.random.default_rng(1).normal(size=(256, 32)).astype(np.float32)
    block = layers(w)
    plain, again = (lg.function(lg.grad(chain(b, 6))) for b in (block, lg.remat(block)))
    assert same_bits(plain(x), again(x))
    one = x.nbytes
    most, least = peak(plain.memory_plan()), peak(again.memory_plan())
    # Without, the 36 results of tanh; with, the inputs of 6 blocks, and 6 more while one of them runs again.
    assert most > 34 * one and least < 18 * one


def test_eagerly_too() -> None:
    w = np.random.default_rng(0).normal(0, 0.3, (32, 32)).astype(np.float32)
    x = lg.tensor(np.random.default_rng(1).normal(size=(256, 32)).astype(np.float32))
    block = layers(w)
    kept, again = (lg.grad(chain(f, 6)) for f in (block, lg.remat(block)))
    assert lg.debug.peak_bytes(lambda: again(x)) < 0.5 * lg.debug.peak_bytes(lambda: kept(x))


def test_what_the_function_reads_has_gradients() -> None:
    w, x = lg.Variable([2.0, -3.0], name="w"), lg.tensor([0.5, 0.25])

    def loss(f: Callable[[lg.Array], lg.Array]) -> Any:
        return lambda: lg.sum(f(x) * f(x * 2))

    def layer(x: lg.Array) -> lg.Array:
        return lg.tanh(x * w)

    expected = lg.variable_grads(loss(layer))[1]["w"]
    for f in (lg.remat(layer), lg.remat(lg.function(layer)), lg.function(lg.remat(layer))):
        found = lg.variable_grads(loss(f))[1]["w"]
        assert same_bits(found, expected)
        compiled: Any = lg.function(lambda f=f: lg.variable_grads(loss(f))[1]["w"])
        assert same_bits(compiled(), expected)
    closed = lg.grad(lambda v: lg.sum(lg.remat(lambda u: u * v)(x)))(x)
    assert same_bits(closed, x)
    with lg.GradientTape() as tape:
        y = lg.remat(layer)(x)
    assert same_bits(tape.gradient(y, w), lg.grad(lambda v: lg.tanh(x * v))(w))


def test_effects_happen_once() -> None:
    count = lg.Variable(0.0, trainable=False, name="count")

    def noisy(x: lg.Array) -> lg.Array:
        count.assign_add(1.0)
        return lg.tanh(x * lg.random.normal((3,)) * count)

    x = lg.tensor([0.1, 0.2, 0.3])
    found = []
    for f in (noisy, lg.remat(noisy)):
        for way in (lg.grad(f), lg.function(lg.grad(f))):
            count.assign(0.0)
            lg.random.seed(3)
            found.append(way(x))
            assert count.numpy() == 1
    assert all(same_bits(g, found[0]) for g in found)


def test_other_containers_and_other_gradients_inside() -> None:
    @lg.custom_gradient
    def rectified(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
        kept = lg.exp(x)
        return x * 2, lambda dy: dy * kept

    def f(p: dict[str, lg.Array]) -> dict[str, Any]:
        y = rectified(p["a"]) * p["a"]
        return {"y": y, "k": lg.argmax(y), "none": None, "g": lg.grad(lambda v: v * y)(p["a"]), "text": "as it is"}

    def total(f: Callable[[dict[str, lg.Array]], dict[str, Any]]) -> Fn:
        def run(x: lg.Array) -> Any:
            made = f({"a": x})
            assert made["none"] is None and made["text"] == "as it is"
            return lg.sum(made["y"] * made["g"]) + made["k"]

        return run

    x = lg.tensor(np.array([0.3, 0.7]))
    expected = [lg.grad(total(f))(x), lg.hessian(total(f))(x)]
    for g in (lg.remat(f), lg.remat(lg.remat(f))):
        assert same_bits(lg.grad(total(g))(x), expected[0]) and same_bits(lg.hessian(total(g))(x), expected[1])
        assert same_bits(lg.function(lg.grad(total(g)))(x), expected[0])
        assert same_bits(lg.function(lg.hessian(total(g)))(x), expected[1])


def test_misuse() -> None:
    with pytest.raises(lg.ArgumentError, match="a gradient is taken of a function, but a int was given"):
        lg.remat(3)  # type: ignore[arg-type]
