"""`jvp`, `jacobian` and `hessian`: against closed forms and each other, to high order, eager and compiled alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .test_gradients import FUNCTIONS, MATRIX, ROW, Fn, same_bits

# In float64 both sides are a few hundred operations, each off by half an ULP.
NEAR = 1e-12


def near(found: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=NEAR, atol=NEAR)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_transforms_agree_in_pairs(name: str) -> None:
    f, at = FUNCTIONS[name]
    x, t = lg.tensor(at), lg.tensor(np.cos(np.arange(at.size)).reshape(at.shape))
    value, tangent = lg.jvp(f, (x,), (t,))
    assert same_bits(value, f(x))
    gradient: lg.Array = lg.grad(f)(x)
    near(tangent, (gradient * t).sum())
    near(lg.jacobian(f)(x), gradient)
    hessian: lg.Array = lg.hessian(f)(x)
    assert hessian.shape == at.shape * 2
    for other in (lg.jacobian(lg.grad(f)), lg.jacobian(lg.jacobian(f))):
        assert same_bits(other(x), hessian)
    # Hessian times vector: forward over reverse, reverse over forward, reverse over reverse.
    product = lg.tensordot(hessian, t, axes=at.ndim)
    near(lg.jvp(lg.grad(f), (x,), (t,))[1], product)
    near(lg.grad(lambda v: lg.jvp(f, (v,), (t,))[1])(x), product)
    near(lg.grad(lambda v: (lg.grad(f)(v) * t).sum())(x), product)
    near(lg.vjp(lg.grad(f), x)[1](t)[0], product)
    near(lg.jvp(lambda v: lg.jvp(f, (v,), (t,))[1], (x,), (t,))[1], (product * t).sum())


@pytest.mark.parametrize("name", ["shared", "matmul", "softmax", "slices"])
def test_compiled_has_the_bits_of_eager(name: str) -> None:  # law 1
    f, at = FUNCTIONS[name]
    t = np.cos(np.arange(at.size)).reshape(at.shape)
    transforms: list[Callable[[Fn], Callable[[Any], object]]] = [
        lambda g: lambda v: lg.jvp(g, (v,), (t,))[1],
        lambda g: lg.jacobian(lambda v: lg.tanh(v) * g(v)),
        lg.hessian,
    ]
    for transform in transforms:
        eager = transform(f)(lg.tensor(at))
        assert same_bits(lg.function(transform(f))(at), eager)
        assert same_bits(transform(lg.function(f))(at), eager)


def test_to_any_order() -> None:
    def power(x: lg.Array) -> lg.Array:
        return x * x * x * x * x

    def along(f: Fn) -> Fn:
        return lambda x: lg.jvp(f, (x,), (lg.tensor(1.0),))[1]

    f: Fn = power
    for factor in [5, 20, 60, 120, 120]:
        f = along(f)
        assert f(lg.tensor(1.0)).item() == factor
    assert lg.grad(along(lg.grad(along(power))))(1.0).item() == 120
    assert lg.jacobian(lg.hessian(power))(1.0).item() == 60
    assert lg.hessian(lg.hessian(power))(1.0).item() == 120


def test_shapes_and_structures() -> None:
    x, y = lg.tensor(ROW), lg.tensor(MATRIX)

    def f(a: lg.Array, b: dict[str, lg.Array]) -> dict[str, lg.Array]:
        return {"p": b["m"] @ a, "q": a.sum()}

    both = lg.jacobian(f, argnums=(0, 1))(x, {"m": y})
    assert both["p"][0].shape == (2, 3) and both["p"][1]["m"].shape == (2, 2, 3)
    assert same_bits(both["p"][0], y)
    assert same_bits(both["q"][0], np.ones(3)) and not np.asarray(both["q"][1]["m"]).any()
    assert lg.hessian(lg.square)(x).shape == (3, 3, 3)
    second = lg.hessian(lambda a, b: (a * b).sum(), argnums=(0, 1))(x, x)
    assert not np.asarray(second[0][0]).any() and same_bits(second[0][1], np.eye(3))
    assert lg.jacobian(lambda v: v[:0])(x).shape == (0, 3)
    out, tangent = lg.jvp(f, (x, {"m": y}), ([1.0, 0.0, 0.0], {"m": lg.zeros_like(y)}))
    assert set(out) == {"p", "q"} and tangent["q"].item() == 1 and same_bits(tangent["p"], y[:, 0])


def test_what_does_not_move_has_a_tangent_of_zero() -> None:
    x = lg.tensor([1.0, 2.0])
    out, tangent = lg.jvp(lambda a: (a, lg.ones((2,)), lg.stop_gradient(a)), (x,), (x,))
    assert [t.tolist() for t in tangent] == [[1, 2], [0, 0], [0, 0]] and out[0].tolist() == [1, 2]
    assert lg.jvp(lambda a: (a, a * 2), (x,), (x,))[1][1].tolist() == [2, 4]


def test_disconnected_is_an_error_at_the_outermost_call_only() -> None:  # API 5
    x = lg.tensor([1.0])
    with pytest.raises(lg.DomainError, match="Cannot compute gradient of y=f"):
        lg.jacobian(lambda v: lg.ones((2,)))(x)
    assert lg.hessian(lambda v: v * 2)(x).tolist() == [[[0]]]
    assert lg.jvp(lg.jacobian(lambda v: lg.ones((2,))), (x,), (x,))[1].tolist() == [[0], [0]]


def test_one_trace_serves_all_extents() -> None:
    def f(x: lg.Array) -> lg.Array:
        return lg.tanh(x) * x.sum(axis=-1, keepdims=True)

    for transform, rank in ((lg.jacobian(f), 1), (lg.jacobian(f), 2), (lg.hessian(lambda v: f(v).sum()), 1)):
        compiled = lg.function(transform, input_signature=[lg.TensorSpec([None] * rank, lg.float64)])
        for count in (3, 4, 7, 1, 0):
            x = np.cos(np.arange(float(count))).reshape((count,) if rank == 1 else (1, count))
            assert compiled(x).shape == x.shape * 2 and same_bits(compiled(x), transform(x))
            # An extent of 1 broadcasts, so that another trace serves it.
            assert compiled.trace_count == 1 or count < 2


CASES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: lg.jvp(lg.exp, range(1), (1.0,)), lg.ArgumentError, "jvp: primals is a tuple, an entry per argument"),
    (lambda: lg.jvp(lg.exp, (1.0,), (1.0, 2.0)), lg.ArgumentError, "jvp: 1 primals were given, and 2 tangents"),
    (lambda: lg.jvp(lg.exp, (1.0,), ([1.0],)), lg.ShapeError, "jvp: a tangent has the shape (1,), and its primal ()"),
    (lambda: lg.jvp(lg.exp, (1.0,), (lg.tensor(1),)), lg.DTypeError, "jvp: a tangent is int32[], and its primal"),
    (lambda: lg.jvp(lg.exp, (1,), (1,)), lg.DTypeError, "a gradient is taken by floats, but argument 0 holds int32"),
    (lambda: lg.jvp(lambda n: n[0], ([lg.tensor(1.0)],), (1.0,)), lg.ArgumentError,
     "jvp: the tangent of argument 0 must have the containers of that argument"),
    (lambda: lg.jvp(lambda x: x > 0, (1.0,), (1.0,)), lg.DTypeError, "the function to differentiate must return float"),
    (lambda: lg.jacobian(lg.exp, argnums=1)(1.0), lg.ArgumentError, "argnums is 1, but the call has 1 positional"),
    (lambda: lg.jacobian(lg.exp)(lg.tensor([1j])), lg.DTypeError, "a jacobian is one of real numbers, but the result"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "text"), CASES, ids=range(len(CASES)))
def test_misuse(call: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert str(error.value).startswith(text)


def test_only_functions_have_derivatives() -> None:
    for make in (lg.jacobian, lg.hessian, lambda f: lg.jvp(f, (1.0,), (1.0,))):
        with pytest.raises(lg.ArgumentError, match="a gradient is taken of a function, but a int was given"):
            make(3)  # type: ignore[arg-type]
