"""`x.at[...]`, gather and scatter beyond what random subscripts say: modes, order, dtypes, variables, gradients."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.array import Array

X = np.arange(12, dtype=np.float32).reshape(4, 3)
OUT = np.array([-6, -4, -1, 0, 3, 4, 9])


def both(f: Callable[..., Any], *args: Any) -> list[object]:
    """What a function gives eagerly, which must be what it gives compiled."""
    eager, compiled = f(*[lg.tensor(a) for a in args]), lg.function(f)(*args)
    assert eager.dtype is compiled.dtype and eager.tolist() == compiled.tolist()
    return list(eager.tolist())


def front(indices: np.ndarray, extent: int) -> np.ndarray:
    return np.where(indices < 0, indices + extent, indices)


@pytest.mark.parametrize("kind", ["int64", "int32", "int8"])
def test_modes_of_reading(kind: str) -> None:
    i = OUT.astype(kind)
    inside = (front(OUT, 4) >= 0) & (front(OUT, 4) < 4)
    clipped = X[np.clip(front(OUT, 4), 0, 3)]
    assert both(lambda x, i: x.at[i].get(mode="clip"), X, i) == clipped.tolist()
    assert both(lambda x, i: lg.gather(x, i, mode="clip"), X, i) == clipped.tolist()
    assert both(lambda x, i: x.at[i].get(mode="wrap"), X, i) == X[OUT % 4].tolist()
    for fill in (0, 7.5, float("inf")):
        filled = np.where(inside[:, None], clipped, fill)
        assert both(lambda x, i, fill=fill: x.at[i].get(mode="fill", fill_value=fill), X, i) == filled.tolist()
    assert both(lambda x, i: lg.take(x, i, axis=0, mode="clip"), X, i) == np.take(X, OUT, 0, mode="clip").tolist()
    assert both(lambda x, i: lg.take(x, i, axis=0, mode="wrap"), X, i) == np.take(X, OUT, 0, mode="wrap").tolist()
    assert lg.tensor(X).at[9].get(mode="clip").tolist() == X[3].tolist()


def test_modes_of_writing() -> None:
    v = np.arange(1, 8, dtype=np.float32)[:, None]
    for mode, places in (("clip", np.clip(front(OUT, 4), 0, 3)), ("wrap", OUT % 4)):
        expected = X.copy()
        np.add.at(expected, places, v)
        assert both(lambda x, i, v, mode=mode: x.at[i].add(v, mode=mode), X, OUT, v) == expected.tolist()
    expected = X.copy()
    for i, value in zip(front(OUT, 4), v, strict=True):
        if 0 <= i < 4:
            expected[i] = value
    assert both(lambda x, i, v: x.at[i].set(v, mode="drop"), X, OUT, v) == expected.tolist()
    assert both(lambda x, i, v: lg.scatter(x, i, v, mode="drop"), X, OUT, v) == expected.tolist()
    huge = np.array([2**64 - 1, 1], np.uint64)
    assert both(lambda x, i: x.at[i].set(0, mode="drop"), X, huge)[1] == [0, 0, 0]
    assert both(lambda x, i: x.at[i].get(mode="clip"), X, huge)[0] == X[3].tolist()


def test_an_empty_axis_has_no_place_in_any_mode() -> None:
    x = lg.zeros((0, 3))
    for mode in ("raise", "clip", "wrap"):
        with pytest.raises(lg.RangeError, match="index 2 is out of range for axis 0 with extent 0; it has no index"):
            x.at[lg.tensor([2])].get(mode=mode)
        with pytest.raises(lg.RangeError):
            x.at[lg.tensor([2])].set(1.0, mode=mode)
    assert x.at[lg.tensor([2])].get(mode="fill", fill_value=5).tolist() == [[5, 5, 5]]
    assert x.at[lg.tensor([2])].set(1.0, mode="drop").shape == (0, 3)


def test_the_last_one_stays_and_sums_are_made_in_order() -> None:
    rng = np.random.default_rng(0)
    i = rng.integers(0, 50, 20_000)
    v = rng.standard_normal(20_000).astype(np.float32)
    last, total = np.zeros(50, np.float32), np.zeros(50, np.float32)
    for place, value in zip(i, v, strict=True):
        last[place] = value
        total[place] += value
    zero = np.zeros(50, np.float32)
    assert both(lambda x, i, v: x.at[i].set(v), zero, i, v) == last.tolist()
    assert both(lambda x, i, v: x.at[i].add(v), zero, i, v) == total.tolist()


@pytest.mark.parametrize("kind", ["bool", "int8", "uint16", "int64", "float16", "float64", "complex64"])
def test_dtypes(kind: str) -> None:
    x = np.array([1, 0, 3, 1]).astype(kind)
    i = np.array([3, 0, 3], np.uint8)
    expected = x.copy()
    expected[i] = np.array([0, 1, 1]).astype(kind)
    assert both(lambda x, i: x.at[i].set(np.array([0, 1, 1]).astype(kind)), x, i) == expected.tolist()
    added = x.copy()
    np.add.at(added, i, np.ones(3, kind))
    assert both(lambda x, i: x.at[i].add(np.ones(3, kind)), x, i) == added.tolist()
    assert both(lambda x, i: x[i], x, i) == x[i].tolist()


def test_other_changes() -> None:
    i = np.array([0, 2])
    for name, f in (("subtract", operator.sub), ("power", operator.pow), ("divide", operator.truediv)):
        expected = X.copy()
        expected[i] = f(expected[i], 2)
        assert both(lambda x, i, name=name: getattr(x.at[i], name)(2.0), X, i) == expected.tolist()
        assert both(lambda x, name=name: getattr(x.at[0::2], name)(2.0), X) == expected.tolist()
    assert both(lambda x: x.at[1:, ::-1].apply(lg.sqrt), X)[1:] == np.sqrt(X[1:]).tolist()
    assert lg.tensor([1, 2, 3]).at[1].add(5).tolist() == [1, 7, 3]


def test_along_an_axis() -> None:
    i = np.array([[2, 0], [1, 1], [0, 2], [1, 0]])
    v = np.arange(8, dtype=np.float32).reshape(4, 2) + 50
    expected = X.copy()
    np.put_along_axis(expected, i, v, axis=1)
    assert both(lambda x, i, v: lg.put_along_axis(x, i, v, axis=1), X, i, v) == expected.tolist()
    row = np.array([[3, 0, -1]])
    expected = X.copy()
    np.put_along_axis(expected, row, 9, axis=0)
    assert both(lambda x, i: lg.put_along_axis(x, i, 9, axis=0), X, row) == expected.tolist()
    picked = both(lambda x, a, b: lg.gather(x, (b, a), axis=(1, 0)), X, row[0], row[0] % 3)
    assert picked == X[row[0], row[0] % 3].tolist()


def test_gradients_where_places_meet() -> None:
    x = lg.tensor([2.0, 3.0, 5.0], dtype=lg.float64)
    v = lg.tensor([4.0, 1.0, 7.0, 7.0], dtype=lg.float64)
    i = lg.tensor([1, 0, 1, 1])
    w = lg.tensor([1.0, 10.0, 100.0], dtype=lg.float64)

    def slopes(name: str, v: Array = v) -> list[list[float]]:
        f = lambda x, v: lg.sum(getattr(x.at[i], name)(v) * w)  # noqa: E731
        found = lg.grads(f)(x, v)
        for a, b in zip(found, lg.function(lg.grads(f))(x, v), strict=True):
            assert a.tolist() == b.tolist()
        return [g.tolist() for g in found]

    assert slopes("set") == [[0, 0, 100], [0, 1, 0, 10]]
    assert slopes("add") == [[1, 10, 100], [10, 1, 10, 10]]
    assert slopes("multiply") == [[1, 10 * 196, 100], [10 * 147, 2, 10 * 84, 10 * 84]]
    assert slopes("multiply", v * lg.tensor([0.0, 1, 1, 1], dtype=lg.float64)) == [[1, 0, 100], [1470, 2, 0, 0]]
    # Of equals the first has the gradient, what was there before all others.
    assert slopes("max") == [[1, 0, 100], [0, 0, 10, 0]]
    assert slopes("min") == [[0, 10, 100], [0, 1, 0, 0]]


def test_a_variable_is_changed_in_place() -> None:
    v = lg.Variable(np.zeros((1000, 8), np.float32))

    @lg.function
    def step(i: Array, u: Array) -> None:
        v.assign(v.at[i].add(u))

    i, u = np.array([3, 999, 3]), np.ones((3, 8), np.float32)
    step(i, u)
    assert "updated in place" in step.memory_plan(i, u)
    step(i, u)
    assert v.numpy()[[3, 999, 4], 0].tolist() == [4, 2, 0]
    with pytest.raises(lg.RangeError):
        step(np.array([3, 1000, 3]), u)
    assert v.numpy()[3, 0] == 4
    assert v.at[3].get().tolist() == [4] * 8


def test_a_chain_of_changes_copies_once() -> None:
    def chain(x: Array) -> Array:
        for k in range(6):
            x = x.at[k].set(float(k))
        return x

    f = lg.function(chain)
    x = np.full(6, 9, np.float32)
    assert f(x).tolist() == [0, 1, 2, 3, 4, 5]
    assert f.ir(x, stage="kernels").count("; copy") == 1


def test_what_is_still_needed_is_not_overwritten() -> None:
    def f(x: Array) -> tuple[Array, ...]:
        y = x * 2
        z = y.at[0].set(7.0)
        return z, y + z, y.reshape(3, 4), z.at[lg.tensor([1])].set(z[2])

    for a, b in zip(f(lg.tensor(X)), lg.function(f)(X), strict=True):
        assert a.tolist() == b.tolist()
    own = lg.tensor([2, 0, 1])
    assert lg.function(lambda t: (t + 0).at[t].set(t))(own).tolist() == [0, 1, 2]


def test_symbolic_extents() -> None:
    f = lg.function(lambda x, i: (x[i], x.at[i].add(1.0), x[-1]))
    for n in (3, 5, 8, 13):
        x = np.arange(n, dtype=np.float32)
        i = np.arange(0, n, 2)
        got, put, last = f(x, i)
        expected = x.copy()
        expected[i] += 1
        assert got.tolist() == x[i].tolist() and put.tolist() == expected.tolist() and last == n - 1
    with pytest.raises(lg.RangeError, match=r"index 20 is out of range for axis 0"):
        f(np.arange(9, dtype=np.float32), np.array([1, 20, 3]))
    assert f.trace_count <= 3


def test_slices_that_lie_together_share_memory_and_never_change() -> None:
    x = lg.tensor(X)
    indices: list[Any] = [1, slice(1, 3), (2, slice(1, None)), (3, 2), (slice(2, None), 1), slice(None, None, -1)]
    for index in indices:
        part, expected = x[index], X[index]
        assert part.tolist() == expected.tolist()
        assert (part + 1).tolist() == (expected + 1).tolist()
    assert np.shares_memory(x.numpy(), x[1:3].numpy()) and not np.shares_memory(x.numpy(), x[:, 1].numpy())
    v = lg.Variable(X)
    row = v[1]
    step = lg.function(lambda: v.assign_add(lg.ones((4, 3))))
    step()
    step()
    assert row.tolist() == X[1].tolist() and v[1].tolist() == (X[1] + 2).tolist()
    x.dispose()
    part = lg.tensor(X)[2]
    assert part.tolist() == X[2].tolist()


def products(x: lg.Array, v: lg.Array, named: list[int]) -> lg.Array:
    """The sum of what `x.at[named].multiply(v)` gives, one factor after another."""
    total = lg.scalar(0.0, dtype=x.dtype)
    for place in range(x.shape[0]):
        y = x[place]
        for k, i in enumerate(named):
            if i % x.shape[0] == place:
                y = y * v[k]
        total = total + lg.sum(y)
    return total


@pytest.mark.parametrize("zeros", [[], [0], [0, 2], [0, 2, 3], [0, 1, 2, 3, 4]])
def test_derivatives_of_products_go_through_zeros_to_third_order(zeros: list[int]) -> None:
    named, x = [0, 1, 0, -3, 1], lg.tensor(np.array([[1.0, 0.5], [2.0, -1.0], [3.0, 4.0]]))
    factors = np.linspace(0.5, 2.5, 10).reshape(5, 2)
    factors[zeros] = 0.0
    v, along = lg.tensor(factors), lg.tensor(np.cos(np.arange(10.0)).reshape(5, 2))

    def put(x: lg.Array, v: lg.Array) -> lg.Array:
        return lg.sum(x.at[lg.tensor(named)].multiply(v))

    def dropping(x: lg.Array, v: lg.Array) -> lg.Array:
        more = lg.concat([v[:2], lg.full((1, 2), 7.0, dtype="float64"), v[2:]])
        return lg.sum(x.at[lg.tensor([0, 1, 9, 0, -3, 1])].multiply(more, mode="drop"))

    def derivatives(f: Any) -> list[lg.Array]:
        def first(v: lg.Array) -> lg.Array:
            return lg.sum(lg.grad(f, argnums=1)(x, v) * along)

        second = lg.grad(first)
        mixed = lg.grad(lambda x: lg.sum(lg.grad(f, argnums=1)(x, v) * along))
        return [lg.grad(f, argnums=1)(x, v), second(v), mixed(x), lg.grad(lambda v: lg.sum(second(v) * along))(v)]

    expected = derivatives(lambda x, v: products(x, v, named))
    for f in (put, dropping):
        for found, compiled, right in zip(
            derivatives(f), lg.function(lambda f=f: derivatives(f))(), expected, strict=True
        ):
            # Products of up to five factors of moderate size, in another order.
            np.testing.assert_allclose(found.numpy(), right.numpy(), rtol=1e-13, atol=1e-14)
            assert found.numpy().tobytes() == compiled.numpy().tobytes()


def put_at(index: Any, how: str, x: lg.Array, v: lg.Array) -> lg.Array:
    return lg.sum(getattr(x.at[index], how)(v))


@pytest.mark.parametrize("how", ["set", "add", "multiply", "divide", "min", "max"])
@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_put_nowhere_has_a_gradient_of_zeros(how: str, compiled: bool) -> None:
    x, empty = lg.tensor([1.0, 2.0, 3.0]), lg.tensor(np.zeros(0, np.int64))
    nowhere: tuple[Any, ...] = ([], slice(0, 0), empty, lg.reshape(empty, (0, 2)), (Ellipsis, slice(3, 3)))
    for index in nowhere:
        for v in (lg.scalar(5.0), lg.ones((1,))):

            grads = lg.grads(functools.partial(put_at, index, how))
            of_x, of_v = (lg.function(grads) if compiled else grads)(x, v)
            assert of_x.tolist() == [1, 1, 1] and of_v.shape == v.shape and not of_v.numpy().any()
