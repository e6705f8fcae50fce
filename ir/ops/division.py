"""Rows of division with remainder: the quotient is rounded down, so the remainder has the sign of the
divisor.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import NO_ATTRS, Attrs
from ..checks import Failure, fail
from ..dtypes import DType
from ..errors import DivisionError, LithographError
from ..op import Op, Pointwise, Sample, Vjp
from ..promotion import counted
from ..scalar import Scalar
from ..stage import Operand
from ..types import TensorType
from .arithmetic import magnitude, trunc
from .logic import where
from .rows import NUMERIC, Reference, edge_pairs, pointwise_type, quiet, values

__all__ = ["divmod", "floor_divide", "fmod", "remainder"]

# Each step takes 50 bits off a quotient, which is below 2**278 in float32 and below 2**2099 in float64.
_STEP_BITS: Final = 50
_STEPS: Final = {32: 6, 64: 42}
_SIGN_BIT: Final = {32: (dtypes.int32, -(1 << 31)), 64: (dtypes.int64, -(1 << 63))}


def _with_sign_of(size: Scalar, sign: Scalar) -> Scalar:
    """A non-negative number with the sign bit of another."""
    bits, mask = _SIGN_BIT[size.dtype.bits]
    return scalar.bitcast(scalar.bitcast(size, bits) | (scalar.bitcast(sign, bits) & mask), size.dtype)


def _truncated(a: Scalar, b: Scalar) -> Scalar:
    """The exact remainder of floats with the sign of `a` (C's fmod).

    A quotient below a quarter of the significand's range is one step: its integral part n is exact or one too
    large, and a - n*b is a multiple of the smaller unit of both and below b, hence exact by fma. A zero n
    leaves `a` alone, also where `b` is infinite.
    """
    dividend, divisor = magnitude(a), magnitude(b)
    quotient = dividend / divisor
    step = scalar.fma(-scalar.unary("trunc", quotient), divisor, dividend)
    step = scalar.select(quotient < 1, dividend, scalar.select(step < 0, step + divisor, step))
    near = quotient < 2.0 ** (22 if a.dtype is dtypes.float32 else 51)
    return _with_sign_of(scalar.rarely(~near, step, "remainder", dividend, divisor), a)


def _long_division(dividend: Scalar, divisor: Scalar) -> Scalar:
    """The remainder of non-negative floats, 50 bits of the quotient after another, in float64.

    Each step is the one of `_truncated`, with the divisor scaled up.
    """
    rest, divisors = scalar.cast(dividend, dtypes.float64), [scalar.cast(divisor, dtypes.float64)]
    for _ in range(_STEPS[dividend.dtype.bits] - 1):
        divisors.append(divisors[-1] * 2.0**_STEP_BITS)
    for d in reversed(divisors):
        step = scalar.fma(-scalar.unary("trunc", rest / d), d, rest)
        step = scalar.select(step < 0, step + d, step)
        # A divisor that overflowed is above the dividend, and takes nothing off it.
        rest = scalar.select(scalar.eq(d, math.inf), rest, step)
    rest = scalar.cast(rest, dividend.dtype)
    rest = scalar.select(dividend < math.inf, rest, math.nan)
    return scalar.select(scalar.ne(divisor, divisor), divisor, rest)


scalar.RARE["remainder"] = _long_division


def _both_float(a: Scalar, b: Scalar) -> tuple[Scalar, Scalar]:
    """Quotient rounded down and remainder, as CPython's float_divmod does it, but for quotients of infinities."""
    rest = _truncated(a, b)
    turned = scalar.ne(rest, 0.0) & Scalar("ne", dtypes.bool_, (rest < 0, b < 0))
    zero = _with_sign_of(scalar.const(a.dtype, 0.0), b)
    remainder = scalar.select(turned, rest + b, scalar.select(scalar.eq(rest, 0.0), zero, rest))
    quotient = (a - rest) / b
    quotient = scalar.select(turned, quotient - 1.0, quotient)
    down = scalar.unary("floor", quotient)
    down = scalar.select(quotient - down > 0.5, down + 1.0, down)
    down = scalar.select(scalar.eq(quotient, 0.0), _with_sign_of(scalar.const(a.dtype, 0.0), a / b), down)
    special = scalar.eq(b, 0.0) | scalar.eq(magnitude(a), math.inf) | scalar.eq(magnitude(b), math.inf)
    return scalar.select(special, a / b, down), remainder


def _both_integer(a: Scalar, b: Scalar) -> tuple[Scalar, Scalar]:
    quotient, rest = scalar.binary("tdiv", a, b), scalar.binary("trem", a, b)
    if a.dtype.kind == "uint":
        return quotient, rest
    turned = scalar.ne(rest, 0) & ((rest ^ b) < 0)
    return scalar.select(turned, quotient - 1, quotient), scalar.select(turned, rest + b, rest)


def _by_zero(name: str) -> Failure:
    def make(number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs) -> LithographError:
        return DivisionError(
            f"{name}: integer division by zero, in {types[0].dtype}; divide floats, or replace the zeros with where"
        )

    return make


def _fmod_body(a: Scalar, b: Scalar) -> Scalar:
    return _truncated(a, b) if a.dtype.is_float else scalar.binary("trem", a, b)


def _part(number: int) -> Callable[[Scalar, Scalar], Scalar]:
    return lambda a, b: (_both_float if a.dtype.is_float else _both_integer)(a, b)[number]


def _checked(meaning: Callable[[Scalar, Scalar], Scalar]) -> Callable[[Scalar, Scalar], Scalar]:
    def body(a: Scalar, b: Scalar) -> Scalar:
        found = meaning(a, b)
        if a.dtype.is_float:
            return found
        return scalar.check(found, scalar.ne(b, 0), 0, scalar.const(dtypes.int64, 0))

    return body


def _reference(function: Reference, failure: Failure) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if a.dtype.kind != "f":
            fail(failure, b == 0, np.zeros((), np.int64), (a, b), NO_ATTRS)
        return np.asarray(function(a, b))

    return reference


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype.kind == "bool":
        return []
    made: list[Sample] = []
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((3, 4), (3, 4)),
        ((2, 1), (3,)),
        ((), ()),
        ((0,), (1,)),
    ]
    for first, second in shapes:
        divisor = values(rng, dtype, second, 0.3, 4)
        divisor = np.where(divisor == 0, 1, divisor).astype(dtype.numpy)
        sign = 1 if dtype.kind == "uint" else np.where(rng.integers(0, 2, second), 1, -1)
        made.append(((values(rng, dtype, first, -9, 9), (divisor * sign).astype(dtype.numpy)), NO_ATTRS))
    one, other = edge_pairs(dtype)
    defined = slice(None) if dtype.is_float else other != 0
    return [*made, ((one[defined], other[defined]), NO_ATTRS)]


def _row(
    name: str, meaning: Callable[[Scalar, Scalar], Scalar], function: Reference, vjp: tuple[Vjp, Vjp]
) -> Op:
    failure = _by_zero(name)
    return Op(
        name,
        infer=pointwise_type(name, NUMERIC),
        promote=counted,
        reference=quiet(_reference(function, failure)),
        lowering=Pointwise(_checked(meaning)),
        vjp=vjp,
        failure=failure,
        unfailing=("float",),
        samples=_samples,
    )


def _flat(g: Array, y: Array, a: Array, b: Array) -> Array:
    return where(False, g, 0)


def _floor_divide_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """NumPy's, but where one is infinite the quotient rounded down, as the Array API standard has it."""
    found = np.floor_divide(a, b)
    return np.asarray(np.where(np.isinf(a) | np.isinf(b), np.floor(a / b), found) if a.dtype.kind == "f" else found)


_floor_divide = _row("floor_divide", _part(0), _floor_divide_of, (_flat, _flat))
_remainder = _row(
    "remainder",
    _part(1),
    np.remainder,
    (lambda g, y, a, b: g, lambda g, y, a, b: -(g * floor_divide(a, b))),
)

_fmod = _row(
    "fmod", _fmod_body, np.fmod, (lambda g, y, a, b: g, lambda g, y, a, b: -(g * trunc(a / b)))
)


def floor_divide(x1: Operand, x2: Operand, /) -> Array:
    """The quotient rounded down; bool counts as int32, and the smallest integer by -1 wraps.

    Floats follow Python's `//`: the quotient belongs to the exact remainder. But where one is infinite it is the
    rounded quotient, as the Array API standard has it: `inf // 2` is infinite, and `1 // -inf` is -0.

    Raises:
        DivisionError: an integer divisor is zero, when the value is computed.
    """
    return _floor_divide.call(x1, x2)


def remainder(x1: Operand, x2: Operand, /) -> Array:
    """What the quotient rounded down leaves, with the sign of `x2`; bool counts as int32. Floats: exact, then
    rounded.

    Raises:
        DivisionError: an integer divisor is zero, when the value is computed.
    """
    return _remainder.call(x1, x2)


def fmod(x1: Operand, x2: Operand, /) -> Array:
    """What the quotient rounded towards zero leaves, with the sign of `x1`; exact. Bool counts as int32.

    Raises:
        DivisionError: an integer divisor is zero, when the value is computed.
    """
    return _fmod.call(x1, x2)


def divmod(x1: Operand, x2: Operand, /) -> tuple[Array, Array]:
    """`floor_divide(x1, x2)` and `remainder(x1, x2)`.

    Raises:
        DivisionError: an integer divisor is zero, when the value is computed.
    """
    return floor_divide(x1, x2), remainder(x1, x2)
