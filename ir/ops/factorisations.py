"""Rows that take matrices apart: Cholesky, QR, singular values; they run on LAPACK.

Where singular values coincide or vanish, vectors are free to turn. Functions of the values alone keep
their gradients there; one whose cotangent lies along such a turn has none, and gets infinities or NaN.
"""

from __future__ import annotations

from typing import NamedTuple
from typing import cast as typed

import numpy as np

from ..array import Array
from ..attrs import NO_ATTRS, Attrs, intern
from ..batch_rules import along
from ..dtypes import DType, complex128
from ..errors import ArgumentError, DomainError
from ..op import Flags, Host, Op, Sample
from ..promotion import floating
from ..stage import Operand, locate, located
from ..types import Extent, TensorType, show_shape
from .axes import flag
from .complexes import real
from .creation import tril, triu
from .diagonals import diagonal, diagonal_matrix
from .joining import concat
from .matrices import (
    Complete,
    Part,
    column,
    conjugated,
    hermitian,
    hermitian_part,
    lapack,
    matrix_type,
    over,
    over_gaps,
    pack,
    packed_type,
    separated,
    smaller,
    unpack,
)
from .products import adjoint, matmul
from .reductions import as_floats
from .shapes import expand_dims, matrix_transpose, squeeze
from .solving import solve, squares

__all__ = ["cholesky", "qr", "svd", "svdvals"]


def _halved(x: Array) -> Array:
    """The lower triangle, of the diagonal the half."""
    return tril(x) - diagonal_matrix(diagonal(x, axis1=-2, axis2=-1) / 2)


def _cholesky_slope(g: Array, y: Array, x: Array) -> Array:
    """Murray, Differentiation of the Cholesky decomposition, arXiv:1602.07527 (2016)."""
    turned = adjoint(y)
    half = solve(turned, _halved(matmul(turned, g)))
    return hermitian(adjoint(solve(turned, adjoint(half))))


def _square_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    matrix_type("cholesky", types[0], square=True)
    return types[0]


_cholesky: Op = Op(
    "cholesky",
    infer=_square_type,
    promote=floating,
    reference=lapack(
        lambda x: np.linalg.cholesky(hermitian_part(x)),
        "cholesky: is not positive definite; add a small multiple of the identity if it should be",
    ),
    lowering=Host(),
    vjp=(conjugated(_cholesky_slope),),
    flags=Flags.CHECKED,
    samples=squares,
    batch=along,
)


_PROBLEM = "has no singular values that LAPACK finds; it must hold finite numbers"


def _svd_parts(m: Extent, n: Extent, complete: bool) -> tuple[Part, ...]:
    """The first factor turned, the values, the last factor."""
    k = smaller("svd", m, n)
    return (m if complete else k, m), (k, 1), (n if complete else k, n)


def _svd_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    batch, m, n = matrix_type("svd", types[0])
    return packed_type("svd", types[0].dtype, batch, _svd_parts(m, n, typed(Complete, attrs).complete))


def _svd_of(x: np.ndarray, attrs: Complete) -> np.ndarray:
    u, s, v = np.linalg.svd(x, full_matrices=attrs.complete)
    return pack((np.swapaxes(u, -1, -2), column(s), v), x.dtype)


def _refused(name: str, x: Array, instead: str) -> DomainError:
    return DomainError(
        f"{name}: whole factors of a matrix that is not square have no gradient, because some of their columns are "
        f"free, and the shape is {show_shape(x.shape)}; ask for {instead}"
    )


def _svd_slope(g: Array, y: Array, x: Array, attrs: Complete) -> Array:
    """Townsend, Differentiating the singular value decomposition (2016)."""
    m, n = x.shape[-2:]
    if attrs.complete and m != n:
        raise locate(_refused("svd", x, "full_matrices=False"))
    parts = _svd_parts(m, n, complete=False)
    (ut, s, vh), (gut, gs, gvh) = unpack(y, parts), unpack(g, parts)
    s, gs = real(s), real(gs)
    u, gu, across = matrix_transpose(ut), matrix_transpose(gut), matrix_transpose(s)
    left, right = matmul(adjoint(u), gu), matmul(vh, adjoint(gvh))
    one, other = left - adjoint(left), right - adjoint(right)
    # Together one * s[j] + other * s[i], over s[j]**2 - s[i]**2; so written, equal values do no harm to what is even.
    inside = (over_gaps(one + other, squeeze(s, -1)) + over(one - other, s + across)) / 2
    slope = matmul(matmul(u, inside + diagonal_matrix(squeeze(gs, -1))), vh)
    if m != ut.shape[-2]:
        slope = slope + matmul(over(gu - matmul(u, left), across), vh)
    if n != vh.shape[-2]:
        slope = slope + matmul(u, over(gvh - matmul(adjoint(right), vh), s))
    return slope


_WIDE: tuple[tuple[int, ...], ...] = ((3, 3), (2, 2, 3), (3, 2), (0, 2), (2, 0), (0, 2, 2))


def _svd_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    """None of complex128, on which gradients are held against differences: vectors of complex matrices may turn by any
    phase, and LAPACK's choice has no derivative.
    """
    return [] if dtype is complex128 else _samples(rng, dtype)


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if not dtype.is_inexact:
        return []
    made: list[Sample] = [((separated(rng, dtype, s),), intern(Complete(False))) for s in _WIDE]
    return [*made, ((separated(rng, dtype, (2, 2)),), intern(Complete(True)))]


_svd: Op = Op(
    "svd",
    infer=_svd_type,
    promote=floating,
    reference=lapack(_svd_of, "svd: " + _PROBLEM, finite=True),
    lowering=Host(),
    vjp=(conjugated(_svd_slope),),
    attrs=Complete,
    flags=Flags.CHECKED,
    samples=_svd_samples,
    batch=along,
)


def _svdvals_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    batch, m, n = matrix_type("svdvals", types[0])
    return TensorType(types[0].dtype.real, (*batch, smaller("svdvals", m, n)))


def _svdvals_slope(g: Array, y: Array, x: Array) -> Array:
    m, n = x.shape[-2:]
    ut, _, vh = unpack(_svd.call(x, intern(Complete(False))), _svd_parts(m, n, complete=False))
    return matmul(matrix_transpose(ut) * expand_dims(g, axis=-2), vh)


_svdvals: Op = Op(
    "svdvals",
    infer=_svdvals_type,
    promote=floating,
    reference=lapack(
        lambda x: np.linalg.svd(x, compute_uv=False), "svdvals: " + _PROBLEM, finite=True
    ),
    lowering=Host(),
    vjp=(conjugated(_svdvals_slope),),
    flags=Flags.CHECKED,
    samples=lambda rng, dtype: [((separated(rng, dtype, s),), NO_ATTRS) for s in _WIDE] if dtype.is_inexact else [],
    batch=along,
)


def _qr_parts(m: Extent, n: Extent, complete: bool) -> tuple[Part, ...]:
    """The first factor turned, then the triangle."""
    k = m if complete else smaller("qr", m, n)
    return (k, m), (k, n)


def _qr_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    batch, m, n = matrix_type("qr", types[0])
    return packed_type("qr", types[0].dtype, batch, _qr_parts(m, n, typed(Complete, attrs).complete))


def _qr_of(x: np.ndarray, attrs: Complete) -> np.ndarray:
    q, r = np.linalg.qr(x, mode="complete" if attrs.complete else "reduced")
    return pack((np.swapaxes(q, -1, -2), r), x.dtype)


def _qr_slope(g: Array, y: Array, x: Array, attrs: Complete) -> Array:
    """Roberts and Roberts, QR and LQ decomposition matrix backpropagation algorithms, arXiv:2009.10071 (2020)."""
    m, n = x.shape[-2:]
    k = smaller("qr", m, n)
    if attrs.complete and m != k:
        raise locate(_refused("qr", x, "mode='reduced'"))
    parts = _qr_parts(m, n, complete=False)
    (qt, r), (gqt, gr) = unpack(y, parts), unpack(g, parts)
    q, gq = matrix_transpose(qt), matrix_transpose(gqt)
    if n == k:
        return _tall_qr_slope(q, r, gq, gr)
    # Of x = (left, right), q and the first columns of r are the factors of the square left part, and right = q @ rest.
    first, rest, g_first, g_rest = r[..., :k], r[..., k:], gr[..., :k], gr[..., k:]
    gq = gq + matmul(matmul(q, rest), adjoint(g_rest))
    return concat([_tall_qr_slope(q, first, gq, g_first), matmul(q, g_rest)], axis=-1)


def _tall_qr_slope(q: Array, r: Array, gq: Array, gr: Array) -> Array:
    upper = triu(matmul(gr, adjoint(r)) - matmul(adjoint(q), gq))
    inside = upper + adjoint(upper) - diagonal_matrix(real(diagonal(upper, axis1=-2, axis2=-1)))
    return adjoint(solve(r, adjoint(gq + matmul(q, inside))))


_qr: Op = Op(
    "qr",
    infer=_qr_type,
    promote=floating,
    reference=lapack(_qr_of, "qr: has no factors"),
    lowering=Host(),
    vjp=(conjugated(_qr_slope),),
    attrs=Complete,
    samples=_samples,
    batch=along,
)


class QRResult(NamedTuple):
    """Orthonormal columns, and an upper triangle."""

    Q: Array
    R: Array


class SVDResult(NamedTuple):
    """Left singular vectors as columns, singular values in descending order, right singular vectors as rows."""

    U: Array
    S: Array
    Vh: Array


@located
def cholesky(x: Operand, /, *, upper: bool = False) -> Array:
    """The lower triangle L with `x = L @ L.mT`, or with `upper` its transpose; integers and bool count as float32.

    Of matrices that are not symmetric (or Hermitian) the mean with their transposes is taken.

    Raises:
        LinAlgError: a matrix is not positive definite.
        ShapeError: they are not square.
    """
    turned = flag("cholesky", "upper", upper)
    lower = _cholesky.call(x)
    return adjoint(lower) if turned else lower


def _complete(mode: object) -> bool:
    if isinstance(mode, str) and mode in ("reduced", "complete"):
        return mode == "complete"
    raise ArgumentError(f"qr: mode must be 'reduced' or 'complete', but {mode!r} was given")


@located
def qr(x: Operand, /, *, mode: str = "reduced") -> QRResult:
    """Orthonormal columns Q and an upper triangle R with `x = Q @ R`, for matrices in the last two axes.

    With `mode="complete"` Q is square. Integers and bool count as float32.

    Raises:
        ArgumentError: `mode` is neither "reduced" nor "complete".
    """
    complete = _complete(mode)
    m, n = matrix_type("qr", as_floats("qr", x)._aval)[1:]
    q, r = unpack(_qr.call(x, intern(Complete(complete))), _qr_parts(m, n, complete))
    return QRResult(matrix_transpose(q), r)


@located
def svd(x: Operand, /, *, full_matrices: bool = True) -> SVDResult:
    """Singular values S, descending, and vectors with `x = (U * S) @ Vh`, for matrices in the last two axes.

    With `full_matrices` U and Vh are square. Integers and bool count as float32.

    Raises:
        LinAlgError: a matrix holds NaN or infinity.
    """
    complete = flag("svd", "full_matrices", full_matrices)
    m, n = matrix_type("svd", as_floats("svd", x)._aval)[1:]
    u, s, v = unpack(_svd.call(x, intern(Complete(complete))), _svd_parts(m, n, complete))
    return SVDResult(matrix_transpose(u), squeeze(real(s), -1), v)


@located
def svdvals(x: Operand, /) -> Array:
    """Singular values, descending, of matrices in the last two axes; integers and bool count as float32.

    Raises:
        LinAlgError: a matrix holds NaN or infinity.
    """
    return _svdvals.call(x)
