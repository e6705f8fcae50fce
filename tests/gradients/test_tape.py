"""Tapes: what they watch and remember, what they give, when they let go; nested, and eager like compiled."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .test_gradients import FUNCTIONS, same_bits


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_bits_of_grad_eager_and_compiled(name: str) -> None:  # law 1
    f, at = FUNCTIONS[name]

    def taped(x: lg.Array) -> Any:
        with lg.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    def second(x: lg.Array) -> Any:
        with lg.GradientTape() as outer:
            outer.watch(x)
            with lg.GradientTape() as inner:
                inner.watch(x)
                y = f(x)
            g: Any = inner.gradient(y, x)
            along = (g * g).sum()
        return outer.gradient(along, x)

    x = lg.tensor(at)
    expected = lg.grad(f)(x)
    assert same_bits(taped(x), expected)
    assert same_bits(lg.function(taped)(at), expected)
    assert same_bits(second(x), lg.grad(lambda v: (lg.grad(f)(v) * lg.grad(f)(v)).sum())(x))
    assert same_bits(lg.function(second)(at), second(x))


def test_variables_that_are_trainable_are_watched() -> None:
    w, fixed = lg.Variable([2.0, 3.0], name="w"), lg.Variable([5.0, 7.0], trainable=False, name="fixed")
    x = lg.tensor([1.0, 10.0])

    def run() -> Any:
        with lg.GradientTape(persistent=True) as tape:
            y = w * w * x * fixed
        by = {"w": w, "rest": [fixed, x]}
        return tape.gradient(y, by), tape.gradient(y, by, unconnected_gradients="zero")

    for found, zeros in (run(), lg.function(run)()):
        assert found["w"].tolist() == [20, 420] and found["rest"] == [None, None]
        assert [z.tolist() for z in zeros["rest"]] == [[0, 0], [0, 0]]
    with lg.GradientTape() as tape:
        tape.watch([fixed, {"x": x}])
        y = lg.function(lambda: w * fixed * x)()
    assert [g.tolist() for g in tape.gradient(y, [fixed, x])] == [[2, 30], [10, 21]]  # type: ignore[attr-defined]


def test_assignments_on_the_way() -> None:
    w = lg.Variable(3.0, name="w")

    def run() -> Any:
        with lg.GradientTape() as tape:
            w.assign(w * 2)
            y = w.value() * w
        return tape.gradient(y, w)

    assert run().item() == 24 and w.numpy() == 6  # y = (2 w0)^2
    w.assign(3.0)
    assert lg.function(run)().item() == 24 and w.numpy() == 6


def test_intermediate_results_seeds_and_nests() -> None:
    x = lg.tensor([2.0, 3.0])
    with lg.GradientTape(persistent=True) as tape:
        before = x * 100
        tape.watch(x)
        y = x * x
        z = {"a": y * y, "b": [x + before]}
    assert tape.gradient(z["a"], [y, x])[0].tolist() == [8, 18]  # type: ignore[index]
    assert tape.gradient(z, x).tolist() == [33, 109]  # type: ignore[attr-defined]
    dy = {"a": lg.tensor([1.0, 0.0]), "b": [lg.tensor([0.0, 2.0])]}
    assert tape.gradient(z, x, output_gradients=dy).tolist() == [32, 2]  # type: ignore[attr-defined]
    assert tape.gradient(y, x, output_gradients=[10.0, 1.0]).tolist() == [40, 6]  # type: ignore[attr-defined]
    assert tape.gradient(before, x) is None
    assert tape.gradient(x, x).tolist() == [1, 1]  # type: ignore[attr-defined]


def test_jacobian() -> None:
    x, w = lg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), lg.Variable([1.0, -1.0, 2.0], name="w")

    def run(x: lg.Array) -> Any:
        with lg.GradientTape() as tape:
            tape.watch(x)
            y = lg.tanh(x @ w)
        return tape.jacobian(y, {"x": x, "w": w, "none": lg.ones((4,))})

    found = run(x)
    expected = lg.jacobian(lambda x, w: lg.tanh(x @ w), argnums=(0, 1))(x, w.value())
    assert same_bits(found["x"], expected[0]) and same_bits(found["w"], expected[1]) and found["none"] is None
    compiled = lg.function(run)(x)
    assert same_bits(compiled["x"], found["x"]) and same_bits(compiled["w"], found["w"])
    with lg.GradientTape() as tape:
        y = x * w
    assert tape.jacobian(y, x, unconnected_gradients="zero").shape == (2, 3, 2, 3)  # type: ignore[attr-defined]


def test_tapes_and_other_transforms() -> None:
    def cube(x: lg.Array) -> Any:
        with lg.GradientTape() as tape:
            tape.watch(x)
            y = x * x * x
        return tape.gradient(y, x)

    x = lg.tensor(2.0)
    for f in (cube, lg.function(cube)):
        assert lg.grad(f)(x).item() == 12 and lg.grad(lg.grad(f))(x).item() == 6
        assert lg.jvp(f, (x,), (x,))[1].item() == 24 and lg.hessian(f)(x).item() == 6
    with lg.GradientTape() as tape:
        tape.watch(x)
        y: Any = lg.grad(lambda v: v * v * x)(x)
    assert tape.gradient(y, x).item() == 8  # type: ignore[attr-defined]
    with lg.GradientTape() as first:
        first.watch(x)
        y = x * x
    with lg.GradientTape() as later:
        later.watch(x)
        slope: Any = first.gradient(y, x)
    assert later.gradient(slope, x).item() == 2  # type: ignore[attr-defined]


def test_inside_of_its_own_block() -> None:
    x = lg.tensor(2.0)
    with lg.GradientTape() as tape:
        tape.watch(x)
        y = x * x * x
        g: Any = tape.gradient(y, x)
        assert g.item() == 12
    with lg.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x * x
        g = tape.gradient(y, x)
    assert tape.gradient(g, x).item() == 12  # type: ignore[attr-defined]


def test_it_goes_on_where_it_was_left() -> None:
    x = lg.tensor(2.0)
    tape = lg.GradientTape()
    with tape:
        tape.watch(x)
        y = x * x
    y = y * 5
    with tape:
        z = x * x * x
    assert tape.gradient([y, z], x).item() == 12  # type: ignore[attr-defined]


def test_memory_is_let_go() -> None:
    gc.collect()
    x = lg.ones((1000,))
    before = lg.memory().num_bytes
    with lg.GradientTape() as tape:
        for _ in range(20):
            lg.tanh(x)
        assert lg.memory().num_bytes - before < 8000  # nothing of what is not watched is held
        tape.watch(x)
        y = x
        for _ in range(20):
            y = lg.tanh(y)
    assert lg.memory().num_bytes - before >= 20 * 4000
    g = tape.gradient(y, x)
    del y
    assert lg.memory().num_bytes - before < 3 * 4000
    del g


def test_errors_leave_the_block() -> None:
    tape = lg.GradientTape()
    with pytest.raises(ZeroDivisionError), tape:
        raise ZeroDivisionError
    assert (lg.tensor(1.0) + 1).item() == 2
    with pytest.raises(lg.StateError, match="watches inside of its `with` block only"):
        tape.watch(lg.tensor(1.0))


def used(persistent: bool = False) -> tuple[lg.GradientTape, lg.Array, lg.Array]:
    x = lg.tensor([1.0, 2.0])
    with lg.GradientTape(persistent) as tape:
        tape.watch(x)
        y = x * x
    return tape, y, x


def twice() -> object:
    tape, y, x = used()
    tape.gradient(y, x)
    return tape.gradient(y, x)


def again() -> object:
    tape, y, x = used()
    tape.gradient(y, x)
    with tape:
        return y


def nested() -> object:
    with lg.GradientTape() as tape, tape:
        return tape


def call(*args: Any, target: object = None, sources: object = None, **kwargs: Any) -> object:
    tape, y, x = used(True)
    return tape.gradient(y if target is None else target, x if sources is None else sources, *args, **kwargs)


CASES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (twice, RuntimeError, "A non-persistent GradientTape can only be used to compute one set of gradients (or "),
    (again, lg.StateError, "this GradientTape was used up; make a new one, or a persistent one"),
    (nested, lg.StateError, "this GradientTape is recording already; make another one for a block inside"),
    (lambda: lg.GradientTape().gradient(lg.tensor(1.0), []), lg.StateError, "this GradientTape recorded nothing yet"),
    (lambda: lg.GradientTape().watch(lg.tensor(1.0)), lg.StateError, "a GradientTape watches inside of its `with`"),
    (lambda: call(target=lg.tensor([1])), lg.DTypeError, "a gradient is taken of floats, but the target is int32[1]"),
    (lambda: call(target=3.0), lg.ArgumentError, "a gradient is taken of a tensor, but the target is "),
    (lambda: call(sources=lg.tensor([1])), lg.DTypeError, "gradient: a gradient is taken by floats, but int32[1] was"),
    (lambda: call(sources=[1.0]), lg.ArgumentError, "gradient: tensors and variables are differentiated by, but "),
    (lambda: call(unconnected_gradients="no"), lg.ArgumentError, 'unconnected_gradients is "none" or "zero", but '),
    (lambda: call(None, np.ones(2)), lg.ArgumentError, 'unconnected_gradients is "none" or "zero", but '),
    (lambda: call([1.0]), lg.ShapeError, "the shapes of output_gradients must match those of the target: (1,) was"),
    (lambda: call(lg.ones((2,)), target=[lg.ones((2,))]), lg.ArgumentError, "output_gradients must have the "),
]  # fmt: skip


@pytest.mark.parametrize(("run", "kind", "text"), CASES, ids=range(len(CASES)))
def test_misuse(run: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as error:
        run()
    assert str(error.value).startswith(text) and isinstance(error.value, lg.LithographError)
    assert (lg.tensor(1.0) + 1).item() == 2
