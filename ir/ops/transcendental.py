"""Rows of the elementary functions; their polynomials are in `ir/maths`, the references are made in a wider
format.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .. import maths
from ..array import Array
from ..op import Op, Vjp
from ..promotion import floating
from ..scalar import Scalar
from ..stage import Operand
from .arithmetic import square
from .rows import FLOAT, pointwise, wide

__all__ = ["erf", "exp", "expm1", "log", "log1p", "sigmoid", "tanh"]


def elementary(
    name: str,
    body: Callable[[Scalar], Scalar],
    exact: Callable[[np.ndarray], np.ndarray],
    vjp: Vjp,
    low: float = -3.0,
    high: float = 3.0,
) -> Op:
    """The row of a function of one float; `exact` computes it in a wider format."""
    return pointwise(
        name,
        body,
        lambda x: exact(wide(x)).astype(x.dtype),
        kinds=FLOAT,
        promote=floating,
        vjp=(vjp,),
        low=low,
        high=high,
    )


def _sigmoid_of(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(np.isnan(x), x, np.where(x >= 0, 1 / (1 + e), e / (1 + e)))


def _erf_of(x: np.ndarray) -> np.ndarray:
    # math.erf is within 1 ULP of float64, the best there is without another dependency.
    return np.vectorize(math.erf, otypes=[np.float64])(x.astype(np.float64)) if x.size else x


_exp = elementary("exp", maths.exp, np.exp, lambda g, y, x: g * y)
_expm1 = elementary("expm1", maths.expm1, np.expm1, lambda g, y, x: g * (y + 1))
_log = elementary("log", maths.log, np.log, lambda g, y, x: g / x, low=0.2)
_log1p = elementary("log1p", maths.log1p, np.log1p, lambda g, y, x: g / (x + 1), low=-0.7)
_tanh = elementary("tanh", maths.tanh, np.tanh, lambda g, y, x: g * (1 - square(y)))
_sigmoid = elementary("sigmoid", maths.sigmoid, _sigmoid_of, lambda g, y, x: g * (y * (1 - y)))
_erf = elementary("erf", maths.erf, _erf_of, lambda g, y, x: g * (2 / math.sqrt(math.pi) * exp(-square(x))))


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
