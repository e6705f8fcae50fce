"""Reductions, native against their references, in every form that the code generator has."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import ops
from lithograph.ir.array import Array
from lithograph.ir.attrs import Axes, intern
from lithograph.ir.reduction import product_in_order, sum_in_order
from lithograph.ir.registry import OPS

from .programs import compiled, eager, same_bits

LENGTHS = (1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 127, 128, 129, 143, 255, 256, 300, 1000, 4097)
LONG = (65535, 65536, 65537, 65536 * 2, 65536 * 3 + 5, 65536 * 6 + 129, 65536 * 7)


def values(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal(shape) * 100
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", LENGTHS)
def test_sums_follow_order_t8(n: int, dtype: type) -> None:
    tall = (((n,), (0,)), ((n, 5), (0,)), ((n, 37), (0,)))
    for shape, axes in (*tall, ((3, n), (1,)), ((2, n, 3), (1,)), ((2, n, 33), (1,))):
        x = values(shape, dtype)
        expected = sum_in_order(x, axes)

        def total(x: Array, axes: tuple[int, ...] = axes) -> Array:
            return ops.sum(x, axis=axes)

        assert same_bits(compiled(total, [x])[0], expected), (shape, axes, "compiled")
        assert same_bits(eager(total, [x])[0], expected), (shape, axes, "eager")


@pytest.mark.parametrize("n", LONG)
def test_long_sums_follow_order_t8(n: int) -> None:
    for shape, axes in (((n,), (0,)), ((2, n), (1,)), ((n, 3), (0,)), ((n, 18), (0,)), ((n // 7, 7), (0, 1))):
        x = values(shape, np.float32)
        expected = sum_in_order(x, axes)

        def total(x: Array, axes: tuple[int, ...] = axes) -> Array:
            return ops.sum(x, axis=axes)

        assert same_bits(compiled(total, [x])[0], expected), (shape, axes, "compiled")
        assert same_bits(eager(total, [x])[0], expected), (shape, axes, "eager")


@pytest.mark.parametrize("n", [1, 3, 16, 17, 100, 129, 1000, 65536 * 3 + 5])
def test_products_follow_order_t8(n: int) -> None:
    for shape, axes in (((n,), (0,)), ((n, 5), (0,)), ((3, n), (1,)), ((2, n, 33), (1,))):
        x = np.random.default_rng(n).uniform(0.97, 1.03, shape).astype(np.float32)
        expected = product_in_order(x, axes)

        def total(x: Array, axes: tuple[int, ...] = axes) -> Array:
            return ops.prod(x, axis=axes)

        assert same_bits(compiled(total, [x])[0], expected), (shape, axes, "compiled")
        assert same_bits(eager(total, [x])[0], expected), (shape, axes, "eager")


@pytest.mark.parametrize("axes", [a for k in (1, 2, 3, 4) for a in itertools.combinations(range(4), k)])
def test_any_axes(axes: tuple[int, ...]) -> None:
    x = values((3, 5, 2, 18), np.float32)
    for keepdims in (False, True):

        def several(x: Array, keepdims: bool = keepdims) -> tuple[Array, ...]:
            return (
                ops.sum(x, axis=axes, keepdims=keepdims),
                ops.max(x, axis=axes, keepdims=keepdims),
                ops.min(x, axis=axes, keepdims=keepdims),
                ops.any(x > 150.0, axis=axes, keepdims=keepdims),
                ops.all(x < 150.0, axis=axes, keepdims=keepdims),
            )

        expected = [
            sum_in_order(x, axes).reshape(np.sum(x, axis=axes, keepdims=keepdims).shape),
            x.max(axis=axes, keepdims=keepdims),
            x.min(axis=axes, keepdims=keepdims),
            (x > 150).any(axis=axes, keepdims=keepdims),
            (x < 150).all(axis=axes, keepdims=keepdims),
        ]
        for got in (compiled(several, [x]), eager(several, [x])):
            assert all(same_bits(a, np.asarray(b)) for a, b in zip(got, expected, strict=True))


APART = (
    ((300, 2, 700), (0, 2)), ((64, 3, 1024), (0, 2)), ((1000, 2, 3), (0, 2)), ((2, 41, 3, 50), (1, 3)),
    ((9, 2, 5, 3, 7), (0, 2, 4)), ((30, 2, 9, 40), (0, 2)), ((3, 2, 0), (0, 2)), ((2, 0, 3, 4), (1, 3)),
)  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "axes"), APART)
def test_axes_apart_from_each_other(shape: tuple[int, ...], axes: tuple[int, ...], dtype: type) -> None:
    """More elements than a piece and than a chunk has, and ends of the innermost axis anywhere in a vector."""
    x = values(shape, dtype)

    def several(x: Array) -> tuple[Array, ...]:
        return ops.sum(x, axis=axes), ops.prod(x * 0.01, axis=axes), ops.count_nonzero(x > 0, axis=axes)

    expected = [
        sum_in_order(x, axes), product_in_order(x * dtype(0.01), axes), np.count_nonzero(x > 0, axis=axes),
    ]  # fmt: skip
    for got in (compiled(several, [x]), eager(several, [x])):
        assert all(same_bits(a, np.asarray(b)) for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 4), (17, 1), (16, 33), (40, 5), (300, 20)])
def test_positions_and_extrema(shape: tuple[int, int], dtype: type) -> None:
    x: np.ndarray = np.random.default_rng(3).integers(-5, 5, shape).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        x[0, 0] = np.nan
        x[-1, -1] = -0.0
    for axis in (0, 1):

        def several(x: Array, axis: int = axis) -> tuple[Array, ...]:
            return ops.argmax(x, axis=axis), ops.argmin(x, axis=axis), ops.max(x, axis=axis), ops.min(x, axis=axis)

        expected = [np.argmax(x, axis), np.argmin(x, axis), np.max(x, axis), np.min(x, axis)]
        for got in (compiled(several, [x]), eager(several, [x])):
            for a, b in zip(got, expected, strict=True):
                assert np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 16, 17, 64, 65, 100])
def test_extrema_of_zeros_and_nan(n: int, dtype: type) -> None:
    """Few distinct values, so that most rows and columns are zeros of both signs, and some have a NaN."""
    rng = np.random.default_rng(n)
    some: np.ndarray = np.array([0.0, -0.0, -0.0, -1.0, 1.0, np.inf, -np.inf, np.nan], dtype)
    x = rng.choice(some, (n, 150), p=[0.3, 0.3, 0.3, 0.07, 0.01, 0.005, 0.005, 0.01])
    for given, axis in ((x, 0), (np.ascontiguousarray(x.T), 1), (x.reshape(n, 10, 15), 0)):
        attrs = intern(Axes((axis,)))

        def both(x: Array, attrs: Axes = attrs) -> tuple[Array, ...]:
            return OPS["max"].call(x, attrs), OPS["min"].call(x, attrs)

        expected = [OPS[name].evaluate([given], attrs) for name in ("max", "min")]
        for got in (compiled(both, [given]), eager(both, [given])):
            assert all(same_bits(a, b) for a, b in zip(got, expected, strict=True)), (given.shape, axis)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float32, np.float64])
def test_the_first_of_equal_elements_wherever_they_are(dtype: type) -> None:
    """One vector, several, unrolled loops and their rests; few distinct values, all alike, NaN, infinities, zeros."""
    rng = np.random.default_rng(5)
    for n in (1, 9, 16, 17, 63, 64, 65, 200, 1000, 4099):
        rows = [rng.integers(0, 2, n), rng.integers(0, 200, n), np.full(n, 7), np.zeros(n)]
        x: np.ndarray = np.array(rows).astype(dtype)
        if np.issubdtype(dtype, np.floating):
            odd: np.ndarray = np.array(rows, dtype)
            odd[np.arange(4), rng.integers(0, n, 4)] = np.nan
            infinite: np.ndarray = np.full((2, n), [[-np.inf], [np.inf]], dtype)
            zeros: np.ndarray = np.where(rng.integers(0, 2, (2, n)) == 0, -0.0, 0.0).astype(dtype)
            x = np.concatenate([x, odd, infinite, zeros])

        def several(x: Array) -> tuple[Array, ...]:
            along = [f(x, axis=1) for f in (ops.argmax, ops.argmin, ops.max, ops.all)]
            return *along, ops.argmax(x[-1])

        expected = [np.argmax(x, 1), np.argmin(x, 1), np.max(x, 1), np.all(x, 1), np.argmax(x[-1])]
        for got in (compiled(several, [x]), eager(several, [x])):
            for a, b in zip(got, expected, strict=True):
                assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), n


def test_empty_axes() -> None:
    x = np.zeros((3, 0, 2), np.float32)

    def totals(x: Array) -> tuple[Array, ...]:
        return ops.sum(x, axis=1), ops.sum(x, axis=0), ops.sum(x), ops.any(x > 0, axis=1), ops.all(x > 0, axis=1)

    sums = [np.zeros((3, 2), np.float32), np.zeros((0, 2), np.float32), np.float32(0)]
    expected = [*sums, np.zeros((3, 2), bool), np.ones((3, 2), bool)]
    for got in (compiled(totals, [x]), eager(totals, [x])):
        assert all(same_bits(a, np.asarray(b)) for a, b in zip(got, expected, strict=True))


def test_signs_of_zero_survive_sums() -> None:
    x = np.full((40, 40), -0.0, np.float32)

    def totals(x: Array) -> tuple[Array, ...]:
        return ops.sum(x, axis=0), ops.sum(x, axis=1), ops.sum(x)

    for got in (compiled(totals, [x]), eager(totals, [x])):
        assert all(np.signbit(a).all() for a in got)


@pytest.mark.parametrize("rows", [3, 12, 16, 17, 70])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_of_columns(rows: int, dtype: type) -> None:
    def thrice(x: Array) -> tuple[Array, Array]:
        for _ in range(3):
            x = x - ops.mean(x, axis=0, keepdims=True)
            x = x / (ops.max(ops.abs(x), axis=0, keepdims=True) + ops.prod(x * 0.01, axis=0, keepdims=True))
        return x, ops.argmax(x, axis=0)

    x = values((rows, 20), dtype)
    assert all(same_bits(a, b) for a, b in zip(compiled(thrice, [x]), eager(thrice, [x]), strict=True))
    # Each reduction is written once, not again for each term of the next.
    assert len(lg.function(thrice).ir(x, stage="llvm").splitlines()) < 20_000


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "any", "all"])
@pytest.mark.parametrize("k", range(1, 10))
def test_short_reductions_are_written_out_with_the_same_bits(name: str, k: int) -> None:
    row = OPS[name]

    def reduced(x: Array) -> tuple[Array, Array]:
        flags = x > 0.0 if name in ("any", "all") else x
        last, first = row.call(flags, intern(Axes((1,)))), row.call(flags, intern(Axes((0,), keepdims=True)))
        return ops.exp(ops.where(last, 1.0, 2.0) if name in ("any", "all") else last), first

    def nested(x: Array) -> Array:
        total = row.call(x > 1.0 if name in ("any", "all") else x, intern(Axes((1,), keepdims=True)))
        return ops.max(ops.sum(ops.exp(x) * total, axis=1), axis=0)

    special = values((37, k), np.float32) / 100
    special[::5] = -0.0
    special[1::7, 0] = np.nan
    special[2::7, -1] = np.inf
    for function in (reduced, nested):
        for a, b in zip(compiled(function, [special]), eager(function, [special]), strict=True):
            assert same_bits(a, b), function.__name__


def test_axes_apart_that_are_short_are_written_out() -> None:
    x = values((2, 300, 2), np.float32)

    def total(x: Array) -> Array:
        return ops.exp(ops.sum(x / 100, axis=(0, 2)))

    assert same_bits(compiled(total, [x])[0], eager(total, [x])[0])
