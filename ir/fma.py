"""x*y + z with one rounding, in NumPy, which has no such operation; it knows floats only.

float32: the product is exact in float64, the sum there is rounded to odd, and rounding that to float32 gives
the correctly rounded result because float64 has more than 2*24 + 2 bits. float64: Boldo and Melquiond,
"Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", IEEE Trans. Computers
57 (2008), figure 4, with Dekker's product; exact unless an exponent is so extreme (beyond 2^±400, or a
product below 2^-900) that an error term leaves the format. There the operation is made in integers of Python,
element by element.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

import numpy as np

_SPLIT: Final = 134217729.0  # 2**27 + 1
_LARGE: Final = 2.0**400
_SMALL: Final = 2.0**-400


def fma(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """x*y + z, correctly rounded, for three arrays of float32 or three of float64 that broadcast together."""
    x, y, z = np.broadcast_arrays(x, y, z)
    with np.errstate(all="ignore"):
        if x.dtype == np.float32:
            wide = _add_to_odd(x.astype(np.float64) * y, z.astype(np.float64))
            return wide.astype(np.float32)
        return _fma64(x, y, z)


def _two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _two_product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p = a * b
    ca, cb = _SPLIT * a, _SPLIT * b
    ah, bh = ca - (ca - a), cb - (cb - b)
    al, bl = a - ah, b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _add_to_odd(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a + b rounded to odd: an inexact sum goes to that neighbour whose last bit is set."""
    s, error = _two_sum(a, b)
    bits = np.asarray(s).view(np.int64)
    inexact = np.isfinite(s) & (error != 0) & ((bits & 1) == 0)
    # The bits of a float, taken as an integer, grow with its magnitude.
    step = np.where((error > 0) == (s > 0), 1, -1)
    return np.where(inexact, bits + step, bits).astype(np.int64).view(np.float64)


def _fma64(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    high, low = _two_product(x, y)
    t_high, t_low = _two_sum(z, low)
    v_high, v_low = _two_sum(high, t_high)
    result = np.asarray(v_high + _add_to_odd(t_low, v_low))
    plain = np.where(np.isfinite(x) & np.isfinite(y) & ~np.isfinite(z), z, x * y + z)
    finite = np.isfinite(x) & np.isfinite(y) & np.isfinite(z)
    result = np.where(finite & (x != 0) & (y != 0), result, plain)
    sizes = [np.abs(v) for v in (x, y, z)]
    extreme = np.zeros(x.shape, np.bool_)
    for size in sizes:
        extreme |= (size > _LARGE) | ((size < _SMALL) & (size != 0))
    extreme &= finite & (x != 0) & (y != 0)
    if extreme.any():
        result = np.array(result)
        triples = zip(x[extreme].tolist(), y[extreme].tolist(), z[extreme].tolist(), strict=True)
        result[extreme] = [_exactly(*t) for t in triples]
    return result


def _exactly(x: float, y: float, z: float) -> float:
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if exact == 0:
        return x * y + z
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf
