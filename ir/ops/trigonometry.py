"""Rows of the trigonometric functions; angles are in radians."""

from __future__ import annotations

import numpy as np

from .. import maths
from ..array import Array
from ..op import Accuracy
from ..stage import Operand
from .transcendental import elementary

__all__ = ["cos", "sin"]

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


def sin(x: Operand, /) -> Array:
    """The sine of `x` radians; NaN at infinity. Integers and bool count as float32."""
    return _sin.call(x)


def cos(x: Operand, /) -> Array:
    """The cosine of `x` radians; NaN at infinity. Integers and bool count as float32."""
    return _cos.call(x)
