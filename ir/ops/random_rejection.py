"""Rows of random numbers that are made by rejection: gamma and Poisson.

Candidates come from fixed counters, so here too element i depends on the key, on i, and on the parameters there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from typing import cast as typed

import numpy as np

from .. import dtypes, maths, scalar
from ..array import Array
from ..attrs import Attrs, Fill, intern
from ..checks import fail
from ..dtypes import DType
from ..errors import DomainError, DTypeError, LithographError
from ..op import Accuracy, Element, Flags, Host, Op, Reader, Sample
from ..promotion import keep
from ..scalar import RARE, Scalar
from ..stage import Operand, located
from ..types import Extent, TensorType
from . import philox as generator
from .random import (
    batch,
    check_keys,
    exponential_of,
    is_float,
    key_words,
    normal_of,
    number_of,
    numbered,
    one_key,
    words_at,
)
from .random_variates import element, fill_of, fits, real
from .rows import quiet, values, wide

__all__ = ["random_gamma", "random_poisson"]


def _not_above_zero(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    return DomainError("random_gamma: alpha must be above zero, everywhere")


def _no_rate(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    return DomainError(
        "random_poisson: the rate must be at least zero, and below half of the greatest result, everywhere"
    )


_TRIES: Final = 8
_EARLY: Final = 2


def _gamma_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    fill = typed(Fill, attrs)
    check_keys("random_gamma", types[0], fill.shape)
    if not is_float(fill.dtype) or types[1].dtype is not fill.dtype:
        raise DTypeError(
            f"random_gamma: alpha and the result are of one dtype, float32 or float64, but they are "
            f"{types[1].dtype.name} and {fill.dtype.name}"
        )
    fits("random_gamma", types[1:], fill.shape)
    return TensorType(fill.dtype, fill.shape)


def _try(number: int, at: Scalar, key: tuple[Scalar, Scalar], d: Scalar) -> tuple[Scalar, Scalar]:
    """A candidate, and whether it is taken (Marsaglia and Tsang, "A simple method for generating gamma
    variables", 2000).
    """
    dtype = d.dtype
    words = words_at(at, key, 2 * number)
    others = (words[2], *words[:2], words[3]) if dtype is dtypes.float32 else words_at(at, key, 2 * number + 1)
    x = generator.normal(dtype, words)
    step = x / (scalar.unary("sqrt", d) * 3.0)
    root = step + 1.0
    cube = root * root * root
    # cube - 1 without the difference of near numbers
    excess = step * (step * (step + 3.0) + 3.0)
    bound = (maths.log1p(excess) - excess) * d + x * x * 0.5
    taken = (root > 0) & (bound + generator.exponential(dtype, others) > 0)
    return d * cube, taken


def _first_taken(first: int, last: int, at: Scalar, key: tuple[Scalar, Scalar], d: Scalar) -> Scalar:
    """The first candidate that is taken; the last one is taken anyway."""
    found, taken = _try(first, at, key, d)
    if first == last:
        return found
    return scalar.select(taken, found, _first_taken(first + 1, last, at, key, d))


def _late(at: Scalar, low: Scalar, high: Scalar, d: Scalar) -> Scalar:
    return _first_taken(_EARLY, _TRIES - 1, at, (low, high), d)


def _early(at: Scalar, low: Scalar, high: Scalar, d: Scalar) -> Scalar:
    found, taken = _try(1, at, (low, high), d)
    return scalar.rarely(~taken, found, "random_gamma_late", at, low, high, d)


RARE["random_gamma_early"] = _early
RARE["random_gamma_late"] = _late


def _gamma_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    alpha = element(operands[1], index)
    at, key = number_of(index, result.shape, operands[0]), key_words(operands[0], index)
    small = alpha < 1
    d = scalar.select(small, alpha + 1.0, alpha) - 1 / 3
    found, taken = _try(0, at, key, d)
    found = scalar.rarely(~taken, found, "random_gamma_early", at, *key, d)
    power = generator.exponential(alpha.dtype, words_at(at, key, 2 * _TRIES)) / alpha
    found = scalar.select(small, found * maths.exp(-power), found)
    return scalar.check(found, alpha > 0, 0, scalar.const(dtypes.int64, 0))


def _gamma_of(key: np.ndarray, alpha: np.ndarray, attrs: Fill) -> np.ndarray:
    shape = typed(tuple[int, ...], attrs.shape)
    alpha = np.broadcast_to(alpha, shape)
    fail(_not_above_zero, ~(alpha > 0), np.array(0), (key, alpha), attrs)
    single, small = attrs.dtype is dtypes.float32, alpha < 1
    d = wide(np.where(small, alpha + alpha.dtype.type(1), alpha)) - wide(np.array(1, alpha.dtype)) / 3
    found, taken = np.zeros_like(d), np.zeros(shape, np.bool_)
    for number in range(_TRIES):
        words = numbered(key, shape, 2 * number)
        others = (words[2],) * 4 if single else numbered(key, shape, 2 * number + 1)
        x = wide(normal_of(attrs.dtype, words))
        root = 1 + x / np.sqrt(9 * d)
        cube = np.where(root > 0, root, 1) ** 3
        bound = x**2 / 2 + d - d * cube + d * np.log(cube)
        accept = (root > 0) & (-wide(exponential_of(attrs.dtype, others)) < bound)
        found = np.where(taken, found, d * cube)
        taken |= accept
    boost = np.exp(-wide(exponential_of(attrs.dtype, numbered(key, shape, 2 * _TRIES))) / wide(alpha))
    return np.where(small, found * boost, found).astype(attrs.dtype.numpy)


def _gamma_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if not is_float(dtype):
        return []
    key = rng.integers(0, 2**32, 2, np.uint32)
    parameters: list[tuple[np.ndarray, tuple[int, ...]]] = [
        (np.array(1.0, dtype.numpy), (300,)),
        (values(rng, dtype, (3, 1), 0.1, 30.0), (2, 3, 4)),
        (np.array(0.3, dtype.numpy), ()),
        (np.array(5.0, dtype.numpy), (0, 2)),
    ]
    return [((key, alpha), intern(Fill(dtype, shape))) for alpha, shape in parameters]


_gamma = Op(
    "random_gamma",
    infer=_gamma_type,
    promote=keep,
    reference=quiet(_gamma_of),
    lowering=Element(_gamma_at),
    attrs=Fill,
    flags=Flags.CHECKED,
    failure=_not_above_zero,
    samples=_gamma_samples,
    batch=batch,
    # A candidate is a cube whose root may be a small difference, 1 + step.
    accuracy=Accuracy(100.0, 100.0),
)


def _poisson_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    fill = typed(Fill, attrs)
    check_keys("random_poisson", types[0], fill.shape)
    if not fill.dtype.is_integer or types[1].dtype is not dtypes.float64:
        raise DTypeError(
            "random_poisson: rates are float64 and the result is an integer, but "
            f"{types[1].dtype.name} was given and {fill.dtype.name} asked for"
        )
    fits("random_poisson", types[1:], fill.shape)
    return TensorType(fill.dtype, fill.shape)


def _log_factorial(n: np.ndarray) -> np.ndarray:
    """log(n!) for integral n >= 0, by Stirling's series at n + 8, whose error is below 1e-14 there."""
    x = n + 8.0
    series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * x * x)) / (x * x)) / (x * x)) / x
    whole = (x + 0.5) * np.log(x) - x + 0.5 * np.log(2 * np.pi) + series
    return np.asarray(whole - np.log(np.multiply.reduce([n + i for i in range(1, 9)])))


def _poisson_of(key: np.ndarray, rate: np.ndarray, attrs: Fill) -> np.ndarray:
    """Counts of exponential steps up to the rate where it is small, else Hoermann's transformed rejection ("The
    transformed rejection method for generating Poisson random variables", 1993, algorithm PTRS).
    """
    shape = typed(tuple[int, ...], attrs.shape)
    rate = np.broadcast_to(rate, shape)
    most = min(float(np.iinfo(attrs.dtype.name).max), 2.0**53)
    fail(_no_rate, ~((rate >= 0) & (rate < most / 2)), np.array(0), (key, rate), attrs)
    few = rate < 10
    found, done, stream = np.zeros(shape), np.zeros(shape, np.bool_), 0
    time = np.zeros(shape)
    spread = np.sqrt(np.where(few, 10, rate))
    b = 0.931 + 2.53 * spread
    a = -0.059 + 0.02483 * b
    while not done.all():
        words = numbered(key, shape, stream)
        time = time + exponential_of(dtypes.float64, words)
        over = time > rate
        u, v = ((w + 0.5) * 2.0**-32 for w in words[2:])
        u = u - 0.5
        edge = 0.5 - np.abs(u)
        k = np.floor((2 * a / edge + b) * u + rate + 0.43)
        inside = k >= 0
        chance = np.log(v * (1.1239 + 1.1328 / (b - 3.4)) / (a / (edge * edge) + b))
        exact = chance <= k * np.log(np.where(few, 10, rate)) - rate - _log_factorial(np.where(inside, k, 0))
        quick = (edge >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2))
        taken = quick | (inside & ~((edge < 0.013) & (v > edge)) & exact)
        found = np.where(done, found, np.where(few, stream, k))
        done |= np.where(few, over, taken)
        stream += 1
    return found.astype(attrs.dtype.numpy)


def _poisson_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if not dtype.is_integer:
        return []
    key = rng.integers(0, 2**32, 2, np.uint32)
    rates = [(np.array(2.5), (3, 2)), (np.array([0.0, 30.0]), (2, 2)), (np.array(4.0), (0,))]
    return [((key, rate), intern(Fill(dtype, shape))) for rate, shape in rates]


_poisson = Op(
    "random_poisson",
    infer=_poisson_type,
    promote=keep,
    reference=quiet(_poisson_of),
    lowering=Host(),
    attrs=Fill,
    flags=Flags.CHECKED,
    failure=_no_rate,
    samples=_poisson_samples,
    batch=batch,
)


@located
def random_gamma(
    key: Operand, shape: Extent | Sequence[Extent], alpha: Operand, /, *, dtype: object = dtypes.float32
) -> Array:
    """Numbers of the gamma distribution with shape parameter `alpha` and scale 1, by Marsaglia and Tsang's method.

    After 8 candidates the last one is taken; that happens once in 10**10 numbers.

    Raises:
        DomainError: `alpha` is not above zero.
        ShapeError: `key` is no key, an extent is negative, or `alpha` does not broadcast to the shape.
        DTypeError: `dtype` is neither float32 nor float64.
    """
    wanted = dtypes.as_dtype(dtype)
    given = one_key("random_gamma", key), real("random_gamma", alpha, wanted)
    return _gamma.call(*given, fill_of("random_gamma", wanted, shape))


@located
def random_poisson(
    key: Operand, shape: Extent | Sequence[Extent], rate: Operand, /, *, dtype: object = dtypes.int32
) -> Array:
    """Numbers of the Poisson distribution with mean `rate`.

    Raises:
        DomainError: `rate` is negative, or above half of what `dtype` can hold (or 2**52).
        ShapeError: `key` is no key, an extent is negative, or `rate` does not broadcast to the shape.
        DTypeError: `dtype` is no integer.
    """
    fill = fill_of("random_poisson", dtypes.as_dtype(dtype), shape)
    return _poisson.call(one_key("random_poisson", key), real("random_poisson", rate, dtypes.float64), fill)
