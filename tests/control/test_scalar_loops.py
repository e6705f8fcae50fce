"""Loops over single numbers, which become one function: what they may read, stack and contain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .programs import Function

XS = lg.tensor([1.0, 2.0, 3.0], dtype=lg.float64)
ONE_FUNCTION = "; loop over scalars"


def halved(a: Any, x: Any) -> Any:
    return a * 0.5 + x


CASES: dict[str, Function] = {
    "stacks in a loop in a loop": lambda c: lg.fori_loop(
        0, 3, lambda i, c: lg.scan(lambda a, x: (halved(a, x), a * x), c, XS)[1][1], c
    ),
    "slices of what is computed inside": lambda c: lg.fori_loop(
        0, 3, lambda i, c: lg.scan(lambda a, x: (halved(a, x), ()), c, lg.flip(XS))[0], c
    ),
    "slices of another shape": lambda c: lg.fori_loop(
        0, 3, lambda i, c: lg.scan(lambda a, x: (halved(a, x), ()), c, XS.reshape((3,)))[0], c
    ),
    "elements of what is computed inside": lambda c: lg.fori_loop(
        0, 3, lambda i, c: lg.cond(i > 1, lambda: (XS * c)[2], lambda: c + (XS + c)[i]), c
    ),
    "an array inside, read in a loop": lambda c: lg.fori_loop(
        0, 3, lambda i, c: lg.fori_loop(0, 2, lambda j, d: (XS * c)[j] + d, c), c
    ),
    "elements by an array of indices": lambda c: lg.fori_loop(
        0, 3, lambda i, c: XS[lg.tensor([0, 2])][i % 2] + c, c
    ),
    "no slices": lambda c: lg.scan(lambda a, x: (a + x, a), c, XS[:0])[0],
    "stacks, backwards": lambda c: lg.scan(lambda a, x: (halved(a, x), a * x), c, XS, reverse=True)[1][2],
    "choices in choices": lambda c: lg.fori_loop(
        0,
        6,
        lambda i, c: lg.switch(
            i % 3,
            [lambda: c + 1.0, lambda: lg.cond(c > 1.0, lambda: c * 0.5, lambda: c * 3.0), lambda: lg.sin(c)],
        ),
        c,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_same_bits_and_slopes(name: str) -> None:
    f = CASES[name]
    c = lg.tensor(0.7, dtype=lg.float64)
    assert f(c).item() == lg.function(f)(c).item()
    assert lg.grad(f)(c).item() == lg.function(lg.grad(f))(c).item()
    lg.debug.check_grads(f, (c,), order=1)


def test_they_are_one_function() -> None:
    f = lg.function(CASES["choices in choices"])
    f(lg.tensor(0.7))
    assert ONE_FUNCTION in f.ir(stage="kernels")
    assert "define i64 @loop" in f.ir(stage="llvm")


@pytest.mark.parametrize("dtype", [lg.int32, lg.int64])
@pytest.mark.parametrize("start", ["lowest", "highest", 0])
@pytest.mark.parametrize("limit", ["lowest", "highest", 3])
def test_counters_at_the_ends_of_their_range(dtype: Any, start: Any, limit: Any) -> None:
    """What counts is run a known number of times, which may not be computed with a difference that wraps."""
    info = np.iinfo(dtype.name)
    ends = {"lowest": int(info.min), "highest": int(info.max)}
    lo, hi = ends.get(start, start), ends.get(limit, limit)
    if lo < hi - 5:
        lo = hi - 5

    @lg.function
    def count(lo: Any, hi: Any) -> Any:
        return lg.while_loop(lambda c: c[0] < hi, lambda c: (c[0] + 1, c[1] + 1), (lo, 0))[1]

    assert count(lg.tensor(lo, dtype=dtype), lg.tensor(hi, dtype=dtype)).item() == max(hi - lo, 0)


def test_checks_fail_in_the_order_of_the_ops() -> None:
    @lg.function
    def divides(n: Any, x: Any) -> Any:
        def body(i: Any, c: Any) -> Any:
            return c // (3 - i) + x[i]

        return lg.fori_loop(0, n, body, 100)

    x = lg.tensor([1, 2])
    assert divides(lg.tensor(2), x).item() == (100 // 3 + 1) // 2 + 2
    with pytest.raises(lg.RangeError, match="2"):
        divides(lg.tensor(3), x)
    with pytest.raises(lg.DivisionError):
        divides(lg.tensor(4), lg.tensor([1, 2, 3]))


def test_a_condition_may_fail() -> None:
    @lg.function
    def find(x: Any) -> Any:
        return lg.while_loop(lambda i: x[i] != 0, lambda i: i + 1, 0)

    assert find(lg.tensor([3, 1, 0, 2])).item() == 2
    with pytest.raises(lg.RangeError):
        find(lg.tensor([3, 1]))
