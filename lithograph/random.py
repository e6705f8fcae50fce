"""Random numbers: from the default generator, whose state is a variable, or from a key given; it draws no
bits itself.

The generator is counter-based (Philox4x32-10), so numbers are the same eager and compiled, on any number of
threads. A compiled function that draws from a generator advances it in program order, as it does any variable.

Under `vmap` the numbers of a key are those of that key, the same for all examples unless the key differs; those of a
generator differ from example to example.

Where a function takes `shape`, parameters of its distribution are numbers, or arrays that broadcast to it; `key`
gives always the same numbers, and without one they come from the default generator.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, ParamSpec, TypeVar, cast

from .ir import dtypes
from .ir.array import Array
from .ir.errors import ShapeError
from .ir.ops.arithmetic import divide, subtract
from .ir.ops.axes import integer, one_axis
from .ir.ops.conversion import astype
from .ir.ops.gathering import take
from .ir.ops.random import (
    random_exponential,
    random_normal,
    random_truncated_normal,
    random_uniform,
)
from .ir.ops.random_keys import random_drawn, random_fold_in, random_key, random_next, random_split
from .ir.ops.random_rejection import random_gamma, random_poisson
from .ir.ops.random_variates import random_bernoulli, random_integers
from .ir.ops.reductions import argmin
from .ir.ops.shapes import expand_dims
from .ir.ops.transcendental import exp
from .ir.stage import Operand, as_array, located
from .runtime.variable import Variable
from .selection import chosen, order
from .tracer.staging import eagerly

__all__ = [
    "Generator", "bernoulli", "beta", "categorical", "choice", "default", "exponential", "fold_in", "gamma", "key",
    "normal", "permutation", "poisson", "randint", "seed", "shuffle", "split", "truncated_normal", "uniform",
]  # fmt: skip

_P = ParamSpec("_P")
_R = TypeVar("_R")
Shape = int | Sequence[int]


def seed(n: int) -> None:
    """Start the default generator again from a seed; ArgumentError where it is no integer of 64 bits."""
    default().seed(n)


def key(n: int) -> Array:
    """The key (uint32[2]) that a seed stands for; ArgumentError where it is no integer of 64 bits."""
    return random_key(n)


def split(key: Operand, n: int = 2) -> Array:
    """`n` independent keys made from one, as uint32[n, 2]; ShapeError where it is no key."""
    return random_split(key, n)


def fold_in(key: Operand, data: Operand) -> Array:
    """A key made from a key and an integer, such as the number of a step; errors as for `split`."""
    return random_fold_in(key, data)


def uniform(
    shape: Shape = (),
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
        dtype: float32 (u has 24 bits), float64 (53 bits), float16 (11 bits) or bfloat16 (8 bits).
        key: gives always the same numbers; without one they come from the default generator.

    Raises:
        ShapeError, DTypeError: as `key` and `dtype` demand.
    """
    u = random_uniform(_key(key), shape, dtype=dtype)
    if _is(minval, 0) and _is(maxval, 1):
        return u
    if isinstance(minval, int | float) and isinstance(maxval, int | float):
        return u * (maxval - minval) + minval
    return _shaped("uniform", u, u * subtract(maxval, minval) + minval)


def normal(
    shape: Shape = (),
    mean: Operand = 0.0,
    stddev: Operand = 1.0,
    dtype: object = dtypes.float32,
    *,
    key: Operand | None = None,
) -> Array:
    """Numbers `z * stddev + mean`, where z is standard normal; see `uniform` for the rest."""
    return _placed("normal", random_normal(_key(key), shape, dtype=dtype), mean, stddev)


def truncated_normal(
    shape: Shape = (),
    mean: Operand = 0.0,
    stddev: Operand = 1.0,
    dtype: object = dtypes.float32,
    *,
    key: Operand | None = None,
) -> Array:
    """Numbers `z * stddev + mean`, where z is standard normal but never beyond -2 and 2; the rest as for
    `uniform`.
    """
    z = random_truncated_normal(_key(key), shape, dtype=dtype)
    return _placed("truncated_normal", z, mean, stddev)


def exponential(
    shape: Shape = (), scale: Operand = 1.0, dtype: object = dtypes.float32, *, key: Operand | None = None
) -> Array:
    """Numbers of the exponential distribution with mean `scale`; the rest as for `uniform`."""
    return _placed("exponential", random_exponential(_key(key), shape, dtype=dtype), 0, scale)


@located
def gamma(
    shape: Shape,
    alpha: Operand,
    beta: Operand = 1.0,
    dtype: object = dtypes.float32,
    *,
    key: Operand | None = None,
) -> Array:
    """Numbers of the gamma distribution with shape `alpha` and rate `beta`, whose mean is alpha / beta.

    Raises:
        DomainError: `alpha` is not above zero; else as for `uniform`.
    """
    found = random_gamma(_key(key), shape, alpha, dtype=dtype)
    return found if _is(beta, 1) else _shaped("gamma", found, found / beta)


@located
def beta(
    shape: Shape, alpha: Operand, beta: Operand, dtype: object = dtypes.float32, *, key: Operand | None = None
) -> Array:
    """Numbers of the beta distribution, whose mean is alpha / (alpha + beta).

    Raises:
        DomainError: `alpha` or `beta` is not above zero; else as for `uniform`.
    """
    one, other = random_next(_key(key))
    first, second = random_gamma(one, shape, alpha, dtype=dtype), random_gamma(other, shape, beta, dtype=dtype)
    return divide(first, first + second)


@located
def poisson(
    shape: Shape, rate: Operand, dtype: object = dtypes.int32, *, key: Operand | None = None
) -> Array:
    """Integers of the Poisson distribution with mean `rate`.

    Raises:
        DomainError: `rate` is negative, or above half of what `dtype` can hold; else as for `uniform`.
    """
    return random_poisson(_key(key), shape, rate, dtype=dtype)


@located
def bernoulli(shape: Shape = (), p: Operand = 0.5, *, key: Operand | None = None) -> Array:
    """Bools that are true with chance `p`, which counts to a multiple of 2**-24.

    Raises:
        DomainError: `p` is not within 0 and 1; else as for `uniform`.
    """
    return random_bernoulli(_key(key), shape, p)


@located
def categorical(logits: Operand, num_samples: int, *, key: Operand | None = None) -> Array:
    """Numbers of classes, as int64, drawn with chances that are in proportion to exp(logits).

    Args:
        logits: floats, the classes along the last axis.
        num_samples: how many to draw; they replace the last axis of `logits`.
        key: as for `uniform`.

    Raises:
        ShapeError: `logits` has no axis, or no class; else as for `uniform`.
    """
    given = as_array("categorical", logits)
    count = integer("categorical", "num_samples", num_samples)
    if not given.ndim or not given.shape[-1]:
        raise ShapeError(f"categorical: logits has classes along its last axis, but it is {given._aval}")
    # The class whose exponential clock, of rate exp(logit), rings first; shifting by the largest keeps it finite.
    given = given if given.dtype.is_float else astype(given, dtypes.float32)
    rates = exp(given.max(axis=-1, keepdims=True) - given)
    shape = (*given.shape[:-1], count, given.shape[-1])
    times = random_exponential(_key(key), shape, dtype=given.dtype)
    return argmin(times * expand_dims(rates, axis=-2), axis=-1)


@located
def randint(
    shape: Shape,
    minval: Operand,
    maxval: Operand,
    dtype: object = dtypes.int32,
    *,
    key: Operand | None = None,
) -> Array:
    """Integers from `minval` up to but without `maxval`; the chances of two differ by less than one in 2**64.

    Raises:
        DomainError: there is no integer between the bounds.
        IntegerOverflow: a bound that `dtype` cannot hold; else as for `uniform`.
    """
    return random_integers(_key(key), shape, minval, maxval, dtype=dtype)


@located
def permutation(x: Operand, *, axis: int = 0, key: Operand | None = None) -> Array:
    """The numbers below `x` in random order, as int32; or a tensor with its parts along `axis` in random order.

    Parts are sorted by 64 random bits each, so that all orders have the same chance, but for one in 2**65 / n**2.

    Raises:
        ShapeError: `x` is negative, a tensor without axes, or has no such axis.
    """
    if isinstance(x, int):
        return astype(order(_key(key), x), dtypes.int32)
    return shuffle(x, axis=axis, key=key)


@located
def shuffle(x: Operand, *, axis: int = 0, key: Operand | None = None) -> Array:
    """A tensor with the parts of `x` along `axis` in random order, the same for all of them; see `permutation`.

    Raises:
        ShapeError: `x` has no such axis.
    """
    given = as_array("random.shuffle", x)
    along = one_axis("random.shuffle", axis, given.ndim)
    return take(given, order(_key(key), given.shape[along]), axis=along)


@located
def choice(
    x: Operand,
    shape: Shape = (),
    *,
    replace: bool = True,
    p: object = None,
    axis: int = 0,
    key: Operand | None = None,
) -> Array:
    """Parts of `x` along `axis` drawn at random; for an integer `x`, numbers below it, as int32.

    Args:
        x: a tensor, or how many numbers to draw from.
        shape: how many to draw, and the extents that replace `axis`.
        replace: whether one may be drawn again.
        p: the chance of each, which are scaled to have the sum 1; all have the same when None. A compiled function
            takes them for what they are: none may be negative.
        axis: along which to draw.
        key: as for `uniform`.

    Raises:
        DomainError: there is nothing to draw, or less than is to be drawn without replacement; chances are negative,
            or none is above zero.
        ShapeError: `p` has another shape than one extent of `x`.
    """
    return chosen(_key(key), x, shape, replace, p, axis)


class _drawn(Generic[_P, _R]):
    """The method of a Generator that draws as a function does."""

    def __init__(self, function: Callable[_P, _R]) -> None:
        self.function = function

    def __get__(self, generator: Generator | None, owner: type[Generator]) -> Callable[_P, _R]:
        function = self.function
        if generator is None:
            return function

        @functools.wraps(function)
        def draw(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            if kwargs.get("key") is None:
                kwargs["key"] = generator.next_key()
            return function(*args, **kwargs)

        return draw


class Generator:
    """A source of random numbers with a state of its own; its methods are the functions of this module.

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
        """A key that no other draw gets; the state moves on. Under `vmap` each example gets its own."""
        with self._lock:
            state, drawn = random_drawn(self.state.value())
            self.state.assign(state)
        return drawn

    def split(self, n: int = 2) -> Array:
        """`n` keys that no other draw gets, as uint32[n, 2]; the state moves on."""
        return random_split(self.next_key(), n)

    bernoulli = _drawn(bernoulli)
    beta = _drawn(beta)
    categorical = _drawn(categorical)
    choice = _drawn(choice)
    exponential = _drawn(exponential)
    gamma = _drawn(gamma)
    normal = _drawn(normal)
    permutation = _drawn(permutation)
    poisson = _drawn(poisson)
    randint = _drawn(randint)
    shuffle = _drawn(shuffle)
    truncated_normal = _drawn(truncated_normal)
    uniform = _drawn(uniform)


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


def _key(key: Operand | None) -> Operand:
    return default().next_key() if key is None else key


def _is(operand: Operand, number: int) -> bool:
    return isinstance(operand, int | float) and operand == number


def _placed(name: str, z: Array, mean: Operand, stddev: Operand) -> Array:
    scaled = z if _is(stddev, 1) else z * stddev
    return _shaped(name, z, scaled if _is(mean, 0) else scaled + mean)


def _shaped(name: str, drawn: Array, made: Array) -> Array:
    """What was made of numbers drawn, which has their shape."""
    if made.shape != drawn.shape:
        raise ShapeError(
            f"random.{name}: the parameters broadcast to {made._aval}, but the shape is {cast(object, drawn.shape)}"
        )
    return made
