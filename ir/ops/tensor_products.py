"""Products of arrays of any rank, made of matrix products and broadcast multiplication; it knows no row."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..array import Array
from ..errors import ArgumentError, ShapeError
from ..stage import Operand, as_array, located
from ..types import Dim, Extent, show_shape
from .axes import integer, one_axis, sequence
from .joining import concat
from .products import matmul
from .shapes import moveaxis, reshape, transpose
from .slicing import slice_axis

__all__ = ["cross", "dot", "inner", "kron", "tensordot"]

Pairs = Sequence[tuple[int, int]]


def _merged(name: str, extents: Sequence[Extent]) -> Extent:
    """The number of elements over several axes, of which at most one may be symbolic."""
    known = math.prod([e for e in extents if not isinstance(e, Dim)])
    symbolic = [e for e in extents if isinstance(e, Dim)]
    if len(symbolic) > 1:
        raise ShapeError(f"{name}: the symbolic extents {' and '.join(map(str, symbolic))} cannot be merged into one")
    return symbolic[0] * known if symbolic else known


def _shaped(x: Array, shape: Sequence[Extent]) -> Array:
    return x if x.shape == tuple(shape) else reshape(x, shape)


def _arranged(name: str, x: Array, groups: Sequence[Sequence[int]]) -> Array:
    """`x` with one axis for each group of axes, which together are all of them, each once.

    Axes that lie together are merged before the others move: what is moved then is a view of memory.
    """
    if [list(g) for g in groups] == [[i] for i in range(x.ndim)]:
        return x
    together = [len(g) > 0 and list(g) == list(range(g[0], g[0] + len(g))) for g in groups]
    first = {g[0]: g for g, t in zip(groups, together, strict=True) if t}
    later = {i for g, t in zip(groups, together, strict=True) if t for i in g[1:]}
    kept = [i for i in range(x.ndim) if i not in later]
    shape = [_merged(name, [x.shape[j] for j in first[i]]) if i in first else x.shape[i] for i in kept]
    order: list[int] = []
    final: list[Extent] = []
    for group in groups:
        axes = group if group and group[0] not in first else group[:1]
        if axes:
            order += [kept.index(i) for i in axes]
        else:
            order.append(len(shape))
            shape.append(1)
        final.append(_merged(name, [x.shape[i] for i in group]))
    x = _shaped(x, shape)
    x = transpose(x, order) if order != list(range(len(order))) else x
    return _shaped(x, final)


def contract(name: str, a: Array, b: Array, batch: Pairs, summed: Pairs) -> Array:
    """The sum of products over pairs of axes of equal extents, for each index of other pairs.

    The result has the axes of `batch`, then the other ones of `a`, then those of `b`.
    """
    rows = [i for i in range(a.ndim) if all(i != p[0] for p in (*batch, *summed))]
    columns = [j for j in range(b.ndim) if all(j != p[1] for p in (*batch, *summed))]
    free_a, free_b = [a.shape[i] for i in rows], [b.shape[j] for j in columns]
    shared = [a.shape[i] for i, _ in batch]
    order_a, order_b = [i for i, _ in batch] + rows, [j for _, j in batch] + columns
    if not summed:
        left = _arranged(name, a, [[i] for i in order_a])
        right = _arranged(name, b, [[j] for j in order_b])
        return reshape(left, (*left.shape, *[1] * len(free_b))) * reshape(right, (*shared, *[1] * len(free_a), *free_b))
    left = _arranged(name, a, [*[[i] for i, _ in batch], rows, [i for i, _ in summed]])
    right = _arranged(name, b, [*[[j] for _, j in batch], [j for _, j in summed], columns])
    return _shaped(matmul(left, right), (*shared, *free_a, *free_b))


def _paired(a: Array, b: Array, axes: object) -> list[tuple[int, int]]:
    """The pairs of axes that the argument of `tensordot` names."""
    if not isinstance(axes, Sequence):
        count = integer("tensordot", "axes", axes)
        if not 0 <= count <= min(a.ndim, b.ndim):
            raise ShapeError(
                f"tensordot: axes must be between 0 and the lower rank, but it is {count}, and the shapes are "
                f"{show_shape(a.shape)} and {show_shape(b.shape)}"
            )
        return [(a.ndim - count + i, i) for i in range(count)]
    if len(axes) != 2:
        raise ArgumentError(f"tensordot: axes must be an integer or a pair of lists of axes, but {axes!r} was given")
    named = [list(sequence("tensordot", "axes", x)) if isinstance(x, Sequence) else [x] for x in axes]
    left = [one_axis("tensordot", i, a.ndim) for i in named[0]]
    right = [one_axis("tensordot", i, b.ndim) for i in named[1]]
    if len(left) != len(right) or len(set(left)) != len(left) or len(set(right)) != len(right):
        raise ShapeError(
            f"tensordot: as many axes of the first as of the second tensor must be named, each once, but they are "
            f"{tuple(left)} and {tuple(right)}"
        )
    return list(zip(left, right, strict=True))


@located
def tensordot(
    x1: Operand, x2: Operand, /, *, axes: int | tuple[int | Sequence[int], int | Sequence[int]] = 2
) -> Array:
    """The sum of products over pairs of axes, one of each operand; the result has the others, of `x1` first.

    Args:
        x1, x2: arrays of any rank.
        axes: the axes of `x1` and those of `x2` that they are paired with; or how many last axes of `x1` are paired
            with as many first ones of `x2`.

    Raises:
        ShapeError: extents of paired axes differ, or there are no such axes.
    """
    a, b = as_array("tensordot", x1), as_array("tensordot", x2)
    pairs = _paired(a, b, axes)
    if any(a.shape[i] != b.shape[j] for i, j in pairs):
        left, right = tuple([i for i, _ in pairs]), tuple([j for _, j in pairs])
        raise ShapeError(
            f"tensordot: axes {left} of shape {show_shape(a.shape)} and axes {right} of shape "
            f"{show_shape(b.shape)} must match"
        )
    return contract("tensordot", a, b, (), pairs)


@located
def inner(x1: Operand, x2: Operand, /) -> Array:
    """The sum of products over the last axis of both; the plain product where one is 0-d.

    Raises:
        ShapeError: the extents of the last axes differ.
    """
    a, b = as_array("inner", x1), as_array("inner", x2)
    if not a.ndim or not b.ndim:
        return a * b
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(
            f"inner: the last axes must match, but the shapes are {show_shape(a.shape)} and {show_shape(b.shape)}"
        )
    return contract("inner", a, b, (), [(a.ndim - 1, b.ndim - 1)])


@located
def dot(x1: Operand, x2: Operand, /) -> Array:
    """The sum of products over the last axis of `x1` and the last but one (or only one) of `x2`, as NumPy means it.

    The result has the other axes of `x1`, then those of `x2`; where an operand is 0-d, it is the plain product.

    Raises:
        ShapeError: the extents of those axes differ.
    """
    a, b = as_array("dot", x1), as_array("dot", x2)
    if not a.ndim or not b.ndim:
        return a * b
    axis = max(b.ndim - 2, 0)
    if a.shape[-1] != b.shape[axis]:
        raise ShapeError(
            f"dot: the last axis of the first and axis {axis} of the second tensor must match, but the shapes are "
            f"{show_shape(a.shape)} and {show_shape(b.shape)}"
        )
    if a.ndim < 3 and b.ndim < 3:
        return matmul(a, b)
    return contract("dot", a, b, (), [(a.ndim - 1, axis)])


@located
def kron(x1: Operand, x2: Operand, /) -> Array:
    """The Kronecker product: each element of `x1` times the whole of `x2`, laid out as blocks.

    The lower rank is filled up with leading axes of extent 1; the extents of the result are the products of those
    of the operands.
    """
    a, b = as_array("kron", x1), as_array("kron", x2)
    rank = max(a.ndim, b.ndim)
    left, right = (1,) * (rank - a.ndim) + a.shape, (1,) * (rank - b.ndim) + b.shape
    blocks = [e for s in left for e in (s, 1)], [e for s in right for e in (1, s)]
    product = reshape(a, blocks[0]) * reshape(b, blocks[1])
    return reshape(product, [_merged("kron", [s, t]) for s, t in zip(left, right, strict=True)])


@located
def cross(x1: Operand, x2: Operand, /, *, axis: int = -1) -> Array:
    """The vector products of vectors of three elements along `axis`; the other axes broadcast together.

    Raises:
        ShapeError: an extent along `axis` is not 3, or the others do not broadcast.
    """
    a, b = as_array("cross", x1), as_array("cross", x2)
    i, j = one_axis("cross", axis, a.ndim), one_axis("cross", axis, b.ndim)
    if a.shape[i] != 3 or b.shape[j] != 3:
        raise ShapeError(
            f"cross: both extents along axis {axis} must be 3, but the shapes are {show_shape(a.shape)} and "
            f"{show_shape(b.shape)}"
        )
    u = [slice_axis(moveaxis(a, i, -1), a.ndim - 1, k, 1) for k in range(3)]
    v = [slice_axis(moveaxis(b, j, -1), b.ndim - 1, k, 1) for k in range(3)]
    parts = [u[k - 2] * v[k - 1] - u[k - 1] * v[k - 2] for k in range(3)]
    return moveaxis(concat(parts, axis=-1), -1, axis)
