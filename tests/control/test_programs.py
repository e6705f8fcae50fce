"""Loops and choices: eager, compiled and as plain Python they give the same bits, and so do their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .programs import PAIRS, Function, tensor

NAMES = list(PAIRS)


def operands() -> tuple[Any, Any]:
    return tensor(4, 3), tensor(3, seed=1)


def same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a.numpy(), b.numpy(), equal_nan=True)) and a.dtype is b.dtype


def loss(f: Function) -> Function:
    return lambda x, w: (f(x, w) * 1.5).sum()


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_plain_python(name: str) -> None:
    f, plain = PAIRS[name]
    expected = plain(*operands())
    assert same(f(*operands()), expected)
    assert same(lg.function(f)(*operands()), expected)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_loop_unrolled(name: str) -> None:
    f, plain = PAIRS[name]
    expected = lg.grads(loss(plain))(*operands())
    eager = lg.grads(loss(f))(*operands())
    compiled = lg.function(lg.grads(loss(f)))(*operands())
    called = lg.grads(loss(lg.function(f)))(*operands())
    for e, a, b, c in zip(expected, eager, compiled, called, strict=True):
        assert same(a, b)
        assert same(a, c)
        assert np.allclose(a.numpy(), e.numpy(), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", ["while", "scan", "scalars", "map"])
def test_these_gradients_add_in_the_order_of_the_loop_unrolled(name: str) -> None:
    f, plain = PAIRS[name]
    for a, e in zip(lg.grads(loss(f))(*operands()), lg.grads(loss(plain))(*operands()), strict=True):
        assert same(a, e)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_of_both_modes_agree_with_differences(name: str) -> None:
    f, _ = PAIRS[name]
    lg.debug.check_grads(f, operands(), order=2)
    lg.debug.check_grads(lg.function(f), operands(), order=1)


@pytest.mark.parametrize("name", NAMES)
def test_jvp_is_the_same_eagerly_and_compiled(name: str) -> None:
    f, _ = PAIRS[name]
    along = tensor(4, 3, seed=2), tensor(3, seed=3)
    eager = lg.jvp(f, operands(), along)
    compiled = lg.function(lambda x, w, u, v: lg.jvp(f, (x, w), (u, v)))(*operands(), *along)
    assert same(eager[0], compiled[0])
    assert same(eager[1], compiled[1])


@pytest.mark.parametrize("name", ["while", "scan", "scalars", "choice_in_loop", "nested"])
def test_hessians_agree_eagerly_and_compiled(name: str) -> None:
    f, plain = PAIRS[name]
    hessian = lg.hessian(loss(f), 1)
    eager, compiled = hessian(*operands()), lg.function(hessian)(*operands())
    assert same(eager, compiled)
    assert np.allclose(eager.numpy(), lg.hessian(loss(plain), 1)(*operands()).numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_remat_changes_no_bit(name: str) -> None:
    f, _ = PAIRS[name]
    kept = lg.function(lg.grads(loss(f)))(*operands())
    again = lg.function(lg.grads(loss(lg.remat(f))))(*operands())
    eager = lg.grads(loss(lg.remat(f)))(*operands())
    for a, b, c in zip(kept, again, eager, strict=True):
        assert same(a, b)
        assert same(a, c)


@pytest.mark.parametrize("name", NAMES)
def test_a_tape_sees_into_them(name: str) -> None:
    f, _ = PAIRS[name]
    x, w = operands()
    with lg.GradientTape() as tape:
        tape.watch(w)
        value = (f(x, w) * 1.5).sum()
    assert same(tape.gradient(value, w), lg.grad(loss(f), 1)(x, w))


@pytest.mark.parametrize("name", NAMES)
def test_one_program_serves_all_lengths(name: str) -> None:
    f, plain = PAIRS[name]
    compiled = lg.function(lambda x, w: (f(x, w), lg.grad(loss(f))(x, w)))
    for rows in (4, 5, 6, 3):
        x, w = tensor(rows, 3, seed=rows), tensor(3, seed=1)
        value, gradient = compiled(x, w)
        assert same(value, plain(x, w))
        assert same(gradient, lg.grad(loss(f))(x, w))
    assert compiled.trace_count <= 3


@pytest.mark.parametrize("name", NAMES)
def test_their_text_reads_back(name: str) -> None:
    f, _ = PAIRS[name]
    compiled = lg.function(lg.grads(loss(f)))
    compiled(*operands())
    for stage in ("traced", "optimized"):
        text = compiled.ir(stage=stage)
        graph = lg.parse_ir(text)
        assert lg.parse_ir(text) is not graph
    assert "%" in compiled.ir(stage="kernels") or compiled.ir(stage="kernels")
