"""Variables: eager use, state of compiled functions, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import lithograph as lg

F32 = np.float32


def test_values_and_assignments() -> None:  # A6.2
    v = lg.Variable([1.0, 2.0], name="v")
    assert (v.name, v.trainable, v.shape, v.dtype) == ("v", True, (2,), lg.float32)
    assert v.assign([3.0, 4.0]).tolist() == [3, 4]
    assert v.assign_add(1.0).tolist() == [4, 5]
    assert v.assign_sub(np.array([1, 2], F32)).tolist() == [3, 3]
    assert (v + 1).tolist() == [4, 4] and (1 - v).tolist() == [-2, -2] and v.sum().item() == 6
    assert lg.Variable(1).dtype == lg.int32 and lg.Variable(1, dtype="float64").dtype == lg.float64
    assert "'v'" in repr(v) and "not trainable" in repr(lg.Variable(0.0, trainable=False))


def test_names_are_unique() -> None:
    assert lg.Variable(0.0).name != lg.Variable(0.0).name


def test_wrong_assignments_change_nothing() -> None:  # A6.2
    v = lg.Variable([1.0, 2.0, 3.0], name="v")
    with pytest.raises(
        lg.ShapeError, match=r"shape of the new value \(2,\) and previous value \(3,\) must match"
    ):
        v.assign([1.0, 2.0])
    with pytest.raises(
        lg.DTypeError, match=r"dtype of the new value \(int32\) and previous value \(float32\) must"
    ):
        v.assign(np.array([1, 2, 3], np.int32))
    with pytest.raises(lg.DTypeError):
        lg.Variable([1, 2]).assign([1.5, 2.5])
    assert v.numpy().tolist() == [1, 2, 3]


def test_what_was_read_never_changes() -> None:  # API 1
    v = lg.Variable(np.zeros(1000, F32))

    @lg.function
    def step() -> lg.Array:
        return v.assign_add(1.0)

    step()
    before, view = v.value(), v.numpy()
    step(), step()
    assert before.numpy().max() == 1 and view.max() == 1 and v.numpy().min() == 3


def test_order_of_reads_and_writes() -> None:  # A1.8
    v = lg.Variable(0)

    @lg.function
    def f() -> tuple[lg.Array, ...]:
        a = v.value()
        v.assign_add(1)
        b = v.value()
        v.assign(b * 10)
        return a, b, v.value()

    assert [t.item() for t in f()] == [0, 1, 10]
    assert [t.item() for t in f()] == [10, 11, 110]
    assert v.numpy() == 110 and f.trace_count == 1


def test_updates_happen_though_unused() -> None:  # A1.8
    v = lg.Variable([0.0])

    @lg.function
    def f(x: lg.Array) -> None:
        v.assign_add(x)

    assert f(lg.tensor([2.0])) is None
    f(np.ones(1, F32))
    assert v.numpy() == [3]


def test_arguments_count_by_type_and_aliasing() -> None:  # A1.1
    f = lg.function(lambda v: v * 2)
    one, two = lg.Variable([1.0]), lg.Variable([2.0])
    assert [f(one).item(), f(two).item(), f(one).item()] == [2, 4, 2]
    assert f.trace_count == 1

    @lg.function
    def g(a: lg.Variable, b: lg.Variable) -> lg.Array:
        a.assign_add([1.0])
        return a + b

    assert g(one, two).item() == 4 and g(one, one).item() == 6
    assert g(two, two).item() == 6 and g(two, one).item() == 7
    assert g.trace_count == 2
    assert (one.numpy().item(), two.numpy().item()) == (3, 4)


def test_an_argument_that_is_captured_too() -> None:
    held = lg.Variable([1.0])
    other = lg.Variable([10.0])

    @lg.function
    def f(v: lg.Variable) -> lg.Array:
        held.assign_add([1.0])
        return v + held

    assert f(held).item() == 4
    assert f(other).item() == 13
    assert f(held).item() == 8
    assert f.trace_count == 2


def test_returning_a_variable_gives_its_value() -> None:  # A1.6
    v = lg.Variable([1.0])
    out: object = lg.function(lambda: v)()
    assert isinstance(out, lg.Tensor)
    v.assign([5.0])
    assert np.asarray(out).item() == 1


SINGLETON = (
    "lithograph.function only supports singleton lithograph.Variables created on the first call. Make sure "
    "the lithograph.Variable is only created once or created outside lithograph.function."
)


def test_variables_are_made_on_the_first_call_only() -> None:  # A1.7
    @lg.function
    def each_time(x: lg.Array) -> lg.Array:
        return x + lg.Variable(1.0)

    with pytest.raises(ValueError) as error:
        each_time(np.ones(2, F32))
    assert str(error.value).split("\n")[0] == SINGLETON

    kept: list[lg.Variable] = []

    @lg.function
    def later(x: lg.Array) -> lg.Array:
        kept.append(lg.Variable(1.0))
        return x + kept[-1]

    assert later(np.ones(2, F32)).tolist() == [2, 2]
    with pytest.raises(ValueError) as error:
        later(np.ones(3, F32))
    assert str(error.value).split("\n")[0] == SINGLETON
    assert later(np.ones(2, F32)).tolist() == [2, 2]


def test_first_values_made_inside() -> None:
    kept: dict[str, lg.Variable] = {}

    @lg.function
    def f(x: lg.Array) -> lg.Array:
        if not kept:
            kept["zeros"] = lg.Variable(lg.zeros((3,)) + 2.0)
            kept["call"] = lg.Variable(lambda: lg.ones((3,)) + 0)
        return x + kept["zeros"] + kept["call"]

    assert f(np.zeros(3, F32)).tolist() == [3, 3, 3]
    kept["call"].assign([5.0, 5.0, 5.0])
    assert f(np.zeros(3, F32)).tolist() == [7, 7, 7] and f.trace_count == 1

    @lg.function
    def g(x: lg.Array) -> lg.Array:
        kept["bad"] = lg.Variable(x + 1)
        return x

    with pytest.raises(lg.TraceError, match="depends on what 'g' is called with"):
        g(np.zeros(3, F32))


def test_nested_functions_share_state() -> None:
    v = lg.Variable([1.0])
    inner = lg.function(v.assign_add)

    @lg.function
    def outer(x: lg.Array) -> lg.Array:
        a = inner(x)
        v.assign(v * 10)
        return a + inner(x)

    assert outer(lg.tensor([1.0])).item() == 2 + 21
    assert v.numpy() == [21] and inner(lg.tensor([1.0])).item() == 22


def test_failing_calls_leave_state_unchanged() -> None:
    v = lg.Variable(np.zeros(3, F32))
    table = lg.tensor([1.0, 2.0])

    @lg.function
    def f(i: lg.Array) -> lg.Array:
        v.assign_add(1.0)
        return lg.take(table, i, axis=0)

    assert f(np.array([1], np.int32)).tolist() == [2]
    with pytest.raises(lg.RangeError):
        f(np.array([5], np.int32))
    assert v.numpy().tolist() == [1, 1, 1]
    assert f(np.array([0], np.int32)).tolist() == [1]
    assert v.numpy().tolist() == [2, 2, 2]
