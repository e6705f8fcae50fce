"""Rows of eigenvalues and eigenvectors; they run on LAPACK.

Where eigenvalues coincide, vectors are free to turn. Functions of the values alone keep their gradients there; one
whose cotangent lies along such a turn has none, and gets infinities or NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..array import Array
from ..attrs import Attrs
from ..batch_rules import along
from ..dtypes import DType, complex128
from ..op import Flags, Host, Op, Sample
from ..promotion import floating
from ..stage import Operand, located
from ..types import Extent, TensorType
from .complexes import conj, real
from .diagonals import diagonal, diagonal_matrix
from .matrices import (
    Part,
    column,
    conjugated,
    hermitian,
    hermitian_part,
    lapack,
    matrix_type,
    over_gaps,
    pack,
    packed_type,
    unpack,
)
from .products import adjoint, matmul
from .shapes import expand_dims, squeeze
from .solving import solve, squares

__all__ = ["eig", "eigh", "eigvals", "eigvalsh"]

_PROBLEM = "has no eigenvalues that LAPACK finds; it must hold finite numbers"


def _unturned(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    """Samples, but none of complex128, on which gradients are held against differences: vectors of complex matrices may
    turn by any phase, and LAPACK's choice has no derivative.
    """
    return [] if dtype is complex128 else squares(rng, dtype)


def _parts(n: Extent) -> tuple[Part, ...]:
    return (n, 1), (n, n)


def _eigh_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    batch, n, _ = matrix_type("eigh", types[0], square=True)
    return packed_type("eigh", types[0].dtype, batch, _parts(n))


def _eigh_of(x: np.ndarray) -> np.ndarray:
    found = np.linalg.eigh(hermitian_part(x))
    return pack((column(found.eigenvalues), found.eigenvectors), x.dtype)


def _eigh_slope(g: Array, y: Array, x: Array) -> Array:
    parts = _parts(x.shape[-1])
    (w, v), (gw, gv) = unpack(y, parts), unpack(g, parts)
    inside = over_gaps(matmul(adjoint(v), gv), squeeze(real(w), -1)) + diagonal_matrix(squeeze(real(gw), -1))
    return hermitian(matmul(matmul(v, inside), adjoint(v)))


_eigh: Op = Op(
    "eigh",
    infer=_eigh_type,
    promote=floating,
    reference=lapack(_eigh_of, "eigh: " + _PROBLEM),
    lowering=Host(),
    vjp=(conjugated(_eigh_slope),),
    flags=Flags.CHECKED,
    samples=_unturned,
    batch=along,
)


def _eigvalsh_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    batch, n, _ = matrix_type("eigvalsh", types[0], square=True)
    return TensorType(types[0].dtype.real, (*batch, n))


def _eigvalsh_slope(g: Array, y: Array, x: Array) -> Array:
    _, v = unpack(_eigh.call(x), _parts(x.shape[-1]))
    return matmul(v * expand_dims(g, axis=-2), adjoint(v))


_eigvalsh: Op = Op(
    "eigvalsh",
    infer=_eigvalsh_type,
    promote=floating,
    reference=lapack(lambda x: np.linalg.eigvalsh(hermitian_part(x)), "eigvalsh: " + _PROBLEM),
    lowering=Host(),
    vjp=(conjugated(_eigvalsh_slope),),
    flags=Flags.CHECKED,
    samples=squares,
    batch=along,
)


def _eig_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    batch, n, _ = matrix_type("eig", types[0], square=True)
    return packed_type("eig", types[0].dtype.complex, batch, _parts(n))


def _eig_of(x: np.ndarray) -> np.ndarray:
    found = np.linalg.eig(x)
    return pack((column(found.eigenvalues), found.eigenvectors), np.result_type(x, np.complex64))


def _as_operand(slope: Array, x: Array) -> Array:
    return slope if x.dtype.is_complex else real(slope)


def _eig_slope(g: Array, y: Array, x: Array) -> Array:
    """Boeddeker and others, On the computation of complex-valued gradients, arXiv:1701.00392 (2017)."""
    parts = _parts(x.shape[-1])
    (w, v), (gw, gv) = unpack(y, parts), unpack(g, parts)
    turned = adjoint(v)
    across = matmul(turned, gv)
    length = diagonal_matrix(real(diagonal(across, axis1=-2, axis2=-1)))
    inside = over_gaps(across - matmul(matmul(turned, v), length), squeeze(conj(w), -1))
    return _as_operand(solve(turned, matmul(inside + diagonal_matrix(squeeze(gw, -1)), turned)), x)


_eig: Op = Op(
    "eig",
    infer=_eig_type,
    promote=floating,
    reference=lapack(_eig_of, "eig: " + _PROBLEM),
    lowering=Host(),
    vjp=(conjugated(_eig_slope),),
    flags=Flags.CHECKED,
    samples=_unturned,
    batch=along,
)


def _eigvals_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    batch, n, _ = matrix_type("eigvals", types[0], square=True)
    return TensorType(types[0].dtype.complex, (*batch, n))


def _eigvals_slope(g: Array, y: Array, x: Array) -> Array:
    _, v = unpack(_eig.call(x), _parts(x.shape[-1]))
    turned = adjoint(v)
    return _as_operand(solve(turned, expand_dims(g, axis=-1) * turned), x)


_eigvals: Op = Op(
    "eigvals",
    infer=_eigvals_type,
    promote=floating,
    reference=lapack(
        lambda x: np.linalg.eigvals(x).astype(np.result_type(x, np.complex64)), "eigvals: " + _PROBLEM
    ),
    lowering=Host(),
    vjp=(conjugated(_eigvals_slope),),
    flags=Flags.CHECKED,
    samples=squares,
    batch=along,
)


class EigResult(NamedTuple):
    """Eigenvalues in no particular order, and the eigenvectors as columns; both complex."""

    eigenvalues: Array
    eigenvectors: Array


class EighResult(NamedTuple):
    """Eigenvalues in ascending order, and the eigenvectors as columns."""

    eigenvalues: Array
    eigenvectors: Array


@located
def eig(x: Operand, /) -> EigResult:
    """Eigenvalues and eigenvectors of length one of square matrices in the last two axes, as complex numbers.

    Integers and bool count as float32.

    Raises:
        LinAlgError: a matrix holds NaN or infinity, or the iteration does not converge.
        ShapeError: they are not square.
    """
    packed = _eig.call(x)
    values, vectors = unpack(packed, _parts(packed.shape[-2]))
    return EigResult(squeeze(values, -1), vectors)


@located
def eigvals(x: Operand, /) -> Array:
    """Eigenvalues of square matrices in the last two axes, as complex numbers; see `eig`.

    Raises:
        LinAlgError: a matrix holds NaN or infinity, or the iteration does not converge.
        ShapeError: they are not square.
    """
    return _eigvals.call(x)


@located
def eigh(x: Operand, /) -> EighResult:
    """Eigenvalues, ascending, and orthonormal eigenvectors of symmetric (or Hermitian) matrices in the last two axes.

    Of other matrices the mean with their transposes is taken. Integers and bool count as float32.

    Raises:
        LinAlgError: the iteration does not converge.
        ShapeError: they are not square.
    """
    packed = _eigh.call(x)
    values, vectors = unpack(packed, _parts(packed.shape[-2]))
    return EighResult(squeeze(real(values), -1), vectors)


@located
def eigvalsh(x: Operand, /) -> Array:
    """Eigenvalues, ascending, of symmetric (or Hermitian) matrices in the last two axes; see `eigh`.

    Raises:
        LinAlgError: the iteration does not converge.
        ShapeError: they are not square.
    """
    return _eigvalsh.call(x)
