"""Stages that lie over another one, do something more than carry ops out, and leave the rest to it.

A Recording remembers, a Forward carries tangents. They stack in any order, and this file knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .array import Array
from .records import dataclass
from .stage import Stage
from .types import Assumed


@dataclass(frozen=True, slots=True, eq=False)
class Custom:
    """Arrays under another identity that have a gradient of their own.

    Attributes:
        values: what they are.
        args: what they are differentiated by.
        results: the arrays.
        pull: gives the cotangents of `args`, None for none, from those of `results`, None where there is none.
        again: the pull is that of the ops that made the values, which it runs again: their tangents are the results'.
    """

    values: tuple[Array, ...]
    args: tuple[Array, ...]
    results: tuple[Array, ...]
    pull: Callable[[Sequence[Array | None]], Sequence[Array | None]]
    again: bool


class Layer:
    """A stage over another.

    Attributes:
        below: the stage that it lies over.
    """

    def __init__(self, below: Stage) -> None:
        self.below = below

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

    def alias(self, made: Array, of: Array) -> None:
        """Hear that `made` is `of` under another identity, and tell the layers below."""
        if isinstance(self.below, Layer):
            self.below.alias(made, of)

    def customised(self, record: Custom) -> None:
        """Hear of arrays that have a gradient of their own; the layers below are told by who made them."""


def ground(stage: Stage) -> Stage:
    """The first stage at or below this one that is no Layer."""
    while isinstance(stage, Layer):
        stage = stage.below
    return stage
