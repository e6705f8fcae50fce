"""Searching and counting against NumPy: all sides and edges, NaN, empty arrays, eagerly and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .outcomes import DTYPES, agrees, same, slopes_agree

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(dtype: str, side: str) -> None:
    for count, shape in ((0, (3,)), (1, ()), (2, (4,)), (63, (5, 2)), (64, (9,)), (1000, (100,)), (7, (0, 2))):
        given = np.sort((RNG.standard_normal(count) * 3).clip(0 if dtype[0] in "bu" else -9).astype(dtype))
        wanted = (RNG.standard_normal(shape) * 4).clip(0 if dtype[0] in "bu" else -9).astype(dtype)
        if dtype.startswith("float") and count > 5:
            given[-2:], wanted.flat[:2] = np.nan, (np.nan, np.inf)
        agrees(lambda a, b: lg.searchsorted(a, b, side=side), np.searchsorted(given, wanted, side), given, wanted)  # type: ignore[call-overload]


def test_searchsorted_with_a_sorter_and_other_dtypes() -> None:
    x, v = RNG.permutation(20), np.array([[3.5, -1.0], [19.0, 40.0]])
    order = np.argsort(x)
    agrees(lambda a, b, s: lg.searchsorted(a, b, sorter=s), np.searchsorted(x, v, sorter=order), x, v, order)
    same(lg.searchsorted(lg.tensor([1, 3, 5]), 3, side="right"), np.array(2))


def test_zeros_are_equal_when_searched() -> None:
    x, v = np.array([-1.0, -0.0, 0.0, 1.0]), np.array([0.0, -0.0])
    agrees(lambda a, b: lg.searchsorted(a, b), np.array([1, 1]), x, v)  # noqa: PLW0108
    agrees(lambda a, b: lg.searchsorted(a, b, side="right"), np.array([3, 3]), x, v)


@pytest.mark.parametrize("invert", [False, True])
def test_isin(invert: bool) -> None:
    x, y = RNG.integers(0, 9, (3, 4)), np.array([[1, 5], [7, 1]])
    agrees(lambda a, b: lg.isin(a, b, invert=invert), np.isin(x, y, invert=invert), x, y)
    agrees(lambda a, b: lg.isin(a, b, invert=invert), np.isin(x, [], invert=invert), x, np.zeros(0))
    special, pool = np.array([np.nan, -0.0, np.inf, 2.5]), np.array([0.0, np.nan, np.inf])
    agrees(lambda a, b: lg.isin(a, b, invert=invert), np.isin(special, pool, invert=invert), special, pool)
    agrees(lambda a, b: lg.isin(a, b, invert=invert), np.isin(x, 2.0, invert=invert), x, np.array(2.0))


@pytest.mark.parametrize("right", [False, True])
def test_digitize(right: bool) -> None:
    x, bins = RNG.standard_normal((4, 5)) * 2, np.array([-1.0, 0.0, 0.5, 2.0])
    x[0, :2] = bins[:2]
    agrees(lambda a, b: lg.digitize(a, b, right=right), np.digitize(x, bins, right), x, bins)
    agrees(lambda a, b: lg.digitize(a, b, right=right), np.digitize(x, bins[::-1], right), x, bins[::-1].copy())
    agrees(lambda a, b: lg.digitize(a, b, right=right), np.zeros((4, 5), np.int64), x, np.zeros(0))


def test_bincount() -> None:
    x, w = RNG.integers(0, 7, 50), RNG.standard_normal(50)
    same(lg.bincount(x), np.bincount(x))
    same(lg.bincount(x.astype(np.uint8), minlength=11), np.bincount(x, minlength=11))
    same(lg.bincount(np.zeros(0, np.int32)), np.zeros(0, np.int64))
    same(lg.bincount(np.zeros(0, np.int32), minlength=3), np.zeros(3, np.int64))
    agrees(lambda a, b: lg.bincount(a, b, length=9), np.bincount(x, w, minlength=9), x, w)
    agrees(lambda a: lg.bincount(a, length=7), np.bincount(x, minlength=7), x)
    slopes_agree(lambda b: lg.bincount(x, b, length=8), w)


def test_histogram() -> None:
    x = RNG.standard_normal(500) * 3
    w = RNG.integers(1, 5, 500).astype(np.float64)
    edges = np.array([-4.0, -1.0, -0.5, 2.0, 7.0])
    cases: list[Callable[[Any, Any], Any]] = [
        lambda m, a: m.histogram(a),
        lambda m, a: m.histogram(a, 7, range=(-2, 5)),
        lambda m, a: m.histogram(a, edges),
        lambda m, a: m.histogram(a, edges, density=True),
        lambda m, a: m.histogram(a, 4, weights=w),
        lambda m, a: m.histogram(a, 3, range=(1, 1)),
    ]
    for case in cases:
        expected = case(np, x)
        for run in (case, lambda m, a, case=case: lg.function(lambda b: case(m, b))(a)):
            found = run(lg, lg.tensor(x))
            # Division and the spacing of edges round once more or less than NumPy's: a few ULPs.
            np.testing.assert_allclose(found.bin_edges.numpy(), expected[1], rtol=1e-15, atol=1e-15)
            np.testing.assert_allclose(found.hist.numpy(), expected[0], rtol=1e-14)
    same(lg.histogram(np.array([1, 2, 2, 5]), bins=2).hist, np.array([3, 1]))
    same(lg.histogram(np.array([[np.nan, 1.0], [3.0, 9.0]]), bins=2, range=(1.0, 3.0)).hist, np.array([1, 1]))
    same(lg.histogram(np.zeros(0), bins=2), np.histogram(np.zeros(0), bins=2))
    same(lg.histogram(np.full(3, 2.0), bins=2).hist, np.histogram(np.full(3, 2.0), bins=2)[0])


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: lg.searchsorted(lg.ones((2, 2)), 1), lg.ShapeError, "must have one axis"),
        (lambda: lg.searchsorted(lg.ones(2), 1, side="up"), lg.ArgumentError, 'must be "left" or "right"'),
        (lambda: lg.digitize(lg.ones(2), np.array([1.0, 3.0, 2.0])), lg.DomainError, "increase or decrease"),
        (lambda: lg.digitize(lg.ones(2), 1.0), lg.ShapeError, "the bins must have one axis"),
        (lambda: lg.bincount(np.array([1, -2])), lg.RangeError, r"from 0 to 2 - 1, but -2 was given"),
        (lambda: lg.bincount(np.array([1, 5]), length=5), lg.RangeError, "but 5 was given"),
        (lambda: lg.function(lambda x: lg.bincount(x, length=5))(np.array([1, 5])), lg.RangeError, "but 5 was given"),
        (lambda: lg.function(lg.bincount)(np.array([1, 5])), lg.TraceError, "give length="),
        (lambda: lg.bincount(lg.ones(3)), lg.DTypeError, "must be integers"),
        (lambda: lg.bincount(np.array([[1]])), lg.ShapeError, "one axis and one shape"),
        (lambda: lg.bincount(np.array([1]), minlength=-1), lg.ShapeError, "minlength must be >= 0"),
        (lambda: lg.histogram(lg.ones(3), 0), lg.ShapeError, "at least one bin"),
        (lambda: lg.histogram(lg.ones(3), np.array([2.0, 1.0])), lg.DomainError, "must increase"),
        (lambda: lg.histogram(np.array([np.inf, 1.0])), lg.DomainError, "give a finite range="),
        (lambda: lg.histogram(lg.ones(3), range=(2, 1)), lg.DomainError, "must be finite and not decrease"),
        (lambda: lg.histogram(lg.ones(3), range=3), lg.ArgumentError, "the range must be two numbers"),  # type: ignore[arg-type]
        (lambda: lg.histogram(lg.ones(3), weights=lg.ones(2)), lg.ShapeError, "the weights must have the shape"),
    ],
)
def test_errors(call: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()
