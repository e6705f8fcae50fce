"""Rows of division with remainder: the quotient is rounded down, so the remainder has the sign of the divisor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import NO_ATTRS
from ..checks import FLOOR_DIVIDE, REMAINDER, fail
from ..dtypes import DType
from ..op import Flags, Op, Pointwise, Sample, Vjp
from ..promotion import counted
from ..scalar import Scalar
from ..stage import Operand
from .logic import where
from .rows import NUMERIC, edge_pairs, pointwise_type, quiet, values

__all__ = ["floor_divide", "remainder"]

# Each step takes 50 bits off a quotient, which is below 2**278 in float32 and below 2**2099 in float64.
_STEP_BITS: Final = 50
_STEPS: Final = {32: 6, 64: 42}
_SIGN_BIT: Final = {32: (dtypes.int32, -(1 << 31)), 64: (dtypes.int64, -(1 << 63))}


def _magnitude(x: Scalar) -> Scalar:
    return scalar.select(x < 0, -x, x)


def _with_sign_of(size: Scalar, sign: Scalar) -> Scalar:
    """A non-negative number with the sign bit of another."""
    bits, mask = _SIGN_BIT[size.dtype.bits]
    return scalar.bitcast(scalar.bitcast(size, bits) | (scalar.bitcast(sign, bits) & mask), size.dtype)


def _truncated(a: Scalar, b: Scalar) -> Scalar:
    """The exact remainder of floats with the sign of `a` (C's fmod): long division by steps of 50 bits, in float64.

    Every partial remainder is a multiple of the smaller unit of both operands and below the divisor of its step, so
    it is representable, and the fma that makes it is exact. A rounded quotient may be one too large; then the step's
    divisor is added back.
    """
    wide = dtypes.float64
    dividend, divisor = scalar.cast(_magnitude(a), wide), scalar.cast(_magnitude(b), wide)
    divisors = [divisor]
    for _ in range(_STEPS[a.dtype.bits] - 1):
        divisors.append(divisors[-1] * 2.0**_STEP_BITS)
    rest = dividend
    for d in reversed(divisors):
        quotient = scalar.unary("trunc", rest / d)
        step = scalar.fma(-quotient, d, rest)
        step = scalar.select(step < 0, step + d, step)
        # Below the dividend lies no divisor that overflowed; and what an infinite one leaves is the dividend.
        rest = scalar.select(scalar.eq(d, float("inf")), rest, step)
    rest = scalar.select(dividend < float("inf"), rest, float("nan"))
    rest = scalar.select(scalar.ne(divisor, divisor), divisor, rest)
    return _with_sign_of(scalar.cast(rest, a.dtype), a)


def _both_float(a: Scalar, b: Scalar) -> tuple[Scalar, Scalar]:
    """Quotient rounded down and remainder, as CPython's float_divmod does it."""
    rest = _truncated(a, b)
    turned = scalar.ne(rest, 0.0) & Scalar("ne", dtypes.bool_, (rest < 0, b < 0))
    zero = _with_sign_of(scalar.const(a.dtype, 0.0), b)
    remainder = scalar.select(turned, rest + b, scalar.select(scalar.eq(rest, 0.0), zero, rest))
    quotient = (a - rest) / b
    quotient = scalar.select(turned, quotient - 1.0, quotient)
    down = scalar.unary("floor", quotient)
    down = scalar.select(quotient - down > 0.5, down + 1.0, down)
    down = scalar.select(scalar.eq(quotient, 0.0), _with_sign_of(scalar.const(a.dtype, 0.0), a / b), down)
    return scalar.select(scalar.eq(b, 0.0), a / b, down), remainder


def _both_integer(a: Scalar, b: Scalar) -> tuple[Scalar, Scalar]:
    quotient, rest = scalar.binary("tdiv", a, b), scalar.binary("trem", a, b)
    if a.dtype.kind == "uint":
        return quotient, rest
    turned = scalar.ne(rest, 0) & ((rest ^ b) < 0)
    return scalar.select(turned, quotient - 1, quotient), scalar.select(turned, rest + b, rest)


def _body(part: int, number: int) -> Callable[[Scalar, Scalar], Scalar]:
    def body(a: Scalar, b: Scalar) -> Scalar:
        if a.dtype.is_float:
            return _both_float(a, b)[part]
        found = _both_integer(a, b)[part]
        return scalar.check(found, scalar.ne(b, 0), number, scalar.const(dtypes.int64, 0))

    return body


def _reference(function: np.ufunc, number: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if a.dtype.kind != "f":
            fail(number, b == 0, np.zeros((), np.int64), (a, b), NO_ATTRS)
        return np.asarray(function(a, b))

    return reference


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if dtype.kind == "bool":
        return []
    made: list[Sample] = []
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((3, 4), (3, 4)), ((2, 1), (3,)), ((), ()), ((0,), (1,))]
    for first, second in shapes:
        divisor = values(rng, dtype, second, 0.3, 4)
        divisor = np.where(divisor == 0, 1, divisor).astype(dtype.numpy)
        sign = 1 if dtype.kind == "uint" else np.where(rng.integers(0, 2, second), 1, -1)
        made.append(((values(rng, dtype, first, -9, 9), (divisor * sign).astype(dtype.numpy)), NO_ATTRS))
    one, other = edge_pairs(dtype)
    defined = slice(None) if dtype.is_float else other != 0
    return [*made, ((one[defined], other[defined]), NO_ATTRS)]


def _row(name: str, part: int, number: int, function: np.ufunc, vjp: tuple[Vjp, Vjp]) -> Op:
    return Op(
        name,
        infer=pointwise_type(name, NUMERIC),
        promote=counted,
        reference=quiet(_reference(function, number)),
        lowering=Pointwise(_body(part, number)),
        vjp=vjp,
        flags=Flags.CHECKED,
        samples=_samples,
    )


def _flat(g: Array, y: Array, a: Array, b: Array) -> Array:
    return where(False, g, 0)


_floor_divide = _row("floor_divide", 0, FLOOR_DIVIDE, np.floor_divide, (_flat, _flat))
_remainder = _row(
    "remainder",
    1,
    REMAINDER,
    np.remainder,
    (lambda g, y, a, b: g, lambda g, y, a, b: -(g * floor_divide(a, b))),
)


def floor_divide(x1: Operand, x2: Operand, /) -> Array:
    """The quotient rounded down; bool counts as int32, and the smallest integer by -1 wraps.

    Floats follow Python's `//`: the quotient belongs to the exact remainder.

    Raises:
        DivisionError: an integer divisor is zero, when the value is computed.
    """
    return _floor_divide.call(x1, x2)


def remainder(x1: Operand, x2: Operand, /) -> Array:
    """What the quotient rounded down leaves, with the sign of `x2`; bool counts as int32. Floats: exact, then rounded.

    Raises:
        DivisionError: an integer divisor is zero, when the value is computed.
    """
    return _remainder.call(x1, x2)
