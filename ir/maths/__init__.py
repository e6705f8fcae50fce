"""Elementary functions, each defined once as a scalar expression of IEEE arithmetic; no arrays here."""

from .error_function import erf
from .exponential import exp, expm1, sigmoid, tanh
from .logarithm import log, log1p
from .power import power
from .trigonometric import cos, sin

__all__ = ["cos", "erf", "exp", "expm1", "log", "log1p", "power", "sigmoid", "sin", "tanh"]
