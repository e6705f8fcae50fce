"""Orders and choices at random, made from a key; it knows no generator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np

from .ir import dtypes
from .ir.array import Array
from .ir.errors import DomainError, ShapeError
from .ir.ops.arithmetic import minimum
from .ir.ops.axes import flag, legal_shape, one_axis
from .ir.ops.conversion import astype
from .ir.ops.cumulative import cumulative_sum
from .ir.ops.gathering import take
from .ir.ops.ordering import argsort
from .ir.ops.random import random_bits, random_exponential, random_uniform
from .ir.ops.random_variates import random_integers
from .ir.ops.ranges import arange
from .ir.ops.searching import searchsorted
from .ir.ops.shapes import reshape
from .ir.stage import Operand, as_array
from .runtime.core import Tensor
from .runtime.creation import tensor


def order(key: Operand, n: int) -> Array:
    """The numbers below n in random order, as int64: sorted by 64 random bits each."""
    return argsort(random_bits(key, n, dtype=dtypes.uint64), stable=True)


def chosen(
    key: Operand, x: Operand, shape: int | Sequence[int], replace: bool, p: object, axis: int
) -> Array:
    """What `random.choice` gives for a key."""
    given = arange(x) if isinstance(x, int) else as_array("random.choice", x)
    flag("random.choice", "replace", replace)
    along = one_axis("random.choice", axis, given.ndim)
    n, extents = given.shape[along], legal_shape("random.choice", shape)
    count = math.prod(cast("tuple[int, ...]", extents))
    chances = None if p is None else _chances(p, n)
    if count and (not n if replace else count > n):
        how = "" if replace else " without replacement"
        raise DomainError(f"random.choice: {count} of {n} cannot be drawn{how}")
    if not replace:
        numbers = order(key, n) if chances is None else argsort(_clocks(key, chances), stable=True)
        numbers = reshape(numbers[:count], extents)
    elif chances is None:
        numbers = random_integers(key, extents, 0, max(n, 1), dtype=dtypes.int64)
    else:
        sums = cumulative_sum(chances)
        places = searchsorted(sums, random_uniform(key, extents, dtype=dtypes.float64) * sums[-1], side="right")
        numbers = minimum(places, n - 1)
    return take(given, reshape(numbers, (count,)), axis=along).reshape(
        (*given.shape[:along], *extents, *given.shape[along + 1 :])
    )


def _chances(p: object, n: int) -> Array:
    given = astype(tensor(p), dtypes.float64)
    if given.shape != (n,):
        raise ShapeError(f"random.choice: p has one chance for each of {n}, but its shape is {given._aval}")
    values = given.numpy() if isinstance(given, Tensor) else np.ones(1)
    if not (values >= 0).all() or not (values.any() or not n):
        raise DomainError("random.choice: chances are not negative, and not all of them are zero")
    return given


def _clocks(key: Operand, chances: Array) -> Array:
    """Times at which exponential clocks ring whose rates are the chances."""
    return random_exponential(key, chances.shape, dtype=dtypes.float64) / chances
