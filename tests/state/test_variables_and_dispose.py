"""A variable keeps its memory to itself: what was given to it and what it gave may be disposed (SEMANTICS A6.1)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg

pytestmark = pytest.mark.callpath

LARGE = 1000


@pytest.mark.parametrize("n", [2, LARGE])
@pytest.mark.parametrize(
    "hand_out",
    [
        lambda v: v.value(),
        lg.tensor,
        lg.asarray,
        lambda v: v.assign(v.value() * 1),
        lambda v: lg.function(lambda: v)(),
        lambda v: lg.function(lambda: v.assign_add(lg.zeros(v.shape)))(),
        lambda v: lg.function(lambda: (v.value(), v.value() + 1))()[0],
        lambda v: +v.value(),
    ],
)
def test_what_it_gave_may_be_disposed(n: int, hand_out: Callable[[lg.Variable], lg.Array]) -> None:
    v = lg.Variable(np.ones(n, np.float32))
    for _ in range(2):
        given = hand_out(v)
        assert given.tolist() == [1] * n
        given.dispose()
        assert v.tolist() == [1] * n and (v + 1).tolist() == [2] * n


@pytest.mark.parametrize("n", [2, LARGE])
def test_what_was_given_to_it_may_be_disposed(n: int) -> None:
    x, y = lg.ones((n,)), lg.full((n,), 2.0)
    v = lg.Variable(x)
    x.dispose()
    assert v.tolist() == [1] * n
    v.assign(y)
    y.dispose()
    assert v.tolist() == [2] * n


def place(x: lg.Array) -> int:
    """Where the elements of a tensor lie."""
    return x.numpy().ctypes.data


def test_they_share_one_buffer_until_an_update() -> None:  # A6.1
    v, x = lg.Variable(np.zeros(LARGE, np.float32)), lg.ones((LARGE,))
    v.assign(x)
    assert place(v.value()) == place(x)
    bump = lg.function(lambda: v.assign_add(lg.ones((LARGE,))))
    bump()
    assert x.tolist() == [1] * LARGE and v.tolist() == [2] * LARGE
    address = place(v.value())
    bump()
    assert place(v.value()) == address, "nobody else holds it, so it is updated in place"
