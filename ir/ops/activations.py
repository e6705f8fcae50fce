"""Composites for networks: each a plain function of rows, so that fusion and gradients come by themselves."""

from __future__ import annotations

import math

from ..array import Array
from ..stage import Operand, located
from .axes import AxisArgument
from .conversion import stop_gradient
from .logic import isfinite, where
from .reductions import as_floats, max, sum
from .transcendental import erf, exp, log, log1p, tanh

__all__ = ["gelu", "log_softmax", "logsumexp", "softmax", "softplus"]


@located
def gelu(x: Operand, /, *, approximate: bool = False) -> Array:
    """`x` times the normal distribution's probability below `x`; `approximate`: by tanh (Hendrycks and
    Gimpel, 2016).
    """
    a = as_floats("gelu", x)
    if approximate:
        return 0.5 * a * (1 + tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * (a * a * a))))
    return 0.5 * a * (1 + erf(a * math.sqrt(0.5)))


@located
def softplus(x: Operand, /) -> Array:
    """`log(1 + exp(x))`, without overflow."""
    a = as_floats("softplus", x)
    above = a >= 0
    return log1p(exp(where(above, -a, a))) + where(above, a, 0)


@located
def logsumexp(x: Operand, /, *, axis: AxisArgument = None, keepdims: bool = False) -> Array:
    """The logarithm of the sum of exponentials over `axis`, without overflow."""
    a = as_floats("logsumexp", x)
    peak = stop_gradient(max(a, axis=axis, keepdims=True))
    shift = where(isfinite(peak), peak, 0)
    result = log(sum(exp(a - shift), axis=axis, keepdims=keepdims))
    return result + (shift if keepdims else max(shift, axis=axis))


@located
def softmax(x: Operand, /, *, axis: AxisArgument = -1) -> Array:
    """Exponentials divided by their sum over `axis`; NaN where all are -inf."""
    e = exp(_shifted("softmax", x, axis))
    return e / sum(e, axis=axis, keepdims=True)


@located
def log_softmax(x: Operand, /, *, axis: AxisArgument = -1) -> Array:
    """The logarithm of `softmax`, without loss of accuracy."""
    s = _shifted("log_softmax", x, axis)
    return s - log(sum(exp(s), axis=axis, keepdims=True))


def _shifted(name: str, x: Operand, axis: AxisArgument) -> Array:
    a = as_floats(name, x)
    return a - stop_gradient(max(a, axis=axis, keepdims=True))
