"""Extents that change become symbols: one trace serves all sizes for which the function takes the same course."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg

F32 = np.float32


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, F32)


def assert_plain(f: lg.Function[lg.Array], *args: np.ndarray) -> None:
    """Staged == plain Python."""
    expected = f.python_function(*[lg.tensor(a) for a in args]).numpy()
    found = f(*args).numpy()
    assert found.shape == expected.shape and found.dtype == expected.dtype and np.array_equal(found, expected)


def test_the_second_size_makes_a_symbol() -> None:  # A1.4
    f = lg.function(lambda x: x + 1)
    counts = []
    for n in (1, 2, 3, 4, 0, 1000):
        assert_plain(f, ones(n))
        counts.append(f.trace_count)
    assert counts == [1, 2, 2, 2, 2, 2]
    assert [s.split("(")[1] for s in f.signatures()] == ["x: float32[1])", "x: float32[d0])"]


def test_each_rank_keeps_a_trace_of_its_own() -> None:  # BEAT-5
    f = lg.function(lambda x: x * 2)
    for n in (1, 2, 3):
        f(ones(n)), f(ones(n, n))
    assert f.trace_count == 4
    f(ones(7)), f(ones(5, 5))
    assert f.trace_count == 4


def test_extents_that_were_alike_share_a_symbol_until_they_differ() -> None:
    f = lg.function(lambda x, y: (x * 2).sum() + (y * 3).sum())
    for n in (2, 3, 4):
        f(ones(n), ones(n))
    assert f.trace_count == 2 and "y: float32[d0]" in f.signatures()[-1]
    for n, m in ((2, 5), (5, 2), (6, 7)):
        assert_plain(f, ones(n), ones(m))
    assert f.trace_count == 3 and "y: float32[d1]" in f.signatures()[-1]


def test_reduce_retracing_can_be_turned_off() -> None:
    f = lg.function(lambda x: x + 1, reduce_retracing=False)
    for n in (1, 2, 3, 3):
        f(ones(n))
    assert f.trace_count == 3


def test_python_that_compares_an_extent_is_traced_for_each_answer() -> None:
    @lg.function
    def f(x: lg.Array) -> lg.Array:
        return x * 2 if x.shape[0] > 4 else x[:, None] + x

    for n in (3, 4, 5, 6, 2, 1, 9, 4, 5):
        assert_plain(f, ones(n))
    assert f.trace_count == 3


def test_python_that_needs_the_number_is_traced_for_each_number() -> None:
    @lg.function
    def f(x: lg.Array) -> lg.Array:
        total = x[0] * 0
        for i in range(x.shape[0]):
            total = total + x[i] * i
        return total / len(x)

    for n in (3, 4, 5, 3, 4):
        assert_plain(f, np.arange(n, dtype=F32))
    assert f.trace_count == 3


@pytest.mark.parametrize(
    "function",
    [
        lambda x: lg.sum(x) / x.shape[0],
        lambda x: x * x.shape[0] - x.size,
        lambda x: lg.mean(x, axis=0) + x.shape[0] // 2,
        lambda x: x.reshape(-1) * 2,
        lambda x: lg.zeros(x.shape) + x,
        lambda x: lg.softmax(x) @ x.mT,
        lambda x: lg.concat([x, x])[::-1],
        lambda x: x[:, 1] if x.shape == (4, 3) else x[:, 0],
        lambda x: x + np.ones(x.shape, F32),
        lambda x: lg.stack(list(x)),
        lg.grad(lambda y: lg.sum(lg.exp(y) / y.shape[0])),
        lambda x: x * max(x.shape[0], 5) * min(x.shape[0], 5),
        lambda x: x[1:] - x[:-1],
        lambda x: x[:2] + x[-2:],
        lambda x: x[2:-2],
        lambda x: x[-2::-1] * 2,
        lambda x: x[:1:-1],
        lambda x: x[::2] + 1,
        lambda x: x[x.shape[0] // 2 :],
        lambda x: x[: x.shape[0] - 1],
        lambda x: x[10:] + x[:0],
        lambda x: lg.broadcast_to(x[0], x.shape) * lg.arange(x.shape[0])[:, None],
    ],
)
def test_staged_is_plain_python_for_all_sizes(function: Callable[[lg.Array], lg.Array]) -> None:
    f = lg.function(function)
    for n in (4, 3, 5, 2, 6, 1):
        assert_plain(f, np.random.default_rng(n).standard_normal((n, 3)).astype(F32))


def test_slices_of_a_changing_extent_make_one_trace() -> None:
    f = lg.function(lambda x: x[1:] - x[:-1])
    for n in (5, 6, 7, 2, 9):
        assert_plain(f, np.arange(n * n, dtype=F32).reshape(n, n))
    assert f.trace_count == 2


def test_an_error_at_one_size_is_that_of_plain_python() -> None:
    f = lg.function(lambda x: x + lg.ones((3,)))
    with pytest.raises(lg.ShapeError, match=r"shapes \(2,\) and \(3,\)"):
        f(ones(2))
    assert_plain(f, ones(3))
    with pytest.raises(lg.ShapeError, match=r"shapes \(4,\) and \(3,\)"):
        f(ones(4))
    assert_plain(f, ones(1))
    assert_plain(f, ones(3))


def test_an_index_outside_is_an_error_at_that_size_alone() -> None:
    f = lg.function(lambda x: x[2] + x[-1])
    for n in (4, 5, 3, 6):
        assert_plain(f, np.arange(n, dtype=F32))
    with pytest.raises(lg.RangeError, match="index 2 is out of range for axis 0 with extent 2; indices are -2 to 1"):
        f(ones(2))
    empty = lg.function(lambda x: lg.meshgrid(x[:, 0], x[0])[0])
    for n in (3, 4):
        empty(ones(n, 2))
    with pytest.raises(lg.RangeError):
        empty(ones(0, 2))
    assert f.trace_count == 2


def test_specs_with_open_extents_make_one_trace() -> None:  # A1.3
    @lg.function(input_signature=[lg.TensorSpec([None, 3]), lg.TensorSpec([3, "k"])])
    def f(x: lg.Array, w: lg.Array) -> lg.Array:
        return lg.relu(x @ w)

    for n in (3, 4, 1, 9, 0):
        assert f(ones(n, 3), ones(3, n + 1)).shape == (n, n + 1)
    assert f.trace_count == 1 and f.signatures() == ["f(x: float32[d0, 3], w: float32[3, k])"]
    with pytest.raises(lg.ArgumentError, match="Can not cast"):
        f(ones(2, 2), ones(3, 1))


def test_a_concrete_function_with_open_extents() -> None:  # A1.5
    f = lg.function(lambda x, y: x * 2 + y)
    c = f.get_concrete_function(lg.TensorSpec([None, 3]), lg.TensorSpec(["n", 3]))
    assert c.inputs[0].shape == (None, 3) or c.inputs[0].shape == ("n", 3)
    for n in (2, 5, 1):
        assert np.array_equal(c(ones(n, 3), ones(n, 3)).numpy(), 3 * ones(n, 3))
    with pytest.raises(lg.ArgumentError, match="that does not hold"):
        c(ones(2, 3), ones(4, 3))  # BEAT-6
    with pytest.raises(lg.ArgumentError, match="Can not cast"):
        c(ones(2, 4), ones(2, 3))


def test_a_concrete_function_cannot_depend_on_what_is_open() -> None:
    f = lg.function(lambda x: x * 2 if x.shape[0] > 4 else x)
    with pytest.raises(lg.ShapeError, match="depends on the extents of the call"):
        f.get_concrete_function(lg.TensorSpec([None]))
    g = lg.function(lambda x: lg.stack(list(x)))
    with pytest.raises(lg.ShapeError, match="a number is needed here"):
        g.get_concrete_function(lg.TensorSpec([None]))


def test_functions_inside_functions_share_the_symbols() -> None:
    @lg.function
    def inner(x: lg.Array) -> lg.Array:
        return x + 1 if x.shape[0] > 3 else x - 1

    @lg.function
    def outer(x: lg.Array) -> lg.Array:
        return inner(x * 2) * x.shape[0]

    for n in (2, 3, 1, 5, 6, 2):
        found = outer(ones(n)).numpy()
        assert np.array_equal(found, np.full(n, (3 if n > 3 else 1) * n, F32)), n
    assert outer.trace_count == 3


def test_state_and_captures_go_with_symbols() -> None:
    v = lg.Variable(np.zeros(3, F32))
    w = np.array([1.0, 2.0, 3.0], F32)

    @lg.function
    def step(x: lg.Array) -> lg.Array:
        v.assign_add(lg.sum(x, axis=0))
        return x * w + v.value()

    for n in (2, 3, 4):
        step(ones(n, 3))
    assert v.numpy().tolist() == [9, 9, 9] and step.trace_count == 2


def test_names_of_extents_are_identifiers() -> None:
    with pytest.raises(lg.ArgumentError, match="the name of an extent is an identifier"):
        lg.TensorSpec(["a*b"])
