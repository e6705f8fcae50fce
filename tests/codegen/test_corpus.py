"""Programs that once went wrong, as small as they could be made."""

from __future__ import annotations

import numpy as np
import pytest

from lithograph.ir import ops
from lithograph.ir.array import Array

from .programs import Function, compiled, eager, same_bits


def position_of_scaled(x: Array, y: Array) -> Array:
    return ops.argmax(x * ops.sum(ops.exp(y)))


def bits_of_scaled(x: Array, y: Array) -> tuple[Array, ...]:
    total = ops.sum(y)
    return ops.any(x > total), ops.all(x < total), ops.sum(x * total) / total


def position_in_position(x: Array, y: Array) -> Array:
    return ops.argmax(x <= ops.argmax(y))


def compared_twice(x: Array, y: Array) -> tuple[Array, ...]:
    most = ops.max(y)
    return ops.sum(x * most), ops.argmin(ops.where(x > most, x, most)), most


@pytest.mark.parametrize("function", [position_of_scaled, bits_of_scaled, position_in_position, compared_twice])
@pytest.mark.parametrize("n", [1, 2, 5, 40, 300])
def test_what_a_reduction_needs_stands_before_its_loops(function: Function, n: int) -> None:
    """A value that one reduction's loop computed was used outside it; LLVM aborted the process."""
    rng = np.random.default_rng(n)
    arrays = [rng.standard_normal(n).astype(np.float32), rng.standard_normal(300).astype(np.float32)]
    for a, b in zip(compiled(function, arrays), eager(function, arrays), strict=True):
        assert same_bits(a, b)
