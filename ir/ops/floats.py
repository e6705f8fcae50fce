"""Rows of the parts of floats, sign, exponent and fraction, and of their neighbours; it knows no transcendental
function.
"""

from __future__ import annotations

import math
from typing import Final
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import NO_ATTRS, Attrs, Cast, intern
from ..data_types import finfo
from ..dtypes import DType
from ..errors import DTypeError
from ..op import Op, Pointwise, Sample
from ..promotion import floating
from ..scalar import Scalar
from ..stage import Operand, located, operand_type
from ..types import TensorType, broadcast_shapes
from .arithmetic import magnitude
from .complexes import imag, real
from .logic import isnan, where
from .reductions import as_floats
from .rows import FLOAT, edges, pointwise, pointwise_samples, pointwise_type, quiet, refuse_kinds, values

__all__ = ["copysign", "frexp", "ldexp", "nan_to_num", "nextafter", "signbit"]


def _bits(x: Scalar) -> Scalar:
    return scalar.bitcast(x, dtypes.int32 if x.dtype is dtypes.float32 else dtypes.int64)


def _sign_mask(x: Scalar) -> int:
    return -(1 << x.dtype.bits - 1)


def _flat(g: Array, *_: Array) -> Array:
    return where(False, g, 0)


_signbit = pointwise(
    "signbit",
    lambda x: _bits(x) < 0,
    np.signbit,
    kinds=FLOAT,
    promote=floating,
    result=dtypes.bool_,
)


def signbit(x: Operand, /) -> Array:
    """Where the sign bit of `x` is set, as bool: also for -0, and for a NaN that has it. Integers count as float32."""
    return _signbit.call(x)


def _copysign_body(x: Scalar, y: Scalar) -> Scalar:
    return scalar.bitcast(_bits(magnitude(x)) | _bits(y) & _sign_mask(y), x.dtype)


_copysign = pointwise(
    "copysign",
    _copysign_body,
    np.copysign,
    kinds=FLOAT,
    promote=floating,
    arity=2,
    low=0.3,
    vjp=(lambda g, y, a, b: where(signbit(a) == signbit(b), g, -g), _flat),
)


def copysign(x1: Operand, x2: Operand, /) -> Array:
    """The magnitude of `x1` with the sign bit of `x2`. Integers and bool count as float32."""
    return _copysign.call(x1, x2)


_UNIT: Final = {"float16": 1 << 13, "bfloat16": 1 << 16, "float32": 1, "float64": 1}
"""What the last bit of a dtype is in the pattern of the dtype that it is computed in."""
_LEAST_NORMAL_16: Final = 2.0**-14
_LEAST_16: Final = 2.0**-24
_MOST_16: Final = 65504.0


def _nextafter_body(x: Scalar, y: Scalar, attrs: Cast) -> Scalar:
    # Bit patterns of floats of one sign are in the order of their magnitudes.
    away = Scalar("eq", dtypes.bool_, (y > x, x > 0))
    unit = _UNIT[attrs.dtype.name]
    stepped = scalar.bitcast(_bits(x) + scalar.select(away, scalar.const(_bits(x).dtype, unit), -unit), x.dtype)
    least = scalar.bitcast(_bits(y) & _sign_mask(y) | unit, x.dtype)
    if attrs.dtype is dtypes.float16:
        # Its denormals are no denormals of float32, and its largest number is beside infinity.
        size = magnitude(x)
        below = (size < _LEAST_NORMAL_16) | scalar.eq(size, _LEAST_NORMAL_16) & ~away
        moved = size + scalar.select(away, scalar.const(x.dtype, _LEAST_16), -_LEAST_16)
        stepped = scalar.select(below, _copysign_body(moved, x), stepped)
        most = _copysign_body(scalar.const(x.dtype, _MOST_16), x)
        stepped = scalar.select(scalar.eq(size, math.inf), most, stepped)
        least = _copysign_body(scalar.const(x.dtype, _LEAST_16), y)
    found = scalar.select(scalar.eq(x, 0), least, stepped)
    found = scalar.select(scalar.eq(x, y), y, found)
    return scalar.select(scalar.ne(x, x) | scalar.ne(y, y), x + y, found)


def _nextafter_of(x: np.ndarray, y: np.ndarray, attrs: Cast) -> np.ndarray:
    """NumPy's; of bfloat16, which it does not know, the next one of float32 whose lower half is zero."""
    if attrs.dtype is dtypes.float16:
        # Between zeros NumPy stays at the first one.
        halves = np.nextafter(x.astype(np.float16), y.astype(np.float16))
        return np.where(x == y, y, halves.astype(np.float32))
    found = np.asarray(np.nextafter(x, y))
    if attrs.dtype is not dtypes.bfloat16:
        return found
    pattern = found.view(np.uint32)
    # Towards zero what follows the upper half is dropped, away from it the half is one more.
    away = (np.abs(found) > np.abs(x)) & (found != y)
    upper = (pattern >> np.uint32(16)) + away
    return np.where(np.isnan(found), found, (upper.astype(np.uint32) << np.uint32(16)).view(np.float32))


def _nextafter_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    found = pointwise_type("nextafter", FLOAT)(types, attrs)
    if typed(Cast, attrs).dtype is not found.dtype:
        raise DTypeError(f"nextafter: the neighbours of {found.dtype.name} are asked for as those of another dtype")
    return found


def _nextafter_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    made = pointwise_samples(FLOAT, 2)(rng, dtype)
    return [(operands, intern(Cast(dtype))) for operands, _ in made]


_nextafter = Op(
    "nextafter",
    infer=_nextafter_type,
    promote=floating,
    reference=quiet(_nextafter_of),
    lowering=Pointwise(_nextafter_body, converts=True),
    vjp=(lambda g, y, a, b, attrs: g, _flat),
    attrs=Cast,
    samples=_nextafter_samples,
)


@located
def nextafter(x1: Operand, x2: Operand, /) -> Array:
    """The float next to `x1` on the way to `x2`; `x2` where they are equal. Integers and bool count as float32."""
    dtype, _ = floating("nextafter", (operand_type("nextafter", x1), operand_type("nextafter", x2)))
    return _nextafter.call(x1, x2, intern(Cast(dtype)))


def _scaled_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    x, exponent = types
    if not x.dtype.is_float:
        raise refuse_kinds("ldexp", FLOAT, x.dtype)
    if not exponent.dtype.is_integer:
        raise DTypeError(
            f"ldexp: the exponents are {exponent.dtype.name}, and must be integers; convert with astype first"
        )
    return TensorType(x.dtype, broadcast_shapes("ldexp", x.shape, exponent.shape))


def _scaled_promotion(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    x, exponent = types
    return (*floating(name, (x,)), dtypes.int32 if exponent.dtype is dtypes.bool_ else exponent.dtype)


def _scaled_body(x: Scalar, exponent: Scalar) -> Scalar:
    """Three factors that are normal; the first two leave a margin, so that a denormal is rounded by the last alone."""
    single = x.dtype is dtypes.float32
    least, most, width = (-126, 127, 23) if single else (-1022, 1023, 52)
    # Beyond three factors of any size the result is zero or infinite.
    n = _limited(exponent, 3 * least, 3 * most)
    n = scalar.cast(n, dtypes.int32 if single else dtypes.int64)
    for _ in range(2):
        step = scalar.select(n < least, scalar.const(n.dtype, least + width + 1), 0)
        step = scalar.select(n > most, most, step)
        x, n = x * _power_of_two(step, x.dtype, most, width), n - step
    return x * _power_of_two(_limited(n, least, most), x.dtype, most, width)


def _limited(n: Scalar, low: int, high: int) -> Scalar:
    """An integer no less than `low` and no more than `high`, as far as its dtype reaches there."""
    limits = np.iinfo(n.dtype.name)
    if limits.min < low:
        n = scalar.select(n < low, low, n)
    return scalar.select(n > high, high, n) if limits.max > high else n


def _power_of_two(n: Scalar, dtype: DType, bias: int, width: int) -> Scalar:
    return scalar.bitcast((n + bias) << width, dtype)


def _scaled_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if not dtype.is_float:
        return []
    x = edges(dtype)
    far = np.array([0, 1, -1, 30, -140, -1060, 250, 2090, -2098, 2**31 - 1, -(2**31)], np.int32)
    one, other = np.repeat(x, far.size), np.tile(far, x.size)
    return [
        ((values(rng, dtype, (3, 4)), values(rng, dtypes.int32, (4,))), NO_ATTRS),
        ((values(rng, dtype, ()), values(rng, dtypes.int64, (2, 1))), NO_ATTRS),
        ((values(rng, dtype, (0,)), values(rng, dtypes.uint8, (1,))), NO_ATTRS),
        ((one, other), NO_ATTRS),
    ]


_ldexp = Op(
    "ldexp",
    infer=_scaled_type,
    promote=_scaled_promotion,
    reference=quiet(lambda x, n: np.ldexp(x, np.clip(n.astype(np.int64), -5000, 5000).astype(np.int32))),
    lowering=Pointwise(_scaled_body),
    vjp=(lambda g, y, x, n: ldexp(g, n), None),
    samples=_scaled_samples,
)


def ldexp(x1: Operand, x2: Operand, /) -> Array:
    """`x1` times 2 to the power `x2`, rounded once; `x2` are integers. Integers and bool of `x1` count as float32.

    Raises:
        DTypeError: `x2` are floats.
    """
    return _ldexp.call(x1, x2)


def _parts(x: Scalar) -> tuple[Scalar, Scalar]:
    """(fraction, exponent) of a float: x = fraction * 2^exponent, with a fraction from 1/2 on and below 1."""
    bias, width = (126, 23) if x.dtype is dtypes.float32 else (1022, 52)
    lift = width + 1
    denormal = magnitude(x) < 2.0 ** (1 - bias)
    bits = _bits(scalar.select(denormal, x * 2.0**lift, x))
    field = (1 << x.dtype.bits - 1 - width) - 1
    exponent = (scalar.binary("lshr", bits, width) & field) - scalar.select(
        denormal, scalar.const(bits.dtype, bias + lift), bias
    )
    fraction = scalar.bitcast(bits & ~(field << width) | bias << width, x.dtype)
    whole = scalar.eq(x - x, 0) & scalar.ne(x, 0)
    return scalar.select(whole, fraction, x), scalar.cast(scalar.select(whole, exponent, 0), dtypes.int32)


_exponent = pointwise(
    "frexp_exponent",
    lambda x: _parts(x)[1],
    lambda x: np.where(np.isfinite(x), np.frexp(x)[1], 0).astype(np.int32),
    kinds=FLOAT,
    promote=floating,
    result=dtypes.int32,
)
_fraction = pointwise(
    "frexp_fraction",
    lambda x: _parts(x)[0],
    lambda x: np.frexp(x)[0],
    kinds=FLOAT,
    promote=floating,
    vjp=(lambda g, y, x: ldexp(g, -_exponent.call(x)),),
)


def frexp(x: Operand, /) -> tuple[Array, Array]:
    """The fractions, in magnitude from 1/2 on and below 1, and int32 exponents with `x = fraction * 2**exponent`.

    Zeros, infinities and NaN are their own fractions, with the exponent 0. Integers and bool count as float32.
    """
    return _fraction.call(x), _exponent.call(x)


@located
def nan_to_num(
    x: Operand, /, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Array:
    """`x` with other numbers for NaN and the infinities; by default 0, and the largest and smallest finite floats.

    Complex numbers: each part by itself. Integers and bool count as float32.
    """
    a = as_floats("nan_to_num", x)
    if a.dtype.is_complex:
        parts = [nan_to_num(part, nan=nan, posinf=posinf, neginf=neginf) for part in (real(a), imag(a))]
        return parts[0] + 1j * parts[1]
    most = finfo(a.dtype).max
    found = where(isnan(a), nan, a)
    found = where(a == float("inf"), most if posinf is None else posinf, found)
    return where(a == float("-inf"), -most if neginf is None else neginf, found)
