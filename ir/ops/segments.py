"""A recurrence along an axis that starts anew at marked places, and products in groups by it; it knows no scatter."""

from __future__ import annotations

from itertools import pairwise
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import Along, Attrs, Indexing, intern
from ..dtypes import DType
from ..errors import DTypeError, ShapeError
from ..fma import fma
from ..op import Op, Sample, Scan
from ..promotion import same
from ..registry import OPS
from ..types import TensorType
from .conversion import astype
from .logic import not_equal, where
from .ordering import argsort
from .rows import INEXACT, quiet, refuse_kinds, values
from .shapes import broadcast_to, reshape

__all__: list[str] = []

_DOWN = intern(Along(0))
_UP = intern(Along(0, reverse=True))
_ROWS = intern(Indexing((0,), 0, "clip"))


def _type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    starts, a, b = types
    if starts.dtype is not dtypes.bool_:
        raise DTypeError(f"segmented_recurrence: the starts must be bools, but their dtype is {starts.dtype}")
    if a.dtype.kind not in INEXACT:
        raise refuse_kinds("segmented_recurrence", INEXACT, a.dtype)
    if a is not b or starts.shape != a.shape or typed(Along, attrs).axis >= a.ndim:
        raise ShapeError(f"segmented_recurrence: operands of one shape with the axis, not {starts}, {a} and {b}")
    return a


def _promote(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    return (types[0].dtype, *same(name, types[1:]))


def _reference(starts: np.ndarray, a: np.ndarray, b: np.ndarray, attrs: Along) -> np.ndarray:
    marks, factors, terms = (np.moveaxis(x, attrs.axis, 0) for x in (starts, a, b))
    result = np.array(terms)
    order = range(len(result))[:: -1 if attrs.reverse else 1]
    for before, k in pairwise(order):
        last = result[before]
        going = fma(factors[k], last, terms[k]) if a.dtype.kind == "f" else factors[k] * last + terms[k]
        result[k] = np.where(marks[k], terms[k], going)
    return np.moveaxis(result, 0, attrs.axis)


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype.kind not in INEXACT:
        return []
    cases = [((9,), _DOWN), ((6, 4), _UP), ((3, 11), intern(Along(1))), ((1, 2), _DOWN), ((0, 3), _DOWN), ((3, 0), _UP)]
    made: list[Sample] = []
    for shape, attrs in cases:
        made.append(((rng.random(shape) < 0.4, values(rng, dtype, shape), values(rng, dtype, shape)), attrs))
    return made


def _back(attrs: Along) -> Along:
    return intern(Along(attrs.axis, not attrs.reverse))


def _shift(x: Array, filler: float, attrs: Along) -> Array:
    return OPS["shift"].call(x, filler, attrs)


def _terms(g: Array, y: Array, starts: Array, a: Array, b: Array, attrs: Along) -> Array:
    back = _back(attrs)
    return _recurrence.call(_shift(starts, True, back), _shift(a, 0, back), g, back)


def _factors(g: Array, y: Array, starts: Array, a: Array, b: Array, attrs: Along) -> Array:
    return where(starts, 0, _terms(g, y, starts, a, b, attrs) * _shift(y, 0, attrs))


def _tangent(t: Array, y: Array, starts: Array, a: Array, b: Array, attrs: Along) -> Array:
    return _recurrence.call(starts, a, where(starts, 0, t * _shift(y, 0, attrs)), attrs)


_recurrence: Op = Op(
    "segmented_recurrence",
    infer=_type,
    promote=_promote,
    reference=quiet(_reference),
    lowering=Scan(
        lambda starts, a, b: b,
        lambda previous, starts, a, b: scalar.select(starts, b, scalar.fma(a, previous, b)),
    ),
    vjp=(None, _factors, _terms),
    linear=(2,),
    jvp=(None, _tangent, None),
    attrs=Along,
    samples=_samples,
)
"""`y[k] = a[k] * y[k-1] + b[k]` with one rounding of floats; at starts, and first, `b[k]`."""


def products_of_others(x: Array, groups: Array) -> Array:
    """For each row of `x` the product of the other rows of its group, so without a division: factors may be zero.

    Args:
        x: floats [n, m].
        groups: int64 [n], the numbers (none below 0) of the rows' groups.
    """
    order = argsort(groups)
    ordered, sorted_ = OPS["gather"].call(groups, order, _ROWS), OPS["gather"].call(x, order, _ROWS)
    begins = not_equal(ordered, _shift(ordered, -1, _DOWN))
    found: Array | None = None
    for marks, attrs in ((begins, _DOWN), (_shift(begins, True, _UP), _UP)):
        starts = broadcast_to(reshape(marks, (x.shape[0], 1)), x.shape)
        part = _recurrence.call(starts, _shift(sorted_, 1, attrs), astype(starts, x.dtype), attrs)
        found = part if found is None else found * part
    assert found is not None
    return OPS["gather"].call(found, argsort(order), _ROWS)
