"""Updates by gradients of look-ups touch the rows that were looked up, with the bits of dense ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.attrs import Constant
from lithograph.ir.dtypes import float32
from lithograph.ir.storage import convert
from lithograph.ir.types import TensorType
from lithograph.ir.untouched import Number, Zero, number

from ..codegen.programs import same_bits

N = 5000
RATES = np.array([1, 2, 3, 4], np.float32)
Update = Callable[[lg.Variable, lg.Array], object]


def table(shape: tuple[int, ...] = (N, 4)) -> np.ndarray:
    """Numbers of all kinds: zeros of both signs, infinities and nan among them."""
    rng = np.random.default_rng(0)
    made = rng.standard_normal(shape).astype(np.float32)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45], np.float32)
    some = rng.random(shape) < 0.3
    made[some] = rng.choice(special, int(some.sum()))
    return made


def indices(*shape: int) -> lg.Array:
    """Of rows, some named more than once, some from the end."""
    rng = np.random.default_rng(len(shape) + sum(shape))
    found = rng.integers(-N, N, shape)
    found.reshape(-1)[: max(found.size // 2, 1)] = rng.choice([3, -1, N - 1, 3 - N], max(found.size // 2, 1))
    return lg.tensor(found)


def is_dense(f: lg.Function[Any]) -> bool:
    """Whether a program has a temporary of the table's size."""
    return re.search(rf"temporary \w+\[{N}\b", f.memory_plan()) is not None


def assert_sparse_and_same(
    update: Callable[..., object], start: np.ndarray, *args: lg.Array, sparse: bool = True, n: int = 1
) -> None:
    """Two steps, compiled and eager, of the same bits; `update` takes `n` variables and the arguments."""
    found = []
    for compiled in (True, False):
        variables = [lg.Variable(start) for _ in range(n)]

        def step(*args: lg.Array, variables: list[lg.Variable] = variables) -> object:
            return update(*variables, *args)

        f = lg.function(step) if compiled else step
        for _ in range(2):
            f(*args)
        found.append([v.numpy() for v in variables])
        if isinstance(f, lg.Function):
            assert is_dense(f) is not sparse, f.memory_plan()
            assert f.memory_plan().count("updated in place") == len(f.get_concrete_function(*args).captured_variables)
    for a, b in zip(*found, strict=True):
        assert same_bits(a, b)


def slope(w: lg.Variable, *at: lg.Array) -> lg.Array:
    """The gradient of a loss that looks rows up."""

    def loss(w: lg.Array) -> lg.Array:
        found = lg.scalar(0.0)
        for k, i in enumerate(at):
            found = found + lg.sum(lg.sin(lg.take(w, i, axis=0)) * (k + 1))
        return found

    made: lg.Array = lg.grad(loss)(w.value())
    return made


SPARSE: dict[str, Update] = {
    "a number times the gradient": lambda w, g: w.assign_sub(g * 0.1),
    "added": lambda w, g: w.assign_add(g * -0.1),
    "divided": lambda w, g: w.assign_sub(g / 8.0),
    "clipped": lambda w, g: w.assign_sub(lg.clip(g, -0.5, 0.5) * 0.1),
    "negated": lambda w, g: w.assign_add(-(g * 0.1)),
    "where there is a gradient": lambda w, g: w.assign(lg.where(g == 0, w, w - lg.sqrt(lg.abs(w)) * g)),
    "where there is none": lambda w, g: w.assign(lg.where(g != 0, w * 0.5 - g, w)),
    "each column at a rate of its own": lambda w, g: w.assign_sub(g * lg.tensor([1.0, 2.0, 3.0, 4.0])),
    "squared": lambda w, g: w.assign_sub(lg.square(g) * 0.1),
    "both": lambda w, g: w.assign_sub(g * 0.1 + lg.square(g) * 0.01),
}
DENSE: dict[str, Update] = {
    "zeros may change their sign": lambda w, g: w.assign_add(g * 0.1),
    "by a number below zero": lambda w, g: w.assign_sub(g * -0.1),
    "by infinity": lambda w, g: w.assign_sub(g * float("inf")),
    "by a value that is not known": lambda w, g: w.assign_sub(g * lg.sum(w)),
    "by an array that may change": lambda w, g: w.assign_sub(g * RATES),
    "decay": lambda w, g: w.assign(w * 0.9 - g),
    "the gradient is needed": lambda w, g: (w.assign_sub(g * 0.1), g)[1],
    "its norm is needed": lambda w, g: w.assign_sub(g * 0.1 / lg.sqrt(lg.sum(g * g))),
    "the steps are needed": lambda w, g: (s := g * 0.1, w.assign_sub(s), lg.max(s))[2],
}


@pytest.mark.parametrize("name", SPARSE)
@pytest.mark.parametrize("shape", [(12,), (3, 5), (1,), ()])
def test_sparse_updates_have_the_bits_of_dense_ones(name: str, shape: tuple[int, ...]) -> None:
    update = SPARSE[name]
    assert_sparse_and_same(lambda w, i: update(w, slope(w, i)), table(), indices(*shape))


@pytest.mark.parametrize("name", DENSE)
def test_updates_that_change_all_rows_stay_dense(name: str) -> None:
    update = DENSE[name]
    variables = [lg.Variable(table()) for _ in range(2)]
    variables[1].assign(variables[0])
    i = indices(12)
    f = lg.function(lambda: update(variables[0], slope(variables[0], i)))
    f()
    update(variables[1], slope(variables[1], i))
    assert is_dense(f) or "output" in f.memory_plan()
    assert same_bits(variables[0].numpy(), variables[1].numpy())


def test_several_look_ups_in_one_table_and_several_tables() -> None:
    i, j = indices(7), indices(4, 3)
    assert_sparse_and_same(lambda w, i, j: w.assign_sub(slope(w, i, j) * 0.1), table(), i, j)

    def both(v: lg.Variable, w: lg.Variable, i: lg.Array, j: lg.Array) -> None:
        a, b = slope(v, i), slope(w, j, i)
        v.assign_sub(a * 0.1)
        w.assign_sub(b * 0.1)

    assert_sparse_and_same(both, table(), i, j, n=2)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64"])
def test_indices_of_every_dtype(dtype: str) -> None:
    i = lg.tensor(np.random.default_rng(0).integers(0, 100, 9).astype(dtype))
    assert_sparse_and_same(lambda w, i: w.assign_sub(slope(w, i) * 0.1), table(), i)


@pytest.mark.parametrize("shape", [(10 * N,), (N, 2, 3)])
def test_tables_of_every_rank(shape: tuple[int, ...]) -> None:
    assert_sparse_and_same(lambda w, i: w.assign_sub(slope(w, i) * 0.1), table(shape), indices(9))


@pytest.mark.parametrize("name", ["sgd", "adagrad", "momentum", "adam"])
def test_optimizers(name: str) -> None:
    rules: dict[str, Callable[[float], lg.optimizers.Optimizer]] = {
        "sgd": lg.optimizers.sgd,
        "adagrad": lg.optimizers.adagrad,
        "momentum": lg.optimizers.momentum,
        "adam": lg.optimizers.adam,
    }
    made: list[np.ndarray] = []
    start, i = table(), indices(12)
    for compiled in (True, False):
        w, optimizer = lg.Variable(start, name="w"), rules[name](0.1)

        def step(w: lg.Variable = w, optimizer: lg.optimizers.Optimizer = optimizer) -> None:
            optimizer.minimize(lambda: lg.sum(lg.sin(lg.take(w.value(), i, axis=0))))

        f = lg.function(step) if compiled else step
        for _ in range(3):
            f()
        made.append(w.numpy())
        if isinstance(f, lg.Function):
            sparse = name in ("sgd", "adagrad")
            assert is_dense(f) is not sparse and "shadow" not in f.memory_plan()
            assert not sparse or peak(f) < N * 4
    assert same_bits(*made)


def peak(f: lg.Function[Any]) -> int:
    """The bytes of a program beyond its inputs and new state."""
    (found,) = re.findall(r"arena (\d+) bytes", f.memory_plan())
    return int(found)


def test_clipped_gradients_and_constraints() -> None:
    made: list[np.ndarray] = []
    start, i = table(), indices(12)
    for compiled in (True, False):
        w = lg.Variable(start, constraint=lambda w: lg.maximum(w, 0.0))
        optimizer = lg.optimizers.sgd(0.1, clip_value=0.5)

        def step(w: lg.Variable = w, optimizer: lg.optimizers.Optimizer = optimizer) -> None:
            optimizer.minimize(lambda: lg.sum(lg.sin(lg.take(w.value(), i, axis=0))))

        f = lg.function(step) if compiled else step
        f()
        f()
        made.append(w.numpy())
    assert same_bits(*made)


def test_any_number_of_indices() -> None:
    w, v = lg.Variable(table()), lg.Variable(np.zeros(1, np.float32))
    v = lg.Variable(w.value())
    f = lg.function(lambda i: w.assign_sub(slope(w, i) * 0.1))
    for n in (5, 9, 17, 3, 0, 1):
        i = indices(n) if n else lg.tensor(np.zeros(0, np.int64))
        f(i)
        v.assign_sub(slope(v, i) * 0.1)
        assert same_bits(w.numpy(), v.numpy())
    assert f.trace_count <= 4
    assert not is_dense(f)


def test_an_index_outside_changes_nothing() -> None:
    w = lg.Variable(table())
    before = w.numpy().copy()
    f = lg.function(lambda i: w.assign_sub(slope(w, i) * 0.1))
    said = rf"index {N} is out of range for axis 0 with extent {N}; indices are -{N} to {N - 1}"
    for wrong in ([0, 1, N], [N]):
        with pytest.raises(IndexError, match=said):
            f(lg.tensor(wrong))
    assert same_bits(w.numpy(), before)


def test_a_table_that_somebody_holds_is_copied() -> None:
    w = lg.Variable(table())
    held = w.value()
    before, i = held.numpy().copy(), indices(5)
    f = lg.function(lambda: w.assign_sub(slope(w, i) * 0.1))
    f()
    assert same_bits(held.numpy(), before) and not same_bits(w.numpy(), before)
    place = w.value().numpy().ctypes.data
    held.dispose()
    f()
    f()
    assert w.value().numpy().ctypes.data == place


def test_the_rate_may_be_anything() -> None:
    for rate in (0.0, -0.0, -1.0, float("inf"), float("nan")):
        made: list[np.ndarray] = []
        start = table()
        for compiled in (True, False):
            w, optimizer = lg.Variable(start), lg.optimizers.sgd(0.1)
            optimizer.learning_rate = rate

            def step(w: lg.Variable = w, optimizer: lg.optimizers.Optimizer = optimizer) -> None:
                optimizer.minimize(lambda: lg.sum(lg.sin(lg.take(w.value(), indices(6), axis=0))))

            (lg.function(step) if compiled else step)()
            made.append(w.numpy())
        assert same_bits(*made)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.0], Zero(False)),
        ([-0.0], Zero(True)),
        ([0.0, -0.0], None),
        ([np.inf], None),
        ([np.nan], None),
        ([0.0, 1.0], None),
        ([1.0, -1.0], None),
        ([], None),
    ],
)
def test_what_is_known_of_constants(values: list[float], expected: Zero | None) -> None:
    array = np.array(values, np.float32)
    assert number(Constant(array, TensorType(float32, array.shape))) == expected


def test_the_sign_of_a_constant_is_known() -> None:
    for dtype in (lg.float16, lg.float32, lg.float64):
        for sign in (1.0, -1.0):
            array = convert(np.array([1e-3, 2.0]) * sign, dtype)
            found = number(Constant(array, TensorType(dtype, (2,))))
            assert isinstance(found, Number) and found.negative is (sign < 0)
