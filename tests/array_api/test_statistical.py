"""Statistical and cumulative functions: what the Array API standard 2024.12 says of each, eager and compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.errors import ArgumentError, DTypeError, ShapeError
from lithograph.ir.ops.quantiles import Method

from ..codegen.programs import same_bits

Function = Callable[..., lg.Array]
X = np.random.default_rng(0).uniform(0.5, 2, (3, 4, 5))
NAN, INF = float("nan"), float("inf")


def all_of(functions: Sequence[Function], *arrays: np.ndarray) -> list[np.ndarray]:
    """What functions give eagerly, after one compiled function of them all gave the same."""
    eager = [f(*[lg.tensor(a) for a in arrays]).numpy() for f in functions]
    compiled = lg.function(lambda *given: [f(*given) for f in functions])(*arrays)
    for a, b in zip(eager, [c.numpy() for c in compiled], strict=True):
        assert same_bits(a, b)
    return eager


def both(f: Function, *arrays: np.ndarray) -> np.ndarray:
    """What a function gives eagerly, after it gave the same compiled."""
    return all_of([f], *arrays)[0]


KINDS = [(axis, keep) for axis in (None, 0, -1, 1, (0, 2), (-1, 1), ()) for keep in (False, True)]


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "var", "std", "any", "all", "count_nonzero"])
def test_axes_and_keepdims(name: str) -> None:
    x = X.copy()
    x[0, 1] = 0
    found = all_of([lambda x, a=a, k=k: getattr(lg, name)(x, axis=a, keepdims=k) for a, k in KINDS], x)
    for (axis, keepdims), made in zip(KINDS, found, strict=True):
        expected = np.asarray(getattr(np, name)(x, axis=axis, keepdims=keepdims))
        assert made.shape == expected.shape and made.dtype == expected.dtype
        # Sums and products of up to 60 terms in two orders: one rounding of 2**-53 per term.
        np.testing.assert_allclose(made, expected, rtol=60 * 2.0**-53)


@pytest.mark.parametrize("name", ["sum", "prod", "cumulative_sum", "cumulative_prod"])
def test_dtypes_of_sums(name: str) -> None:
    f = getattr(lg, name)
    asked = (None, "int8", "uint16", "int64", "float32", "float64")
    for given, result in (
        ("bool", "int32"), ("int8", "int32"), ("int16", "int32"), ("int32", "int32"), ("int64", "int64"),
        ("uint8", "uint32"), ("uint16", "uint32"), ("uint32", "uint32"), ("uint64", "uint64"),
        ("float32", "float32"), ("float64", "float64"),
    ):  # fmt: skip
        x = np.array([1, 1, 0, 1], given)
        made = all_of([lambda x, d=d: f(x, axis=0, dtype=d) for d in asked], x)
        assert [m.dtype for m in made] == [result, *asked[1:]]
    x = np.array([100, 100, 100], np.int8)
    last = both(lambda x: f(x, axis=0, dtype="int8"), x).reshape(-1)[-1]
    assert last == np.array(300 if name.endswith("sum") else 1000000).astype(np.int8)
    assert both(lambda x: f(x, axis=0), x).reshape(-1)[-1] == (300 if name.endswith("sum") else 1000000)
    with pytest.raises(DTypeError, match=f"{name}: the dtype must be that of numbers, but bool was asked for"):
        f(x, axis=0, dtype=bool)
    wide = np.array([2**31 - 1, 1], np.int32)
    if name == "sum":
        assert both(f, wide) == -(2**31)
    # The elements are converted first, and then added in the dtype asked for.
    fine = np.array([2.0**24, 1, 1], np.float32)
    if name == "sum":
        assert both(lambda x: f(x, dtype="float64"), fine) == 2.0**24 + 2


def test_empty_axes() -> None:
    x = np.zeros((2, 0, 3), np.float32)
    for name, value in (("sum", 0.0), ("prod", 1.0), ("mean", NAN), ("var", NAN), ("std", NAN)):
        found = both(lambda x, name=name: getattr(lg, name)(x, axis=1), x)
        assert found.shape == (2, 3) and np.array_equal(found, np.full((2, 3), value, np.float32), equal_nan=True)
        assert both(lambda x, name=name: getattr(lg, name)(x, axis=0), x).shape == (0, 3)
    assert both(lambda x: lg.count_nonzero(x, axis=1), x).tolist() == [[0, 0, 0]] * 2
    assert not both(lg.any, x) and both(lg.all, x)
    for name in ("max", "min", "argmax", "argmin", "ptp", "nanmax"):
        with pytest.raises(ShapeError, match="of no elements is undefined"):
            getattr(lg, name)(x, axis=1)
    for name in ("cumulative_sum", "cumulative_prod"):
        f = getattr(lg, name)
        assert both(lambda x, f=f: f(x, axis=1), x).shape == (2, 0, 3)
        assert both(lambda x, f=f: f(x, axis=1, include_initial=True), x).shape == (2, 1, 3)


def test_scalars() -> None:
    x = np.array(3.0, np.float32)
    for name in ("sum", "prod", "max", "min", "mean"):
        assert both(lambda x, name=name: getattr(lg, name)(x), x) == 3
    assert both(lg.var, x) == 0 and both(lg.count_nonzero, x) == 1
    assert both(lambda x: lg.argmax(x, keepdims=True), x) == 0
    with pytest.raises(ShapeError, match="axis 0 is out of range, a 0-d tensor has no axes"):
        lg.sum(x, axis=0)
    for name in ("cumulative_sum", "cumulative_prod", "cumulative_max", "diff", "trapezoid"):
        with pytest.raises(ShapeError, match=f"{name}: the tensor must have at least 1 axis, but its rank is 0"):
            getattr(lg, name)(x)


def test_nan_and_zeros() -> None:
    x = np.array([[0.0, -0.0, NAN], [-0.0, -0.0, 1.0], [INF, -INF, 2.0], [-1.0, -0.0, 0.0]], np.float32)
    for name in ("sum", "prod", "max", "min", "mean", "var"):
        assert np.isnan(both(lambda x, name=name: getattr(lg, name)(x, axis=1), x)[0])
    assert both(lambda x: lg.argmax(x, axis=1), x).tolist() == [2, 2, 0, 1]
    assert both(lambda x: lg.argmin(x, axis=1), x).tolist() == [2, 0, 1, 0]
    zeros = x[1:2, :2]
    assert np.signbit(both(lambda x: lg.sum(x, axis=1), zeros)).all()
    assert not np.signbit(both(lambda x: lg.prod(x, axis=1), zeros)).any()
    assert both(lg.any, np.array([0.0, NAN])) and both(lg.all, np.array([1.0, NAN]))
    assert both(lg.count_nonzero, np.array([0.0, -0.0, NAN, 5e-324])) == 2
    with np.errstate(all="ignore"):
        assert np.array_equal(both(lambda x: lg.cumulative_sum(x, axis=1), x), np.cumsum(x, 1), equal_nan=True)
        assert np.array_equal(both(lambda x: lg.cumulative_prod(x, axis=1), x), np.cumprod(x, 1), equal_nan=True)
    assert np.isnan(both(lambda x: lg.cumulative_max(x, axis=0), x)[:, 2]).all()


@pytest.mark.parametrize("correction", [0, 1, 0.5, 1.5, -2])
def test_correction(correction: float) -> None:
    x = X.astype(np.float64)
    for axis in (None, 1, (0, 2)):
        found = both(lambda x, axis=axis: lg.var(x, axis=axis, correction=correction), x)
        count = x.size if axis is None else np.prod([x.shape[a] for a in np.atleast_1d(axis)])
        expected = np.var(x, axis=axis) * (count / (count - correction))
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        np.testing.assert_allclose(
            both(lambda x, axis=axis: lg.std(x, axis=axis, correction=correction), x), np.sqrt(expected), rtol=1e-14
        )


def test_a_correction_that_leaves_nothing() -> None:
    for size, correction in ((1, 1), (3, 3), (3, 4), (0, 0)):
        x = np.arange(size, dtype=np.float32)
        assert np.isnan(both(lambda x, c=correction: lg.var(x, correction=c), x))
        assert np.isnan(both(lambda x, c=correction: lg.nanvar(x, correction=c), x))
    for wrong in (True, "1", None, NAN, 10**400):
        with pytest.raises(ArgumentError, match="var: correction must be a finite number"):
            lg.var(np.ones(3), correction=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8"])
def test_cumulative(axis: int, dtype: str) -> None:
    x = (X * 2).astype(dtype)
    wide = {"uint8": "uint32"}.get(dtype, dtype)
    for f, g, first in ((lg.cumulative_sum, np.cumsum, 0), (lg.cumulative_prod, np.cumprod, 1)):
        expected = np.asarray(g(x, axis=axis, dtype=wide))
        assert np.array_equal(both(lambda x, f=f: f(x, axis=axis), x), expected)
        start = np.full(np.sum(x, axis=axis, keepdims=True).shape, first, wide)
        found = both(lambda x, f=f: f(x, axis=axis, include_initial=True), x)
        assert np.array_equal(found, np.concatenate([start, expected], axis=axis))
    assert np.array_equal(both(lambda x: lg.cumulative_max(x, axis=axis), x), np.maximum.accumulate(x, axis=axis))
    assert np.array_equal(both(lambda x: lg.cumulative_min(x, axis=axis), x), np.minimum.accumulate(x, axis=axis))


def test_cumulative_arguments() -> None:
    assert both(lg.cumulative_sum, np.array([1, 2, 3], np.int32)).tolist() == [1, 3, 6]
    for name in ("cumulative_sum", "cumulative_prod", "cumulative_max", "cumulative_logsumexp"):
        with pytest.raises(ShapeError, match=f"{name}: the axis must be given for a tensor of rank 3, as in"):
            getattr(lg, name)(X)
        with pytest.raises(ShapeError, match="axis 3 is out of range for a tensor of rank 3"):
            getattr(lg, name)(X, axis=3)
    with pytest.raises(ArgumentError, match="include_initial must be True or False"):
        lg.cumulative_sum(X, axis=0, include_initial=1)  # type: ignore[arg-type]


def test_cumulative_logsumexp() -> None:
    far = np.array([-INF, -1000.0, 3.0, 1000.0, -5.0, 1001.0, INF, 0.0], np.float64)
    reached = [-INF, -1000.0, 3.0, 1000.0, 1000.0, np.logaddexp(1000.0, 1001.0), INF, INF]
    np.testing.assert_allclose(both(lg.cumulative_logsumexp, far), reached, rtol=1e-14)
    expected = np.logaddexp.accumulate(X, axis=1)
    np.testing.assert_allclose(both(lambda x: lg.cumulative_logsumexp(x, axis=1), X), expected, rtol=1e-14)
    assert both(lg.cumulative_logsumexp, np.array([1, 2], np.int32)).dtype == np.float32


NANS = ("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd")


@pytest.mark.parametrize("name", NANS)
def test_those_that_skip_nan(name: str) -> None:
    x = X.copy()
    x[0, 1] = x[2, 3, 4] = x[1, :, 2] = NAN
    kinds = [(None, False), (0, True), (-1, False), ((0, 1), True)]
    found = all_of([lambda x, a=a, k=k: getattr(lg, name)(x, axis=a, keepdims=k) for a, k in kinds], x)
    for (axis, keepdims), made in zip(kinds, found, strict=True):
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            expected = np.asarray(getattr(np, name)(x, axis=axis, keepdims=keepdims))
        assert made.shape == expected.shape
        np.testing.assert_allclose(made, expected, rtol=1e-14)


def test_skipping_nan_at_the_edges() -> None:
    assert both(lg.nanmax, np.array([NAN, -INF])) == -INF
    assert both(lg.nanmin, np.array([3, 1], np.int32)).dtype == np.int32


def test_average() -> None:
    w = np.linspace(1, 2, 4)
    np.testing.assert_allclose(
        both(lambda x, w: lg.average(x, axis=1, weights=w), X, w), np.average(X, axis=1, weights=w), rtol=1e-14
    )
    np.testing.assert_allclose(
        both(lambda x: lg.average(x, weights=x), X), np.average(X, weights=X), rtol=1e-14
    )
    np.testing.assert_allclose(both(lambda x: lg.average(x, axis=(0, 2)), X), np.average(X, axis=(0, 2)), rtol=1e-14)
    with pytest.raises(ShapeError, match="average: the weights must have the shape"):
        lg.average(X, axis=0, weights=w)


def test_ptp() -> None:
    assert np.array_equal(both(lambda x: lg.ptp(x, axis=(0, 1)), X), np.ptp(X, axis=(0, 1)))
    assert both(lg.ptp, np.array([-100, 100], np.int8)) == np.int8(-56)


def test_diff() -> None:
    for n in (0, 1, 2, 5):
        assert np.array_equal(both(lambda x, n=n: lg.diff(x, n=n), X), np.diff(X, n=n))
    assert both(lambda x: lg.diff(x, n=2**62), X).shape == np.diff(X, n=2**9).shape
    assert np.array_equal(
        both(lambda x: lg.diff(x, axis=0, prepend=1.0, append=x[:2]), X), np.diff(X, axis=0, prepend=1.0, append=X[:2])
    )
    for x in (np.array([True, False, False]), np.array([3, 1, 2], np.uint8), np.zeros((2, 0))):
        assert np.array_equal(both(lg.diff, x), np.diff(x))
    with pytest.raises(ArgumentError, match="diff: n must be at least 0, but -1 was given"):
        lg.diff(X, n=-1)


def test_trapezoid() -> None:
    at = np.cumsum(X[0, :, 0])
    for axis in (0, 1, -1):
        found = both(lambda y, axis=axis: lg.trapezoid(y, dx=0.5, axis=axis), X)
        np.testing.assert_allclose(found, np.trapezoid(X, dx=0.5, axis=axis), rtol=1e-14)
    np.testing.assert_allclose(
        both(lambda y, x: lg.trapezoid(y, x, axis=1), X, at), np.trapezoid(X, at, axis=1), rtol=1e-14
    )
    with pytest.raises(ShapeError, match="trapezoid: x must have the shape"):
        lg.trapezoid(X, at, axis=0)


def jacobian(f: Function, x: np.ndarray) -> np.ndarray:
    """The gradients of each component of a function of a vector."""
    return np.stack([lg.grad(lambda x, e=e: lg.sum(f(x) * e))(x).numpy() for e in np.eye(x.size)])


ZEROS = np.array([[2.0, 0.0, 3.0, 0.5], [0.0, 1.5, 0.0, -1.0], [1.0, -2.0, 0.7, 3.0]])


def others(x: np.ndarray, without: set[int]) -> float:
    return float(np.prod([v for k, v in enumerate(x) if k not in without]))


def test_gradients_of_products_are_exact_at_zeros() -> None:
    """First and second derivatives of a product are products of the other factors."""
    for row in ZEROS:
        g = lg.grad(lg.prod)(row).numpy()
        assert np.array_equal(g, [others(row, {k}) for k in range(4)])
        h = jacobian(lg.grad(lg.prod), row)
        expected = [[0.0 if i == j else others(row, {i, j}) for j in range(4)] for i in range(4)]
        np.testing.assert_allclose(h, expected, rtol=1e-15, atol=0)
    found = both(lg.grad(lambda x: lg.sum(lg.prod(x, axis=(0, 2)))), ZEROS.reshape(2, 2, 3))
    moved = ZEROS.reshape(2, 2, 3).transpose(1, 0, 2).reshape(2, 6)
    slopes = np.array([[others(r, {k}) for k in range(6)] for r in moved]).reshape(2, 2, 3).transpose(1, 0, 2)
    np.testing.assert_allclose(found, slopes, rtol=1e-15, atol=0)


def test_gradients_of_running_products_are_exact_at_zeros() -> None:
    for row in ZEROS:
        j = jacobian(lg.cumulative_prod, row)
        expected = [[others(row[: k + 1], {i}) if i <= k else 0.0 for i in range(4)] for k in range(4)]
        np.testing.assert_allclose(j, expected, rtol=1e-15, atol=0)


QUANTILES = np.random.default_rng(7).standard_normal((4, 5, 6)).astype(np.float64)


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "nearest", "midpoint"])
def test_quantiles(method: Method) -> None:
    q = np.array([0.0, 0.3, 0.5, 0.77, 1.0])
    kinds = [(None, False), (0, True), (-1, False), ((0, 2), True)]
    found = all_of(
        [lambda x, a=a, k=k: lg.quantile(x, q, axis=a, keepdims=k, method=method) for a, k in kinds], QUANTILES
    )
    for (axis, keepdims), made in zip(kinds, found, strict=True):
        expected = np.quantile(QUANTILES, q, axis=axis, keepdims=keepdims, method=method)
        assert made.shape == expected.shape
        np.testing.assert_allclose(made, expected, rtol=1e-13)
    assert both(lambda x: lg.percentile(x, 30, axis=1, method=method), QUANTILES).shape == (4, 6)


def test_medians() -> None:
    x = QUANTILES.copy()
    x[0, 1, 2] = x[1, :, 3] = NAN
    for axis in (None, 0, 1, (0, 2)):
        pair = [lambda x, a=axis: lg.median(x, axis=a), lambda x, a=axis: lg.nanmedian(x, axis=a, keepdims=True)]
        found, skipping = all_of(pair, x)
        assert np.array_equal(found, np.median(x, axis=axis), equal_nan=True)
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            expected = np.nanmedian(x, axis=axis, keepdims=True)
            quantiles = np.nanquantile(x, [0.2, 0.9], axis=axis)
        assert np.array_equal(skipping, np.asarray(expected), equal_nan=True)
        other = both(lambda x, a=axis: lg.nanquantile(x, np.array([0.2, 0.9]), axis=a), x)
        np.testing.assert_allclose(other, quantiles, rtol=1e-13)
    assert both(lg.median, np.array([1, 2], np.int32)) == np.float32(1.5)
    assert both(lg.median, np.array([1.0, INF])) == INF and both(lg.median, np.array([INF, INF])) == INF
    assert both(lambda x: lg.quantile(x, 0.75), np.array([1.0, INF])) == INF
    assert both(lg.median, np.array([3e38, 3.2e38], np.float32)) == np.float32(3.1e38)


def test_quantiles_refuse() -> None:
    with pytest.raises(ArgumentError, match=r"quantile: q must be from 0 to 1, but 1\.5 was given"):
        lg.quantile(QUANTILES, 1.5)
    with pytest.raises(ArgumentError, match="percentile: q must be from 0 to 100, but nan was given"):
        lg.percentile(QUANTILES, NAN)
    assert np.isnan(both(lambda x, q: lg.quantile(x, q, axis=0), QUANTILES, np.array([-0.1, 2.0, NAN]))).all()
    with pytest.raises(ArgumentError, match="method must be one of linear, lower, higher, nearest, midpoint, but 'x'"):
        lg.quantile(QUANTILES, 0.5, method="x")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="median: of no elements is undefined"):
        lg.median(np.zeros((2, 0)), axis=1)
    assert both(lambda x: lg.median(x, axis=0), np.zeros((2, 0))).shape == (0,)
    with pytest.raises(ShapeError, match="quantile: q must be 0-d or 1-D"):
        lg.quantile(QUANTILES, np.full((2, 2), 0.5))


def test_gradients_of_quantiles() -> None:
    row = np.array([3.0, 1.0, 2.0, 5.0])
    assert lg.grad(lg.median)(row).numpy().tolist() == [0.5, 0, 0.5, 0]
    found = lg.grad(lambda x: lg.quantile(x, 0.75))(row).numpy()
    np.testing.assert_allclose(found, [0.75, 0, 0, 0.25], rtol=1e-15)
