"""Errors show the user's frames and next to none of ours; LITHOGRAPH_TRACEBACK=full shows all."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import lithograph as lg

PACKAGE = lg.__name__ + "."


@pytest.fixture(autouse=True)
def short() -> Iterator[None]:
    before = lg.config.traceback
    lg.config.traceback = "short"
    yield
    lg.config.traceback = before


def inner(x: lg.Array) -> lg.Array:
    return x + lg.ones((3,))


def outer(x: lg.Array) -> lg.Array:
    return inner(x * 2)


def at_run_time(x: lg.Array) -> lg.Array:
    return x // 0


def frames(call: Callable[[], object]) -> tuple[list[str], int]:
    """Names of the functions of this file in the traceback of what `call` raises; the number of frames of ours."""
    with pytest.raises(lg.LithographError) as caught:
        call()
    found = list(traceback.walk_tb(caught.value.__traceback__))
    ours = sum(f.f_globals.get("__name__", "").startswith(PACKAGE) for f, _ in found)
    here = [f.f_code.co_name for f, _ in found if f.f_code.co_filename == __file__]
    assert caught.value.__cause__ is None and (caught.value.__context__ is None or caught.value.__suppress_context__)
    return here[1:], ours


VECTOR = np.ones(2, np.float32)
CALLS: dict[str, tuple[Callable[[], object], list[str], int]] = {
    "eager": (lambda: inner(lg.tensor(VECTOR)), ["<lambda>", "inner"], 2),
    "function": (lambda: lg.function(outer)(VECTOR), ["<lambda>", "outer", "inner"], 4),
    "nested": (
        lambda: lg.function(lambda x: lg.function(outer)(x + 0))(VECTOR),
        ["<lambda>", "<lambda>", "outer", "inner"],
        4,
    ),
    "gradient": (lambda: lg.grad(outer)(VECTOR), ["<lambda>", "outer", "inner"], 4),
    "argument": (lambda: lg.sum(lg.tensor(VECTOR), axis=3), ["<lambda>"], 3),
    "creation": (lambda: lg.tensor([[1], [1, 2]]), ["<lambda>"], 2),
    "method": (lambda: lg.Variable(VECTOR).assign(1.0), ["<lambda>"], 2),
}


@pytest.mark.parametrize("name", CALLS)
def test_frames_are_the_users(name: str) -> None:
    call, users, most = CALLS[name]
    here, ours = frames(call)
    assert here == users and ours <= most


def test_a_failing_program_shows_no_frame_of_ours() -> None:
    f = lg.function(lambda x, y: x // y)
    f(lg.tensor([2]), lg.tensor([1]))
    assert frames(lambda: f(lg.tensor([2]), lg.tensor([0]))) == (["<lambda>"], 0)


def test_full_shows_all() -> None:
    _, few = frames(lambda: lg.function(outer)(VECTOR))
    lg.config.traceback = "full"
    _, many = frames(lambda: lg.function(outer)(VECTOR))
    assert many > few + 5


def test_errors_of_the_users_own_code_are_left_alone() -> None:
    def body(x: lg.Array) -> lg.Array:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        lg.function(body)(VECTOR)
    assert caught.value.args == ("mine",)
