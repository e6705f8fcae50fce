"""What rows of linear algebra share: type rules, calls of LAPACK that fail by design, results of several parts.

A node has one result, so a factorisation packs its parts, matrices of various extents, side by side along the last
axis; the rows of the lower ones are filled up with zeros. Public functions slice the parts out again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .. import dtypes
from ..array import Array
from ..attrs import Attrs
from ..dtypes import DType
from ..errors import LinAlgError, ShapeError
from ..op import Vjp
from ..records import dataclass
from ..storage import convert
from ..types import Extent, Shape, TensorType, show_shape
from .complexes import conj
from .creation import eye
from .logic import where
from .products import adjoint
from .reductions import sum
from .rows import INEXACT, refuse_kinds, values
from .shapes import expand_dims
from .slicing import slice_strided

Part = tuple[Extent, Extent]
"""Rows and columns of one part of a packed result."""


@dataclass(frozen=True, slots=True)
class Complete(Attrs):
    """Whether the factors are whole square matrices where the operand is not square."""

    complete: bool


def matrix_type(name: str, type: TensorType, square: bool = False) -> tuple[Shape, Extent, Extent]:
    """The batch axes, rows and columns of an operand.

    Raises:
        DTypeError: its elements are no floating numbers.
        ShapeError: it has fewer than two axes, or is not square where it must be.
    """
    if type.dtype.kind not in INEXACT:
        raise refuse_kinds(name, INEXACT, type.dtype)
    if type.ndim < 2:
        raise ShapeError(f"{name}: matrices are needed, but the shape is {show_shape(type.shape)}; it has no two axes")
    batch, (m, n) = type.shape[:-2], type.shape[-2:]
    if square and m != n:
        raise ShapeError(f"{name}: the matrices must be square, but the shape is {show_shape(type.shape)}")
    return batch, m, n


def smaller(name: str, a: Extent, b: Extent) -> Extent:
    """The lesser of two extents; ShapeError where a symbol leaves it open."""
    return a if a == b else min(_known(name, a, b))


def _larger(name: str, a: Extent, b: Extent) -> Extent:
    return a if a == b else max(_known(name, a, b))


def _known(name: str, a: Extent, b: Extent) -> tuple[int, int]:
    if isinstance(a, int) and isinstance(b, int):
        return a, b
    raise ShapeError(f"{name}: which of the extents {a} and {b} is the smaller one must be known")


def packed_type(name: str, dtype: DType, batch: Shape, parts: Sequence[Part]) -> TensorType:
    """The type of a packed result."""
    rows, columns = parts[0]
    for more, wide in parts[1:]:
        rows, columns = _larger(name, rows, more), columns + wide
    return TensorType(dtype, (*batch, rows, columns))


def pack(parts: Sequence[np.ndarray], dtype: np.dtype[np.generic]) -> np.ndarray:
    """The packed form of matrices that have the same batch axes."""
    rows, columns = max(p.shape[-2] for p in parts), np.sum([p.shape[-1] for p in parts], dtype=int)
    result = np.zeros((*parts[0].shape[:-2], rows, columns), dtype)
    start = 0
    for p in parts:
        result[..., : p.shape[-2], start : start + p.shape[-1]] = p
        start += p.shape[-1]
    return result


def unpack(packed: Array, parts: Sequence[Part]) -> list[Array]:
    """The parts of a packed array."""
    batch = packed.shape[:-2]
    ones, zeros = (1,) * packed.ndim, (0,) * len(batch)
    start: Extent = 0
    found = []
    for rows, columns in parts:
        found.append(slice_strided(packed, (*zeros, 0, start), ones, (*batch, rows, columns)))
        start = start + columns
    return found


def column(x: np.ndarray) -> np.ndarray:
    """Vectors in the last axis as matrices of one column."""
    return x[..., None]


def hermitian_part(x: np.ndarray) -> np.ndarray:
    """The mean of matrices and their conjugate transposes; what is Hermitian stays bit for bit."""
    other = np.conj(np.swapaxes(x, -1, -2))
    return np.where(x == other, x, x / 2 + other / 2)


def lapack(
    function: Callable[..., np.ndarray], problem: str, *, finite: bool = False
) -> Callable[..., np.ndarray]:
    """A reference that raises LinAlgError which names the batch entry at fault.

    Args:
        function: takes stacks of matrices, then attrs where the row has them, and gives an array.
        problem: what is wrong with a matrix that NumPy refuses, and what to do; it completes "NAME: the matrix".
        finite: refuse NaN and infinity as well; on these, iterations of LAPACK may go on for ever.
    """
    name, rest = problem.split(": ", 1)

    def checked(*given: np.ndarray | Attrs) -> np.ndarray:
        if finite and not all(np.isfinite(x).all() for x in given if isinstance(x, np.ndarray)):
            raise np.linalg.LinAlgError
        return function(*given)

    def call(*given: np.ndarray | Attrs) -> np.ndarray:
        arrays = [np.asarray(x) for x in given if not isinstance(x, Attrs)]
        attrs = [x for x in given if isinstance(x, Attrs)]
        with np.errstate(all="ignore"):
            try:
                return np.asarray(checked(*arrays, *attrs))
            except np.linalg.LinAlgError:
                raise _culprit(checked, arrays, attrs, name, rest) from None

    return call


def _culprit(
    function: Callable[..., np.ndarray], arrays: list[np.ndarray], attrs: list[Attrs], name: str, problem: str
) -> LinAlgError:
    batch = np.broadcast_shapes(*[x.shape[:-2] for x in arrays])
    spread = [np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in arrays]
    for index in np.ndindex(*batch):
        try:
            function(*[x[index] for x in spread], *attrs)
        except np.linalg.LinAlgError:
            where = f" at batch index {index[0] if len(index) == 1 else index}" if batch else ""
            return LinAlgError(f"{name}: the matrix{where} {problem}")
    return LinAlgError(f"{name}: a matrix {problem}")


def separated(rng: np.random.Generator, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
    """Random matrices far from singular, whose eigenvalues and singular values lie apart."""
    m, n = shape[-2:]
    found = 0.1 * values(rng, dtypes.complex128 if dtype.is_complex else dtypes.float64, shape, -2.0, 2.0)
    found[..., range(min(m, n)), range(min(m, n))] += 1.0 + np.arange(min(m, n))
    return convert(found, dtype)


def conjugated(rule: Vjp) -> Vjp:
    """A gradient rule written for cotangents that are conjugate to ours, as the literature writes them (dL is the real
    part of conj(g) dz); see `complexes.py`.
    """

    def call(g: Array, *given: Array | Attrs) -> Array:
        return conj(rule(conj(g), *given))

    return call


def total(x: Array) -> Array:
    """The sum over the last two axes, which stay with extent 1."""
    return sum(x, axis=(-2, -1), keepdims=True)


def hermitian(x: Array) -> Array:
    """The mean of matrices and their conjugate transposes."""
    return (x + adjoint(x)) / 2


def over(x: Array, by: Array, nothing: Array | bool = False) -> Array:
    """`x / by`, but 0 where both are zero or `nothing` holds."""
    none = ((x == 0) & (by == 0)) | nothing
    return where(none, 0, x / where(none, 1, by))


def over_gaps(x: Array, values: Array) -> Array:
    """At [i, j] the element of `x` over value j minus value i; 0 on the diagonal."""
    gaps = expand_dims(values, axis=-2) - expand_dims(values, axis=-1)
    return over(x, gaps, eye(values.shape[-1], dtype="bool"))
