"""Sets: the distinct values of an array, and what sets have in common, by sorting."""

from __future__ import annotations

from typing import NamedTuple
from typing import cast as typed

import numpy as np

from .. import checks, dtypes, scalar
from ..array import Array
from ..attrs import Attrs, Indexing, ShapeOf, intern
from ..dtypes import DType
from ..errors import DomainError, LithographError
from ..op import Op, Pointwise, Sample
from ..promotion import keep
from ..records import dataclass
from ..registry import OPS
from ..scalar import Scalar
from ..stage import Operand, as_array, located
from ..types import Extent, TensorType
from .axes import flag, integer, legal_shape
from .complexes import imag, real
from .conversion import astype
from .creation import full, iota, zeros
from .cumulative import cumulative_sum
from .gathering import take
from .joining import concat
from .logic import isnan, logical_and, logical_not, not_equal, where
from .ordering import argsort, lexsort
from .rows import limited_type, quiet
from .searching import alike, isin, known, searchsorted
from .shapes import axis_size, reshape

__all__ = [
    "intersect1d", "setdiff1d", "setxor1d", "union1d", "unique", "unique_all", "unique_counts", "unique_inverse",
    "unique_values",
]  # fmt: skip

_INSTEAD = "give size=, the number of values, of which those that are missing get fill_value"


def _too_many(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    (size,) = typed(ShapeOf, attrs).shape
    return DomainError(f"unique: there are {report} distinct values, and size={size} cannot hold them")


def _within(count: Scalar, attrs: ShapeOf) -> Scalar:
    return scalar.check(count, count <= scalar.extent(attrs.shape[0]), 0, count)


def _within_of(count: np.ndarray, attrs: ShapeOf) -> np.ndarray:
    checks.fail(_too_many, count > typed(tuple[int], attrs.shape)[0], count, (count,), attrs)
    return count


def _within_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    return [((np.array(n, np.int64),), intern(ShapeOf((7,)))) for n in (0, 7)] if dtype is dtypes.int64 else []


_fitting = Op(
    "fitting",
    infer=limited_type("fitting"),
    promote=keep,
    reference=quiet(_within_of),
    lowering=Pointwise(_within),
    vjp=None,
    attrs=ShapeOf,
    failure=_too_many,
    samples=_within_samples,
)
"""A count, which must not be above the one extent of `attrs`."""


@dataclass(frozen=True, slots=True)
class _Groups:
    """Equal elements of a flat array, in the order of their values.

    Attributes:
        order: the indices that sort it.
        ordered: the elements in that order.
        number: of the group that each of these is in.
        starts: where each group starts among them, and the number of elements for those that are missing.
        present: which groups there are.
    """

    order: Array
    ordered: Array
    number: Array
    starts: Array
    present: Array

    def first(self, x: Array, fill: Operand | None) -> Array:
        """What `x` holds for the first element of each group; `fill`, or what group 0 has, where it is missing."""
        extent = x._aval.shape[0]
        if extent == 0:
            shape = self.present._aval.shape
            return zeros(shape, dtype=x.dtype) if fill is None else full(shape, fill, dtype=x.dtype)
        found = take(x, where(self.present, self.starts, 0))
        return found if fill is None else where(self.present, found, full((), fill, dtype=x.dtype))


def _order(flat: Array) -> Array:
    """The indices that bring equal elements together; complex numbers, which have no order, go by their parts."""
    return lexsort([imag(flat), real(flat)]) if flat.dtype.is_complex else argsort(flat)


def _groups(name: str, x: Array, size: object, equal_nan: bool = False) -> _Groups:
    flat = reshape(x, -1)
    order = _order(flat)
    ordered = take(flat, order)
    n: Extent = flat._aval.shape[0]
    if n == 0:
        count = 0 if size is None else integer(name, "size", size)
        (extent,) = legal_shape(name, count)
        none = zeros((extent,), dtype=dtypes.int64)
        return _Groups(order, ordered, order, none, astype(none, dtypes.bool_))
    new = not_equal(ordered[1:], ordered[:-1])
    if equal_nan and x.dtype.is_inexact:
        new = logical_and(new, logical_not(logical_and(isnan(ordered[1:]), isnan(ordered[:-1]))))
    number = concat([zeros((1,), dtype=dtypes.int64), cumulative_sum(astype(new, dtypes.int64))])
    total = number[-1] + 1
    if size is None:
        (extent,) = legal_shape(name, int(known(name, total, _INSTEAD)))
    else:
        (extent,) = legal_shape(name, integer(name, "size", size))
        total = _fitting.call(total, intern(ShapeOf((extent,))))
    places = iota(extent, dtypes.int64)
    return _Groups(order, ordered, number, searchsorted(number, places), places < total)


def _inverse(groups: _Groups, x: Array) -> Array:
    """For each element the number of its group."""
    where_ = intern(Indexing((0,), 0))
    found = OPS["scatter_set"].call(groups.number, groups.number, groups.order, where_)
    return reshape(found, x._aval.shape)


def _counts(groups: _Groups, x: Array) -> Array:
    """The number of elements in each group."""
    n = axis_size(groups.number, (0,))
    return concat([groups.starts[1:], full((1,), n, dtype=dtypes.int64)]) - groups.starts


class UniqueAll(NamedTuple):
    """What `unique_all` gives."""

    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


class UniqueCounts(NamedTuple):
    """What `unique_counts` gives."""

    values: Array
    counts: Array


class UniqueInverse(NamedTuple):
    """What `unique_inverse` gives."""

    values: Array
    inverse_indices: Array


@located
def unique_all(x: Operand, /, *, size: int | None = None, fill_value: Operand | None = None) -> UniqueAll:
    """The distinct values of `x` in order, and for each where it stands first and how often it occurs.

    Complex numbers are ordered by their real parts, then by their imaginary ones.

    Zeros are equal, and each NaN is distinct from all else. Indices and counts are int64 and count elements in
    row-major order.

    Args:
        x: values of any shape.
        size: the number of values to give; a traced function needs it. Those that are missing get `fill_value`, the
            index of the first value, and the count 0.
        fill_value: the first value when None.

    Raises:
        TraceError: `size` is missing while tracing.
        DomainError: there are more than `size` values.
    """
    array = as_array("unique_all", x)
    groups = _groups("unique_all", array, size)
    return UniqueAll(
        groups.first(groups.ordered, fill_value),
        groups.first(groups.order, None),
        _inverse(groups, array),
        _counts(groups, array),
    )


@located
def unique_counts(x: Operand, /, *, size: int | None = None, fill_value: Operand | None = None) -> UniqueCounts:
    """The distinct values of `x` in order, and how often each occurs; the rest as for `unique_all`."""
    array = as_array("unique_counts", x)
    groups = _groups("unique_counts", array, size)
    return UniqueCounts(groups.first(groups.ordered, fill_value), _counts(groups, array))


@located
def unique_inverse(x: Operand, /, *, size: int | None = None, fill_value: Operand | None = None) -> UniqueInverse:
    """The distinct values of `x` in order, and for each element of `x` the index of its value; see `unique_all`."""
    array = as_array("unique_inverse", x)
    groups = _groups("unique_inverse", array, size)
    return UniqueInverse(groups.first(groups.ordered, fill_value), _inverse(groups, array))


@located
def unique_values(x: Operand, /, *, size: int | None = None, fill_value: Operand | None = None) -> Array:
    """The distinct values of `x` in order; the rest as for `unique_all`."""
    array = as_array("unique_values", x)
    groups = _groups("unique_values", array, size)
    return groups.first(groups.ordered, fill_value)


@located
def unique(
    x: Operand,
    /,
    *,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    equal_nan: bool = True,
    size: int | None = None,
    fill_value: Operand | None = None,
) -> Array | tuple[Array, ...]:
    """NumPy's form of `unique_all`: the distinct values, then what was asked for of the rest.

    With `equal_nan` all NaN are one value. `size`, `fill_value` and errors are those of `unique_all`.
    """
    array = as_array("unique", x)
    groups = _groups("unique", array, size, flag("unique", "equal_nan", equal_nan))
    found = [groups.first(groups.ordered, fill_value)]
    if flag("unique", "return_index", return_index):
        found.append(groups.first(groups.order, None))
    if flag("unique", "return_inverse", return_inverse):
        found.append(_inverse(groups, array))
    if flag("unique", "return_counts", return_counts):
        found.append(_counts(groups, array))
    return found[0] if len(found) == 1 else tuple(found)


def _set(x: Array) -> Array:
    return typed(Array, unique(x))


def _chosen(name: str, x: Array, mask: Array) -> Array:
    held = known(name, mask, "use isin and where, which keep the shape")
    return take(x, np.flatnonzero(held))


@located
def union1d(x1: Operand, x2: Operand, /) -> Array:
    """The values that are in `x1` or in `x2`, in order; NaN once.

    Raises:
        TraceError: the values are not known while tracing.
    """
    return _set(concat([reshape(a, -1) for a in alike("union1d", x1, x2)]))


@located
def intersect1d(x1: Operand, x2: Operand, /) -> Array:
    """The values that are in `x1` and in `x2`, in order; NaN in none. Errors as for `union1d`."""
    first, second = [_set(a) for a in alike("intersect1d", x1, x2)]
    return _chosen("intersect1d", first, isin(first, second))


@located
def setdiff1d(x1: Operand, x2: Operand, /) -> Array:
    """The values that are in `x1` and not in `x2`, in order. Errors as for `union1d`."""
    first, second = alike("setdiff1d", x1, x2)
    first = _set(first)
    return _chosen("setdiff1d", first, isin(first, second, invert=True))


@located
def setxor1d(x1: Operand, x2: Operand, /) -> Array:
    """The values that are in just one of `x1` and `x2`, in order. Errors as for `union1d`."""
    first, second = [_set(a) for a in alike("setxor1d", x1, x2)]
    both = concat([first, second])
    whole = take(both, _order(both))
    if whole._aval.shape[0] == 0:
        return whole
    no, alone = zeros((1,), dtype=dtypes.bool_), not_equal(whole[1:], whole[:-1])
    return _chosen("setxor1d", whole, logical_and(concat([~no, alone]), concat([alone, ~no])))
