"""erf and erfc as scalar expressions; it knows no other functions.

erf x = 1 - exp(-(x + x Q(x))) for x >= 0 (the form of N. Juffa's erff), where 1 - exp has a small relative error too.
Q by weighted Remez at 250 bits in mpmath, for the relative error of erf: 2^-27.8 (float32) and 2^-56.0 (float64).
erfc x = R(q) exp(-x^2) / (1 + 2x) for x >= 0, with q = (x - k) / (x + k), k = 2 or 4 (Shepherd and Laframboise, 1981),
and 2 - erfc(-x) below; what the rounding of x^2 loses goes into the exponential. R by weighted Remez, up to where
erfc is 0: 2^-25.9 and 2^-54.1.
"""

from __future__ import annotations

from .. import dtypes, scalar
from ..scalar import Scalar
from .exponential import exp_of_sum, one_minus_exp
from .polynomial import below, even_odd, horner, magnitude, signed_like

_Q32 = (
    0.12837916612625122, 0.6366195678710938, 0.10277630388736725, -0.01914782077074051,
    -0.00016951491124927998, 0.0016756975091993809, -0.0006373823271133006, 0.00011886909487657249,
    -9.38915036385879e-06,
)  # fmt: skip
_Q64 = (
    0.12837916709551256, 0.6366197723675836, 0.10277260330178856, -0.019128447005066218,
    -0.00020919469488874095, 0.0016962063860755604, -0.0005901255545133099, 2.5878609981448244e-05,
    6.449184594601387e-05, -2.972401652547386e-05, 3.407219807627841e-06, 2.835195752973482e-06,
    -1.7416013619374717e-06, 3.3640677129135744e-07, 1.371554877371763e-07, -1.4174835516108496e-07,
    6.572790882210077e-08, -2.0960825636004627e-08, 4.997232798740783e-09, -9.081282516492107e-10,
    1.2482664144711807e-10, -1.2609406765770357e-11, 8.844357008543437e-13, -3.8499537897326403e-14,
    7.832937790779551e-16,
)  # fmt: skip
_R32 = (
    1.2769783735275269, -0.09276392310857773, -0.16603097319602966, 0.1640547215938568, -0.05420722812414169,
    -0.008058439008891582, 0.008639144711196423, 0.0013143079122528434, -0.0012365189613774419,
    -0.000403854064643383,
)  # fmt: skip
_R64 = (
    1.2329951186255526, -0.13962111684056286, 0.015379652102620036, 0.06809705425473443, -0.10103906603631738,
    0.09373283499688795, -0.06633036581218536, 0.03716751556104271, -0.01619773405294683,
    0.005031969768482145, -0.0007577733737754512, -0.00019925557371710517, 0.0001506223421817211,
    -2.440295207823746e-05, -1.1224954963665384e-05, 5.717442986752208e-06, 3.0147263835397713e-07,
    -8.346167949915239e-07, 6.274083358536659e-08, 1.1498724993206402e-07, -7.822169405173189e-09,
    -1.3572945803460829e-08, -1.7761832021965832e-09,
)  # fmt: skip


def erf(x: Scalar) -> Scalar:
    """The error function within 1.7 ULP (float32 and float64); odd, ±1 at infinity."""
    single = x.dtype is dtypes.float32
    t = below(magnitude(x), 3.93 if single else 5.95)
    v = scalar.fma(t, horner(t, _Q32) if single else even_odd(t, _Q64), t)
    return signed_like(one_minus_exp(-v), x)


def erfc(x: Scalar) -> Scalar:
    """1 - erf(x) within 4 ULP (float32 and float64), also where it is tiny; 2 at -inf."""
    single = x.dtype is dtypes.float32
    middle = 2.0 if single else 4.0
    t = below(magnitude(x), 10.3 if single else 27.5)
    ratio = (t - middle) / (t + middle)
    square = t * t
    decay = exp_of_sum(-square, -scalar.fma(t, t, -square))
    tail = horner(ratio, _R32 if single else _R64) / scalar.fma(t, 2.0, 1.0) * decay
    return scalar.select(x < 0.0, 2.0 - tail, tail)
