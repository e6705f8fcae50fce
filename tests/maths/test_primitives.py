"""Each scalar primitive at each dtype and vector width has NumPy's bits where arithmetic is special."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lithograph.codegen.body import Body
from lithograph.codegen.instructions import PRIMITIVES, emit
from lithograph.ir import dtypes, scalar
from lithograph.ir.dtypes import DType
from lithograph.ir.interpret_scalar import evaluate
from lithograph.ir.scalar import Scalar
from lithograph.ir.storage import convert
from tests.maths.evaluate import Elementwise, bits, edges

LANES = (0, 8, 16)
FLOATS = (dtypes.float32, dtypes.float64)
INTEGERS = tuple(d for d in dtypes.ALL if d.is_integer)
PLAIN = tuple(d for d in dtypes.ALL if d.plain)
REAL = tuple(d for d in dtypes.ALL if not d.is_complex)
Reference = Callable[..., np.ndarray]


def _minimum(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind != "f":
        return np.asarray(np.minimum(x, y))
    tied = np.where(np.signbit(x), x, y)
    return np.asarray(np.where(x == y, tied, np.minimum(x, y)))


def _maximum(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind != "f":
        return np.asarray(np.maximum(x, y))
    tied = np.where(np.signbit(x), y, x)
    return np.asarray(np.where(x == y, tied, np.maximum(x, y)))


def _towards_zero(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Python's integers; by zero the emitted code's choice, x."""
    out = [
        int(a) if b == 0 else abs(int(a)) // abs(int(b)) * (1 if (a < 0) == (b < 0) else -1)
        for a, b in zip(x, y, strict=True)
    ]
    return np.array([_wrap(v, x.dtype) for v in out], x.dtype)


def _remainder(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    out = [
        0 if b == 0 else abs(int(a)) % abs(int(b)) * (-1 if a < 0 else 1) for a, b in zip(x, y, strict=True)
    ]
    return np.array(out, x.dtype)


def _wrap(value: int, dtype: np.dtype) -> int:
    width = dtype.itemsize * 8
    value &= (1 << width) - 1
    return value - (1 << width) if dtype.kind == "i" and value >> (width - 1) else value


def _shifted(rule: Callable[[int, int], int]) -> Reference:
    def apply(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        width = x.dtype.itemsize * 8
        amounts = [int(b) if 0 <= b < width else width for b in y]
        return np.array([_wrap(rule(int(a), b), x.dtype) for a, b in zip(x, amounts, strict=True)], x.dtype)

    return apply


def _lshr(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    mask = (1 << x.dtype.itemsize * 8) - 1
    return _shifted(lambda a, b: (a & mask) >> b)(x, y)


def _ashr(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The highest bit is copied, whether the dtype calls it a sign or not."""
    signed = f"i{x.dtype.itemsize}"
    return _shifted(lambda a, b: a >> b)(x.view(signed), y.view(signed)).view(x.dtype)


REFERENCES: dict[str, tuple[int, str, Reference]] = {
    "add": (2, "iuf", np.add), "sub": (2, "iuf", np.subtract), "mul": (2, "iuf", np.multiply),
    "neg": (1, "iuf", np.negative), "div": (2, "f", np.divide), "sqrt": (1, "f", np.sqrt),
    "floor": (1, "f", np.floor), "ceil": (1, "f", np.ceil), "trunc": (1, "f", np.trunc),
    "rint": (1, "f", np.rint),
    "tdiv": (2, "iu", _towards_zero), "trem": (2, "iu", _remainder),
    "minimum": (2, "biuf", _minimum), "maximum": (2, "biuf", _maximum),
    "lt": (2, "biuf", np.less), "le": (2, "biuf", np.less_equal), "gt": (2, "biuf", np.greater),
    "ge": (2, "biuf", np.greater_equal), "eq": (2, "biuf", np.equal), "ne": (2, "biuf", np.not_equal),
    "and": (2, "biu", np.bitwise_and), "or": (2, "biu", np.bitwise_or), "xor": (2, "biu", np.bitwise_xor),
    "not": (1, "biu", np.invert), "shl": (2, "iu", _shifted(lambda a, b: a << b)), "lshr": (2, "iu", _lshr),
    "ashr": (2, "iu", _ashr),
}  # fmt: skip
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
SPECIAL = {"const", "fma", "select", "cast", "bitcast", "rarely"}


def test_every_primitive_is_tested_here() -> None:
    assert set(REFERENCES) | SPECIAL == PRIMITIVES


def _arguments(dtype: DType, count: int) -> list[np.ndarray]:
    if dtype.is_half:
        return [np.arange(0, 65536, 7, dtype=np.uint16).view(dtype.numpy)]
    values = edges(dtype)
    if dtype is not dtypes.bool_:
        random = (
            np.random.default_rng(7).integers(0, 256, 40 * dtype.itemsize, dtype=np.uint8).view(dtype.numpy)
        )
        values = np.concatenate([values, random])
    return [g.ravel() for g in np.meshgrid(*[values] * count, indexing="ij")]


@pytest.mark.parametrize("dtype", PLAIN, ids=str)
def test_primitives_have_numpys_bits_at_every_width(dtype: DType) -> None:
    prims = [p for p, (_, kinds, _) in REFERENCES.items() if dtype.numpy.kind in kinds]
    for count in (1, 2):
        chosen = [p for p in prims if REFERENCES[p][0] == count]

        def meaning(*x: Scalar, names: list[str] = chosen) -> tuple[Scalar, ...]:
            return tuple(Scalar(p, dtypes.bool_ if p in COMPARISONS else dtype, x) for p in names)

        given = _arguments(dtype, count)
        if not chosen:
            continue
        with np.errstate(all="ignore"):
            wanted = [REFERENCES[p][2](*given) for p in chosen]
        for lanes in LANES:
            for prim, got, want in zip(
                chosen, Elementwise(meaning, *[dtype] * count, lanes=lanes).all(*given), wanted, strict=True
            ):
                wrong = np.flatnonzero(bits(got) != bits(want))
                assert not wrong.size, (
                    f"{prim} {dtype} lanes {lanes}: {[a[wrong[0]] for a in given]} -> {got[wrong[0]]}, "
                    f"not {want[wrong[0]]}"
                )


def _saturated(x: np.ndarray, dtype: DType) -> np.ndarray:
    info = np.iinfo(dtype.name)
    out = [
        0
        if np.isnan(v)
        else info.max
        if v == np.inf
        else info.min
        if v == -np.inf
        else min(max(int(v), info.min), info.max)
        for v in x
    ]
    return np.array(out, dtype.numpy)


@pytest.mark.parametrize("source", REAL, ids=str)
def test_casts_at_every_width(source: DType) -> None:
    targets = [d for d in REAL if d is not source]
    (given,) = _arguments(source, 1)
    values = convert(given, dtypes.float32) if source.is_half else given
    with np.errstate(all="ignore"):
        wanted = [
            _saturated(values, d) if source.is_float and d.is_integer else convert(values, d) for d in targets
        ]
    for lanes in LANES:
        cast = Elementwise(lambda x: tuple(scalar.cast(x, d) for d in targets), source, lanes=lanes)
        for target, got, want in zip(targets, cast.all(given), wanted, strict=True):
            if target.is_half:
                got, want = (convert(x, dtypes.float32) for x in (got, want))
            wrong = np.flatnonzero(bits(got) != bits(want))
            assert not wrong.size, f"{source} {given[wrong[0]]} to {target} lanes {lanes}: {got[wrong[0]]}"


@pytest.mark.parametrize("lanes", LANES)
def test_fma_rounds_once(lanes: int) -> None:
    rng = np.random.default_rng(3)
    x, y, z = (rng.standard_normal(4096).astype(np.float32) for _ in range(3))
    z[:2048] = -(x * y)[:2048]
    got = Elementwise(scalar.fma, *[dtypes.float32] * 3, lanes=lanes)(x, y, z)
    wide = [a.astype(np.longdouble) for a in (x, y, z)]
    assert np.array_equal(got, (wide[0] * wide[1] + wide[2]).astype(np.float32))
    eps = np.full(16, 2.0**-52)
    pair = Elementwise(lambda a: scalar.fma(a + 1.0, a + 1.0, -(a + a + 1.0)), dtypes.float64, lanes=lanes)(
        eps
    )
    assert np.all(pair == 2.0**-104)


@pytest.mark.parametrize("lanes", LANES)
def test_select_bitcast_and_constants(lanes: int) -> None:
    for dtype in PLAIN:
        values = edges(dtype)
        flags = np.arange(values.size) % 3 == 0
        other = values[::-1].copy()
        chosen = Elementwise(scalar.select, dtypes.bool_, dtype, dtype, lanes=lanes)
        assert np.array_equal(bits(chosen(flags, values, other)), bits(np.where(flags, values, other)))
        constants = Elementwise(
            lambda c, v=values: tuple(scalar.const(c.dtype, x.item()) for x in v), dtype, lanes=lanes
        )
        got = np.array([row[0] for row in constants.all(values[:1])])
        assert np.array_equal(bits(got), bits(values))
    for pair in (
        (dtypes.float32, dtypes.uint32),
        (dtypes.float64, dtypes.int64),
        (dtypes.int8, dtypes.uint8),
    ):
        for source, dtype in (pair, pair[::-1]):
            x = edges(source)
            got = Elementwise(lambda v, d=dtype: scalar.bitcast(v, d), source, lanes=lanes)(x)
            assert np.array_equal(got.view(np.uint8), x.view(np.uint8))


def test_what_has_no_meaning_is_refused() -> None:
    for prim, dtype in (
        ("sqrt", dtypes.int32),
        ("shl", dtypes.float32),
        ("tdiv", dtypes.bool_),
        ("load", dtypes.int8),
    ):
        with pytest.raises(ValueError, match=prim):
            emit(Body(), prim, dtype, [dtype, dtype], ["%x", "%y"])


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_the_rare_side_is_taken_by_just_the_lanes_that_need_it(
    dtype: DType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scalar.RARE, "test_sum_of_squares", lambda x, y: x * x + y * y)
    given = np.arange(-64, 64).astype(dtype.numpy)
    other = given[::-1].copy()

    def meaning(x: Scalar, y: Scalar) -> Scalar:
        return scalar.rarely(x > 20.0, x + y, "test_sum_of_squares", x, y) - 1.0

    want = np.where(given > 20, given * given + other * other, given + other) - 1
    for lanes in LANES:
        assert np.array_equal(Elementwise(meaning, dtype, dtype, lanes=lanes)(given, other), want)
    loads = [scalar.load(dtype, k, (scalar.iteration(0),)) for k in (0, 1)]
    assert np.array_equal(evaluate(meaning(*loads), [np.arange(128)], [given, other]), want)
