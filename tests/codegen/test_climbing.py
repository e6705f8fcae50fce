"""Addresses that wrap around or are clipped: lanes are read at once where they lie side by side."""

from __future__ import annotations

import numpy as np
import pytest

import lithograph as lg
from lithograph.codegen import climbing
from lithograph.codegen.nest import Nest
from lithograph.ir import dtypes, ops
from lithograph.ir.array import Array
from lithograph.ir.scalar import binary, const, extent, iteration, select
from lithograph.ir.types import Dim

from .programs import compiled, eager, same_bits

LENGTHS = (63, 64, 65, 80, 127, 128, 200, 257)


def values(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(shape) * 50).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.float16, bool])
@pytest.mark.parametrize("n", LENGTHS)
def test_what_wraps_around(n: int, dtype: type) -> None:
    x = values((3, n), dtype)
    for shift in (0, 1, -1, 15, 17, n - 1, n, -n - 3, 5 * n + 2):
        for axis in (0, 1):

            def rolled(x: Array, shift: int = shift, axis: int = axis) -> Array:
                return ops.roll(x, shift, axis=axis)

            expected = np.roll(x, shift, axis)
            assert same_bits(compiled(rolled, [x])[0], expected), (shift, axis)
            assert same_bits(eager(rolled, [x])[0], expected), (shift, axis)


@pytest.mark.parametrize("n", LENGTHS)
def test_gradients_of_slices(n: int) -> None:
    x = values((2, n), np.float32)

    def smooth(x: Array) -> Array:
        d = x[:, 2:] - 2.0 * x[:, 1:-1] + x[:, :-2]
        return ops.sum(ops.square(d)) + ops.sum(x[:, 3:7]) + ops.sum(x[:, n - 1 :]) + ops.sum(x[1:, ::3])

    gradient = lg.grad(smooth)
    assert same_bits(np.asarray(lg.function(gradient)(x)), np.asarray(gradient(x)))


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
def test_padding(mode: str) -> None:
    for n in LENGTHS:
        x = values((2, n), np.float32)

        def padded(x: Array) -> Array:
            return lg.pad(x, ((1, 0), (3, 20)), mode=mode)

        expected = np.pad(x, ((1, 0), (3, 20)), mode=mode)  # type: ignore[call-overload]
        for function in (padded, lg.function(padded)):
            assert same_bits(np.asarray(function(lg.tensor(x))), expected), n


def test_what_climbs() -> None:
    i, n, u = iteration(0), extent(Dim("n")), iteration(1)
    nest = Nest("f", (100, 100), {0: 100, 1: 100}, (), (), {})
    wrapped = select(i + 3 < n, i + 3, i + 3 - n)
    for address in (
        i + u * 7,
        u,
        binary("minimum", binary("maximum", i - 3, 0), 40) + u * 100,
        wrapped,
        select(i - u < 0, i - u + n, select(i - u >= n, i - u - n, i - u)),
        select(i > 20, i, i + 3),
    ):
        assert climbing.climbs(nest, address, 0)
    for address in (
        i * 2,
        i + wrapped,
        wrapped * 2,
        binary("tdiv", i, 3),
        select(i > 20, i + 3, const(dtypes.int64, 3)),
        select(i < 20, i, i + 1),
        select(u * i < 20, i, i - 1),
        select(i < 20, u, i),
    ):
        assert not climbing.climbs(nest, address, 0)
