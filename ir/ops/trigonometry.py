"""Rows of the trigonometric functions, whose angles are in radians, and of the right triangle's hypotenuse."""

from __future__ import annotations

import math

import numpy as np

from .. import dtypes, maths, scalar
from ..array import Array
from ..op import Accuracy
from ..promotion import floating
from ..scalar import Scalar
from ..stage import Operand, located
from .arithmetic import abs, magnitude, round, sqrt, square
from .complexes import imag, real
from .logic import where
from .reductions import as_floats
from .rows import FLOAT, pointwise, wide
from .transcendental import elementary

__all__ = ["acos", "angle", "asin", "atan", "atan2", "cos", "deg2rad", "hypot", "rad2deg", "sin", "sinc", "tan"]

_sin = elementary(
    "sin",
    maths.sin,
    Accuracy(1.9, 1.9, "sin(x)", np.sin, (-400.0, 400.0), symmetry="odd", within=(-1.0, 1.0)),
    lambda g, y, x: g * cos(x),
)
_cos = elementary(
    "cos",
    maths.cos,
    Accuracy(1.9, 1.9, "cos(x)", np.cos, (-400.0, 400.0), symmetry="even", within=(-1.0, 1.0)),
    lambda g, y, x: -g * sin(x),
)


_tan = elementary(
    "tan",
    maths.tan,
    Accuracy(1.9, 1.9, "tan(x)", np.tan, (-400.0, 400.0), symmetry="odd"),
    lambda g, y, x: g * (1 + square(y)),
    low=-1.0,
    high=1.0,
)
_asin = elementary(
    "asin",
    maths.asin,
    Accuracy(2.4, 2.4, "asin(x)", np.arcsin, (-1.0, 1.0), symmetry="odd", within=(-math.pi / 2, math.pi / 2)),
    lambda g, y, x: g / sqrt((1 - x) * (1 + x)),
    low=-0.8,
    high=0.8,
)
_acos = elementary(
    "acos",
    maths.acos,
    Accuracy(1.5, 1.5, "acos(x)", np.arccos, (-1.0, 1.0), within=(0.0, math.pi)),
    lambda g, y, x: -g / sqrt((1 - x) * (1 + x)),
    low=-0.8,
    high=0.8,
)
_atan = elementary(
    "atan",
    maths.atan,
    Accuracy(1.6, 1.6, "atan(x)", np.arctan, symmetry="odd", within=(-math.pi / 2, math.pi / 2)),
    lambda g, y, x: g / (1 + square(x)),
)


def _turned(g: Array, a: Array, b: Array) -> Array:
    """The cotangent of a point's first coordinate, from that of its angle from the second one's axis."""
    far = hypot(a, b)
    none = far == 0
    far = where(none, 1, far)
    return where(none, 0, g * (b / far / far))


_atan2 = pointwise(
    "atan2",
    maths.atan2,
    lambda a, b: np.arctan2(wide(a), wide(b)).astype(a.dtype),
    kinds=FLOAT,
    promote=floating,
    arity=2,
    low=0.3,
    vjp=(lambda g, y, a, b: _turned(g, a, b), lambda g, y, a, b: -_turned(g, b, a)),
    accuracy=Accuracy(1.9, 1.9, "atan2(x, y)", np.arctan2, within=(-math.pi, math.pi)),
)


def _hypot_body(x: Scalar, y: Scalar) -> Scalar:
    a, b = magnitude(x), magnitude(y)
    endless = scalar.eq(a, math.inf) | scalar.eq(b, math.inf)
    if x.dtype is dtypes.float32:
        # Squares of float32 are exact in float64, and none overflows there.
        root = scalar.cast(_root_of_squares(*[scalar.cast(v, dtypes.float64) for v in (a, b)]), x.dtype)
        return scalar.select(endless, math.inf, root)
    a, b = scalar.select(a < b, b, a), scalar.select(a < b, a, b)
    ordinary = (a < 2.0**510) & (a > 2.0**-450) & (b < 2.0**510)
    return scalar.rarely(~ordinary, _root_of_squares(a, b), "hypot", a, b)


def _root_of_squares(a: Scalar, b: Scalar) -> Scalar:
    return scalar.unary("sqrt", scalar.fma(a, a, b * b))


def _hypot_scaled(a: Scalar, b: Scalar) -> Scalar:
    """The hypotenuse of any sides but negative ones."""
    large = a >= 1.0
    factor = scalar.select(large, scalar.const(a.dtype, 2.0**-600), 2.0**600)
    back = scalar.select(large, scalar.const(a.dtype, 2.0**600), 2.0**-600)
    endless = scalar.eq(a, math.inf) | scalar.eq(b, math.inf)
    return scalar.select(endless, math.inf, _root_of_squares(a * factor, b * factor) * back)


scalar.RARE["hypot"] = _hypot_scaled


def _share(g: Array, y: Array, x: Array) -> Array:
    none = y == 0
    return where(none, 0, g * (x / where(none, 1, y)))


_hypot = pointwise(
    "hypot",
    _hypot_body,
    lambda a, b: np.hypot(wide(a), wide(b)).astype(a.dtype),
    kinds=FLOAT,
    promote=floating,
    arity=2,
    low=0.3,
    vjp=(lambda g, y, a, b: _share(g, y, a), lambda g, y, a, b: _share(g, y, b)),
    accuracy=Accuracy(0.51, 1.1, "hypot(x, y)", np.hypot),
)


def sin(x: Operand, /) -> Array:
    """The sine of `x` radians; NaN at infinity. Integers and bool count as float32."""
    return _sin.call(x)


def cos(x: Operand, /) -> Array:
    """The cosine of `x` radians; NaN at infinity. Integers and bool count as float32."""
    return _cos.call(x)


def tan(x: Operand, /) -> Array:
    """The tangent of `x` radians; NaN at infinity. Integers and bool count as float32."""
    return _tan.call(x)


def asin(x: Operand, /) -> Array:
    """The angle in radians, from -pi/2 to pi/2, whose sine is `x`; NaN beyond 1. Integers count as float32."""
    return _asin.call(x)


def acos(x: Operand, /) -> Array:
    """The angle in radians, from 0 to pi, whose cosine is `x`; NaN beyond 1. Integers and bool count as float32."""
    return _acos.call(x)


def atan(x: Operand, /) -> Array:
    """The angle in radians, from -pi/2 to pi/2, whose tangent is `x`. Integers and bool count as float32."""
    return _atan.call(x)


def atan2(x1: Operand, x2: Operand, /) -> Array:
    """The angle in radians, from -pi to pi, of the point with the height `x1` and the width `x2`.

    The signs of zeros tell the side of an axis. The gradient at the origin is zero. Integers and bool count as float32.
    """
    return _atan2.call(x1, x2)


def hypot(x1: Operand, x2: Operand, /) -> Array:
    """`sqrt(x1**2 + x2**2)`, without overflow on the way; infinite where a side is, even if the other is NaN.

    The gradient at two zero sides is zero. Integers and bool count as float32.
    """
    return _hypot.call(x1, x2)


@located
def deg2rad(x: Operand, /) -> Array:
    """Degrees as radians. Integers and bool count as float32."""
    return as_floats("deg2rad", x) * (math.pi / 180)


@located
def rad2deg(x: Operand, /) -> Array:
    """Radians as degrees. Integers and bool count as float32."""
    return as_floats("rad2deg", x) * (180 / math.pi)


@located
def sinc(x: Operand, /) -> Array:
    """`sin(pi x) / (pi x)`, and 1 at zero; zero at all other whole numbers. Integers and bool count as float32."""
    a = as_floats("sinc", x)
    near = abs(a) < 0.05
    # A series to x^8, whose derivatives are right too; beyond, the sine of what lies beside a whole number.
    s = square(a * math.pi)
    series = 1 - s * (1 - s * (1 - s * (1 - s / 72) / 42) / 20) / 6
    whole = round(a)
    rest = sin((a - whole) * math.pi)
    odd = round(whole * 0.5) != whole * 0.5
    return where(near, series, where(odd, -rest, rest) / (where(near, 1, a) * math.pi))


@located
def angle(x: Operand, /) -> Array:
    """The angle of each element in the complex plane, from -pi to pi, in radians; of negative real numbers pi.

    Integers and bool count as float32.
    """
    array = as_floats("angle", x)
    return atan2(imag(array), real(array))
