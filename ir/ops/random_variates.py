"""Rows of random numbers whose distribution has parameters that are arrays: integers in a range, coin tosses.

As in `random.py`, element i depends on the key, on i, and on the parameters there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import NO_ATTRS, Attrs, Fill, Integers, ShapeOf, intern
from ..checks import fail
from ..dtypes import DType
from ..errors import ArgumentError, DomainError, DTypeError, IntegerOverflow, LithographError, ShapeError
from ..op import Element, Flags, Op, Reader, Sample
from ..promotion import keep
from ..scalar import Scalar
from ..stage import Operand, located, operand_type
from ..types import Extent, Shape, TensorType, broadcast_shapes, show_shape
from . import philox as generator
from .axes import legal_shape
from .conversion import astype
from .creation import scalar_constant
from .random import batch, check_keys, key_words, number_of, numbered, one_key, words_at
from .rows import quiet

__all__ = ["random_bernoulli", "random_integers"]


def _empty(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    return DomainError(
        f"random_integers: there is no integer from {report} up to but without the upper bound; give a greater one"
    )


def _no_chance(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
    return DomainError("random_bernoulli: chances are within 0 and 1, everywhere")


def fits(name: str, parameters: Sequence[TensorType], shape: Shape) -> None:
    """ShapeError unless parameters broadcast to the shape."""
    if broadcast_shapes(name, shape, *[p.shape for p in parameters]) != shape:
        given = " and ".join([show_shape(p.shape) for p in parameters])
        raise ShapeError(f"{name}: parameters of shape {given} do not broadcast to the shape {show_shape(shape)}")


def element(reader: Reader, index: tuple[Scalar, ...]) -> Scalar:
    """A parameter at an index of the result, to which it broadcasts."""
    own = index[len(index) - reader.type.ndim :]
    zero = scalar.const(dtypes.int64, 0)
    return reader.at(*[zero if e == 1 else i for i, e in zip(own, reader.type.shape, strict=True)])


def _holder(dtype: DType) -> DType:
    """The dtype that the bounds of integers of a dtype are given in: it holds the bound beyond the last one, but
    for 64 bits.
    """
    return dtypes.uint64 if dtype is dtypes.uint64 else dtypes.int64


def _integers_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    given = typed(Integers, attrs)
    check_keys("random_integers", types[0], given.shape)
    if not given.dtype.is_integer:
        raise DTypeError(f"random_integers: the dtype must be an integer, but {given.dtype.name} was asked for")
    wanted = _holder(given.dtype)
    for bound in types[1:]:
        if bound.dtype is not wanted:
            raise DTypeError(f"random_integers: bounds of {given.dtype} are {wanted}, but {bound} was given")
    fits("random_integers", types[1:], given.shape)
    return TensorType(given.dtype, given.shape)


def _integers_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    low, high = (element(reader, index) for reader in operands[1:])
    closed = typed(Integers, attrs).closed
    span = scalar.cast(high, dtypes.uint64) - scalar.cast(low, dtypes.uint64)
    key = operands[0]
    words = words_at(number_of(index, result.shape, key), key_words(key, index))
    found = generator.below(span + 1 if closed else span, words, result.dtype.bits <= 32)
    found = scalar.cast(scalar.cast(found, low.dtype) + low, result.dtype)
    legal = low <= high if closed else low < high
    return scalar.check(found, legal, 0, scalar.cast(low, dtypes.int64))


def _integers_of(key: np.ndarray, low: np.ndarray, high: np.ndarray, attrs: Integers) -> np.ndarray:
    shape = typed(tuple[int, ...], attrs.shape)
    low, high = np.broadcast_to(low, shape), np.broadcast_to(high, shape)
    bad = low > high if attrs.closed else low >= high
    fail(_empty, bad, low, (key, low, high), attrs)
    w = [x.astype(object) for x in numbered(key, shape)]
    first, span = low.astype(object), high.astype(object) - low.astype(object) + int(attrs.closed)
    short = np.floor_divide((w[0] << 64 | w[1] << 32 | w[2]) * span, 1 << 96)
    long = np.floor_divide((w[0] << 96 | w[1] << 64 | w[2] << 32 | w[3]) * span, 1 << 128)
    found = np.asarray(first + np.where(span <= 1 << 32, short, long))
    return found.astype(low.dtype).astype(attrs.dtype.numpy)


def _integers_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if not dtype.is_integer:
        return []
    limits, holder = np.iinfo(dtype.name), _holder(dtype).numpy
    bounds = [(0, 1, False, (5,)), (3, 100, False, (300,)), (limits.min, limits.max, True, (2, 200))]
    made: list[Sample] = []
    for low, high, closed, shape in bounds:
        operands = (rng.integers(0, 2**32, 2, np.uint32), np.array(low, holder), np.array(high, holder))
        made.append((operands, intern(Integers(dtype, shape, closed))))
    lows, highs = np.array([[0], [7]], holder), np.array([8, 9, 100], holder)
    made.append(((made[0][0][0], lows, highs), intern(Integers(dtype, (2, 3), False))))
    made.append((made[0][0], intern(Integers(dtype, (0, 2), False))))
    made.append(((rng.integers(0, 2**32, (2, 2), np.uint32), lows, highs), intern(Integers(dtype, (2, 3), False))))
    return made


_integers = Op(
    "random_integers",
    infer=_integers_type,
    promote=keep,
    reference=quiet(_integers_of),
    lowering=Element(_integers_at),
    attrs=Integers,
    flags=Flags.CHECKED,
    failure=_empty,
    samples=_integers_samples,
    batch=batch,
)


def _bernoulli_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    shape = typed(ShapeOf, attrs).shape
    check_keys("random_bernoulli", types[0], shape)
    if types[1].dtype is not dtypes.float32:
        raise DTypeError(f"random_bernoulli: chances are float32, but {types[1]} was given")
    fits("random_bernoulli", types[1:], shape)
    return TensorType(dtypes.bool_, shape)


def _bernoulli_at(
    attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]
) -> Scalar:
    key, p = operands[0], element(operands[1], index)
    u = generator.uniform(p.dtype, words_at(number_of(index, result.shape, key), key_words(key, index)))
    return scalar.check(u < p, (p >= 0) & (p <= 1), 0, scalar.const(dtypes.int64, 0))


def _bernoulli_of(key: np.ndarray, p: np.ndarray, attrs: ShapeOf) -> np.ndarray:
    shape = typed(tuple[int, ...], attrs.shape)
    p = np.broadcast_to(p, shape)
    fail(_no_chance, ~((p >= 0) & (p <= 1)), np.array(0), (key, p), attrs)
    return np.asarray((numbered(key, shape)[0] >> np.uint32(8)).astype(np.float64) < p.astype(np.float64) * 2.0**24)


def _bernoulli_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype is not dtypes.float32:
        return []
    key = rng.integers(0, 2**32, 2, np.uint32)
    chances: list[tuple[np.ndarray, tuple[int, ...]]] = [
        (np.array(0.3, np.float32), (200,)),
        (rng.uniform(0, 1, (3, 1)).astype(np.float32), (2, 3, 4)),
        (np.array([0.0, 1.0], np.float32), (5, 2)),
        (np.array(0.5, np.float32), ()),
        (np.array(0.5, np.float32), (0,)),
    ]
    return [((key, p), intern(ShapeOf(shape))) for p, shape in chances]


_bernoulli = Op(
    "random_bernoulli",
    infer=_bernoulli_type,
    promote=keep,
    reference=quiet(_bernoulli_of),
    lowering=Element(_bernoulli_at),
    attrs=ShapeOf,
    flags=Flags.CHECKED,
    failure=_no_chance,
    samples=_bernoulli_samples,
    batch=batch,
)


@located
def random_integers(
    key: Operand,
    shape: Extent | Sequence[Extent],
    low: Operand,
    high: Operand,
    /,
    *,
    dtype: object = dtypes.int32,
) -> Array:
    """Integers from `low` up to but without `high`; the chances of two differ by less than one in 2**64.

    Raises:
        ArgumentError: a bound is no integer.
        IntegerOverflow: a bound that `dtype` cannot hold; `high` may be one above its largest value.
        DomainError: there is no integer between the bounds.
        ShapeError: `key` is no key, an extent is negative, or bounds do not broadcast to the shape.
        DTypeError: `dtype` is no integer.
    """
    wanted = dtypes.as_dtype(dtype)
    extents = legal_shape("random_integers", shape)
    if not wanted.is_integer:
        raise DTypeError(f"random_integers: the dtype must be an integer, but {wanted.name} was asked for")
    limits, holder = np.iinfo(wanted.name), _holder(wanted)
    closed = type(high) is int
    bounds: list[Array] = []
    for bound, last in ((low, False), (high, closed)):
        if type(bound) is int:
            value = bound - last
            if not limits.min - last <= value <= limits.max:
                raise IntegerOverflow(f"random_integers: the bound {bound} does not fit {wanted.name}")
            bounds.append(scalar_constant(max(value, limits.min), holder))
            continue
        given = operand_type("random_integers", bound)
        if not given.dtype.is_integer or (given.dtype is dtypes.uint64) != (holder is dtypes.uint64):
            raise ArgumentError(f"random_integers: a bound of {wanted} is an integer, but {given} was given")
        bounds.append(astype(bound, holder))
    if closed and type(low) is int and low >= typed(int, high):
        raise _empty(0, low, (), NO_ATTRS)
    return _integers.call(one_key("random_integers", key), *bounds, intern(Integers(wanted, extents, closed)))


@located
def random_bernoulli(key: Operand, shape: Extent | Sequence[Extent], p: Operand, /) -> Array:
    """True with chance `p`, which counts in float32, to a multiple of 2**-24.

    Raises:
        DomainError: `p` is not within 0 and 1.
        ShapeError: `key` is no key, an extent is negative, or `p` does not broadcast to the shape.
    """
    given = one_key("random_bernoulli", key), real("random_bernoulli", p, dtypes.float32)
    return _bernoulli.call(*given, intern(ShapeOf(legal_shape("random_bernoulli", shape))))


def fill_of(name: str, dtype: DType, shape: Extent | Sequence[Extent]) -> Fill:
    """Attrs of a row that makes numbers of a dtype in a shape."""
    return intern(Fill(dtype, legal_shape(name, shape)))


def real(name: str, parameter: Operand, dtype: DType) -> Array:
    """A parameter that is a real number, as an array of a float dtype."""
    if isinstance(parameter, int | float) and not isinstance(parameter, np.generic):
        return scalar_constant(parameter, dtype)
    operand_type(name, parameter)
    return astype(parameter, dtype)
