"""Cutting new variables into parts: partitioners, and where they cut; it knows no scope and makes no variable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import numpy as np

from .arguments import checked
from .ir.dtypes import DType
from .ir.errors import ArgumentError, VariableError
from .runtime.partitioned import PartitionedVariable

__all__ = ["PartitionedVariable", "Partitioner", "fixed_size_partitioner"]

Partitioner = Callable[..., Sequence[int]]
"""`partitioner(shape=..., dtype=...)` gives for each axis the number of parts, of which one at most may exceed 1."""


@checked
def fixed_size_partitioner(num_shards: int, axis: int = 0) -> Partitioner:
    """The partitioner that cuts variables into a number of parts along an axis, or as many as there are elements.

    Args:
        num_shards: at least 1.
        axis: along which it cuts.

    Raises:
        ArgumentError: `num_shards` is below 1.
        ValueError, when a variable is made: it has no such axis.
    """
    if num_shards < 1:
        raise ArgumentError(f"fixed_size_partitioner: num_shards must be at least 1, but it is {num_shards}")

    def partitioner(shape: Sequence[int], dtype: DType) -> list[int]:
        if not -len(shape) <= axis < len(shape):
            raise VariableError(
                f"fixed_size_partitioner: variables are cut along axis {axis}, but one of shape {tuple(shape)} was to "
                "be made; get it with partitioner=None in a scope that has none, or cut along another axis"
            )
        parts = [1] * len(shape)
        parts[axis] = max(1, min(num_shards, shape[axis]))
        return parts

    return partitioner


def cut(partitioner: Partitioner, shape: tuple[int, ...], dtype: DType) -> tuple[int, list[tuple[int, int]]]:
    """The axis that a new variable is cut along, and where each part begins and ends; the first ones are the longer.

    Raises:
        ArgumentError: `partitioner` is no function.
        VariableError: what it gives is no number of parts per axis, or it cuts along several.
    """
    if not callable(partitioner):
        raise ArgumentError(f"get_variable: partitioner must be a function, but {partitioner!r} was given")
    given: object = partitioner(shape=shape, dtype=dtype)
    if not isinstance(given, Sequence) or not all(isinstance(n, int | np.integer) for n in given):
        raise VariableError(f"Partitioner must return a sequence, but saw: {given}")
    if len(given) != len(shape):
        raise VariableError(
            f"Partitioner returned a partition list that does not match the Variable's rank: {given} vs. {shape}"
        )
    if any(n < 1 for n in given):
        raise VariableError(f"Partitioner returned zero partitions for some axes: {given}")
    several = [axis for axis, n in enumerate(given) if n > 1]
    if len(several) > 1:
        raise VariableError(
            f"Can only slice a variable along one dimension: shape: {shape}, partitioning: {given}"
        )
    axis = several[0] if several else 0
    count = int(given[axis])
    shortest, longer = divmod(shape[axis], count)
    return axis, list(pairwise(accumulate([0, *[shortest + (k < longer) for k in range(count)]])))
