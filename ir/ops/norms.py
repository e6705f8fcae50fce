"""Norms of vectors and matrices; they are made of other functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from ..array import Array
from ..errors import ArgumentError
from ..stage import Operand, as_array, located
from .arithmetic import abs, sqrt, square
from .axes import AxisArgument, flag, many_axes, one_axis
from .conversion import astype
from .factorisations import svdvals
from .logic import where
from .matrices import matrix_type
from .powers import power
from .reductions import as_floats, max, min, sum
from .shapes import expand_dims, permute_dims

__all__ = ["matrix_norm", "norm", "vector_norm"]

Order = float | str | None


def _magnitude(name: str, x: Operand) -> Array:
    return abs(as_floats(name, x))


def _euclidean(magnitudes: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """The root of the sum of squares, with the gradient 0 at 0."""
    total = sum(square(magnitudes), axis=axes, keepdims=keepdims)
    return where(total == 0, total, sqrt(where(total == 0, 1, total)))


@located
def vector_norm(
    x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False, ord: float = 2
) -> Array:
    """The norm of the vectors along `axis` (an int, several, or None for all elements together).

    Args:
        x: an array; integers and bool count as float32.
        axis: what runs through one vector.
        keepdims: leaves those axes in the result with extent 1.
        ord: p of the p-norm `sum(abs(x)**p)**(1/p)`; infinity gives the greatest magnitude, minus infinity the least,
            0 the number of elements that are not zero.

    Raises:
        ShapeError: of no elements, the norm of order infinity or minus infinity.
    """
    if isinstance(ord, bool) or not isinstance(ord, int | float):
        raise ArgumentError(f"vector_norm: ord must be a number, but {ord!r} was given")
    magnitudes = _magnitude("vector_norm", x)
    axes, kept = many_axes("vector_norm", axis, magnitudes.ndim), flag("vector_norm", "keepdims", keepdims)
    if ord == math.inf:
        return max(magnitudes, axis=axes, keepdims=kept)
    if ord == -math.inf:
        return min(magnitudes, axis=axes, keepdims=kept)
    if ord == 0:
        return sum(astype(magnitudes != 0, magnitudes.dtype), axis=axes, keepdims=kept)
    if ord == 1:
        return sum(magnitudes, axis=axes, keepdims=kept)
    if ord == 2:
        return _euclidean(magnitudes, axes, kept)
    return power(sum(power(magnitudes, float(ord)), axis=axes, keepdims=kept), 1.0 / float(ord))


def _of_columns(pick: Callable[..., Array], axis: int) -> Callable[[Array, bool], Array]:
    """The greatest or least sum of magnitudes along one of the last two axes."""

    def norm(x: Array, keepdims: bool) -> Array:
        sums = sum(_magnitude("matrix_norm", x), axis=axis, keepdims=True)
        return pick(sums, axis=(-2, -1), keepdims=keepdims)

    return norm


def _of_values(pick: Callable[..., Array]) -> Callable[[Array, bool], Array]:
    """The sum, the greatest or the least of the singular values."""

    def norm(x: Array, keepdims: bool) -> Array:
        found = pick(svdvals(x), axis=-1)
        return expand_dims(found, axis=(-2, -1)) if keepdims else found

    return norm


_MATRIX_NORMS: Final[dict[Order, Callable[[Array, bool], Array]]] = {
    "fro": lambda x, keepdims: _euclidean(_magnitude("matrix_norm", x), (x.ndim - 2, x.ndim - 1), keepdims),
    "nuc": _of_values(sum),
    1: _of_columns(max, -2),
    -1: _of_columns(min, -2),
    math.inf: _of_columns(max, -1),
    -math.inf: _of_columns(min, -1),
    2: _of_values(max),
    -2: _of_values(min),
}


@located
def matrix_norm(x: Operand, /, *, keepdims: bool = False, ord: Order = "fro") -> Array:
    """The norm of the matrices in the last two axes; integers and bool count as float32.

    Args:
        x: matrices.
        keepdims: leaves the two axes in the result with extent 1.
        ord: "fro" takes the root of the sum of squares, "nuc" the sum of singular values, 1 and -1 the greatest and
            least sum of magnitudes in a column, infinity and minus infinity in a row, 2 and -2 the greatest and least
            singular value.

    Raises:
        ArgumentError: another order.
        ShapeError: `x` has fewer than two axes, or there is nothing to choose the greatest or least of.
    """
    made = _MATRIX_NORMS.get(ord) if isinstance(ord, str | int | float) and not isinstance(ord, bool) else None
    if made is None:
        raise ArgumentError(f"matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, but {ord!r} was given")
    array = as_floats("matrix_norm", x)
    matrix_type("matrix_norm", array._aval)
    return made(array, flag("matrix_norm", "keepdims", keepdims))


@located
def norm(x: Operand, /, *, ord: Order = None, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The norm of vectors along one axis, or of matrices along two, as NumPy's `linalg.norm`.

    Args:
        x: an array; integers and bool count as float32.
        ord: as for `vector_norm` or `matrix_norm`; None takes the root of the sum of squares.
        axis: one axis for vectors, two for matrices. None without `ord` takes all elements as one vector; None with
            `ord` takes `x` itself as a vector or matrix, by its rank.
        keepdims: leaves those axes in the result with extent 1.

    Raises:
        ArgumentError: `ord` does not go with what `x` is.
    """
    array = as_array("norm", x)
    if ord is None:
        return vector_norm(array, axis=axis, keepdims=keepdims)
    axes = axis if isinstance(axis, Sequence) else range(array.ndim) if axis is None else (axis,)
    given = [one_axis("norm", a, array.ndim) for a in axes]
    if len(given) == 1 and not isinstance(ord, str):
        return vector_norm(array, axis=given[0], keepdims=keepdims, ord=ord)
    if len(given) != 2:
        raise ArgumentError(f"norm: the order {ord!r} is not one of a norm over {len(given)} axes")
    many_axes("norm", given, array.ndim)
    rows, columns = given
    others = [i for i in range(array.ndim) if i not in (rows, columns)]
    found = matrix_norm(permute_dims(array, [*others, rows, columns]), keepdims=False, ord=ord)
    return expand_dims(found, axis=(rows, columns)) if keepdims else found

