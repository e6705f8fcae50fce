"""Gradients that users write: their values, counts and errors, to higher order, eager and compiled alike."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.text import show

from .test_gradients import same_bits


@lg.custom_gradient
def magnitude(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
    return x * x, lambda dy: dy * lg.abs(x)


@lg.custom_gradient
def sine(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
    y, other = lg.sin(x), lg.cos(x)
    return y, lambda dy: dy * other


@lg.custom_gradient
def scaled(x: lg.Array, p: dict[str, lg.Array], n: int) -> tuple[Any, Callable[..., Any]]:
    w, v = p["w"], p["v"]

    def vjp(dy: dict[str, lg.Array]) -> tuple[object, ...]:
        a, b = dy["a"], dy["b"]
        return a * w * n + b, {"w": a * x * n, "v": -b}, None

    return {"a": x * w * n, "b": x - v}, vjp


def test_the_gradient_is_the_one_given() -> None:  # A6.3
    x = lg.tensor([-1.0, -2.0, 3.0])
    assert lg.grad(magnitude)(x).tolist() == [1, 2, 3]
    assert magnitude(x).tolist() == [1, 4, 9]
    assert lg.function(magnitude)(x).tolist() == [1, 4, 9]


WAYS: dict[str, Callable[[Any], Any]] = {
    "eager": lambda f: f,
    "function": lg.function,
}


@pytest.mark.parametrize("inside", WAYS)
@pytest.mark.parametrize("outside", WAYS)
def test_inside_and_outside_of_functions(inside: str, outside: str) -> None:
    x = lg.tensor(np.array([0.3, -1.2]))
    p = {"w": lg.tensor(np.array([2.0, 5.0])), "v": lg.tensor(np.array([1.0, 0.5]))}
    inner, outer = WAYS[inside], WAYS[outside]

    def f(x: lg.Array, p: dict[str, lg.Array]) -> lg.Array:
        made = scaled(sine(x), p, 3)
        return lg.sum(made["a"] * made["b"] + magnitude(x))

    expected = lg.grad(f, argnums=(0, 1))(x, p)
    found = outer(lg.grad(inner(f), argnums=(0, 1)))(x, p)
    assert same_bits(found[0], expected[0]) and same_bits(found[1]["w"], expected[1]["w"])
    assert same_bits(found[1]["v"], expected[1]["v"])
    assert same_bits(outer(inner(f))(x, p), f(x, p))

    def derivative(f: Any) -> Any:
        return outer(lg.grad(lambda v: lg.jvp(inner(f), (v,), (v,))[1].sum()))

    assert same_bits(derivative(sine)(x), lg.grad(lambda v: lg.jvp(sine, (v,), (v,))[1].sum())(x))


@pytest.mark.parametrize("way", WAYS)
def test_higher_orders_differentiate_the_vjp(way: str) -> None:
    x, f = lg.tensor(np.array(0.7)), WAYS[way](sine)
    third = lg.grad(lg.grad(lg.grad(f)))
    # The second derivative goes through what vjp keeps, cos, by its row.
    assert same_bits(lg.grad(lg.grad(f))(x), -lg.sin(x))
    assert same_bits(lg.function(third)(x), third(x))
    np.testing.assert_allclose(np.asarray(third(x)), -np.cos(0.7), rtol=4e-16)  # one rounding in each
    assert lg.grad(lg.grad(magnitude))(lg.tensor(-3.0)).item() == -1


def test_a_vjp_with_a_custom_gradient_of_its_own() -> None:
    def f(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
        return x * 1.0, lambda dy: dy * magnitude(x)

    g = lg.custom_gradient(f)
    x = lg.tensor(-2.0)
    for way in WAYS.values():
        assert lg.grad(way(g))(x).item() == 4 and way(lg.grad(lg.grad(way(g))))(x).item() == 2


def test_other_transforms_and_variables() -> None:
    x = lg.tensor([-1.0, 2.0])
    w = lg.Variable([3.0, -4.0], name="w")
    assert lg.jvp(magnitude, (x,), (x,))[1].tolist() == [-1, 4]
    assert lg.jacobian(magnitude)(x).tolist() == [[1, 0], [0, 2]]
    assert lg.hessian(lambda v: magnitude(v).sum())(x).tolist() == [[-1, 0], [0, 1]]
    for f in (lambda: magnitude(w).sum(), lg.function(lambda: magnitude(w).sum())):
        found = lg.variable_grads(f)[1]["w"]
        assert found is not None and found.tolist() == [3, 4]

    @lg.custom_gradient
    def closed(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
        return x * w, lambda dy: dy * w

    assert lg.grad(closed)(x).tolist() == [3, -4]
    assert lg.grad(lg.function(closed))(x).tolist() == [3, -4]
    both = lg.variable_grads(lambda: lg.sum(closed(x) * w))[1]["w"]
    assert both is not None and both.tolist() == [-3, -8]  # what closes over w gives it no cotangent


def test_only_what_has_a_cotangent_is_connected() -> None:
    half = lg.custom_gradient(lambda x, y: (x * y, lambda dy: (dy, None)))
    x = lg.tensor([2.0])
    assert lg.grad(half)(x, x).tolist() == [1]
    for f in (half, lg.function(half)):
        with pytest.raises(lg.DomainError, match="Cannot compute gradient"):
            lg.grad(f, argnums=1)(x, x)
    integers = lg.custom_gradient(lambda x, k: (x * k, lambda dy: (dy * k, None)))
    assert lg.grad(lg.function(integers))(x, lg.tensor([3])).tolist() == [3]


def test_it_costs_nothing_where_no_gradient_is_taken() -> None:
    def plain(x: lg.Array) -> lg.Array:
        return x * x

    x = lg.tensor([1.0, 2.0])
    texts = [lg.function(f).ir(x, stage="optimized") for f in (lambda x: magnitude(x) + 1, lambda x: plain(x) + 1)]
    assert "custom_gradient" not in texts[0] and texts[0].count(" = ") == texts[1].count(" = ")
    traced = lg.function(magnitude).ir(x, stage="traced")
    assert "custom_gradient" in traced and "abs" in traced
    assert show(lg.parse_ir(traced)) == traced


CASES: list[tuple[Callable[..., object], type[Exception], str]] = [
    (lambda x: (x, lambda dy: (dy, dy)), lg.ArgumentError,
     "The function f passed in custom_gradient(f) must return a pair (value, vjp) where vjp is a function that returns "
     "the same number of tensors as inputs passed to f(...). It returned 2, and 1 were passed."),
    (lambda x: x, lg.ArgumentError, "The function f passed in custom_gradient(f) must return a pair (value, vjp) where "
     "vjp is a function, but it returned "),
    (lambda x: (x > 0, lambda dy: dy), lg.DTypeError, "the function to differentiate must return floats, but it "),
    (lambda x: (x, lambda dy: dy.sum()), lg.ShapeError, "the cotangent that a vjp of custom_gradient(f) returns for "
     "argument 0 has shape (), and the argument (2,)"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "kind", "text"), CASES, ids=range(len(CASES)))
def test_misuse(f: Callable[..., Any], kind: type[Exception], text: str) -> None:
    x = lg.tensor([1.0, 2.0])
    for run in (lg.grad(lg.custom_gradient(f)), lg.function(lg.custom_gradient(f))):
        with pytest.raises(kind) as error:
            run(x)
        assert str(error.value).startswith(text)


def test_a_vjp_changes_no_state() -> None:
    v = lg.Variable(1.0, name="counted")

    def f(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
        return x, lambda dy: dy * v.assign_add(1.0)

    with pytest.raises(lg.TraceError, match="a vjp assigned the variable 'counted'"):
        lg.function(lg.custom_gradient(f))(lg.tensor(1.0))
    assert v.numpy() == 1
    with pytest.raises(lg.ArgumentError, match="a gradient is taken of a function, but a int was given"):
        lg.custom_gradient(3)  # type: ignore[arg-type]


def test_a_vjp_reads_no_variable_that_was_assigned_since() -> None:  # law 4: compiled, it has the value of then
    w, other = lg.Variable(2.0, name="w"), lg.Variable(0.0)
    x = lg.scalar(1.0)

    @lg.custom_gradient
    def reading(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
        return x * w, lambda dy: dy * w

    @lg.custom_gradient
    def keeping(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
        value = w.value()
        return x * value, lambda dy: dy * value

    def run(f: Any, x: lg.Array, variable: lg.Variable) -> lg.Array:
        w.assign(2.0)
        y: lg.Array = f(x)
        variable.assign(10.0)
        return y

    said = (
        r"^the vjp of custom_gradient\(f\) reads the variable 'w', which was assigned since f was called; read it in "
        "f, and let vjp use what that gave"
    )
    for wrap in (lambda f: f, lg.function):
        with pytest.raises(lg.StateError, match=said):
            wrap(lg.grad(lambda x: run(reading, x, w)))(x)
        assert wrap(lg.grad(lambda x: run(reading, x, other)))(x).item() == 2
        assert wrap(lg.grad(lambda x: run(keeping, x, w)))(x).item() == 2
        assert lg.grad(wrap(lambda x: run(keeping, x, w)))(x).item() == 2
        w.assign(3.0)
        assert lg.grad(wrap(reading))(x).item() == 3
        with lg.GradientTape() as tape:
            tape.watch(x)
            y = reading(x)
        w.assign_add(1.0)
        with pytest.raises(lg.StateError, match=said):
            tape.gradient(y, x)


def test_with_symbolic_extents_and_after_a_journey() -> None:
    def f(x: lg.Array, w: lg.Array) -> lg.Array:
        return lg.sum(lg.remat(lambda v: lg.tanh(magnitude(v) @ w))(sine(x)))

    w = lg.tensor(np.linspace(-1, 1, 12).reshape(3, 4))
    compiled, inner = lg.function(lg.grad(f, argnums=(0, 1))), lg.function(f)
    for n in (2, 5, 7, 1, 0):
        x = lg.tensor(np.linspace(-1, 2, 3 * n).reshape(n, 3))
        expected = lg.grad(f, argnums=(0, 1))(x, w)
        for found in (compiled(x, w), lg.grad(inner, argnums=(0, 1))(x, w)):
            assert same_bits(found[0], expected[0]) and same_bits(found[1], expected[1])
    assert compiled.trace_count <= 3
    carried = pickle.loads(pickle.dumps(lg.function(sine).get_concrete_function(lg.TensorSpec([2], "float64"))))
    x = lg.tensor(np.array([0.5, 1.0]))
    assert same_bits(lg.grad(carried)(x), lg.cos(x))
