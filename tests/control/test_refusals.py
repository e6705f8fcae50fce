"""What loops and choices refuse, word for word, called eagerly and in a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import lithograph as lg

X = lg.tensor([1.0, 2.0])
V = lg.Variable(1.0, name="v")


def grows(i: Any, c: Any) -> Any:
    return lg.concat([c, c])


def mutates(i: Any, c: Any) -> Any:
    c[0] = 1.0
    return [X]


BOTH: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "a loop without a function": (
        lambda: lg.while_loop(1, lambda c: c, X),  # type: ignore[arg-type]
        lg.ArgumentError,
        "while_loop: cond_fn is a function, but 1 was given",
    ),
    "a condition that is a number": (
        lambda: lg.while_loop(lambda c: c.sum(), lambda c: c, X),
        lg.DTypeError,
        "what cond_fn of while_loop returns must be a scalar bool, but it is float32[]; compare it with something",
    ),
    "a condition that is many": (
        lambda: lg.while_loop(lambda c: c > 0, lambda c: c, X),
        lg.ShapeError,
        "what cond_fn of while_loop returns must be a scalar bool, but it is bool[2]; take any(...) or all(...) of it",
    ),
    "a condition that is nothing": (
        lambda: lg.while_loop(lambda c: None, lambda c: c, X),
        lg.ArgumentError,
        "what cond_fn of while_loop returns must be a scalar bool, but it is None",
    ),
    "other containers": (
        lambda: lg.while_loop(lambda c: c[0].sum() < 5.0, lambda c: [c[0]], (X, X)),
        lg.ArgumentError,
        "body_fn of while_loop must return its carry in the containers that it came in: it came as (*, *) and was "
        "returned as [*]",
    ),
    "another shape": (
        lambda: lg.fori_loop(0, 2, grows, X),
        lg.ShapeError,
        "body_fn of fori_loop: its carry comes as float32[2] and is returned as float32[4]; its shape must stay",
    ),
    "another dtype": (
        lambda: lg.fori_loop(0, 2, lambda i, c: c > 0, X),
        lg.DTypeError,
        "body_fn of fori_loop: its carry comes as float32[2] and is returned as bool[2]; its type must stay, so "
        "convert one of them with astype",
    ),
    "a number that does not fit": (
        lambda: lg.fori_loop(0, 2, lambda i, c: (c[0], 1.5), (X, 0)),
        lg.DTypeError,
        "body_fn of fori_loop: part 1 of its carry comes as int32[]; the Python float 1.5 cannot become int32 without "
        "astype",
    ),
    "a carry that is changed in place": (
        lambda: lg.fori_loop(0, 2, mutates, [X]),
        lg.ArgumentError,
        "body_fn of fori_loop changed its carry in place and returned another one; return the new carry",
    ),
    "a carry that is no tensor": (
        lambda: lg.fori_loop(0, 2, lambda i, c: c, "a"),
        lg.ArgumentError,
        "fori_loop: a tensor or a number is wanted, but 'a' was given",
    ),
    "a bound that is no integer": (
        lambda: lg.fori_loop(0, 2.5, lambda i, c: c, X),  # type: ignore[arg-type]
        lg.ArgumentError,
        "fori_loop: hi is an integer, but 2.5 was given",
    ),
    "a bound that no integer holds": (
        lambda: lg.fori_loop(0, 2**63, lambda i, c: c, X),
        lg.IntegerOverflow,
        "fori_loop: hi is 9223372036854775808, which does not fit int64",
    ),
    "a limit that is no integer": (
        lambda: lg.while_loop(lambda c: True, lambda c: c, X, maximum_iterations=1.5),  # type: ignore[arg-type]
        lg.ArgumentError,
        "while_loop: maximum_iterations is an integer, but 1.5 was given",
    ),
    "no number of iterations": (
        lambda: lg.scan(lambda c, a: (c, a), X),
        lg.ArgumentError,
        "scan: without xs the number of iterations must be given as length",
    ),
    "another number of iterations": (
        lambda: lg.scan(lambda c, a: (c, a), X, X, length=3),
        lg.ShapeError,
        "scan: the first axis of float32[2] has 2 slices, and length is 3",
    ),
    "slices of a scalar": (
        lambda: lg.scan(lambda c, a: (c, a), X, 1.0),
        lg.ShapeError,
        "scan: slices are taken along the first axis, but float32[] has none",
    ),
    "different extents": (
        lambda: lg.scan(lambda c, a: (c, a[0]), X, (X, lg.zeros((3,)))),
        lg.ShapeError,
        "scan: the first axis of float32[3] has 3 slices, and another has 2",
    ),
    "nothing to map over": (
        lambda: lg.map(lambda a: a, ()),
        lg.ArgumentError,
        "map: there is nothing in xs to map over",
    ),
    "a choice by many": (
        lambda: lg.cond(X > 0.0, lambda: X, lambda: X),
        lg.ShapeError,
        "pred of cond must be a scalar bool, but it is bool[2]; take any(...) or all(...) of it",
    ),
    "no branches": (
        lambda: lg.switch(lg.tensor(0), []),
        lg.ArgumentError,
        "switch: branches is a list of functions, but [] was given",
    ),
    "an index that is many": (
        lambda: lg.switch(X, [lambda: X]),
        lg.ArgumentError,
        "switch: index is a scalar integer, but it is float32[2]",
    ),
    "an index past the branches": (
        lambda: lg.switch(lg.tensor(2), [lambda: X, lambda: X]),
        lg.RangeError,
        "switch: the index is 2, but there are 2 branches, numbered 0 to 1",
    ),
    "a negative index": (
        lambda: lg.switch(-1, [lambda: X]),
        lg.RangeError,
        "switch: the index is -1, but there is only branch 0",
    ),
}

TRACED: dict[str, tuple[Callable[[Any], object], type[Exception], str]] = {
    "branches of other types": (
        lambda p: lg.cond(p, lambda: X, lambda: X > 0.0),
        lg.DTypeError,
        "cond: part 0 of the result is bool[2] from false_fn and float32[2] from true_fn; all functions must return "
        "the same shapes and dtypes",
    ),
    "branches of other containers": (
        lambda p: lg.cond(p, lambda: (1.0,), lambda: [1.0]),
        lg.ArgumentError,
        "cond: false_fn and true_fn must return the same containers, but they returned [1.0] and (1.0,)",
    ),
    "a number beside an array": (
        lambda p: lg.cond(p, lambda: X, lambda: 1.0),
        lg.DTypeError,
        "cond: part 0 of the result is the number 1.0 from false_fn, and should be float32[2]",
    ),
    "a condition that assigns": (
        lambda p: lg.while_loop(lambda c: V.assign(0.0) > c, lambda c: c, 0.0),
        lg.TraceError,
        "cond_fn of while_loop assigned the variable 'v'; it only decides, so assign elsewhere",
    ),
    "a variable made inside": (
        lambda p: lg.fori_loop(0, 3, lambda i, c: c + lg.Variable(1.0), 0.0),
        lg.TraceError,
        "body_fn of fori_loop made a variable while 'refused_fori_loop' was being traced; make it outside",
    ),
}


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("name", BOTH)
def test_refused(name: str, traced: bool) -> None:
    call, kind, text = BOTH[name]
    with pytest.raises(kind) as error:
        lg.function(call)() if traced else call()
    assert str(error.value).split("\n")[0] == text
    assert "tests/control/test_refusals.py" in str(error.value)


@pytest.mark.parametrize("name", TRACED)
def test_refused_in_a_trace(name: str) -> None:
    call, kind, text = TRACED[name]

    @lg.function
    def refused(p: Any) -> object:
        return call(p)

    before = V.item()
    with pytest.raises(kind) as error:
        refused(lg.tensor(True))
    assert str(error.value).split("\n")[0] == text
    assert V.item() == before


def test_the_other_branch_has_no_effect_and_no_say_eagerly() -> None:
    """Plain Python runs one branch; a number takes the type that the other branches give it."""
    p = lg.tensor(True)
    assert lg.cond(p, lambda: 1, lambda: lg.tensor(2.5)).dtype is lg.float32
    assert lg.function(lambda p: lg.cond(p, lambda: 1, lambda: lg.tensor(2.5)))(p).dtype is lg.float32


def test_compilation_off_runs_the_functions_as_they_stand() -> None:  # law 4
    seen: list[float] = []

    @lg.function
    def f(x: Any) -> Any:
        def body(i: Any, c: Any) -> Any:
            seen.append(float(c))
            return c * 2.0

        return lg.fori_loop(0, 3, body, x)

    lg.run_functions_eagerly(True)
    try:
        assert f(lg.tensor(1.0)).item() == 8.0
        assert lg.grad(f)(lg.tensor(1.0)).item() == 8.0
    finally:
        lg.run_functions_eagerly(False)
    assert seen == [1.0, 2.0, 4.0] * 2
