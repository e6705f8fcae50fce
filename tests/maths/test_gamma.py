"""lgamma and polygamma in many digits, below zero too, where the generic test of bounds does not look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.array import Array
from lithograph.ir.errors import ArgumentError


def _exact(n: int, x: float) -> mpmath.mpf:
    return mpmath.re(mpmath.loggamma(x)) if n < 0 else mpmath.polygamma(n, x)


@pytest.mark.parametrize("n", [-1, 0, 1, 2, 5])
def test_against_many_digits(n: int) -> None:
    rng = np.random.default_rng(0)
    call: Callable[[np.ndarray], Array] = lg.lgamma if n < 0 else lambda x: lg.polygamma(x, n=n)
    x = np.concatenate([rng.uniform(-9, 0, 200), rng.uniform(0, 12, 200), np.exp(rng.uniform(-10, 10, 100))])
    for dtype in (np.float32, np.float64):
        given = x.astype(dtype)
        for a, b in zip(given, call(given).numpy(), strict=True):
            with mpmath.workprec(150):
                exact = _exact(n, mpmath.mpf(float(a)))
                # In float64 sums may cancel, of terms up to the factor of the cotangents.
                size = max(abs(exact), mpmath.pi ** (n + 1) if dtype is np.float64 and n in (-1, 0, 2) else 0)
                unit = np.spacing(dtype(abs(float(size))))
                off = abs(mpmath.mpf(float(b)) - exact) / mpmath.mpf(float(unit))
            assert off <= (1 if dtype is np.float32 else 14), f"{n} {a!r}: {b!r}, {float(off):.1f} ULP"


def test_orders() -> None:
    wrong: tuple[Any, ...] = (-1, 21, 1.0, True)
    for n in wrong:
        with pytest.raises(ArgumentError, match=r"^polygamma: the order must be a Python int from 0 to 20, but"):
            lg.polygamma(1.0, n=n)
    assert lg.polygamma(np.array([1.0, np.inf]), n=20).tolist()[1] == 0.0
