"""Learning rates that change with the step: functions of the number of steps done, which trace as any other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from .arguments import checked
from .ir import dtypes, ops
from .ir.array import Array
from .ir.errors import ArgumentError

__all__ = [
    "Schedule", "cosine_decay", "exponential_decay", "inverse_time_decay", "piecewise_constant", "polynomial_decay",
]  # fmt: skip

Schedule = Callable[[Array], Array]
"""The learning rate, a float32 scalar, after a number of steps, an int64 scalar."""


def _progress(step: Array, steps: float, staircase: bool = False) -> Array:
    done = ops.astype(step, dtypes.float32) / float(_positive(steps))
    return ops.floor(done) if staircase else done


def _positive(steps: float) -> float:
    if not steps > 0:
        raise ArgumentError(f"a schedule needs a positive number of steps, but {steps!r} was given")
    return steps


@checked
def exponential_decay(initial: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> Schedule:
    """`initial * decay_rate ** (step / decay_steps)`; the quotient rounded down with `staircase`."""
    _positive(decay_steps)
    return lambda step: initial * ops.pow(float(decay_rate), _progress(step, decay_steps, staircase))


@checked
def inverse_time_decay(initial: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> Schedule:
    """`initial / (1 + decay_rate * step / decay_steps)`; the quotient rounded down with `staircase`."""
    _positive(decay_steps)
    return lambda step: initial / (1.0 + decay_rate * _progress(step, decay_steps, staircase))


@checked
def polynomial_decay(initial: float, decay_steps: float, end: float = 0.0001, power: float = 1.0) -> Schedule:
    """From `initial` to `end` within `decay_steps`, along `(1 - step / decay_steps) ** power`; then `end`."""
    _positive(decay_steps)
    return lambda step: (initial - end) * ops.pow(
        1.0 - ops.minimum(_progress(step, decay_steps), 1.0), float(power)
    ) + end


@checked
def cosine_decay(
    initial: float, decay_steps: float, alpha: float = 0.0, warmup_steps: float = 0, warmup_target: float | None = None
) -> Schedule:
    """Along half a cosine to `alpha` times its start, after a linear rise (Loshchilov and Hutter, 2016).

    Args:
        initial: the first rate.
        decay_steps: steps of the fall.
        alpha: the last rate as a part of the one it falls from.
        warmup_steps: steps of the rise before it.
        warmup_target: what the rate rises to; without one there is no rise, and it falls from `initial`.
    """
    _positive(decay_steps)
    rises = warmup_target is not None and warmup_steps > 0
    top = initial if warmup_target is None else warmup_target

    def rate(step: Array) -> Array:
        done = _progress(step, 1.0)
        since = done - float(warmup_steps) if rises else done
        part = ops.minimum(since / float(decay_steps), 1.0)
        falling = top * ((1.0 - alpha) * (0.5 * (1.0 + ops.cos(math.pi * part))) + alpha)
        if not rises:
            return falling
        rising = initial + (top - initial) * (done / float(warmup_steps))
        return ops.where(done < float(warmup_steps), rising, falling)

    return rate


@checked
def piecewise_constant(boundaries: Sequence[int], values: Sequence[float]) -> Schedule:
    """`values[0]` up to step `boundaries[0]`, `values[1]` up to `boundaries[1]`, and so on.

    Raises:
        ArgumentError: there is not one value more than boundaries, or these do not grow.
    """
    if len(values) != len(boundaries) + 1 or any(a >= b for a, b in itertools.pairwise(boundaries)):
        raise ArgumentError(
            f"piecewise_constant takes growing boundaries and one value more, but {len(boundaries)} boundaries "
            f"{list(boundaries)} and {len(values)} values were given"
        )

    def rate(step: Array) -> Array:
        found = ops.full((), float(values[-1]))
        for boundary, value in reversed(list(zip(boundaries, values, strict=False))):
            found = ops.where(step <= boundary, float(value), found)
        return found

    return rate
