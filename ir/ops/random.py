"""Rows that make random numbers from a key: element i of a result depends on the key and on i alone.

A key is uint32[2]. Where an operand holds several, their axes are the first ones of the result, and each key makes what
lies there as if alone. The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
2011) under that key. The counter is the row-major index of the element, below 2**63. Keys made from a key have counters
with other upper halves (`random_keys.py`), so none shares a block with a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import Attrs, Fill, Integers, ShapeOf, intern
from ..batch_rules import Mapped, ranked, spread
from ..dtypes import DType
from ..errors import DTypeError, ShapeError
from ..op import Accuracy, Element, Op, Reader, Sample
from ..promotion import keep
from ..records import replace
from ..scalar import Scalar
from ..stage import Operand, located, operand_type
from ..types import Extent, Shape, TensorType
from . import philox as generator
from .arithmetic import floor
from .axes import legal_shape
from .conversion import astype
from .rows import quiet, wide

__all__ = [
    "random_bits", "random_exponential", "random_normal", "random_truncated_normal", "random_uniform",
]  # fmt: skip

Words = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

KEY: Final = TensorType(dtypes.uint32, (2,))


def philox_words(counter: np.ndarray, upper: np.ndarray, key: np.ndarray, stream: int = 0) -> Words:
    """Four uint32 words per counter, whose words are (counter, upper, stream, 0); the paper's definition,
    spelled in NumPy.
    """
    mask = np.uint64(0xFFFFFFFF)
    k0, k1 = key[..., 0].astype(np.uint64), key[..., 1].astype(np.uint64)
    c = [np.broadcast_to(x, np.broadcast_shapes(x.shape, k0.shape)).astype(np.uint64) for x in (counter, upper)]
    c += [np.full_like(c[0], stream), np.zeros_like(c[0])]
    for _ in range(10):
        first, second = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [
            (second >> np.uint64(32)) ^ c[1] ^ k0,
            second & mask,
            (first >> np.uint64(32)) ^ c[3] ^ k1,
            first & mask,
        ]
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & mask, (k1 + np.uint64(0xBB67AE85)) & mask
    w = [x.astype(np.uint32) for x in c]
    return w[0], w[1], w[2], w[3]


def numbered(key: np.ndarray, shape: tuple[int, ...], stream: int = 0) -> Words:
    """The words of each element of a shape."""
    own = shape[key.ndim - 1 :]
    i = np.arange(int(np.prod(own, dtype=np.int64)), dtype=np.int64).reshape(own)
    keys = key.reshape(key.shape[:-1] + (1,) * len(own) + (2,))
    w = philox_words(i & 0xFFFFFFFF, i >> 32, keys, stream)
    return w[0], w[1], w[2], w[3]


def flat_index(index: tuple[Scalar, ...], shape: Sequence[Extent]) -> Scalar:
    """The row-major number of an element."""
    total = scalar.const(dtypes.int64, 0)
    for i, extent in zip(index, shape, strict=True):
        total = total * scalar.extent(extent) + i
    return total


def key_words(key: Reader, index: tuple[Scalar, ...]) -> tuple[Scalar, Scalar]:
    """The two words of the key of an element."""
    row = index[: key.type.ndim - 1]
    return key.at(*row, scalar.const(dtypes.int64, 0)), key.at(*row, scalar.const(dtypes.int64, 1))


def number_of(index: tuple[Scalar, ...], shape: Sequence[Extent], key: Reader) -> Scalar:
    """The row-major number of an element among those of its key."""
    keys = key.type.ndim - 1
    return flat_index(index[keys:], shape[keys:])


def words_at(index: Scalar, key: tuple[Scalar, Scalar], stream: int = 0) -> generator.Words:
    """The generator's block for a 64-bit counter."""
    low, high = scalar.cast(index, dtypes.uint32), scalar.binary("lshr", index, 32)
    return generator.philox4x32(low, scalar.cast(high, dtypes.uint32), *key, stream)


def batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    """The rule of rows of a key, and of parameters that broadcast to the shape in attrs: an example draws what it would
    draw alone.
    """
    assert isinstance(attrs, Fill | Integers | ShapeOf)
    key, *parameters = operands
    given = [ranked(p, len(attrs.shape)) if m else p for p, m in zip(parameters, mapped[1:], strict=True)]
    return op.call(spread(key, mapped[0], extent), *given, intern(replace(attrs, shape=(extent, *attrs.shape))))


def _fill_type(name: str, accepts: Callable[[DType], bool], words: str) -> Callable[..., TensorType]:
    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        fill = typed(Fill, attrs)
        check_keys(name, types[0], fill.shape)
        if not accepts(fill.dtype):
            raise DTypeError(f"{name}: the dtype must be {words}, but {fill.dtype.name} was asked for")
        return TensorType(fill.dtype, fill.shape)

    return infer


def check_keys(name: str, given: TensorType, shape: Shape) -> None:
    """ShapeError unless it is the type of a key, or of keys along the first axes of a shape."""
    lead = given.shape[:-1]
    if given.dtype is not KEY.dtype or not given.ndim or given.shape[-1] != 2 or shape[: len(lead)] != lead:
        raise ShapeError(f"{name}: a key is {KEY}, as random.key makes it, but {given} was given")


def one_key(name: str, key: Operand) -> Operand:
    """A key that the user gave; ShapeError where it is none."""
    given = operand_type(name, key)
    if given.dtype is not KEY.dtype or given.shape != KEY.shape:
        raise ShapeError(f"{name}: a key is {KEY}, as random.key makes it, but {given} was given")
    return key


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
        key = operands[0]
        return body(result.dtype, words_at(number_of(index, result.shape, key), key_words(key, index)))

    def evaluate(key: np.ndarray, attrs: Fill) -> np.ndarray:
        shape = typed(tuple[int, ...], attrs.shape)
        return reference(attrs.dtype, numbered(key, shape))

    def samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
        if not accepts(dtype):
            return []
        shapes: tuple[tuple[int, ...], ...] = ((3, 4), (), (0, 2), (1000,), (2, 3, 5))
        keys: tuple[tuple[int, ...], ...] = ((), (), (), (), (), (2,))
        return [
            ((rng.integers(0, 2**32, (*k, 2), np.uint32),), intern(Fill(dtype, shape)))
            for k, shape in zip(keys, (*shapes, (2, 7)), strict=True)
        ]

    return Op(
        name,
        infer=_fill_type(name, accepts, words),
        promote=keep,
        reference=quiet(evaluate),
        lowering=Element(at),
        attrs=Fill,
        samples=samples,
        accuracy=accuracy,
        batch=batch,
    )


def _unit(dtype: DType, high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1): 24 bits of one word for float32, 53 bits of two words for float64."""
    if dtype is dtypes.float32:
        return ((high >> np.uint32(8)).astype(np.float64) * 2.0**-24).astype(np.float32)
    whole = (high.astype(np.uint64) << np.uint64(21)) | (low >> np.uint32(11)).astype(np.uint64)
    return np.asarray(whole * 2.0**-53)


def normal_of(dtype: DType, words: Words) -> np.ndarray:
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


def is_float(dtype: DType) -> bool:
    """Whether numbers of this dtype can be made."""
    return dtype in (dtypes.float32, dtypes.float64)


def _bits_of(dtype: DType, words: Words) -> np.ndarray:
    if dtype is dtypes.uint32:
        return words[0]
    return words[0].astype(np.uint64) << np.uint64(32) | words[1]


def exponential_of(dtype: DType, words: Words) -> np.ndarray:
    """-log(1 - u), where u is made as the body makes it and the rest is exact but for the last rounding."""
    single = dtype is dtypes.float32
    kind: type[np.floating] = np.float32 if single else np.float64
    width = 32 if single else 64
    word = words[0] if single else _bits_of(dtypes.uint64, words)
    u = word.astype(kind) * kind(2.0**-width) + kind(2.0 ** -(width + 1))
    u = np.minimum(u, kind(1) - np.finfo(kind).epsneg)
    return np.asarray(-np.log1p(-wide(u)), kind)


def _truncated_of(dtype: DType, words: Words) -> np.ndarray:
    """The quantile of the normal distribution between those of -2 and 2: Newton's method from 0, which comes
    nearer from one side, on the power series of the distribution.
    """
    u = np.asarray(_unit(dtype, words[0], words[1]), np.longdouble) - 0.5
    goal = u * np.longdouble("2.39257602664521640586284754094868543818")  # erf(sqrt(2)) sqrt(2 pi)
    z = np.zeros_like(goal)
    for _ in range(12):
        area, term = np.zeros_like(z), z
        for k in range(32):
            area = area + term / (2 * k + 1)
            term = term * z * z / (-2 * (k + 1))
        z = z + (goal - area) * np.exp(z * z / 2)
    return np.asarray(np.clip(z, -2, 2), dtype.numpy)


_bits = _row(
    "random_bits",
    generator.bits,
    _bits_of,
    lambda dtype: dtype in (dtypes.uint32, dtypes.uint64),
    "uint32 or uint64",
)
_uniform = _row(
    "random_uniform",
    generator.uniform,
    lambda dtype, w: _unit(dtype, w[0], w[1]),
    is_float,
    "float32 or float64",
)
_exponential = _row(
    "random_exponential", generator.exponential, exponential_of, is_float, "float32 or float64", Accuracy(1.5, 1.5)
)
_truncated_normal = _row(
    "random_truncated_normal",
    generator.truncated_normal,
    _truncated_of,
    is_float,
    "float32 or float64",
    Accuracy(4.0, 5.0),
)
_normal = _row(
    "random_normal", generator.normal, normal_of, is_float, "float32 or float64", Accuracy(5.0, 5.0)
)


def _filled(row: Op, key: Operand, shape: Extent | Sequence[Extent], dtype: object) -> Array:
    wanted = dtypes.as_dtype(dtype)
    drawn = dtypes.float32 if wanted.is_half else wanted
    found = row.call(one_key(row.name, key), intern(Fill(drawn, legal_shape(row.name, shape))))
    return astype(found, wanted) if wanted.is_half else found


@located
def random_bits(
    key: Operand, shape: Extent | Sequence[Extent], /, *, dtype: object = dtypes.uint32
) -> Array:
    """Uniformly distributed uint32 or uint64.

    Raises:
        ShapeError: `key` is no key, or an extent is negative.
        DTypeError: `dtype` is neither uint32 nor uint64.
    """
    return _filled(_bits, key, shape, dtype)


@located
def random_uniform(
    key: Operand, shape: Extent | Sequence[Extent], /, *, dtype: object = dtypes.float32
) -> Array:
    """Numbers uniformly distributed in [0, 1): multiples of 2**-24 in float32, of 2**-53 in float64, of 2**-11 in
    float16, of 2**-8 in bfloat16.

    Raises:
        ShapeError: `key` is no key, or an extent is negative.
        DTypeError: `dtype` is no float.
    """
    wanted = dtypes.as_dtype(dtype)
    if not wanted.is_half:
        return _filled(_uniform, key, shape, wanted)
    # As many bits as the dtype holds, so that nothing is rounded to 1.
    scale = 2.0 ** (11 if wanted is dtypes.float16 else 8)
    return astype(floor(_filled(_uniform, key, shape, dtypes.float32) * scale) / scale, wanted)


@located
def random_normal(
    key: Operand, shape: Extent | Sequence[Extent], /, *, dtype: object = dtypes.float32
) -> Array:
    """Numbers of the normal distribution with mean 0 and standard deviation 1, by Box and Muller's method.

    Raises:
        ShapeError: `key` is no key, or an extent is negative.
        DTypeError: `dtype` is no float.
    """
    return _filled(_normal, key, shape, dtype)


@located
def random_exponential(
    key: Operand, shape: Extent | Sequence[Extent], /, *, dtype: object = dtypes.float32
) -> Array:
    """Numbers of the exponential distribution with mean 1: above zero, and at most 16.7 in float32, 36.8 in
    float64.

    Raises:
        ShapeError: `key` is no key, or an extent is negative.
        DTypeError: `dtype` is no float.
    """
    return _filled(_exponential, key, shape, dtype)


@located
def random_truncated_normal(
    key: Operand, shape: Extent | Sequence[Extent], /, *, dtype: object = dtypes.float32
) -> Array:
    """Numbers of the standard normal distribution cut off at -2 and 2, by the inverse of its distribution.

    Raises:
        ShapeError: `key` is no key, or an extent is negative.
        DTypeError: `dtype` is no float.
    """
    return _filled(_truncated_normal, key, shape, dtype)
