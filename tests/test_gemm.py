"""Matrix products bit for bit: against an exact chain, and every path, blocking and thread count against each
other.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from lithograph.codegen import gemm, jit, pool, support
from lithograph.codegen.gemm_vectors import ELEMENTS, Tile, tile_for
from lithograph.codegen.target import Target, host
from lithograph.runtime import threads

Array: TypeAlias = npt.NDArray[Any]
_WORD, _POINTER = ctypes.c_int64, ctypes.c_void_p
_GEMM = ctypes.CFUNCTYPE(
    _WORD, _POINTER, *[_WORD] * 3, _POINTER, *[_WORD] * 3, _POINTER, *[_WORD] * 6, _POINTER, _WORD
)
_GUARD = 256

# The definition, one output at a time, with the same fma instruction that it is about.
_NAIVE = """
declare float @llvm.fma.f32(float, float, float)
declare double @llvm.fma.f64(double, double, double)
define i64 @{name}(ptr %a, i64 %sa, ptr %b, i64 %sb, ptr %c, i64 %n) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %acc = phi {t} [ 0.0, %entry ], [ %sum, %loop ]
  %ia = mul i64 %i, %sa
  %ib = mul i64 %i, %sb
  %pa = getelementptr {t}, ptr %a, i64 %ia
  %pb = getelementptr {t}, ptr %b, i64 %ib
  %x = load {t}, ptr %pa
  %y = load {t}, ptr %pb
  %sum = call {t} @llvm.fma.{suffix}({t} %x, {t} %y, {t} %acc)
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  store {t} %sum, ptr %c
  ret i64 0
}}
"""


@dataclass(frozen=True)
class Build:
    """A native product function and the sizes that its scratch memory follows from."""

    library: jit.Library
    dtype: str
    target: Target

    def __call__(self, a: Array, b: Array, nthreads: int = 1) -> Array:
        """a @ b for 3-d operands of any strides, an extent-1 batch being broadcast; checks memory around C
        and scratch.
        """
        batch, (m, k), n = max(a.shape[0], b.shape[0]), a.shape[1:], b.shape[2]
        itemsize = a.dtype.itemsize
        padded = np.zeros((batch, m, n + 3), a.dtype)
        padded.view(np.uint8)[...] = 0xA5
        strides_a = [
            0 if a.shape[0] == 1 else a.strides[0] // itemsize,
            *(s // itemsize for s in a.strides[1:]),
        ]
        strides_b = [
            0 if b.shape[0] == 1 else b.strides[0] // itemsize,
            *(s // itemsize for s in b.strides[1:]),
        ]
        rows_of_b = strides_b[2] == 1
        size = gemm.scratch_bytes(self.dtype, batch, m, n, k, self.target, rows_of_b=rows_of_b)
        raw = np.full(size + 64 + _GUARD, 0xA5, np.uint8)
        start = -raw.ctypes.data % 64
        function = _GEMM(self.library[gemm.symbol(self.dtype)])
        status = function(
            a.ctypes.data, *strides_a, b.ctypes.data, *strides_b, padded.ctypes.data, m * (n + 3), n + 3,
            batch, m, n, k, raw.ctypes.data + start, nthreads,
        )  # fmt: skip
        assert status == 0
        assert (raw[:start] == 0xA5).all() and (raw[start + size :] == 0xA5).all(), (
            "wrote beyond the scratch memory"
        )
        assert (np.ascontiguousarray(padded[:, :, n:]).view(np.uint8) == 0xA5).all(), (
            "wrote between rows of C"
        )
        return padded[:, :, :n].copy()


def built(dtype: str, target: Target | None = None) -> Build:
    target = target or host()
    imports = {pool.PARALLEL: threads.parallel_address()}
    text = gemm.support_text(dtype, target)
    return Build(jit.load(text, [gemm.symbol(dtype)], imports), dtype, target)


def shared(dtype: str) -> Build:
    return Build(support.library(dtype), dtype, host())


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = threads.count()
    threads.set_count(2)
    threads.ensure_started()
    yield
    threads.set_count(before)


def naive(a: Array, b: Array) -> Array:
    """The chain for every output of a 2-d product, in segments of 8192."""
    t, suffix = ("float", "f32") if a.dtype == np.float32 else ("double", "f64")
    code = jit.load(_NAIVE.format(name="naive", t=t, suffix=suffix), ["naive"])
    chain = ctypes.CFUNCTYPE(_WORD, _POINTER, _WORD, _POINTER, _WORD, _POINTER, _WORD)(code["naive"])
    (m, depth), n, itemsize = a.shape, b.shape[1], a.dtype.itemsize
    out = np.zeros((m, n), a.dtype)
    one = np.zeros(1, a.dtype)
    for first in range(0, depth, gemm.SEGMENT):
        part_a, part_b = a[:, first : first + gemm.SEGMENT], b[first : first + gemm.SEGMENT]
        for i in range(m):
            for j in range(n):
                chain(
                    part_a[i:].ctypes.data, part_a.strides[1] // itemsize, part_b[:, j:].ctypes.data,
                    part_b.strides[0] // itemsize, one.ctypes.data, part_a.shape[1],
                )  # fmt: skip
                out[i, j] = one[0] if first == 0 else out[i, j] + one[0]
    return out


def rounded(value: Fraction, dtype: npt.DTypeLike) -> float:
    """A rational number, correctly rounded: through float64 with the sticky bit kept for float32."""
    nearest = float(value)  # Python rounds a ratio of integers correctly.
    if dtype == np.float64:
        return nearest
    exact = Fraction(nearest)
    bits = np.float64(nearest).view(np.int64)
    if exact != value and bits & 1 == 0:
        away = (value > exact) == (nearest > 0)
        nearest = float((bits + (1 if away else -1)).view(np.float64))
    return float(np.float32(nearest))


def exact(a: Array, b: Array) -> Array:
    """The chain of a 2-d product in rational arithmetic, each link rounded once."""
    out = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for i, j in np.ndindex(*out.shape):
        acc = Fraction(0)
        for x, y in zip(a[i].tolist(), b[:, j].tolist(), strict=True):
            acc = Fraction(rounded(Fraction(x) * Fraction(y) + acc, a.dtype))
        out[i, j] = float(acc)
    return out


def sum_t8(terms: Array) -> Array:
    """Order T8 over the last axis, written from its definition."""
    chunks = []
    for first in range(0, terms.shape[-1], 65_536):
        chunk = terms[..., first : first + 65_536]
        groups = -(-chunk.shape[-1] // 128)
        padded = np.full((*chunk.shape[:-1], groups * 128), -0.0, terms.dtype)
        padded[..., : chunk.shape[-1]] = chunk
        t = padded.reshape(*chunk.shape[:-1], groups, 8, 16)
        for half in (4, 2, 1):
            t = t[..., :half, :] + t[..., half : 2 * half, :]
        acc = np.full((*chunk.shape[:-1], 16), -0.0, terms.dtype)
        for g in range(groups):
            acc = acc + t[..., g, 0, :]
        for half in (8, 4, 2, 1):
            acc = acc[..., :half] + acc[..., half : 2 * half]
        chunks.append(acc[..., 0])
    while len(chunks) > 1:
        pairs = [x + y for x, y in zip(chunks[::2], chunks[1::2], strict=False)]
        chunks = pairs + chunks[2 * len(pairs) :]
    return np.asarray(chunks[0])


def operands(dtype: str, batch: int, m: int, n: int, k: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    if dtype.startswith("int"):
        bounds = np.iinfo(dtype)
        a = rng.integers(bounds.min, bounds.max, (batch, m, k), dtype)
        return a, rng.integers(bounds.min, bounds.max, (batch, k, n), dtype)
    # Exponents that differ make the order of additions show.
    a, b = (rng.standard_normal(s) * np.exp2(rng.integers(-8, 8, s)) for s in ((batch, m, k), (batch, k, n)))
    return a.astype(dtype), b.astype(dtype)


def layouts(a: Array, b: Array) -> Iterator[tuple[Array, Array]]:
    """The same operands, contiguous along either axis, and with gaps."""

    def turned(x: Array) -> Array:
        return np.ascontiguousarray(x.transpose(0, 2, 1)).transpose(0, 2, 1)

    def gaps(x: Array) -> Array:
        wide = np.zeros((x.shape[0], 2 * x.shape[1], 3 * x.shape[2]), x.dtype)
        wide[:, ::2, ::3] = x
        return wide[:, ::2, ::3]

    yield a, b
    yield a, turned(b)
    yield turned(a), b
    yield turned(a), turned(b)
    yield gaps(a), gaps(b)


def same(x: Array, y: Array) -> bool:
    """Equal values, equal signs of zero; a NaN equals any NaN."""
    if x.dtype.kind == "i":
        return np.array_equal(x, y)
    return np.array_equal(x, y, equal_nan=True) and bool((np.signbit(x) == np.signbit(y))[~np.isnan(x)].all())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("m", "n", "k"), [(4, 4, 9), (1, 17, 12), (17, 1, 12), (3, 19, 21), (9, 16, 5)])
def test_the_chain_is_exact_fma(dtype: str, m: int, n: int, k: int) -> None:
    a, b = operands(dtype, 1, m, n, k)
    assert same(shared(dtype)(a, b)[0], exact(a[0], b[0]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("m", "n", "k"),
    [(16, 1, 70), (1, 16, 70), (5, 7, 3), (8, 48, 7), (17, 50, 33), (1, 300, 129), (260, 1, 65), (3, 7, 8193),
     (9, 33, 400), (130, 97, 130), (4, 49, 1), (2, 200, 20), (7, 5, 17_000)],
)  # fmt: skip
def test_every_layout_gives_the_chain(dtype: str, m: int, n: int, k: int) -> None:
    a, b = operands(dtype, 1, m, n, k)
    want = naive(a[0], b[0])
    for x, y in layouts(a, b):
        for nthreads in (1, 2):
            assert same(shared(dtype)(x, y, nthreads)[0], want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("batch", "m", "n"), [(1, 1, 1), (2, 3, 5), (1, 15, 1), (3, 1, 15)])
@pytest.mark.parametrize("k", [1, 15, 16, 127, 128, 129, 1000, 65_536, 65_537, 200_000])
def test_few_outputs_are_sums_of_products(dtype: str, batch: int, m: int, n: int, k: int) -> None:
    a, b = operands(dtype, batch, m, n, k)
    want = sum_t8(np.ascontiguousarray(a[:, :, None, :] * b.transpose(0, 2, 1)[:, None, :, :]))
    for x, y in layouts(a, b):
        for nthreads in (1, 2):
            assert same(shared(dtype)(x, y, nthreads), want)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize(
    ("m", "n", "k"), [(3, 4, 70), (1, 40, 9), (33, 65, 100), (50, 20, 8200), (40, 1, 20)]
)
def test_integers_wrap(dtype: str, m: int, n: int, k: int) -> None:
    a, b = operands(dtype, 2, m, n, k)
    for x, y in layouts(a, b):
        for nthreads in (1, 2):
            assert same(shared(dtype)(x, y, nthreads), a @ b)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_batches_and_broadcasting(dtype: str) -> None:
    for m, n, k in ((3, 3, 20), (20, 30, 40), (1, 64, 33), (64, 1, 33), (5, 70, 8200)):
        a, b = operands(dtype, 5, m, n, k)
        for x, y in ((a, b), (a[:1], b), (a, b[:1]), *layouts(a, b)):
            one_by_one = [
                shared(dtype)(x[min(i, len(x) - 1)][None], y[min(i, len(y) - 1)][None])[0] for i in range(5)
            ]
            assert same(shared(dtype)(x, y, 2), np.stack(one_by_one))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_empty_extents(dtype: str) -> None:
    for batch, m, n, k in ((0, 3, 3, 3), (2, 0, 3, 3), (2, 3, 0, 3)):
        a, b = np.zeros((batch, m, k), dtype), np.zeros((batch, k, n), dtype)
        assert shared(dtype)(a, b).shape == (batch, m, n)
    for m, n in ((2, 3), (20, 30)):
        nothing = shared(dtype)(np.zeros((2, m, 0), dtype), np.zeros((2, 0, n), dtype))
        assert same(nothing, np.zeros((2, m, n), dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values_follow_the_chain(dtype: str) -> None:
    values = np.array(
        [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, np.finfo(dtype).tiny / 4, np.finfo(dtype).max], dtype
    )
    rng = np.random.default_rng(1)
    for m, n, k in ((20, 50, 2), (1, 50, 3), (50, 1, 18), (10, 50, 37), (300, 70, 3)):
        a, b = rng.choice(values, (1, m, k)), rng.choice(values, (1, k, n))
        for x, y in layouts(a, b):
            assert same(shared(dtype)(x, y)[0], naive(a[0], b[0]))


def blockings(tile: Tile) -> Iterator[gemm.Blocking]:
    usual = gemm.blocking_for(tile)
    tiny = replace(usual, depth=7, columns=2 * tile.width, task_rows=tile.rows, task_columns=tile.width)
    yield replace(usual, near=0, few=0)
    yield replace(usual, near=1 << 40, few=1 << 40, narrow=1 << 40)
    yield replace(tiny, near=0, few=0, budget=1)
    yield replace(tiny, near=1 << 40, few=1 << 40, narrow=1 << 40)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocking_does_not_show(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [(3, 40, 60, 50), (1, 130, 150, 400), (2, 1, 300, 100), (1, 300, 1, 100), (1, 33, 9, 8300)]
    problems = [operands(dtype, *shape) for shape in shapes]
    want = [shared(dtype)(a, b) for a, b in problems]
    tile = tile_for(host(), ELEMENTS[dtype])
    for blocking in blockings(tile):
        monkeypatch.setattr(gemm, "blocking_for", lambda _, chosen=blocking: chosen)
        other = built(dtype)
        for (a, b), expected in zip(problems, want, strict=True):
            for x, y in layouts(a, b):
                for nthreads in (1, 2):
                    assert same(other(x, y, nthreads), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("vector_bytes", [16, 32])
def test_vector_width_does_not_show(dtype: str, vector_bytes: int) -> None:
    if host().vector_bytes <= vector_bytes:
        pytest.skip("the host has no wider vectors")
    narrow = built(dtype, replace(host(), vector_bytes=vector_bytes))
    for shape in ((2, 37, 41, 70), (1, 1, 100, 30), (1, 100, 1, 30), (1, 3, 50, 77), (2, 2, 3, 300)):
        a, b = operands(dtype, *shape)
        for x, y in layouts(a, b):
            assert same(narrow(x, y, 2), shared(dtype)(x, y))


def test_large_products_are_the_same_on_any_path() -> None:
    a, b = operands("float32", 1, 700, 900, 1300)
    want = shared("float32")(a, b)
    for x, y in layouts(a, b):
        for nthreads in (1, 2, 7):
            assert same(shared("float32")(x, y, nthreads), want)
    rng = np.random.default_rng(2)
    for i, j in zip(rng.integers(0, 700, 20), rng.integers(0, 900, 20), strict=True):
        assert want[0, i, j] == naive(a[0, i : i + 1], b[0, :, j : j + 1])[0, 0]


@pytest.mark.parametrize("dtype", ["bool", "float16", "complex64"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(KeyError):
        gemm.symbol(dtype)
    with pytest.raises(KeyError):
        gemm.scratch_bytes(dtype, 1, 20, 20, 20)


def test_symbols_have_addresses() -> None:
    for dtype in ELEMENTS:
        assert support.address(gemm.symbol(dtype)) == support.library(dtype)[gemm.symbol(dtype)]
    with pytest.raises(KeyError):
        support.address("litho_nothing")
