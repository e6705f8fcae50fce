"""Every row as native code: against its reference, compiled against eager, fused against not, gradients, layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import EllipsisType

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.array import Array
from lithograph.ir.attrs import NO_ATTRS, Attrs, intern
from lithograph.ir.dtypes import DType
from lithograph.ir.op import Op, Pointwise
from lithograph.ir.registry import OPS
from lithograph.ir.storage import held
from lithograph.ir.text import show

from ..codegen.programs import same_bits
from .lowering import types_of, ulps
from .test_rows import DIFFERENTIABLE, DTYPES, ROWS, cases, most_ulps, named

Case = tuple[list[np.ndarray], Attrs]

# Extents around the widths of vectors, so that full vectors and tails of every kind are met.
EXTENTS = (1, 15, 16, 17, 67)
KINDS = [(op, dtype) for op in ROWS for dtype in DTYPES if cases(op, dtype)]
FLOATS = [(op, d) for op in DIFFERENTIABLE for d in (dtypes.float32, dtypes.float64) if cases(op, d)]


def titled(kind: tuple[Op, DType]) -> str:
    return f"{kind[0].name}-{kind[1].name}"


def all_cases(op: Op, dtype: DType) -> list[Case]:
    """The row's samples, and for pointwise rows vectors of other extents with the same values.

    What is computed in another dtype or on the host gets few: the first, the last and one with a tail of a vector.
    """
    found = cases(op, dtype)
    if not dtype.plain:
        few = [found[0], *found[1:][-1:]]
        (first, attrs), _ = found[0], found[-1]
        return [*few, ([np.resize(x, 67) for x in first], attrs)] if isinstance(op.lowering, Pointwise) else few
    if not isinstance(op.lowering, Pointwise):
        return found
    (first, attrs), (edge, _) = found[0], found[-1]
    longer = [[np.resize(x, n) for x in first] for n in EXTENTS]
    longer.append([np.resize(x, 4099) for x in edge])
    return [*found, *[(operands, attrs) for operands in longer]]


def apply(op: Op, operands: Sequence[Array | np.ndarray], attrs: Attrs) -> Array:
    return op.call(*operands, intern(attrs)) if op.attrs else op.call(*operands)


def eagerly(op: Op, operands: Sequence[np.ndarray], attrs: Attrs) -> np.ndarray:
    return held(apply(op, [lg.tensor(x) for x in operands], attrs).numpy())


@pytest.mark.parametrize("kind", KINDS, ids=titled)
def test_eager_and_reference_agree(kind: tuple[Op, DType]) -> None:
    op, dtype = kind
    for operands, attrs in all_cases(op, dtype):
        with np.errstate(all="ignore"):
            expected = op.evaluate(operands, attrs)
        found = eagerly(op, operands, attrs)
        assert found.dtype == expected.dtype and found.shape == expected.shape
        worst = ulps(found, expected)
        assert worst.size == 0 or worst.max() <= most_ulps(op), (
            f"{types_of(operands)} {attrs}: {worst.max()} ulps\n{operands}\n{found}\n{expected}"
        )


def before(x: Array) -> Array:
    """The same values, by an op that no rewrite rule removes."""
    if x.dtype is lg.bool_:
        return lg.not_equal(x, lg.not_equal(x, x))
    if x.dtype.is_complex:
        return lg.where(lg.equal(x, x), x, x + x)
    return lg.minimum(x, float("inf") if x.dtype.is_float else int(np.iinfo(x.dtype.name).max))


def after(y: Array) -> Array:
    """A function of each element that every dtype has."""
    return lg.logical_not(y) if y.dtype is lg.bool_ else y * 3


def neighboured(op: Op, operands: Sequence[Array], attrs: Attrs) -> Array:
    return after(apply(op, [before(x) for x in operands], attrs))


def whole(op: Op, every: Sequence[Case]) -> Callable[..., list[Array]]:
    """All cases of a row as one function: each by itself, and each between neighbours."""

    def run(*flat: Array) -> list[Array]:
        rest, made = iter(flat), list[Array]()
        for operands, attrs in every:
            given = [next(rest) for _ in operands]
            made += [apply(op, given, attrs), neighboured(op, given, attrs)]
        return made

    return run


def assert_same(found: Sequence[Array], expected: Sequence[Array], what: str) -> None:
    for k, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert same_bits(a.numpy(), b.numpy()), f"{what}, result {k}:\n{a}\ncompiled, eager\n{b}"


@pytest.mark.parametrize("kind", KINDS, ids=titled)
def test_compiled_and_fused_are_eager(kind: tuple[Op, DType]) -> None:
    op, dtype = kind
    every = all_cases(op, dtype)
    flat = [x for operands, _ in every for x in operands]
    run = whole(op, every)
    f = lg.function(run, name=op.name)
    assert_same(f(*flat), run(*[lg.tensor(x) for x in flat]), titled(kind))
    text = f.ir(*flat, stage="traced")
    assert show(lg.parse_ir(text)) == text


@pytest.mark.parametrize("kind", FLOATS, ids=titled)
def test_compiled_gradients_are_eager(kind: tuple[Op, DType]) -> None:
    op, dtype = kind
    every = [
        (o, a)
        for o, a in cases(op, dtype)
        if any(x.dtype == dtype.numpy for x in o) and op.result_type(types_of(o), a).dtype.is_float
    ]

    def gradients(*flat: Array) -> list[Array]:
        rest, made = iter(flat), list[Array]()
        for operands, attrs in every:
            given = [next(rest) for _ in operands]
            floats = [i for i, x in enumerate(given) if x.dtype is dtype]

            def value(
                *chosen: Array, given: list[Array] = given, floats: list[int] = floats, a: Attrs = attrs
            ) -> Array:
                full = list(given)
                for i, x in zip(floats, chosen, strict=True):
                    full[i] = x
                return apply(op, full, a)

            y, pull = lg.vjp(value, *[given[i] for i in floats])
            made += pull(lg.full(y.shape, 0.75, dtype=y.dtype))
        return made

    flat = [x for operands, _ in every for x in operands]
    assert_same(lg.function(gradients)(*flat), gradients(*[lg.tensor(x) for x in flat]), titled(kind))


def strided(x: np.ndarray) -> np.ndarray:
    """The same values, with gaps between them and the axes in another order."""
    room = np.zeros(tuple(2 * s for s in x.shape[::-1]), x.dtype)
    every_other: tuple[slice | EllipsisType, ...] = (..., *[slice(None, None, 2)] * x.ndim)
    view = room[every_other].T
    view[...] = x
    return view


def unaligned(x: np.ndarray) -> np.ndarray:
    """The same values, one byte beside where their dtype should lie."""
    room = np.zeros(x.nbytes + 1, np.uint8)
    made = room[1:].view(x.dtype).reshape(x.shape) if x.ndim else room[1:].view(x.dtype)[:1].reshape(())
    made[...] = x
    return made


def read_only(x: np.ndarray) -> np.ndarray:
    made = x.copy()
    made.setflags(write=False)
    return made


def reversed_(x: np.ndarray) -> np.ndarray:
    """The same values, stored backwards."""
    back: tuple[slice | EllipsisType, ...] = (..., *[slice(None, None, -1)] * x.ndim)
    return np.array(x[back])[back]


LAYOUTS = (strided, unaligned, read_only, reversed_)


@pytest.mark.parametrize("op", ROWS, ids=named)
def test_layouts_of_numpy_arrays_do_not_matter(op: Op) -> None:
    dtype = next(d for d in (dtypes.float32, *DTYPES) if cases(op, d))
    for operands, attrs in cases(op, dtype):
        f = lg.function(lambda *x, attrs=attrs: apply(op, x, attrs))
        expected = eagerly(op, operands, attrs)
        for layout in LAYOUTS:
            given = [layout(x) for x in operands]
            for g, x in zip(given, operands, strict=True):
                assert same_bits(g, x)
            kept = [g.copy() for g in given]
            for call in (lambda *x, attrs=attrs: apply(op, x, attrs), f):
                assert same_bits(call(*given).numpy(), expected), f"{layout.__name__} {types_of(operands)} {attrs}"
            assert all(same_bits(g, k) for g, k in zip(given, kept, strict=True))


def test_neighbours_are_fused() -> None:
    for x, name in ((np.ones(8, np.float32), "exp"), (np.ones(8, np.int32), "abs")):
        f = lg.function(lambda x, op=OPS[name]: neighboured(op, [x], NO_ATTRS))
        text = f.ir(x)
        assert text.count(" = fused(") == 1 and f" = {name}(" in text and " = minimum(" in text, text
