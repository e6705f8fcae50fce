"""How a row's checks fail: the row itself says which numbers it uses and what error each means; this file knows no op.

A failing check hands over its number, which is the row's own, and one integer, the report (an index, a divisor, an
exponent). The row makes the exception of these, of the types of its operands and of its attrs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .attrs import Attrs
from .dtypes import from_numpy
from .errors import LithographError
from .types import TensorType

Failure = Callable[[int, int, tuple[TensorType, ...], Attrs], LithographError]
"""`failure(number, report, types, attrs)` is the exception for a failed check of a row: its number as in the `check` of
the body, the integer that it handed over, the types of the operands, the attrs."""


def fail(
    failure: Failure,
    bad: np.ndarray,
    reports: np.ndarray,
    operands: tuple[np.ndarray, ...],
    attrs: Attrs,
    number: int = 0,
) -> None:
    """Raise as a check does, for the first element in row-major order where `bad` holds; return if there is
    none.
    """
    bad, reports = np.broadcast_arrays(bad, reports)
    where = np.flatnonzero(bad)
    if where.size:
        types = tuple([TensorType(from_numpy(x.dtype), x.shape) for x in operands])
        raise failure(number, int(reports.reshape(-1)[where[0]]), types, attrs)
