"""Half precision: every value there and back, rounding once to nearest even, sums and means that round at the end."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable

import ml_dtypes
import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes, scalar
from lithograph.ir.dtypes import DType
from lithograph.ir.storage import convert, held, readable, widened

HALVES = (dtypes.float16, dtypes.bfloat16)
OTHERS = {"float16": np.dtype(np.float16), "bfloat16": np.dtype(ml_dtypes.bfloat16)}
EVERY = np.arange(1 << 16, dtype=np.uint16)


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal values and signs of zero; a NaN equals any NaN."""
    a, b = widened(held(found)), widened(held(expected))
    np.testing.assert_array_equal(a, b)
    real = ~np.isnan(b)
    np.testing.assert_array_equal(np.signbit(a)[real], np.signbit(b)[real])


def every(dtype: DType) -> np.ndarray:
    return EVERY.view(dtype.numpy)


def awkward(count: int = 20000) -> np.ndarray:
    """float32 of all magnitudes; many lie half way between two halves, or next to that."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 1 << 32, count, np.uint32)
    for kept, lost in ((13, 12), (16, 15)):
        ties = (rng.integers(0, 1 << 32, count, np.uint32) >> np.uint32(kept)) << np.uint32(kept)
        ties |= np.uint32(1 << lost)
        bits = np.concatenate([bits, ties, ties + np.uint32(1), ties - np.uint32(1)])
    small = rng.uniform(-(2.0**-13), 2.0**-13, count).astype(np.float32)
    top = (65504 + rng.uniform(-64, 64, count)).astype(np.float32)
    return np.concatenate([bits.view(np.float32), small, top, np.array([65519.996, 65520, 3.3961775e38], np.float32)])


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_every_value_there_and_back(dtype: DType) -> None:
    x = every(dtype)
    with np.errstate(invalid="ignore"):
        wide = EVERY.view(OTHERS[dtype.name]).astype(np.float32)
        same(convert(wide, dtype), x)
    same(widened(x), wide)
    tensor = lg.tensor(EVERY.view(OTHERS[dtype.name]))
    assert tensor.dtype is dtype
    same(tensor.astype(lg.float32).numpy(), wide)
    same(lg.tensor(wide).astype(dtype).numpy(), x)
    same(lg.function(lambda t: t.astype(lg.float64))(tensor).numpy(), wide.astype(np.float64))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_float32_is_rounded_as_others_round_it(dtype: DType) -> None:
    x = awkward()
    with np.errstate(all="ignore"):
        expected = x.astype(OTHERS[dtype.name])
    same(convert(x, dtype), expected)
    same(lg.tensor(x).astype(dtype).numpy(), expected)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_wider_numbers_are_rounded_once(dtype: DType) -> None:
    """Just above and below the middle of two neighbours; by way of float32 each would become the middle first."""
    x = readable(widened(every(dtype)[1:0x7000:37])).astype(np.float64)
    gap = np.abs(np.roll(x, -1) - x)[:-1]
    step = 2.0 ** (-10 if dtype is dtypes.float16 else -7)
    unit = np.ldexp(step, np.frexp(x[:-1])[1] - 1)
    assert gap.size
    for off in (1e-12, -1e-12):
        middle = (x[:-1] + unit / 2) * (1 + off)
        normal = x[:-1] >= (2.0**-14 if dtype is dtypes.float16 else 2.0**-126)
        expected = np.where(off > 0, x[:-1] + unit, x[:-1])[normal]
        same(convert(middle[normal], dtype), convert(expected.astype(np.float32), dtype))
        same(lg.tensor(middle[normal]).astype(dtype).numpy(), convert(expected.astype(np.float32), dtype))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("of", [dtypes.int32, dtypes.uint32, dtypes.int64, dtypes.uint64, dtypes.int8, dtypes.bool_])
def test_integers_are_rounded_once(dtype: DType, of: DType) -> None:
    rng = np.random.default_rng(1)
    limits = np.iinfo(of.name) if of is not dtypes.bool_ else np.iinfo(np.uint8)
    powers = [p for k in range(limits.bits) for p in (1 << k,) if p <= limits.max]
    some = [p + q + r for p in powers for q in (p >> 8, p >> 11, 3 * p >> 8) for r in (-1, 0, 1)]
    some += [limits.max, limits.min, *[int(v) for v in rng.integers(0, limits.max, 100, np.uint64)]]
    signed = [s for v in some for s in (v, -v) if limits.min <= s <= limits.max]
    x = np.array(signed, of.numpy)
    found = lg.tensor(x).astype(dtype).numpy()
    same(found, convert(x, dtype))
    exact = [int(v) for v in x]
    digits = 11 if dtype is dtypes.float16 else 8
    for v, given in zip(exact, widened(held(found)).tolist(), strict=True):
        shift = max(abs(v).bit_length() - digits, 0)
        low, rest = divmod(abs(v), 1 << shift)
        half = 1 << shift >> 1
        up = shift and (rest > half or (rest == half and low % 2))
        value = float((low + bool(up)) << shift)
        most = 65504.0 if dtype is dtypes.float16 else 255 * 2.0**120
        assert abs(given) == (value if value <= most else np.inf), v


def test_reductions_round_at_the_end() -> None:
    x = lg.full((3000,), 60000, dtype=lg.float16)
    assert lg.mean(x).item() == 60000.0
    assert lg.sum(x).item() == float("inf")
    ones = lg.ones((4097,), dtype=lg.bfloat16)
    assert lg.sum(ones).item() == 4096.0
    assert lg.function(lg.sum)(lg.ones((300_000,), dtype=lg.bfloat16)).item() == widened(
        convert(np.array([300000.0]), dtypes.bfloat16)
    )
    y = lg.tensor(np.linspace(-1, 3, 50), dtype=lg.float16)
    assert lg.var(y).item() == float(np.var(y.numpy().astype(np.float32)).astype(np.float16))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_products_are_those_of_float32_rounded_once(dtype: DType) -> None:
    rng = np.random.default_rng(2)
    a, b = (lg.tensor(rng.standard_normal(s), dtype=dtype) for s in ((17, 40), (40, 9)))
    expected = (a.astype(lg.float32) @ b.astype(lg.float32)).astype(dtype)
    same((a @ b).numpy(), expected.numpy())
    same(lg.function(lambda a, b: a @ b)(a, b).numpy(), expected.numpy())


CALLS: list[Callable[[lg.Array], lg.Array]] = [
    lambda x: lg.exp(x) * 2 + x,
    lambda x: lg.where(x > 0, x, x * 0.1),
    lambda x: lg.max(x, axis=0) + lg.min(x, axis=1, keepdims=True),
    lambda x: lg.cumulative_sum(x, axis=1),
    lambda x: lg.take(x, lg.tensor([2, 0]), axis=1),
    lg.softmax,
    lambda x: lg.concat([x, x[::-1]], axis=0).T,
    lambda x: lg.sort(x, axis=1),
]


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("call", CALLS)
def test_compiled_is_eager(call: Callable[[lg.Array], lg.Array], dtype: DType) -> None:
    x = lg.tensor(np.random.default_rng(3).standard_normal((5, 7)), dtype=dtype)
    eager, compiled = call(x), lg.function(call)(x)
    assert eager.dtype is compiled.dtype is dtype
    same(compiled.numpy(), eager.numpy())
    slopes = lg.grad(lambda x: lg.sum(call(x)))
    same(lg.function(slopes)(x).numpy(), slopes(x).numpy())


def test_a_tensor_needs_ml_dtypes_for_its_ndarray_only(monkeypatch: pytest.MonkeyPatch) -> None:
    x = lg.tensor([1.5, 2.7, -0.1], dtype=lg.bfloat16)
    assert x.numpy().dtype == ml_dtypes.bfloat16 and np.asarray(x).dtype == ml_dtypes.bfloat16
    assert not x.numpy().flags.writeable
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    assert x.tolist() == [1.5, 2.703125, -0.10009765625] and x[1].item() == 2.703125
    assert repr(x) == "tensor([ 1.5       ,  2.703125  , -0.10009766], dtype=bfloat16)"
    assert x.astype(lg.float32).numpy().tolist() == x.tolist() == np.asarray(x, np.float32).tolist()
    assert pickle.loads(pickle.dumps(x)).tolist() == x.tolist()
    assert lg.Variable(x).tolist() == x.tolist()
    text = lg.function(lambda x: x + 0.3).ir(x, stage="traced")
    assert "constant(value=bfloat16[](0.30078125)" in text
    for call in (x.numpy, lambda: np.asarray(x), lg.Variable(x).numpy):
        with pytest.raises(lg.MissingExtra) as caught:
            call()
        assert str(caught.value).splitlines()[0] == (
            "NumPy has no bfloat16: for an array of it install ml_dtypes, as `pip install 'lithograph[bfloat16]'` "
            "does, or convert with astype(float32) first"
        )


def test_arrays_of_ml_dtypes_are_taken_everywhere() -> None:
    a = np.array([1, 2.5, -3], ml_dtypes.bfloat16)
    x = lg.tensor(a)
    f = lg.function(lambda x, y: lg.exp(x) + y)
    for found in (lg.exp(a) + a, f(a, a), f(x, a), f(a, a), lg.asarray(a, copy=True).exp() + a[:]):
        assert found.dtype is lg.bfloat16
        same(found.numpy(), (lg.exp(x) + x).numpy())
    assert (x + a[1]).tolist() == [3.5, 5.0, -0.5]
    assert lg.bfloat16 == a.dtype and lg.tensor([1.0], dtype=a.dtype).dtype is lg.bfloat16


def test_the_private_dtype_is_no_number() -> None:
    raw = np.zeros(2, dtypes.bfloat16.numpy)
    for wrong in (lambda: raw + 1, lambda: raw.astype(np.float32), lambda: np.isnan(raw), lambda: raw == np.uint16(0)):
        with pytest.raises((TypeError, ValueError)):
            wrong()


def test_casts_in_bodies_may_be_nested() -> None:
    x = scalar.load(dtypes.bfloat16, 0, ())
    assert scalar.cast(scalar.cast(x, dtypes.float32), dtypes.float32) is scalar.cast(x, dtypes.float32)
