"""Batching: a stage whose arrays are one example of many each, and what carries an op out for all of them at once.

Meaning. A function of one example is run once; an array that differs from example to example lies in the stage below
with a further axis in front, and is seen without it. What is the same for all examples is an array of the stage below
as it is. An op that touches no batched array goes straight there; else its batching rule (see `batch_rules.py`) makes
ordinary op calls there. So a Batching over a Batching has two such axes, one over a Recording is differentiated, one
over a Builder is written into the graph. This file knows no op.
"""

from __future__ import annotations

import numpy as np

from .abstract import Abstract
from .array import Array
from .attrs import Attrs
from .batch_rules import rule_of, spread
from .errors import StateError, TraceError
from .layers import Layer
from .op import Flags, Op
from .stage import Stage, entered
from .types import Extent, TensorType


class Level:
    """The identity of one batch, whatever stage it lies over.

    Attributes:
        name: of the function that is mapped.
        extent: the number of examples.
        running: how many times something is being carried out for it.
    """

    def __init__(self, name: str, extent: Extent) -> None:
        self.name = name
        self.extent = extent
        self.running = 0


class Batched(Abstract):
    """One example of many: what is mapped over sees this in place of the whole.

    Attributes:
        whole: the array of the stage below, with the axis of examples in front.
        level: of which batch.
        stacked: the axis of examples is the second one of `whole`: it is a stack that a loop made, which only loops
            read.
    """

    __slots__ = ("__weakref__", "_aval", "level", "stacked", "whole")

    def __init__(self, whole: Array, level: Level, stacked: bool = False) -> None:
        shape = whole._aval.shape
        self._aval = TensorType(whole.dtype, (*shape[:1], *shape[2:]) if stacked else shape[1:], whole._aval.weak)
        self.whole = whole
        self.level = level
        self.stacked = stacked

    def _cannot(self, what: str, instead: str) -> TraceError:
        return TraceError(
            f"{what} a tensor ({self._aval}) that differs from example to example is not one value while "
            f"{self.level.name!r} is mapped over {self.level.extent} examples; {instead}"
        )

    def stale(self) -> StateError:
        """The error for one that is used where its batch is unknown."""
        return StateError(
            f"a tensor ({self._aval}) that is one of {self.level.extent} examples of {self.level.name!r} was used "
            "outside of the vmap that made it. Return it from the function instead of keeping it elsewhere."
        )

    def __repr__(self) -> str:
        return f"<one example, {self._aval}, of {self.level.extent} in {self.level.name!r}>"


class Batching(Layer):
    """The stage that carries ops out for all examples of a batch.

    Attributes:
        below: carries out what the rules call.
        level: the batch.
    """

    def __init__(self, below: Stage, level: Level) -> None:
        super().__init__(below)
        self.level = level

    def lift(self, operand: Array | np.ndarray) -> Array:
        """The operand, or what it is in the stage below, where it is the same for all examples."""
        if isinstance(operand, Batched) and operand.level is self.level:
            return operand
        return self.below.lift(operand)

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        """Carry out one op for all examples."""
        mapped = tuple([self.maps(a) for a in args])
        if True not in mapped and Flags.DISTINCT not in op.flags:
            return self.below.emit(op, args, attrs, result)
        wholes = tuple([self.whole(a) for a in args])
        with entered(self.below):
            made = rule_of(op)(op, wholes, mapped, attrs, self.level.extent)
        # A rule may find that its result is the same for all examples.
        return made if made.ndim == result.ndim else Batched(made, self.level)

    def alias(self, made: Array, of: Array) -> None:
        """Tell the layers below, unless they know the array itself."""
        if not self.maps(of):
            super().alias(made, of)

    def maps(self, array: object) -> bool:
        """Whether an array differs from example to example of this batch."""
        return type(array) is Batched and array.level is self.level

    def whole(self, array: Array) -> Array:
        """What an array of this stage is in the stage below."""
        return array.whole if type(array) is Batched and array.level is self.level else array

    def spread(self, array: Array) -> Array:
        """An array of this stage for all examples, with their axis in front."""
        with entered(self.below):
            return spread(self.whole(array), self.maps(array), self.level.extent)
