"""Elementwise functions made of rows, against their formulas in NumPy and against finite differences; operators."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import ops
from lithograph.ir.array import Array
from lithograph.ir.errors import DivisionError, DTypeError

from .differences import close, difference, directional, slope_of
from .numpy_stage import Held, numpy_of, numpy_stage

X = np.random.default_rng(0).standard_normal((3, 8)) * 2
SIGMOID = 1 / (1 + np.exp(-X))
HARD = np.clip(X / 6 + 0.5, 0, 1)
SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772

COMPOSITES: list[tuple[Callable[[Array], Array], np.ndarray]] = [
    (ops.silu, X * SIGMOID),
    (ops.log_sigmoid, np.log(SIGMOID)),
    (ops.mish, X * np.tanh(np.log1p(np.exp(X)))),
    (ops.elu, np.where(X > 0, X, np.expm1(X))),
    (lambda x: ops.elu(x, alpha=0.5), np.where(X > 0, X, 0.5 * np.expm1(X))),
    (ops.selu, np.where(X > 0, SCALE * X, SCALE * ALPHA * np.expm1(X))),
    (ops.leaky_relu, np.where(X > 0, X, 0.2 * X)),
    (lambda x: ops.leaky_relu(x, slope=0.01), np.where(X > 0, X, 0.01 * X)),
    (ops.relu6, np.clip(X, 0, 6)),
    (ops.hard_sigmoid, HARD),
    (ops.hard_silu, X * HARD),
    (ops.softsign, X / (1 + np.abs(X))),
    (ops.sinc, np.sinc(X)),
    (lambda x: ops.sinc(x / 100), np.sinc(X / 100)),
    (ops.deg2rad, np.deg2rad(X)),
    (ops.rad2deg, np.rad2deg(X)),
    (ops.positive, X),
    (lambda x: ops.divmod(x, 1.5)[1], np.mod(X, 1.5)),
    (lambda x: ops.frexp(x)[0], np.frexp(X)[0]),
    (lambda x: ops.nan_to_num(x, nan=1.0), X),
]


@pytest.mark.parametrize(("function", "expected"), COMPOSITES)
def test_values_and_gradients(function: Callable[[Array], Array], expected: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 1.5, expected.shape)
    along, second = [rng.uniform(-0.1, 0.1, X.shape)], [rng.uniform(-1, 1, X.shape)]

    def value(x: Array) -> Array:
        return ops.sum(function(x) * weights)

    with numpy_stage():
        # The formulas differ in order and in where they cancel: a few ULPs of float64 at magnitudes up to 100.
        assert np.allclose(numpy_of(function(Held(X))), expected, rtol=1e-13, atol=1e-13)
        for f in (value, slope_of(value, second)):
            found, other = directional(f, [X], along), difference(f, [X], along)
            assert close(found, other), f"{found} and {other}"


def test_sinc_is_smooth_at_zero_and_zero_at_whole_numbers() -> None:
    with numpy_stage():
        zero, one = [np.array(0.0)], [np.array(1.0)]
        assert directional(ops.sinc, zero, one) == 0.0
        # sinc'' (0) = -pi^2 / 3; a few roundings.
        assert abs(directional(slope_of(ops.sinc, one), zero, one) + math.pi**2 / 3) < 1e-14
        assert not numpy_of(ops.sinc(np.array([1.0, -2.0, 1e10]))).any()


def test_nan_to_num() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 1.5], np.float32)
    most = np.finfo(np.float32).max
    assert lg.nan_to_num(x).tolist() == [0.0, most, -most, 1.5]
    assert lg.nan_to_num(x, nan=2.0, posinf=3.0, neginf=4.0).tolist() == [2.0, 3.0, 4.0, 1.5]
    assert lg.nan_to_num(np.array([1, 2])).dtype is lg.float32


def test_operators() -> None:
    x = np.array([5, -7, 1], np.int32)
    t, v = lg.tensor(x), lg.Variable(x)
    for a in (t, v):
        assert (a << 2).tolist() == (x << 2).tolist()
        assert (a >> 1).tolist() == (x >> 1).tolist()
        assert (1 << lg.abs(a)).tolist() == (1 << np.abs(x)).tolist()
        assert (64 >> lg.abs(a)).tolist() == (64 >> np.abs(x)).tolist()
        for found, expected in zip(divmod(a, 3), np.divmod(x, 3), strict=True):
            assert found.tolist() == expected.tolist()
        for found, expected in zip(divmod(17, a), np.divmod(17, x), strict=True):
            assert found.tolist() == expected.tolist()
        assert (+a).tolist() == x.tolist()

    @lg.function
    def traced(a: Array) -> tuple[Array, ...]:
        return a << 2, 1 << lg.abs(a), a >> 40, a << -1, *divmod(a, 2), *divmod(9, a)

    quotients = (*np.divmod(x, 2), *np.divmod(9, x))
    wanted = (x << 2, 1 << np.abs(x), np.where(x < 0, -1, 0), 0 * x, *quotients)
    for found, expected in zip(traced(t), wanted, strict=True):
        assert found.tolist() == expected.tolist()


def test_what_is_refused() -> None:
    with pytest.raises(DTypeError, match=r"^positive: bool is not supported, it takes integers and floats"):
        lg.positive(lg.tensor([True]))
    with pytest.raises(DTypeError, match=r"^ldexp: the exponents are float32, and must be integers"):
        lg.ldexp(1.0, lg.tensor(2.0))
    with pytest.raises(DTypeError, match=r"^bitwise_left_shift: float32 is not supported, it takes integers"):
        lg.tensor(1.0) << 2
    with pytest.raises(DivisionError, match=r"^fmod: integer division by zero, in int32; divide floats"):
        lg.fmod(lg.tensor([1, 2]), 0)


def test_neighbours_of_every_half() -> None:
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    for limit in (np.inf, -np.inf, 0.0, -0.0):
        towards = np.full_like(every, limit)
        with np.errstate(all="ignore"):
            expected = np.where(every == towards, towards, np.nextafter(every, towards))
        found = lg.nextafter(every, towards).numpy()
        assert np.array_equal(found, expected, equal_nan=True)
        assert np.array_equal(np.signbit(found) | np.isnan(found), np.signbit(expected) | np.isnan(found))
    # The next bfloat16 is the one whose bit pattern is one more.
    patterns = np.arange(0x7F80, dtype=np.uint32)
    singles = (patterns << 16).view(np.float32)
    above = lg.nextafter(lg.astype(singles, lg.bfloat16), lg.astype(np.float32(np.inf), lg.bfloat16))
    assert np.array_equal(lg.astype(above, lg.float32).numpy().view(np.uint32) >> 16, patterns + 1)
