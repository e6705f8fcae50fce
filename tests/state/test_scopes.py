"""variable_scope and get_variable: the rules and the texts of SEMANTICS A5, eager and under `function` alike."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lithograph as lg


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    lg.reset_default_scope()
    yield
    lg.reset_default_scope()


def eagerly(body: Callable[[], object]) -> None:
    body()


def traced(body: Callable[[], object]) -> None:
    def run() -> lg.Array:
        body()
        return lg.zeros(())

    lg.function(run)()


modes = pytest.mark.parametrize("mode", [eagerly, traced])


def names() -> list[str]:
    return [v.name for v in lg.global_variables()]


def refused(body: Callable[[], object], text: str, kind: type[Exception] = ValueError) -> None:
    with pytest.raises(kind) as error:
        body()
    assert str(error.value).partition("\n")[0] == text


@modes
def test_twice_without_reuse_is_refused(mode: Callable[..., None]) -> None:  # A5
    def body() -> None:
        with lg.variable_scope("foo"):
            lg.get_variable("v", [1])
        with lg.variable_scope("foo"):
            refused(
                lambda: lg.get_variable("v", [1]),
                "Variable foo/v already exists, disallowed. Did you mean to set reuse=True or "
                "reuse=lithograph.AUTO_REUSE in VarScope?",
            )

    mode(body)
    assert names() == ["foo/v"]


@modes
def test_reuse_finds_and_makes(mode: Callable[..., None]) -> None:  # A5
    def body() -> None:
        with lg.variable_scope("foo", reuse=True):
            refused(
                lambda: lg.get_variable("v", [1]),
                "Variable foo/v does not exist, or was not created with lithograph.get_variable(). "
                "Did you mean to set reuse=lithograph.AUTO_REUSE in VarScope?",
            )
        with lg.variable_scope("foo", reuse=lg.AUTO_REUSE):
            v = lg.get_variable("v", [1])
            assert lg.get_variable("v") is v
        with lg.variable_scope("foo", reuse=True):
            assert lg.get_variable("v", [1]) is v and lg.get_variable("v", dtype=lg.float32) is v
            refused(
                lambda: lg.get_variable("v", [2]),
                "Trying to share variable foo/v, but specified shape (2,) and found shape (1,).",
            )
            refused(
                lambda: lg.get_variable("v", [1], lg.int32),
                "Trying to share variable foo/v, but specified dtype int32 and found dtype float32.",
            )

    mode(body)


def test_first_values() -> None:  # A5
    refused(
        lambda: lg.get_variable("a"),
        "Variable a did not get an initializer, so its `shape` argument must be specified.",
    )
    refused(
        lambda: lg.get_variable("a", [2], initializer=[1.0, 2.0]),
        "If initializer is a constant, do not specify shape.",
    )
    refused(
        lambda: lg.get_variable("a", [None, 2]),
        "The initializer passed is not valid. It should be a callable with no arguments and the shape should not be "
        "provided or an instance of `lithograph.initializers.*' and `shape` should be fully defined.",
    )
    assert names() == []
    assert lg.get_variable("a", initializer=[1.0, 2.0]).shape == (2,)
    assert lg.get_variable("b", initializer=lambda: lg.ones((3,))).tolist() == [1, 1, 1]
    assert lg.get_variable("c", [2], initializer=lg.initializers.constant(0.5)).tolist() == [0.5, 0.5]
    assert lg.get_variable("d", [2, 2], lg.int32).tolist() == [[0, 0], [0, 0]]
    assert lg.get_variable("e", [2], lg.bool_).tolist() == [False, False]
    w = lg.get_variable("w", [100, 50]).numpy()
    assert abs(w).max() <= np.sqrt(6 / 150) and abs(w).max() > 0.9 * np.sqrt(6 / 150)
    assert lg.get_variable("n", 3).shape == (3,)


def test_wrong_arguments_of_scopes() -> None:  # A5
    def enter(*args: Any, **kwargs: Any) -> None:
        with lg.variable_scope(*args, **kwargs):
            pass

    refused(lambda: enter("a", reuse="yes"), "The reuse parameter must be True or False or None.")
    refused(lambda: enter(None, "layer", reuse=True), "reuse=True cannot be used without a name_or_scope")
    refused(lambda: enter(None), "If default_name is None then name_or_scope is required", TypeError)
    assert lg.get_variable_scope().name == ""


def test_wrong_shapes() -> None:
    wrong: Any
    for wrong in ("ab", 1.5, [[1.0, 2.0], [3.0]], {2}):
        text = f"get_variable: shape must be an integer, a tuple or None, but {wrong!r} was given"
        refused(functools.partial(lg.get_variable, "a", wrong), text, TypeError)


def test_reuse_is_inherited() -> None:  # A5
    with lg.variable_scope("a", reuse=True) as a:
        with lg.variable_scope("b", reuse=False) as b:
            assert b.reuse is True
        with lg.variable_scope("b") as b:
            assert b.reuse is True
        with lg.variable_scope("b", reuse=lg.AUTO_REUSE) as b:
            assert b.reuse is lg.AUTO_REUSE
        assert lg.get_variable_scope() is a
    with lg.variable_scope("a") as a:
        assert a.reuse is False
        a.reuse_variables()
        with lg.variable_scope("b") as b:
            assert b.reuse is True
    assert lg.get_variable_scope().reuse is False


def test_names_nest() -> None:  # A5
    with lg.variable_scope("root"), lg.variable_scope("foo"):
        assert lg.get_variable("bar", [1]).name == "root/foo/bar"
    with lg.variable_scope("root/foo", reuse=True):
        assert lg.get_variable("bar").name == "root/foo/bar"
    with lg.variable_scope(""):
        assert lg.get_variable("top", [1]).name == "top"


def test_a_scope_that_was_kept_is_entered_at_its_place() -> None:  # A5
    with lg.variable_scope("a") as a:
        pass
    with lg.variable_scope("other"):
        with lg.variable_scope(a):
            assert lg.get_variable("x", [1]).name == "a/x"
            assert lg.Variable(0.0, name="c").name == "other/a/c"
        with lg.variable_scope(a, auxiliary_name_scope=False):
            assert lg.Variable(0.0, name="c").name == "other/c"
        assert lg.get_variable("y", [1]).name == "other/y"


def test_default_names_are_numbered_in_their_parent() -> None:  # A5
    made = []
    for _ in range(3):
        with lg.variable_scope(None, "layer"):
            made.append(lg.get_variable("w", [1]).name)
    with lg.variable_scope("q"), lg.variable_scope(None, "layer"):
        made.append(lg.get_variable("w", [1]).name)
    assert made == ["layer/w", "layer_1/w", "layer_2/w", "q/layer/w"]


def test_name_scopes_go_before_variables_but_not_those_of_get_variable() -> None:  # A5
    with lg.name_scope("ns") as ns:
        assert ns == "ns" and lg.get_variable("z", [1]).name == "z"
        assert lg.Variable(1.0, name="v").name == "ns/v"
        assert lg.Variable(1.0).name.startswith("ns/variable_")
    with lg.name_scope("ns") as again:
        assert again == "ns_1"
    with lg.variable_scope("foo"):
        assert lg.get_variable("a", [1]).name == "foo/a" and lg.Variable(0.0, name="t").name == "foo/t"
    with lg.variable_scope("foo"):
        assert lg.get_variable("b", [1]).name == "foo/b" and lg.Variable(0.0, name="t").name == "foo_1/t"


def test_settings_are_inherited_and_the_nearest_wins() -> None:  # A5
    constant = lg.initializers.constant
    with lg.variable_scope("s", initializer=constant(0.2), dtype=lg.float64, regularizer=lambda v: lg.sum(v) * 10):
        assert lg.get_variable("a", [1]).tolist() == [0.2] and lg.global_variables()[-1].dtype is lg.float64
        with lg.variable_scope("t", initializer=constant(0.3)):
            assert lg.get_variable("a", [1]).tolist() == [0.3]
            assert lg.get_variable("b", [1], initializer=constant(0.5)).tolist() == [0.5]
        refused(lambda: lg.get_variable("i", [1], lg.int32), "Expected int32, but got 0.2 of type 'float'.", TypeError)
    assert names() == ["s/a", "s/t/a", "s/t/b"]
    assert [round(x.item(), 6) for x in lg.regularization_losses()] == [2.0, 3.0, 5.0]
    assert len(lg.regularization_losses("s/t")) == 2


def test_custom_getters_wrap_each_other() -> None:  # A5
    calls = []

    def renaming(suffix: str) -> Callable[..., lg.Variable]:
        def getter(get: Callable[..., lg.Variable], name: str, *args: Any, **kwargs: Any) -> lg.Variable:
            calls.append(suffix)
            return get(name + suffix, *args, **kwargs)

        return getter

    with lg.variable_scope("s", custom_getter=renaming("_x")):
        assert lg.get_variable("v", [1]).name == "s/v_x"
        with lg.variable_scope("t", custom_getter=renaming("_y")):
            assert lg.get_variable("v", [1]).name == "s/t/v_y_x"
    assert calls == ["_x", "_y", "_x"]


def test_constraints_and_trainable_go_to_the_variable() -> None:
    with lg.variable_scope("s", constraint=lg.abs):
        v = lg.get_variable("v", [1], trainable=False)
    assert v.constraint is lg.abs and not v.trainable


def test_compiled_code_uses_what_it_found() -> None:  # BEAT-19
    @lg.function
    def step(x: lg.Array) -> lg.Array:
        with lg.variable_scope("net", reuse=lg.AUTO_REUSE):
            w = lg.get_variable("w", [2], initializer=lg.initializers.ones())
        w.assign_add(x)
        return w * x

    x = np.array([1, 2], np.float32)
    assert step(x).tolist() == [2, 6] and step(x).tolist() == [3, 10]
    with lg.variable_scope("net", reuse=True):
        assert lg.get_variable("w").tolist() == [3, 5]


def test_the_scope_of_a_block_that_raises_is_left() -> None:
    with pytest.raises(RuntimeError), lg.variable_scope("a"):
        raise RuntimeError
    assert lg.get_variable_scope().name == ""


def test_an_open_scope_keeps_its_variables() -> None:
    with lg.variable_scope("a"), pytest.raises(TypeError, match="a variable scope is in force"):
        lg.reset_default_scope()
