"""Functions that repeat arrays and their elements."""

from __future__ import annotations

from typing import cast as typed

import numpy as np

from .. import checks, dtypes, scalar
from ..array import Array
from ..attrs import Attrs, ShapeOf, intern
from ..dtypes import DType
from ..errors import ArgumentError, DomainError, DTypeError, LithographError, ShapeError
from ..op import Op, Pointwise, Sample
from ..promotion import keep
from ..registry import OPS
from ..scalar import Scalar
from ..stage import Operand, as_array, located
from ..types import Dim, Extent, TensorType, show_shape
from .axes import integer, legal_shape, one_axis
from .conversion import astype
from .creation import iota
from .cumulative import cumulative_sum
from .gathering import take
from .logic import where
from .reductions import any
from .rows import quiet
from .searching import known, searchsorted
from .shapes import broadcast_to, expand_dims, reshape

__all__ = ["repeat", "tile"]


def _other_sum(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    total = typed(ShapeOf, attrs).shape[0]
    if report < 0:
        return DomainError("repeat: repetitions must be >= 0, and one is negative")
    return DomainError(f"repeat: the repetitions sum to {report}, and total_repeat_length is {total}")


def _as_told(count: Scalar, attrs: ShapeOf) -> Scalar:
    return scalar.check(count, scalar.eq(count, scalar.extent(attrs.shape[0])), 0, count)


def _as_told_of(count: np.ndarray, attrs: ShapeOf) -> np.ndarray:
    checks.fail(_other_sum, count != typed(tuple[int], attrs.shape)[0], count, (count,), attrs)
    return count


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    return [((np.array(7, np.int64),), intern(ShapeOf((7,))))] if dtype is dtypes.int64 else []


_sum_is = Op(
    "sum_is",
    infer=lambda types, attrs: TensorType(dtypes.int64, types[0].shape),
    promote=keep,
    reference=quiet(_as_told_of),
    lowering=Pointwise(_as_told),
    vjp=None,
    attrs=ShapeOf,
    failure=_other_sum,
    samples=_samples,
)
"""A sum of repetitions, which must be the one extent of `attrs`."""


def _evenly(array: Array, times: int, axis: int) -> Array:
    if times < 0:
        raise DomainError(f"repeat: repetitions must be >= 0, but {times} was given")
    shape = array._aval.shape
    spread = broadcast_to(expand_dims(array, axis=axis + 1), (*shape[: axis + 1], times, *shape[axis + 1 :]))
    return reshape(spread, (*shape[:axis], shape[axis] * times, *shape[axis + 1 :]))


def _sources(repeats: Array, total: int) -> Array:
    """The index that each of `total` elements is a copy of."""
    ends = cumulative_sum(astype(repeats, dtypes.int64))
    told = _sum_is.call(where(any(OPS["less"].call(repeats, 0)), -1, ends[-1]), intern(ShapeOf((total,))))
    # Adding what the check gives, less what it must give, keeps the check without a second meaning.
    return searchsorted(ends, iota(total, dtypes.int64) + (told - total), side="right")


def _listed(repeats: list[int] | tuple[int, ...]) -> np.ndarray:
    try:
        return np.asarray(repeats, np.int64 if not len(repeats) else None)
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(f"repeat: the repetitions must be integers, but {repeats!r} was given") from None


@located
def repeat(
    x: Operand,
    repeats: Operand | list[int] | tuple[int, ...],
    /,
    *,
    axis: int | None = None,
    total_repeat_length: int | None = None,
) -> Array:
    """Each element of `x` along `axis` several times in a row; without `axis`, `x` is flattened first.

    Args:
        x: the array.
        repeats: how often, one integer for all or one for each.
        axis: the axis, or None.
        total_repeat_length: the sum of several repeats; a traced function needs it.

    Raises:
        DomainError: a number is negative, or the sum is not `total_repeat_length`.
        DTypeError: `repeats` are no integers.
        ShapeError: there is no such axis, or `repeats` are neither one nor one for each element.
        TraceError: `total_repeat_length` is missing while tracing.
    """
    array = as_array("repeat", x)
    if axis is None:
        array, axis = reshape(array, -1), 0
    place = one_axis("repeat", axis, array.ndim)
    if hasattr(type(repeats), "__index__") and not isinstance(repeats, Array | np.ndarray):
        return _evenly(array, integer("repeat", "the number of repetitions", repeats), place)
    times = as_array("repeat", _listed(repeats) if isinstance(repeats, list | tuple) else repeats)
    extent: Extent = array._aval.shape[place]
    if not times.dtype.is_integer:
        raise DTypeError(f"repeat: repetitions must be integers, but their dtype is {times.dtype.name}")
    if times.ndim > 1 or (times.ndim == 1 and times._aval.shape[0] not in (1, extent)):
        raise ShapeError(
            f"repeat: one number of repetitions, or one for each of the {extent} elements along axis {place}, is "
            f"needed, but the shape of repeats is {show_shape(times.shape)}"
        )
    if total_repeat_length is None:
        held = known("repeat", times, "give total_repeat_length=, the sum of the repetitions")
        if held.size == 1 and extent != 1:
            return _evenly(array, int(held.reshape(())), place)
        if (held < 0).any():
            raise DomainError(f"repeat: repetitions must be >= 0, but {int(held.min())} was given")
        whole = float(held.astype(np.float64).sum())
        TensorType(array.dtype, (int(whole), *array._aval.shape))  # refuses sizes that no memory holds
        return take(array, np.repeat(np.arange(held.size), held.reshape(-1).astype(np.int64)), axis=place)
    total = integer("repeat", "total_repeat_length", total_repeat_length)
    legal_shape("repeat", (total,))
    if extent == 0:
        if total:
            raise DomainError(f"repeat: there are no elements, and total_repeat_length is {total}")
        return array
    every = broadcast_to(reshape(times, -1), (extent,))
    return take(array, _sources(every, total), axis=place)


@located
def tile(x: Operand, repetitions: int | tuple[int, ...], /) -> Array:
    """`x` laid side by side as often as `repetitions` says per axis; missing leading axes count as 1 on both sides.

    Raises:
        ShapeError: a number is negative.
    """
    array = as_array("tile", x)
    times = legal_shape("tile", repetitions)
    ndim = max(len(times), array.ndim)
    times = (1,) * (ndim - len(times)) + times
    shape = (1,) * (ndim - array.ndim) + array._aval.shape
    if all(t == 1 for t in times):
        return reshape(array, shape)
    result: list[Extent] = []
    for t, s in zip(times, shape, strict=True):
        if isinstance(t, Dim) and isinstance(s, Dim):
            raise ShapeError(f"tile: the symbolic extent {s} cannot be repeated the symbolic number {t} of times")
        result.append(s * t if isinstance(t, int) else t * typed(int, s))
    # An axis that is not repeated needs no axis of its own.
    between = [e for t, s in zip(times, shape, strict=True) for e in ((1, s) if t != 1 else (s,))]
    spread = [e for t, s in zip(times, shape, strict=True) for e in ((t, s) if t != 1 else (s,))]
    return reshape(broadcast_to(reshape(array, between), spread), result)
