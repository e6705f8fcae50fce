"""Sorting against NumPy: every dtype, both directions, NaN and zeros, short rows and long, gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .outcomes import DTYPES, agrees, same, slopes_agree


def order(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    """A stable order, found with Python's sort of (is NaN, value, index)."""
    rows = np.moveaxis(x, axis, -1)
    found = np.empty(rows.shape, np.int64)
    for at in np.ndindex(rows.shape[:-1]):
        row = rows[at].tolist()

        def key(i: int, row: list[Any] = row) -> tuple[bool, Any]:
            return (row[i] != row[i], 0 if row[i] != row[i] else row[i])

        # Python's sort keeps the order of equal elements under `reverse` too.
        found[at] = sorted(range(len(row)), key=key, reverse=descending)
    return np.moveaxis(found, -1, axis)


def special(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    rng = np.random.default_rng(sum(shape))
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype.startswith("float"):
        limits = np.finfo(dtype)
        tiny = float(limits.smallest_subnormal)
        pool = np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan, -np.nan, tiny, -tiny, -2.5, limits.max], dtype)
        return rng.choice(pool, shape)
    ends = np.iinfo(dtype)
    return rng.choice(np.array([ends.min, ends.max, ends.max - 1, ends.min + 1, 0, 1, 2, 77], dtype), shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("descending", [False, True])
def test_all_dtypes(dtype: str, descending: bool) -> None:
    x = special((60, 2), dtype)
    expected = order(x, 0, descending)
    agrees(lambda a: lg.argsort(a, axis=0, descending=descending), expected, x)
    agrees(lambda a: lg.sort(a, axis=0, descending=descending), np.take_along_axis(x, expected, 0), x)
    for shape, axis in (((3, 5), -1), ((2, 1), 1), ((3, 0), -1), ((0, 4), 1), ((2, 3, 4), 1)):
        x = special(shape, dtype)
        expected = order(x, axis, descending)
        same(lg.argsort(x, axis=axis, descending=descending), expected)
        same(lg.sort(x, axis=axis, descending=descending), np.take_along_axis(x, expected, axis))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint64", "float32", "float64"])
@pytest.mark.parametrize("count", [63, 64, 65, 1000, 70001])
def test_long_rows(dtype: str, count: int) -> None:
    x = (np.random.default_rng(count).standard_normal((2, count)) * 100).astype(np.int64).astype(dtype)
    agrees(lambda a: lg.argsort(a), np.argsort(x, axis=-1, kind="stable"), x)  # noqa: PLW0108
    agrees(lambda a: lg.sort(a), np.sort(x, axis=-1), x)  # noqa: PLW0108


def test_many_rows_on_threads() -> None:
    x = np.random.default_rng(0).standard_normal((3000, 70)).astype(np.float32)
    agrees(lg.sort, np.sort(x), x)
    agrees(lg.argsort, np.argsort(x, kind="stable"), x)


def test_sorting_within_a_program() -> None:
    x = np.random.default_rng(1).standard_normal((4, 100))
    agrees(lambda a: lg.sort(a * 2 + 1)[:, ::-1] - 1, np.sort(x * 2 + 1)[:, ::-1] - 1, x)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: lg.sort(x, axis=0),
        lambda x: lg.argsort(x, axis=0, descending=True),
        lambda x: lg.top_k(x, 5, axis=0).indices,
        lambda x: lg.searchsorted(lg.sort(x[:, 0]), x),
        lambda x: lg.histogram(x, 4).hist,
        lambda x: lg.roll(x, 3),
        lg.grad(lambda a: lg.sum(lg.sort(a, axis=0) * a)),
    ],
)
def test_extents_that_change(call: Callable[[lg.Array], lg.Array]) -> None:
    compiled = lg.function(call)
    for n in (60, 100, 3000, 51):
        x = lg.tensor(np.random.default_rng(n).standard_normal((n, 2)))
        same(compiled(x), call(x))


def test_gradients() -> None:
    x = np.random.default_rng(2).permutation(24).reshape(4, 6) / 7
    slopes_agree(lg.sort, x)
    slopes_agree(lambda a: lg.sort(a, axis=0, descending=True), x)
    slopes_agree(lambda a: lg.top_k(a, 3).values, x)
    tensor = lg.tensor(x)

    def third(a: lg.Array) -> lg.Array:
        return lg.sum(lg.sort(a, axis=-1)[:, 3] ** 2)

    expected = np.zeros_like(x)
    np.put_along_axis(expected, np.argsort(x)[:, 3:4], 2 * np.sort(x)[:, 3:4], 1)
    np.testing.assert_array_equal(lg.grad(third)(tensor).numpy(), expected)
    np.testing.assert_array_equal(lg.function(lg.grad(third))(tensor).numpy(), expected)


@pytest.mark.parametrize("largest", [True, False])
def test_top_k(largest: bool) -> None:
    x = np.array([[3.0, np.nan, 3.0, -1.0], [0.0, -0.0, 7.0, -np.inf]])
    places = order(x, -1, largest)[:, :3]
    agrees(lambda a: lg.top_k(a, 3, largest=largest), [np.take_along_axis(x, places, 1), places], x)
    places = order(x, 0, largest)[:0]
    agrees(lambda a: lg.top_k(a, 0, axis=0, largest=largest), [np.take_along_axis(x, places, 0), places], x)


@pytest.mark.parametrize("dtype", ["bool", "uint64", "float16", "float32"])
def test_top_k_of_long_rows(dtype: str) -> None:
    x = special((3, 500), dtype)
    for k, axis, largest in ((1, 1, True), (7, 1, False), (48, 1, True), (49, 1, False), (2, 0, True)):
        places = np.take(order(x, axis, largest), range(k), axis=axis)
        expected = [np.take_along_axis(x, places, axis), places]
        agrees(lambda a, k=k, axis=axis, largest=largest: lg.top_k(a, k, axis=axis, largest=largest), expected, x)


def test_lexsort() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 4, (3, 20)), rng.integers(0, 3, (3, 20))
    agrees(lambda x, y: lg.lexsort([x, y]), np.lexsort([a, b]), a, b)
    agrees(lambda x, y: lg.lexsort((x, y), axis=0), np.lexsort((a, b), axis=0), a, b)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: lg.sort(3.0), lg.ShapeError, "sort: axis -1 is out of range, a 0-d tensor has no axes"),
        (lambda: lg.argsort(lg.ones((2, 3)), axis=2), lg.ShapeError, "argsort: axis 2 is out of range"),
        (lambda: lg.sort(lg.ones((2,)), descending=1), lg.ArgumentError, "descending must be True or False"),  # type: ignore[arg-type]
        (lambda: lg.top_k(lg.ones((2, 3)), 4), lg.ShapeError, "k must be from 0 to the extent 3 of axis 1"),
        (lambda: lg.top_k(lg.ones((2, 3)), -1), lg.ShapeError, "k must be from 0"),
        (lambda: lg.lexsort([]), lg.ArgumentError, "at least one key"),
        (lambda: lg.lexsort([lg.ones(2), lg.ones(3)]), lg.ShapeError, "all keys must have one shape"),
    ],
)
def test_errors(call: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()
