"""Matrix product and what is made of it; the order in which a product adds is stated here.

A float element starts at +0.0 and takes fma(a[k], b[k], acc) for k ascending. Two exceptions, decided by
extents alone: where a batch entry has fewer than 16 elements, the products are rounded and summed in order T8
(`ir/reduction.py`); above 8,192, k is cut into segments of 8,192, each a chain of its own, added in order.
Integers wrap.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Final

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import NO_ATTRS, Attrs, ShapeOf, Terms, intern
from ..batch_rules import along
from ..dtypes import DType
from ..errors import DTypeError, ShapeError
from ..fma import fma
from ..gradient import unbroadcast
from ..op import Contract, Element, Op, Reader, Sample
from ..promotion import common, same
from ..reduction import sum_in_order
from ..registry import OPS
from ..scalar import Scalar
from ..stage import Operand, as_array, located
from ..types import TensorType, broadcast_shapes, show_shape
from .axes import one_axis
from .complexes import conj, imag, real, whole
from .conversion import astype
from .reductions import any, sum
from .rows import FIELD, quiet, refuse_kinds, values
from .shapes import matrix_transpose, moveaxis, reshape

__all__ = ["matmul", "outer", "vecdot"]

SEGMENT: Final = 8192
FEWEST_CHAINS: Final = 16

_CARRIERS: Final = {
    **dict.fromkeys((dtypes.bool_, dtypes.float16, dtypes.bfloat16), dtypes.float32),
    **dict.fromkeys((dtypes.int8, dtypes.int16, dtypes.uint8, dtypes.uint16, dtypes.uint32), dtypes.int32),
    dtypes.uint64: dtypes.int64,
}
"""In which dtype the products of dtypes without native code are computed."""


def _type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    a, b = types
    for t in types:
        if t.dtype.kind not in FIELD:
            raise refuse_kinds("matmul", FIELD, t.dtype)
    if a.dtype is not b.dtype:
        raise DTypeError(f"matmul: the operands are {a.dtype} and {b.dtype}, and must be of one dtype")
    if a.ndim != b.ndim or a.ndim < 2:
        raise ShapeError(
            "matmul: the operands must have one rank of at least 2, but the shapes are "
            f"{show_shape(a.shape)} and "
            f"{show_shape(b.shape)}"
        )
    if a.shape[-1] != b.shape[-2]:
        raise _inner(a, b)
    name = f"matmul of shapes {show_shape(a.shape)} and {show_shape(b.shape)}, leading axes"
    batch = broadcast_shapes(name, a.shape[:-2], b.shape[:-2])
    return TensorType(a.dtype, (*batch, a.shape[-2], b.shape[-1]))


def _inner(a: TensorType | Array, b: TensorType | Array) -> ShapeError:
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    return ShapeError(
        f"matmul: inner shapes ({a.shape[-1]}) and ({inner}) of tensors with shapes {show_shape(a.shape)} "
        "and "
        f"{show_shape(b.shape)} must match; the last axis of the first meets the "
        f"{'last but one' if b.ndim > 1 else 'only'} axis of the second"
    )


def product_in_order(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrix product of arrays of equal rank >= 2 in the order stated at the head of this file."""
    if a.dtype.kind != "f":
        return np.asarray(np.matmul(a, b))
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if m * n < FEWEST_CHAINS:
        products = a[..., :, :, None] * b[..., None, :, :]
        return sum_in_order(products, (products.ndim - 2,))
    total: np.ndarray | None = None
    for first in range(0, max(k, 1), SEGMENT):
        chain = np.zeros((*batch, m, n), a.dtype)
        for i in range(first, min(first + SEGMENT, k)):
            chain = fma(a[..., :, i, None], b[..., i, None, :], chain)
        total = chain if total is None else total + chain
    assert total is not None
    return total


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype.kind == "bool":
        return []
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((3, 4), (4, 5)),
        ((5, 7), (7, 6)),
        ((2, 3, 4), (2, 4, 5)),
        ((2, 1, 3, 4), (1, 3, 4, 2)),
        ((1, 4), (4, 1)),
        ((3, 0), (0, 2)),
        ((0, 3), (3, 2)),
        ((17, 150), (150, 19)),
    ]
    return [((values(rng, dtype, a), values(rng, dtype, b)), NO_ATTRS) for a, b in shapes]


def adjoint(x: Array) -> Array:
    """The conjugate transpose of the matrices in the last two axes."""
    return conj(matrix_transpose(x))


_VJP: Final = (
    lambda g, y, a, b, *_: unbroadcast(_matmul.call(g, matrix_transpose(b)), a.shape),
    lambda g, y, a, b, *_: unbroadcast(_matmul.call(matrix_transpose(a), g), b.shape),
)
_JVP: Final = (lambda t, y, a, b, *_: _matmul.call(t, b), lambda t, y, a, b, *_: _matmul.call(a, t))

_matmul: Op = Op(
    "matmul",
    infer=_type,
    promote=same,
    reference=quiet(product_in_order),
    lowering=Contract(),
    vjp=_VJP,
    jvp=_JVP,
    samples=_samples,
)


def is_sum(result: TensorType) -> bool:
    """Whether the elements of a product of known extents are sums of rounded products, not chains."""
    return result.dtype.is_float and math.prod(map(operator.index, result.shape[-2:])) < FEWEST_CHAINS


def _short_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    result = _type(types, NO_ATTRS)
    told = Terms(operator.index(types[0].shape[-1]), is_sum(result))
    if attrs != told or not told.count:
        raise ShapeError(f"short_product: operands of these shapes want {told}, but {attrs} was given")
    return result


def _count(attrs: Attrs) -> int:
    assert isinstance(attrs, Terms)
    return attrs.count


def _short_product_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], readers: tuple[Reader, ...]
) -> Scalar:
    assert isinstance(attrs, Terms)
    *batch, i, j = index
    a, b = readers
    before, after = [
        [scalar.const(dtypes.int64, 0) if e == 1 else at for e, at in zip(r.type.shape[:-2], batch, strict=True)]
        for r in readers
    ]
    terms = [scalar.const(dtypes.int64, k) for k in range(attrs.count)]
    pairs = [(a.at(*before, i, k), b.at(*after, k, j)) for k in terms]
    if attrs.halved:
        return scalar.halved("add", [x * y for x, y in pairs])
    total = scalar.const(result.dtype, 0)
    for x, y in pairs:
        total = scalar.fma(x, y, total) if result.dtype.is_float else x * y + total
    return total


def _short_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    found: list[Sample] = []
    for (a, b), _ in _samples(rng, dtype):
        m, k, n = *a.shape[-2:], b.shape[-1]
        if 1 <= k <= 16:
            found.append(((a, b), intern(Terms(k, dtype.is_float and m * n < FEWEST_CHAINS))))
    return found


_short_product = Op(
    "short_product",
    infer=_short_type,
    promote=same,
    reference=quiet(lambda a, b, attrs: product_in_order(a, b)),
    lowering=Element(_short_product_at, reads=_count),
    vjp=_VJP,
    jvp=_JVP,
    attrs=Terms,
    batch=along,
    samples=_short_samples,
)
"""A matrix product with few terms, made element by element wherever it is used."""


def short_product(a: Array, b: Array) -> Array:
    """A matrix product of known extents and at most 16 terms, at least one, with its terms written out."""
    result = _type((a._aval, b._aval), NO_ATTRS)
    return _short_product.call(a, b, intern(Terms(operator.index(a.shape[-1]), is_sum(result))))


def as_dtype(x: Array, dtype: DType) -> Array:
    """`x` in a dtype; `x` itself where it has that dtype."""
    return x if x.dtype is dtype else astype(x, dtype)


def _carried(row: Op, a: Array, b: Array) -> Array:
    """A product row of any dtypes: those without native code are computed in one that has it.

    Half precision is computed in float32 and rounded once. Of complex numbers, the parts are multiplied.
    """
    dtype = a.dtype if a.dtype is b.dtype else common((a._aval, b._aval))
    if dtype.is_float and not dtype.is_half:
        return row.call(a, b)
    if dtype.is_complex:
        (p, q), (u, v) = [(as_dtype(real(x), dtype.real), as_dtype(imag(x), dtype.real)) for x in (a, b)]
        return whole(row.call(p, u) - row.call(q, v), row.call(p, v) + row.call(q, u))
    carrier = _CARRIERS.get(dtype)
    if carrier is None:
        return row.call(a, b)
    # Integers wrap, so the low bits are right; a sum of floats that are 0 or 1 is zero only where all are.
    return astype(row.call(as_dtype(as_dtype(a, dtype), carrier), as_dtype(as_dtype(b, dtype), carrier)), dtype)


@located
def matmul(x1: Operand, x2: Operand, /) -> Array:
    """The matrix product over the last axis of `x1` and the last but one of `x2`, batched over leading axes.

    A 1-D operand is a row on the left and a column on the right, and its axis is not in the result. Integers
    wrap in their common dtype; of bool the sum is `or` and the product `and`.

    Raises:
        ShapeError: inner extents differ, leading axes do not broadcast, or an operand is 0-d.
    """
    a, b = as_array("matmul", x1), as_array("matmul", x2)
    if a.ndim == b.ndim and a.ndim > 1:
        return _carried(_matmul, a, b)
    if not a.ndim or not b.ndim:
        raise ShapeError(
            f"matmul: operands must have at least 1 axis, but the shapes are {show_shape(a.shape)} and "
            f"{show_shape(b.shape)}; multiply by a number with *"
        )
    if a.shape[-1] != (b.shape[-2] if b.ndim > 1 else b.shape[0]):
        raise _inner(a, b)
    rank = max(a.ndim, b.ndim, 2)
    left = a.shape if a.ndim > 1 else (1, *a.shape)
    right = b.shape if b.ndim > 1 else (*b.shape, 1)
    left, right = (1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right
    result = _carried(_matmul, reshape(a, left), reshape(b, right))
    if a.ndim > 1 and b.ndim > 1:
        return result
    kept = (
        *result.shape[:-2],
        *(result.shape[-2:-1] if a.ndim > 1 else ()),
        *(result.shape[-1:] if b.ndim > 1 else ()),
    )
    return OPS["reshape"].call(result, intern(ShapeOf(kept)))


def sum_kept(x: Array, axes: Sequence[int]) -> Array:
    """The sum over axes in the dtype of `x`: narrow integers wrap, of bool it is whether any is true."""
    if x.dtype is dtypes.bool_:
        return any(x, axis=tuple(axes))
    return as_dtype(sum(x, axis=tuple(axes)), x.dtype)


@located
def vecdot(x1: Operand, x2: Operand, /, *, axis: int = -1) -> Array:
    """The sum of products along `axis` (negative: counted from the last), the other axes broadcast together.

    Of complex numbers, those of `x1` are conjugated.

    Raises:
        ShapeError: the extents of that axis differ, or the others do not broadcast.
    """
    a, b = as_array("vecdot", x1), as_array("vecdot", x2)
    i, j = one_axis("vecdot", axis, a.ndim), one_axis("vecdot", axis, b.ndim)
    if a.shape[i] != b.shape[j]:
        raise ShapeError(
            f"vecdot: the extents along axis {axis} must match, but the shapes are {show_shape(a.shape)} and "
            f"{show_shape(b.shape)}"
        )
    a = a if i == a.ndim - 1 else moveaxis(a, i, -1)
    b = b if j == b.ndim - 1 else moveaxis(b, j, -1)
    return sum_kept(conj(a) * b, (-1,))


@located
def outer(x1: Operand, x2: Operand, /) -> Array:
    """The products of each element of one vector with each of another, as a matrix.

    Raises:
        ShapeError: an operand is not 1-D.
    """
    a, b = as_array("outer", x1), as_array("outer", x2)
    if a.ndim != 1 or b.ndim != 1:
        raise ShapeError(
            f"outer: both operands must be 1-D, but the shapes are {show_shape(a.shape)} and "
            f"{show_shape(b.shape)}"
        )
    return reshape(a, (a.shape[0], 1)) * b
