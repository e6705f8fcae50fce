"""Scalar expressions: the meaning of one element, from which interpreters and native code are derived.

A `Scalar` is an immutable, hash-consed expression node, so equal expressions are the same object. The meaning of each
primitive, on all targets and at any vector width:

=============== =====================================================================================================
const           the value in `payload`; for floats the exact bits matter
iter            loop variable number `payload` of the surrounding nest, an int64
size            the extent of the symbol named by `payload`, an int64
held            the register number `payload` of the function that is written, of any dtype
load            the element of buffer number `payload` at the index given by the arguments (int64, one per axis)
add sub mul neg IEEE 754 round-to-nearest for floats, wrapping for integers; never contracted, never re-associated
div             float division, correctly rounded
fma             x*y + z with one rounding
sqrt            correctly rounded
floor ceil trunc rint   float to integral float; rint is half to even
tdiv trem       integer quotient towards zero and its remainder; the smallest integer by -1 wraps; by zero: any value
minimum maximum NaN if either is NaN, and -0 < +0 (IEEE 754-2019); the usual order for integers and bools
lt le gt ge eq  ordered comparison: false with NaN;  ne is true with NaN
and or xor not  bitwise; on bool logical
shl lshr ashr   shifts; an amount >= the width gives 0 (or the sign for ashr)
select          the second argument where the first (a bool) is true, else the third; both are evaluated
rarely          the second argument, but where the first (a bool) is true: the function that `payload` names in RARE,
                of the remaining arguments; native code computes it out of line, when some lane needs it
cast            float to int truncates and saturates, NaN gives 0; int to float rounds to nearest even;
                to bool is `!= 0` (true for NaN); bool to number is 0 or 1; int to int wraps;
                to float16 and bfloat16 any number is rounded once, to nearest even
bitcast         the same bits as another dtype of the same width
check           the first argument; the program fails with check number `payload` where the second (a bool) is false
                and reports the third (an int64)
=============== =====================================================================================================
"""

from __future__ import annotations

import functools
import math
import operator
import struct
import weakref
from collections.abc import Callable, Sequence
from typing import Final

from . import dtypes
from .dtypes import DType
from .types import TIMES, Dim, Extent

Payload = int | float | bool | str | None
Number = int | float | bool

_pool: Final[weakref.WeakValueDictionary[tuple[object, ...], Scalar]] = weakref.WeakValueDictionary()

RARE: Final[dict[str, Callable[..., Scalar]]] = {}


class Scalar:
    """One node of a scalar expression; build it with the functions and operators of this module."""

    __slots__ = ("__weakref__", "args", "dtype", "payload", "prim")

    prim: str
    dtype: DType
    args: tuple[Scalar, ...]
    payload: Payload

    def __new__(cls, prim: str, dtype: DType, args: tuple[Scalar, ...] = (), payload: Payload = None) -> Scalar:
        bits = struct.pack("<d", payload) if isinstance(payload, float) else payload
        key = (prim, dtype.name, args, type(payload), bits)
        known = _pool.get(key)
        if known is not None:
            return known
        self = super().__new__(cls)
        self.prim = prim
        self.dtype = dtype
        self.args = args
        self.payload = payload
        return _pool.setdefault(key, self)

    def _binary(self, prim: str, other: Scalar | Number, swapped: bool = False) -> Scalar:
        right = other if isinstance(other, Scalar) else const(self.dtype, other)
        pair = (right, self) if swapped else (self, right)
        if right.dtype is not self.dtype:
            raise TypeError(f"scalar {prim} of {self.dtype} and {right.dtype}")
        return Scalar(prim, self.dtype, pair)

    def __add__(self, other: Scalar | Number) -> Scalar:
        return self._binary("add", other)

    def __radd__(self, other: Number) -> Scalar:
        return self._binary("add", other, True)

    def __sub__(self, other: Scalar | Number) -> Scalar:
        return self._binary("sub", other)

    def __rsub__(self, other: Number) -> Scalar:
        return self._binary("sub", other, True)

    def __mul__(self, other: Scalar | Number) -> Scalar:
        return self._binary("mul", other)

    def __rmul__(self, other: Number) -> Scalar:
        return self._binary("mul", other, True)

    def __truediv__(self, other: Scalar | Number) -> Scalar:
        return self._binary("div", other)

    def __rtruediv__(self, other: Number) -> Scalar:
        return self._binary("div", other, True)

    def __neg__(self) -> Scalar:
        return Scalar("neg", self.dtype, (self,))

    def __and__(self, other: Scalar | Number) -> Scalar:
        return self._binary("and", other)

    def __or__(self, other: Scalar | Number) -> Scalar:
        if self.prim == "const" and self.payload is False and isinstance(other, Scalar):
            return other
        return self._binary("or", other)

    def __xor__(self, other: Scalar | Number) -> Scalar:
        return self._binary("xor", other)

    def __invert__(self) -> Scalar:
        return Scalar("not", self.dtype, (self,))

    def __lshift__(self, other: Scalar | Number) -> Scalar:
        return self._binary("shl", other)

    def __lt__(self, other: Scalar | Number) -> Scalar:
        return compare("lt", self, other)

    def __le__(self, other: Scalar | Number) -> Scalar:
        return compare("le", self, other)

    def __gt__(self, other: Scalar | Number) -> Scalar:
        return compare("gt", self, other)

    def __ge__(self, other: Scalar | Number) -> Scalar:
        return compare("ge", self, other)

    def __repr__(self) -> str:
        return show(self)


def const(dtype: DType, value: Number) -> Scalar:
    """A constant of `dtype`; for float32 the value is rounded to it, integers must fit."""
    if dtype.is_float:
        x = float(value)
        if dtype is dtypes.float32 and math.isfinite(x):
            x = float(dtype.numpy.type(x))
        return Scalar("const", dtype, (), x)
    if dtype is dtypes.bool_:
        return Scalar("const", dtype, (), bool(value))
    return Scalar("const", dtype, (), int(value))


def iteration(number: int) -> Scalar:
    """Loop variable `number` of the nest that this expression is evaluated in."""
    return Scalar("iter", dtypes.int64, (), number)


def extent(value: Extent) -> Scalar:
    """An extent as an int64 expression: a constant, or a polynomial of symbol sizes."""
    if not isinstance(value, Dim):
        return const(dtypes.int64, value)
    total: Scalar | None = None
    for name, factor in value.terms:
        first, *rest = [Scalar("size", dtypes.int64, (), s) for s in name.split(TIMES)]
        term = functools.reduce(operator.mul, rest, first)
        term = term if factor == 1 else term * factor
        total = term if total is None else total + term
    assert total is not None
    return total + value.const if value.const else total


def load(dtype: DType, buffer: int, index: tuple[Scalar, ...]) -> Scalar:
    """The element of a buffer at a multi-dimensional index."""
    return Scalar("load", dtype, index, buffer)


def compare(prim: str, x: Scalar, y: Scalar | Number) -> Scalar:
    """`lt le gt ge eq ne` of two scalars of one dtype, as a bool."""
    right = y if isinstance(y, Scalar) else const(x.dtype, y)
    if right.dtype is not x.dtype:
        raise TypeError(f"scalar {prim} of {x.dtype} and {right.dtype}")
    if x.prim == right.prim == "const":
        return const(dtypes.bool_, getattr(operator, prim)(x.payload, right.payload))
    return Scalar(prim, dtypes.bool_, (x, right))


def eq(x: Scalar, y: Scalar | Number) -> Scalar:
    """Whether two scalars are equal (false with NaN)."""
    return compare("eq", x, y)


def ne(x: Scalar, y: Scalar | Number) -> Scalar:
    """Whether two scalars differ (true with NaN)."""
    return compare("ne", x, y)


def select(condition: Scalar, yes: Scalar | Number, no: Scalar | Number) -> Scalar:
    """`yes` where `condition`, else `no`; at least one of them is a Scalar and gives the dtype."""
    dtype = yes.dtype if isinstance(yes, Scalar) else no.dtype if isinstance(no, Scalar) else None
    assert dtype is not None
    first, second = [s if isinstance(s, Scalar) else const(dtype, s) for s in (yes, no)]
    if condition.prim == "const":
        return first if condition.payload else second
    return Scalar("select", dtype, (condition, first, second))


def rarely(condition: Scalar, usual: Scalar, name: str, *args: Scalar) -> Scalar:
    """`usual`, but RARE[name](*args) where `condition`: a select for a side that is long and hardly ever needed."""
    if condition.prim == "const":
        return RARE[name](*args) if condition.payload else usual
    return Scalar("rarely", usual.dtype, (condition, usual, *args), name)


def fma(x: Scalar, y: Scalar | Number, z: Scalar | Number) -> Scalar:
    """x*y + z with one rounding."""
    right = y if isinstance(y, Scalar) else const(x.dtype, y)
    return Scalar("fma", x.dtype, (x, right, z if isinstance(z, Scalar) else const(x.dtype, z)))


def unary(prim: str, x: Scalar) -> Scalar:
    """A one-argument primitive that keeps the dtype: sqrt floor ceil trunc rint neg not."""
    return Scalar(prim, x.dtype, (x,))


def binary(prim: str, x: Scalar, y: Scalar | Number) -> Scalar:
    """A two-argument primitive that keeps the dtype: tdiv trem minimum maximum shl lshr ashr and the like."""
    return x._binary(prim, y)


def halved(prim: str, terms: Sequence[Scalar]) -> Scalar:
    """From 1 to 16 terms joined as order T8 joins 16 lanes: each with the one half as far on as they are many."""
    left = list(terms)
    for half in (8, 4, 2, 1):
        joined = [binary(prim, x, y) for x, y in zip(left, left[half:], strict=False)]
        left = [*joined, *left[len(joined) : half]]
    return left[0]


def cast(x: Scalar, dtype: DType) -> Scalar:
    """Value conversion as the table above says."""
    return x if x.dtype is dtype else Scalar("cast", dtype, (x,))


def bitcast(x: Scalar, dtype: DType) -> Scalar:
    """The same bits read as another dtype of the same width."""
    assert x.dtype.bits == dtype.bits, f"bitcast of {x.dtype} to {dtype}"
    return x if x.dtype is dtype else Scalar("bitcast", dtype, (x,))


def check(value: Scalar, ok: Scalar, number: int, report: Scalar) -> Scalar:
    """`value`, failing the program with check `number` and the int64 `report` where `ok` is false."""
    return Scalar("check", value.dtype, (value, ok, report), number)


def show(x: Scalar) -> str:
    """An expression as text, shared parts written out."""
    if x.prim == "const":
        return f"{x.payload!r}"
    if x.prim == "iter":
        return f"i{x.payload}"
    if x.prim == "size":
        return str(x.payload)
    inner = ", ".join(show(a) for a in x.args)
    if x.prim == "load":
        return f"b{x.payload}[{inner}]"
    if x.prim in ("cast", "bitcast"):
        return f"{x.prim}<{x.dtype}>({inner})"
    return f"{x.prim}({inner})"
