"""Composites for networks: each a plain function of rows, so that fusion and gradients come by themselves."""

from __future__ import annotations

import math

from ..array import Array
from ..stage import Operand, located
from .arithmetic import abs, clip
from .axes import AxisArgument, flag
from .conversion import stop_gradient
from .logic import isfinite, where
from .reductions import as_floats, max, sum
from .transcendental import erf, exp, expm1, log, log1p, sigmoid, tanh

__all__ = [
    "elu", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "log_sigmoid", "log_softmax", "logsumexp", "mish",
    "relu6", "selu", "silu", "softmax", "softplus", "softsign",
]  # fmt: skip


@located
def gelu(x: Operand, /, *, approximate: bool = False) -> Array:
    """`x` times the normal distribution's probability below `x`; `approximate`: by tanh (Hendrycks and
    Gimpel, 2016).
    """
    a = as_floats("gelu", x)
    if flag("gelu", "approximate", approximate):
        return 0.5 * a * (1 + tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * (a * a * a))))
    return 0.5 * a * (1 + erf(a * math.sqrt(0.5)))


@located
def softplus(x: Operand, /) -> Array:
    """`log(1 + exp(x))`, without overflow."""
    a = as_floats("softplus", x)
    above = a >= 0
    return log1p(exp(where(above, -a, a))) + where(above, a, 0)


@located
def log_sigmoid(x: Operand, /) -> Array:
    """The logarithm of `sigmoid`, without loss of accuracy."""
    return -softplus(-as_floats("log_sigmoid", x))


@located
def silu(x: Operand, /) -> Array:
    """`x * sigmoid(x)`, also called swish (Elfwing and others, 2017)."""
    a = as_floats("silu", x)
    return a * sigmoid(a)


@located
def mish(x: Operand, /) -> Array:
    """`x * tanh(softplus(x))` (Misra, 2019)."""
    a = as_floats("mish", x)
    return a * tanh(softplus(a))


@located
def elu(x: Operand, /, *, alpha: float = 1.0) -> Array:
    """`x` above zero, `alpha * (exp(x) - 1)` elsewhere (Clevert and others, 2015)."""
    a = as_floats("elu", x)
    above = a > 0
    return where(above, a, alpha * expm1(where(above, 0, a)))


@located
def selu(x: Operand, /) -> Array:
    """`elu` scaled so that layers normalise themselves; the constants are those of Klambauer and others, 2017."""
    return 1.0507009873554805 * elu(as_floats("selu", x), alpha=1.6732632423543772)


@located
def leaky_relu(x: Operand, /, *, slope: float = 0.2) -> Array:
    """`x` above zero, `slope * x` elsewhere."""
    a = as_floats("leaky_relu", x)
    return where(a > 0, a, slope * a)


@located
def relu6(x: Operand, /) -> Array:
    """`x` limited to 0 from below and to 6 from above."""
    return clip(x, 0, 6)


@located
def hard_sigmoid(x: Operand, /) -> Array:
    """`x / 6 + 1/2` limited to 0 and 1."""
    return clip(as_floats("hard_sigmoid", x) / 6 + 0.5, 0, 1)


@located
def hard_silu(x: Operand, /) -> Array:
    """`x * hard_sigmoid(x)`, also called hard swish (Howard and others, 2019)."""
    a = as_floats("hard_silu", x)
    return a * hard_sigmoid(a)


@located
def softsign(x: Operand, /) -> Array:
    """`x / (1 + abs(x))`."""
    a = as_floats("softsign", x)
    return a / (1 + abs(a))


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
