"""Rows that reduce axes; the order of sums and products is `ir/reduction.py`'s."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import cast as typed

import numpy as np

from .. import dtypes
from ..array import Array
from ..attrs import Along, Attrs, Axes, Permutation, ShapeOf, intern
from ..dtypes import DType
from ..errors import DTypeError, ShapeError
from ..op import Combine, Op, Reduce, Sample, Vjp
from ..promotion import keep, widened
from ..reduction import product_in_order, sum_in_order
from ..registry import OPS
from ..scalar import Scalar, cast
from ..stage import Operand, as_array, located, operand_type
from ..types import Extent, TensorType, show_shape
from .axes import AxisArgument, flag, many_axes, one_axis, without
from .conversion import astype
from .logic import where
from .rows import quiet, values
from .shapes import broadcast_to

__all__ = ["all", "any", "argmax", "argmin", "count_nonzero", "max", "min", "prod", "sum"]


def _type(name: str, result: Callable[[DType], DType], empty: str = "") -> Callable[..., TensorType]:
    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        axes = typed(Axes, attrs)
        shape = types[0].shape
        if axes.axes and axes.axes[-1] >= len(shape):
            raise ShapeError(f"{name}: axes {axes.axes} do not fit the shape {show_shape(shape)}")
        if empty and types[0].dtype.is_complex:
            raise DTypeError(f"{name}: complex numbers have no order; take it of real(x), imag(x) or abs(x)")
        if empty and builtins.any(shape[a] == 0 for a in axes.axes):
            raise ShapeError(
                f"{name}: {empty} of no elements is undefined, and the shape is {show_shape(shape)}"
            )
        return TensorType(result(types[0].dtype), without(shape, axes.axes, axes.keepdims))

    return infer


def _samples(empty: bool) -> Callable[..., list[Sample]]:
    def samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
        shapes: list[tuple[tuple[int, ...], Axes]] = [
            ((3, 4), Axes((0,))),
            ((3, 4), Axes((1,), keepdims=True)),
            ((2, 3, 4), Axes((0, 2))),
            ((2, 3), Axes((0, 1))),
            ((), Axes(())),
            ((300,), Axes((0,))),
            ((5, 37), Axes((1,))),
            ((0, 3), Axes((1,))),
        ]
        shapes += [((0, 3), Axes((0,))), ((0,), Axes((0,)))] if empty else []
        made: list[Sample] = [((values(rng, dtype, shape),), intern(axes)) for shape, axes in shapes]
        if dtype.is_float:
            special = np.array(
                [[0.0, -0.0, -0.0], [np.nan, 1, np.inf], [-0.0, -0.0, -0.0], [np.inf, 1, -np.inf]]
            )
            made.append(((special.astype(dtype.numpy),), intern(Axes((1,)))))
            made.append(((special.astype(dtype.numpy),), intern(Axes((0,)))))
        return made

    return samples


def _row(
    combine: Combine,
    reference: Callable[[np.ndarray, tuple[int, ...]], object],
    vjp: Vjp | None = None,
    *,
    linear: tuple[int, ...] = (),
    name: str = "",
    of: Callable[[Scalar], Scalar] | None = None,
    result: Callable[[DType], DType] = lambda dtype: dtype,
    empty: str = "",
) -> Op:
    name = name or combine.value

    def evaluate(x: np.ndarray, attrs: Axes) -> np.ndarray:
        found = np.asarray(reference(x, attrs.axes))
        return (
            found.reshape([1 if i in attrs.axes else s for i, s in enumerate(x.shape)])
            if attrs.keepdims
            else found
        )

    return Op(
        name,
        infer=_type(name, result, empty),
        promote=keep,
        reference=quiet(evaluate),
        lowering=Reduce(combine, of),
        vjp=(vjp,),
        linear=linear,
        attrs=Axes,
        samples=_samples(not empty),
    )


def _spread(g: Array, x: Array, attrs: Axes) -> Array:
    """The value of each reduced place, at all elements it was made of."""
    return broadcast_to(_kept(g, x, attrs), x.shape)


def _kept(g: Array, x: Array, attrs: Axes) -> Array:
    return OPS["reshape"].call(g, intern(ShapeOf(without(x.shape, attrs.axes, keepdims=True))))


def _extremum_slope(g: Array, y: Array, x: Array, attrs: Axes) -> Array:
    chosen = x == _kept(y, x, attrs)
    count = OPS["sum"].call(astype(chosen, g.dtype), intern(Axes(attrs.axes, keepdims=True)))
    return where(chosen, _kept(g, x, attrs) / count, 0)


def _extremum(
    pick: Callable[..., np.ndarray], positive: bool
) -> Callable[[np.ndarray, tuple[int, ...]], np.ndarray]:
    """NumPy's maximum or minimum with the sign of zero that it leaves open: +0 is the greater one."""

    def reference(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        found = np.asarray(pick(x, axis=axes)) if axes else x
        if x.dtype.kind != "f" or not axes:
            return found
        sought = np.any((x == 0) & (np.signbit(x) != positive), axis=axes)
        zero = np.where(sought == positive, 0.0, -0.0).astype(x.dtype)
        return np.where(found == 0, zero, found)

    return reference


def _position(pick: Callable[..., np.ndarray]) -> Callable[[np.ndarray, tuple[int, ...]], np.ndarray]:
    def reference(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        kept = [i for i in range(x.ndim) if i not in axes]
        rows = x.transpose(*kept, *axes).reshape(*[x.shape[i] for i in kept], -1) if x.size else None
        if rows is None:
            return np.zeros([x.shape[i] for i in kept], np.int64)
        return np.asarray(pick(rows, axis=-1)).astype(np.int64)

    return reference


def _wrapped(
    reduce: Callable[[np.ndarray, tuple[int, ...]], np.ndarray],
) -> Callable[[np.ndarray, tuple[int, ...]], np.ndarray]:
    return lambda x, axes: reduce(x.astype(widened(dtypes.from_numpy(x.dtype)).numpy), axes)


def _product_slope(g: Array, y: Array, x: Array, attrs: Axes) -> Array:
    """Each factor's share: the product of those before it, times that of those after it."""
    if not attrs.axes:
        return g
    kept = [a for a in range(x.ndim) if a not in attrs.axes]
    order = intern(Permutation((*kept, *attrs.axes)))
    moved = OPS["transpose"].call(x, order)
    split = intern(ShapeOf(moved.shape))
    row = OPS["reshape"].call(moved, intern(ShapeOf((*without(x.shape, attrs.axes), _product(x, attrs.axes)))))
    forward, back = intern(Along(len(kept))), intern(Along(len(kept), reverse=True))
    product, shift = OPS["cumulative_prod"].call, OPS["shift"].call
    others = shift(product(row, forward), 1, forward) * shift(product(row, back), 1, back)
    inverse = intern(Permutation(tuple([order.order.index(a) for a in range(x.ndim)])))
    return _spread(g, x, attrs) * OPS["transpose"].call(OPS["reshape"].call(others, split), inverse)


def _product(x: Array, axes: tuple[int, ...]) -> Extent:
    total: Extent = 1
    for a in axes:
        total = x.shape[a] * total
    return total


_sum = _row(
    Combine.SUM, _wrapped(sum_in_order), lambda g, y, x, attrs: _spread(g, x, attrs), linear=(0,), result=widened
)
_prod = _row(Combine.PROD, _wrapped(product_in_order), _product_slope, result=widened)
_max = _row(Combine.MAX, _extremum(np.max, True), _extremum_slope, empty="the maximum")
_min = _row(Combine.MIN, _extremum(np.min, False), _extremum_slope, empty="the minimum")
_any = _row(Combine.ANY, lambda x, axes: np.any(x, axis=axes), result=lambda _: dtypes.bool_)
_all = _row(Combine.ALL, lambda x, axes: np.all(x, axis=axes), result=lambda _: dtypes.bool_)
_count = _row(
    Combine.SUM,
    lambda x, axes: np.sum(x != 0, axis=axes, dtype=np.int64),
    name="count_nonzero",
    of=lambda x: cast(x, dtypes.bool_),
    result=lambda _: dtypes.int64,
)
_argmax = _row(
    Combine.ARGMAX, _position(np.argmax), result=lambda _: dtypes.int64, empty="the position of the maximum"
)
_argmin = _row(
    Combine.ARGMIN, _position(np.argmin), result=lambda _: dtypes.int64, empty="the position of the minimum"
)


def axes_of(name: str, axis: AxisArgument, keepdims: object, ndim: int) -> Axes:
    """The attrs of a reduction from what the user gave; `name` is the function's."""
    if isinstance(keepdims, bool) and (axis is None or type(axis) is int):
        return _plain_axes(name, axis, keepdims, ndim)
    kept = flag(name, "keepdims", keepdims)
    return intern(Axes(many_axes(name, axis, ndim), kept))


def _axes(row: Op, x: Operand, axis: AxisArgument, keepdims: object) -> Axes:
    return axes_of(row.name, axis, keepdims, operand_type(row.name, x).ndim)


@functools.lru_cache(maxsize=4096)
def _plain_axes(name: str, axis: int | None, keepdims: bool, ndim: int) -> Axes:
    """The attrs for one axis or all, remembered, because working them out takes longer than a small reduction."""
    return intern(Axes(many_axes(name, axis, ndim), keepdims))


def _total(row: Op, x: Operand, axis: AxisArgument, dtype: object, keepdims: bool) -> Array:
    """A sum or product in the dtype asked for, which the elements are converted to first."""
    if dtype is None:
        return row.call(x, _axes(row, x, axis, keepdims))
    wanted = dtypes.as_dtype(dtype)
    if wanted is dtypes.bool_:
        raise DTypeError(f"{row.name}: the dtype must be that of numbers, but bool was asked for")
    made = row.call(astype(x, wanted), _axes(row, x, axis, keepdims))
    return made if made.dtype is wanted else astype(made, wanted)


@located
def sum(x: Operand, /, *, axis: AxisArgument = None, dtype: object = None, keepdims: bool = False) -> Array:
    """The sum over `axis` (an int, several, or None for all); of no elements it is 0.

    Floats are added in order T8 (`ir/reduction.py`); bool and integers below 32 bits are summed in int32 or
    uint32. With `dtype`, `x` is converted to it first, and the result has it.

    Raises:
        DTypeError: `dtype` is bool or no dtype.
    """
    return _total(_sum, x, axis, dtype, keepdims)


@located
def prod(x: Operand, /, *, axis: AxisArgument = None, dtype: object = None, keepdims: bool = False) -> Array:
    """The product over `axis` (an int, several, or None for all); of no elements it is 1.

    Floats are multiplied in order T8 (`ir/reduction.py`); bool and integers below 32 bits are multiplied in
    int32 or uint32. With `dtype`, `x` is converted to it first, and the result has it. The gradient is exact
    also where factors are zero.

    Raises:
        DTypeError: `dtype` is bool or no dtype.
    """
    return _total(_prod, x, axis, dtype, keepdims)


@located
def count_nonzero(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The number of elements over `axis` that differ from zero, as int64; NaN differs."""
    return _count.call(x, _axes(_count, x, axis, keepdims))


@located
def max(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The maximum over `axis`; NaN if there is one, and -0 < +0. Equal ones share the gradient evenly.

    Raises:
        ShapeError: there are no elements to choose from.
    """
    return _max.call(x, _axes(_max, x, axis, keepdims))


@located
def min(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The minimum over `axis`; NaN if there is one, and -0 < +0. Equal ones share the gradient evenly.

    Raises:
        ShapeError: there are no elements to choose from.
    """
    return _min.call(x, _axes(_min, x, axis, keepdims))


@located
def any(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """Whether an element over `axis` differs from zero, as bool."""
    return _any.call(x, _axes(_any, x, axis, keepdims))


@located
def all(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """Whether all elements over `axis` differ from zero, as bool."""
    return _all.call(x, _axes(_all, x, axis, keepdims))


def _at(row: Op, x: Operand, axis: int | None, keepdims: bool) -> Array:
    if axis is not None and type(axis) is not int:
        axis = one_axis(row.name, axis, operand_type(row.name, x).ndim)
    return row.call(x, _axes(row, x, axis, keepdims))


@located
def argmax(x: Operand, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the first maximum along `axis`, as int64; of the first NaN if there is one; None: in all
    of `x`.

    Raises:
        ShapeError: there are no elements to choose from.
    """
    return _at(_argmax, x, axis, keepdims)


@located
def argmin(x: Operand, /, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the first minimum along `axis`, as int64; of the first NaN if there is one; None: in all
    of `x`.

    Raises:
        ShapeError: there are no elements to choose from.
    """
    return _at(_argmin, x, axis, keepdims)


def as_floats(name: str, x: Operand) -> Array:
    """An operand as an array of floats: integers and bool as float32."""
    array = as_array(name, x)
    return array if array.dtype.kind in ("float", "complex") else astype(array, dtypes.float32)
