"""What SEMANTICS A5 to A6.4 and API 4 to 6 say, as far as no other test asks for it; texts are compared whole."""

from __future__ import annotations

import gc
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lithograph as lg

HERE = r"tests/state/test_contract\.py"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    lg.reset_default_scope()
    yield
    lg.reset_default_scope()


@pytest.fixture
def since() -> Iterator[Callable[[], tuple[int, ...]]]:
    """What memory() counts beyond what it did before the test: tensors, buffers, bytes."""
    _ = lg.square(lg.ones((2, 3))) + lg.scalar(1.0)
    gc.collect()
    before = lg.memory()
    yield lambda: tuple(a - b for a, b in zip(lg.memory(), before, strict=True))


Since = Callable[[], tuple[int, ...]]


def first_line(call: Callable[[], object], kind: type[Exception]) -> str:
    with pytest.raises(kind) as error:
        call()
    return str(error.value).partition("\n")[0]


# A5


def test_the_error_for_a_name_that_exists_says_where_it_was_made() -> None:  # A5: "Originally defined at"
    lg.get_variable("v", [1])
    with pytest.raises(ValueError, match=rf"(?s)VarScope\?\nIt was made at .*{HERE}:\d+"):
        lg.get_variable("v", [1])


def test_the_root_is_entered_by_its_scope() -> None:  # A5
    root = lg.get_variable_scope()
    with lg.variable_scope("a"), lg.variable_scope(root) as inside:
        assert inside.name == "" and lg.get_variable("x", [1]).name == "x"
    with lg.variable_scope("a"):
        assert lg.get_variable_scope().name == "a"
    assert lg.get_variable_scope() is root


def test_a_path_equals_nested_scopes_for_every_rule() -> None:  # A5
    with lg.variable_scope("a/b"):
        v = lg.get_variable("v", [1])
    with lg.variable_scope("a"), lg.variable_scope("b", reuse=True):
        assert lg.get_variable("v", [1]) is v
    with lg.variable_scope("a"), lg.variable_scope("b"):
        said = first_line(lambda: lg.get_variable("v", [1]), ValueError)
    assert said.startswith("Variable a/b/v already exists, disallowed.")


def test_reusing_for_good_lasts_until_the_scope_is_left() -> None:  # A5
    with lg.variable_scope("a") as scope:
        v = lg.get_variable("v", [1])
        scope.reuse_variables()
        assert lg.get_variable("v") is v and lg.get_variable("v", [1]) is v
    with lg.variable_scope("a") as again:
        assert again.reuse is False
    with lg.variable_scope(scope):
        assert lg.get_variable("v") is v, "a scope that was kept reuses as it did"


def test_regularizers_are_asked_for_the_value_of_now_and_give_gradients() -> None:  # A5
    with lg.variable_scope("s", regularizer=lambda v: lg.sum(lg.square(v)) * 0.5):
        w = lg.get_variable("w", initializer=[1.0, 2.0])
        lg.get_variable("b", initializer=[5.0], regularizer=lambda v: lg.sum(v) * 0.0)

    @lg.function
    def step() -> None:
        _, grads = lg.variable_grads(lambda: sum(lg.regularization_losses(), lg.scalar(0.0)), [w])
        w.assign_sub(grads["s/w"])

    assert [x.item() for x in lg.regularization_losses()] == [2.5, 0]
    step()
    assert w.tolist() == [0, 0] and lg.regularization_losses("s/w")[0].item() == 0


# A6.1


def test_the_numbers_of_views(since: Since) -> None:  # A6.1, BEAT-20
    a = lg.ones((2, 3))
    assert since() == (1, 1, 24)
    b = a.reshape(6)
    assert since() == (2, 1, 24)
    a.dispose()
    assert since() == (1, 1, 24)
    b.dispose()
    assert since() == (0, 0, 0)


@pytest.mark.parametrize("n", [3, 1000])
def test_assigning_shares_one_buffer_and_lets_the_old_one_go(since: Since, n: int) -> None:  # A6.1
    v, x = lg.Variable(np.zeros(n, np.float32)), lg.ones((n,))
    assert since() == (2, 2, 8 * n)
    v.assign(x).dispose()
    assert since() == (2, 1, 4 * n), "the old buffer went with its last tensor"
    x.dispose()
    assert since() == (1, 1, 4 * n) and v.tolist() == [1] * n
    held = v.value()
    v.assign(lg.zeros((n,))).dispose()
    assert since() == (2, 2, 8 * n) and held.tolist() == [1] * n
    held.dispose()
    v.dispose()
    assert since() == (0, 0, 0)


def test_what_is_kept_outlives_every_tidy_until_it_is_disposed(since: Since) -> None:  # A6.1
    kept: list[lg.Array] = []
    lg.tidy(lambda: lg.tidy(lambda: lg.tidy(lambda: kept.append(lg.keep(lg.scalar(1.0))))))
    with lg.tidy():
        pass
    assert since() == (1, 1, 4) and kept[0].item() == 1
    kept[0].dispose()
    assert since() == (0, 0, 0)


def test_profiles_want_a_function() -> None:  # A6.1
    for ask in (lg.profile, lg.time):
        said = first_line(lambda ask=ask: ask(3), TypeError)  # type: ignore[misc]
        assert said == f"{ask.__name__}: a function of no arguments is wanted, not a int"


def test_a_run_keeps_within_its_memory_plan() -> None:  # API 6
    v = lg.Variable(np.ones((64, 64), np.float32))
    x = lg.tensor(np.ones((64, 64), np.float32))
    programs: list[Callable[[], Any]] = [
        lambda: lg.softmax(x @ x, axis=1).sum(),
        lambda: [lg.sort(x * 2, axis=0), lg.cumulative_sum(x, axis=0), lg.exp(x)],
        lambda: v.assign_add(x @ v),
        lambda: lg.grad(lambda y: lg.sum(lg.tanh(y @ x)))(x),
        lambda: lg.linalg.inv(x + lg.eye(64) * 3),
    ]
    for program in programs:
        f = lg.function(program)
        f()
        (planned,) = re.findall(r"peak (\d+) bytes beyond the inputs", f.memory_plan())
        gc.collect()
        assert 0 < lg.debug.peak_bytes(f) <= int(planned), f.memory_plan()


# A6.2, API 4


def test_a_variable_has_every_operator_and_method_of_a_tensor() -> None:  # API 4
    t, v = lg.tensor([[1.0]]), lg.Variable([[1.0]])
    # NumPy asks for __array__, which gives a view that never changes; the Tensor of the Python call path has a __del__.
    own = {"__array_interface__", "__buffer__", "__del__"}
    assert [n for n in dir(t) if not n.startswith("_") and not hasattr(v, n)] == []
    protocols = [n for n in dir(t) if n.startswith("__") and n not in own]
    assert [n for n in protocols if not hasattr(v, n)] == []
    assert [row.tolist() for row in v] == [[1]] and complex(v) == 1 and v.T.shape == (1, 1)
    assert "abc"[lg.Variable(1)] == "b"
    for give in (v.value, lambda: v.assign([[2.0]]), lambda: v.assign_add(1.0), lambda: v.assign_sub(1.0)):
        assert type(give()) is lg.Tensor


def test_a_variable_prints_itself(capsys: pytest.CaptureFixture[str]) -> None:  # API 4
    lg.Variable([1.0], name="w").print()
    assert capsys.readouterr().out == "<lithograph.Variable 'w', float32[1]\n[1.]>\n"


def test_automatic_names_are_unique() -> None:  # A6.2, API 5
    made = [lg.Variable(0.0) for _ in range(100)]
    with lg.name_scope("s"):
        made += [lg.Variable(0.0) for _ in range(100)]
    assert len({v.name for v in made}) == 200
    value, grads = lg.variable_grads(lambda: sum((v * 1.0 for v in made), lg.scalar(0.0)))
    assert value.item() == 0 and len(grads) == 200


@pytest.mark.parametrize("way", ["eager", "compiled"])
def test_wrong_assignments_say_both_and_change_nothing(way: str) -> None:  # A6.2
    v = lg.Variable([1.0, 2.0, 3.0], name="v")
    for value, kind, text in (
        ([1.0, 2.0], lg.ShapeError, "shape of the new value (2,) and previous value (3,) must match (variable 'v')"),
        (lg.scalar(1.0), lg.ShapeError, "shape of the new value () and previous value (3,) must match (variable 'v')"),
        (np.array([1, 2, 3], np.int32), lg.DTypeError,
         "dtype of the new value (int32) and previous value (float32) must match (variable 'v')"),
        (np.zeros(3), lg.DTypeError,
         "dtype of the new value (float64) and previous value (float32) must match (variable 'v')"),
    ):  # fmt: skip

        def step(value: object = value) -> None:
            v.assign(v * 2)
            v.assign(value)

        run = lg.function(step) if way == "compiled" else lambda value=value: v.assign(value)
        assert first_line(run, kind) == text
        assert v.tolist() == [1, 2, 3]


# A6.3


CONNECTION = (
    "Cannot find a connection between any variable and the result of the loss function y=f(x). Please make sure the "
    "operations that use variables are inside the function f passed to {}()."
)


def test_the_texts_of_gradients() -> None:  # A6.3
    x, v = lg.tensor([1.0, 2.0]), lg.Variable([1.0, 2.0], name="w")
    other, fixed = lg.Variable(1.0, name="w"), lg.Variable(1.0, trainable=False)
    same = "two variables are named 'w': one is float32[2], the other float32[]; gradients are keyed by name, so give "
    for call, kind, text in (
        (lambda: lg.grads(lambda a, b: a * 2)(x, x), ValueError,
         "Cannot compute gradient of y=f(x) with respect to x. Make sure that the f you passed encloses all operations "
         "that lead from x to y."),
        (lambda: lg.variable_grads(lambda: v * 2), ValueError,
         "The f passed in variable_grads(f) must return a scalar, but it returned a rank-1 tensor"),
        (lambda: lg.variable_grads(lambda: fixed * 2, [fixed]), TypeError,
         "variable_grads() expects at least one of the input variables to be trainable, but none of the 1 variables is "
         "trainable."),
        (lambda: lg.variable_grads(lambda: lg.sum(x)), ValueError, CONNECTION.format("variable_grads")),
        (lambda: lg.optimizers.sgd(0.1).minimize(lambda: lg.sum(x)), ValueError, CONNECTION.format("minimize")),
        (lambda: lg.grad(lambda x: x * x)(x, dy=[1.0, 2.0, 3.0]), ValueError,
         "The shape of dy passed in grad(f)(x, dy) must match the shape returned by f(x): dy has (3,), f(x) has (2,)"),
        (lambda: lg.variable_grads(lambda: lg.sum(v) * other), TypeError, same + "each its own"),
    ):  # fmt: skip
        assert first_line(call, kind) == text
        assert first_line(lg.function(call), kind) == text


def test_unused_variables_are_absent_and_listed_ones_are_none() -> None:  # A6.3
    a, b, c = (lg.Variable(k, name=n) for k, n in ((3.0, "a"), (2.0, "b"), (1.0, "c")))
    ways: list[Callable[[Any], Any]] = [lambda f: f, lg.function]
    for way in ways:
        _, grads = way(lambda: lg.variable_grads(lambda: a * a + b))()
        assert {n: g.item() for n, g in grads.items()} == {"a": 6, "b": 1}
        _, grads = way(lambda: lg.variable_grads(lambda: a * a + b, [c, a]))()
        assert list(grads) == ["c", "a"] and grads["c"] is None and grads["a"].item() == 6


def test_a_disconnected_input_is_an_error_at_the_outermost_call_only() -> None:  # API 5
    x = lg.scalar(3.0)
    free = lg.grad(lambda y: lg.scalar(2.0))
    assert first_line(lambda: free(x), ValueError).startswith("Cannot compute gradient of y=f(x)")
    assert first_line(lambda: lg.function(free)(x), ValueError).startswith("Cannot compute gradient of y=f(x)")
    for outer in (lg.grad, lambda f: lg.function(lg.grad(f))):
        assert outer(lambda x: x * x + free(x))(x).item() == 6
    # A function is traced by itself, for whoever calls it, so in it this is the outermost one.
    alone = lg.grad(lg.function(lambda x: x * x + free(x)))
    assert first_line(lambda: alone(x), ValueError).startswith("Cannot compute gradient of y=f(x)")
    with lg.GradientTape() as tape:
        tape.watch(x)
        y = x * x + free(x)
    assert tape.gradient(y, x).item() == 6  # type: ignore[attr-defined]


# A6.4


DEFAULTS: dict[str, dict[str, object]] = {
    "sgd": {"learning_rate": 0.01},
    "momentum": {"learning_rate": 0.01, "momentum": 0.9, "nesterov": False},
    "adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999},
    "adamax": {"learning_rate": 0.002, "beta_1": 0.9, "beta_2": 0.999},
    "adadelta": {"learning_rate": 0.001, "rho": 0.95},
    "adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1},
    "rmsprop": {"learning_rate": 0.001, "decay": 0.9, "momentum": 0.0, "centered": False},
}
NAMED = {"sgd": 0.01, "adam": 0.001, "adamax": 0.002, "adagrad": 0.01, "adadelta": 1.0, "rmsprop": 0.001}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_of_optimizers(name: str) -> None:  # A6.4
    given = inspect.signature(getattr(lg.optimizers, name)).parameters
    assert {k: given[k].default for k in DEFAULTS[name]} == DEFAULTS[name]
    if name in NAMED:
        assert lg.optimizers.get(name).learning_rate.item() == np.float32(NAMED[name])


def test_an_unknown_optimizer() -> None:  # A6.4
    assert first_line(lambda: lg.optimizers.get("nope"), ValueError) == "Unknown Optimizer nope"


def test_slots_are_variables_that_compiled_steps_write_in_place() -> None:  # A6.4, API 7
    w = lg.Variable(np.ones(1000, np.float32), name="w")
    optimizer = lg.optimizers.adam(0.1)
    step = lg.function(lambda: optimizer.minimize(lambda: lg.sum(w * w)))
    step()
    slots = optimizer.variables[1:]
    assert [(s.name, s.trainable, s.shape, type(s)) for s in slots] == [
        (f"w/adam/{n}", False, (1000,), lg.Variable) for n in ("m", "v")
    ]

    def places() -> list[int]:
        return [v.value().numpy().ctypes.data for v in (w, *slots)]

    before = places()
    for _ in range(3):
        step()
        assert places() == before, "nobody else holds them, so they are updated where they lie"
    held = w.value()
    step()
    assert places()[0] != before[0] and places()[1:] == before[1:] and held.tolist() != w.tolist()


def test_minimize_gives_the_cost_where_it_is_asked_for() -> None:  # A6.4
    x, optimizer = lg.Variable(2.0), lg.optimizers.sgd(0.1)
    cost = optimizer.minimize(lambda: x * x, return_cost=True)
    assert cost is not None and cost.item() == 4
    assert optimizer.minimize(lambda: x * x) is None
