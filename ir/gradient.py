"""Reverse mode: a stage that remembers what was computed, and the one walker that goes back over it.

Meaning. Records are walked in reverse order of creation, and the operands of each in their order. Each array
has one accumulator: the first contribution is taken as it is, a later one is added. So eager code and a
traced graph add in the same order and get the same bits. Rules are ordinary op calls through the stage below,
so a Recording over a Recording gives second derivatives, and one over a Builder writes the gradient into the
graph. Of complex arrays the cotangent is that of linear transposes, with no conjugation: for a real loss L and
z = x + iy it is dL/dx - i dL/dy, JAX's convention, under which a rule for real numbers holds for holomorphic
functions as it is; that of a real array is real. This file knows no op beyond `sum`, `reshape` and `constant`,
and nothing of who holds the values.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .array import Array
from .attrs import Attrs, Axes, ShapeOf, intern
from .builder import Builder, Traced
from .layers import Custom, Layer, ground
from .loc import Loc
from .op import Op, Pointwise
from .records import dataclass
from .registry import OPS
from .stage import Stage, current
from .types import Shape, TensorType, same_extent


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """One op that was carried out; `op` None: the result is the argument under another identity."""

    op: Op | None
    args: tuple[Array, ...]
    attrs: Attrs | None
    result: Array


Pull = Callable[[Sequence[Array | None], Sequence[Array | None], Sequence[bool]], tuple[list[Array | None], ...]]
"""Gives the cotangents of the `args` of a record, None for none, and the new accumulators of what it `used`: from the
cotangents of its results, the accumulators so far, and which of both lead to what is wanted."""


@dataclass(frozen=True, slots=True, eq=False)
class Controlled:
    """A loop or a choice that was carried out.

    Its regions may run many times, and add to the cotangents of what they use from outside each time. So that they are
    added in the order in which the same ops without a loop would be, accumulators go in and come back.

    Attributes:
        args: what it takes.
        used: what its regions use from outside.
        results: what it gives.
        pull: as the type says.
        join: adds two cotangents of one of the `args`, which may be a stack that only loops read.
    """

    args: tuple[Array, ...]
    used: tuple[Array, ...]
    results: tuple[Array, ...]
    pull: Pull
    join: Callable[[Array, Array], Array] = operator.add


Record = Applied | Custom | Controlled


class Recording(Layer):
    """The stage that carries ops out through the stage below it and remembers them.

    Attributes:
        records: what was carried out, in order.
    """

    def __init__(self, below: Stage) -> None:
        super().__init__(below)
        self.records: list[Record] = []

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        """Carry out one op below and remember it."""
        made = self.below.emit(op, args, attrs, result)
        self.records.append(Applied(op, args, attrs, made))
        return made

    def alias(self, made: Array, of: Array) -> None:
        """Remember that `made` is `of` under another identity, here and in all layers below."""
        self.records.append(Applied(None, (of,), None, made))
        super().alias(made, of)

    def customised(self, record: Custom) -> None:
        """Remember arrays that have a gradient of their own, here alone."""
        self.records.append(record)

    def controlled(self, record: Controlled) -> None:
        """Remember a loop or a choice."""
        self.records.append(record)

    def gradients(
        self, results: Sequence[Array], seeds: Sequence[Array], wanted: Sequence[Array]
    ) -> list[Array | None]:
        """Cotangents of `wanted`, computed through the current stage from the cotangents `seeds` of `results`.

        An entry is None where no result depends on that array. Integers and booleans carry no gradient.
        """
        return backward(self.records, results, seeds, wanted)


def backward(
    records: Sequence[Record], results: Sequence[Array], seeds: Sequence[Array], wanted: Sequence[Array]
) -> list[Array | None]:
    """Cotangents of `wanted` (None: not connected), computed through the current stage.

    Nodes that this writes into a graph under construction get the location of what they derive.

    Args:
        records: in order of creation.
        results: arrays whose cotangents are given.
        seeds: their cotangents, of the same dtype and shape.
        wanted: arrays compared by identity.
    """
    reached = reached_from(records, wanted)
    keep = {id(w) for w in wanted}
    cotangents: dict[int, Array] = {}
    for result, seed in zip(results, seeds, strict=True):
        if id(result) in reached:
            _add(cotangents, result, seed)
    for record in reversed(records):
        if isinstance(record, Controlled | Custom):
            given = [cotangents.get(id(r)) if id(r) in keep else cotangents.pop(id(r), None) for r in record.results]
            if all(g is None for g in given):
                continue
            if isinstance(record, Controlled):
                with deriving(record.results[0]):
                    _back(record, given, cotangents, reached)
            else:
                with deriving(record.results[0]):
                    for arg, found in zip(record.args, record.pull(given), strict=True):
                        if found is not None and id(arg) in reached:
                            _add(cotangents, arg, found)
            continue
        key = id(record.result)
        g = cotangents.get(key) if key in keep else cotangents.pop(key, None)
        if g is None:
            continue
        with deriving(record.result):
            for i, arg in enumerate(record.args):
                if id(arg) in reached and differentiable(record, i):
                    _add(cotangents, arg, contribution(record, i, g))
    return [cotangents.get(id(w)) for w in wanted]


def _back(
    record: Controlled, given: Sequence[Array | None], cotangents: dict[int, Array], reached: set[int]
) -> None:
    flags = [id(a) in reached for a in (*record.args, *record.used)]
    first = {id(a): k for k, a in reversed([*enumerate(record.used)])}
    # What a region takes twice has one accumulator, which goes in once.
    so_far = [cotangents.get(id(a)) if first[id(a)] == k else None for k, a in enumerate(record.used)]
    found, accumulators = record.pull(given, so_far, flags)
    for k, (arg, new) in enumerate(zip(record.used, accumulators, strict=True)):
        if new is not None and first[id(arg)] == k:
            cotangents[id(arg)] = new
        elif new is not None:
            _add(cotangents, arg, new)
    for arg, part in zip(record.args, found, strict=True):
        if part is not None and id(arg) in reached:
            known = cotangents.get(id(arg))
            cotangents[id(arg)] = part if known is None else record.join(known, part)


def differentiable(record: Applied, i: int) -> bool:
    """Whether a gradient flows to operand number i."""
    if not record.args[i].dtype.is_inexact:
        return False
    if record.op is None:
        return True
    rules = record.op.vjp
    return rules is not None and (callable(rules) or rules[i] is not None)


def reached_from(records: Sequence[Record], wanted: Sequence[Array]) -> set[int]:
    """The arrays that depend on a wanted one along a path that carries gradients."""
    reached = {id(w) for w in wanted if w.dtype.is_inexact}
    for record in records:
        extend_reached(reached, record)
    return reached


def extend_reached(reached: set[int], record: Record) -> bool:
    """Add what a record makes to the arrays that are reached; whether it is reached."""
    if isinstance(record, Controlled):
        if not any(id(a) in reached for a in (*record.args, *record.used)):
            return False
        reached.update([id(r) for r in record.results if r.dtype.is_inexact])
        return True
    if isinstance(record, Custom):
        if not any(id(a) in reached for a in record.args):
            return False
        reached.update(map(id, record.results))
        return True
    if record.result.dtype.is_inexact and any(
        id(a) in reached and differentiable(record, i) for i, a in enumerate(record.args)
    ):
        reached.add(id(record.result))
        return True
    return False


def _add(cotangents: dict[int, Array], array: Array, contribution: Array) -> None:
    known = cotangents.get(id(array))
    cotangents[id(array)] = contribution if known is None else known + contribution


def contribution(record: Applied, i: int, g: Array) -> Array:
    """The cotangent of operand number i from that of the result."""
    op = record.op
    if op is None:
        return g
    if callable(op.vjp):
        assert record.attrs is not None
        return op.vjp(g, record.result, record.args, record.attrs, i)
    assert op.vjp is not None
    rule = op.vjp[i]
    assert rule is not None
    found = (
        rule(g, record.result, *record.args, record.attrs)
        if op.attrs
        else rule(g, record.result, *record.args)
    )
    return unbroadcast(found, record.args[i].shape) if isinstance(op.lowering, Pointwise) else found


def unbroadcast(g: Array, shape: Shape) -> Array:
    """The cotangent of what was broadcast from `shape`: one sum over all axes that were repeated."""
    if len(g.shape) == len(shape) and all(map(same_extent, g.shape, shape)):
        return g
    extra = g.ndim - len(shape)
    repeated = [a for a, s in enumerate(shape, extra) if not same_extent(s, g.shape[a]) and s == 1]
    summed = OPS["sum"].call(g, intern(Axes((*range(extra), *repeated))))
    return OPS["reshape"].call(summed, intern(ShapeOf(shape))) if summed.shape != shape else summed


@contextmanager
def deriving(result: Array) -> Iterator[None]:
    """Give the nodes written meanwhile the place of the node that made `result`, whose derivative they are."""
    node = result.value.node if isinstance(result, Traced) else None
    if node is None or node.loc is None:
        yield
        return
    builder = ground(current())
    if not isinstance(builder, Builder):
        yield
        return
    before: Loc | None = builder.loc
    builder.loc = node.loc.as_gradient()
    try:
        yield
    finally:
        builder.loc = before
