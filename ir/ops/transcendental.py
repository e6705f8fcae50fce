"""Rows of the elementary functions; their polynomials are in `ir/maths`, the references are made in a wider
format.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .. import maths
from ..array import Array
from ..op import Accuracy, Op, Vjp
from ..promotion import floating
from ..scalar import Scalar
from ..stage import Operand
from .arithmetic import square
from .rows import FLOAT, pointwise, wide

__all__ = ["erf", "exp", "expm1", "log", "log1p", "sigmoid", "tanh"]


def elementary(
    name: str,
    body: Callable[[Scalar], Scalar],
    accuracy: Accuracy,
    vjp: Vjp,
    low: float = -3.0,
    high: float = 3.0,
) -> Op:
    """The row of a function of one float; its reference is made in a wider format."""
    wider = accuracy.wider
    assert wider is not None, f"{name} has no reference"
    return pointwise(
        name,
        body,
        lambda x: wider(wide(x)).astype(x.dtype),
        kinds=FLOAT,
        promote=floating,
        vjp=(vjp,),
        accuracy=accuracy,
        low=low,
        high=high,
    )


def _sigmoid_of(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(np.isnan(x), x, np.where(x >= 0, 1 / (1 + e), e / (1 + e)))


def _erf_of(x: np.ndarray) -> np.ndarray:
    # math.erf is within 1 ULP of float64, the best there is without another dependency.
    return np.vectorize(math.erf, otypes=[np.float64])(x.astype(np.float64)) if x.size else x


_exp = elementary(
    "exp",
    maths.exp,
    Accuracy(1.1, 1.1, "exp(x)", np.exp, (-104.0, 89.0), (-746.0, 710.0)),
    lambda g, y, x: g * y,
)
_expm1 = elementary(
    "expm1",
    maths.expm1,
    Accuracy(1.9, 1.9, "expm1(x)", np.expm1, (-20.0, 89.0), (-40.0, 710.0)),
    lambda g, y, x: g * (y + 1),
)
_log = elementary(
    "log", maths.log, Accuracy(1.0, 1.0, "log(x)", np.log, (0.5, 2.0)), lambda g, y, x: g / x, low=0.2
)
_log1p = elementary(
    "log1p",
    maths.log1p,
    Accuracy(1.5, 1.5, "log1p(x)", np.log1p, (-1.0, 1.0)),
    lambda g, y, x: g / (x + 1),
    low=-0.7,
)
_tanh = elementary(
    "tanh",
    maths.tanh,
    Accuracy(2.1, 2.1, "tanh(x)", np.tanh, (-10.0, 10.0), symmetry="odd", within=(-1.0, 1.0)),
    lambda g, y, x: g * (1 - square(y)),
)
_sigmoid = elementary(
    "sigmoid",
    maths.sigmoid,
    Accuracy(2.5, 2.5, "1 / (1 + exp(-x))", _sigmoid_of, (-104.0, 20.0), (-746.0, 40.0), within=(0.0, 1.0)),
    lambda g, y, x: g * (y * (1 - y)),
)
_erf = elementary(
    "erf",
    maths.erf,
    Accuracy(1.1, 1.1, "erf(x)", _erf_of, (-6.0, 6.0), symmetry="odd", within=(-1.0, 1.0)),
    lambda g, y, x: g * (2 / math.sqrt(math.pi) * exp(-square(x))),
)


def exp(x: Operand, /) -> Array:
    """e to the power `x`. Integers and bool count as float32."""
    return _exp.call(x)


def expm1(x: Operand, /) -> Array:
    """`exp(x) - 1`, exact near zero. Integers and bool count as float32."""
    return _expm1.call(x)


def log(x: Operand, /) -> Array:
    """The natural logarithm; -inf at zero, NaN below. Integers and bool count as float32."""
    return _log.call(x)


def log1p(x: Operand, /) -> Array:
    """`log(1 + x)`, exact near zero. Integers and bool count as float32."""
    return _log1p.call(x)


def tanh(x: Operand, /) -> Array:
    """The hyperbolic tangent. Integers and bool count as float32."""
    return _tanh.call(x)


def sigmoid(x: Operand, /) -> Array:
    """`1 / (1 + exp(-x))`. Integers and bool count as float32."""
    return _sigmoid.call(x)


def erf(x: Operand, /) -> Array:
    """The error function. Integers and bool count as float32."""
    return _erf.call(x)
