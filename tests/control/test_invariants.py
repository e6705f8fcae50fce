"""What is the same in all iterations of a loop is computed before it, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.errors import LithographError
from lithograph.tracer.pytree import flatten

W = np.random.default_rng(0).standard_normal((6, 6)).astype(np.float32)
X = np.random.default_rng(1).standard_normal((3, 6)).astype(np.float32)


def counted(x: Any, w: Any) -> Any:
    return lg.fori_loop(0, 5, lambda i, x: lg.tanh(x @ (w / lg.sqrt(lg.sum(w * w)))), x)


def unchanged(x: Any, w: Any) -> Any:
    """What is carried and handed on as it is counts too."""

    def body(carry: Any) -> Any:
        x, k, w = carry
        return lg.tanh(x @ lg.exp(w * 0.1)) / 3.0, k + 1, w

    return lg.while_loop(lambda c: c[1] < 4, body, (x, 0, w))[0]


def condition(x: Any, w: Any) -> Any:
    """In the condition, and in both."""

    def more(carry: Any) -> Any:
        return lg.logical_and(lg.max(lg.abs(carry[0])) > lg.max(lg.abs(w)) * 1e-3, carry[1] < 20)

    return lg.while_loop(more, lambda c: (c[0] * 0.5 + lg.max(lg.abs(w)) * 1e-4, c[1] + 1), (x, 0))


def nested(x: Any, w: Any) -> Any:
    """From the inner loop to before the outer one, and only as far as it is the same."""

    def outer(x: Any, row: Any) -> tuple[Any, Any]:
        def inner(i: Any, x: Any) -> Any:
            return lg.sin(x @ lg.exp(w * 0.1) / 9.0) * lg.exp(lg.sum(row * row) * 0.01)

        x = lg.fori_loop(0, 3, inner, x)
        return x, lg.sum(x)

    return lg.scan(outer, x, x)


def several(x: Any, w: Any) -> Any:
    """Some values are used by others that leave the loop, and by what stays."""

    def step(x: Any, i: Any) -> tuple[Any, Any]:
        e = lg.exp(w * 0.1)
        s = lg.softmax(e @ e, axis=-1)
        return x @ s + e[0], (lg.sum(e) * i, s[0])

    return lg.scan(step, x, lg.arange(4.0))


def sorted_rows(x: Any, w: Any) -> Any:
    return lg.fori_loop(0, 3, lambda i, x: lg.sin(x * lg.sort(w, axis=0)[2]) + lg.cumulative_sum(w, axis=0)[4], x)


LOOPS = [counted, unchanged, condition, nested, several, sorted_rows]


def same(a: Any, b: Any) -> None:
    for x, y in zip(flatten(a)[0], flatten(b)[0], strict=True):
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


@pytest.mark.parametrize("function", LOOPS, ids=lambda f: f.__name__)
def test_the_bits_are_those_of_eager_calls(function: Callable[..., Any]) -> None:
    def total(x: Any, w: Any) -> Any:
        leaves: list[Any] = flatten(function(x, w))[0]
        return sum([lg.sum(leaf) for leaf in leaves if leaf.dtype.is_float], lg.tensor(0.0))

    same(function(lg.tensor(X), lg.tensor(W)), lg.function(function)(X, W))
    gradient = lg.grad(total, argnums=(0, 1))
    same(gradient(lg.tensor(X), lg.tensor(W)), lg.function(gradient)(X, W))


def loops(function: Callable[..., Any]) -> str:
    """The text of the loops, without what stands before and after them."""
    lines = lg.function(function).ir(X, W, stage="optimized").splitlines()
    start = next(k for k, line in enumerate(lines) if " = scan(" in line or " = while(" in line)
    return "\n".join(lines[start:])


def test_costly_work_stands_before_its_loop() -> None:
    assert not any(op in loops(counted) for op in (" sum(", " sqrt(", " divide("))
    assert " exp(" not in loops(unchanged)
    assert loops(condition).count(" max(") == 1
    assert loops(nested).count(" exp(") == 1
    assert not any(op in loops(sorted_rows) for op in (" sort(", " cumulative_sum("))


def test_views_and_short_work_stay() -> None:
    def stays(x: Any, w: Any) -> Any:
        return lg.fori_loop(0, 3, lambda i, x: x * (w[0] * 2.0 + 1.0), x)

    assert " multiply(" in loops(stays)
    assert lg.function(stays).ir(X, W, stage="optimized").count("fused(") == 2


def test_what_may_fail_stays_in_a_loop_that_never_runs() -> None:
    zero = lg.tensor(np.zeros(3, np.int32))

    def divided(n: Any) -> Any:
        return lg.fori_loop(0, n, lambda i, x: x + lg.sum(7 // zero), lg.tensor(np.int32(1)))

    f = lg.function(divided)
    assert int(f(lg.tensor(np.int32(0)))) == 1
    with pytest.raises(LithographError, match="zero"):
        f(lg.tensor(np.int32(2)))


def test_random_numbers_of_one_key_are_the_same_in_each_iteration() -> None:
    def drawn(x: Any) -> Any:
        key = lg.random.key(3)
        return lg.fori_loop(0, 4, lambda i, x: x + lg.random.normal((3, 6), key=key) * x, x)

    same(drawn(lg.tensor(X)), lg.function(drawn)(X))


def test_variables_that_a_loop_assigns_are_no_invariants() -> None:
    def stepped(v: lg.Variable, x: Any) -> Any:
        def body(i: Any, x: Any) -> Any:
            v.assign(v * 0.5)
            return x * lg.exp(lg.sum(v * v))

        return lg.fori_loop(0, 3, body, x)

    eager, compiled = lg.Variable(W), lg.Variable(W)
    made = stepped(eager, lg.tensor(X))
    same(made, lg.function(stepped)(compiled, X))
    same(eager.value(), compiled.value())
