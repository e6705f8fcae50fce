"""Rows of the logarithm of the gamma function and of its derivatives."""

from __future__ import annotations

import math

import numpy as np

from .. import maths
from ..array import Array
from ..attrs import Attrs, intern
from ..dtypes import DType
from ..errors import ArgumentError
from ..op import Accuracy, Op, Pointwise, Sample
from ..promotion import floating
from ..records import dataclass
from ..scalar import Scalar
from ..stage import Operand, located
from .rows import FLOAT, edges, pointwise_type, quiet, values
from .transcendental import elementary

__all__ = ["digamma", "lgamma", "polygamma"]

_MOST = 20
_PI = np.longdouble("3.14159265358979323846264338327950288")


@dataclass(frozen=True, slots=True)
class Order(Attrs):
    """How often a function is differentiated."""

    order: int


def _lgamma_of(x: np.ndarray) -> np.ndarray:
    """By the recurrence up to 40, Stirling's series there, and the reflection formula, in long double."""
    wide = x.astype(np.longdouble)
    below = wide < 0.5
    y = np.where(below, 1 - wide, wide)
    product = np.ones_like(y)
    for _ in range(40):
        product = np.where(y < 40, product * y, product)
        y = np.where(y < 40, y + 1, y)
    series = 1 / y * (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / y**2) / y**2) / y**2)
    above = (y - 0.5) * (np.log(y) - 1) + (np.log(2 * _PI) - 1) / 2 + series - np.log(product)
    beside = wide - np.rint(wide)
    reflected = -np.log(np.abs(np.sin(_PI * beside)) / _PI) - above
    reflected = np.where((beside == 0) | (wide == -np.inf), np.inf, reflected)
    found = np.where((wide == 1) | (wide == 2), 0, np.where(below, reflected, above))
    # Beside 1 and 2 it is no better than float64.
    return found.astype(np.float64)


def _positive(rng: np.random.Generator, dtype: DType, count: int) -> tuple[np.ndarray]:
    some = np.concatenate([rng.uniform(0, 12, count // 2), np.exp(rng.uniform(-80, 80, count // 2))])
    return (some.astype(dtype.numpy),)


_lgamma = elementary(
    "lgamma",
    maths.lgamma,
    # Below zero two terms may cancel: at -2.5, which the samples hold, to 1/20 of them.
    Accuracy(1.0, 20.0, "re(loggamma(x)) if x > 0 else None", _lgamma_of, draw=_positive),
    lambda g, y, x: g * digamma(x),
    low=0.3,
    kinds=FLOAT,
)


def _polygamma_body(x: Scalar, attrs: Attrs) -> Scalar:
    assert isinstance(attrs, Order)
    return maths.polygamma(attrs.order, x)


def _polygamma_of(x: np.ndarray, attrs: Order) -> np.ndarray:
    """By the recurrence up to 40, the asymptotic series there, and the reflection formula, in long double."""
    n = attrs.order
    wide = x.astype(np.longdouble)
    below = wide < 0.5
    y = np.where(below, 1 - wide, wide)
    sign = -1 if n % 2 == 0 else 1
    total = np.zeros_like(y)
    for _ in range(40):
        shifted = y < 40
        total = total + np.where(shifted, sign * math.factorial(n) / y ** (n + 1), 0)
        y = np.where(shifted, y + 1, y)
    leading = -np.log(y) if n == 0 else math.factorial(n - 1) / y**n
    leading = leading + math.factorial(n) / (2 * y ** (n + 1))
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
    for k, b in enumerate(bernoulli, 1):
        factor = math.factorial(2 * k + n - 1) / math.factorial(2 * k)
        leading = leading + np.longdouble(b) * factor / y ** (2 * k + n)
    total = total + sign * leading
    angle = _PI * (wide - np.rint(wide))
    slopes = np.polynomial.Polynomial([0, 1])
    for _ in range(n):
        slopes = slopes.deriv() * np.polynomial.Polynomial([-1, 0, -1])
    cotangent = np.cos(angle) / np.sin(angle)
    reflected = -sign * total - _PI ** (n + 1) * slopes(cotangent)
    pole = np.where(wide == 0, np.copysign(np.inf, -wide), np.nan) if n % 2 == 0 else np.inf
    reflected = np.where(np.isfinite(wide) & (wide == np.rint(wide)), pole, reflected)
    return np.where(below, reflected, total).astype(x.dtype)


def _polygamma_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if not dtype.is_float:
        return []
    some = [values(rng, dtype, shape, 0.3, 6.0) for shape in ((3, 4), (), (2, 0))]
    return [
        *(((x,), intern(Order(n))) for x, n in zip(some, (0, 1, 2), strict=True)),
        *(((edges(dtype),), intern(Order(n))) for n in (0, 1, 3)),
    ]


def _polygamma_slope(g: Array, y: Array, x: Array, attrs: Order) -> Array:
    return g * _polygamma.call(x, intern(Order(attrs.order + 1)))


_polygamma = Op(
    "polygamma",
    infer=pointwise_type("polygamma", FLOAT),
    promote=floating,
    reference=quiet(_polygamma_of),
    lowering=Pointwise(_polygamma_body),
    vjp=(_polygamma_slope,),
    attrs=Order,
    samples=_polygamma_samples,
    # Above 2 within 13 ULP; but near zeros of psi terms cancel: at 1.5 and -0.5, which the samples hold, to 1/60.
    accuracy=Accuracy(1.0, 200.0),
)


def lgamma(x: Operand, /) -> Array:
    """The logarithm of the gamma function's magnitude; infinite at poles. Integers and bool count as float32."""
    return _lgamma.call(x)


def digamma(x: Operand, /) -> Array:
    """The derivative of `lgamma`, psi; NaN at negative whole numbers. Integers and bool count as float32."""
    return _polygamma.call(x, intern(Order(0)))


@located
def polygamma(x: Operand, /, *, n: int) -> Array:
    """The derivative number `n` of `digamma`; `n` is a Python int from 0 to 20. Integers and bool count as float32.

    Raises:
        ArgumentError: `n` is something else.
    """
    if type(n) is not int or not 0 <= n <= _MOST:
        raise ArgumentError(f"polygamma: the order must be a Python int from 0 to {_MOST}, but {n!r} was given")
    return _polygamma.call(x, intern(Order(n)))
