"""Counting: the row `bincount`, and histograms made of it."""

from __future__ import annotations

import builtins
import math
from typing import NamedTuple

import numpy as np

from .. import checks, dtypes, scalar
from ..array import Array
from ..attrs import NO_ATTRS, Attrs, Axis, intern
from ..batch_rules import Mapped, along
from ..dtypes import DType
from ..errors import ArgumentError, DomainError, DTypeError, LithographError, RangeError, ShapeError
from ..op import Element, Op, Reader, Sample, Scatter, Target
from ..promotion import keep, same
from ..registry import OPS
from ..scalar import Scalar
from ..stage import Operand, as_array, located
from ..types import Dim, Extent, TensorType, show_shape
from .axes import flag, integer, legal_shape
from .conversion import astype
from .creation import iota, ones_like, scalar_constant, zeros
from .logic import equal, greater_equal, less_equal, logical_and, where
from .reductions import max, min, sum
from .rows import FLOAT, quiet, refuse_kinds, values
from .searching import alike, known, searchsorted, values_if_known
from .shapes import reshape

__all__ = ["bincount", "histogram"]


def _count_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    start, weights, x = types
    if not x.dtype.is_integer:
        raise DTypeError(f"bincount: values to count must be integers, but their dtype is {x.dtype.name}")
    if not x.ndim or weights.shape != x.shape:
        raise ShapeError(
            f"bincount: values and weights must have an axis and one shape, but they are {show_shape(x.shape)} and "
            f"{show_shape(weights.shape)}"
        )
    if not start.ndim or start.shape[:-1] != x.shape[:-1] or start.dtype is not weights.dtype:
        raise ShapeError(
            "bincount: counters must have the dtype of the weights, and their axes but for the last one, but they are "
            f"{start} and {weights}"
        )
    return start


def _not_counted(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    length = types[0].shape[-1]
    return RangeError(f"bincount: values must be from 0 to {length} - 1, but {report} was given")


def _count_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Target:
    given = scalar.cast(operands[2].at(*index), dtypes.int64)
    inside = (given >= 0) & (given < scalar.extent(result.shape[-1]))
    return (*index[:-1], scalar.check(scalar.select(inside, given, 0), inside, 0, given)), None


def _count_of(start: np.ndarray, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    length = start.shape[-1]
    wide = x.astype(np.int64)
    checks.fail(_not_counted, (wide < 0) | (wide >= length), wide, (start, weights, x), NO_ATTRS)
    result = np.array(start)
    for at in np.ndindex(x.shape):
        result[(*at[:-1], wide[at])] += weights[at]
    return result


def _count_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype.kind == "bool":
        return []
    cases: list[tuple[tuple[int, ...], int, int, DType]] = [
        ((), 20, 6, dtypes.int32), ((), 5, 9, dtypes.uint8), ((), 0, 3, dtypes.int64), ((2, 3), 7, 4, dtypes.int64),
    ]  # fmt: skip
    return [
        (
            (
                values(rng, dtype, (*rows, length)),
                values(rng, dtype, (*rows, count)),
                rng.integers(0, length, (*rows, count)).astype(kind.numpy),
            ),
            NO_ATTRS,
        )
        for rows, count, length, kind in cases
    ]


_bincount: Op = Op(
    "bincount",
    infer=_count_type,
    promote=keep,
    reference=quiet(_count_of),
    lowering=Scatter(lambda attrs, types: types[2].shape, _count_at, "add"),
    vjp=(
        lambda g, y, start, weights, x: g,
        lambda g, y, start, weights, x: OPS["take_along_axis"].call(g, x, intern(Axis(x.ndim - 1))),
        None,
    ),
    linear=(0, 1),
    failure=_not_counted,
    samples=_count_samples,
    batch=along,
)


@located
def bincount(
    x: Operand, /, weights: Operand | None = None, *, minlength: int = 0, length: Extent | None = None
) -> Array:
    """How often each integer from 0 on stands in the 1-D `x`, as int64, or the sum of the `weights` there.

    Args:
        x: the integers.
        weights: what each counts; 1 when None. Sums are made in their dtype and in the order of `x`.
        minlength: the least length of the result, which else ends at the largest integer.
        length: the length of the result; a traced function needs it.

    Raises:
        RangeError: an integer is negative, or not below `length`.
        DTypeError: `x` are no integers.
        ShapeError: `x` has not one axis, or `weights` another shape.
        TraceError: `length` is missing while tracing.
    """
    array = as_array("bincount", x)
    if array.dtype.is_integer and length is None:
        held = known("bincount", array, "give length=, the number of counters")
        least = integer("bincount", "minlength", minlength)
        if least < 0:
            raise ShapeError(f"bincount: minlength must be >= 0, but it is {least}")
        length = builtins.max(int(held.max()) + 1 if held.size else 0, least, 0)
    asked = 0 if length is None else length if isinstance(length, Dim) else integer("bincount", "length", length)
    (count,) = legal_shape("bincount", asked)
    given = ones_like(array, dtype=dtypes.int64) if weights is None else as_array("bincount", weights)
    if array.ndim != 1 or given.shape != array.shape:
        raise ShapeError(
            f"bincount: values and weights must have one axis and one shape, but they are {show_shape(array.shape)} "
            f"and {show_shape(given.shape)}"
        )
    return _bincount.call(zeros((count,), dtype=given.dtype), given, array)


class Histogram(NamedTuple):
    """Counts, one per bin, and the edges of the bins, one more."""

    hist: Array
    bin_edges: Array


def _bounds(x: Array, range: tuple[float, float] | None) -> tuple[Array, Array]:
    """Where the bins begin and end, in float64."""
    if range is None:
        if x._aval.shape[0] == 0:
            return scalar_constant(0.0, dtypes.float64), scalar_constant(1.0, dtypes.float64)
        low, high = astype(min(x), dtypes.float64), astype(max(x), dtypes.float64)
        held = values_if_known(low), values_if_known(high)
        if held[0] is not None and held[1] is not None and not (np.isfinite(held[0]) and np.isfinite(held[1])):
            raise DomainError(f"histogram: the values reach from {held[0]} to {held[1]}; give a finite range=")
        one = equal(low, high)
        return where(one, low - 0.5, low), where(one, high + 0.5, high)
    given: object = range
    if not isinstance(given, list | tuple) or len(given) != 2 or not all(_is_number(b) for b in range):
        raise ArgumentError(f"histogram: the range must be two numbers, but {range!r} was given")
    first, last = float(range[0]), float(range[1])
    if not (math.isfinite(first) and math.isfinite(last) and first <= last):
        raise DomainError(f"histogram: the range must be finite and not decrease, but it is {range!r}")
    wider = 0.5 if first == last else 0.0
    return scalar_constant(first - wider, dtypes.float64), scalar_constant(last + wider, dtypes.float64)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _edge_dtype(dtype: DType) -> DType:
    """The dtype of edges: it tells all elements apart, as far as a float can."""
    if dtype.is_float and dtype.bits >= 32:
        return dtype
    return dtypes.float64 if dtype.is_integer and dtype.bits >= 32 else dtypes.float32


def _edges(
    bins: int | Operand, x: Array, range: tuple[float, float] | None, dtype: DType
) -> tuple[Array, tuple[Array, Array] | None]:
    """The edges of bins, and where bins of equal width begin and end.

    Those are computed in float64, the last one is the end itself, then converted to `dtype`.
    """
    if isinstance(bins, int) and not isinstance(bins, bool):
        if bins < 1:
            raise ShapeError(f"histogram: at least one bin is needed, but bins is {bins}")
        low, high = _bounds(x, range)
        i = iota(bins + 1, dtypes.float64)
        found = where(equal(i, float(bins)), high, i * ((high - low) / float(bins)) + low)
        return astype(found, dtype), (low, high)
    edges = as_array("histogram", bins)
    if edges.ndim != 1 or edges._aval.shape[0] == 0:
        raise ShapeError(f"histogram: edges must be along one axis, but their shape is {show_shape(edges.shape)}")
    held = values_if_known(edges)
    if held is not None and not np.all(held[1:] >= held[:-1]):
        raise DomainError("histogram: the edges of the bins must increase")
    return edges, None


def _bins_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    x, edges, low, scale = types
    if builtins.any(t.dtype.kind not in FLOAT for t in types):
        raise refuse_kinds("even_bins", FLOAT, next(t.dtype for t in types if t.dtype.kind not in FLOAT))
    rows = edges.shape[:-1]
    if not edges.ndim or edges.shape[-1] in (0, 1) or not low.shape == scale.shape == x.shape[: edges.ndim - 1] == rows:
        raise ShapeError(
            "even_bins: edges along the last axis and two numbers are needed for each first index of the elements, not "
            f"{edges}, {low} and {scale} for {x}"
        )
    return TensorType(dtypes.int64, x.shape)


def _bin_at(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Scalar:
    """The bin by the distance from the first edge; one more or less where rounding put it across an edge."""
    x, edges = operands[0].at(*index), operands[1]
    row = index[: edges.type.ndim - 1]
    low, scale = operands[2].at(*row), operands[3].at(*row)
    count = scalar.extent(edges.type.shape[-1]) - 1
    zero = scalar.const(dtypes.int64, 0)
    guess = scalar.cast((x - low) * scale, dtypes.int64)
    guess = scalar.binary("maximum", scalar.binary("minimum", guess, count - 1), 0)
    guess = scalar.select((x < edges.at(*row, guess)) & (guess > 0), guess - 1, guess)
    guess = scalar.select((x >= edges.at(*row, guess + 1)) & (guess < count - 1), guess + 1, guess)
    return scalar.select((x >= edges.at(*row, zero)) & (x <= edges.at(*row, count)), guess, count)


def _bin_of(x: np.ndarray, edges: np.ndarray, low: np.ndarray, scale: np.ndarray) -> np.ndarray:
    found = np.empty(x.shape, np.int64)
    for row in np.ndindex(edges.shape[:-1]):
        own, given = edges[row], x[row]
        bins = np.searchsorted(own, given, side="right") - 1
        bins = np.where(given == own[-1], own.size - 2, bins)
        found[row] = np.where((given >= own[0]) & (given <= own[-1]), bins, own.size - 1)
    return found


def _bin_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype.kind not in FLOAT:
        return []
    made: list[Sample] = []
    for shape, low, high, count in (((3, 5), -2.0, 2.5, 7), ((), 0.0, 1.0, 1), ((0,), 0.0, 1.0, 3)):
        edges = (np.arange(count + 1) * ((high - low) / count) + low).astype(dtype.numpy)
        numbers = (np.array(low, dtype.numpy), np.array(count / (high - low), dtype.numpy))
        made.append(((values(rng, dtype, shape), edges, *numbers), NO_ATTRS))
        special = np.concatenate([edges, np.array([np.nan, np.inf, -np.inf], dtype.numpy)])
        made.append(((special, edges, *numbers), NO_ATTRS))
        rows = (np.stack([x, x]) for x in (special, edges, *numbers))
        made.append((tuple(rows), NO_ATTRS))
    return made


def _bins_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    if not any(mapped[1:]) and operands[1].ndim == 1:
        return op.call(*operands)
    return along(op, operands, mapped, attrs, extent)


_even_bins = Op(
    "even_bins",
    infer=_bins_type,
    promote=same,
    reference=quiet(_bin_of),
    lowering=Element(_bin_at),
    vjp=None,
    samples=_bin_samples,
    batch=_bins_batch,
)
"""The bin between evenly spaced edges that each element lies in, and the number of bins where it lies in none.

The operands are the elements, the edges, the first edge, and the number of bins by their whole width.
"""


def _places(x: Array, edges: Array) -> Array:
    """The same for edges of any spacing."""
    count = edges._aval.static_shape[0] - 1
    found = where(equal(x, edges[-1]), count - 1, searchsorted(edges, x, side="right") - 1)
    return where(logical_and(greater_equal(x, edges[0]), less_equal(x, edges[-1])), found, count)


@located
def histogram(
    x: Operand,
    /,
    bins: int | Operand = 10,
    *,
    range: tuple[float, float] | None = None,
    weights: Operand | None = None,
    density: bool = False,
) -> Histogram:
    """How many elements of `x` lie in each of some bins.

    Args:
        x: values of any shape; those outside of all bins, and NaN, are not counted.
        bins: the number of bins of equal width, or their edges in increasing order. A bin holds its lower edge, the
            last one its upper edge too.
        range: where the bins begin and end; the extremes of `x` when None.
        weights: of the shape of `x`: what each element counts, in their dtype; else the result is int64.
        density: divide by the total and the width of the bin, so that the integral is 1.

    Edges that are made have the dtype of `x`, float64 for integers of 32 bits and more, float32 for narrower ones.

    Raises:
        DomainError: the range is not finite, or edges decrease (told where values are known).
        ShapeError: there is no bin, or shapes differ.
    """
    array = as_array("histogram", x)
    flat = reshape(array, -1)
    edges, even = _edges(bins, flat, range, _edge_dtype(array.dtype))
    count = edges._aval.static_shape[0] - 1
    flat, compared = alike("histogram", flat, edges)
    if even is None:
        places = _places(flat, compared)
    else:
        low, high = even
        scale = astype(float(count) / (high - low), compared.dtype)
        places = _even_bins.call(flat, compared, astype(low, compared.dtype), scale)
    # What lies outside is counted in one more bin, which is then left out.
    each = None if weights is None else reshape(_of_shape(array, weights), -1)
    counts = bincount(places, each, length=count + 1)[:count]
    if flag("histogram", "density", density):
        shares = astype(counts, edges.dtype) if counts.dtype.is_integer else counts
        counts = shares / (edges[1:] - edges[:-1]) / sum(shares)
    return Histogram(counts, edges)


def _of_shape(x: Array, weights: Operand) -> Array:
    found = as_array("histogram", weights)
    if found.shape != x.shape:
        raise ShapeError(
            f"histogram: the weights must have the shape {show_shape(x.shape)} of the values, but theirs is "
            f"{show_shape(found.shape)}"
        )
    return found
