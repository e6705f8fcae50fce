"""Reverse mode: against finite differences and closed forms, to any order, eager and compiled alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

F64 = np.float64
Fn = Callable[[lg.Array], lg.Array]


def same_bits(a: object, b: object) -> bool:
    x, y = np.asarray(a), np.asarray(b)
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


ROW = np.array([0.3, -1.2, 2.0], F64)
MATRIX = np.linspace(-1, 1, 6).reshape(2, 3)

FUNCTIONS: dict[str, tuple[Fn, np.ndarray]] = {
    "polynomial": (lambda x: (x * x * x - 2 * x).sum(), ROW),
    "shared": (lambda x: (lg.exp(x) * lg.tanh(x) + lg.exp(x)).sum(), ROW),
    "broadcast": (lambda x: (x * MATRIX + lg.square(x)).sum(), ROW),
    "column": (lambda x: (lg.reshape(x, (3, 1)) * lg.reshape(x, (1, 3))).sum(), ROW),
    "scalar meets matrix": (lambda x: (x.sum() * MATRIX * lg.sigmoid(x)).sum(), ROW),
    "matmul": (lambda x: lg.square(lg.tanh(x @ MATRIX.T @ x)).sum(), MATRIX),
    "softmax": (lambda x: (lg.softmax(x) * ROW).sum(), ROW),
    "slices": (lambda x: (x[1:] * x[:-1]).sum() + x[0], ROW),
    "where": (lambda x: lg.where(x > 0, x * x, -x * x * x).sum(), ROW),
    "unrolled": (lambda x: sum((row * row for row in x), start=lg.zeros((), dtype="float64")), ROW),
}


def numeric(f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """Central differences of a scalar function of float64s."""
    g = np.empty_like(x)
    h = 1e-5
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        g[i] = (f(up) - f(down)) / (2 * h)
    return g


@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_and_second_order(name: str) -> None:
    f, x = FUNCTIONS[name]
    g = lg.grad(f)
    # Differences of step 1e-5 are good to about 1e-10 (truncation) plus 1e-16 / 1e-5 (rounding).
    np.testing.assert_allclose(
        np.asarray(g(x)), numeric(lambda v: f(lg.tensor(v)).item(), x), rtol=1e-6, atol=1e-8
    )
    weights = np.cos(np.arange(x.size)).reshape(x.shape)

    def along(v: lg.Array) -> lg.Array:
        found: lg.Array = g(v)
        return (found * weights).sum()

    second = lg.grad(along)
    np.testing.assert_allclose(
        np.asarray(second(x)), numeric(lambda v: along(lg.tensor(v)).item(), x), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_gradients_have_the_bits_of_eager_ones(name: str) -> None:  # law 1
    f, x = FUNCTIONS[name]
    value, first = lg.value_and_grad(f)(x)

    def both(v: lg.Array) -> tuple[lg.Array, lg.Array]:
        return lg.value_and_grad(f)(v)

    for compiled in (
        lg.function(both),
        lg.value_and_grad(lg.function(f)),
        lg.function(lg.value_and_grad(lg.function(f))),
    ):
        got, gradient = compiled(x)
        assert same_bits(got, value)
        assert same_bits(gradient, first)

    def second(v: lg.Array) -> object:
        return lg.grad(lambda u: (lg.grad(f)(u) * u).sum())(v)

    assert same_bits(lg.function(second)(x), second(lg.tensor(x)))


def test_third_order_and_seeds() -> None:  # A6.3
    x = lg.tensor([2.0, 3.0])
    assert lg.grad(lambda v: v * v)(x).tolist() == [4, 6]
    assert lg.grad(lambda v: v * v)(x, dy=[10.0, 1.0]).tolist() == [40, 6]

    def cube(v: lg.Array) -> lg.Array:
        return v * v * v

    assert lg.grad(lg.grad(cube))(2.0).item() == 12
    assert lg.grad(lg.grad(lg.grad(cube)))(2.0).item() == 6
    value, gradient = lg.value_and_grad(lambda v: lg.square(v).sum())(x)
    assert value.item() == 13 and gradient.tolist() == [4, 6]
    with pytest.raises(lg.ShapeError, match=r"The shape of dy passed in grad\(f\)\(x, dy\) must match"):
        lg.grad(cube)(x, dy=[1.0])


def test_argnums_nests_and_aux() -> None:
    x, y = lg.tensor([2.0]), lg.tensor([5.0])
    assert lg.grad(lambda a, b: a * b, argnums=1)(x, y).item() == 2
    assert [g.item() for g in lg.grad(lambda a, b: a * b, argnums=(1, 0))(x, y)] == [2, 5]
    assert [g.item() for g in lg.grads(lambda a, b: a * b * b)(x, y)] == [25, 20]
    nest = {"w": x, "b": [y, None]}
    gradient = lg.grad(lambda p: p["w"] * p["b"][0])(nest)
    assert list(gradient) == ["w", "b"] and gradient["b"][1] is None
    assert gradient["w"].item() == 5 and gradient["b"][0].item() == 2
    (value, aux), g = lg.value_and_grad(lambda v: (v * v, {"k": v + 1}), has_aux=True)(x)
    assert (value.item(), aux["k"].item(), g.item()) == (4, 3, 4)
    with pytest.raises(lg.ArgumentError, match="argnums is 2, but the call has 1"):
        lg.grad(lambda a: a, argnums=2)(x)


def test_what_is_not_differentiated_by_is_constant() -> None:
    x = lg.tensor([3.0])
    assert lg.grad(lambda v: v * x)(x).item() == 3
    assert lg.grad(lambda v: v * lg.stop_gradient(v))(x).item() == 3
    assert lg.grad(lambda v: v * lg.grad(lambda u: u * v)(v))(x).item() == 6


def test_disconnected() -> None:  # A6.3, API 5
    x = lg.tensor([3.0])
    text = (
        "Cannot compute gradient of y=f(x) with respect to x. Make sure that the f you passed encloses all "
        "operations that lead from x to y."
    )
    for f in (
        lambda v: lg.ones((1,)),
        lg.stop_gradient,
        lambda v: lg.astype(lg.astype(v, "int32"), "float32"),
    ):
        with pytest.raises(lg.DomainError) as error:
            lg.grad(f)(x)
        assert str(error.value).startswith(text)
    with pytest.raises(lg.DomainError):
        lg.grads(lambda a, b: a * a)(x, x)
    inner = lg.grad(lambda v: lg.grad(lambda u: v * v * lg.ones((1,)))(v) + v * v)
    assert inner(x).item() == 6


def test_misuse() -> None:
    with pytest.raises(lg.DTypeError, match="argument 0 holds int32"):
        lg.grad(lambda v: v * v)(lg.tensor([1, 2]))
    with pytest.raises(lg.ArgumentError, match="must return a tensor, but it returned a str"):
        lg.grad(lambda v: "no")(lg.tensor([1.0]))
    with pytest.raises(lg.DTypeError, match="must return floats"):
        lg.grad(lambda v: v > 0)(lg.tensor([1.0]))


def test_only_functions_have_gradients() -> None:
    for make in (lg.grad, lg.grads, lg.value_and_grad, lg.vjp, lg.variable_grads):
        with pytest.raises(lg.ArgumentError, match="a gradient is taken of a function, but a int was given"):
            make(3)  # type: ignore[arg-type]


def test_vjp() -> None:
    x, y = lg.tensor([1.0, 2.0]), lg.tensor([3.0, 4.0])
    out, pull = lg.vjp(lambda a, b: {"p": a * b, "s": a.sum()}, x, y)
    assert out["p"].tolist() == [3, 8]
    gx, gy = pull({"p": lg.tensor([1.0, 10.0]), "s": 100.0})
    assert gx.tolist() == [103, 140] and gy.tolist() == [1, 20]


def test_zeros_needed_are_negative() -> None:  # law 1
    _, pull = lg.vjp(lambda a, b: a, lg.tensor([1.0]), lg.tensor([1.0]))
    _, zero = pull(lg.tensor([1.0]))
    assert np.signbit(np.asarray(zero)).all()


def test_contributions_are_added_in_reverse_order_of_use() -> None:  # law 1
    # 1e8 + 1 rounds to 1e8 in float32, so the order of additions shows.
    def f(x: lg.Array) -> lg.Array:
        return x * 1.0 + x * 1e8 + x * -1e8

    x = lg.tensor([1.0])
    assert lg.grad(f)(x).item() == np.float32(np.float32(-1e8) + np.float32(1e8)) + 1
    assert lg.function(lg.grad(f))(x).item() == lg.grad(f)(x).item()


def test_only_what_leads_to_the_result_is_differentiated() -> None:
    def f(x: lg.Array, y: lg.Array) -> lg.Array:
        lg.exp(lg.tanh(x))
        return x * lg.exp(y)

    text = lg.function(lg.grad(f)).ir(lg.TensorSpec([3]), lg.TensorSpec([3]), stage="traced")
    assert text.count("multiply") == 2
    assert "∂" in text


def test_variable_grads() -> None:  # A6.3
    a, b = lg.Variable(3.0, name="a"), lg.Variable(2.0, name="b")
    c = lg.Variable(1.0, name="c", trainable=False)
    x = lg.scalar(5.0)

    def f() -> lg.Array:
        return a * x * x + b * x + c

    value, grads = lg.variable_grads(f)
    assert value.item() == 86 and {k: g and g.item() for k, g in grads.items()} == {"a": 25, "b": 5}
    _, grads = lg.variable_grads(f, [a, c])
    assert grads["c"] is None and grads["a"] is not None and grads["a"].item() == 25 and len(grads) == 2
    compiled: Callable[[], Any] = lg.function(lambda: lg.variable_grads(f))
    assert compiled()[1]["a"].item() == 25 and list(compiled()[1]) == ["a", "b"]
    inner = lg.function(f)
    assert lg.variable_grads(inner)[1]["b"].item() == 5  # type: ignore[union-attr]

    def assigned() -> lg.Array:
        a.assign(a * 2)
        return a * x

    assert lg.variable_grads(assigned)[1]["a"].item() == 10  # type: ignore[union-attr]
    assert a.numpy() == 6

    def by_value() -> lg.Array:
        return a.value() * lg.tensor(b) + a.assign_add(1.0)

    for g in (by_value, lg.function(by_value)):
        a.assign(3.0)
        found = lg.variable_grads(g)[1]
        assert {k: v and v.item() for k, v in found.items()} == {"a": 3, "b": 3} and a.numpy() == 4


def test_variable_grads_refuses() -> None:  # A6.3
    v = lg.Variable([1.0, 2.0], name="same")
    w = lg.Variable([1.0, 2.0], name="same")
    fixed = lg.Variable(1.0, trainable=False)
    cases: list[tuple[Callable[[], object], list[lg.Variable] | None, type[Exception], str]] = [
        (lambda: v * 2, None, lg.ShapeError,
         "The f passed in variable_grads(f) must return a scalar, but it returned a rank-1 tensor"),
        (v.sum, [fixed], lg.ArgumentError,
         "variable_grads() expects at least one of the input variables to be trainable, but none of the 1 "
         "variables is trainable."),
        (lambda: lg.ones(()) * 1, None, lg.DomainError,
         "Cannot find a connection between any variable and the result of the loss function y=f(x). Please "
         "make sure the operations that use variables are inside the function f passed to variable_grads()."),
        (lambda: 1.0 * (v * w).sum(), None, lg.ArgumentError, "two variables are named 'same'"),
    ]  # fmt: skip
    for f, variables, kind, text in cases:
        with pytest.raises(kind) as error:
            lg.variable_grads(f, variables)
        assert str(error.value).startswith(text)


def test_a_training_step_is_one_program() -> None:
    w = lg.Variable(np.ones((2, 1), np.float32), name="w")
    x = np.eye(2, dtype=np.float32) * 2

    @lg.function
    def step(x: lg.Array) -> lg.Array:
        loss, grads = lg.variable_grads(lambda: lg.square(x @ w - 1.0).sum())
        w.assign_sub(0.1 * grads["w"])  # type: ignore[operator]
        return loss

    losses = [step(x).item() for _ in range(4)]
    assert step.trace_count == 1
    w.assign(np.ones((2, 1), np.float32))
    lg.run_functions_eagerly(True)
    try:
        assert [step(x).item() for _ in range(4)] == losses
    finally:
        lg.run_functions_eagerly(False)
    assert losses[3] < 2e-4
