"""Places of elements that are not zero; their number follows from values, so a traced function says it itself."""

from __future__ import annotations

from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import Attrs, Indexing, ShapeOf, intern
from ..checks import fail
from ..dtypes import DType
from ..errors import DomainError, LithographError, ShapeError
from ..op import Op, Pointwise, Sample
from ..promotion import keep
from ..registry import OPS
from ..scalar import Scalar
from ..stage import Operand, as_array, current, located
from ..types import TensorType
from .axes import integer, legal_shape
from .conversion import astype
from .creation import full, iota
from .cumulative import cumulative_sum
from .joining import stack
from .logic import where
from .reductions import count_nonzero
from .rows import limited_type, quiet
from .searching import known
from .shapes import reshape

__all__ = ["argwhere", "flatnonzero", "nonzero"]

_INSTEAD = "give size=, the number of places, of which those that are missing get fill_value"


def _too_many(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    (size,) = typed(ShapeOf, attrs).shape
    return DomainError(f"nonzero: there are {report} places, and size={size} cannot hold them")


def _within(count: Scalar, attrs: ShapeOf) -> Scalar:
    return scalar.check(count, count <= scalar.extent(attrs.shape[0]), 0, count)


def _within_of(count: np.ndarray, attrs: ShapeOf) -> np.ndarray:
    fail(_too_many, count > typed(tuple[int], attrs.shape)[0], count, (count,), attrs)
    return count


def _within_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    return [((np.array(n, np.int64),), intern(ShapeOf((5,)))) for n in (0, 5)] if dtype is dtypes.int64 else []


_fitting = Op(
    "number_of_places",
    infer=limited_type("number_of_places"),
    promote=keep,
    reference=quiet(_within_of),
    lowering=Pointwise(_within),
    attrs=ShapeOf,
    failure=_too_many,
    samples=_within_samples,
)
"""A number of places, which must not be above the one extent of `attrs`."""


def _places(name: str, x: Array, size: object, fill_value: Operand) -> tuple[Array, ...]:
    if size is None:
        held = known(name, x, _INSTEAD)
        return tuple([current().constant(np.asarray(found, np.int64)) for found in np.nonzero(held)])
    (extent,) = legal_shape(name, integer(name, "size", size))
    start = full((extent,), fill_value, dtype=dtypes.int64)
    if 0 in x.shape:
        return (start,) * x.ndim
    true = astype(x, dtypes.bool_)
    total = _fitting.call(count_nonzero(true), intern(ShapeOf((extent,))))
    before = reshape(cumulative_sum(reshape(astype(true, dtypes.int64), -1)), x.shape) - 1
    # Where there is nothing to note, the place is outside, and dropped.
    place = where(true, before, total + extent)
    attrs = intern(Indexing((0,), 0, "drop"))
    found = []
    for axis, e in enumerate(x.shape):
        along = reshape(iota(e, dtypes.int64), tuple([e if k == axis else 1 for k in range(x.ndim)]))
        found.append(OPS["scatter_set"].call(start, along, place, attrs))
    return tuple(found)


@located
def nonzero(x: Operand, /, *, size: int | None = None, fill_value: Operand = 0) -> tuple[Array, ...]:
    """For each axis of `x` the indices of the elements that are not zero, in row-major order, as int64.

    Args:
        x: the elements; NaN is not zero.
        size: the number of places, which a traced function needs; those that are missing get `fill_value`.
        fill_value: an index.

    Raises:
        ShapeError: `x` has no axis.
        TraceError: `size` is missing while tracing.
        DomainError: there are more than `size` places, when the value is computed.
    """
    array = as_array("nonzero", x)
    if not array.ndim:
        raise ShapeError("nonzero: a 0-d tensor has no indices; reshape it to (1,) first")
    return _places("nonzero", array, size, fill_value)


@located
def flatnonzero(x: Operand, /, *, size: int | None = None, fill_value: Operand = 0) -> Array:
    """The indices of the elements that are not zero in `x` read in row-major order; the rest as for `nonzero`."""
    return _places("flatnonzero", reshape(as_array("flatnonzero", x), -1), size, fill_value)[0]


@located
def argwhere(x: Operand, /, *, size: int | None = None, fill_value: Operand = 0) -> Array:
    """The indices of the elements that are not zero, one row for each; the rest as for `nonzero`."""
    array = as_array("argwhere", x)
    if not array.ndim:
        raise ShapeError("argwhere: a 0-d tensor has no indices; reshape it to (1,) first")
    return stack(_places("argwhere", array, size, fill_value), axis=1)
