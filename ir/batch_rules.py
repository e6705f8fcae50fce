"""How rows are carried out for many examples at once: what follows from a lowering, and what rules are made of.

A rule makes ordinary op calls on operands that have the axis of examples in front where they are mapped (see `Batch` in
`ir/op.py`). This file knows no op but those that move axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .array import Array
from .attrs import Along, Attrs, Axes, Axis, Fill, HalfTransform, Permutation, ShapeOf, Transform, intern
from .dtypes import int64
from .errors import LithographError, TraceError
from .op import Alias, Batch, Contract, Op, Pointwise, Reduce, Scan, Sort
from .records import replace
from .registry import OPS
from .stage import current, locate
from .types import Extent, Shape, same_extent

Mapped = tuple[bool, ...]


def rule_of(op: Op) -> Batch:
    """The rule of a row: its own, or that of its lowering.

    Raises:
        TraceError: it has neither.
    """
    if op.batch is not None:
        return op.batch
    for kind, rule in DERIVED.items():
        if isinstance(op.lowering, kind):
            return rule
    raise TraceError(f"{op.name}: how it is carried out for many examples at once is not known")


def carry(op: Op, operands: Sequence[Array], attrs: Attrs) -> Array:
    """Carry an op out by the current stage, on operands that have the dtypes it asks for."""
    interned, types = intern(attrs), tuple([x._aval for x in operands])
    try:
        result = op.result_type(types, interned)
    except LithographError as error:
        raise locate(error) from None
    return current().emit(op, tuple(operands), interned, result)


def reshape(x: Array, shape: Shape) -> Array:
    """`x` in another shape; `x` itself where it has that one."""
    own = x._aval.shape
    alike = len(own) == len(shape) and all(map(same_extent, own, shape))
    return x if alike else carry(OPS["reshape"], (x,), ShapeOf(shape))


def transpose(x: Array, order: Sequence[int]) -> Array:
    """`x` with its axes in another order; `x` itself where they are in that one."""
    return x if list(order) == list(range(x.ndim)) else carry(OPS["transpose"], (x,), Permutation(tuple(order)))


def move(x: Array, source: int, to: int) -> Array:
    """`x` with one axis at another place, the others in their order."""
    order = [i for i in range(x.ndim) if i != source]
    order.insert(to, source)
    return transpose(x, order)


def total(x: Array) -> Array:
    """The sum over the axis of examples."""
    return carry(OPS["sum"], (x,), Axes((0,)))


def spread(x: Array, mapped: bool, extent: Extent) -> Array:
    """`x` with the axis of examples in front, repeated where it is the same for all."""
    return x if mapped else carry(OPS["broadcast_to"], (x,), ShapeOf((extent, *x._aval.shape)))


def ranked(x: Array, rank: int) -> Array:
    """A mapped `x` with so many axes behind that of examples, of which the first may be new."""
    shape = x._aval.shape
    return reshape(x, (shape[0], *(1,) * (rank + 1 - len(shape)), *shape[1:]))


def common_rank(operands: Sequence[Array], mapped: Sequence[bool]) -> int:
    """How many axes the operands of one example have together, which broadcast."""
    return max(x.ndim - m for x, m in zip(operands, mapped, strict=True))


def numbered(indices: Sequence[Array], mapped: Sequence[bool], extent: Extent) -> list[Array]:
    """Indices that broadcast, and in front of them the number of the example."""
    numbers = carry(OPS["iota"], (), Fill(int64, (extent,)))
    return [reshape(numbers, (extent, *(1,) * common_rank(indices, mapped))), *together(indices, mapped)]


def together(operands: Sequence[Array], mapped: Sequence[bool]) -> list[Array]:
    """Operands that broadcast, as they do one by one: mapped ones get new axes behind that of examples."""
    rank = common_rank(operands, mapped)
    return [ranked(x, rank) if m else x for x, m in zip(operands, mapped, strict=True)]


def broadcast(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    """The rule of rows whose operands broadcast together, whatever stands in attrs."""
    return carry(op, together(operands, mapped), attrs)


def shifted(attrs: Attrs) -> Attrs:
    """Attrs that name axes of an example, for operands with the axis of examples in front."""
    match attrs:
        case Axis(axis) | Along(axis) | HalfTransform(axis):
            return replace(attrs, axis=axis + 1)
        case Axes(axes) | Transform(axes):
            return replace(attrs, axes=tuple([a + 1 for a in axes]))
        case _:
            return attrs


def along(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    """The rule of rows whose operands have one rank and lie along axes that attrs name, if any."""
    wholes = [spread(x, m, extent) for x, m in zip(operands, mapped, strict=True)]
    return carry(op, wholes, shifted(attrs))


def nothing(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    """The rule of rows without operands: nothing of them can be mapped."""
    raise TraceError(f"{op.name} has no operands, so it is the same for all examples")


def _same_elements(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    if isinstance(attrs, ShapeOf):
        return reshape(operands[0], (extent, *attrs.shape))
    return carry(op, operands, attrs)


def _product(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    """One product of matrices where one side is the same for all examples and the other can be stacked, else one of
    many.
    """
    a, b = operands
    if mapped == (True, False) and b.ndim == 2:
        _, m, k = a._aval.shape
        return reshape(carry(op, (reshape(a, (extent * m, k)), b), attrs), (extent, m, b._aval.shape[1]))
    if mapped == (False, True) and a.ndim == 2 and same_extent(b._aval.shape[2], 1):
        m, k = a._aval.shape
        return reshape(carry(op, (reshape(b, (extent, k)), transpose(a, (1, 0))), attrs), (extent, m, 1))
    sides = [x if m else reshape(x, (1, *x._aval.shape)) for x, m in zip(operands, mapped, strict=True)]
    return carry(op, sides, attrs)


DERIVED: Final[dict[type, Batch]] = {
    Pointwise: broadcast,
    Reduce: along,
    Scan: along,
    Sort: along,
    Alias: _same_elements,
    Contract: _product,
}
"""What a lowering says of carrying its op out for many examples."""
