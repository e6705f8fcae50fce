"""Functions made of rows, against their formulas in NumPy and against finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from lithograph.ir import ops
from lithograph.ir.array import Array

from .differences import close, difference, directional, slope_of
from .numpy_stage import Held, numpy_of, numpy_stage

X = np.random.default_rng(0).standard_normal((3, 4, 5)) * 2
POSITIVE = np.where(X > 0, X, np.nan)


def exp_sum(x: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(np.sum(np.exp(x), axis=axis, keepdims=True))


COMPOSITES: list[tuple[Callable[[Array], Array], np.ndarray]] = [
    (ops.gelu, X * np.vectorize(lambda v: 0.5 * math.erfc(-v / math.sqrt(2)))(X)),
    (
        lambda x: ops.gelu(x, approximate=True),
        0.5 * X * (1 + np.tanh(math.sqrt(2 / math.pi) * (X + 0.044715 * X**3))),
    ),
    (ops.softplus, np.log1p(np.exp(X))),
    (ops.softmax, np.exp(X) / exp_sum(X, -1)),
    (lambda x: ops.softmax(x, axis=0), np.exp(X) / exp_sum(X, 0)),
    (lambda x: ops.log_softmax(x, axis=1), X - np.log(exp_sum(X, 1))),
    (lambda x: ops.logsumexp(x, axis=-1), np.log(exp_sum(X, -1))[..., 0]),
    (lambda x: ops.logsumexp(x, axis=1, keepdims=True), np.log(exp_sum(X, 1))),
    (ops.mean, np.asarray(np.mean(X))),
    (lambda x: ops.var(x, axis=1), np.var(X, axis=1)),
    (lambda x: ops.std(x, axis=(0, 2), correction=1), np.std(X, axis=(0, 2), ddof=1)),
    (lambda x: ops.clip(x, -1.0, 1.0), np.clip(X, -1, 1)),
    (lambda x: ops.cumulative_logsumexp(x, axis=1), np.logaddexp.accumulate(X, axis=1)),
    (lambda x: ops.average(x, axis=0, weights=x * x), np.average(X, axis=0, weights=X * X)),
    (lambda x: ops.nanstd(ops.log(x), axis=(0, 1)), np.asarray(np.nanstd(np.log(POSITIVE), (0, 1)))),
    (lambda x: ops.nanmax(ops.where(x > 0, x, math.nan), axis=2), np.asarray(np.nanmax(POSITIVE, axis=2))),
    (
        lambda x: ops.trapezoid(ops.diff(x, axis=2, prepend=1.0), axis=0),
        np.asarray(np.trapezoid(np.diff(X, prepend=1.0), axis=0)),
    ),
    (lambda x: x[1:, ::-2] @ x[:1, 0, :, None], X[1:, ::-2] @ X[:1, 0, :, None]),
    (lambda x: ops.stack(ops.split(x, 2, axis=1), axis=0), np.stack(np.split(X, 2, axis=1))),
    (lambda x: ops.max(x[np.array([0, 2, 0])], axis=0), X[[0, 2, 0]].max(axis=0)),
    (lambda x: ops.tril(x) - ops.flip(x, axis=1), np.tril(X) - np.flip(X, 1)),
]


@pytest.mark.parametrize(("function", "expected"), COMPOSITES)
def test_values(function: Callable[[Array], Array], expected: np.ndarray) -> None:
    with numpy_stage():
        found = numpy_of(function(Held(X)))
    # The formulas differ in order and in where they cancel: a few ULPs of float64 at magnitudes up to 100.
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("function", "expected"), COMPOSITES)
def test_gradients_to_second_order(function: Callable[[Array], Array], expected: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 1.5, expected.shape)
    along, second = [rng.uniform(-0.1, 0.1, X.shape)], [rng.uniform(-1, 1, X.shape)]

    def value(x: Array) -> Array:
        return ops.sum(function(x) * weights)

    with numpy_stage():
        for f in (value, slope_of(value, second)):
            found, other = directional(f, [X], along), difference(f, [X], along)
            assert close(found, other), f"{found} and {other}"


def test_no_overflow_where_the_result_is_finite() -> None:
    with numpy_stage():
        far = Held(np.array([1000.0, -1000.0]))
        assert numpy_of(ops.softplus(far)).tolist() == [1000.0, 0.0]
        assert numpy_of(ops.softmax(far)).tolist() == [1.0, 0.0]
        assert numpy_of(ops.log_softmax(far)).tolist() == [0.0, -2000.0]
        assert float(numpy_of(ops.logsumexp(far))) == 1000.0
        assert float(numpy_of(ops.logsumexp(np.array([-np.inf, -np.inf])))) == -np.inf
        assert np.isnan(numpy_of(ops.softmax(np.array([-np.inf, -np.inf])))).all()


def test_softplus_has_a_slope_at_zero() -> None:
    with numpy_stage():
        assert directional(ops.softplus, [np.array(0.0)], [np.array(1.0)]) == 0.5


def test_integers_become_float32() -> None:
    with numpy_stage():
        for function in (
            ops.gelu,
            ops.softplus,
            ops.softmax,
            ops.log_softmax,
            ops.logsumexp,
            ops.mean,
            ops.var,
        ):
            assert numpy_of(function(np.array([1, 2, 3]))).dtype == np.float32
