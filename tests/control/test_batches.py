"""vmap of loops and choices: what each example gives is what the function gives for it alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .programs import PAIRS, Function, tensor

NAMES = list(PAIRS)
EXAMPLES = 3


def batch() -> tuple[Any, Any]:
    return tensor(EXAMPLES, 4, 3), tensor(EXAMPLES, 3, seed=1)


def one_by_one(f: Function, args: Sequence[Any], mapped: Sequence[bool]) -> np.ndarray:
    rows = [[a[k] if m else a for a, m in zip(args, mapped, strict=True)] for k in range(EXAMPLES)]
    return np.stack([f(*row).numpy() for row in rows])


def close(a: Any, b: np.ndarray) -> bool:
    """Sums of products may be added in another order."""
    return a.shape == b.shape and bool(np.allclose(a.numpy(), b, rtol=1e-12, atol=1e-14, equal_nan=True))


def loss(f: Function) -> Function:
    return lambda x, w: (f(x, w) * 1.5).sum()


@pytest.mark.parametrize("mapped", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("name", NAMES)
def test_examples_are_what_they_are_alone(name: str, mapped: tuple[bool, bool]) -> None:
    f, _ = PAIRS[name]
    args = [a if m else a[0] for a, m in zip(batch(), mapped, strict=True)]
    axes = tuple([0 if m else None for m in mapped])
    expected = one_by_one(f, args, mapped)
    eager = lg.vmap(f, in_axes=axes)(*args)
    compiled = lg.function(lg.vmap(f, in_axes=axes))(*args)
    assert close(eager, expected)
    assert np.array_equal(eager.numpy(), compiled.numpy())


@pytest.mark.parametrize("name", NAMES)
def test_gradients_per_example(name: str) -> None:
    f, _ = PAIRS[name]
    gradient = lg.grad(loss(f), 1)
    expected = one_by_one(gradient, batch(), (True, True))
    eager = lg.vmap(gradient)(*batch())
    compiled = lg.function(lg.vmap(gradient))(*batch())
    assert close(eager, expected)
    assert np.array_equal(eager.numpy(), compiled.numpy())


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_a_batch(name: str) -> None:
    f, _ = PAIRS[name]
    gradient = lg.grad(lambda x, w: lg.vmap(loss(f))(x, w).sum(), 1)
    expected = one_by_one(lg.grad(loss(f), 1), batch(), (True, True))
    eager, compiled = gradient(*batch()), lg.function(gradient)(*batch())
    assert close(eager, expected)
    assert np.array_equal(eager.numpy(), compiled.numpy())


@pytest.mark.parametrize("name", NAMES)
def test_tangents_per_example(name: str) -> None:
    f, _ = PAIRS[name]

    def along(x: Any, w: Any) -> Any:
        return lg.jvp(lambda w: f(x, w), (w,), (w * 2.0,))[1]

    expected = one_by_one(along, batch(), (True, True))
    eager = lg.vmap(along)(*batch())
    assert close(eager, expected)
    assert np.array_equal(eager.numpy(), lg.function(lg.vmap(along))(*batch()).numpy())


def halved(x: Any) -> Any:
    """A number of iterations that depends on the value."""

    def body(c: Any) -> Any:
        y, total = c
        return y * 0.5, total + y.sum()

    return lg.while_loop(lambda c: (c[0] * c[0]).sum() > 0.01, body, (x, 0.0 * x[0]))[1]


def test_each_example_goes_on_for_as_long_as_it_would_alone() -> None:
    x = lg.tensor([[4.0, 1.0], [0.01, 0.02], [100.0, -3.0]], dtype=lg.float64)
    for f in (halved, lg.grad(halved), lg.grad(lambda x: lg.grad(halved)(x).sum() + halved(x) ** 2)):
        expected = one_by_one(f, [x], [True])
        eager = lg.vmap(f)(x)
        assert close(eager, expected)
        assert np.array_equal(eager.numpy(), lg.function(lg.vmap(f))(x).numpy())
    whole = lg.grad(lambda x: lg.vmap(halved)(x).sum())
    assert close(whole(x), one_by_one(lg.grad(halved), [x], [True]))
    assert np.array_equal(whole(x).numpy(), lg.function(whole)(x).numpy())


def test_what_is_over_for_an_example_cannot_fail_for_it() -> None:
    """Law 8 beside a loop over the examples: indices past an example's own end are never read."""

    def total(n: Any, x: Any) -> Any:
        return lg.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] + 12 // x[c[0]]), (0, 0 * n))[1]

    x = lg.tensor([1, 2, 3, 0])
    n = lg.tensor([0, 3, 1])
    for f in (lg.vmap(total, in_axes=(0, None)), lg.function(lg.vmap(total, in_axes=(0, None)))):
        assert f(n, x).tolist() == [0, 22, 12]
        with pytest.raises(lg.DivisionError):
            f(lg.tensor([1, 4, 0]), x)


def test_a_branch_that_no_example_takes_cannot_fail() -> None:
    def safe(a: Any, b: Any) -> Any:
        return lg.cond(b == 0, lambda: 0 * a, lambda: a // b)

    a, b = lg.tensor([7, 8, 9]), lg.tensor([2, 0, 3])
    for f in (lg.vmap(safe), lg.function(lg.vmap(safe))):
        assert f(a, b).tolist() == [3, 0, 3]
        assert f(a, lg.tensor([0, 0, 0])).tolist() == [0, 0, 0]


def root_sum(n: Any, x: Any) -> Any:
    """The sum of roots of n, n - 1, ...; the root after the last one would have an infinite slope."""

    def body(c: Any) -> Any:
        return c[0] - 1.0, c[1] + lg.sqrt(c[0]) * x

    return lg.while_loop(lambda c: c[0] > 0.5, body, (n, 0.0 * n))[1]


def root(n: Any, x: Any) -> Any:
    return lg.cond(n > 0.0, lambda: lg.sqrt(n) * x, lambda: 0.0 * x)


@pytest.mark.parametrize("f", [root_sum, root])
def test_slopes_of_what_is_not_for_an_example_do_not_reach_it(f: Function) -> None:
    n, x = lg.tensor([1.0, 3.0, 0.0], dtype=lg.float64), lg.tensor([1.0, 2.0, 3.0], dtype=lg.float64)
    expected = one_by_one(lambda n, x: lg.stack(lg.vjp(f, n, x)[1](1.0)), (n, x), (True, True))
    assert np.isfinite(expected).all()

    def whole(n: Any, x: Any) -> Any:
        return lg.grads(lambda n, x: lg.vmap(f)(n, x).sum())(n, x)

    def each(n: Any, x: Any) -> Any:
        return lg.vmap(lambda n, x: lg.vjp(f, n, x)[1](1.0))(n, x)

    traced = lg.function(lg.vmap(f))
    for way in (whole, lg.function(whole), each, lg.function(each), lg.grads(lambda n, x: traced(n, x).sum())):
        assert close(lg.stack(way(n, x), axis=1), expected)


def test_a_switch_that_differs_picks_for_each() -> None:
    def pick(k: Any, x: Any) -> Any:
        return lg.switch(k, [lambda: x + 1.0, lambda: x * 10.0, lambda: -x])

    for f in (lg.vmap(pick), lg.function(lg.vmap(pick))):
        assert f(lg.tensor([2, 0, 1]), lg.tensor([1.0, 2.0, 3.0])).tolist() == [-1.0, 3.0, 30.0]
        with pytest.raises(lg.RangeError, match="the index is 3, but there are 3 branches"):
            f(lg.tensor([2, 3, 1]), lg.tensor([1.0, 2.0, 3.0]))


def test_a_batch_of_batches() -> None:
    f, _ = PAIRS["while"]
    x, w = tensor(2, EXAMPLES, 4, 3), tensor(EXAMPLES, 3, seed=1)
    nested = lg.vmap(lg.vmap(f), in_axes=(0, None))
    expected = np.stack([[f(x[i, k], w[k]).numpy() for k in range(EXAMPLES)] for i in range(2)])
    assert close(nested(x, w), expected)
    assert close(lg.function(nested)(x, w), expected)


def test_no_examples_at_all() -> None:
    for name in ("while", "scan", "choice_in_loop"):
        f, _ = PAIRS[name]
        made = lg.vmap(f, in_axes=(0, None))(lg.zeros((0, 4, 3), dtype=lg.float64), tensor(3))
        assert made.shape == (0, *f(tensor(4, 3), tensor(3)).shape) and made.dtype is lg.float64
