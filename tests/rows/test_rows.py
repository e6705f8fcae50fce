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
from lithograph.ir.errors import DTypeError
from lithograph.ir.op import Element, Host, Op, Pointwise, Structural
from lithograph.ir.registry import OPS
from lithograph.ir.storage import convert

from .differences import close, difference, directional, slope_of
from .lowering import lowered, native, types_of, ulps
from .numpy_stage import Held, numpy_stage

# The core dtypes, and some others that come for free.
DTYPES = (
    *(dtypes.bool_, dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64),
    dtypes.int8,
    dtypes.uint32,
    *(dtypes.float16, dtypes.bfloat16, dtypes.complex64),
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
    """A row's samples of a dtype, promoted as a call would; none where it refuses the dtype."""
    found = []
    for given, attrs in op.examples(np.random.default_rng(0), dtype):
        wanted = op.promote(op.name, types_of(given))
        with np.errstate(all="ignore"):
            promoted = [convert(x, d) for x, d in zip(given, wanted, strict=True)]
        if dtype.plain or takes(op, promoted, attrs):
            found.append((promoted, attrs))
    return found


def takes(op: Op, operands: Sequence[np.ndarray], attrs: Attrs) -> bool:
    try:
        op.result_type(types_of(operands), attrs)
    except DTypeError:
        return False
    return True


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
                assert not isinstance(native(op, operands, attrs), Pointwise | Element)
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


# Algorithms whose steps depend on the data, which loop nests do not have, and what gives complex numbers.
ON_HOST = {
    *("complex", "rfft"),
    "random_poisson",
    *("cholesky", "cofactors", "det", "eig", "eigh", "eigvals", "eigvalsh", "inv", "pinv", "qr", "slogdet", "solve"),
    *("svd", "svdvals"),
}


def test_hardly_any_row_of_real_numbers_runs_on_the_host() -> None:
    real = [d for d in DTYPES if not d.is_complex]
    hosted = [op for op in ROWS if isinstance(op.lowering, Host)]
    assert {op.name for op in hosted if any(cases(op, d) for d in real)} <= ON_HOST


def smooth(operands: Sequence[np.ndarray]) -> bool:
    """Whether finite differences mean something: all floats are of moderate size."""
    return all(x.dtype.kind not in "fc" or bool(np.all(np.abs(x) < 100)) for x in operands)


def weighed(op: Op, operands: Sequence[np.ndarray], attrs: Attrs, dtype: DType) -> Callable[..., Array]:
    """The op, as a function of its operands of a dtype to a real number: the sum of its elements, weighed."""
    floats = [i for i, x in enumerate(operands) if x.dtype == dtype.numpy]

    def value(*given: Array) -> Array:
        everything: list[Array] = [Held(x) for x in operands]
        for i, x in zip(floats, given, strict=True):
            everything[i] = x
        y = op.call(*everything, attrs) if op.attrs else op.call(*everything)
        rng = np.random.default_rng(1)
        weights = rng.uniform(0.5, 1.5, y._aval.static_shape)
        if y.dtype.is_complex:
            return ops.sum(ops.real(y * (weights + 1j * rng.uniform(0.5, 1.5, weights.shape))))
        return ops.sum(y * weights)

    return value


def along_each(rng: np.random.Generator, at: Sequence[np.ndarray], size: float) -> list[np.ndarray]:
    """A direction for each point, complex where it is."""
    made = [rng.uniform(-size, size, x.shape) for x in at]
    turned = [1j * rng.uniform(-size, size, x.shape) if x.dtype.kind == "c" else 0.0 for x in at]
    return [np.asarray(v + w) for v, w in zip(made, turned, strict=True)]


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=named)
def test_gradients_to_second_order(op: Op) -> None:
    checked = 0
    for dtype in (dtypes.float64, dtypes.complex128):
        for operands, attrs in cases(op, dtype):
            at = [x for x in operands if x.dtype == dtype.numpy]
            result = op.result_type(types_of(operands), attrs)
            if not at or not smooth(operands) or result.dtype.real is not dtypes.float64:
                continue
            rng = np.random.default_rng(2)
            along, second = along_each(rng, at, 0.1), along_each(rng, at, 1.0)
            value = weighed(op, operands, attrs, dtype)

            with numpy_stage():
                for function in (value, slope_of(value, second)):
                    found, expected = directional(function, at, along), difference(function, at, along)
                    assert close(found, expected), f"{types_of(operands)} {attrs}: {found} and {expected}"
            checked += 1
    assert checked
