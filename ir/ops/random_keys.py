"""Rows that make keys of random numbers: from seeds, from other keys, from keys and data; it draws no numbers.

A key is uint32[2]. Children of a key are blocks of the generator under it whose counters no number has (see
`random.py`): the number of the child, or half of the data, with an upper half that is all ones or nearly so.
"""

from __future__ import annotations

from typing import Final
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import NO_ATTRS, Attrs, ShapeOf, intern
from ..batch_rules import Mapped, along, spread
from ..dtypes import DType
from ..errors import ArgumentError, DTypeError, ShapeError
from ..op import Element, Flags, Op, Reader, Sample
from ..promotion import keep
from ..scalar import Scalar
from ..stage import Operand, current, located, operand_type
from ..types import Extent, TensorType, show_shape
from . import philox as generator
from .axes import integer, legal_shape
from .conversion import astype
from .creation import iota, scalar_constant
from .random import batch, check_keys, key_words, one_key, philox_words
from .rows import quiet

__all__ = ["random_drawn", "random_fold_in", "random_key", "random_next", "random_split"]

CHILD: Final = 0xFFFFFFFF
FOLDED: Final = 0xFFFFFFFE


def _split_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    shape = typed(ShapeOf, attrs).shape
    check_keys("random_split", types[0], shape)
    if len(shape) != types[0].ndim + 1 or shape[-1] != 2:
        raise ShapeError(f"random_split: the shape must be (n, 2), but {show_shape(shape)} was asked for")
    return TensorType(dtypes.uint32, shape)


def _split_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    child = scalar.cast(index[-2], dtypes.uint32)
    words = generator.philox4x32(child, scalar.const(dtypes.uint32, CHILD), *key_words(operands[0], index))
    return scalar.select(scalar.eq(index[-1], 0), words[0], words[1])


def _split_of(key: np.ndarray, attrs: ShapeOf) -> np.ndarray:
    i = np.arange(typed(tuple[int, ...], attrs.shape)[-2])
    return np.stack(philox_words(i, np.full_like(i, CHILD), key[..., None, :])[:2], axis=-1)


def _split_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype is not dtypes.uint32:
        return []
    made: list[Sample] = [((rng.integers(0, 2**32, 2, np.uint32),), intern(ShapeOf((n, 2)))) for n in (2, 1, 0, 7)]
    return [*made, ((rng.integers(0, 2**32, (3, 2), np.uint32),), intern(ShapeOf((3, 4, 2))))]


_split = Op(
    "random_split",
    infer=_split_type,
    promote=keep,
    reference=quiet(_split_of),
    lowering=Element(_split_at),
    attrs=ShapeOf,
    samples=_split_samples,
    batch=batch,
)


def _fold_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    check_keys("random_fold_in", types[0], types[0].shape)
    if types[1].dtype is not dtypes.int64 or types[1].shape != types[0].shape[:-1]:
        raise ShapeError(f"random_fold_in: the data must be one integer for each key, but {types[1]} was given")
    return types[0]


def _fold_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    data, upper = operands[1].at(*index[:-1]), scalar.const(dtypes.uint32, FOLDED)
    halves = [scalar.cast(x, dtypes.uint32) for x in (data, scalar.binary("lshr", data, 32))]
    first = generator.philox4x32(halves[0], upper, *key_words(operands[0], index))
    words = generator.philox4x32(halves[1], upper, first[0], first[1])
    return scalar.select(scalar.eq(index[-1], 0), words[0], words[1])


def _fold_of(key: np.ndarray, data: np.ndarray) -> np.ndarray:
    for half in (data & 0xFFFFFFFF, data >> 32 & 0xFFFFFFFF):
        key = np.stack(philox_words(half, np.full_like(half, FOLDED), key)[:2], axis=-1)
    return key


def _fold_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype is not dtypes.int64:
        return []
    numbers = [np.array(n, np.int64) for n in (0, 1, -1, 2**40, [3, -4])]
    return [((rng.integers(0, 2**32, (*n.shape, 2), np.uint32), n), NO_ATTRS) for n in numbers]


_fold_in = Op(
    "random_fold_in",
    infer=_fold_type,
    promote=keep,
    reference=quiet(_fold_of),
    lowering=Element(_fold_at),
    samples=_fold_samples,
    batch=along,
)


def _drawn_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    check_keys("random_drawn", types[0], types[0].shape)
    return types[0]


def _drawn_at(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Scalar:
    upper, child = scalar.const(dtypes.uint32, CHILD), scalar.const(dtypes.uint32, 1)
    words = generator.philox4x32(child, upper, *key_words(operands[0], index))
    return scalar.select(scalar.eq(index[-1], 0), words[0], words[1])


def _drawn_of(key: np.ndarray) -> np.ndarray:
    return np.stack(philox_words(np.array(1), np.array(CHILD), key)[:2], axis=-1)


def _drawn_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype is not dtypes.uint32:
        return []
    return [((rng.integers(0, 2**32, shape, np.uint32),), NO_ATTRS) for shape in ((2,), (3, 2))]


def _drawn_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    key = op.call(*operands)
    return key if mapped[0] else _fold_in.call(spread(key, False, extent), iota(extent, dtypes.int64))


_drawn = Op(
    "random_drawn",
    infer=_drawn_type,
    promote=keep,
    reference=quiet(_drawn_of),
    lowering=Element(_drawn_at),
    flags=Flags.DISTINCT,
    samples=_drawn_samples,
    batch=_drawn_batch,
)
"""The second key of `random_split`; of many examples that share a state, each gets one of its own."""


@located
def random_key(seed: int) -> Array:
    """The key (uint32[2]) that a seed stands for: its lower and upper 32 bits, of 64 in two's complement.

    Raises:
        ArgumentError: `seed` is no integer, or needs more than 64 bits.
    """
    value = integer("random.key", "the seed", seed)
    if not -(1 << 63) <= value < 1 << 64:
        raise ArgumentError(f"random.key: the seed must fit 64 bits, but it is {value}")
    return current().constant(np.array([value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF], np.uint32))


@located
def random_split(key: Operand, n: int = 2, /) -> Array:
    """`n` independent keys made from one, as uint32[n, 2].

    Raises:
        ShapeError: `key` is no key, or `n` is negative.
    """
    (count,) = legal_shape("random.split", (n,))
    return _split.call(one_key("random_split", key), intern(ShapeOf((count, 2))))


@located
def random_fold_in(key: Operand, data: Operand, /) -> Array:
    """A key made from a key and an integer: equal for equal ones, independent for others.

    Raises:
        ShapeError: `key` is no key, or `data` has axes.
        DTypeError: `data` is no integer.
    """
    given = operand_type("random.fold_in", data)
    if not given.dtype.is_integer:
        raise DTypeError(f"random.fold_in: the data must be an integer, but {given} was given")
    wide = scalar_constant(data, dtypes.int64) if type(data) is int else astype(data, dtypes.int64)
    if given.ndim:
        raise ShapeError(f"random_fold_in: the data must be one integer, but {given} was given")
    return _fold_in.call(one_key("random_fold_in", key), wide)


def random_drawn(state: Operand, /) -> tuple[Array, Array]:
    """As `random_next` of a state that examples share, each of which gets another key to use."""
    return random_split(state, 2)[0], _drawn.call(one_key("random_drawn", state))


def random_next(key: Operand, /) -> tuple[Array, Array]:
    """Two keys made from one: the state to go on with, and the key to use now."""
    keys = random_split(key, 2)
    return keys[0], keys[1]
