"""Concrete functions inside traces and gradients, and what they captured."""

from __future__ import annotations

import numpy as np

import lithograph as lg


def test_inside_a_function_and_a_gradient() -> None:
    g = lg.function(lambda x: lg.square(x) * 2).get_concrete_function(lg.TensorSpec([2]))
    x = lg.tensor([1.0, 3.0])
    assert lg.function(lambda x: g(x) + 1)(x).tolist() == [3, 19]
    assert lg.grad(lambda x: g(x).sum())(x).tolist() == [4, 12]
    assert lg.function(lg.grad(lambda x: g(x).sum()))(x).tolist() == [4, 12]


def test_inside_a_function_it_keeps_its_variables() -> None:
    v = lg.Variable([1.0, 1.0])
    g = lg.function(v.assign_add).get_concrete_function(lg.TensorSpec([2]))
    f = lg.function(lambda x: g(x) * 10)
    assert f(np.ones(2, np.float32)).tolist() == [20, 20] and v.numpy().tolist() == [2, 2]
    assert f(np.ones(2, np.float32)).tolist() == [30, 30] and v.numpy().tolist() == [3, 3]


def test_captured_arrays_of_any_layout_are_read_on_each_call() -> None:
    captured = np.zeros((2, 2), np.float32)
    column = captured[:, 0]
    g = lg.function(lambda x: x + column).get_concrete_function(lg.TensorSpec([2]))
    x = np.ones(2, np.float32)
    assert g(x).tolist() == [1, 1]
    captured[:] = 5
    assert g(x).tolist() == [6, 6]
