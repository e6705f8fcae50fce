"""Rows that make random numbers from a key: element i of a result depends on the key and on i alone.

A key is uint32[2]. The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2,
3", 2011) under that key. For numbers the counter is the row-major index of the element, below 2**63; for keys
made from a key it is the number of the child with the upper half all ones, so that no child shares a block
with a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import Attrs, Fill, ShapeOf, intern
from ..dtypes import DType
from ..errors import ArgumentError, DTypeError, ShapeError
from ..op import Accuracy, Element, Op, Reader, Sample
from ..promotion import keep
from ..scalar import Scalar
from ..stage import Operand, current, located
from ..types import Extent, TensorType, show_shape
from . import philox as generator
from .axes import integer, legal_shape
from .rows import quiet

__all__ = ["random_bits", "random_key", "random_next", "random_normal", "random_split", "random_uniform"]

Words = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

KEY: Final = TensorType(dtypes.uint32, (2,))
CHILD: Final = 0xFFFFFFFF


def philox_words(counter: np.ndarray, upper: np.ndarray, key: np.ndarray) -> Words:
    """Four uint32 words per counter, whose words are (counter, upper, 0, 0); the paper's definition, spelled
    in NumPy.
    """
    mask = np.uint64(0xFFFFFFFF)
    c = [counter.astype(np.uint64), upper.astype(np.uint64), np.zeros_like(counter, np.uint64)]
    c.append(c[2])
    k0, k1 = int(key[0]), int(key[1])
    for _ in range(10):
        first, second = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [
            (second >> np.uint64(32)) ^ c[1] ^ np.uint64(k0),
            second & mask,
            (first >> np.uint64(32)) ^ c[3] ^ np.uint64(k1),
            first & mask,
        ]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    w = [x.astype(np.uint32) for x in c]
    return w[0], w[1], w[2], w[3]


def _numbered(key: np.ndarray, shape: tuple[int, ...]) -> Words:
    i = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    return philox_words(i & 0xFFFFFFFF, i >> 32, key)


def _flat_index(index: tuple[Scalar, ...], shape: Sequence[Extent]) -> Scalar:
    """The row-major number of an element."""
    total = scalar.const(dtypes.int64, 0)
    for i, extent in zip(index, shape, strict=True):
        total = total * scalar.extent(extent) + i
    return total


def _words(index: Scalar, upper: Scalar | None, key: Reader) -> generator.Words:
    """The generator's block for a 64-bit counter, or for a 32-bit one and its upper half."""
    u32, zero, one = dtypes.uint32, scalar.const(dtypes.int64, 0), scalar.const(dtypes.int64, 1)
    high = scalar.cast(scalar.binary("lshr", index, 32), u32) if upper is None else upper
    return generator.philox4x32(scalar.cast(index, u32), high, key.at(zero), key.at(one))


def _fill_type(name: str, accepts: Callable[[DType], bool], words: str) -> Callable[..., TensorType]:
    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        fill = typed(Fill, attrs)
        _check_key(name, types[0])
        if not accepts(fill.dtype):
            raise DTypeError(f"{name}: the dtype must be {words}, but {fill.dtype.name} was asked for")
        return TensorType(fill.dtype, fill.shape)

    return infer


def _check_key(name: str, given: TensorType) -> None:
    if given.dtype is not KEY.dtype or given.shape != KEY.shape:
        raise ShapeError(f"{name}: a key is {KEY}, as random.key makes it, but {given} was given")


def _row(
    name: str,
    body: Callable[[DType, generator.Words], Scalar],
    reference: Callable[[DType, Words], np.ndarray],
    accepts: Callable[[DType], bool],
    words: str,
    accuracy: Accuracy | None = None,
) -> Op:
    def at(
        attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
    ) -> Scalar:
        return body(result.dtype, _words(_flat_index(index, result.shape), None, operands[0]))

    def evaluate(key: np.ndarray, attrs: Fill) -> np.ndarray:
        shape = typed(tuple[int, ...], attrs.shape)
        return reference(attrs.dtype, _numbered(key, shape))

    def samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
        if not accepts(dtype):
            return []
        shapes: tuple[tuple[int, ...], ...] = ((3, 4), (), (0, 2), (1000,), (2, 3, 5))
        return [((rng.integers(0, 2**32, 2, np.uint32),), intern(Fill(dtype, shape))) for shape in shapes]

    return Op(
        name,
        infer=_fill_type(name, accepts, words),
        promote=keep,
        reference=quiet(evaluate),
        lowering=Element(at),
        attrs=Fill,
        samples=samples,
        accuracy=accuracy,
    )


def _unit(dtype: DType, high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1): 24 bits of one word for float32, 53 bits of two words for float64."""
    if dtype is dtypes.float32:
        return ((high >> np.uint32(8)).astype(np.float64) * 2.0**-24).astype(np.float32)
    whole = (high.astype(np.uint64) << np.uint64(21)) | (low >> np.uint32(11)).astype(np.uint64)
    return np.asarray(whole * 2.0**-53)


def _normal_of(dtype: DType, words: Words) -> np.ndarray:
    """Box and Muller: the first number, moved from [0, 1) to (0, 1], gives the radius, the second one the
    angle.
    """
    wide = np.float64 if dtype is dtypes.float32 else np.longdouble
    pairs = (
        ((words[0], words[0]), (words[1], words[1])) if dtype is dtypes.float32 else (words[:2], words[2:])
    )
    first, second = [_unit(dtype, *pair).astype(wide) for pair in pairs]
    radius = np.sqrt(-2 * np.log(1 - first))
    # np.pi is rounded to float64, which the angle of a long double would show.
    turn = np.asarray("6.28318530717958647692528676655900576", wide)
    return np.asarray(np.multiply(radius, np.cos(np.multiply(turn, second))), dtype.numpy)


def _is_float(dtype: DType) -> bool:
    return dtype in (dtypes.float32, dtypes.float64)


_bits = _row(
    "random_bits",
    lambda dtype, w: w[0],
    lambda dtype, w: w[0],
    lambda dtype: dtype is dtypes.uint32,
    "uint32",
)
_uniform = _row(
    "random_uniform",
    generator.uniform,
    lambda dtype, w: _unit(dtype, w[0], w[1]),
    _is_float,
    "float32 or float64",
)
_normal = _row(
    "random_normal", generator.normal, _normal_of, _is_float, "float32 or float64", Accuracy(5.0, 5.0)
)


def _split_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    _check_key("random_split", types[0])
    shape = typed(ShapeOf, attrs).shape
    if len(shape) != 2 or shape[1] != 2:
        raise ShapeError(f"random_split: the shape must be (n, 2), but {show_shape(shape)} was asked for")
    return TensorType(dtypes.uint32, shape)


def _split_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    words = _words(index[0], scalar.const(dtypes.uint32, CHILD), operands[0])
    return scalar.select(scalar.eq(index[1], 0), words[0], words[1])


def _split_of(key: np.ndarray, attrs: ShapeOf) -> np.ndarray:
    i = np.arange(typed(tuple[int, ...], attrs.shape)[0])
    return np.stack(philox_words(i, np.full_like(i, CHILD), key)[:2], axis=1)


def _split_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype is not dtypes.uint32:
        return []
    return [((rng.integers(0, 2**32, 2, np.uint32),), intern(ShapeOf((n, 2)))) for n in (2, 1, 0, 7)]


_split = Op(
    "random_split",
    infer=_split_type,
    promote=keep,
    reference=quiet(_split_of),
    lowering=Element(_split_at),
    attrs=ShapeOf,
    samples=_split_samples,
)


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
    return _split.call(key, intern(ShapeOf((count, 2))))


def random_next(key: Operand, /) -> tuple[Array, Array]:
    """Two keys made from one: the state to go on with, and the key to use now."""
    keys = random_split(key, 2)
    return keys[0], keys[1]


def _filled(row: Op, key: Operand, shape: Extent | Sequence[Extent], dtype: object) -> Array:
    wanted = dtypes.as_dtype(dtype)
    return row.call(key, intern(Fill(wanted, legal_shape(row.name, shape))))


@located
def random_bits(key: Operand, shape: Extent | Sequence[Extent], /) -> Array:
    """Uniformly distributed uint32.

    Raises:
        ShapeError: `key` is no key, or an extent is negative.
    """
    return _filled(_bits, key, shape, dtypes.uint32)


@located
def random_uniform(
    key: Operand, shape: Extent | Sequence[Extent], /, *, dtype: object = dtypes.float32
) -> Array:
    """Numbers uniformly distributed in [0, 1): multiples of 2**-24 in float32, of 2**-53 in float64.

    Raises:
        ShapeError: `key` is no key, or an extent is negative.
        DTypeError: `dtype` is neither float32 nor float64.
    """
    return _filled(_uniform, key, shape, dtype)


@located
def random_normal(
    key: Operand, shape: Extent | Sequence[Extent], /, *, dtype: object = dtypes.float32
) -> Array:
    """Numbers of the normal distribution with mean 0 and standard deviation 1, by Box and Muller's method.

    Raises:
        ShapeError: `key` is no key, or an extent is negative.
        DTypeError: `dtype` is neither float32 nor float64.
    """
    return _filled(_normal, key, shape, dtype)
