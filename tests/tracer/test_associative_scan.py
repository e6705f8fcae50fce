"""associative_scan: against loops and running totals, nests and matrices, compiled, differentiated, mapped, misused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

EXTENTS = [0, 1, 2, 3, 4, 5, 7, 8, 16, 21]
Combine = Callable[[Any, Any], Any]

# Integers, so that the order of combining does not show.
RUNNING: dict[str, tuple[Combine, Callable[..., lg.Array]]] = {
    "sum": (lg.add, lg.cumulative_sum),
    "product": (lg.multiply, lg.cumulative_prod),
    "maximum": (lg.maximum, lg.cumulative_max),
    "minimum": (lg.minimum, lg.cumulative_min),
}


def looped(fn: Combine, elems: list[Any], reverse: bool = False) -> list[Any]:
    """The running results one after another."""
    made: list[Any] = []
    for x in elems[::-1] if reverse else elems:
        made.append(fn(made[-1], x) if made else x)
    return made[::-1] if reverse else made


@pytest.mark.parametrize("n", EXTENTS)
@pytest.mark.parametrize("name", RUNNING)
def test_running_totals(name: str, n: int) -> None:
    fn, running = RUNNING[name]
    x = np.random.default_rng(n).integers(-9, 9, (2, n, 3)).astype(np.int64)

    def scanned(x: lg.Array, axis: int = 1, reverse: bool = False) -> lg.Array:
        return lg.associative_scan(fn, x, reverse=reverse, axis=axis)

    expected = running(lg.tensor(x), axis=1)
    assert np.array_equal(scanned(lg.tensor(x)), expected)
    assert np.array_equal(lg.function(scanned)(x), expected)
    assert np.array_equal(scanned(lg.tensor(x), axis=-2), expected)
    turned = lg.flip(running(lg.flip(lg.tensor(x), axis=1), axis=1), axis=1)
    assert np.array_equal(scanned(lg.tensor(x), reverse=True), turned)
    assert np.array_equal(lg.associative_scan(fn, np.moveaxis(x, 1, 0)), np.moveaxis(np.asarray(expected), 1, 0))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", [1, 2, 5, 8, 11])
def test_what_does_not_commute_keeps_its_order(n: int, reverse: bool) -> None:
    matrices = np.random.default_rng(n).integers(-2, 3, (n, 2, 2)).astype(np.float64)
    found = lg.associative_scan(lg.matmul, lg.tensor(matrices), reverse=reverse)
    assert np.array_equal(found, np.stack(looped(np.matmul, list(matrices), reverse)))


def linear(first: dict[str, lg.Array], second: dict[str, lg.Array]) -> dict[str, lg.Array]:
    """x -> a x + b, one after the other."""
    return {"a": second["a"] * first["a"], "b": second["a"] * first["b"] + second["b"]}


@pytest.mark.parametrize("n", [3, 8])
def test_a_recurrence_as_a_nest(n: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (n, 4)), rng.uniform(-1, 1, (n, 4))
    y, expected = np.zeros(4), []
    for k in range(n):
        y = a[k] * y + b[k]
        expected.append(y)
    found = lg.associative_scan(linear, {"b": lg.tensor(b), "a": a})
    assert list(found) == ["b", "a"]
    # Sums of eight terms below one, in another order.
    np.testing.assert_allclose(np.asarray(found["b"]), np.stack(expected), rtol=1e-14, atol=1e-15)


def test_leaves_of_several_ranks_share_the_axis() -> None:
    def joined(p: Any, q: Any) -> Any:
        return p[0] + q[0], lg.maximum(p[1], q[1])

    total, best = lg.associative_scan(joined, (lg.arange(5), lg.tensor([[1, 9], [5, 2], [3, 3], [8, 1], [0, 10]])))
    assert total.tolist() == [0, 1, 3, 6, 10] and best[-1].tolist() == [8, 10]


def softmax_like(x: lg.Array) -> lg.Array:
    def joined(p: Any, q: Any) -> Any:
        peak = lg.maximum(p[0], q[0])
        return peak, p[1] * lg.exp(p[0] - peak) + q[1] * lg.exp(q[0] - peak)

    peak, total = lg.associative_scan(joined, (x, lg.ones_like(x)))
    return lg.log(total) + peak


FLOATS: dict[str, Callable[[lg.Array], lg.Array]] = {
    "sum": lambda x: lg.associative_scan(lg.add, x),
    "product": lambda x: lg.associative_scan(lg.multiply, x, reverse=True),
    "logsumexp": softmax_like,
    "matrices": lambda x: lg.associative_scan(lg.matmul, lg.tanh(x)[:, None, None] * np.eye(2) + 0.1),
}


@pytest.mark.parametrize("name", FLOATS)
def test_gradients_and_transforms(name: str) -> None:
    f = FLOATS[name]
    at = np.random.default_rng(3).uniform(0.5, 1.5, 7)
    x = lg.tensor(at)

    def loss(x: lg.Array) -> lg.Array:
        return lg.sum(lg.square(f(x)))

    lg.debug.check_grads(loss, (x,))
    for way in (f, loss, lg.grad(loss), lambda v: lg.jvp(loss, (v,), (v,))[1], lg.hessian(loss)):  # law 1
        expected = np.asarray(way(x))
        assert np.asarray(lg.function(way)(x)).tobytes() == expected.tobytes()
        assert np.asarray(way(x)).tobytes() == expected.tobytes()
    rows = lg.tensor(np.stack([at, at[::-1], at * 2]))
    mapped = lg.vmap(f)(rows)
    assert all(np.array_equal(m, f(row)) for m, row in zip(mapped, rows, strict=True))
    if name == "logsumexp":
        np.testing.assert_allclose(np.asarray(f(x)), np.asarray(lg.cumulative_logsumexp(x)), rtol=1e-14)


def test_the_depth_is_logarithmic() -> None:
    calls: list[int] = []

    def counted(a: lg.Array, b: lg.Array) -> lg.Array:
        calls.append(a.shape[0])
        assert a.shape == b.shape and a.shape[0] > 0
        return a + b

    lg.associative_scan(counted, lg.ones((1024,)))
    assert len(calls) == 19 and sum(calls) < 2 * 1024


def test_in_a_trace_the_extent_is_bound() -> None:
    f = lg.function(lambda x: lg.associative_scan(lg.add, x, axis=1))
    for n in (3, 5, 8, 5):
        x = np.arange(2.0 * n).reshape(2, n)
        assert np.array_equal(f(x), np.cumsum(x, axis=1))
    for rows in (4, 6, 7):
        assert f(np.ones((rows, 5))).shape == (rows, 5)


def test_a_variable_is_read() -> None:
    v = lg.Variable([1, 2, 3])
    assert lg.associative_scan(lg.add, v).tolist() == [1, 3, 6]
    found = lg.function(lambda: lg.associative_scan(lambda a, b: [a[0] + b[0]], [v]))()
    assert found[0].tolist() == [1, 3, 6]


ONES = np.ones((4, 2), np.float32)
CASES: list[tuple[Callable[..., object], type[Exception], str]] = [
    (lambda: lg.associative_scan(3, ONES), lg.ArgumentError,  # type: ignore[arg-type]
     "associative_scan: fn is a function of two arguments, but 3 was given"),
    (lambda: lg.associative_scan(lg.add, {}), lg.ArgumentError, "associative_scan: elems holds no tensor"),
    (lambda: lg.associative_scan(lg.add, "no"), lg.ArgumentError,
     "associative_scan: an operand must be a tensor, a NumPy array or a number, but a str was given"),
    (lambda: lg.associative_scan(lg.add, lg.tensor(1.0)), lg.ShapeError, "associative_scan: axis 0 "),
    (lambda: lg.associative_scan(lg.add, ONES, axis=2), lg.ShapeError, "associative_scan: axis 2 "),
    (lambda: lg.associative_scan(lg.add, ONES, reverse=1), lg.ArgumentError,  # type: ignore[arg-type]
     "associative_scan: reverse must be True or False, but 1 was given"),
    (lambda: lg.associative_scan(lambda a, b: a, (ONES, ONES[:3])), lg.ShapeError,
     "associative_scan: all tensors must have one extent along axis 0, but the shapes (4, 2) and (3, 2) were given"),
    (lambda: lg.associative_scan(lambda a, b: [*a, *b], [ONES]), lg.ArgumentError,
     "associative_scan: fn must return the containers that it is given"),
    (lambda: lg.associative_scan(lambda a, b: (a, b), ONES), lg.ArgumentError,
     "associative_scan: an operand must be a tensor, a NumPy array or a number, but a tuple was given"),
    (lambda: lg.associative_scan(lambda a, b: a[0], ONES), lg.ShapeError,
     "associative_scan: fn must keep shapes, but of two tensors of shape (2, 2) it made one of shape (2,)"),
    (lambda: lg.associative_scan(lambda a, b: a > b, ONES), lg.DTypeError,
     "associative_scan: fn must keep dtypes, but of two tensors of float32 it made one of bool"),
    (lambda: lg.associative_scan(lambda a, b: "no", ONES), lg.ArgumentError,
     "associative_scan: an operand must be a tensor, a NumPy array or a number, but a str was given"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "text"), CASES, ids=range(len(CASES)))
def test_misuse(call: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert str(error.value).startswith(text)
    assert __file__ in str(error.value)
