"""The order in which floats are summed and multiplied, T8, spelled in NumPy; it knows arrays and axes, no ops.

The order depends on the number n of summed elements alone, never on layout, axis, vector width or threads.
The reduced axes count as one, in row-major order. It is cut into chunks of 65,536 elements. In a chunk,
element i is numbered i = 128 g + 16 j + l with l < 16 and j < 8, and elements that are not there are -0.0.
For each group g and lane l, the eight values of j are added by halving: j to j + 4, then j to j + 2, then j
to j + 1. A lane's accumulator starts at -0.0 and adds its groups in order of g. The sixteen lanes are then
added by halving: l to l + 8, 4, 2, 1. The chunks' sums are added in adjacent pairs, again and again, and an
odd one is carried up. The sum of no elements is +0.0.

Products follow the same order with multiplication in place of addition and 1.0 in place of -0.0; the product of
no elements is 1.0.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

CHUNK: Final = 65536
LANES: Final = 16
ROWS: Final = 8
GROUP: Final = LANES * ROWS


def sum_in_order(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The sum over `axes` (sorted, non-negative), which the result lacks: floats in order T8, integers
    wrapping.
    """
    return _in_order(np.add, -0.0, x, axes)


def product_in_order(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The product over `axes` (sorted, non-negative), which the result lacks: floats in order T8, integers
    wrapping.
    """
    return _in_order(np.multiply, 1.0, x, axes)


def _in_order(join: np.ufunc, unit: float, x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    if x.dtype.kind != "f":
        return np.asarray(join.reduce(x, axis=axes, dtype=x.dtype))
    kept = tuple([i for i in range(x.ndim) if i not in axes])
    shape = tuple([x.shape[i] for i in kept])
    n = math.prod([x.shape[i] for i in axes])
    columns = np.ascontiguousarray(x.transpose(*axes, *kept)).reshape(n, math.prod(shape))
    return _columns(join, unit, columns).reshape(shape)


def _columns(join: np.ufunc, unit: float, x: np.ndarray) -> np.ndarray:
    n, width = x.shape
    if n == 0:
        return np.full(width, unit + 0.0, x.dtype)
    chunks = -(-n // CHUNK)
    groups = CHUNK // GROUP if chunks > 1 else -(-n // GROUP)
    padded = np.full((chunks * groups * GROUP, width), unit, x.dtype)
    padded[:n] = x
    rows = padded.reshape(chunks, groups, ROWS, LANES, width)
    with np.errstate(all="ignore"):
        lanes = _halve(join, rows, 2)
        total = np.full((chunks, LANES, width), unit, x.dtype)
        for g in range(groups):
            total = join(total, lanes[:, g])
        return pairs_in_order(_halve(join, total, 1).T, join)


def pairs_in_order(x: np.ndarray, join: np.ufunc = np.add) -> np.ndarray:
    """The sum over the last axis, of at least one element: adjacent pairs are added, again and again."""
    while x.shape[-1] > 1:
        even = x.shape[-1] // 2 * 2
        x = np.concatenate([join(x[..., 0:even:2], x[..., 1:even:2]), x[..., even:]], axis=-1)
    return x[..., 0]


def _halve(join: np.ufunc, x: np.ndarray, axis: int) -> np.ndarray:
    while x.shape[axis] > 1:
        low, high = np.split(x, 2, axis)
        x = join(low, high)
    return x.squeeze(axis)
