"""Forward mode: a stage that carries beside arrays how they change along a direction, their tangents.

Meaning. An op is carried out by the stage below; then, where an operand moves, the tangent of its result is computed
through the stage below too, by ordinary op calls. So a Forward over a Forward gives second derivatives, one over a
Recording can be differentiated, and one over a Builder writes tangents into the graph. The rule is the row's, and most
are derived from what the row says anyway:

- an op that is linear in operands is applied to their tangents, with zeros for those that do not move;
- an operand with a `jvp` of its own contributes what that gives;
- the Jacobian of a pointwise op is diagonal, hence its own transpose: the vjp maps tangents as it maps cotangents;
- a reduction has one row of slopes, the vjp of ones: the tangent is the sum of their products with the operand's;
- of all else the vjp is linear in the cotangent, so that its own vjp carries tangents forward.

Contributions are added in that order, operands in theirs. What does not move has no tangent, and none is computed for
it. This file knows no op beyond `sum` and `broadcast_to`, and nothing of who holds the values.
"""

from __future__ import annotations

import functools
import operator
import weakref
from collections.abc import Callable, Container, Mapping, Sequence

from .array import Array
from .attrs import Attrs, ShapeOf, intern
from .gradient import Applied, Recording, contribution, deriving, differentiable
from .layers import Custom, Layer
from .op import Op, Pointwise, Reduce
from .registry import OPS
from .stage import Stage, current, entered, number
from .types import Shape, TensorType, same_extent


class Forward(Layer):
    """The stage that carries ops out through the stage below it, and tangents along."""

    def __init__(self, below: Stage) -> None:
        super().__init__(below)
        # Held weakly: the tangent of what a function drops goes with it.
        self._moving: dict[int, tuple[weakref.ref[Array], Array]] = {}

    def move(self, array: Array, tangent: Array) -> None:
        """Give an array a tangent, of its type, both of the stage below."""
        key, this = id(array), weakref.ref(self)

        def forget(_: weakref.ref[Array]) -> None:
            forward = this()
            if forward is not None:
                forward._moving.pop(key, None)

        self._moving[key] = weakref.ref(array, forget), tangent

    def tangent(self, array: Array) -> Array | None:
        """The tangent of an array of the stage below; None: it does not move."""
        known = self._moving.get(id(array))
        return known[1] if known is not None and known[0]() is array else None

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        """Carry out one op below, and its tangent where an operand moves."""
        made = self.below.emit(op, args, attrs, result)
        tangents = [self.tangent(a) for a in args]
        if result.dtype.is_inexact and any(t is not None for t in tangents):
            with entered(self.below), deriving(made):
                found = pushed(op, Applied(op, args, attrs, made), tangents)
            if found is not None:
                self.move(made, found)
        return made

    def alias(self, made: Array, of: Array) -> None:
        """Give an array under another identity the tangent that it has."""
        super().alias(made, of)
        tangent = self.tangent(of)
        if tangent is not None:
            self.move(made, tangent)

    def customised(self, record: Custom) -> None:
        """Give arrays with a gradient of their own the tangents that it implies."""
        if record.again:
            found = [self.tangent(v) for v in record.values]
        else:
            tangents = [self.tangent(a) for a in record.args]
            if all(t is None for t in tangents):
                return
            with entered(self.below), deriving(record.results[0]):
                found = transposed(record.pull, [r._aval for r in record.results], tangents)
        for result, tangent in zip(record.results, found, strict=True):
            if tangent is not None:
                self.move(result, tangent)


def transposed(
    pull: Callable[[Sequence[Array]], Sequence[Array | None]],
    types: Sequence[TensorType],
    tangents: Sequence[Array | None],
) -> list[Array | None]:
    """Tangents of results of some types, computed through the current stage; None: it does not move.

    Args:
        pull: gives cotangents of operands from those of the results, to which it is linear.
        types: of the results.
        tangents: of the operands.
    """
    recording = Recording(current())
    cotangents = [_filled(-0.0, t) for t in types]
    with entered(recording):
        pulled = pull(cotangents)
    pairs = [(g, t) for g, t in zip(pulled, tangents, strict=True) if g is not None and t is not None]
    return recording.gradients([g for g, _ in pairs], [t for _, t in pairs], cotangents)


def pushed(op: Op, record: Applied, tangents: Sequence[Array | None]) -> Array | None:
    """The tangent of what `op` made from those of its operands, computed through the current stage."""
    moving = {i: t for i, t in enumerate(tangents) if t is not None and differentiable(record, i)}
    linear = _linear(op, record.args, moving)
    parts = [_applied(op, record, linear, moving)] if linear else []
    left: dict[int, Array] = {}
    for i, t in moving.items():
        if i in linear:
            continue
        part = _contributed(op, record, i, t)
        if part is None:
            left[i] = t
        else:
            parts.append(part)
    if left:
        found = transposed(
            lambda g: [contribution(record, i, g[0]) for i in left], [record.result._aval], [*left.values()]
        )
        parts += [t for t in found if t is not None]
    return _whole(functools.reduce(operator.add, parts), record.result.shape) if parts else None


def _linear(op: Op, args: Sequence[Array], moving: Container[int]) -> list[int]:
    """The operands to whose tangents the op is applied as it is: where one moves, in a pointwise op where all do."""
    found = [i for i, a in enumerate(args) if i in op.linear and a.dtype.is_inexact]
    enough = all if isinstance(op.lowering, Pointwise) else any
    return found if enough([i in moving for i in found]) else []


def _applied(op: Op, record: Applied, linear: Sequence[int], moving: Mapping[int, Array]) -> Array:
    operands = list(record.args)
    for i in linear:
        operands[i] = moving[i] if i in moving else _filled(-0.0, operands[i]._aval)
    return op.call(*operands, *_told(op, record))


def _contributed(op: Op, record: Applied, i: int, t: Array) -> Array | None:
    """What operand number i contributes by its own rule or one that is derived at once; None where there is none."""
    operands = (record.result, *record.args, *_told(op, record))
    own = op.jvp[i] if op.jvp is not None else None
    if own is not None:
        return own(t, *operands)
    slope = op.vjp[i] if isinstance(op.vjp, tuple) else None
    if slope is not None and isinstance(op.lowering, Pointwise):
        return slope(t, *operands)
    if slope is not None and isinstance(op.lowering, Reduce):
        return OPS["sum"].call(slope(_filled(1.0, record.result._aval), *operands) * t, *_told(op, record))
    return None


def _told(op: Op, record: Applied) -> tuple[Attrs, ...]:
    return (record.attrs,) if op.attrs is not None and record.attrs is not None else ()


def _filled(value: float, type: TensorType) -> Array:
    return _whole(current().constant(number(value, type.dtype)), type.shape)


def _whole(x: Array, shape: Shape) -> Array:
    """An array broadcast to a shape."""
    if len(x.shape) == len(shape) and all(map(same_extent, x.shape, shape)):
        return x
    return OPS["broadcast_to"].call(x, intern(ShapeOf(shape)))
