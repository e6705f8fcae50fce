"""Derivatives in a direction, by the gradient and by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lithograph.ir import dtypes, ops
from lithograph.ir.array import Array

from .numpy_stage import Held, numpy_of, slopes


def directional(
    function: Callable[..., Array], at: Sequence[np.ndarray], along: Sequence[np.ndarray]
) -> float:
    """The derivative of a function to a number in a direction, by the gradient."""
    points = [Held(x) for x in at]
    found = slopes(function, ops.ones_like, points)
    # Of a complex point x + iy the gradient is dL/dx - i dL/dy: the real part of its product with a direction.
    return sum(float(np.sum(numpy_of(g) * v).real) for g, v in zip(found, along, strict=True) if g is not None)


def difference(
    function: Callable[..., Array], at: Sequence[np.ndarray], along: Sequence[np.ndarray]
) -> float:
    """The same by central differences of the fourth order."""
    h = 1e-3

    def value(t: float) -> float:
        return float(numpy_of(function(*[Held(x + t * v) for x, v in zip(at, along, strict=True)])))

    return (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)


def close(found: float, expected: float) -> bool:
    # The differences' own error: h**4 of a fifth derivative that is below 1e4 here, and rounding 1e-16 / h.
    return abs(found - expected) <= 1e-7 * max(abs(found), abs(expected), 1.0)


def slope_of(function: Callable[..., Array], along: Sequence[np.ndarray]) -> Callable[..., Array]:
    """The derivative of a function to a number in a direction, as a function of the point."""

    def slope(*points: Array) -> Array:
        total: Array = ops.zeros((), dtype=dtypes.float64)
        for g, v in zip(slopes(function, ops.ones_like, points), along, strict=True):
            total = total if g is None else total + ops.sum(ops.real(g * v))
        return total

    return slope
