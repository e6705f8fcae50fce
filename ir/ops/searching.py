"""Searching in sorted values: the row `searchsorted`, and what is made of it; values that shapes depend on."""

from __future__ import annotations

from typing import Final, Literal
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..abstract import Abstract
from ..array import Array
from ..attrs import Attrs, intern
from ..batch_rules import Mapped, spread
from ..builder import Traced
from ..dtypes import DType
from ..errors import ArgumentError, DomainError, ShapeError, TraceError
from ..op import Element, Op, Reader, Sample
from ..promotion import common, same
from ..records import dataclass
from ..registry import OPS
from ..scalar import Scalar
from ..stage import Operand, as_array, current, located, operand_type
from ..types import Dim, Extent, TensorType, show_shape
from .arithmetic import minimum
from .axes import flag
from .conversion import astype
from .creation import zeros
from .gathering import take
from .logic import equal, logical_not, where
from .ordering import sort
from .reductions import any
from .rows import ANY, quiet, refuse_kinds, values
from .shapes import axis_size, expand_dims, reshape
from .slicing import flip

__all__ = ["digitize", "isin", "searchsorted"]


def known(name: str, x: Array, instead: str) -> np.ndarray:
    """The values of an array on which the shape of a result depends.

    Raises:
        TraceError: they are not known while tracing, or differ from example to example; `instead` says what to do.
    """
    held = current().lift(x)
    if isinstance(held, Abstract):
        why = "are not known while tracing" if isinstance(held, Traced) else "differ from example to example"
        raise TraceError(f"{name}: the shape of the result follows from values, which {why}; {instead}")
    return held.numpy()


def values_if_known(x: Array) -> np.ndarray | None:
    held = current().lift(x)
    return None if isinstance(held, Abstract) else held.numpy()


def alike(name: str, *operands: Operand) -> list[Array]:
    """Operands as arrays of their common dtype."""
    wanted = common(tuple([operand_type(name, x) for x in operands]))
    return [x if x.dtype is wanted else astype(x, wanted) for x in [as_array(name, x) for x in operands]]


@dataclass(frozen=True, slots=True)
class Search(Attrs):
    """On which side of equal values to stop, and how many halvings find a place among all."""

    right: bool
    depth: int


_DEPTHS: Final = (8, 12, 16, 20, 24, 32, 48)
"""Halvings for extents that are not known; one trace serves all extents that need no more of them."""


def _search_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    given, wanted = types
    if not given.ndim or given.shape[:-1] != wanted.shape[: given.ndim - 1]:
        raise ShapeError(
            "searchsorted: the sorted values lie along the last axis, and their other axes are the first of what is "
            f"searched for, but the shapes are {show_shape(given.shape)} and {show_shape(wanted.shape)}"
        )
    if given.dtype.kind not in ANY:
        raise refuse_kinds("searchsorted", ANY, given.dtype)
    return TensorType(dtypes.int64, wanted.shape)


def _halved(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Scalar:
    a = typed(Search, attrs)
    given, wanted = operands
    size = scalar.extent(given.type.shape[-1])
    row = index[: given.type.ndim - 1]
    value = wanted.at(*index)
    place = scalar.const(dtypes.int64, 0)
    if 0 in given.type.shape:  # There is nothing to read.
        return place
    for k in reversed(range(a.depth)):
        further = place + (1 << k)
        # Where the place lies behind the last value, what is read does not count.
        inside = scalar.binary("maximum", scalar.binary("minimum", further, size) - 1, 0)
        other = given.at(*row, inside)
        before = ~_less(value, other) if a.right else _less(other, value)
        place = scalar.select((further <= size) & before, further, place)
    return place


def _less(a: Scalar, b: Scalar) -> Scalar:
    """a < b in the order of `sort`: NaN is greater than every number."""
    plain = ~a & b if a.dtype is dtypes.bool_ else a < b
    return plain | (scalar.ne(b, b) & scalar.eq(a, a)) if a.dtype.is_float else plain


def _search_reference(given: np.ndarray, wanted: np.ndarray, attrs: Search) -> np.ndarray:
    side: Literal["left", "right"] = "right" if attrs.right else "left"
    found = np.empty(wanted.shape, np.int64)
    for row in np.ndindex(given.shape[:-1]):
        found[row] = np.searchsorted(given[row], wanted[row], side=side)
    return found


def _search_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    made: list[Sample] = []
    cases: list[tuple[int, tuple[int, ...]]] = [(7, (2, 5)), (8, ()), (1, (3,)), (0, (4,)), (5, (0,)), (100, (9,))]
    for count, shape in cases:
        given = np.sort(values(rng, dtype, (count,), -5, 5))
        wanted = values(rng, dtype, shape, -6, 6)
        if dtype.is_float and count > 6:
            given[-1], given[:2] = np.nan, -np.inf
            wanted.flat[:3] = (np.nan, given[3], -np.inf) if wanted.size > 3 else 0.0
        made += [((given, wanted), intern(Search(right, count.bit_length()))) for right in (False, True)]
    rows = np.sort(values(rng, dtype, (2, 1, 6), -5, 5), axis=-1)
    made.append(((rows, values(rng, dtype, (2, 1, 4), -6, 6)), intern(Search(False, 3))))
    return made


def _search_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    given, wanted = operands
    if not mapped[0] and given.ndim == 1:
        return op.call(given, wanted, attrs)
    return op.call(spread(given, mapped[0], extent), spread(wanted, mapped[1], extent), attrs)


_searchsorted: Op = Op(
    "searchsorted",
    infer=_search_type,
    promote=same,
    reference=quiet(_search_reference),
    lowering=Element(_halved),
    vjp=None,
    attrs=Search,
    samples=_search_samples,
    batch=_search_batch,
)


@located
def searchsorted(x1: Operand, x2: Operand, /, *, side: str = "left", sorter: Operand | None = None) -> Array:
    """For each element of `x2` the index at which it would enter the sorted `x1` so that it stays sorted, as int64.

    Args:
        x1: one axis of values in the order of `sort` (where they are not, the result is some index from 0 to n).
        x2: values of any shape.
        side: `left` gives the first such index, `right` the last.
        sorter: indices that sort `x1`, as `argsort` gives them.

    Raises:
        ShapeError: `x1` has not one axis.
        ArgumentError: there is no such side.
    """
    if type(side) is not str or side not in ("left", "right"):
        raise ArgumentError(f'searchsorted: the side must be "left" or "right", but {side!r} was given')
    given, wanted = alike("searchsorted", x1, x2)
    if given.ndim != 1:
        raise ShapeError(
            f"searchsorted: the sorted values must have one axis, but their shape is {show_shape(given.shape)}"
        )
    if sorter is not None:
        given = take(given, sorter)
    extent: Extent = given._aval.shape[0]
    if isinstance(extent, Dim):  # Its code reads, so it serves no empty x1.
        depth = 0 if extent == 0 else next(d for d in _DEPTHS if extent < 2**d)
    else:
        depth = extent.bit_length()
    return _searchsorted.call(given, wanted, intern(Search(side == "right", depth)))


@located
def isin(x1: Operand, x2: Operand, /, *, invert: bool = False) -> Array:
    """For each element of `x1` whether it equals one of `x2` (or, with `invert`, none), as bool; NaN equals nothing."""
    a, b = alike("isin", x1, x2)
    flag("isin", "invert", invert)
    pool = reshape(b, -1) if b.dtype.is_complex else sort(reshape(b, -1))
    extent = pool._aval.shape[0]
    if extent == 0:
        hit = zeros(a._aval.shape, dtype=dtypes.bool_)
    elif a.dtype.is_complex:
        hit = any(equal(expand_dims(a, axis=-1), pool), axis=-1)
    else:
        places = searchsorted(pool, a)
        inside = minimum(places, axis_size(pool, (0,)) - 1)
        hit = equal(take(pool, inside), a)
    return logical_not(hit) if invert else hit


@located
def digitize(x: Operand, bins: Operand, /, *, right: bool = False) -> Array:
    """The number of the bin that each element of `x` lies in: 0 before the first edge, n behind the last, as int64.

    `bins` are edges that increase or decrease. A bin holds its lower edge, or with `right` its upper one instead.

    Raises:
        ShapeError: `bins` has not one axis.
        DomainError: `bins` neither increase nor decrease (told where values are known; else the result is some number).
    """
    wanted, edges = alike("digitize", x, bins)
    if edges.ndim != 1:
        raise ShapeError(f"digitize: the bins must have one axis, but their shape is {show_shape(edges.shape)}")
    side = "left" if flag("digitize", "right", right) else "right"
    held = values_if_known(edges)
    if held is not None and held.size and not (np.all(held[1:] >= held[:-1]) or np.all(held[1:] <= held[:-1])):
        raise DomainError("digitize: the bins must increase or decrease throughout")
    count = edges._aval.shape[0]
    if count == 0:
        return zeros(wanted._aval.shape, dtype=dtypes.int64)
    falling = OPS["greater"].call(edges[0], edges[-1])
    found = searchsorted(where(falling, flip(edges), edges), wanted, side=side)
    return where(falling, OPS["subtract"].call(count, found), found)
