"""Result dtypes: the Array API's table, weak Python numbers, and the small print of the public surface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lithograph.ir import dtypes, ops
from lithograph.ir.array import Array
from lithograph.ir.dtypes import DType
from lithograph.ir.errors import DTypeError, IntegerOverflow
from lithograph.ir.promotion import common
from lithograph.ir.registry import OPS
from lithograph.ir.types import TensorType

from .numpy_stage import Held, numpy_stage

b, i8, i32, i64, u8, u64, f32, f64 = (
    dtypes.bool_, dtypes.int8, dtypes.int32, dtypes.int64, dtypes.uint8, dtypes.uint64, dtypes.float32,
    dtypes.float64
)  # fmt: skip


def of(dtype: DType) -> Array:
    return Held(np.ones((2,), dtype.numpy))


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        (i32, i64, i64),
        (i8, u8, dtypes.int16),
        (i32, f32, f32),
        (i64, f32, f32),
        (b, i8, i8),
        (f32, f64, f64),
        (u8, u8, u8),
    ],
)
def test_tensors_promote_either_way(first: DType, second: DType, result: DType) -> None:
    with numpy_stage():
        assert (of(first) + of(second)).dtype is result
        assert (of(second) + of(first)).dtype is result


@pytest.mark.parametrize(
    ("tensor", "number", "result"),
    [
        (f64, 1, f64),
        (f32, 0.5, f32),
        (i8, 1, i8),
        (i64, 0.5, f32),
        (b, 1, i32),
        (b, 0.5, f32),
        (b, True, b),
        (u64, 1, u64),
    ],
)
def test_python_numbers_are_weak(tensor: DType, number: bool | int | float, result: DType) -> None:
    with numpy_stage():
        assert (of(tensor) + number).dtype is result
        assert (number + of(tensor)).dtype is result


def test_numpy_scalars_are_not_weak() -> None:
    with numpy_stage():
        assert (of(f32) + np.float64(1)).dtype is f64


@pytest.mark.parametrize(
    ("types", "result"),
    [
        ([TensorType(i64, (), weak=True), TensorType(i8, (3,))], i8),
        ([TensorType(f64, (), weak=True), TensorType(f32, (3,))], f32),
        ([TensorType(f64, (), weak=True), TensorType(i8, (3,))], f32),
        ([TensorType(i64, (), weak=True), TensorType(f64, (), weak=True)], f64),
        ([TensorType(i64, (), weak=True), TensorType(b, (3,))], i32),
    ],
)
def test_weak_values_of_a_trace(types: list[TensorType], result: DType) -> None:
    assert common(tuple(types)) is result
    assert common(tuple(reversed(types))) is result


@pytest.mark.parametrize(
    ("name", "given", "result"),
    [
        ("divide", i32, f32), ("divide", f64, f64), ("sqrt", i64, f32), ("sqrt", b, f32), ("power", b, i32),
        ("floor_divide", b, i32), ("floor", i32, i32), ("add", b, b), ("equal", f64, b), ("logical_and", f32,
        b),
    ],
)  # fmt: skip
def test_pointwise_results(name: str, given: DType, result: DType) -> None:
    with numpy_stage():
        operands = [of(given)] if name in ("sqrt", "floor") else [of(given), of(given)]
        assert OPS[name].call(*operands).dtype is result


@pytest.mark.parametrize(
    ("function", "given", "result"),
    [
        (ops.sum, b, i32), (ops.sum, i8, i32), (ops.sum, u8, dtypes.uint32), (ops.sum, i64, i64), (ops.sum,
        f32, f32),
        (ops.mean, i64, f32), (ops.mean, f64, f64), (ops.var, b, f32), (ops.argmax, f32, i64), (ops.max, i8,
        i8),
        (ops.any, f32, b), (ops.all, i32, b),
    ],
)  # fmt: skip
def test_reduced_results(function: Callable[[Array], Array], given: DType, result: DType) -> None:
    with numpy_stage():
        assert function(of(given)).dtype is result


def test_ranges_and_filled_arrays() -> None:
    with numpy_stage():
        assert ops.arange(3).dtype is i32
        assert ops.arange(0.0, 1.0, 0.25).dtype is f32
        assert ops.zeros((2,)).dtype is f32
        assert ops.full((2,), 3).dtype is i32
        assert ops.full((2,), True).dtype is b
        assert ops.full((2,), np.float64(1)).dtype is f64


def test_numbers_that_do_not_fit() -> None:
    with numpy_stage():
        with pytest.raises(IntegerOverflow, match=r"the Python int 300 does not fit int8"):
            of(i8) + 300
        with pytest.raises(IntegerOverflow, match=r"the Python int -1 does not fit uint8"):
            of(u8) * -1


def test_signed_integers_do_not_meet_uint64() -> None:
    with numpy_stage(), pytest.raises(DTypeError, match=r"int64 and uint64 have no common integer type"):
        of(i64) + of(u64)
