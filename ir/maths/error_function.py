"""erf as a scalar expression; it knows no other functions.

|x| up to a seam: x + x P(x^2). Beyond: 1 - exp(-(t + t Q(t))) with t = |x| (the form of N. Juffa's erff).
P and Q by weighted Remez at 200 bits in mpmath, for the relative error of erf: 2^-29.3 and 2^-30.3 (float32),
2^-56.1 and 2^-60.5 (float64).
"""

from __future__ import annotations

from .. import dtypes, scalar
from ..scalar import Scalar
from .exponential import exp_of_negative
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


def erf(x: Scalar) -> Scalar:
    """The error function within 1.1 ULP (float32 and float64); odd, ±1 at infinity."""
    single = x.dtype is dtypes.float32
    seam, flat = (0.921875, 3.93) if single else (1.0, 5.95)
    near = scalar.fma(x, horner(x * x, _P32 if single else _P64), x)
    t = below(magnitude(x), flat)
    far = 1.0 - exp_of_negative(-scalar.fma(t, horner(t, _Q32 if single else _Q64), t))
    return scalar.select(t > seam, signed_like(far, x), near)
