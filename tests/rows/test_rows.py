"""Every row against itself: type rule, reference, lowering and gradient must say the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lithograph.ir import dtypes, ops
from lithograph.ir.array import Array
from lithograph.ir.attrs import Attrs
from lithograph.ir.dtypes import DType
from lithograph.ir.op import Element, Host, Op, Pointwise, Structural
from lithograph.ir.registry import OPS

from .differences import close, difference, directional, slope_of
from .lowering import lowered, types_of, ulps
from .numpy_stage import Held, numpy_stage

# The core dtypes, and some others that come for free.
DTYPES = (
    *(dtypes.bool_, dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64),
    dtypes.int8,
    dtypes.uint32,
)
ROWS = [op for op in OPS.values() if not isinstance(op.lowering, Structural)]
DIFFERENTIABLE = [op for op in ROWS if op.vjp is not None and (callable(op.vjp) or any(op.vjp))]


def most_ulps(op: Op) -> float:
    """How far a body may be from its reference: its stated bound in whole ULPs, and one more for the rounding of
    the reference.
    """
    if op.accuracy is None:
        return 0.0
    return math.ceil(max(op.accuracy.float32, op.accuracy.float64)) + 1.0


def named(op: Op) -> str:
    return op.name


def cases(op: Op, dtype: DType) -> list[tuple[list[np.ndarray], Attrs]]:
    """A row's samples of a dtype, promoted as a call would."""
    assert op.samples is not None
    found = []
    for operands, attrs in op.samples(np.random.default_rng(0), dtype):
        wanted = op.promote(op.name, types_of(operands))
        with np.errstate(all="ignore"):
            found.append(([x.astype(d.numpy) for x, d in zip(operands, wanted, strict=True)], attrs))
    return found


def test_rows_are_about_sixty() -> None:
    assert len(OPS) >= 60


@pytest.mark.parametrize("op", ROWS, ids=named)
def test_every_row_has_samples(op: Op) -> None:
    assert any(cases(op, dtype) for dtype in DTYPES)


@pytest.mark.parametrize("op", ROWS, ids=named)
def test_type_rule_and_reference_agree(op: Op) -> None:
    for dtype in DTYPES:
        for operands, attrs in cases(op, dtype):
            expected = op.result_type(types_of(operands), attrs)
            (found,) = types_of([op.evaluate(operands, attrs)])
            assert found is expected, f"{types_of(operands)} {attrs}"


@pytest.mark.parametrize("op", ROWS, ids=named)
def test_lowering_and_reference_agree(op: Op) -> None:
    for dtype in DTYPES:
        for operands, attrs in cases(op, dtype):
            found = lowered(op, operands, attrs)
            if found is None:
                assert not isinstance(op.lowering, Pointwise | Element)
                continue
            expected = op.evaluate(operands, attrs)
            worst = ulps(found, expected)
            assert worst.size == 0 or worst.max() <= most_ulps(op), (
                f"{types_of(operands)} {attrs}: {worst.max()} ulps\n{operands}\n{found}\n{expected}"
            )


@pytest.mark.parametrize("op", ROWS, ids=named)
def test_references_leave_their_operands_alone(op: Op) -> None:
    for operands, attrs in cases(op, dtypes.float32):
        before = [x.copy() for x in operands]
        op.evaluate(operands, attrs)
        for x, y in zip(operands, before, strict=True):
            assert np.array_equal(x, y, equal_nan=True)


# Algorithms whose steps depend on the data, which loop nests do not have.
ON_HOST = {
    "random_poisson",
    *("cholesky", "cofactors", "det", "eigh", "eigvalsh", "inv", "pinv", "qr", "slogdet", "solve", "svd", "svdvals"),
}


def test_hardly_any_row_runs_on_the_host() -> None:
    assert {op.name for op in ROWS if isinstance(op.lowering, Host)} <= ON_HOST


def smooth(operands: Sequence[np.ndarray]) -> bool:
    """Whether finite differences mean something: all floats are of moderate size."""
    return all(x.dtype.kind != "f" or bool(np.all(np.abs(x) < 100)) for x in operands)


def weighed(op: Op, operands: Sequence[np.ndarray], attrs: Attrs) -> Callable[..., Array]:
    """The op, as a function of its float operands to a number: the sum of its elements, weighed."""
    floats = [i for i, x in enumerate(operands) if x.dtype == np.float64]

    def value(*given: Array) -> Array:
        everything: list[Array] = [Held(x) for x in operands]
        for i, x in zip(floats, given, strict=True):
            everything[i] = x
        y = op.call(*everything, attrs) if op.attrs else op.call(*everything)
        weights = np.random.default_rng(1).uniform(0.5, 1.5, y._aval.static_shape)
        return ops.sum(y * weights)

    return value


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=named)
def test_gradients_to_second_order(op: Op) -> None:
    checked = 0
    for operands, attrs in cases(op, dtypes.float64):
        at = [x for x in operands if x.dtype == np.float64]
        result = op.result_type(types_of(operands), attrs)
        if not at or not smooth(operands) or result.dtype is not dtypes.float64:
            continue
        rng = np.random.default_rng(2)
        along = [rng.uniform(-0.1, 0.1, x.shape) for x in at]
        second = [rng.uniform(-1, 1, x.shape) for x in at]
        value = weighed(op, operands, attrs)

        with numpy_stage():
            for function in (value, slope_of(value, second)):
                found, expected = directional(function, at, along), difference(function, at, along)
                assert close(found, expected), f"{types_of(operands)} {attrs}: {found} and {expected}"
        checked += 1
    assert checked
