"""Rows of the hyperbolic functions and their inverses; `tanh` stands with the functions of networks."""

from __future__ import annotations

import math

import numpy as np

from .. import maths
from ..array import Array
from ..op import Accuracy
from ..stage import Operand
from .arithmetic import sqrt, square
from .transcendental import elementary
from .trigonometry import hypot

__all__ = ["acosh", "asinh", "atanh", "cosh", "sinh"]

_sinh = elementary(
    "sinh",
    maths.sinh,
    Accuracy(1.7, 1.7, "sinh(x)", np.sinh, (-89.0, 89.0), (-710.0, 710.0), symmetry="odd"),
    lambda g, y, x: g * cosh(x),
)
_cosh = elementary(
    "cosh",
    maths.cosh,
    Accuracy(1.7, 1.7, "cosh(x)", np.cosh, (-89.0, 89.0), (-710.0, 710.0), symmetry="even", within=(1.0, math.inf)),
    lambda g, y, x: g * sinh(x),
)
_asinh = elementary(
    "asinh",
    maths.asinh,
    Accuracy(1.5, 1.5, "asinh(x)", np.arcsinh, symmetry="odd"),
    lambda g, y, x: g / (sqrt(1 + square(x)) if x.dtype.is_complex else hypot(x, 1)),
)
_acosh = elementary(
    "acosh",
    maths.acosh,
    Accuracy(2.0, 2.0, "acosh(x)", np.arccosh, (1.0, 3.0), within=(0.0, math.inf)),
    lambda g, y, x: g / (sqrt(x - 1) * sqrt(x + 1)),
    low=1.3,
)
_atanh = elementary(
    "atanh",
    maths.atanh,
    Accuracy(2.0, 2.0, "atanh(x)", np.arctanh, (-1.0, 1.0), symmetry="odd"),
    lambda g, y, x: g / ((1 - x) * (1 + x)),
    low=-0.8,
    high=0.8,
)


def sinh(x: Operand, /) -> Array:
    """The hyperbolic sine. Integers and bool count as float32."""
    return _sinh.call(x)


def cosh(x: Operand, /) -> Array:
    """The hyperbolic cosine. Integers and bool count as float32."""
    return _cosh.call(x)


def asinh(x: Operand, /) -> Array:
    """The inverse of `sinh`. Integers and bool count as float32."""
    return _asinh.call(x)


def acosh(x: Operand, /) -> Array:
    """The inverse of `cosh`, from zero on; NaN where `x` is below 1. Integers and bool count as float32."""
    return _acosh.call(x)


def atanh(x: Operand, /) -> Array:
    """The inverse of `tanh`; infinite at -1 and 1, NaN beyond. Integers and bool count as float32."""
    return _atanh.call(x)
