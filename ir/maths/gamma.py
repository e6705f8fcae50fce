"""The logarithm of the gamma function and its derivatives as scalar expressions; it knows no arrays.

All is computed in float64. log gamma of k + z, with |z| <= 1/2, is z A(z) and the logarithm of a product up to 7.5, and
Stirling's series beyond; A(z) = log gamma(2 + z) / z by weighted Remez at 300 bits in mpmath, error 2^-55.2. The
derivatives of psi are sums of 1 / (x + j)^(n+1) and their asymptotic series from 8 + n on. Below, both are reflected
(Abramowitz and Stegun, 1964, 6.1.17, 6.3.18, 6.4.7 and 6.4.11).
"""

from __future__ import annotations

import math
from typing import Final

from .. import dtypes, scalar
from ..scalar import RARE, Scalar
from .logarithm import log
from .polynomial import horner, magnitude
from .trigonometric import sin, tan

_A = (
    0.42278433509846713, 0.3224670334241132, -0.06735230105319814, 0.02058080842778493, -0.007385551028668305,
    0.0028905103307132075, -0.0011927539119951929, 0.0005096695257014206, -0.00022315475085703712,
    9.945749496794229e-05, -4.492634990469158e-05, 2.0507411138944316e-05, -9.43846622628736e-06,
    4.373491443877285e-06, -2.044892916741252e-06, 9.610937083413204e-07, -4.304086966158408e-07,
    1.9660061100526091e-07, -1.3408591341639822e-07, 6.921372444975266e-08,
)  # fmt: skip
# Bernoulli's numbers B(2k), k from 1 on, as fractions.
_BERNOULLI: Final = (
    *((1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510), (43867, 798)),
    (-174611, 330),
)
_STIRLING: Final = tuple(b / (c * 2 * k * (2 * k - 1)) for k, (b, c) in enumerate(_BERNOULLI, 1))
_SEAM: Final = 7.5
# log(2 pi) / 2 - 1/2
_SHIFT: Final = 0.41893853320467274


def _in_float64(x: Scalar) -> Scalar:
    return scalar.cast(x, dtypes.float64)


def lgamma(x: Scalar) -> Scalar:
    """log |gamma(x)| within 1 ULP in float32; in float64 within 4 ULP above zero, and of 1 where that is more below."""
    wide = _in_float64(x)
    found = scalar.rarely(wide < 0.0, _log_gamma(wide), "lgamma", wide)
    return scalar.cast(found, x.dtype)


def _log_gamma(x: Scalar) -> Scalar:
    """log gamma(x) of a float64 that is not negative."""
    beyond = x > _SEAM
    k = scalar.unary("rint", x)
    z = scalar.select(beyond, 0.0, x - k)
    product = scalar.const(x.dtype, 1.0)
    for j in range(2, 7):
        product = scalar.select(k > j, product * (z + j), product)
    product = scalar.select(scalar.eq(k, 1.0) | beyond, x, product)
    product = scalar.select(k < 1.0, scalar.fma(x, x, x), product)
    logarithm = log(product)
    near = scalar.fma(z, horner(z, _A), scalar.select(k < 2.0, -logarithm, logarithm))
    inverse = 1.0 / x
    series = inverse * horner(inverse * inverse, _STIRLING)
    far = scalar.fma(x - 0.5, logarithm - 1.0, series + _SHIFT)
    return scalar.select(beyond, far, near)


def _lgamma_below_zero(x: Scalar) -> Scalar:
    """log |gamma(x)| = -log(|sin pi x| / pi) - log gamma(1 - x)."""
    beside = x - scalar.unary("rint", x)
    sine = magnitude(sin(beside * math.pi))
    found = -log(sine * (1 / math.pi)) - _log_gamma(1.0 - x)
    # At poles log gamma(1 - x) may be infinite too.
    return scalar.select(scalar.eq(beside, 0.0) | scalar.eq(x, -math.inf), math.inf, found)


RARE["lgamma"] = _lgamma_below_zero


def polygamma(n: int, x: Scalar) -> Scalar:
    """The derivative number n of psi = (log gamma)' (psi itself for 0), within 1 ULP in float32; in float64
    within 13 ULP of the result, and for psi within 4 of 1 where that is more."""
    wide = _in_float64(x)
    below = wide < 0.5
    above = _psi(n, scalar.select(below, 1.0 - wide, wide))
    beside = wide - scalar.unary("rint", wide)
    cotangent = 1.0 / tan(beside * math.pi)
    turned = _cotangents(n, cotangent) * math.pi ** (n + 1)
    reflected = (above if n % 2 == 0 else -above) - turned
    # At poles: the limit from both sides, or from one at zero, whose sign tells which.
    pole: Scalar | float = math.inf
    if n % 2 == 0:
        pole = scalar.select(scalar.eq(wide, 0.0), -1.0 / wide, math.nan)
    reflected = scalar.select(scalar.eq(beside, 0.0), pole, reflected)
    return scalar.cast(scalar.select(below, reflected, above), x.dtype)


def _psi(n: int, x: Scalar) -> Scalar:
    """Derivative number n of psi from 1/2 on."""
    shift = 8 + n
    y = x + float(shift)
    total = _asymptotic(n, y)
    sign = 1.0 if n % 2 else -1.0
    for j in reversed(range(shift)):
        inverse = 1.0 / (x + float(j))
        term = inverse
        for _ in range(n):
            term = term * inverse
        total = scalar.fma(term, sign * math.factorial(n), total)
    return total


def _asymptotic(n: int, y: Scalar) -> Scalar:
    inverse = 1.0 / y
    square = inverse * inverse
    if n == 0:
        terms = [-b / (c * 2 * k) for k, (b, c) in enumerate(_BERNOULLI, 1)]
        return log(y) - scalar.fma(square, -horner(square, terms), inverse * 0.5)
    factors = [
        b * math.factorial(2 * k + n - 1) / (c * math.factorial(2 * k)) for k, (b, c) in enumerate(_BERNOULLI, 1)
    ]
    series = horner(square, [math.factorial(n - 1), *factors])
    total = scalar.fma(inverse, math.factorial(n) / 2, series)
    for _ in range(n):
        total = total * inverse
    return total if n % 2 else -total


def _cotangents(n: int, c: Scalar) -> Scalar:
    """Derivative number n of cot(t), without its factor, as a polynomial in c = cot(t): each is -(1 + c^2) d/dc."""
    p = [0, 1]
    for _ in range(n):
        slope = [k * a for k, a in enumerate(p)][1:]
        p = [
            -((slope[k] if k < len(slope) else 0) + (slope[k - 2] if k >= 2 else 0))
            for k in range(len(slope) + 2)
        ]
    return horner(c, [float(a) for a in p])
