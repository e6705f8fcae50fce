"""Rows that solve linear systems and measure volumes: inverses, solutions, determinants; they run on LAPACK."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..array import Array
from ..attrs import NO_ATTRS, Attrs
from ..batch_rules import Mapped, along, broadcast, ranked, spread
from ..data_types import finfo
from ..dtypes import DType
from ..errors import DTypeError, ShapeError
from ..gradient import unbroadcast
from ..op import Flags, Host, Op, Sample
from ..promotion import floating
from ..stage import Operand, as_array, located
from ..storage import convert
from ..types import Extent, TensorType, broadcast_shapes, show_shape
from .arithmetic import maximum
from .complexes import imag, real
from .creation import eye
from .matrices import conjugated, lapack, matrix_type, separated, total
from .products import adjoint, as_dtype, matmul
from .reductions import as_floats
from .rows import values
from .shapes import axis_size, expand_dims, matrix_transpose, reshape

__all__ = ["det", "inv", "pinv", "slogdet", "solve"]

_SQUARES: tuple[tuple[int, ...], ...] = ((3, 3), (2, 2, 2), (1, 1), (0, 0), (0, 2, 2))


def squares(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    """Samples of rows that take square matrices."""
    return [((separated(rng, dtype, s),), NO_ATTRS) for s in _SQUARES] if dtype.is_inexact else []


def _square(name: str) -> Callable[[tuple[TensorType, ...], Attrs], TensorType]:
    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        matrix_type(name, types[0], square=True)
        return types[0]

    return infer


def _inv_slope(g: Array, y: Array, x: Array) -> Array:
    turned = matrix_transpose(y)
    return -matmul(matmul(turned, g), turned)


_inv: Op = Op(
    "inv",
    infer=_square("inv"),
    promote=floating,
    reference=lapack(
        np.linalg.inv, "inv: is singular and has no inverse; pinv gives the nearest thing to one"
    ),
    lowering=Host(),
    vjp=(_inv_slope,),
    jvp=(lambda t, y, x: -matmul(matmul(y, t), y),),
    flags=Flags.CHECKED,
    samples=squares,
    batch=along,
)


def _solve_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    a, b = types
    batch, n, _ = matrix_type("solve", a, square=True)
    more, rows, columns = matrix_type("solve", b)
    if a.dtype is not b.dtype:
        raise DTypeError(f"solve: the operands are {a.dtype} and {b.dtype}, and must be of one dtype")
    if n != rows:
        raise ShapeError(
            f"solve: the right side must have as many rows as the matrix, but the shapes are {show_shape(a.shape)} and "
            f"{show_shape(b.shape)}"
        )
    name = f"solve of shapes {show_shape(a.shape)} and {show_shape(b.shape)}, leading axes"
    return TensorType(a.dtype, (*broadcast_shapes(name, batch, more), n, columns))


def _solve_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((3, 3), (3, 2)), ((2, 1, 2, 2), (3, 2, 1)), ((2, 2), (2, 2, 2)), ((0, 0), (0, 2)), ((2, 2), (2, 0)),
    ]  # fmt: skip
    if not dtype.is_inexact:
        return []
    return [((separated(rng, dtype, a), values(rng, dtype, b)), NO_ATTRS) for a, b in shapes]


def _solve_matrix_slope(g: Array, y: Array, a: Array, b: Array) -> Array:
    return unbroadcast(-matmul(_solve.call(matrix_transpose(a), g), matrix_transpose(y)), a.shape)


_solve: Op = Op(
    "solve",
    infer=_solve_type,
    promote=floating,
    reference=lapack(
        np.linalg.solve, "solve: is singular, so the system has no single solution; pinv(a) @ b gives the least one"
    ),
    lowering=Host(),
    vjp=(_solve_matrix_slope, lambda g, y, a, b: unbroadcast(_solve.call(matrix_transpose(a), g), b.shape)),
    linear=(1,),
    jvp=(lambda t, y, a, b: -_solve.call(a, matmul(t, y)), None),
    flags=Flags.CHECKED,
    samples=_solve_samples,
    batch=broadcast,
)


def _det_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    batch, _, _ = matrix_type("det", types[0], square=True)
    return TensorType(types[0].dtype, batch)


def matrices_of(x: Array) -> Array:
    """Numbers as matrices with one row and one column."""
    return expand_dims(x, axis=(-2, -1))


_det: Op = Op(
    "det",
    infer=_det_type,
    promote=floating,
    reference=lapack(np.linalg.det, "det: has no determinant"),
    lowering=Host(),
    vjp=(lambda g, y, x: matrices_of(g) * _cofactors.call(x),),
    samples=squares,
    batch=along,
)


def _cofactors_of(x: np.ndarray) -> np.ndarray:
    """With x = u s v: the cofactors of the factors, of which those of s are products of all but one value."""
    u, s, v = np.linalg.svd(x)
    n = s.shape[-1]
    others = [np.prod(np.delete(s, i, -1), -1) for i in range(n)]
    scale = np.linalg.det(u) * np.linalg.det(v)
    parts = np.conj(u) * np.stack(others, -1)[..., None, :] if n else u
    return np.asarray(scale[..., None, None] * (parts @ np.conj(v)))


def _cofactors_slope(g: Array, y: Array, x: Array) -> Array:
    turned = matrix_transpose(_inv.call(x))
    scale = matrices_of(_det.call(x))
    return scale * (total(g * turned) * turned - matmul(matmul(turned, matrix_transpose(g)), turned))


_cofactors: Op = Op(
    "cofactors",
    infer=_square("cofactors"),
    promote=floating,
    reference=lapack(_cofactors_of, "cofactors: holds no finite numbers", finite=True),
    lowering=Host(),
    vjp=(_cofactors_slope,),
    flags=Flags.CHECKED,
    samples=squares,
    batch=along,
)
"""The derivative of the determinant by each element, which singular matrices have too."""


def _slogdet_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    batch, _, _ = matrix_type("slogdet", types[0], square=True)
    return TensorType(types[0].dtype, (*batch, 2))


def _slogdet_of(x: np.ndarray) -> np.ndarray:
    sign, logarithm = np.linalg.slogdet(x)
    return np.stack([sign, logarithm.astype(x.dtype)], -1)


def _slogdet_slope(g: Array, y: Array, x: Array) -> Array:
    scale = g[..., 1]
    if x.dtype.is_complex:
        scale = real(scale) + imag(g[..., 0] * y[..., 0]) * 1j
    return matrices_of(scale) * matrix_transpose(_inv.call(x))


_slogdet: Op = Op(
    "slogdet",
    infer=_slogdet_type,
    promote=floating,
    reference=lapack(_slogdet_of, "slogdet: has no determinant"),
    lowering=Host(),
    vjp=(_slogdet_slope,),
    samples=squares,
    batch=along,
)
"""The sign of the determinant, then the logarithm of its magnitude, along the last axis."""


def _pinv_promote(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    (dtype,) = floating(name, types[:1])
    return dtype, dtype.real


def _pinv_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    batch, m, n = matrix_type("pinv", types[0])
    if broadcast_shapes("pinv", batch, types[1].shape) != batch:
        raise ShapeError(
            f"pinv: rtol must broadcast to the leading axes {show_shape(batch)} of the matrices, but its shape is "
            f"{show_shape(types[1].shape)}"
        )
    return TensorType(types[0].dtype, (*batch, n, m))


def _pinv_slope(g: Array, y: Array, x: Array, rtol: Array) -> Array:
    """Golub and Pereyra, The differentiation of pseudo-inverses, SIAM J. Numer. Anal. 10 (1973), 413-432."""
    m, n = x.shape[-2:]
    turned, back = adjoint(y), adjoint(g)
    left = eye(m, dtype=x.dtype) - matmul(x, y)
    right = eye(n, dtype=x.dtype) - matmul(y, x)
    return (
        matmul(matmul(left, back), matmul(y, turned))
        + matmul(matmul(turned, y), matmul(back, right))
        - matmul(matmul(turned, g), turned)
    )


def _pinv_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    shapes: list[tuple[int, ...]] = [(3, 3), (2, 2, 3), (3, 2), (0, 2), (2, 0, 2, 2)]
    if not dtype.is_inexact:
        return []
    least = convert(np.asarray(1e-5), dtype.real)
    return [((separated(rng, dtype, s), least), NO_ATTRS) for s in shapes]


# Tolerances have an axis for each of the matrices' leading ones; with two more, a batch index fits both.
_pinv_of = lapack(
    lambda x, rtol: np.linalg.pinv(x, rtol[..., 0, 0]),
    "pinv: has no singular values; it must hold finite numbers",
    finite=True,
)

def _pinv_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    x, rtol = operands
    x = spread(x, mapped[0], extent)
    return op.call(x, ranked(rtol, x.ndim - 3) if mapped[1] else rtol)


_pinv: Op = Op(
    "pinv",
    infer=_pinv_type,
    promote=_pinv_promote,
    reference=lambda x, rtol: _pinv_of(x, np.asarray(rtol)[..., None, None]),
    lowering=Host(),
    vjp=(conjugated(_pinv_slope), None),
    flags=Flags.CHECKED,
    samples=_pinv_samples,
    batch=_pinv_batch,
)


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the natural logarithm of its magnitude."""

    sign: Array
    logabsdet: Array


@located
def inv(x: Operand, /) -> Array:
    """The inverses of square matrices in the last two axes; integers and bool count as float32.

    Raises:
        LinAlgError: a matrix is singular.
        ShapeError: they are not square.
    """
    return _inv.call(x)


@located
def solve(x1: Operand, x2: Operand, /) -> Array:
    """The solution x of `x1 @ x = x2` for square matrices; integers and bool count as float32.

    Args:
        x1: matrices in the last two axes, the leading axes broadcast with those of `x2`.
        x2: one vector, where it is 1-D, or else matrices whose columns are right sides.

    Raises:
        LinAlgError: a matrix is singular.
        ShapeError: a matrix is not square, or the sides do not fit.
    """
    b = as_array("solve", x2)
    if b.ndim != 1:
        return _solve.call(x1, b)
    x = _solve.call(x1, expand_dims(b, axis=-1))
    return reshape(x, x.shape[:-1])


@located
def det(x: Operand, /) -> Array:
    """The determinants of square matrices in the last two axes; integers and bool count as float32.

    Raises:
        ShapeError: they are not square.
    """
    return _det.call(x)


@located
def slogdet(x: Operand, /) -> SlogdetResult:
    """The sign and the logarithm of the magnitude of the determinants of square matrices in the last two axes.

    A singular matrix has the sign 0 and the logarithm minus infinity, and no gradient. Integers and bool count as
    float32.

    Raises:
        ShapeError: they are not square.
    """
    packed = _slogdet.call(x)
    return SlogdetResult(packed[..., 0], real(packed[..., 1]))


def tolerance(x: Array, rtol: Operand | None) -> Array:
    """The share of the largest singular value up to which one counts as zero, by default max(m, n) epsilons."""
    if rtol is None:
        m, n = (axis_size(x, (x.ndim - k,)) for k in (2, 1))
        larger = max(m, n) if isinstance(m, int) and isinstance(n, int) else maximum(m, n)
        rtol = larger * finfo(x.dtype).eps
    return as_dtype(as_array("rtol", rtol), x.dtype.real)


@located
def pinv(x: Operand, /, *, rtol: Operand | None = None) -> Array:
    """The Moore-Penrose pseudo-inverses of matrices in the last two axes; integers and bool count as float32.

    Args:
        x: matrices of any extents.
        rtol: singular values up to this share of the largest one count as zero; it broadcasts to the leading axes. By
            default the larger extent times the dtype's epsilon.

    Raises:
        LinAlgError: a matrix holds NaN or infinity.
    """
    array = as_floats("pinv", x)
    matrix_type("pinv", array._aval)
    return _pinv.call(array, tolerance(array, rtol))
