"""Forward mode inside, outside and beside everything else that differentiates, remembers, compiles or keeps state."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .test_forward import near
from .test_gradients import FUNCTIONS, Fn, same_bits

X = np.array([0.3, -1.2, 2.0])
T = np.array([1.0, 0.5, -2.0])


def along(f: Callable[..., Any], t: Any = T) -> Fn:
    """How `f` changes along `t`."""
    return lambda x: lg.jvp(f, (x,), (t,))[1]


def test_each_jvp_has_tangents_of_its_own() -> None:
    # d/dx (x * d/dy (x + y)) is 1, and 2 where tangents are mixed up.
    one = lg.tensor(1.0)
    assert along(lambda x: x * along(lambda y: x + y, one)(one), one)(one).item() == 1
    assert along(lambda x: x * along(lambda y: x * y, one)(x), one)(lg.tensor(3.0)).item() == 6
    assert lg.grad(lambda x: x * along(lambda y: x * y, one)(x))(3.0).item() == 6
    assert along(lambda x: x * lg.grad(lambda y: x * y * y)(x), one)(lg.tensor(3.0)).item() == 54


@pytest.mark.parametrize("name", ["shared", "scalar meets matrix", "matmul", "softmax"])
def test_compiled_at_any_depth(name: str) -> None:  # law 1
    f, at = FUNCTIONS[name]
    t = np.cos(np.arange(at.size)).reshape(at.shape)
    orders: list[Callable[[Fn], Fn]] = [
        lambda g: along(along(g, t), t),
        lambda g: along(lg.grad(g), t),
        lambda g: lg.grad(along(g, t)),
        lambda g: lg.grad(along(lg.grad(along(g, t)), t)),
    ]
    for order in orders:
        x = lg.tensor(at)
        expected = order(f)(x)
        for way in (lg.function(order(f)), order(lg.function(f)), lg.function(order(lg.function(f)))):
            assert same_bits(way(x), expected)
    inner = along(lg.grad(lg.function(along(f, t))), t)
    assert same_bits(lg.function(inner)(at), inner(lg.tensor(at)))


@lg.custom_gradient
def clipped(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
    """The identity, whose gradient is limited to three times the cotangent by a factor that depends on the point."""
    factor = lg.minimum(lg.square(x), 3.0)
    return x * 1, lambda dy: dy * factor


def test_a_gradient_of_ones_own_holds_forward_too() -> None:
    factor = np.minimum(X * X, 3)
    for f in (clipped, lg.function(clipped), lg.remat(clipped)):
        for way in (along(f), lg.function(along(f))):
            assert same_bits(way(lg.tensor(X)), T * factor)
    # The slope of the factor is 2x, and zero where it is limited.
    slope = np.where(X * X <= 3, 2 * X, 0) * T * T
    backward_of, of_backward = lg.grad(lambda x: along(clipped)(x) * T), along(lambda x: lg.grad(clipped)(x) * T)
    for order in (along(along(clipped)), of_backward, backward_of):
        for way in (order, lg.function(order)):
            np.testing.assert_allclose(np.asarray(way(lg.tensor(X))), slope, rtol=1e-15)


def test_several_arguments_of_which_some_move() -> None:
    @lg.custom_gradient
    def scaled(p: dict[str, lg.Array], y: lg.Array) -> tuple[Any, Callable[[Any], Any]]:
        return [p["a"] * y, p["a"].sum()], lambda dy: ({"a": dy[0] * y * 10 + dy[1]}, None)

    x = lg.tensor(X)
    for way in (lg.jvp, lg.function(lg.jvp)):
        _, (product, total) = way(lambda a: scaled({"a": a}, x), (x,), (lg.tensor(T),))
        assert same_bits(product, T * X * 10) and total.item() == T.sum()
        _, (product, total) = way(lambda y: scaled({"a": x}, y), (x,), (lg.tensor(T),))
        assert not np.asarray(product).any() and total.item() == 0


def test_remat_goes_forward_as_its_body() -> None:
    ran: list[int] = []

    def body(x: lg.Array) -> lg.Array:
        ran.append(1)
        return lg.tanh(x) * lg.exp(x)

    x = lg.tensor(X)
    for order in (along, lambda f: along(along(f)), lambda f: along(lg.grad(f)), lambda f: lg.grad(along(f))):
        expected = order(body)(x)
        ran.clear()
        found = order(lg.remat(body))(x)
        assert same_bits(found, expected) and len(ran) == 1
        assert same_bits(lg.function(order(lg.remat(body)))(x), expected)
        assert same_bits(order(lg.function(lg.remat(body)))(x), expected)
        assert same_bits(lg.remat(order(body))(x), expected)
    text = lg.function(along(lg.function(lg.remat(body)))).ir(X, stage="optimized")
    assert text.count("tanh") == text.count("exp(") == 1, text


def test_tapes_inside_and_outside() -> None:
    x = lg.tensor(X)
    with lg.GradientTape() as tape:
        tape.watch(x)
        y = along(lambda v: v * v * v)(x)
    near(tape.gradient(y, x), 6 * X * T)

    def inside(v: lg.Array) -> Any:
        with lg.GradientTape() as inner:
            inner.watch(v)
            z = v * v * v
        return inner.gradient(z, v)

    near(along(inside)(x), 6 * X * T)
    assert same_bits(lg.function(along(inside))(x), along(inside)(x))


def test_a_variable_carries_the_tangent_of_what_it_was_assigned() -> None:
    kept = lg.Variable(np.zeros(3), trainable=False)
    weight = lg.Variable(np.array([2.0, 3.0, 4.0]))

    def f(x: lg.Array) -> lg.Array:
        kept.assign(x * x)
        return kept * weight

    for way in (along(f), lg.function(along(f)), along(lg.function(f))):
        kept.assign(np.zeros(3))
        assert same_bits(way(lg.tensor(X)), 2 * X * T * np.array([2.0, 3.0, 4.0]))
        assert same_bits(kept, X * X)

    def loss(x: lg.Array) -> Any:
        def weighed() -> lg.Array:
            return (weight * weight * x).sum()

        return lg.variable_grads(weighed)[1][weight.name]

    assert same_bits(along(loss)(lg.tensor(X)), 2 * T * np.array([2.0, 3.0, 4.0]))


def test_integers_and_conditions_do_not_move() -> None:
    def f(x: lg.Array) -> lg.Array:
        order = lg.argsort(x)
        return lg.where(x > 0, lg.take(x, order, axis=0), x.astype("int32").astype("float64"))

    found = lg.jvp(f, (lg.tensor(X),), (lg.tensor(T),))
    assert same_bits(found[1], np.where(X > 0, T[np.argsort(X)], 0))
    text = lg.function(along(lambda x: lg.ones((3,), dtype="float64") + lg.floor(X))).ir(X, stage="traced")
    assert text.count("floor") == 1 and "where" not in text


def test_a_pull_carries_tangents_while_its_jvp_runs() -> None:
    def f(x: lg.Array) -> Any:
        _, pull = lg.vjp(lambda v: v * v * v, x)
        return pull(lg.ones((3,), dtype="float64"))[0]

    near(along(f)(lg.tensor(X)), 6 * X * T)


def test_a_tangent_goes_with_its_primal() -> None:
    big = lg.tensor(np.ones(100_000, np.float32))

    def chain(x: lg.Array) -> lg.Array:
        for _ in range(40):
            x = lg.tanh(x + 0.1)
        return x

    gc.collect()
    gc.disable()
    try:
        value, tangent = lg.jvp(chain, (big,), (big,))
        left = lg.memory().num_bytes
        del tangent
        assert value is not None and lg.memory().num_bytes == left - big.nbytes
    finally:
        gc.enable()
    # A few of each alive at a time, where all 80 and their tangents would be.
    assert lg.debug.peak_bytes(lambda: lg.jvp(chain, (big,), (big,))) < 10 * big.nbytes


def test_linear_ops_are_applied_to_tangents() -> None:
    """What is written: the op itself once more, and nothing for what does not move."""

    def count(f: Fn, what: str) -> tuple[int, int]:
        lines = [line for line in lg.function(along(f)).ir(X, stage="traced").splitlines() if " = " in line]
        return sum(f" = {what}(" in line for line in lines), len(lines)

    rows = lg.tensor(np.arange(9.0).reshape(3, 3))
    assert count(lambda x: lg.reshape(x, (3, 1)), "reshape") == (2, 2)
    assert count(lambda x: lg.matmul(rows, x[:, None]), "matmul") == (2, 4)
    assert count(lg.cumulative_sum, "cumulative_sum") == (2, 2)
    assert count(lambda x: x + 1.0, "add") == (1, 2)
    assert count(lambda x: x - 1.0, "subtract") == (1, 2)
    assert count(lg.sort, "argsort") == (1, 3)
    assert count(lambda x: lg.where(X > 0, x, 1.0), "where")[0] == 2


def test_defaults_and_names_reach_what_a_compiled_function_wraps_as_they_are_given() -> None:
    def scaled(x: lg.Array, n: object = 3.0, *, k: object = 2.0) -> lg.Array:
        return lg.sum(x * x) * n * k  # type: ignore[operator]

    def mapped(x: lg.Array, s: object = 2.0) -> lg.Array:
        return x * s  # type: ignore[operator]

    x = lg.tensor([1.0, 2.0])
    calls: list[tuple[tuple[object, ...], dict[str, object]]] = [
        ((x,), {}), ((x, 2.0), {}), ((x,), {"n": 2.0}), ((x,), {"k": 4.0}), ((x, 2.0), {"k": 4.0}), ((x,), {}),
    ]  # fmt: skip
    compiled = lg.function(lg.grads(scaled))
    for args, kwargs in calls:
        found, wanted = compiled(*args, **kwargs), lg.grads(scaled)(*args, **kwargs)
        assert [g.tolist() for g in found] == [g.tolist() for g in wanted]
    assert compiled.trace_count == 5
    assert lg.function(lg.vmap(mapped))(x).tolist() == [2, 4]
    with pytest.raises(lg.ArgumentError, match="missing a required argument: 'x'"):
        compiled(n=2.0)
