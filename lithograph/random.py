"""Random numbers: from the default generator, whose state is a variable, or from a key given; it draws no
bits itself.

The generator is counter-based (Philox4x32-10), so numbers are the same eager and compiled, on any number of
threads.
A compiled function that draws from a generator advances it in program order, as it does any variable.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from .ir import dtypes
from .ir.array import Array
from .ir.ops.arithmetic import subtract
from .ir.ops.random import random_key, random_next, random_normal, random_split, random_uniform
from .ir.stage import Operand
from .runtime.variable import Variable
from .tracer.staging import eagerly

__all__ = ["Generator", "default", "key", "normal", "seed", "split", "uniform"]


class Generator:
    """A source of random numbers with a state of its own.

    Attributes:
        state: the key that the next draw is made from, uint32[2].
    """

    def __init__(self, seed: int = 0) -> None:
        self.state = Variable(random_key(seed), trainable=False, name="random_state")
        self._lock = threading.Lock()

    def seed(self, n: int) -> None:
        """Start again from a seed; ArgumentError where it is no integer of 64 bits."""
        self.state.assign(random_key(n))

    def next_key(self) -> Array:
        """A key that no other draw gets; the state moves on."""
        with self._lock:
            state, drawn = random_next(self.state.value())
            self.state.assign(state)
        return drawn

    def uniform(
        self,
        shape: int | Sequence[int] = (),
        minval: Operand = 0.0,
        maxval: Operand = 1.0,
        dtype: object = dtypes.float32,
    ) -> Array:
        """As the function `uniform`, from this generator."""
        return uniform(shape, minval, maxval, dtype, key=self.next_key())

    def normal(
        self,
        shape: int | Sequence[int] = (),
        mean: Operand = 0.0,
        stddev: Operand = 1.0,
        dtype: object = dtypes.float32,
    ) -> Array:
        """As the function `normal`, from this generator."""
        return normal(shape, mean, stddev, dtype, key=self.next_key())


_default: Final[list[Generator]] = []
_making: Final = threading.Lock()


def default() -> Generator:
    """The generator of functions that are given no key; made when first asked for, with seed 0."""
    with _making:
        if not _default:
            # It belongs to the process, also when a function that is being traced asks first.
            with eagerly():
                _default.append(Generator())
        return _default[0]


def seed(n: int) -> None:
    """Start the default generator again from a seed; ArgumentError where it is no integer of 64 bits."""
    default().seed(n)


def key(n: int) -> Array:
    """The key (uint32[2]) that a seed stands for; ArgumentError where it is no integer of 64 bits."""
    return random_key(n)


def split(key: Operand, n: int = 2) -> Array:
    """`n` independent keys made from one, as uint32[n, 2]; ShapeError where it is no key."""
    return random_split(key, n)


def uniform(
    shape: int | Sequence[int] = (),
    minval: Operand = 0.0,
    maxval: Operand = 1.0,
    dtype: object = dtypes.float32,
    *,
    key: Operand | None = None,
) -> Array:
    """Numbers `u * (maxval - minval) + minval`, where u is uniform in [0, 1).

    Args:
        shape: extents.
        minval, maxval: numbers, or arrays that broadcast to `shape`.
        dtype: float32 (u has 24 bits) or float64 (53 bits).
        key: gives always the same numbers; without one they come from the default generator.

    Raises:
        ShapeError, DTypeError: as `key` and `dtype` demand.
    """
    u = random_uniform(default().next_key() if key is None else key, shape, dtype=dtype)
    if _is(minval, 0) and _is(maxval, 1):
        return u
    if isinstance(minval, int | float) and isinstance(maxval, int | float):
        return u * float(maxval - minval) + float(minval)
    return u * subtract(maxval, minval) + minval


def normal(
    shape: int | Sequence[int] = (),
    mean: Operand = 0.0,
    stddev: Operand = 1.0,
    dtype: object = dtypes.float32,
    *,
    key: Operand | None = None,
) -> Array:
    """Numbers `z * stddev + mean`, where z is standard normal; see `uniform` for the rest."""
    z = random_normal(default().next_key() if key is None else key, shape, dtype=dtype)
    scaled = z if _is(stddev, 1) else z * stddev
    return scaled if _is(mean, 0) else scaled + mean


def _is(operand: Operand, number: int) -> bool:
    return isinstance(operand, int | float) and operand == number
