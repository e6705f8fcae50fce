"""Places of what is not zero, and choices by conditions, against NumPy: eagerly, and compiled with sizes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.array import Array

X = np.array([[0.0, 2.0, -0.0, np.nan], [3.0, 0.0, 0.0, 4.0]], np.float32)
SHAPES = ((5,), (3, 4), (2, 3, 2), (0, 3), (1,))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_places_are_numpys(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(0, 2, shape)
    expected = np.nonzero(x)
    size = expected[0].size + 2
    padded = [np.concatenate([e, [7, 7]]) for e in expected]

    def sized(t: Array) -> tuple[Array, ...]:
        return lg.nonzero(t, size=size, fill_value=7)

    for found, wanted in ((lg.nonzero(x), expected), (sized(lg.tensor(x)), padded), (lg.function(sized)(x), padded)):
        assert len(found) == len(shape)
        for a, b in zip(found, wanted, strict=True):
            assert a.dtype is lg.int64 and a.tolist() == b.tolist()
    assert lg.argwhere(x).tolist() == np.argwhere(x).tolist()
    assert lg.flatnonzero(x).tolist() == np.flatnonzero(x).tolist()
    flat = lg.function(lambda t: lg.flatnonzero(t, size=x.size))(x).tolist()
    assert flat[: expected[0].size] == np.flatnonzero(x).tolist()


def test_nan_is_a_place_and_negative_zero_is_none() -> None:
    assert lg.tensor(X).nonzero()[1].tolist() == np.nonzero(X)[1].tolist()


def test_too_many_places_fail() -> None:
    f = lg.function(lambda t: lg.nonzero(t, size=3))
    with pytest.raises(lg.DomainError, match="nonzero: there are 4 places, and size=3 cannot hold them"):
        f(X)
    with pytest.raises(lg.DomainError):
        lg.nonzero(X, size=3)
    with pytest.raises(lg.TraceError, match="give size="):
        lg.function(lg.nonzero)(X)


def test_compress_and_extract() -> None:
    condition = np.array([False, True, True])
    assert lg.compress(condition, X, axis=1).tolist() == np.compress(condition, X, axis=1).tolist()
    assert lg.compress([1, 0] @ np.eye(2), X, axis=0).tolist() == [X[0].tolist()] or np.isnan(X[0, 3])
    assert lg.compress(condition, X).tolist() == np.compress(condition, X).tolist()
    mask = np.abs(np.nan_to_num(X)) > 2
    assert lg.extract(mask, X).tolist() == np.extract(mask, X).tolist()
    sized = lg.function(lambda c, t: lg.extract(c, t, size=4, fill_value=-1.0))
    assert sized(mask, X).tolist() == [*np.extract(mask, X).tolist(), -1, -1]
    slope = lg.grad(lambda t: lg.sum(lg.extract(mask, t) * lg.tensor([2.0, 5.0])))(lg.tensor(X))
    assert slope.tolist() == [[0, 0, 0, 0], [2, 0, 0, 5]]


def test_select_and_piecewise() -> None:
    x = np.array([-2.0, -1.0, 0.5, 3.0], np.float32)

    def choose(m: Any, t: Any) -> Any:
        return m.select([t > 1, t < 0], [t * 2, -t], 9.0)

    pieces: list[Callable[[Any, Any], Any]] = [
        choose,
        lambda m, t: m.piecewise(t, [t < 0, t >= 0], [lambda v: -v, lambda v: v * v]),
        lambda m, t: m.piecewise(t, [t < 0, t > 1], [-1, lambda v: v + 1, 7]),
        lambda m, t: m.piecewise(t, [t < 1, t < 0], [1, 2]),
    ]
    for g in pieces:
        compiled = lg.function(functools.partial(g, lg))
        assert g(lg, lg.tensor(x)).tolist() == g(np, x).tolist() == compiled(x).tolist()


def cubes(t: Array) -> Array:
    return lg.sum(t[t > 0] ** 3)


def test_a_mask_and_its_gradient_to_second_order() -> None:
    x = lg.tensor([1.0, -2.0, 3.0])
    assert lg.grad(cubes)(x).tolist() == [3, 0, 27]
    assert lg.grad(lambda t: lg.sum(lg.grad(cubes)(t)))(x).tolist() == [6, 0, 18]
    assert x.at[x < 0].set(0.0).tolist() == [1, 0, 3]
