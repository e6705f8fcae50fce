"""First values of variables: functions of a shape and a dtype, made by a factory for each kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from . import random
from .arguments import checked
from .ir import dtypes, ops
from .ir.array import Array
from .ir.errors import ArgumentError, DTypeError, ShapeError
from .ir.types import show_shape
from .runtime.creation import tensor

__all__ = [
    "Initializer", "constant", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal",
    "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "truncated_normal", "variance_scaling",
    "zeros",
]  # fmt: skip


class Initializer(Protocol):
    """Gives the first value of a variable."""

    def __call__(self, shape: Sequence[int], dtype: object = dtypes.float32) -> Array:
        """A tensor of that shape and dtype."""


def zeros() -> Initializer:
    """Zeros; False for bool."""
    return lambda shape, dtype=dtypes.float32: ops.zeros(tuple(shape), dtype=dtype)


def ones() -> Initializer:
    """Ones; True for bool."""
    return lambda shape, dtype=dtypes.float32: ops.ones(tuple(shape), dtype=dtype)


def constant(value: bool | int | float | Sequence[object] | np.ndarray | Array = 0.0) -> Initializer:
    """A number everywhere, or given values in row-major order.

    Raises, when the result is called:
        DTypeError: a Python float where integers are asked for.
        ShapeError: the values do not fill the shape.
    """

    def make(shape: Sequence[int], dtype: object = dtypes.float32) -> Array:
        wanted = dtypes.as_dtype(dtype)
        if isinstance(value, float) and not (wanted.is_float or wanted.kind == "complex"):
            raise DTypeError(f"Expected {wanted.name}, but got {value!r} of type 'float'.")
        if isinstance(value, bool | int | float):
            return ops.full(tuple(shape), value, dtype=wanted)
        return tensor(value, tuple(shape), wanted)

    return make


@checked
def identity(gain: float = 1.0) -> Initializer:
    """`gain` times the identity matrix, of any two extents; ShapeError for another rank when called."""

    def make(shape: Sequence[int], dtype: object = dtypes.float32) -> Array:
        if len(shape) != 2:
            raise ShapeError(f"identity: a shape of two extents is wanted, but {show_shape(tuple(shape))} was given")
        return ops.eye(shape[0], shape[1], dtype=dtype) * gain

    return make


@checked
def random_uniform(minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> Initializer:
    """Uniformly distributed numbers in [minval, maxval)."""
    return _drawn(seed, lambda shape, dtype, key: random.uniform(shape, minval, maxval, dtype, key=key))


@checked
def random_normal(mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> Initializer:
    """Normally distributed numbers."""
    return _drawn(seed, lambda shape, dtype, key: random.normal(shape, mean, stddev, dtype, key=key))


@checked
def truncated_normal(mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> Initializer:
    """Normally distributed numbers, those beyond two standard deviations drawn anew."""
    return _drawn(seed, lambda shape, dtype, key: random.truncated_normal(shape, mean, stddev, dtype, key=key))


_Draw = Callable[[tuple[int, ...], object, "Array | None"], Array]


def _drawn(seed: int | None, draw: _Draw) -> Initializer:
    def make(shape: Sequence[int], dtype: object = dtypes.float32) -> Array:
        return draw(tuple(shape), dtype, None if seed is None else random.key(seed))

    return make


def fans(shape: Sequence[int]) -> tuple[float, float]:
    """How many inputs and outputs a unit has whose weights are of this shape: the last two axes, times the others."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    receptive = math.prod(shape[:-2])
    return float(shape[-2] * receptive), float(shape[-1] * receptive)


# Standard deviation of a normal distribution cut at two standard deviations; Keras's constant, from
# scipy.stats.truncnorm.std(a=-2, b=2).
_CUT = 0.87962566103423978


@checked
def variance_scaling(
    scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: int | None = None
) -> Initializer:
    """Numbers of variance `scale / n`, where n is the number of inputs, of outputs, or their mean.

    Args:
        scale: positive.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "uniform", "normal" (alias "untruncated_normal") or "truncated_normal".
        seed: gives always the same numbers; None draws from the default generator.

    Raises:
        ArgumentError: an argument is none of these.
    """
    if not scale > 0:
        raise ArgumentError(f"variance_scaling: scale must be positive, but it is {scale!r}")
    if mode not in ("fan_in", "fan_out", "fan_avg"):
        raise ArgumentError(f"variance_scaling: mode is fan_in, fan_out or fan_avg, but {mode!r} was given")
    if distribution not in ("uniform", "normal", "untruncated_normal", "truncated_normal"):
        raise ArgumentError(
            "variance_scaling: distribution is uniform, normal, untruncated_normal or truncated_normal, "
            f"but {distribution!r} was given"
        )

    def draw(shape: tuple[int, ...], dtype: object, key: Array | None) -> Array:
        into, out = fans(shape)
        count = {"fan_in": into, "fan_out": out, "fan_avg": (into + out) / 2}[mode]
        variance = scale / max(count, 1.0)
        if distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return random.uniform(shape, -limit, limit, dtype, key=key)
        if distribution == "truncated_normal":
            return random.truncated_normal(shape, 0.0, math.sqrt(variance) / _CUT, dtype, key=key)
        return random.normal(shape, 0.0, math.sqrt(variance), dtype, key=key)

    return _drawn(seed, draw)


@checked
def glorot_uniform(seed: int | None = None) -> Initializer:
    """Uniform within sqrt(6 / (inputs + outputs)); Glorot and Bengio, 2010."""
    return variance_scaling(1.0, "fan_avg", "uniform", seed)


@checked
def glorot_normal(seed: int | None = None) -> Initializer:
    """Normal with variance 2 / (inputs + outputs), cut at two standard deviations; Glorot and Bengio, 2010."""
    return variance_scaling(1.0, "fan_avg", "truncated_normal", seed)


@checked
def he_uniform(seed: int | None = None) -> Initializer:
    """Uniform within sqrt(6 / inputs); He et al., 2015."""
    return variance_scaling(2.0, "fan_in", "uniform", seed)


@checked
def he_normal(seed: int | None = None) -> Initializer:
    """Normal with variance 2 / inputs, cut at two standard deviations; He et al., 2015."""
    return variance_scaling(2.0, "fan_in", "truncated_normal", seed)


@checked
def lecun_uniform(seed: int | None = None) -> Initializer:
    """Uniform within sqrt(3 / inputs); LeCun et al., 1998."""
    return variance_scaling(1.0, "fan_in", "uniform", seed)


@checked
def lecun_normal(seed: int | None = None) -> Initializer:
    """Normal with variance 1 / inputs, cut at two standard deviations; LeCun et al., 1998."""
    return variance_scaling(1.0, "fan_in", "truncated_normal", seed)


@checked
def orthogonal(gain: float = 1.0, seed: int | None = None) -> Initializer:
    """`gain` times rows or columns that are orthonormal, of all axes but the last and the last; Saxe et al., 2013."""

    def draw(shape: tuple[int, ...], dtype: object, key: Array | None) -> Array:
        if len(shape) < 2:
            raise ShapeError(f"orthogonal: at least two extents are wanted, but {show_shape(shape)} was given")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        flat = random.normal((max(rows, columns), min(rows, columns)), dtype=dtype, key=key)
        q, r = np.linalg.qr(flat.numpy())
        # Signs of the diagonal make the distribution uniform over orthogonal matrices; Mezzadri, 2007.
        q = q * np.where(np.diagonal(r) < 0, -1, 1)
        return tensor(q.T if rows < columns else q, shape, dtype) * gain

    return _drawn(seed, draw)
