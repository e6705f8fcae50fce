"""Functions of `lithograph.linalg` that are made of other functions: diagonals, powers, ranks, least squares."""

from __future__ import annotations

from typing import NamedTuple

from ..array import Array
from ..errors import ShapeError
from ..stage import Operand, as_array, located
from ..types import show_shape
from .arithmetic import abs, square
from .axes import integer
from .conversion import astype
from .creation import eye, zeros
from .diagonals import diagonal as any_diagonal
from .factorisations import svdvals
from .matrices import matrix_type
from .products import matmul
from .reductions import as_floats, max, sum
from .shapes import broadcast_to, expand_dims, reshape
from .solving import inv, pinv, tolerance

__all__ = ["diagonal", "lstsq", "matrix_power", "matrix_rank", "trace"]


def _matrices(name: str, x: Operand) -> Array:
    array = as_array(name, x)
    if array.ndim < 2:
        raise ShapeError(f"{name}: matrices are needed, but the shape is {show_shape(array.shape)}; it has no two axes")
    return array


@located
def diagonal(x: Operand, /, *, offset: int = 0) -> Array:
    """The diagonals of the matrices in the last two axes, `offset` columns to the right of the main one.

    Raises:
        ShapeError: `x` has fewer than two axes.
    """
    return any_diagonal(_matrices("diagonal", x), offset=offset, axis1=-2, axis2=-1)


@located
def trace(x: Operand, /, *, offset: int = 0, dtype: object = None) -> Array:
    """The sums along the diagonals of the matrices in the last two axes.

    Args:
        x: matrices.
        offset: how many columns to the right of the main diagonal.
        dtype: in which the elements are summed; by default that of `sum`.

    Raises:
        ShapeError: `x` has fewer than two axes.
    """
    array = any_diagonal(_matrices("trace", x), offset=offset, axis1=-2, axis2=-1)
    return sum(array if dtype is None else astype(array, dtype), axis=-1)


@located
def matrix_power(x: Operand, n: int, /) -> Array:
    """Square matrices in the last two axes multiplied `n` times; of a negative `n`, their inverses.

    Raises:
        ShapeError: they are not square.
        LinAlgError: `n` is negative, and a matrix is singular.
    """
    array, count = _matrices("matrix_power", x), integer("matrix_power", "n", n)
    if array.shape[-1] != array.shape[-2]:
        raise ShapeError(f"matrix_power: the matrices must be square, but the shape is {show_shape(array.shape)}")
    if count == 0:
        return broadcast_to(eye(array.shape[-1], dtype=array.dtype), array.shape)
    doubled, rest = (inv(array), -count) if count < 0 else (array, count)
    result: Array | None = None
    while True:
        if rest % 2:
            result = doubled if result is None else matmul(result, doubled)
        rest //= 2
        if not rest:
            assert result is not None
            return result
        doubled = matmul(doubled, doubled)


@located
def matrix_rank(x: Operand, /, *, rtol: Operand | None = None) -> Array:
    """How many singular values of the matrices in the last two axes are above zero, as int32.

    Args:
        x: matrices; integers and bool count as float32.
        rtol: singular values up to this share of the largest one count as zero; it broadcasts to the leading axes. By
            default the larger extent times the dtype's epsilon.

    Raises:
        LinAlgError: a matrix holds NaN or infinity.
    """
    array = as_floats("matrix_rank", x)
    batch, _, _ = matrix_type("matrix_rank", array._aval)
    values = svdvals(array)
    if values.shape[-1] == 0:
        return zeros(batch, dtype="int32")
    least = max(values, axis=-1, keepdims=True) * expand_dims(tolerance(array, rtol), axis=-1)
    return sum(values > least, axis=-1)


class LstsqResult(NamedTuple):
    """A solution, the sums of squares that it leaves for each column, the rank, and the singular values."""

    solution: Array
    residuals: Array
    rank: Array
    singular_values: Array


@located
def lstsq(a: Operand, b: Operand, /, *, rtol: Operand | None = None) -> LstsqResult:
    """The x of least magnitude among those for which `a @ x - b` has the least sum of squares.

    Unlike NumPy's, it takes leading axes, and the residuals are there whatever the rank.

    Args:
        a: matrices in the last two axes; integers and bool count as float32.
        b: one vector, where it is 1-D, or else matrices whose columns are right sides; the leading axes broadcast.
        rtol: as for `matrix_rank`.

    Raises:
        LinAlgError: a matrix holds NaN or infinity.
        ShapeError: the rows of `a` and `b` do not match.
    """
    matrix, right = as_floats("lstsq", a), as_floats("lstsq", b)
    matrix_type("lstsq", matrix._aval)
    columns = expand_dims(right, axis=-1) if right.ndim == 1 else right
    if not right.ndim or columns.shape[-2] != matrix.shape[-2]:
        raise ShapeError(
            f"lstsq: the right side must have as many rows as the matrix, but the shapes are "
            f"{show_shape(matrix.shape)} and {show_shape(right.shape)}"
        )
    x = matmul(pinv(matrix, rtol=rtol), columns)
    rest = matmul(matrix, x) - columns
    residuals = sum(square(abs(rest)), axis=-2)
    if right.ndim == 1:
        x, residuals = reshape(x, x.shape[:-1]), reshape(residuals, residuals.shape[:-1])
    return LstsqResult(x, residuals, matrix_rank(matrix, rtol=rtol), svdvals(matrix))
