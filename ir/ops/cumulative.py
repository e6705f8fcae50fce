"""Rows that carry a value along an axis: running sums, products, extrema, linear recurrences, and shifts by one.

Floats are added or multiplied one after another, in the order of the axis, each step rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import Along, Attrs, Axes, intern
from ..batch_rules import along
from ..dtypes import DType
from ..errors import DTypeError, ShapeError
from ..fma import fma
from ..op import Element, Jvp, Op, Promote, Reader, Sample, Scan, Vjp
from ..promotion import accumulated, keep, same
from ..registry import OPS
from ..scalar import Scalar
from ..stage import Operand, as_array, located
from ..types import TensorType, show_shape
from .arithmetic import minimum
from .axes import flag, one_axis
from .conversion import astype, stop_gradient
from .creation import full
from .joining import concat
from .logic import isfinite, isnan, where
from .rows import ANY, EVERY, FIELD, INEXACT, quiet, refuse_kinds, values
from .transcendental import exp, log

__all__ = ["cumulative_logsumexp", "cumulative_max", "cumulative_min", "cumulative_prod", "cumulative_sum"]

Step = Callable[..., np.ndarray]


def _type(name: str, kinds: Sequence[str]) -> Callable[..., TensorType]:
    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        axis, first = typed(Along, attrs).axis, types[0]
        if axis >= first.ndim:
            raise ShapeError(f"{name}: axis {axis} does not fit the shape {show_shape(first.shape)}")
        if first.dtype.kind not in kinds:
            raise refuse_kinds(name, kinds, first.dtype)
        for other in types:
            if other.shape != first.shape or other.dtype is not first.dtype:
                raise ShapeError(f"{name}: the operands are {first} and {other}, and must be of one type")
        return TensorType(first.dtype, first.shape)

    return infer


def _carried(step: Step) -> Callable[..., np.ndarray]:
    """The reference of a scan: `step(previous, *elements)` index by index; previous is None at the first."""

    def reference(*given: object) -> np.ndarray:
        attrs = typed(Along, given[-1])
        operands = [np.moveaxis(typed(np.ndarray, x), attrs.axis, 0) for x in given[:-1]]
        order = slice(None, None, -1 if attrs.reverse else 1)
        result = np.empty(operands[0].shape, operands[0].dtype)
        previous: np.ndarray | None = None
        for k in range(len(result))[order]:
            previous = result[k] = step(previous, *[x[k] for x in operands])
        return np.moveaxis(result, 0, attrs.axis)

    return reference


def _samples(kinds: Sequence[str], arity: int) -> Callable[..., list[Sample]]:
    def samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
        if dtype.kind not in kinds:
            return []
        cases: list[tuple[tuple[int, ...], Along]] = [
            ((7,), Along(0)),
            ((5, 4), Along(1, reverse=True)),
            ((3, 19), Along(0)),
            ((2, 3, 2), Along(1, reverse=True)),
            ((1, 2), Along(0)),
            ((0, 3), Along(0)),
            ((3, 0), Along(0)),
        ]
        made: list[Sample] = [
            (tuple([values(rng, dtype, shape) for _ in range(arity)]), intern(a)) for shape, a in cases
        ]
        if dtype.is_float:
            special = np.array(
                [[0.0, -0.0, 1.0, np.inf, 2.0], [-0.0, -0.0, 1.0, np.nan, 1.0], [-0.0, 0.0, -1.0, -np.inf, 0]]
            )
            made.append(((special.astype(dtype.numpy),) * arity, intern(Along(0))))
            made.append(((special.astype(dtype.numpy),) * arity, intern(Along(1))))
        return made

    return samples


def _row(
    name: str,
    first: Callable[..., Scalar],
    step: Callable[..., Scalar],
    reference: Step,
    vjp: Sequence[Vjp],
    *,
    linear: tuple[int, ...] = (),
    jvp: tuple[Jvp | None, ...] | None = None,
    kinds: Sequence[str] = FIELD,
    promote: Promote = accumulated,
) -> Op:
    return Op(
        name,
        infer=_type(name, kinds),
        promote=promote,
        reference=quiet(_carried(reference)),
        lowering=Scan(first, step),
        vjp=vjp,
        linear=linear,
        jvp=jvp,
        attrs=Along,
        samples=_samples(kinds, len(vjp)),
    )


def _back(attrs: Along) -> Along:
    return intern(Along(attrs.axis, not attrs.reverse))


def _add(previous: np.ndarray | None, x: np.ndarray) -> np.ndarray:
    return x if previous is None else previous + x


def _multiply(previous: np.ndarray | None, x: np.ndarray) -> np.ndarray:
    return x if previous is None else previous * x


def _chain(previous: np.ndarray | None, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if previous is None:
        return b
    return fma(a, previous, b) if a.dtype.kind == "f" else a * previous + b


def _extremum(pick: np.ufunc, negative: np.ufunc) -> Step:
    """NumPy's maximum or minimum with the sign of zero that it leaves open: +0 is the greater one."""

    def step(previous: np.ndarray | None, x: np.ndarray) -> np.ndarray:
        if previous is None:
            return x
        found = np.asarray(pick(previous, x))
        if x.dtype.kind != "f":
            return found
        zero = np.where(negative(np.signbit(previous), np.signbit(x)), -0.0, 0.0).astype(x.dtype)
        return np.where((previous == 0) & (x == 0), zero, found)

    return step


def _product_slope(g: Array, y: Array, x: Array, attrs: Along) -> Array:
    """Each factor's share: the product of those before it, times a recurrence over those after it."""
    back = _back(attrs)
    after = _recurrence.call(_shift.call(x, 0, back), g, back)
    return _shift.call(y, 1, attrs) * after


def _product_tangent(t: Array, y: Array, x: Array, attrs: Along) -> Array:
    return _recurrence.call(x, t * _shift.call(y, 1, attrs), attrs)


def _stays(y: Array, attrs: Along) -> Array:
    """Where a result is the one before it: each run of equal ones belongs to the element that it starts with."""
    nan = isnan(y)
    same_number: Array = y == _shift.call(y, float("nan"), attrs)
    return same_number | (nan & _shift.call(nan, False, attrs))


def _extremum_slope(g: Array, y: Array, x: Array, attrs: Along) -> Array:
    stays = _stays(y, attrs)
    back = _back(attrs)
    total = _recurrence.call(_shift.call(astype(stays, g.dtype), 0, back), g, back)
    return where(stays, 0, total)


def _extremum_tangent(t: Array, y: Array, x: Array, attrs: Along) -> Array:
    stays = _stays(y, attrs)
    return _recurrence.call(astype(stays, t.dtype), where(stays, 0, t), attrs)


_recurrence: Op = _row(
    "linear_recurrence",
    lambda a, b: b,
    lambda previous, a, b: scalar.fma(a, previous, b),
    _chain,
    (
        lambda g, y, a, b, attrs: _before(a, g, attrs) * _shift.call(y, 0, attrs),
        lambda g, y, a, b, attrs: _before(a, g, attrs),
    ),
    linear=(1,),
    jvp=(lambda t, y, a, b, attrs: _recurrence.call(a, t * _shift.call(y, 0, attrs), attrs), None),
    kinds=INEXACT,
    promote=same,
)
"""`y[k] = a[k] * y[k-1] + b[k]` with one rounding of floats; the first element is `b`'s."""


def _before(a: Array, g: Array, attrs: Along) -> Array:
    back = _back(attrs)
    return _recurrence.call(_shift.call(a, 0, back), g, back)


_sum: Op = _row(
    "cumulative_sum",
    lambda x: x,
    lambda previous, x: previous + x,
    _add,
    (lambda g, y, x, attrs: _sum.call(g, _back(attrs)),),
    linear=(0,),
)
_prod: Op = _row(
    "cumulative_prod",
    lambda x: x,
    lambda previous, x: previous * x,
    _multiply,
    (_product_slope,),
    jvp=(_product_tangent,),
)
_max = _row(
    "cumulative_max",
    lambda x: x,
    lambda previous, x: scalar.binary("maximum", previous, x),
    _extremum(np.maximum, np.logical_and),
    (_extremum_slope,),
    jvp=(_extremum_tangent,),
    kinds=ANY,
    promote=keep,
)
_min = _row(
    "cumulative_min",
    lambda x: x,
    lambda previous, x: scalar.binary("minimum", previous, x),
    _extremum(np.minimum, np.logical_or),
    (_extremum_slope,),
    jvp=(_extremum_tangent,),
    kinds=ANY,
    promote=keep,
)


def _shift_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    x, filler = types
    if filler.ndim > typed(Along, attrs).axis or filler.shape != x.shape[: filler.ndim]:
        raise ShapeError(f"shift: {filler} does not fill {x}; a filler has axes before that of the shift, or none")
    return _type("shift", EVERY)((x,), attrs)


def _shift_at(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Scalar:
    a = typed(Along, attrs)
    x, filler = operands
    here = index[a.axis]
    edge = scalar.extent(result.shape[a.axis]) - 1 if a.reverse else scalar.const(dtypes.int64, 0)
    at_edge = scalar.eq(here, edge)
    # The element is read at the edge too, hence at a place that exists.
    place = scalar.select(at_edge, edge, here + 1 if a.reverse else here - 1)
    element = x.at(*index[: a.axis], place, *index[a.axis + 1 :])
    return scalar.select(at_edge, filler.at(*index[: filler.type.ndim]), element)


def _at_edge(g: Array, filler: Array, attrs: Along) -> Array:
    """The sum of a cotangent's elements where the filler stands: all but those that survive a shift back and forth."""
    others = _shift.call(_shift.call(g, 0, _back(attrs)), 0, attrs)
    return OPS["sum"].call(g - others, intern(Axes(tuple(range(filler.ndim, g.ndim)))))


def _shift_of(x: np.ndarray, filler: np.ndarray, attrs: Along) -> np.ndarray:
    moved = np.roll(x, -1 if attrs.reverse else 1, attrs.axis)
    if moved.size:
        own = filler.reshape(filler.shape + (1,) * (x.ndim - 1 - filler.ndim))
        moved[(slice(None),) * attrs.axis + (-1 if attrs.reverse else 0,)] = own
    return moved


_shift: Op = Op(
    "shift",
    infer=_shift_type,
    promote=same,
    reference=quiet(_shift_of),
    lowering=Element(_shift_at),
    vjp=(
        lambda g, y, x, filler, attrs: _shift.call(g, 0, _back(attrs)),
        lambda g, y, x, filler, attrs: _at_edge(g, filler, attrs),
    ),
    linear=(0, 1),
    attrs=Along,
    samples=lambda rng, dtype: [
        *(((*x, values(rng, dtype, ())), attrs) for x, attrs in _samples(EVERY, 1)(rng, dtype)),
        ((values(rng, dtype, (2, 3)), values(rng, dtype, (2,))), intern(Along(1))),
    ],
    batch=along,
)
"""Each element moved on by one place, the filler at the first."""


def _along(name: str, x: Operand, axis: int | None) -> tuple[Array, Along]:
    array = as_array(name, x)
    if array.ndim == 0:
        raise ShapeError(f"{name}: the tensor must have at least 1 axis, but its rank is 0")
    if axis is None and array.ndim != 1:
        raise ShapeError(f"{name}: the axis must be given for a tensor of rank {array.ndim}, as in {name}(x, axis=0)")
    return array, intern(Along(one_axis(name, 0 if axis is None else axis, array.ndim)))


def _total(row: Op, x: Operand, axis: int | None, dtype: object, initial: bool, start: int) -> Array:
    array, along = _along(row.name, x, axis)
    kept = flag(row.name, "include_initial", initial)
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    if wanted is dtypes.bool_:
        raise DTypeError(f"{row.name}: the dtype must be that of numbers, but bool was asked for")
    made = row.call(array if wanted is None else astype(array, wanted), along)
    if wanted is not None and made.dtype is not wanted:
        made = astype(made, wanted)
    if not kept:
        return made
    shape = tuple([1 if a == along.axis else s for a, s in enumerate(made.shape)])
    return concat([full(shape, start, dtype=made.dtype), made], axis=along.axis)


@located
def cumulative_sum(
    x: Operand, /, *, axis: int | None = None, dtype: object = None, include_initial: bool = False
) -> Array:
    """The sums of the elements up to each index along `axis` (which may be left out for a 1-D tensor).

    Floats are added one after another. Bool and integers below 32 bits are summed in int32 or uint32; with
    `dtype`, `x` is converted to it first. `include_initial` puts the empty sum, 0, before the others.

    Raises:
        ShapeError: `x` is 0-d, or it has several axes and `axis` is None.
        DTypeError: `dtype` is bool or no dtype.
    """
    return _total(_sum, x, axis, dtype, include_initial, 0)


@located
def cumulative_prod(
    x: Operand, /, *, axis: int | None = None, dtype: object = None, include_initial: bool = False
) -> Array:
    """The products of the elements up to each index along `axis` (which may be left out for a 1-D tensor).

    Floats are multiplied one after another. Bool and integers below 32 bits are multiplied in int32 or
    uint32; with `dtype`, `x` is converted to it first. `include_initial` puts the empty product, 1, before
    the others. The gradient is exact also where factors are zero.

    Raises:
        ShapeError: `x` is 0-d, or it has several axes and `axis` is None.
        DTypeError: `dtype` is bool or no dtype.
    """
    return _total(_prod, x, axis, dtype, include_initial, 1)


@located
def cumulative_max(x: Operand, /, *, axis: int | None = None) -> Array:
    """The greatest element up to each index along `axis`; NaN from the first one on, and -0 < +0.

    Of equal elements, the first takes the gradient.

    Raises:
        ShapeError: `x` is 0-d, or it has several axes and `axis` is None.
    """
    return _max.call(*_along("cumulative_max", x, axis))


@located
def cumulative_min(x: Operand, /, *, axis: int | None = None) -> Array:
    """The smallest element up to each index along `axis`; NaN from the first one on, and -0 < +0.

    Of equal elements, the first takes the gradient.

    Raises:
        ShapeError: `x` is 0-d, or it has several axes and `axis` is None.
    """
    return _min.call(*_along("cumulative_min", x, axis))


@located
def cumulative_logsumexp(x: Operand, /, *, axis: int | None = None) -> Array:
    """The logarithms of the sums of exponentials up to each index along `axis`, without overflow.

    Integers and bool count as float32. Each sum is kept relative to the greatest element so far.

    Raises:
        ShapeError: `x` is 0-d, or it has several axes and `axis` is None.
    """
    array, along = _along("cumulative_logsumexp", x, axis)
    a = array if array.dtype.is_float else astype(array, dtypes.float32)
    peak = stop_gradient(_max.call(a, along))
    # A peak that is infinite, or NaN, is what its exponentials say themselves.
    level = where(isfinite(peak), peak, 0)
    shrink = exp(minimum(_shift.call(level, 0, along) - level, 0))
    return log(_recurrence.call(shrink, exp(a - level), along)) + level
