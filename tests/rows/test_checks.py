"""The errors of checks, whole: what native code reports becomes these."""

from __future__ import annotations

import pytest

from lithograph.ir import dtypes
from lithograph.ir.attrs import NO_ATTRS, Attrs, Axis, Indexing
from lithograph.ir.registry import OPS
from lithograph.ir.types import Dim, TensorType

X = TensorType(dtypes.float32, (4, 3))
I = TensorType(dtypes.int64, (5,))  # noqa: E741
N = TensorType(dtypes.int32, (2,))


@pytest.mark.parametrize(
    ("name", "number", "report", "types", "attrs", "text"),
    [
        (
            "gather", 0, 10, (X, I), Indexing((1,), 1),
            "index 10 is out of range for axis 1 with extent 3; indices are -3 to 2",
        ),
        (
            "gather", 1, -5, (X, I, I), Indexing((0, 1), 0),
            "index -5 is out of range for axis 1 with extent 3; indices are -3 to 2",
        ),
        (
            "gather", 0, 0, (TensorType(dtypes.float32, (0,)), I), Indexing((0,), 0),
            "index 0 is out of range for axis 0 with extent 0; it has no index",
        ),
        (
            "gather", 0, 7, (TensorType(dtypes.float32, (Dim("n"),)), I), Indexing((0,), 0),
            "index 7 is out of range for axis 0 with extent n; indices are below n",
        ),
        (
            "scatter_add", 0, 9, (X, X, I), Indexing((0,), 0),
            "index 9 is out of range for axis 0 with extent 4; indices are -4 to 3",
        ),
        (
            "take_along_axis", 0, 3, (X, X), Axis(1),
            "index 3 is out of range for axis 1 with extent 3; indices are -3 to 2",
        ),
        (
            "floor_divide", 0, 0, (N, N), NO_ATTRS,
            "floor_divide: integer division by zero, in int32; divide floats, or replace the zeros with "
            "where",
        ),
        (
            "remainder", 0, 0, (N, N), NO_ATTRS,
            "remainder: integer division by zero, in int32; divide floats, or replace the zeros with where",
        ),
        (
            "power", 0, -2, (N, N), NO_ATTRS,
            "power: integers cannot be raised to a negative power, and the exponent is -2; "
            "convert the base with astype(float32) first",
        ),
    ],
)  # fmt: skip
def test_texts(
    name: str, number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs, text: str
) -> None:
    assert str(OPS[name].error(number, report, types, attrs)) == text
