"""Rows and functions that make arrays from nothing: constants, filled arrays, ranges, identity matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import Attrs, Constant, Fill, intern
from ..batch_rules import nothing
from ..dtypes import DType
from ..errors import DTypeError, ShapeError
from ..op import Element, Literal, Op, Reader, Sample
from ..promotion import keep
from ..scalar import Scalar
from ..stage import Operand, as_array, current, located, number, operand_type
from ..types import Extent, TensorType, show_shape
from .axes import integer, legal_shape, on_device, one_axis
from .conversion import astype
from .logic import equal, greater_equal, less_equal, where
from .rows import edges, quiet, values
from .shapes import broadcast_to, expand_dims, reshape

__all__ = [
    "empty", "empty_like", "eye", "full", "full_like", "identity", "one_hot", "ones", "ones_like", "tri", "tril",
    "triu", "zeros", "zeros_like",
]  # fmt: skip


def _constant_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    arrays = (values(rng, dtype, (3, 4)), values(rng, dtype, ()), values(rng, dtype, (0, 2)), edges(dtype))
    for array in arrays:
        array.setflags(write=False)
    return [((), intern(Constant(array, TensorType(dtype, array.shape)))) for array in arrays]


_constant = Op(
    "constant",
    infer=lambda types, attrs: typed(Constant, attrs).type,
    promote=keep,
    reference=lambda attrs: attrs.value,
    lowering=Literal(),
    vjp=(),
    attrs=Constant,
    samples=_constant_samples,
    batch=nothing,
)


def _iota_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    fill = typed(Fill, attrs)
    if fill.dtype is dtypes.bool_:
        raise DTypeError("iota: bool cannot count; ask for an integer or float dtype")
    if len(fill.shape) != 1:
        raise ShapeError(f"iota: the shape must have one axis, but it is {show_shape(fill.shape)}")
    return TensorType(fill.dtype, fill.shape)


def _iota_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    return scalar.cast(index[0], result.dtype)


def _iota_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    return [] if dtype is dtypes.bool_ else [((), intern(Fill(dtype, (n,)))) for n in (7, 0, 1, 100)]


_iota = Op(
    "iota",
    infer=_iota_type,
    promote=keep,
    reference=quiet(lambda attrs: np.arange(attrs.shape[0], dtype=np.int64).astype(attrs.dtype.numpy)),
    lowering=Element(_iota_at),
    vjp=(),
    attrs=Fill,
    samples=_iota_samples,
    batch=nothing,
)


def iota(n: Extent, dtype: DType) -> Array:
    """0, 1, ... n-1 in `dtype`."""
    return _iota.call(intern(Fill(dtype, (n,))))


def scalar_constant(value: bool | int | float | complex, dtype: DType) -> Array:
    """A Python number as a 0-d array of `dtype`; IntegerOverflow or DTypeError where it does not fit."""
    return current().constant(number(value, dtype))


def _filled(name: str, shape: Extent | Sequence[Extent], fill_value: Operand, dtype: object) -> Array:
    extents = legal_shape(name, shape)
    if isinstance(fill_value, bool | int | float | complex) and not isinstance(fill_value, np.generic):
        wanted = operand_type(name, fill_value).dtype if dtype is None else dtypes.as_dtype(dtype)
        value = scalar_constant(fill_value, wanted)
    else:
        value = as_array(name, fill_value)
        value = value if dtype is None else astype(value, dtype)
    if value.ndim:
        raise ShapeError(f"{name}: the value must be one number, but it has shape {show_shape(value.shape)}")
    return broadcast_to(value, extents) if extents else value


@located
def full(
    shape: Extent | Sequence[Extent], fill_value: Operand, *, dtype: object = None, device: object = None
) -> Array:
    """An array with one value everywhere; without `dtype` it has that of `fill_value`.

    Raises:
        ShapeError: an extent is negative, or `fill_value` is not 0-d.
        IntegerOverflow: `dtype` cannot hold the value.
        ArgumentError: `device` is neither "cpu" nor None.
    """
    on_device("full", device)
    return _filled("full", shape, fill_value, dtype)


def _or_float(dtype: object) -> object:
    return dtypes.float32 if dtype is None else dtype


@located
def zeros(shape: Extent | Sequence[Extent], *, dtype: object = None, device: object = None) -> Array:
    """An array of zeros, float32 unless `dtype` is given; errors as for `full`."""
    on_device("zeros", device)
    return _filled("zeros", shape, False, _or_float(dtype))


@located
def ones(shape: Extent | Sequence[Extent], *, dtype: object = None, device: object = None) -> Array:
    """An array of ones, float32 unless `dtype` is given; errors as for `full`."""
    on_device("ones", device)
    return _filled("ones", shape, True, _or_float(dtype))


@located
def empty(shape: Extent | Sequence[Extent], *, dtype: object = None, device: object = None) -> Array:
    """An array of that shape whose values are unspecified by the standard: zeros, since no run may differ from another.

    It is float32 unless `dtype` is given; errors as for `full`.
    """
    on_device("empty", device)
    return _filled("empty", shape, False, _or_float(dtype))


@located
def full_like(x: Operand, /, fill_value: Operand, *, dtype: object = None, device: object = None) -> Array:
    """An array with one value everywhere, of the shape and (unless `dtype` is given) the dtype of `x`."""
    like = operand_type("full_like", x)
    return full(like.shape, fill_value, dtype=like.dtype if dtype is None else dtype, device=device)


def zeros_like(x: Operand, /, *, dtype: object = None, device: object = None) -> Array:
    """Zeros in the shape and (unless `dtype` is given) the dtype of `x`."""
    return full_like(x, False, dtype=dtype, device=device)


def ones_like(x: Operand, /, *, dtype: object = None, device: object = None) -> Array:
    """Ones in the shape and (unless `dtype` is given) the dtype of `x`."""
    return full_like(x, True, dtype=dtype, device=device)


def empty_like(x: Operand, /, *, dtype: object = None, device: object = None) -> Array:
    """Zeros (see `empty`) in the shape and (unless `dtype` is given) the dtype of `x`."""
    return full_like(x, False, dtype=dtype, device=device)


@located
def eye(
    n_rows: Extent,
    n_cols: Extent | None = None,
    /,
    *,
    k: int = 0,
    dtype: object = None,
    device: object = None,
) -> Array:
    """A matrix with ones on diagonal `k` (above the main one where positive) and zeros elsewhere.

    It is square unless `n_cols` is given, and float32 unless `dtype` is.

    Raises:
        ShapeError: an extent is negative.
        ArgumentError: `device` is neither "cpu" nor None.
    """
    on_device("eye", device)
    rows, columns = _places("eye", n_rows, n_rows if n_cols is None else n_cols, k)
    return astype(equal(rows, columns), _or_float(dtype))


@located
def identity(n: Extent, /, *, dtype: object = None) -> Array:
    """The square matrix with ones on its main diagonal and zeros elsewhere; errors as for `eye`."""
    return eye(n, dtype=dtype)


@located
def tri(n_rows: Extent, n_cols: Extent | None = None, /, *, k: int = 0, dtype: object = None) -> Array:
    """A matrix with ones on diagonal `k` and below, and zeros above; square and float32 unless told otherwise.

    Raises:
        ShapeError: an extent is negative.
    """
    rows, columns = _places("tri", n_rows, n_rows if n_cols is None else n_cols, k)
    return astype(greater_equal(rows, columns), _or_float(dtype))


def _places(name: str, rows: Extent, columns: Extent, k: int) -> tuple[Array, Array]:
    """The number of each row plus k, as a column, and that of each column: equal on diagonal k."""
    rows, columns = legal_shape(name, (rows, columns))
    shift = scalar_constant(integer(name, "k", k), dtypes.int64)
    return expand_dims(iota(rows, dtypes.int64) + shift, axis=1), iota(columns, dtypes.int64)


def _triangle(name: str, x: Operand, k: int, lower: bool) -> Array:
    array = as_array(name, x)
    if array.ndim < 2:
        raise ShapeError(
            f"{name}: the tensor must have at least 2 axes, but its shape is {show_shape(array.shape)}"
        )
    rows, columns = _places(name, array.shape[-2], array.shape[-1], k)
    return where((greater_equal if lower else less_equal)(rows, columns), array, False)


@located
def tril(x: Operand, /, *, k: int = 0) -> Array:
    """The matrices in the last two axes with zeros above diagonal `k`."""
    return _triangle("tril", x, k, lower=True)


@located
def triu(x: Operand, /, *, k: int = 0) -> Array:
    """The matrices in the last two axes with zeros below diagonal `k`."""
    return _triangle("triu", x, k, lower=False)


@located
def one_hot(indices: Operand, depth: int, /, *, axis: int = -1, dtype: object = None) -> Array:
    """Ones where position equals index along a new axis of extent `depth`; an index outside gives zeros.

    Raises:
        DTypeError: `indices` are no integers.
        ShapeError: the result has no axis `axis`, or `depth` is negative.
    """
    array = as_array("one_hot", indices)
    if not array.dtype.is_integer:
        raise DTypeError(f"one_hot: indices must be integers, but their dtype is {array.dtype.name}")
    (extent,) = legal_shape("one_hot", (depth,))
    place = one_axis("one_hot", axis, array.ndim + 1)
    spread = expand_dims(array, axis=place)
    positions = iota(extent, array.dtype)
    shape = tuple([extent if i == place else 1 for i in range(spread.ndim)])
    return astype(spread == reshape(positions, shape), _or_float(dtype))
