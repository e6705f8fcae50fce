"""Every row for many examples at once against the row called for each: all subsets of operands mapped."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes, ops
from lithograph.ir.array import Array
from lithograph.ir.attrs import Attrs
from lithograph.ir.batch_rules import rule_of
from lithograph.ir.batching import Batched, Batching, Level
from lithograph.ir.errors import LithographError
from lithograph.ir.gradient import Recording
from lithograph.ir.op import Contract, Literal, Op
from lithograph.ir.stage import entered

from .lowering import ulps
from .numpy_stage import Held, numpy_of, numpy_stage
from .test_rows import DIFFERENTIABLE, DTYPES, ROWS, cases, named

COUNT = 3


def varied(x: np.ndarray, number: int) -> np.ndarray:
    """An operand of another example: the same elements in another order, so that they stay legal."""
    return np.array(x if number == 0 else np.flip(x) if number == 1 else np.roll(np.flip(x), 1))


def call(op: Op, operands: Sequence[Array], attrs: Attrs) -> Array:
    return op.call(*operands, attrs) if op.attrs else op.call(*operands)


def subsets(count: int) -> Iterator[tuple[bool, ...]]:
    return (m for m in itertools.product((False, True), repeat=count) if any(m))


def examples_of(operands: Sequence[np.ndarray], mapped: Sequence[bool], number: int) -> list[np.ndarray]:
    return [varied(x, number) if m else x for x, m in zip(operands, mapped, strict=True)]


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether values and signs of zero are equal, and NaNs where NaNs are."""
    alike = found.dtype == expected.dtype and found.shape == expected.shape
    return alike and not ulps(found, expected).any()


def agree(op: Op, found: np.ndarray, expected: np.ndarray) -> bool:
    """Exactly, but for products of matrices: how many elements one has decides in which order it is summed; and for
    complex numbers, which NumPy computes otherwise at the end of an array.
    """
    if (isinstance(op.lowering, Contract) and found.dtype.kind == "f") or found.dtype.kind == "c":
        least = 200 * float(np.finfo(found.dtype).eps)
        return found.shape == expected.shape and np.allclose(found, expected, least, least, equal_nan=True)
    return same(found, expected)


def whole(made: Array, count: int, held: Callable[[Array], np.ndarray]) -> np.ndarray:
    """The results of all examples."""
    if isinstance(made, Batched):
        return held(made.whole)
    one = held(made)
    return np.broadcast_to(one, (count, *one.shape))


@pytest.mark.parametrize("op", ROWS, ids=named)
def test_every_row_has_a_rule(op: Op) -> None:
    assert callable(rule_of(op))


WITH_OPERANDS = [op for op in ROWS if not isinstance(op.lowering, Literal) and op.name not in ("iota", "extent")]


@pytest.mark.parametrize("op", WITH_OPERANDS, ids=named)
def test_many_examples_at_once_are_the_examples_one_by_one(op: Op) -> None:
    checked = 0
    for dtype in DTYPES:
        for operands, attrs in cases(op, dtype):
            for mapped in subsets(len(operands)):
                checked += by_reference(op, operands, attrs, mapped)
    assert checked


def by_reference(op: Op, operands: Sequence[np.ndarray], attrs: Attrs, mapped: Sequence[bool]) -> int:
    """How many cases were compared: none where an example is illegal, and then so are all at once."""
    given = [examples_of(operands, mapped, k) for k in range(COUNT)]
    columns = [np.stack(xs) if m else xs[0] for xs, m in zip(zip(*given, strict=True), mapped, strict=True)]
    with numpy_stage() as below:
        stage = Batching(below, Level("f", COUNT))
        arrays = [Batched(Held(x), stage.level) if m else Held(x) for x, m in zip(columns, mapped, strict=True)]
        try:
            expected = np.stack([op.evaluate(xs, attrs) for xs in given])
        except LithographError as error:
            with entered(stage), pytest.raises(type(error)):
                call(op, arrays, attrs)
            return 0
        with entered(stage):
            made = call(op, arrays, attrs)
    found = whole(made, COUNT, numpy_of)
    assert agree(op, found, expected), f"{[x.shape for x in operands]} {attrs} {mapped}\n{found}\n{expected}"
    return 1


def by_calls(op: Op, operands: Sequence[np.ndarray], attrs: Attrs, mapped: Sequence[bool], compiled: bool) -> int:
    """How many cases were compared: mapped along various axes, eagerly against each example, compiled against eager."""

    def f(*xs: Array) -> Array:
        return call(op, xs, attrs)

    given = [examples_of(operands, mapped, k) for k in range(COUNT)]
    axes = [(3 * k + 1) % (x.ndim + 1) if m else None for k, (x, m) in enumerate(zip(operands, mapped, strict=True))]
    columns = [
        lg.tensor(xs[0] if axis is None else np.stack(xs, axis))
        for xs, axis in zip(zip(*given, strict=True), axes, strict=True)
    ]
    at_once = lg.vmap(f, in_axes=tuple(axes))
    try:
        expected = np.stack([f(*map(lg.tensor, xs)).numpy() for xs in given])
    except LithographError as error:
        with pytest.raises(type(error)):
            at_once(*columns)
        return 0
    found = at_once(*columns).numpy()
    said = f"{[x.shape for x in operands]} {attrs} {axes}"
    assert agree(op, found, expected), f"{said}\n{found}\n{expected}"
    if compiled:
        again = lg.function(at_once)(*columns).numpy()
        assert same(again, found), f"{said}\n{again}\n{found}"
    return 1


@pytest.mark.parametrize("op", WITH_OPERANDS, ids=named)
def test_native_code_says_the_same(op: Op, deep: bool) -> None:  # law 1
    checked = 0
    for dtype in [d for d in DTYPES if cases(op, d)][:: 1 if deep else 4]:
        for number, (operands, attrs) in enumerate(cases(op, dtype)[: None if deep else 3]):
            for mapped in subsets(len(operands)):
                checked += by_calls(op, operands, attrs, mapped, compiled=deep or number == 0)
    assert checked


@pytest.mark.parametrize("op", WITH_OPERANDS, ids=named)
def test_one_trace_serves_any_number_of_examples(op: Op, deep: bool) -> None:
    dtype = next(d for d in DTYPES if cases(op, d))
    operands, attrs = cases(op, dtype)[0]

    def f(*xs: Array) -> Array:
        return call(op, xs, attrs)

    for mapped in [*subsets(len(operands))][:: 1 if deep else -2]:
        at_once = lg.vmap(f, in_axes=tuple([0 if m else None for m in mapped]))
        compiled = lg.function(at_once)
        for count in (3, 5, 0):
            given = [examples_of(operands, mapped, k % 2) for k in range(max(count, 1))]
            columns = [
                lg.tensor(np.stack(xs)[:count] if m else xs[0])
                for xs, m in zip(zip(*given, strict=True), mapped, strict=True)
            ]
            assert same(compiled(*columns).numpy(), at_once(*columns).numpy()), f"{mapped} {count}"
            # The first is for its size alone, the second for all.
            assert compiled.trace_count == (1 if count == 3 else 2), f"{mapped} {count}"


def cotangents(op: Op, operands: Sequence[np.ndarray], attrs: Attrs, floats: Sequence[int]) -> list[np.ndarray]:
    """Of the float operands, for the cotangent one, by the references."""
    with numpy_stage() as below:
        recording = Recording(below)
        arrays = [Held(x) for x in operands]
        with entered(recording):
            made = call(op, arrays, attrs)
        found = recording.gradients([made], [ops.ones_like(made)], [arrays[i] for i in floats])
        return [np.zeros_like(operands[i]) if g is None else numpy_of(g) for i, g in zip(floats, found, strict=True)]


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=named)
def test_gradients_of_many_examples_are_those_of_each(op: Op) -> None:
    checked = 0
    for operands, attrs in cases(op, dtypes.float64) + cases(op, dtypes.complex128):
        floats = [i for i, x in enumerate(operands) if x.dtype.kind in "fc"]
        for mapped in subsets(len(operands)):
            given = [examples_of(operands, mapped, k) for k in range(COUNT)]
            try:
                each = [cotangents(op, xs, attrs, floats) for xs in given]
            except LithographError:
                continue
            with np.errstate(all="ignore"):
                expected = [
                    np.stack(gs) if mapped[i] else np.sum(gs, axis=0)
                    for i, gs in zip(floats, zip(*each, strict=True), strict=True)
                ]
            for found, wanted in zip(of_mapped(op, given, attrs, floats, mapped), expected, strict=True):
                # Sums over examples are made in another order.
                np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
            for found_each, each_one in zip(mapped_ones(op, given, attrs, floats, mapped), each, strict=True):
                for found, wanted in zip(found_each, each_one, strict=True):
                    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
            checked += 1
    assert checked


def whole_operands(given: Sequence[Sequence[np.ndarray]], mapped: Sequence[bool]) -> list[Held]:
    return [Held(np.stack(xs) if m else xs[0]) for xs, m in zip(zip(*given, strict=True), mapped, strict=True)]


def of_mapped(
    op: Op, given: Sequence[Sequence[np.ndarray]], attrs: Attrs, floats: Sequence[int], mapped: Sequence[bool]
) -> list[np.ndarray]:
    """The gradient of the sum over all examples: a batch over a record."""
    with numpy_stage() as below:
        recording, level = Recording(below), Level("f", COUNT)
        stage = Batching(recording, level)
        wholes = whole_operands(given, mapped)
        arrays = [Batched(x, level) if m else x for x, m in zip(wholes, mapped, strict=True)]
        with entered(stage):
            made = stage.spread(call(op, arrays, attrs))
        found = recording.gradients([made], [ops.ones_like(made)], [wholes[i] for i in floats])
        return [
            np.zeros_like(wholes[i].value) if g is None else numpy_of(g) for i, g in zip(floats, found, strict=True)
        ]


def mapped_ones(
    op: Op, given: Sequence[Sequence[np.ndarray]], attrs: Attrs, floats: Sequence[int], mapped: Sequence[bool]
) -> list[list[np.ndarray]]:
    """The gradients of each example: a record over a batch."""
    with numpy_stage() as below:
        stage = Batching(below, Level("f", COUNT))
        recording = Recording(stage)
        wholes = whole_operands(given, mapped)
        arrays = [Batched(x, stage.level) if m else x for x, m in zip(wholes, mapped, strict=True)]
        with entered(recording):
            made = call(op, arrays, attrs)
        with entered(stage):
            found = recording.gradients([made], [ops.ones_like(made)], [arrays[i] for i in floats])
            filled = [ops.zeros_like(arrays[i]) if g is None else g for i, g in zip(floats, found, strict=True)]
        columns = [whole(g, COUNT, numpy_of) for g in filled]
        return [[column[k] for column in columns] for k in range(COUNT)]
