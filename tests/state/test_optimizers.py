"""Optimizers: the numbers of SEMANTICS A6.4, eager and compiled; schedules, clipping, decay, errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg
from lithograph.optimizers import Optimizer, schedules

o = lg.optimizers
# x = 2, f = x², rate 0.1, three steps.
NUMBERS: dict[str, tuple[Callable[[], Optimizer], list[float]]] = {
    "sgd": (lambda: o.sgd(0.1), [1.6, 1.28, 1.024]),
    "momentum": (lambda: o.momentum(0.1), [1.6, 0.92, 0.124]),
    "nesterov": (lambda: o.momentum(0.1, nesterov=True), [1.24, 0.4448, -0.216704]),
    "adagrad": (lambda: o.adagrad(0.1), [1.900311, 1.831543, 1.776297]),
    "adam": (lambda: o.adam(0.1), [1.900001, 1.800168, 1.700626]),
    "adamax": (lambda: o.adamax(0.1), [1.9, 1.802534, 1.707648]),
    "rmsprop": (lambda: o.rmsprop(0.1), [1.683772, 1.473875, 1.308718]),
    "rmsprop centered": (lambda: o.rmsprop(0.1, momentum=0.5, centered=True), [1.666667, 1.26834, 0.896942]),
    "adadelta": (lambda: o.adadelta(0.1), [1.999859, 1.999715, 1.999571]),  # BEAT-22
    "adamw": (lambda: o.adamw(0.1), [1.899201, 1.79861, 1.698352]),
    "nadam": (lambda: o.nadam(0.1), [1.893721, 1.818223, 1.749721]),
    "lion": (lambda: o.lion(0.1), [1.9, 1.8, 1.7]),
    "ftrl": (lambda: o.ftrl(0.1), [1.742689, 1.677111, 1.623741]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_three_steps(name: str) -> None:  # A6.4
    make, expected = NUMBERS[name]
    eager: list[float] = []
    compiled: list[float] = []
    for found, wrap in ((eager, lambda f: f), (compiled, lg.function)):
        x, optimizer = lg.Variable(2.0), make()

        def step(x: lg.Variable = x, optimizer: Optimizer = optimizer) -> lg.Array:
            cost = optimizer.minimize(lambda: lg.square(x), return_cost=True)
            assert cost is not None
            return cost

        run = wrap(step)
        for _ in range(3):
            run()
            found.append(x.numpy().item())
        assert optimizer.iterations.item() == 3
    # The figures have six decimals.
    assert np.allclose(eager, expected, rtol=0, atol=1.1e-6) and eager == compiled


def test_a_compiled_step_is_one_program() -> None:
    w, optimizer = lg.Variable(np.ones((4, 3), np.float32), name="w"), o.adam(0.01)

    @lg.function
    def step(x: lg.Array) -> None:
        optimizer.minimize(lambda: lg.sum(lg.square(x @ w)))

    for _ in range(3):
        step(np.ones((2, 4), np.float32))
    assert step.trace_count == 1
    assert [v.name for v in optimizer.variables] == ["adam/iterations", "w/adam/m", "w/adam/v"]
    assert "state w: " in step.memory_plan() and "updated in place" in step.memory_plan()


def test_gradients_by_name_and_by_pairs() -> None:
    a, b = lg.Variable(1.0, name="a"), lg.Variable(2.0, name="b")
    optimizer = o.sgd(0.5)
    value, grads = optimizer.compute_gradients(lambda: a * b)
    assert value.item() == 2 and {n: g.item() for n, g in grads.items() if g is not None} == {"a": 2, "b": 1}
    optimizer.apply_gradients(grads)
    assert (a.item(), b.item()) == (0, 1.5)
    optimizer.apply_gradients([(lg.tensor(1.0), b), (None, a)])
    assert (a.item(), b.item()) == (0, 1)
    assert optimizer.minimize(lambda: lg.square(b), var_list=[b]) is None and b.item() == 0


def test_two_variables_may_have_one_name() -> None:
    a, b = lg.Variable(1.0, name="w"), lg.Variable(1.0, name="w")
    o.sgd(0.5).minimize(lambda: a + 2 * b)
    assert (a.item(), b.item()) == (0.5, 0)


def test_limits_of_gradients() -> None:
    def after(**options: float) -> list[float]:
        v, w = lg.Variable([3.0, 4.0]), lg.Variable([0.0])
        o.sgd(1.0, **options).minimize(lambda: lg.sum(v * lg.tensor([3.0, 4.0])) + 12 * lg.sum(w))
        return [*(lg.tensor([3.0, 4.0]) - v).tolist(), *(-w).tolist()]

    assert after() == [3, 4, 12]
    assert after(clip_value=3.5) == [3, 3.5, 3.5]
    assert np.allclose(after(clip_norm=2.5), [1.5, 2, 2.5], rtol=1e-6)
    assert np.allclose(after(global_clip_norm=6.5), [1.5, 2, 6], rtol=1e-6)
    assert np.allclose(after(weight_decay=0.5), [4.5, 6, 12], rtol=1e-6)


def test_constraints_are_applied() -> None:
    v = lg.Variable([1.0, -1.0], constraint=lg.relu)
    o.sgd(0.5).minimize(lambda: lg.sum(v * v))
    assert v.tolist() == [0, 0]
    v.assign([1.0, 1.0])
    o.sgd(2.0).minimize(lambda: lg.sum(v))
    assert v.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("schedule", "steps", "expected"),
    [
        (schedules.exponential_decay(0.5, 2, 0.25), [0, 1, 2, 4], [0.5, 0.25, 0.125, 0.03125]),
        (schedules.exponential_decay(0.5, 2, 0.25, staircase=True), [0, 1, 2, 3], [0.5, 0.5, 0.125, 0.125]),
        (schedules.inverse_time_decay(1.0, 1, 1.0), [0, 1, 3], [1, 0.5, 0.25]),
        (schedules.polynomial_decay(1.0, 4, end=0.5), [0, 2, 4, 9], [1, 0.75, 0.5, 0.5]),
        (schedules.cosine_decay(1.0, 10), [0, 5, 10, 20], [1, 0.5, 0, 0]),
        (schedules.cosine_decay(0.0, 10, warmup_steps=4, warmup_target=2.0), [0, 2, 4, 9, 14], [0, 1, 2, 1, 0]),
        (schedules.piecewise_constant([2, 4], [1.0, 0.5, 0.1]), [0, 2, 3, 4, 5], [1, 1, 0.5, 0.5, 0.1]),
    ],
)
def test_schedules(schedule: schedules.Schedule, steps: list[int], expected: list[float]) -> None:
    compiled = lg.function(schedule)
    for step, rate in zip(steps, expected, strict=True):
        at = lg.tensor(step, dtype=lg.int64)
        assert abs(schedule(at).item() - rate) < 1e-7 and compiled(at).item() == schedule(at).item()


def test_rates_can_be_set_and_follow_schedules() -> None:
    x, optimizer = lg.Variable(0.0), o.sgd(1.0)
    step = lg.function(lambda: optimizer.minimize(lambda: x))
    step()
    optimizer.learning_rate = 0.25
    step()
    assert x.item() == -1.25
    y, scheduled = lg.Variable(0.0), o.sgd(schedules.piecewise_constant([0], [1.0, 0.25]))
    for _ in range(3):
        scheduled.minimize(lambda: y)
    assert y.item() == -1.5
    with pytest.raises(lg.StateError, match="the learning rate follows a schedule"):
        scheduled.learning_rate = 0.1


def test_weights_go_out_and_in() -> None:
    v, one, other = lg.Variable([1.0, 2.0]), o.adam(0.1), o.adam(0.1)
    one.minimize(lambda: lg.sum(v * v))
    kept = v.numpy().copy(), one.get_weights()
    one.minimize(lambda: lg.sum(v * v))
    after = v.tolist()
    v.assign(kept[0])
    other.apply_gradients([(lg.zeros((2,)), v)])
    other.set_weights(kept[1])
    v.assign(kept[0])
    other.minimize(lambda: lg.sum(v * v))
    assert v.tolist() == after
    with pytest.raises(lg.ArgumentError, match="it keeps 3 values, but 1 were given"):
        other.set_weights(kept[1][:1])


def test_what_does_not_fit_changes_nothing() -> None:
    v, w, optimizer = lg.Variable([1.0, 2.0], name="v"), lg.Variable(1.0), o.momentum(0.1)
    with pytest.raises(lg.ShapeError, match=r"the gradient of 'v' has shape \(3,\), and the variable \(2,\)"):
        optimizer.apply_gradients([(lg.ones(()), w), (lg.ones((3,)), v)])
    with pytest.raises(lg.ArgumentError, match="no variable 'nobody' was met"):
        optimizer.apply_gradients({"nobody": lg.ones(())})
    with pytest.raises(lg.ArgumentError, match="there is no gradient to apply"):
        optimizer.apply_gradients([])
    with pytest.raises(lg.DomainError, match=r"the function f passed to minimize\(\)\."):  # A6.3
        optimizer.minimize(lambda: lg.ones(()))
    with pytest.raises(lg.ShapeError, match=r"The f passed in minimize\(f\) must return a scalar"):
        optimizer.minimize(lambda: v * 1)
    assert (v.tolist(), w.item(), optimizer.iterations.item()) == ([1, 2], 1, 0)
    optimizer.dispose()
    with pytest.raises(lg.StateError, match="already disposed"):
        optimizer.minimize(lambda: w * w)
    with pytest.raises(lg.DomainError, match="Unknown Optimizer nope"):
        o.get("nope")
    assert o.get("sgd").learning_rate.item() == np.float32(0.01)
    with pytest.raises(lg.ArgumentError, match="growing boundaries and one value more"):
        schedules.piecewise_constant([1], [1.0])
