"""A variable keeps its memory to itself: what was given to it and what it gave may be disposed (SEMANTICS A6.1)."""

from __future__ import annotations

import gc
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
    v.assign(lg.zeros((LARGE,)))
    v.assign(x)
    assert place(v.value()) == place(x), "also when others share it already"
    bump = lg.function(lambda: v.assign_add(lg.ones((LARGE,))))
    bump()
    assert x.tolist() == [1] * LARGE and v.tolist() == [2] * LARGE
    address = place(v.value())
    bump()
    assert place(v.value()) == address, "nobody else holds it, so it is updated in place"


@pytest.mark.parametrize("n", [2, LARGE])
def test_a_disposed_variable_gives_its_memory_back_and_is_used_no_more(n: int) -> None:  # A6.1
    gc.collect()
    before = lg.memory()
    v = lg.Variable(np.ones(n, np.float32), name="w")
    bump, read = lg.function(lambda: v.assign_add(lg.ones((n,)))), lg.function(lambda: v * 2)
    tape = lg.function(lambda: lg.variable_grads(lambda: lg.sum(v * v))[0])
    given = bump()
    read(), tape()
    v.dispose()
    assert v.is_disposed and (v.shape, v.dtype, v.name) == ((n,), lg.float32, "w")
    assert given.tolist() == [2] * n, "what it gave stays"
    given.dispose()
    v.dispose()
    lg.dispose({"again": [v]})
    uses: list[Callable[[], object]] = [
        bump,
        read,
        tape,
        v.numpy,
        v.value,
        v.item,
        lambda: v + 1,
        lambda: v.assign(lg.zeros((n,))),
        lambda: v.assign_add(1.0),
        lg.function(lambda: v + 1),
        lg.function(lambda: v.assign(lg.zeros((n,)))),
        lambda: lg.function(lambda w: w + 1)(v),
        lambda: lg.grad(lambda x: x * v)(lg.ones((n,))),
    ]
    said = r"^Tensor is disposed\. It was disposed at .*test_variables_and_dispose\.py:\d+\."
    for use in uses:
        with pytest.raises(lg.StateError, match=said):
            use()
    assert repr(v) == f"<disposed lithograph.Variable 'w', float32[{n}]>"
    assert v._repr_html_().startswith("<div>disposed variable w")
    gc.collect()
    assert lg.memory() == before


def test_dispose_takes_variables_in_containers_and_tidy_leaves_them() -> None:  # A6.1
    v, w = lg.Variable(1.0), lg.Variable(2.0)
    lg.tidy(lambda: v.assign_add(1.0))
    assert not v.is_disposed
    inside = lg.function(lambda: (v.dispose(), lg.dispose([v]), v + 1)[2])
    assert inside().item() == 3 and v.item() == 2, "nothing happens in a trace"
    lg.dispose([v, {"w": w}])
    assert all(x.is_disposed for x in (v, w))


def test_an_optimizer_disposes_its_slots() -> None:  # A6.4
    v, optimizer = lg.Variable(1.0), lg.optimizers.adam(0.1)
    step = lg.function(lambda: optimizer.minimize(lambda: v * v))
    step()
    slots = optimizer.variables
    optimizer.dispose()
    assert len(slots) == 3 and all(s.is_disposed for s in slots) and not v.is_disposed
    with pytest.raises(lg.StateError, match=r"^Optimizer 'adam' is already disposed\."):
        optimizer.minimize(lambda: v * v)
    with pytest.raises(lg.StateError, match=r"^Tensor is disposed\."):
        step()
    optimizer.dispose()
