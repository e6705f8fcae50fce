"""Rows that state an error bound keep it, at every vector width; what is tried here is made from the rows."""

from __future__ import annotations

import math
from types import CodeType

import mpmath
import numpy as np
import pytest

from lithograph.ir import dtypes, maths, scalar
from lithograph.ir.dtypes import DType
from lithograph.ir.interpret_scalar import evaluate
from lithograph.ir.op import Accuracy, Op, Pointwise
from lithograph.ir.registry import OPS
from tests.maths.evaluate import Elementwise, bits, edges

DTYPES = (dtypes.float32, dtypes.float64)
ROWS = [op for op in OPS.values() if op.accuracy is not None and op.accuracy.exact]
BOUNDED = [op for op in ROWS if op.accuracy and (op.accuracy.symmetry or op.accuracy.within[1] < math.inf)]
_HAS_EXTENDED = np.finfo(np.longdouble).nmant >= 63


def _named(op: Op) -> str:
    return op.name


def _accuracy(op: Op) -> Accuracy:
    assert op.accuracy is not None
    return op.accuracy


def _bound(op: Op, dtype: DType) -> float:
    return _accuracy(op).float32 if dtype is dtypes.float32 else _accuracy(op).float64


def _arity(op: Op) -> int:
    assert op.samples is not None
    return len(op.samples(np.random.default_rng(0), dtypes.float32)[0][0])


def _compiled(op: Op, dtype: DType, lanes: int) -> Elementwise:
    assert isinstance(op.lowering, Pointwise)
    return Elementwise(op.lowering.body, *[dtype] * _arity(op), lanes=lanes)


def _numbers(op: Op, dtype: DType, count: int) -> tuple[np.ndarray, ...]:
    """Operands: random bit patterns, even ones where the row says, some near 1, some near zeros of sines; edges."""
    rng = np.random.default_rng(11)
    accuracy, arity = _accuracy(op), _arity(op)
    low, high = accuracy.between64 or accuracy.between if dtype is dtypes.float64 else accuracy.between
    special = [x.ravel() for x in np.meshgrid(*[edges(dtype)] * arity)]
    found = []
    for k in range(arity):
        patterns = rng.integers(0, 1 << dtype.bits, count, dtype=f"u{dtype.itemsize}").view(dtype.numpy)
        even = rng.uniform(low, high, count // 2)
        near = rng.standard_normal(count // 4)
        around = rng.permutation(np.arange(-1000, 1000)) * (math.pi / 2)
        parts = [patterns, special[k], *(a.astype(dtype.numpy) for a in (even, near, around))]
        found.append(np.concatenate(parts))
    if accuracy.draw is None:
        return tuple(found)
    drawn = accuracy.draw(rng, dtype, 2 * count)
    return tuple([np.concatenate(pair) for pair in zip(drawn, found, strict=True)])


def _errors(got: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Distance in ULP of the exact result, infinite where one is special and the other is not."""
    info = np.finfo(got.dtype)
    rounded = exact.astype(got.dtype)
    exponent = np.where(exact == 0, info.minexp, np.maximum(np.frexp(exact)[1] - 1, info.minexp))
    error = np.abs((got.astype(exact.dtype) - exact) / np.ldexp(exact.dtype.type(1), exponent - info.nmant))
    special = ~np.isfinite(rounded)
    agree = (rounded == got) | (np.isnan(rounded) & np.isnan(got))
    # A result that should be infinite, or be finite, and is not, has no distance.
    return np.where(special | ~np.isfinite(got), np.where(agree, 0.0, np.inf), error)


def _hold(op: Op, dtype: DType, count: int, wide: type[np.floating]) -> None:
    """The row's bound against its function in a wider format, where NumPy has it in that format."""
    wider = _accuracy(op).wider
    assert wider is not None
    x = _numbers(op, dtype, count)
    if len(x) > 1:
        # powl of glibc 2.36 to 2.41 is wrong at infinity; special values are compared with the reference elsewhere.
        x = tuple([a[np.all(np.isfinite(x), axis=0)] for a in x])
    got = _compiled(op, dtype, 64 // dtype.itemsize)(*x)
    with np.errstate(all="ignore"):
        exact = wider(*[a.astype(wide) for a in x])
        error = _errors(got, exact)
    worst = int(np.argmax(error))
    where = f"{op.name}({[a[worst] for a in x]}) is {got[worst]!r}, exactly {exact[worst]!r}"
    assert error[worst] <= _bound(op, dtype), f"{error[worst]:.3f} ULP > {_bound(op, dtype)}: {where}"


def _is_slow(op: Op) -> bool:
    """Whether the wider function is one of Python's for single numbers."""
    wider = _accuracy(op).wider
    assert wider is not None
    with np.errstate(all="ignore"):
        return wider(*[np.ones(1, np.longdouble)] * _arity(op)).dtype != np.longdouble


@pytest.mark.parametrize("op", ROWS, ids=_named)
def test_float32_against_float64(op: Op, deep: bool) -> None:
    count = 40_000_000 if deep else 1_000_000
    _hold(op, dtypes.float32, count // (100 if _is_slow(op) else 1), np.float64)


@pytest.mark.skipif(not _HAS_EXTENDED, reason="long double is no wider than double here")
@pytest.mark.parametrize("op", [op for op in ROWS if not _is_slow(op)], ids=_named)
def test_float64_against_extended_precision(op: Op, deep: bool) -> None:
    _hold(op, dtypes.float64, 5_000_000 if deep else 200_000, np.longdouble)


def _exactly(meaning: CodeType, x: tuple[np.floating, ...]) -> mpmath.mpf | None:
    """The value at 200 bits; NaN where it is not real, None where there is none, or none that can be computed."""
    if len(x) > 1 and any(a == 0 and np.signbit(a) for a in x):
        return None  # mpmath has no -0, which tells the sides of an axis
    try:
        value = eval(meaning, vars(mpmath) | dict(zip("xy", [mpmath.mpf(float(a)) for a in x], strict=False)))
    except (ValueError, OverflowError, ZeroDivisionError):
        return None
    return mpmath.nan if isinstance(value, mpmath.mpc) else value


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("op", ROWS, ids=_named)
def test_against_many_digits(op: Op, dtype: DType, deep: bool) -> None:
    x = _numbers(op, dtype, 20_000 if deep else 400)
    few = [a[np.all(np.isfinite(x), axis=0)][: 50_000 if deep else 1_200] for a in x]
    got = _compiled(op, dtype, 8)(*few)
    meaning = compile(_accuracy(op).exact, op.name, "eval")
    bound, info = _bound(op, dtype), np.finfo(dtype.name)
    compared = 0
    with mpmath.workprec(200):
        for operands, y in zip(zip(*few, strict=True), got, strict=True):
            exact = _exactly(meaning, operands)
            if exact is None:
                continue
            compared += 1
            if mpmath.isnan(exact):
                assert np.isnan(y), f"{op.name}{operands} is {y!r}"
                continue
            if abs(exact) > info.max:
                assert np.isinf(y) or abs(y) == info.max, f"{op.name}{operands} is {y!r}"
                continue
            exponent = max(mpmath.frexp(exact)[1] - 1, info.minexp) if exact else info.minexp
            error = abs(mpmath.mpf(float(y)) - exact) / mpmath.ldexp(1, int(exponent) - info.nmant)
            assert error <= bound, f"{op.name}{operands} is {y!r}: {float(error):.3f} ULP"
    assert compared > few[0].size // 4


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("op", ROWS, ids=_named)
def test_every_width_and_the_interpreter_agree_bit_for_bit(op: Op, dtype: DType) -> None:
    assert isinstance(op.lowering, Pointwise)
    x = _numbers(op, dtype, 5_000)
    scalars = bits(_compiled(op, dtype, 0)(*x))
    for lanes in (8, 16):
        assert np.array_equal(bits(_compiled(op, dtype, lanes)(*x)), scalars)
    few = [a[::17] for a in x]
    root = op.lowering.body(*[scalar.load(dtype, k, (scalar.iteration(0),)) for k in range(len(few))])
    assert np.array_equal(bits(evaluate(root, [np.arange(few[0].size)], few)), scalars[::17])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("op", BOUNDED, ids=_named)
def test_symmetry_and_range(op: Op, dtype: DType) -> None:
    function, accuracy = _compiled(op, dtype, 16), _accuracy(op)
    x = _numbers(op, dtype, 100_000)
    right = function(*x)
    low, high = (dtype.numpy.type(limit) for limit in accuracy.within)
    assert np.all((right >= low) & (right <= high) | np.isnan(right))
    if accuracy.symmetry:
        mirrored = bits(function(*[-a for a in x]))
        assert np.array_equal(mirrored, bits(right if accuracy.symmetry == "even" else -right))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_power_of_special_values_is_the_c_librarys(dtype: DType) -> None:
    few = [
        *(0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 1.5, 5.0, 1e-40, 1e30, 2.5),
        *(16777215.0, 16777216.0, 8388607.5, math.inf),
    ]
    values = np.array([*few, *[-v for v in few], math.nan], dtype.numpy)
    x, y = (g.ravel() for g in np.meshgrid(values, np.concatenate([values, edges(dtype)])))
    x, y = np.concatenate([x, y]), np.concatenate([y, x])
    with np.errstate(all="ignore"):
        want = np.float_power(x, y).astype(dtype.numpy)
    finite = np.isfinite(want) & (want != 0)
    for lanes in (0, 8, 16):
        got = Elementwise(maths.power, dtype, dtype, lanes=lanes)(x, y)
        with np.errstate(all="ignore"):
            near = np.abs(got - want) <= 2 * np.spacing(np.abs(want))
        wrong = np.where(finite, ~near, bits(got) != bits(want))
        first = np.flatnonzero(wrong)[:1]
        assert not first.size, f"{x[first]} ** {y[first]} is {got[first]}, not {want[first]}"
