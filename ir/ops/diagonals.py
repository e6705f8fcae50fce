"""Rows that take a diagonal of two axes, and put one into zeros: each is the other's gradient."""

from __future__ import annotations

from typing import Final
from typing import cast as typed

import numpy as np

from .. import scalar
from ..array import Array
from ..attrs import Attrs, intern
from ..batch_rules import Mapped
from ..dtypes import DType
from ..errors import ShapeError
from ..op import Element, Op, Reader, Sample
from ..promotion import keep
from ..records import dataclass
from ..scalar import Scalar
from ..stage import Operand, as_array, located, operand_type
from ..types import Extent, Shape, TensorType, show_shape
from .axes import integer, one_axis
from .rows import quiet, values

__all__ = ["diag", "diag_embed", "diagonal"]


@dataclass(frozen=True, slots=True)
class Diagonal(Attrs):
    """The places along two axes (non-negative, different) whose indices differ by `offset`, second less first."""

    offset: int
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class OnDiagonal(Attrs):
    """A diagonal (see `Diagonal`) of an array of `shape`."""

    offset: int
    first: int
    second: int
    shape: Shape


def _extent(shape: Shape, offset: int, first: int, second: int) -> Extent:
    """The number of places on a diagonal."""
    rows, columns = shape[first], shape[second]
    if isinstance(rows, int) and isinstance(columns, int):
        return max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    if rows == columns and offset == 0:
        return rows
    raise ShapeError(
        f"diagonal: how long the diagonal {offset} of axes {first} and {second} is cannot be told from the shape "
        f"{show_shape(shape)}"
    )


def _taken_shape(shape: Shape, a: Diagonal | OnDiagonal) -> Shape:
    if a.first == a.second or not (0 <= a.first < len(shape) and 0 <= a.second < len(shape)):
        raise ShapeError(
            f"diagonal: two different axes are needed, but they are {a.first} and {a.second} of shape "
            f"{show_shape(shape)}"
        )
    kept = [s for i, s in enumerate(shape) if i not in (a.first, a.second)]
    return (*kept, _extent(shape, a.offset, a.first, a.second))


def _taken_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    return TensorType(types[0].dtype, _taken_shape(types[0].shape, typed(Diagonal, attrs)))


def _taken(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Scalar:
    a = typed(Diagonal, attrs)
    at, others = index[-1], iter(index[:-1])
    starts = {a.first: max(-a.offset, 0), a.second: max(a.offset, 0)}
    places = [
        (at + starts[i] if starts[i] else at) if i in starts else next(others) for i in range(operands[0].type.ndim)
    ]
    return operands[0].at(*places)


_FARTHEST: Final = 2**40
_CASES: tuple[tuple[tuple[int, ...], tuple[int, int, int]], ...] = (
    ((4, 4), (0, 0, 1)),
    ((3, 5), (1, 0, 1)),
    ((2, 5, 3), (-1, 1, 2)),
    ((3, 2, 4), (0, 2, 0)),
    ((2, 3), (7, 0, 1)),
    ((0, 3), (0, 0, 1)),
)


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    return [((values(rng, dtype, shape),), intern(Diagonal(*where))) for shape, where in _CASES]


def _batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    a = typed(Diagonal, attrs)
    return op.call(*operands, intern(Diagonal(a.offset, a.first + 1, a.second + 1)))


def _put_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    a = typed(OnDiagonal, attrs)
    return op.call(*operands, intern(OnDiagonal(a.offset, a.first + 1, a.second + 1, (extent, *a.shape))))


_diagonal: Op = Op(
    "diagonal",
    infer=_taken_type,
    promote=keep,
    reference=quiet(lambda x, attrs: np.diagonal(x, attrs.offset, attrs.first, attrs.second).copy()),
    lowering=Element(_taken, view=True),
    vjp=(
        lambda g, y, x, attrs: _on_diagonal.call(
            g, intern(OnDiagonal(attrs.offset, attrs.first, attrs.second, x.shape))
        ),
    ),
    linear=(0,),
    attrs=Diagonal,
    samples=_samples,
    batch=_batch,
)


def _put_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    a = typed(OnDiagonal, attrs)
    wanted = _taken_shape(a.shape, a)
    if types[0].shape != wanted:
        raise ShapeError(
            f"on_diagonal: that diagonal of shape {show_shape(a.shape)} has the shape {show_shape(wanted)}, but "
            f"{show_shape(types[0].shape)} was given"
        )
    return TensorType(types[0].dtype, a.shape)


def _put_of(x: np.ndarray, attrs: OnDiagonal) -> np.ndarray:
    result = np.zeros(typed(tuple[int, ...], attrs.shape), x.dtype)
    rows = np.arange(x.shape[-1]) + max(-attrs.offset, 0)
    np.moveaxis(result, (attrs.first, attrs.second), (-2, -1))[..., rows, rows + attrs.offset] = x
    return result


def _put(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Scalar:
    a = typed(OnDiagonal, attrs)
    zero = scalar.const(result.dtype, 0)
    if operands[0].type.shape[-1] == 0:
        return zero
    row, column = index[a.first], index[a.second]
    hit = scalar.eq(column - row, a.offset)
    others = [x for i, x in enumerate(index) if i not in (a.first, a.second)]
    return scalar.select(hit, operands[0].at(*others, scalar.select(hit, row - max(-a.offset, 0), 0)), zero)


def _put_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    made: list[Sample] = []
    for shape, where in _CASES:
        attrs = OnDiagonal(*where, shape)
        made.append(((values(rng, dtype, typed(tuple[int, ...], _taken_shape(shape, attrs))),), intern(attrs)))
    return made


_on_diagonal: Op = Op(
    "on_diagonal",
    infer=_put_type,
    promote=keep,
    reference=quiet(_put_of),
    lowering=Element(_put),
    vjp=(
        lambda g, y, x, attrs: _diagonal.call(g, intern(Diagonal(attrs.offset, attrs.first, attrs.second))),
    ),
    linear=(0,),
    attrs=OnDiagonal,
    samples=_put_samples,
    batch=_put_batch,
)


@located
def diagonal(x: Operand, /, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The elements of `x` at which the index along `axis2` is `offset` more than that along `axis1`.

    They lie along the last axis of the result, which lacks the two axes.

    Raises:
        ShapeError: `x` has no two such axes.
    """
    ndim = operand_type("diagonal", x).ndim
    if ndim < 2:
        raise ShapeError(f"diagonal: the tensor must have at least 2 axes, but its rank is {ndim}")
    first, second = one_axis("diagonal", axis1, ndim), one_axis("diagonal", axis2, ndim)
    # Beyond all extents one offset is as good as another, and native places have 64 bits.
    shift = max(-_FARTHEST, min(integer("diagonal", "offset", offset), _FARTHEST))
    return _diagonal.call(x, intern(Diagonal(shift, first, second)))


def diagonal_matrix(x: Array) -> Array:
    """Square matrices with the last axis of `x` on their diagonals, and zeros elsewhere."""
    n, ndim = x.shape[-1], x.ndim
    return _on_diagonal.call(x, intern(OnDiagonal(0, ndim - 1, ndim, (*x.shape, n))))


@located
def diag_embed(x: Operand, /, *, offset: int = 0) -> Array:
    """Square matrices with the last axis of `x` on diagonal `offset` (above the main one where positive), else zeros.

    Raises:
        ShapeError: `x` is 0-d.
    """
    array = as_array("diag_embed", x)
    if not array.ndim:
        raise ShapeError("diag_embed: a 0-d tensor has no axis to put on a diagonal")
    shift = integer("diag_embed", "offset", offset)
    n = array.shape[-1] + abs(shift)
    return _on_diagonal.call(
        array, intern(OnDiagonal(shift, array.ndim - 1, array.ndim, (*array.shape[:-1], n, n)))
    )


@located
def diag(x: Operand, /, *, k: int = 0) -> Array:
    """A square matrix with the 1-D `x` on diagonal `k`, or that diagonal of the 2-D `x`.

    Raises:
        ShapeError: `x` has neither one axis nor two.
    """
    array = as_array("diag", x)
    if array.ndim == 1:
        return diag_embed(array, offset=k)
    if array.ndim != 2:
        raise ShapeError(f"diag: a tensor of one or two axes is needed, but the shape is {show_shape(array.shape)}")
    return diagonal(array, offset=k)
