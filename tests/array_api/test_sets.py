"""Sets against NumPy: distinct values of every dtype, NaN and zeros, given sizes under a trace, errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg

from .outcomes import DTYPES, agrees, same

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (1,), (40,), (3, 4, 5)])
def test_the_functions_of_the_standard(dtype: str, shape: tuple[int, ...]) -> None:
    x = RNG.integers(0, 6, shape).astype(dtype)
    expected = np.unique_all(x)
    found = lg.unique_all(x)
    assert found._fields == ("values", "indices", "inverse_indices", "counts")
    same(found, expected)
    same(lg.unique_counts(x), np.unique_counts(x))
    assert lg.unique_counts(x)._fields == ("values", "counts")
    same(lg.unique_inverse(x), np.unique_inverse(x))
    assert lg.unique_inverse(x)._fields == ("values", "inverse_indices")
    same(lg.unique_values(x), np.sort(np.unique_values(x)))


def test_special_values() -> None:
    x = np.array([np.nan, 0.0, -0.0, np.inf, np.nan, -np.inf, -0.0])
    values, indices, inverse, counts = lg.unique_all(x)
    np.testing.assert_array_equal(values.numpy(), [-np.inf, 0, np.inf, np.nan, np.nan])
    assert indices.tolist() == [5, 1, 3, 0, 4]
    assert inverse.tolist() == [3, 1, 1, 2, 4, 0, 1]
    assert counts.tolist() == [1, 3, 1, 1, 1]
    same(lg.unique(x), np.unique(x))
    same(
        lg.unique(x, return_index=True, return_inverse=True, return_counts=True),
        np.unique(x, return_index=True, return_inverse=True, return_counts=True),
    )
    same(lg.unique(x, equal_nan=False), np.unique(x, equal_nan=False))


def test_complex_numbers() -> None:
    x = np.array([[1 + 2j, 1 - 2j, 0], [1 + 2j, complex(np.nan, 0), -3]])
    same(lg.unique_all(x), np.unique_all(x))
    same(lg.unique(x, return_inverse=True), np.unique(x, return_inverse=True))
    same(lg.unique_counts(x[:, :3].astype(np.complex64)), np.unique_counts(x[:, :3].astype(np.complex64)))
    same(lg.isin(x, np.array([0, 1 - 2j])), np.isin(x, np.array([0, 1 - 2j])))
    same(lg.setxor1d(x[0], x[1]), np.setxor1d(x[0], x[1]))
    same(lg.isin(x, x, invert=True), np.isin(x, x, invert=True))


def test_with_a_size() -> None:
    x = np.array([[3, 1], [3, 7]])
    expected = [np.array([1, 3, 7, 1, 1]), np.array([1, 0, 3, 1, 1]), np.array([[1, 0], [1, 2]])]
    counts = np.array([1, 2, 1, 0, 0])
    agrees(lambda a: lg.unique_all(a, size=5), [*expected, counts], x)
    agrees(lambda a: lg.unique_counts(a, size=5, fill_value=-1), [np.array([1, 3, 7, -1, -1]), counts], x)
    agrees(lambda a: lg.unique_values(a, size=3), np.array([1, 3, 7]), x)
    agrees(lambda a: lg.unique_inverse(a, size=3), [np.array([1, 3, 7]), expected[2]], x)
    agrees(lambda a: lg.unique(a, size=4, fill_value=0), np.array([1, 3, 7, 0]), x)
    agrees(lambda a: lg.unique_values(a, size=2), np.zeros(2, np.int64), x[:0])


def test_two_sets() -> None:
    x, y = RNG.integers(0, 9, (3, 4)), RNG.integers(4, 15, 7)
    for name in ("union1d", "intersect1d", "setdiff1d", "setxor1d"):
        ours, theirs = getattr(lg, name), getattr(np, name)
        same(ours(x, y), theirs(x, y))
        same(ours(x, y[:0]), theirs(x, y[:0]))
        same(ours(x[:0], y[:0]), theirs(x[:0], y[:0]))
        same(ours(x, y.astype(np.float64)), theirs(x, y.astype(np.float64)).astype(np.float64))


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lg.function(lg.unique_values), lg.TraceError, "unique_values: the shape of the result .* size="),
        (lg.function(lambda a: lg.union1d(a, a)), lg.TraceError, "not known while tracing"),
        (lg.function(lambda a: lg.setdiff1d(a, a + 1)), lg.TraceError, "not known while tracing"),
        (lambda x: lg.unique_all(x, size=2), lg.DomainError, "there are 3 distinct values, and size=2 cannot"),
        (lg.function(lambda a: lg.unique(a, size=1)), lg.DomainError, "there are 3 distinct values"),
        (lambda x: lg.unique(x, size=-1), lg.ShapeError, "an extent must be >= 0"),
        (lambda x: lg.unique(x, return_index=1), lg.ArgumentError, "return_index must be True or False"),  # type: ignore[arg-type]
    ],
)
def test_errors(call: Callable[[np.ndarray], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call(np.array([3, 1, 2, 3]))
