"""Elementary functions of complex numbers in many digits, on both sides of their cuts, and at infinities."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.op import Op
from lithograph.ir.registry import OPS


def _takes_complex(op: Op) -> bool:
    assert op.samples is not None
    return bool(op.samples(np.random.default_rng(0), dtypes.complex64))


ROWS = [op for op in OPS.values() if op.accuracy and op.accuracy.exact and op.name != "power" and _takes_complex(op)]


def test_the_standards_functions_are_here() -> None:
    names = {op.name for op in ROWS}
    assert names >= {
        *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "expm1", "log", "log1p", "log2"),
        *("log10", "sin", "sinh", "tan", "tanh"),
    }


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_against_many_digits(op: Op) -> None:
    rng = np.random.default_rng(0)
    z = rng.uniform(-3, 3, 200) + 1j * rng.uniform(-3, 3, 200)
    z = np.concatenate([z, z * 1e-6])
    assert op.accuracy is not None
    meaning = compile(op.accuracy.exact, op.name, "eval")
    for dtype, bound in ((np.complex64, 1.0), (np.complex128, 8.0)):
        given = z.astype(dtype)
        for a, b in zip(given, op.call(given).numpy(), strict=True):
            with mpmath.workprec(150):
                exact = eval(meaning, vars(mpmath) | {"x": mpmath.mpc(complex(a))})
                off = mpmath.fabs(mpmath.mpc(complex(b)) - exact)
                # In units of the magnitude: either part alone may cancel.
                unit = np.spacing(dtype(0).real.dtype.type(float(mpmath.fabs(exact))))
            assert off <= bound * float(unit), f"{op.name}({a}) is {b}, off by {float(off / unit):.1f} ULP"


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_conjugates_of_operands_give_conjugates(op: Op) -> None:
    parts = np.array([0.0, -0.0, 0.5, -0.5, 2.0, -2.0])
    z = np.empty((6, 6), np.complex128)
    z.real, z.imag = parts[:, None], parts
    found, mirrored = op.call(z).numpy(), np.conj(op.call(np.conj(z)).numpy())
    # Some of NumPy's differ in the last bit on the two sides.
    assert np.allclose(mirrored, found, rtol=1e-15, atol=0, equal_nan=True)
    assert np.array_equal(np.signbit(mirrored.imag) | np.isnan(found), np.signbit(found.imag) | np.isnan(found))


def test_sides_of_cuts_and_limits() -> None:
    above, below = complex(-2, 0.0), complex(-2, -0.0)
    for name in ("log", "log2", "log10"):
        f = getattr(lg, name)
        assert f(np.array([above])).tolist()[0].imag > 0 > f(np.array([below])).tolist()[0].imag
    assert lg.sqrt(np.array([above, below])).tolist() == [complex(0, math.sqrt(2)), complex(0, -math.sqrt(2))]
    assert lg.acosh(np.array([below])).tolist()[0].imag == -math.pi
    assert lg.exp(np.array([complex(-math.inf, 1.0)])).tolist() == [0]
    assert lg.log(np.array([0j])).tolist() == [complex(-math.inf, 0.0)]
    assert lg.tanh(np.array([complex(math.inf, 3.0)])).tolist() == [1]
