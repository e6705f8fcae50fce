"""Variables in parts: the rules of SEMANTICS A5, eager and under `function` alike, and parts as one tensor."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .test_scopes import fresh, modes, names, refused

__all__ = ["fresh"]

halves = lg.fixed_size_partitioner(2)


def parts_of(variable: Any) -> list[lg.Variable]:
    assert isinstance(variable, lg.PartitionedVariable)
    return list(variable.parts)


@modes
def test_a_partitioner_cuts_what_is_made(mode: Callable[..., None]) -> None:  # A5
    made: list[Any] = []

    def body() -> None:
        with lg.variable_scope("s", partitioner=halves):
            made.append(lg.get_variable("a", [4, 2], initializer=lg.initializers.ones()))

    mode(body)
    parts = parts_of(made[0])
    assert [(p.name, p.shape) for p in parts] == [("s/a/part_0", (2, 2)), ("s/a/part_1", (2, 2))]
    assert made[0].name == "s/a" and made[0].shape == (4, 2) and made[0].axis == 0 and len(made[0]) == 2
    assert names() == ["s/a/part_0", "s/a/part_1"] and list(made[0]) == parts
    assert repr(made[0]) == "<lithograph.PartitionedVariable 's/a', float32[4, 2], 2 parts along axis 0>"


@modes
def test_parts_and_wholes_do_not_mix(mode: Callable[..., None]) -> None:  # A5
    def body() -> None:
        with lg.variable_scope("s", reuse=lg.AUTO_REUSE):
            lg.get_variable("whole", [4])
            lg.get_variable("cut", [4], partitioner=halves)
            refused(
                lambda: lg.get_variable("whole", [4], partitioner=halves),
                "A partitioner was provided, but an unpartitioned version of the variable was found: s/whole.  Perhaps "
                "a variable of the same name was already created without partitioning?",
            )
            refused(
                lambda: lg.get_variable("cut", [4]),
                "No partitioner was provided, but a partitioned version of the variable was found: s/cut/part_0. "
                "Perhaps a variable of the same name was already created with partitioning?",
            )

    mode(body)
    assert names() == ["s/whole", "s/cut/part_0", "s/cut/part_1"]


@modes
def test_reuse_of_parts(mode: Callable[..., None]) -> None:  # A5
    def body() -> None:
        with lg.variable_scope("s", partitioner=halves):
            made = lg.get_variable("a", [4])
            refused(
                lambda: lg.get_variable("a", [4]),
                "Partitioned variable with name s/a already exists. Did you mean to set reuse=True or "
                "reuse=lithograph.AUTO_REUSE in VarScope?",
            )
        with lg.variable_scope("s", reuse=True):
            # Found without a partitioner, and without a shape.
            found: Any = lg.get_variable("a")
            assert found is made
            assert lg.get_variable("a", [None], lg.float32, partitioner=halves) is made
            refused(
                lambda: lg.get_variable("a", [5]),
                "Trying to reuse partitioned variable s/a, but specified shape (5,) and found shape (4,).",
            )
            refused(
                lambda: lg.get_variable("a", [4], lg.int32),
                "Trying to reuse partitioned variable s/a, but specified dtype int32 and found dtype float32.",
            )
            refused(
                lambda: lg.get_variable("a", [4], partitioner=lg.fixed_size_partitioner(4)),
                "Trying to reuse partitioned variable s/a, but specified partitions [4] and found partitions [2].",
            )
            refused(
                lambda: lg.get_variable("b", [4], partitioner=halves),
                "PartitionedVariable s/b does not exist, or was not created with lithograph.get_variable(). Did you "
                "mean to set reuse=False or reuse=lithograph.AUTO_REUSE in VarScope?",
            )
        with lg.variable_scope("s", reuse=lg.AUTO_REUSE, partitioner=halves):
            found = lg.get_variable("a", [4])
            assert found is made

    mode(body)
    assert names() == ["s/a/part_0", "s/a/part_1"]


def test_the_nearest_partitioner_wins_and_numbers_stay_whole() -> None:  # A5
    thirds = lg.fixed_size_partitioner(3, -1)
    with lg.variable_scope("s", partitioner=halves), lg.variable_scope("t", partitioner=thirds):
        assert [p.shape for p in parts_of(lg.get_variable("a", [2, 7]))] == [(2, 3), (2, 2), (2, 2)]
        assert [p.shape for p in parts_of(lg.get_variable("b", [4, 1]))] == [(4, 1)]
        assert [p.shape for p in parts_of(lg.get_variable("c", [4, 2], partitioner=halves))] == [(2, 2), (2, 2)]
        assert isinstance(lg.get_variable("d", []), lg.Variable)
        assert isinstance(lg.get_variable("e", initializer=2.0), lg.Variable)
        assert [p.tolist() for p in parts_of(lg.get_variable("f", initializer=[1, 2, 3, 4]))] == [[1, 2], [3], [4]]
        assert [p.tolist() for p in parts_of(lg.get_variable("g", initializer=lambda: lg.arange(3)))] == [[0], [1], [2]]
    assert lg.get_variable_scope().settings.partitioner is None


def test_parts_begin_as_the_whole_would() -> None:
    lg.random.seed(7)
    whole = lg.get_variable("whole", [6, 4])
    lg.random.seed(7)
    cut = lg.get_variable("cut", [6, 4], partitioner=lg.fixed_size_partitioner(4))
    assert [p.shape[0] for p in cut.parts] == [2, 2, 1, 1]
    assert np.array_equal(cut, whole) and np.array_equal(cut.as_tensor(), np.asarray(whole))


def test_settings_go_to_the_parts() -> None:
    with lg.variable_scope("s", partitioner=halves, regularizer=lg.sum, constraint=lg.abs, dtype=lg.float64):
        v = lg.get_variable("v", [3], initializer=lg.initializers.ones(), trainable=False)
    assert all(p.constraint is lg.abs and not p.trainable and p.dtype is lg.float64 for p in parts_of(v))
    assert [x.item() for x in lg.regularization_losses()] == [2, 1]

    def getter(get: Callable[..., Any], name: str, **kwargs: Any) -> Any:
        return get(name + "_x", **(kwargs | {"partitioner": halves}))

    with lg.variable_scope("s", custom_getter=getter):
        assert [p.name for p in parts_of(lg.get_variable("w", [2]))] == ["s/w_x/part_0", "s/w_x/part_1"]


@pytest.mark.parametrize(
    ("partitioner", "text"),
    [
        (lambda shape, dtype: 2, "Partitioner must return a sequence, but saw: 2"),
        (lambda shape, dtype: [1.5, 1], "Partitioner must return a sequence, but saw: [1.5, 1]"),
        (lambda shape, dtype: [2],
         "Partitioner returned a partition list that does not match the Variable's rank: [2] vs. (4, 2)"),
        (lambda shape, dtype: [0, 1], "Partitioner returned zero partitions for some axes: [0, 1]"),
        (lambda shape, dtype: [2, 2],
         "Can only slice a variable along one dimension: shape: (4, 2), partitioning: [2, 2]"),
        (lg.fixed_size_partitioner(2, 2),
         "fixed_size_partitioner: variables are cut along axis 2, but one of shape (4, 2) was to be made; get it with "
         "partitioner=None in a scope that has none, or cut along another axis"),
    ],
)  # fmt: skip
def test_wrong_partitioners(partitioner: Callable[..., Sequence[int]], text: str) -> None:
    lg.random.seed(5)
    drawn = lg.random.normal((2,)).tolist()
    lg.random.seed(5)
    refused(lambda: lg.get_variable("a", [4, 2], partitioner=partitioner), text)
    assert names() == [] and lg.random.normal((2,)).tolist() == drawn


def test_wrong_arguments() -> None:
    three: Any = 3
    text = "fixed_size_partitioner: num_shards must be at least 1, but it is 0"
    refused(lambda: lg.fixed_size_partitioner(0), text, TypeError)
    text = "get_variable: partitioner must be a function, but 3 was given"
    refused(lambda: lg.get_variable("a", [4], partitioner=three), text, TypeError)
    with lg.variable_scope("s", partitioner=three):
        refused(lambda: lg.get_variable("a", [4]), text, TypeError)


def test_made_by_hand() -> None:
    a, b, odd = lg.Variable(lg.ones((2, 2))), lg.Variable(lg.ones((1, 2))), lg.Variable(lg.ones((1, 3)))
    v = lg.PartitionedVariable("v", [a, b], -2)
    assert v.shape == (3, 2) and v.axis == 0 and v.parts == (a, b)
    none: list[lg.Variable] = []
    text = "PartitionedVariable: a list of at least one part is wanted"
    refused(lambda: lg.PartitionedVariable("v", none, 0), text, TypeError)
    refused(
        lambda: lg.PartitionedVariable("v", [a, 3], 0),  # type: ignore[list-item]
        "PartitionedVariable: parts are variables, but a int was given", TypeError,
    )  # fmt: skip
    with pytest.raises(lg.ShapeError, match="must be equal apart from"):
        lg.PartitionedVariable("v", [a, odd], 0)


def made(extent: int = 4) -> lg.PartitionedVariable:
    values = lg.initializers.constant(np.arange(extent * 2, dtype=np.float32))
    return lg.get_variable("v", [extent, 2], initializer=values, partitioner=halves)


def test_it_is_a_tensor_where_one_is_wanted() -> None:
    v, x = made(), np.arange(8, dtype=np.float32).reshape(4, 2)
    assert v.dtype is lg.float32 and v.shape == (4, 2) and v.ndim == 2 and v.size == 8
    found: list[Callable[[Any], Any]] = [
        lambda v: v + 1, lambda v: 1 - v, lambda v: lg.matmul(v.T, v), lambda v: v.sum(axis=0), lambda v: v[1:3],
        lg.tensor, lambda v: lg.concat([v, v]), lg.tanh, lambda v: -v,
    ]  # fmt: skip
    for f in found:
        expected = f(lg.tensor(x))
        assert np.array_equal(f(v), expected)
        assert np.array_equal(lg.function(lambda f=f: f(v))(), expected)
    assert np.array_equal(v.numpy(), x) and v.tolist() == x.tolist() and np.array_equal(np.asarray(v, np.float64), x)
    assert v[3, 1].item() == 7 and bool(made_one()) and int(made_one()) == 3 and float(made_one()) == 3
    other = lg.Variable(lg.zeros((4, 2)))
    other.assign(v)
    assert np.array_equal(other, x) and np.array_equal(np.from_dlpack(v), x)  # type: ignore[arg-type]


def made_one() -> lg.PartitionedVariable:
    lg.reset_default_scope()
    return lg.get_variable("one", [1], initializer=lg.initializers.constant(3.0), partitioner=halves)


def test_compiled_code_reads_and_writes_the_parts() -> None:
    v = made()

    @lg.function
    def step(x: lg.Array) -> lg.Array:
        total = (v * x).sum()
        for part in parts_of(v):
            part.assign_add(lg.ones(part.shape))
        return total + v.sum()

    assert step(np.float32(2)).item() == 56 + 36 and step(np.float32(2)).item() == 72 + 44
    assert step.trace_count == 1 and v.numpy().sum() == 44
    taking = lg.function(lambda p: p.parts[1] * 2 + p[0, 0])
    other = lg.PartitionedVariable("other", [v.parts[1], v.parts[0]], 0)
    for p in (v, other, v):
        assert taking(p).tolist() == (p.parts[1] * 2 + p[0, 0]).tolist()
    assert taking.trace_count == 2
    given: object = lg.function(lambda: {"v": v})()["v"]
    assert isinstance(given, lg.Tensor) and np.array_equal(given, v)


def test_gradients_flow_to_the_parts() -> None:
    v = made()
    weights = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)

    def loss() -> lg.Array:
        return (lg.square(v) * weights).sum()

    expected = 2 * v.numpy() * weights
    for way in (lg.variable_grads, lg.function(lg.variable_grads)):
        grads: Any = way(loss)[1]
        assert list(grads) == ["v/part_0", "v/part_1"]
        np.testing.assert_array_equal(np.concatenate([np.asarray(g) for g in grads.values()]), expected)
    with lg.GradientTape(persistent=True) as tape:
        y = loss()
        tape.watch(list(v))
    text = "gradient: 'v' is in parts, and gradients flow to those; give list(variable)"
    refused(lambda: tape.gradient(y, v), text, TypeError)
    pieces: Any = tape.gradient(y, list(v))
    assert np.array_equal(np.concatenate([np.asarray(g) for g in pieces]), expected)
    by_argument = lg.grad(lambda p: (lg.square(p) * weights).sum())(v)
    assert isinstance(by_argument, lg.Tensor) and np.array_equal(by_argument, expected)
    moved = lg.jvp(lambda p: p * p, (v,), (by_argument,))[1]
    np.testing.assert_allclose(np.asarray(moved), 2 * v.numpy() * expected)


def test_an_optimizer_trains_the_parts() -> None:
    v, target = made(), np.ones((4, 2), np.float32)
    optimizer = lg.optimizers.sgd(0.25)

    @lg.function
    def step() -> None:
        optimizer.minimize(lambda: lg.square(v - target).sum())

    for _ in range(40):
        step()
    np.testing.assert_allclose(v.numpy(), target, atol=1e-5)


def test_branches_loops_and_examples_read_it_as_it_is() -> None:
    v = made()

    def changed() -> Any:
        for part in v.parts:
            part.assign_add(lg.ones(part.shape))
        return v.sum()

    def choose(c: lg.Array) -> Any:
        return lg.cond(c, changed, lambda: lg.sum(v * v))

    def repeat(n: lg.Array) -> Any:
        return lg.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] + v), (0, lg.zeros((4, 2))))[1]

    for way in (choose, lg.function(choose)):
        before = v.numpy()
        assert way(lg.tensor(False)).item() == np.square(before).sum()
        assert way(lg.tensor(True)).item() == before.sum() + 8 == v.numpy().sum()
    for loop in (repeat, lg.function(repeat)):
        assert np.array_equal(loop(lg.tensor(3)), v.numpy() * 3)
    rows = lg.vmap(lambda row: (row * v).sum())
    assert rows(lg.ones((3, 2))).tolist() == [v.numpy().sum()] * 3
    assert np.array_equal(lg.vmap(lambda row: row * 2)(v), v.numpy() * 2)  # Mapped as one tensor, not part by part.
    again = lg.grad(lambda x: lg.remat(lambda y: y * v)(x).sum())(lg.ones((4, 2)))
    assert np.array_equal(again, v)
    assert np.array_equal(lg.associative_scan(lg.add, v), np.cumsum(v.numpy(), axis=0))


def test_copies_and_disposal() -> None:
    v = made(3)
    gone = lg.PartitionedVariable("gone", [lg.Variable([1.0])], 0)
    lg.dispose({"v": gone})
    assert gone.is_disposed
    again = pickle.loads(pickle.dumps(v))
    assert again.name == "v" and np.array_equal(again, v) and [p.shape for p in again.parts] == [(2, 2), (1, 2)]
    v.dispose()
    assert v.is_disposed and all(p.is_disposed for p in v.parts) and not again.is_disposed
    with pytest.raises(lg.StateError, match="is disposed"):
        v.numpy()
