"""Rows of the elementary functions; their polynomials are in `ir/maths`, the references are made in a wider
format.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from .. import maths, scalar
from ..array import Array
from ..op import Accuracy, Op, Vjp
from ..promotion import floating
from ..scalar import Scalar
from ..stage import Operand
from .arithmetic import square
from .logic import isinf, where
from .rows import FLOAT, INEXACT, pointwise, wide

__all__ = [
    "cbrt",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "sigmoid",
    "tanh",
]  # fmt: skip


def elementary(
    name: str,
    body: Callable[[Scalar], Scalar],
    accuracy: Accuracy,
    vjp: Vjp,
    low: float = -3.0,
    high: float = 3.0,
    kinds: Sequence[str] = INEXACT,
) -> Op:
    """The row of a function of one float, or complex number; its reference is made in a wider format."""
    wider = accuracy.wider
    assert wider is not None, f"{name} has no reference"
    return pointwise(
        name,
        body,
        lambda x: wider(wide(x)).astype(x.dtype),
        kinds=kinds,
        promote=floating,
        vjp=(vjp,),
        accuracy=accuracy,
        low=low,
        high=high,
    )


def _log1p_of(x: np.ndarray) -> np.ndarray:
    """NumPy's of complex numbers loses what is small, and adding 1 would lose the sign of an imaginary zero."""
    if x.dtype.kind != "c":
        return np.asarray(np.log1p(x))
    moved, near = np.array(x), np.empty(x.shape, x.dtype)
    moved.real += 1
    near.real = np.log1p(x.real * (2 + x.real) + x.imag**2) / 2
    near.imag = np.arctan2(moved.imag, moved.real)
    return np.asarray(np.where(np.abs(x) < 0.5, near, np.log(moved)))


def _sigmoid_of(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(np.isnan(x), x, np.where(x >= 0, 1 / (1 + e), e / (1 + e)))


def _erf_of(x: np.ndarray) -> np.ndarray:
    # math.erf is within 1 ULP of float64, the best there is without another dependency.
    return np.vectorize(math.erf, otypes=[np.float64])(x.astype(np.float64)) if x.size else x


def _erfc_of(x: np.ndarray) -> np.ndarray:
    return np.vectorize(math.erfc, otypes=[np.float64])(x.astype(np.float64)) if x.size else x


_exp = elementary(
    "exp",
    maths.exp,
    Accuracy(1.1, 1.1, "exp(x)", np.exp, (-104.0, 89.0), (-746.0, 710.0)),
    lambda g, y, x: g * y,
)
_exp2 = elementary(
    "exp2",
    maths.exp2,
    Accuracy(1.2, 1.2, "2 ** x", np.exp2, (-150.0, 128.0), (-1076.0, 1024.0)),
    lambda g, y, x: g * (y * math.log(2)),
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
_log2 = elementary(
    "log2",
    maths.log2,
    Accuracy(1.2, 1.2, "log(x, 2)", np.log2, (0.5, 2.0)),
    lambda g, y, x: g / (x * math.log(2)),
    low=0.2,
)
_log10 = elementary(
    "log10",
    maths.log10,
    Accuracy(1.2, 1.2, "log10(x)", np.log10, (0.5, 2.0)),
    lambda g, y, x: g / (x * math.log(10)),
    low=0.2,
)
_log1p = elementary(
    "log1p",
    maths.log1p,
    Accuracy(1.5, 1.5, "log1p(x)", _log1p_of, (-1.0, 1.0)),
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
    kinds=FLOAT,
)
_erf = elementary(
    "erf",
    maths.erf,
    Accuracy(1.7, 1.7, "erf(x)", _erf_of, (-6.0, 6.0), symmetry="odd", within=(-1.0, 1.0)),
    lambda g, y, x: g * (2 / math.sqrt(math.pi) * exp(-square(x))),
    kinds=FLOAT,
)


_erfc = elementary(
    "erfc",
    maths.erfc,
    Accuracy(4.0, 4.0, "erfc(x)", _erfc_of, (-4.0, 10.1), (-6.0, 27.3), within=(0.0, 2.0)),
    lambda g, y, x: g * (-2 / math.sqrt(math.pi) * exp(-square(x))),
    kinds=FLOAT,
)
_cbrt = elementary(
    "cbrt",
    maths.cbrt,
    Accuracy(0.8, 0.8, "sign(x) * cbrt(abs(x))", np.cbrt, (-8.0, 8.0), symmetry="odd"),
    lambda g, y, x: g / (3 * square(y)),
    low=0.3,
    kinds=FLOAT,
)


def _logaddexp_body(a: Scalar, b: Scalar) -> Scalar:
    top = scalar.binary("maximum", a, b)
    apart = a - b
    below = scalar.select(apart > 0.0, -apart, apart)
    # Infinities of one sign are not apart at all.
    below = scalar.select(scalar.eq(a, b), 0.0, below)
    return top + maths.log1p(maths.exp(below))


def _share(g: Array, a: Array, b: Array) -> Array:
    return g * sigmoid(where((a == b) & isinf(a), 0, a - b))


_logaddexp = pointwise(
    "logaddexp",
    _logaddexp_body,
    lambda a, b: np.logaddexp(wide(a), wide(b)).astype(a.dtype),
    kinds=FLOAT,
    promote=floating,
    arity=2,
    low=0.3,
    vjp=(lambda g, y, a, b: _share(g, a, b), lambda g, y, a, b: _share(g, b, a)),
    # 1.5 ULP of log(2) at most, but the sum may cancel: at -1/2 and -1, which the samples hold, it is 1/20 of that.
    accuracy=Accuracy(31.0, 31.0),
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


def exp2(x: Operand, /) -> Array:
    """2 to the power `x`, exact for whole numbers. Integers and bool count as float32."""
    return _exp2.call(x)


def log2(x: Operand, /) -> Array:
    """The logarithm to base 2; -inf at zero, NaN below. Integers and bool count as float32."""
    return _log2.call(x)


def log10(x: Operand, /) -> Array:
    """The logarithm to base 10; -inf at zero, NaN below. Integers and bool count as float32."""
    return _log10.call(x)


def logaddexp(x1: Operand, x2: Operand, /) -> Array:
    """`log(exp(x1) + exp(x2))`, without overflow on the way. Integers and bool count as float32."""
    return _logaddexp.call(x1, x2)


def cbrt(x: Operand, /) -> Array:
    """The cube root, also of negative numbers. Integers and bool count as float32."""
    return _cbrt.call(x)


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


def erfc(x: Operand, /) -> Array:
    """`1 - erf(x)`, accurate also where it is tiny. Integers and bool count as float32."""
    return _erfc.call(x)
