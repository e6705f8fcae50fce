"""Elementary functions, each defined once as a scalar expression of IEEE arithmetic; no arrays here."""

from .error_function import erf, erfc
from .exponential import cosh, exp, exp2, expm1, sigmoid, sinh, tanh
from .gamma import lgamma, polygamma
from .inverse_hyperbolic import acosh, asinh, atanh
from .inverse_trigonometric import acos, asin, atan, atan2
from .logarithm import log, log1p, log2, log10
from .power import power
from .root import cbrt
from .trigonometric import cos, sin, tan

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "cos",
    "cosh",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "lgamma",
    "log",
    "log1p",
    "log2",
    "log10",
    "polygamma",
    "power",
    "sigmoid",
    "sin",
    "sinh",
    "tan",
    "tanh",
]
