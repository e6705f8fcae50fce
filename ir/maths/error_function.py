"""erf and erfc as scalar expressions; it knows no other functions.

|x| up to a seam: x + x P(x^2). Beyond: 1 - exp(-(t + t Q(t))) with t = |x| (the form of N. Juffa's erff).
P and Q by weighted Remez at 200 bits in mpmath, for the relative error of erf: 2^-29.3 and 2^-30.3 (float32),
2^-56.1 and 2^-60.5 (float64).
erfc x = R(q) exp(-x^2) / (1 + 2x) for x >= 0, with q = (x - k) / (x + k), k = 2 or 4 (Shepherd and Laframboise, 1981),
and 2 - erfc(-x) below; what the rounding of x^2 loses goes into the exponential. R by weighted Remez, up to where
erfc is 0: 2^-25.9 and 2^-54.1.
"""

from __future__ import annotations

from .. import dtypes, scalar
from ..scalar import Scalar
from .exponential import exp_between, exp_of_sum
from .polynomial import below, horner, magnitude, signed_like

_P32 = (
    0.12837916612625122, -0.3761262893676758, 0.11283625662326813, -0.026855729520320892,
    0.005192389711737633, -0.0008049399475567043, 7.993860344868153e-05,
)  # fmt: skip
_Q32 = (
    0.12864959239959717, 0.6351467967033386, 0.10624443739652634, -0.023768659681081772,
    0.0036456244997680187, -0.0003235954500269145, 1.1311872185615357e-05,
)  # fmt: skip
_P64 = (
    0.1283791670955126, -0.376126389031841, 0.11283791670971109, -0.026866170648035273,
    0.005223977652751384, -0.0008548328540192398, 0.00012055386388475252, -1.4926886942099166e-05,
    1.6481158709175054e-06, -1.6558307934626757e-07, 1.602191783620943e-08, -1.6501126251076592e-09,
    1.4409586199476808e-10,
)  # fmt: skip
_Q64 = (
    0.12837920142211842, 0.6366193612641707, 0.1027749157671112, -0.019136573962276172,
    -0.00018917470416261953, 0.0016594560049723332, -0.0005379777213582376, -3.263412240735929e-05,
    0.0001170920559562344, -6.778269938995373e-05, 2.5447845891614186e-05, -7.146623604450465e-06,
    1.5593207551089285e-06, -2.6552597514439093e-07, 3.4781723194462295e-08, -3.3928413343001815e-09,
    2.3232892893794937e-10, -9.965676591120543e-12, 2.014232563244273e-13,
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
    """The error function within 1.1 ULP (float32 and float64); odd, ±1 at infinity."""
    single = x.dtype is dtypes.float32
    seam, flat = (0.921875, 3.93) if single else (1.0, 5.95)
    near = scalar.fma(x, horner(x * x, _P32 if single else _P64), x)
    t = below(magnitude(x), flat)
    far = 1.0 - exp_between(-scalar.fma(t, horner(t, _Q32 if single else _Q64), t))
    return scalar.select(t > seam, signed_like(far, x), near)


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
