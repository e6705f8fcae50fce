"""The NumPy oracles that other tests stand on: order T8, the fused multiply-add, the evaluator of scalars."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from lithograph.ir import dtypes, scalar
from lithograph.ir.dtypes import DType
from lithograph.ir.fma import fma
from lithograph.ir.interpret_scalar import CheckFailed, evaluate
from lithograph.ir.maths import power
from lithograph.ir.ops.products import product_in_order
from lithograph.ir.reduction import sum_in_order
from lithograph.ir.scalar import Scalar
from lithograph.ir.types import Dim

F32, F64 = np.float32, np.float64
Float = type[np.float32] | type[np.float64]


def t8(x: list[np.floating]) -> np.floating:
    """Order T8, one number at a time, from the prose at the head of ir/reduction.py."""
    kind = type(x[0])
    partial = []
    for first in range(0, len(x), 65536):
        chunk = x[first : first + 65536]
        lanes = [kind(-0.0)] * 16
        for g in range(0, len(chunk), 128):
            for lane in range(16):
                rows = [
                    chunk[g + 16 * j + lane] if g + 16 * j + lane < len(chunk) else kind(-0.0)
                    for j in range(8)
                ]
                for half in (4, 2, 1):
                    rows = [rows[j] + rows[j + half] for j in range(half)]
                lanes[lane] = lanes[lane] + rows[0]
        for half in (8, 4, 2, 1):
            lanes = [lanes[i] + lanes[i + half] for i in range(half)]
        partial.append(lanes[0])
    while len(partial) > 1:
        pairs = [partial[i] + partial[i + 1] for i in range(0, len(partial) - 1, 2)]
        partial = pairs + partial[len(pairs) * 2 :]
    return partial[0]


@pytest.mark.parametrize("kind", [F32, F64])
@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 127, 128, 129, 300, 4000, 65536, 65537, 200001])
def test_sums_are_in_order_t8(kind: Float, n: int) -> None:
    x = (
        np.random.default_rng(n).standard_normal(n) * 10.0 ** np.random.default_rng(n).integers(-6, 6, n)
    ).astype(kind)
    assert sum_in_order(x, (0,)).tobytes() == t8(list(x)).tobytes()


def test_the_order_depends_on_the_length_alone() -> None:
    x = np.random.default_rng(0).standard_normal((3, 700, 4)).astype(F32)
    by_axis = sum_in_order(x, (1,))
    assert by_axis.shape == (3, 4)
    for i in range(3):
        for j in range(4):
            assert by_axis[i, j] == t8(list(x[i, :, j]))
    assert sum_in_order(x, (0, 2))[5] == t8(list(x[:, 5, :].reshape(-1)))
    assert sum_in_order(np.asfortranarray(x), (0, 1, 2)) == t8(list(x.reshape(-1)))


def test_signs_of_zero_sums() -> None:
    assert not np.signbit(sum_in_order(np.zeros((0,), F32), (0,)))
    assert np.signbit(sum_in_order(np.full((3,), -0.0, F32), (0,)))
    assert not np.signbit(sum_in_order(np.array([-0.0, 0.0], F32), (0,)))


def rounded_once(x: float, y: float, z: float, kind: Float) -> float:
    """x*y + z by rational arithmetic."""
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if exact == 0:
        return float(kind(x) * kind(y) + kind(z))
    try:
        wide = float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf
    if kind is F64:
        return wide
    # The nearest float32 is one of the three around the rounded value; ties go to the even one.
    with np.errstate(all="ignore"):
        near = F32(wide)
        options = [near, np.nextafter(near, F32(np.inf)), np.nextafter(near, F32(-np.inf))]
    finite = [o for o in options if np.isfinite(o)]
    if not np.isfinite(near):
        return float(near)
    return float(min(finite, key=lambda o: (abs(Fraction(float(o)) - exact), int(o.view(np.int32)) & 1)))


@pytest.mark.parametrize("kind", [F32, F64])
def test_fma_rounds_once(kind: Float) -> None:
    rng = np.random.default_rng(0)
    spread = 30 if kind is F32 else 300
    x, y, z = (rng.uniform(-1, 1, 3000) * 2.0 ** rng.integers(-spread, spread, 3000) for _ in range(3))
    x, y, z = x.astype(kind), y.astype(kind), z.astype(kind)
    # Cancellation, which one rounding and two tell apart most clearly.
    z[::2] = (-x * y)[::2]
    z[::3] *= kind(1 + 2.0**-20)
    found = fma(x, y, z)
    expected = [rounded_once(float(a), float(b), float(c), kind) for a, b, c in zip(x, y, z, strict=True)]
    assert np.array_equal(found, np.array(expected, kind))
    two = x * y + z
    assert np.sum(found != two) > 300


@pytest.mark.parametrize("kind", [F32, F64])
def test_fma_at_the_edges(kind: Float) -> None:
    info = np.finfo(kind)
    some = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        float(info.max),
        float(info.tiny),
        float(info.smallest_subnormal),
        np.inf,
        np.nan,
    ]
    grid = [v.reshape(-1) for v in np.meshgrid(some, some, some)]
    x, y, z = (v.astype(kind) for v in grid)
    found = fma(x, y, z)
    for a, b, c, f in zip(x, y, z, found, strict=True):
        if np.isfinite([a, b, c]).all():
            expected = kind(rounded_once(float(a), float(b), float(c), kind))
        else:
            expected = kind(c if np.isfinite(a) and np.isfinite(b) else float(a) * float(b) + float(c))
        assert (np.isnan(f) and np.isnan(expected)) or (
            f == expected and np.signbit(f) == np.signbit(expected)
        ), (a, b, c)


def test_a_product_is_one_chain() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((4, 50)).astype(F32), rng.standard_normal((50, 5)).astype(F32)
    found = product_in_order(a, b)
    for i in range(4):
        for j in range(5):
            acc = 0.0
            for k in range(50):
                acc = rounded_once(float(a[i, k]), float(b[k, j]), acc, F32)
            assert found[i, j] == F32(acc)


def test_products_with_few_elements_are_sums() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((1, 500)).astype(F32), rng.standard_normal((500, 3)).astype(F32)
    found = product_in_order(a, b)
    for j in range(3):
        assert found[0, j] == t8(list(a[0] * b[:, j]))


def test_long_products_are_cut_into_segments() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((4, 8200)).astype(F32), rng.standard_normal((8200, 4)).astype(F32)
    parts = product_in_order(a[:, :8192], b[:8192]) + product_in_order(a[:, 8192:], b[8192:])
    assert np.array_equal(product_in_order(a, b), parts)


def pair(dtype: DType, a: object, b: object) -> tuple[Scalar, Scalar, list[np.ndarray], list[np.ndarray]]:
    """Two operands as loads, and what `evaluate` needs to read them."""
    buffers = [np.array(a, dtype.numpy).reshape(-1), np.array(b, dtype.numpy).reshape(-1)]
    i = scalar.iteration(0)
    return scalar.load(dtype, 0, (i,)), scalar.load(dtype, 1, (i,)), [np.arange(buffers[0].size)], buffers


@pytest.mark.parametrize("dtype", [dtypes.int8, dtypes.int64], ids=str)
def test_integer_division_goes_towards_zero_and_never_traps(dtype: DType) -> None:
    least = int(np.iinfo(dtype.name).min)
    x, y, loops, buffers = pair(dtype, [7, -7, 7, -7, least, least], [2, 2, -2, -2, -1, 3])
    assert evaluate(scalar.binary("tdiv", x, y), loops, buffers).tolist() == [
        3,
        -3,
        -3,
        3,
        least,
        -(-least // 3),
    ]
    assert evaluate(scalar.binary("trem", x, y), loops, buffers).tolist() == [
        1,
        -1,
        1,
        -1,
        0,
        least + 3 * (-least // 3),
    ]


@pytest.mark.parametrize(
    ("prim", "expected"), [("shl", [2, 0, 0, 0]), ("lshr", [0, 0, 0, 0]), ("ashr", [0, 0, 0, 0])]
)
def test_shifts_of_the_width_or_more(prim: str, expected: list[int]) -> None:
    x, y, loops, buffers = pair(dtypes.int32, [1, 1, 1, 1], [1, 32, 33, -1])
    assert evaluate(scalar.binary(prim, x, y), loops, buffers).tolist() == expected


def test_arithmetic_shifts_keep_the_sign() -> None:
    x, y, loops, buffers = pair(dtypes.int32, [-8, -8, -8], [1, 31, 32])
    assert evaluate(scalar.binary("ashr", x, y), loops, buffers).tolist() == [-4, -1, -1]
    assert evaluate(scalar.binary("lshr", x, y), loops, buffers).tolist() == [2**31 - 4, 1, 0]


def test_extrema_order_zeros_and_spread_nan() -> None:
    x, y, loops, buffers = pair(dtypes.float32, [0.0, -0.0, np.nan, 1.0], [-0.0, 0.0, 1.0, np.nan])
    greatest = evaluate(scalar.binary("maximum", x, y), loops, buffers)
    least = evaluate(scalar.binary("minimum", x, y), loops, buffers)
    assert np.isnan(greatest[2:]).all()
    assert np.isnan(least[2:]).all()
    assert not np.signbit(greatest[:2]).any()
    assert np.signbit(least[:2]).all()


def test_casts_saturate_and_nan_gives_zero() -> None:
    x, _, loops, buffers = pair(dtypes.float64, [np.nan, 1e30, -1e30, 2.0**31 - 0.5, -1.9, np.inf], [0.0] * 6)
    found = evaluate(scalar.cast(x, dtypes.int32), loops, buffers).tolist()
    assert found == [0, 2**31 - 1, -(2**31), 2**31 - 1, -1, 2**31 - 1]


def test_a_failing_check_says_which_and_reports_the_first() -> None:
    x, y, loops, buffers = pair(dtypes.int64, [1, 2, 3], [1, 5, 7])
    checked = scalar.check(x, scalar.eq(x, y), 9, y)
    with pytest.raises(CheckFailed) as caught:
        evaluate(checked, loops, buffers)
    assert (caught.value.number, caught.value.report) == (9, 5)


def test_extents_and_symbols() -> None:
    expression = scalar.extent(Dim({"n": 2, "m": 1}, 3))
    assert evaluate(expression, sizes={"n": 10, "m": 4}) == 27


@pytest.mark.parametrize(("dtype", "bound"), [(dtypes.float32, 1.0), (dtypes.float64, 1.4)], ids=str)
def test_powers_are_within_their_bound(dtype: DType, bound: float) -> None:
    rng = np.random.default_rng(0)
    largest = 88 if dtype is dtypes.float32 else 708
    x = np.exp(rng.uniform(-largest, largest, 50_000)).astype(dtype.numpy)
    x[::3] = rng.uniform(0.5, 2, x[::3].size)
    y = (rng.uniform(-0.98, 0.98, x.size) * largest / np.log(x.astype(np.float64))).astype(dtype.numpy)
    y[::7] = rng.integers(-9, 9, y[::7].size)
    x[::5] *= -1
    a, b, loops, buffers = pair(dtype, x, y)
    found = evaluate(power(a, b), loops, buffers)
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    normal = np.isfinite(exact) & (np.abs(exact) > float(np.finfo(dtype.name).tiny))
    normal &= np.abs(exact) < float(np.finfo(dtype.name).max)
    assert normal.sum() > 30_000
    unit = np.spacing(np.abs(exact[normal]).astype(dtype.numpy)).astype(np.longdouble)
    assert np.max(np.abs(found[normal] - exact[normal]) / unit) <= bound
    assert np.array_equal(np.isnan(found), np.isnan(exact))


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64], ids=str)
def test_special_powers(dtype: DType) -> None:
    some = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        -2.0,
        3.0,
        -3.0,
        0.5,
        -0.5,
        2.5,
        -2.5,
        np.inf,
        -np.inf,
        np.nan,
        1e30,
        -1e30,
    ]
    x, y = (v.reshape(-1).astype(dtype.numpy) for v in np.meshgrid(some, some))
    a, b, loops, buffers = pair(dtype, x, y)
    found = evaluate(power(a, b), loops, buffers)
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    special = ~np.isfinite(expected) | (expected == 0) | (np.abs(expected) == 1)
    assert special.sum() > 150
    assert np.array_equal(found[special], expected[special], equal_nan=True)
    assert np.array_equal(
        np.signbit(found[special & ~np.isnan(expected)]), np.signbit(expected[special & ~np.isnan(expected)])
    )
