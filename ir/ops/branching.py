"""The row that checks the number of a branch."""

from __future__ import annotations

import numpy as np

from .. import dtypes, scalar
from ..attrs import Attrs, ShapeOf, intern
from ..checks import fail
from ..errors import LithographError, RangeError
from ..op import Op, Pointwise, Sample
from ..promotion import keep
from ..scalar import Scalar
from ..types import TensorType

__all__: list[str] = []


def branch_error(index: int, count: int) -> RangeError:
    """The index of a switch names none of its branches."""
    known = f"there are {count} branches, numbered 0 to {count - 1}" if count > 1 else "there is only branch 0"
    return RangeError(f"switch: the index is {index}, but {known}")


def _failure(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    assert isinstance(attrs, ShapeOf)
    return branch_error(report, int(attrs.shape[0]))


def _reference(x: np.ndarray, attrs: ShapeOf) -> np.ndarray:
    fail(_failure, (x < 0) | (x >= attrs.shape[0]), x, (x,), attrs)
    return x


def _body(x: Scalar, attrs: ShapeOf) -> Scalar:
    return scalar.check(x, (x >= 0) & (x < int(attrs.shape[0])), 0, x)


def _samples(rng: np.random.Generator, dtype: dtypes.DType) -> list[Sample]:
    if dtype is not dtypes.int64:
        return []
    return [((np.array(k, np.int64),), intern(ShapeOf((3,)))) for k in (0, 2)]


_branch = Op(
    "branch",
    infer=lambda types, attrs: TensorType(types[0].dtype, types[0].shape),
    promote=keep,
    reference=_reference,
    lowering=Pointwise(_body),
    attrs=ShapeOf,
    failure=_failure,
    samples=_samples,
)
"""An int64 that is the number of one of `shape[0]` branches."""
