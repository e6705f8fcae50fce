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

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from .array import Array
from .attrs import Attrs, Axes, ShapeOf, intern
from .builder import Builder, Traced
from .loc import Loc
from .op import Op, Pointwise
from .records import dataclass
from .registry import OPS
from .stage import Stage, current, entered
from .types import Assumed, Shape, TensorType, same_extent


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """One op that was carried out; `op` None: the result is the argument under another identity."""

    op: Op | None
    args: tuple[Array, ...]
    attrs: Attrs | None
    result: Array


@dataclass(frozen=True, slots=True, eq=False)
class Custom:
    """Arrays under another identity that have a gradient of their own.

    Attributes:
        values: what they are.
        args: what they are differentiated by.
        results: the arrays.
        pull: gives the cotangents of `args`, None for none, from those of `results`, None where there is none.
    """

    values: tuple[Array, ...]
    args: tuple[Array, ...]
    results: tuple[Array, ...]
    pull: Callable[[Sequence[Array | None]], Sequence[Array | None]]


Record = Applied | Custom


class Recording:
    """The stage that carries ops out through the stage below it and remembers them.

    Attributes:
        below: carries out the ops.
        records: what was carried out, in order.
    """

    def __init__(self, below: Stage) -> None:
        self.below = below
        self.records: list[Record] = []

    @property
    def assumptions(self) -> Assumed | None:
        """Those of the stage below."""
        return self.below.assumptions

    def lift(self, operand: Array | np.ndarray) -> Array:
        """The operand as an array of the stage below."""
        return self.below.lift(operand)

    def constant(self, value: np.ndarray) -> Array:
        """A constant of the stage below."""
        return self.below.constant(value)

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        """Carry out one op below and remember it."""
        made = self.below.emit(op, args, attrs, result)
        self.records.append(Applied(op, args, attrs, made))
        return made

    def alias(self, made: Array, of: Array) -> None:
        """Remember that `made` is `of` under another identity, here and in all Recordings below."""
        self.records.append(Applied(None, (of,), None, made))
        if isinstance(self.below, Recording):
            self.below.alias(made, of)

    def customised(self, record: Custom) -> None:
        """Remember arrays that have a gradient of their own, here alone."""
        self.records.append(record)

    def gradients(
        self, results: Sequence[Array], seeds: Sequence[Array], wanted: Sequence[Array]
    ) -> list[Array | None]:
        """Cotangents of `wanted`, computed through the stage below from the cotangents `seeds` of `results`.

        An entry is None where no result depends on that array. Integers and booleans carry no gradient.
        """
        with entered(self.below):
            return backward(self.records, results, seeds, wanted)


def ground(stage: Stage) -> Stage:
    """The first stage at or below this one that is no Recording."""
    while isinstance(stage, Recording):
        stage = stage.below
    return stage


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
    carrier = ground(current())
    builder = carrier if isinstance(carrier, Builder) else None
    keep = {id(w) for w in wanted}
    cotangents: dict[int, Array] = {}
    for result, seed in zip(results, seeds, strict=True):
        if id(result) in reached:
            _add(cotangents, result, seed)
    for record in reversed(records):
        if isinstance(record, Custom):
            given = [cotangents.get(id(r)) if id(r) in keep else cotangents.pop(id(r), None) for r in record.results]
            if any(g is not None for g in given):
                with _located(builder, record.results[0]):
                    for arg, found in zip(record.args, record.pull(given), strict=True):
                        if found is not None and id(arg) in reached:
                            _add(cotangents, arg, found)
            continue
        key = id(record.result)
        g = cotangents.get(key) if key in keep else cotangents.pop(key, None)
        if g is None:
            continue
        with _located(builder, record.result):
            for i, arg in enumerate(record.args):
                if id(arg) in reached and _differentiable(record, i):
                    _add(cotangents, arg, _contribution(record, i, g))
    return [cotangents.get(id(w)) for w in wanted]


def _differentiable(record: Applied, i: int) -> bool:
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
    if isinstance(record, Custom):
        if not any(id(a) in reached for a in record.args):
            return False
        reached.update(map(id, record.results))
        return True
    if record.result.dtype.is_inexact and any(
        id(a) in reached and _differentiable(record, i) for i, a in enumerate(record.args)
    ):
        reached.add(id(record.result))
        return True
    return False


def _add(cotangents: dict[int, Array], array: Array, contribution: Array) -> None:
    known = cotangents.get(id(array))
    cotangents[id(array)] = contribution if known is None else known + contribution


def _contribution(record: Applied, i: int, g: Array) -> Array:
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
def _located(builder: Builder | None, result: Array) -> Iterator[None]:
    """Give the nodes written meanwhile the place of the node that they derive."""
    node = result.value.node if isinstance(result, Traced) else None
    if builder is None or node is None or node.loc is None:
        yield
        return
    before: Loc | None = builder.loc
    builder.loc = node.loc.as_gradient()
    try:
        yield
    finally:
        builder.loc = before
