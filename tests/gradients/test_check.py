"""`check_grads`: right gradients pass to third order, wrong ones are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .test_gradients import FUNCTIONS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_gradients_pass(name: str) -> None:
    f, at = FUNCTIONS[name]
    lg.debug.check_grads(f, (at,))
    lg.debug.check_grads(lg.function(lg.remat(f)), (at.astype(np.float32),), order=3)


def test_nests_and_constants() -> None:
    def f(p: dict[str, Any], k: lg.Array, n: int) -> tuple[lg.Array, dict[str, lg.Array]]:
        return p["w"] ** n * k, {"y": lg.exp(p["b"][0]) * p["w"].sum()}

    p = {"w": lg.tensor([1.0, 2.0]), "b": [0.5, None]}
    lg.debug.check_grads(f, (p, lg.tensor([2, 3]), 3), order=3)
    lg.debug.check_grads(lambda x, y: x * 1.0, [2.0, 3.0])  # y takes no part


def wrong(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
    return x * x, lambda dy: dy * x * 1.99


def wrong_later(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
    return x * x * x, lambda dy: dy * 3 * x * lg.stop_gradient(x)


def test_wrong_gradients_are_named() -> None:
    f = lg.custom_gradient(wrong)
    with pytest.raises(AssertionError) as error:
        lg.debug.check_grads(lambda a, b: a + f(b), (1.0, 3.0))
    text = "derivative 1 by argument 1 along 1.: jvp gives 5.97, and differences of the function give 6"
    assert isinstance(error.value, lg.GradientError)
    assert str(error.value).startswith(text)
    g = lg.custom_gradient(wrong_later)
    lg.debug.check_grads(g, (2.0,), order=1)
    with pytest.raises(lg.GradientError, match=r"derivative 2 by argument 0 along .*: jvp gives .*6, .* derivative 1"):
        lg.debug.check_grads(g, (2.0,))
    with pytest.raises(lg.GradientError, match=r"derivative 1 by argument 0 \(tensor 1 in it\) along \["):
        lg.debug.check_grads(lambda p: p["x"] + f(p["y"]).sum(), ({"x": 1.0, "y": lg.ones((2,))},))
    # What differences see and gradients do not.
    with pytest.raises(lg.GradientError, match="jvp gives 0"):
        lg.debug.check_grads(lambda x: x * 0.0 + lg.stop_gradient(x), (1.0,))


CASES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: lg.debug.check_grads(3, ()), lg.ArgumentError, "check_grads: f is a function, but "),  # type: ignore[arg-type]
    (lambda: lg.debug.check_grads(lg.exp, 1.0), lg.ArgumentError, "check_grads: args is a tuple"),  # type: ignore[arg-type]
    (lambda: lg.debug.check_grads(lg.exp, (1.0,), 0), lg.ArgumentError, "check_grads: order is a positive integer"),
    (lambda: lg.debug.check_grads(lg.exp, (1.0,), eps=2), lg.ArgumentError, "check_grads: eps is a float from 0 to 1"),
    (lambda: lg.debug.check_grads(lg.exp, (1j,)), lg.DTypeError, "check_grads: directions are drawn for real numbers"),
    (lambda: lg.debug.check_grads(lambda x: lg.astype(x, "float32"), (1.0,)), lg.DTypeError,
     "check_grads: f is compared in float64, and given that, it must return float64, but it returned float32[]"),
]  # fmt: skip


@pytest.mark.parametrize(("run", "kind", "text"), CASES, ids=range(len(CASES)))
def test_misuse(run: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as error:
        run()
    assert str(error.value).startswith(text)
