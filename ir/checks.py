"""What can fail while a program runs: the number that code reports, and the error that a user sees; it knows
no op.

A failing check hands over its number and one integer, the report (an index, a divisor, an exponent). The node
that the check belongs to supplies the types of its operands and its attrs, and `failure` makes the exception
of all that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from .attrs import Attrs, Axis, Scatter
from .dtypes import from_numpy
from .errors import DivisionError, DomainError, LithographError, RangeError
from .types import TensorType

TAKE: Final = 1
TAKE_ALONG_AXIS: Final = 2
FLOOR_DIVIDE: Final = 3
REMAINDER: Final = 4
POWER_NEGATIVE: Final = 5

Message = Callable[[int, tuple[TensorType, ...], Attrs], LithographError]


def _range(name: str) -> Message:
    def make(report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
        assert isinstance(attrs, Axis | Scatter)
        extent = (attrs.shape if isinstance(attrs, Scatter) else types[0].shape)[attrs.axis]
        legal = (
            f"indices are {-extent} to {extent - 1}"
            if isinstance(extent, int) and extent
            else "it has no index"
        )
        legal = legal if isinstance(extent, int) else f"indices are below {extent}"
        return RangeError(
            f"{name}: index {report} is out of range for axis {attrs.axis} with extent {extent}; {legal}"
        )

    return make


def _division(name: str, instead: str) -> Message:
    def make(report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
        return DivisionError(f"{name}: integer division by zero, in {types[0].dtype}; {instead}")

    return make


def _negative_exponent(report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    return DomainError(
        f"power: integers cannot be raised to a negative power, and the exponent is {report}; "
        "convert the base with astype(float32) first"
    )


_FAILURES: Final[dict[int, Message]] = {
    TAKE: _range("take"),
    TAKE_ALONG_AXIS: _range("take_along_axis"),
    FLOOR_DIVIDE: _division("floor_divide", "divide floats, or replace the zeros with where"),
    REMAINDER: _division("remainder", "divide floats, or replace the zeros with where"),
    POWER_NEGATIVE: _negative_exponent,
}


def failure(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    """The exception for a failed check.

    Args:
        number: the check's number, as in the `check` of a scalar body.
        report: the integer that the check handed over.
        types: types of the operands of the node that the check belongs to.
        attrs: attrs of that node.
    """
    return _FAILURES[number](report, types, attrs)


def fail(
    number: int, bad: np.ndarray, reports: np.ndarray, operands: tuple[np.ndarray, ...], attrs: Attrs
) -> None:
    """Raise as a check does, for the first element in row-major order where `bad` holds; return if there is
    none.
    """
    bad, reports = np.broadcast_arrays(bad, reports)
    where = np.flatnonzero(bad)
    if where.size:
        types = tuple([TensorType(from_numpy(x.dtype), x.shape) for x in operands])
        raise failure(number, int(reports.reshape(-1)[where[0]]), types, attrs)
