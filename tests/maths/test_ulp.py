"""The elementary functions keep their stated error bounds and IEEE's special values, at every vector
width."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from lithograph.ir import dtypes, maths, scalar
from lithograph.ir.dtypes import DType
from lithograph.ir.interpret_scalar import evaluate
from tests.maths.evaluate import Elementwise, bits, edges

# Bounds in ULP (float32, float64), as the docstrings state them.
BOUNDS: dict[str, tuple[float, float]] = {
    "exp": (1.1, 1.1),
    "expm1": (1.9, 1.9),
    "log": (1.0, 1.0),
    "log1p": (1.5, 1.5),
    "tanh": (2.1, 2.1),
    "sigmoid": (2.5, 2.5),
    "erf": (1.1, 1.1),
    "sin": (1.9, 1.9),
    "cos": (1.9, 1.9),
}
# Where the function is neither flat nor infinite; sampled evenly besides random bit patterns.
RANGES: dict[str, tuple[float, float]] = {
    "exp": (-104.0, 89.0),
    "expm1": (-20.0, 89.0),
    "log": (0.5, 2.0),
    "log1p": (-1.0, 1.0),
    "tanh": (-10.0, 10.0),
    "sigmoid": (-104.0, 20.0),
    "erf": (-6.0, 6.0),
    "sin": (-400.0, 400.0),
    "cos": (-400.0, 400.0),
}
DTYPES = (dtypes.float32, dtypes.float64)
_HAS_EXTENDED = np.finfo(np.longdouble).nmant >= 63


def _sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, e, 1) / (1 + e))


def _erf(x: np.ndarray) -> np.ndarray:
    return np.fromiter(map(math.erf, x), np.float64, x.size)


WIDER: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh, "sigmoid": _sigmoid,
    "erf": _erf, "sin": np.sin, "cos": np.cos,
}  # fmt: skip
EXACT: dict[str, Callable[[mpmath.mpf], mpmath.mpf]] = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "log": mpmath.log, "log1p": mpmath.log1p, "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "erf": mpmath.erf, "sin": mpmath.sin, "cos": mpmath.cos,
}  # fmt: skip


def _samples(name: str, dtype: DType, count: int) -> np.ndarray:
    rng = np.random.default_rng(11)
    patterns = rng.integers(0, 1 << dtype.bits, count, dtype=f"u{dtype.itemsize}").view(dtype.numpy)
    low, high = RANGES[name]
    if dtype is dtypes.float64 and name in ("exp", "expm1", "sigmoid"):
        low, high = low * 7.2, high * 7.9
    even = rng.uniform(low, high, count // 2)
    near = rng.standard_normal(count // 4)
    around = np.arange(-2000, 2000) * (math.pi / 2)
    return np.concatenate([patterns, edges(dtype), *(a.astype(dtype.numpy) for a in (even, near, around))])


def _errors(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distance in ULP of the exact result, infinite where one is special and the other is not."""
    info = np.finfo(got.dtype)
    rounded = exact.astype(got.dtype)
    exponent = np.maximum(np.frexp(exact)[1] - 1, info.minexp)
    error = np.abs((got.astype(exact.dtype) - exact) / np.ldexp(exact.dtype.type(1), exponent - info.nmant))
    special = ~np.isfinite(rounded)
    agree = (rounded == got) | (np.isnan(rounded) & np.isnan(got))
    # A result that should be infinite, or be finite, and is not, has no distance.
    return np.where(special | ~np.isfinite(got), np.where(agree, 0.0, np.inf), error)


def _worst(name: str, x: np.ndarray, got: np.ndarray, exact: np.ndarray, bound: float) -> None:
    with np.errstate(all="ignore"):
        error = _errors(got, exact)
    worst = int(np.argmax(error))
    where = f"{name}({x[worst]!r}) is {got[worst]!r}, exactly {exact[worst]!r}"
    assert error[worst] <= bound, f"{error[worst]:.3f} ULP > {bound}: {where}"


@pytest.mark.parametrize("name", BOUNDS)
def test_float32_against_float64(name: str, deep: bool) -> None:
    count = 40_000_000 if deep and name != "erf" else 400_000 if name == "erf" else 2_000_000
    x = _samples(name, dtypes.float32, count)
    got = Elementwise(getattr(maths, name), dtypes.float32, lanes=16)(x)
    with np.errstate(all="ignore"):
        exact = WIDER[name](x.astype(np.float64))
    _worst(name, x, got, exact, BOUNDS[name][0])


@pytest.mark.skipif(not _HAS_EXTENDED, reason="long double is no wider than double here")
@pytest.mark.parametrize("name", [n for n in BOUNDS if n != "erf"])
def test_float64_against_extended_precision(name: str, deep: bool) -> None:
    x = _samples(name, dtypes.float64, 5_000_000 if deep else 400_000)
    got = Elementwise(getattr(maths, name), dtypes.float64, lanes=8)(x)
    with np.errstate(all="ignore"):
        exact = WIDER[name](x.astype(np.longdouble))
    _worst(name, x, got, exact, BOUNDS[name][1])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", BOUNDS)
def test_against_many_digits(name: str, dtype: DType, deep: bool) -> None:
    x = _samples(name, dtype, 40_000 if deep else 1_200)[: 100_000 if deep else 3_000]
    x = x[np.isfinite(x)]
    if name in ("log", "log1p"):
        x = x[x > (0 if name == "log" else -1)]
    if name in ("exp", "expm1", "sigmoid"):
        x = x[np.abs(x) < 1e4]
    got = Elementwise(getattr(maths, name), dtype, lanes=8)(x)
    bound = BOUNDS[name][dtype is dtypes.float64]
    info = np.finfo(dtype.name)
    # The largest arguments of sin need their 1,024 bits before the point and as many after it as the result.
    with mpmath.workprec(1300 if name in ("sin", "cos") else 200):
        for a, b in zip(x, got, strict=True):
            exact = EXACT[name](mpmath.mpf(float(a)))
            if abs(exact) > info.max:
                assert np.isinf(b) or b == info.max
                continue
            exponent = max(mpmath.frexp(exact)[1] - 1, info.minexp) if exact else info.minexp
            error = abs(mpmath.mpf(float(b)) - exact) / mpmath.ldexp(1, int(exponent) - info.nmant)
            assert error <= bound, f"{name}({a!r}) is {b!r}: {float(error):.3f} ULP"


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", BOUNDS)
def test_every_width_and_the_interpreter_agree_bit_for_bit(name: str, dtype: DType) -> None:
    meaning = getattr(maths, name)
    x = _samples(name, dtype, 20_000)
    scalars = bits(Elementwise(meaning, dtype, lanes=0)(x))
    for lanes in (8, 16):
        assert np.array_equal(bits(Elementwise(meaning, dtype, lanes=lanes)(x)), scalars)
    few = np.concatenate([x[:200], x[-4300::17], edges(dtype)])
    wanted = bits(Elementwise(meaning, dtype, lanes=0)(few))
    root = meaning(scalar.load(dtype, 0, (scalar.iteration(0),)))
    assert np.array_equal(bits(evaluate(root, [np.arange(few.size)], [few])), wanted)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_special_values(dtype: DType) -> None:
    inf, nan = math.inf, math.nan
    table: dict[str, list[tuple[float, float]]] = {
        "exp": [(-inf, 0.0), (inf, inf), (0.0, 1.0), (-0.0, 1.0), (-1e30, 0.0), (1e30, inf), (nan, nan)],
        "expm1": [(-inf, -1.0), (inf, inf), (0.0, 0.0), (-0.0, -0.0), (nan, nan)],
        "log": [(0.0, -inf), (-0.0, -inf), (-1.0, nan), (-inf, nan), (inf, inf), (1.0, 0.0), (nan, nan)],
        "log1p": [(-1.0, -inf), (-2.0, nan), (-inf, nan), (inf, inf), (0.0, 0.0), (-0.0, -0.0), (nan, nan)],
        "tanh": [(-inf, -1.0), (inf, 1.0), (0.0, 0.0), (-0.0, -0.0), (nan, nan)],
        "sigmoid": [(-inf, 0.0), (inf, 1.0), (0.0, 0.5), (-0.0, 0.5), (nan, nan)],
        "erf": [(-inf, -1.0), (inf, 1.0), (0.0, 0.0), (-0.0, -0.0), (nan, nan)],
        "sin": [(-inf, nan), (inf, nan), (0.0, 0.0), (-0.0, -0.0), (nan, nan)],
        "cos": [(-inf, nan), (inf, nan), (0.0, 1.0), (-0.0, 1.0), (nan, nan)],
    }
    assert set(table) == set(BOUNDS)
    for name, rows in table.items():
        x, want = (np.array(column, dtype.numpy) for column in zip(*rows, strict=True))
        for lanes in (0, 16):
            got = Elementwise(getattr(maths, name), dtype, lanes=lanes)(x)
            assert np.array_equal(bits(got), bits(want)), (name, lanes, got)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_symmetry_and_range(dtype: DType) -> None:
    for name in ("tanh", "erf", "sin", "cos"):
        function = Elementwise(getattr(maths, name), dtype, lanes=16)
        x = _samples(name, dtype, 200_000)
        right, left = function(x), function(-x)
        assert np.array_equal(bits(left), bits(right if name == "cos" else -right)), name
        assert np.all((np.abs(right) <= 1) | np.isnan(right)), name


def _pairs(dtype: DType, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bases and exponents whose powers are mostly finite: wide, and close to 1 with large exponents."""
    rng = np.random.default_rng(5)
    most = 88.0 if dtype is dtypes.float32 else 709.0
    logs = np.concatenate([rng.uniform(-5, 5, count), rng.uniform(-most, most, count)])
    logs = np.concatenate([logs, np.exp(rng.uniform(-16, 0, count)) * rng.choice([-1, 1], count)])
    x = np.exp(logs)
    y = rng.uniform(-1.05, 1.05, x.size) * most / np.maximum(np.abs(logs), 1e-30)
    return x.astype(dtype.numpy), y.astype(dtype.numpy)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_power_against_a_wider_type(dtype: DType, deep: bool) -> None:
    if dtype is dtypes.float64 and not _HAS_EXTENDED:
        pytest.skip("long double is no wider than double here")
    x, y = _pairs(dtype, 2_000_000 if deep else 200_000)
    wide = np.float64 if dtype is dtypes.float32 else np.longdouble
    got = Elementwise(maths.power, dtype, dtype, lanes=16)(x, y)
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(wide), y.astype(wide))
        error = _errors(got, exact)
    worst = int(np.argmax(error))
    bound = 0.6 if dtype is dtypes.float32 else 1.4
    assert error[worst] <= bound, f"{error[worst]:.3f} ULP: {x[worst]!r} ** {y[worst]!r} is {got[worst]!r}"


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_power_of_special_values_is_the_c_librarys(dtype: DType) -> None:
    few = [
        0.0,
        1.0,
        2.0,
        3.0,
        4.0,
        0.5,
        1.5,
        5.0,
        1e-40,
        1e30,
        2.5,
        16777215.0,
        16777216.0,
        8388607.5,
        math.inf,
    ]
    values = np.array([*few, *[-v for v in few], math.nan], dtype.numpy)
    x, y = (g.ravel() for g in np.meshgrid(values, np.concatenate([values, edges(dtype)])))
    x, y = np.concatenate([x, y]), np.concatenate([y, x])
    with np.errstate(all="ignore"):
        want = np.float_power(x, y).astype(dtype.numpy)
    finite = np.isfinite(want) & (want != 0)
    for lanes in (0, 8, 16):
        got = Elementwise(maths.power, dtype, dtype, lanes=lanes)(x, y)
        with np.errstate(invalid="ignore"):
            near = np.abs(got - want) <= 2 * np.spacing(np.abs(want))
        wrong = np.where(finite, ~near, bits(got) != bits(want))
        first = np.flatnonzero(wrong)[:1]
        assert not first.size, f"{x[first]} ** {y[first]} is {got[first]}, not {want[first]}"
