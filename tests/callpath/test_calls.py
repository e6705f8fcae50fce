"""What a matched call does: outputs, containers, state, scratch memory, failure, size, lifetimes."""

from __future__ import annotations

import dataclasses
import gc
import operator
import weakref
from collections import namedtuple
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lithograph.codegen import jit
from lithograph.ir import dtypes
from lithograph.ir.types import TensorType
from lithograph.runtime import twin
from lithograph.runtime.record import (
    BuildCall,
    BuildConst,
    BuildDict,
    BuildList,
    BuildOutput,
    BuildTuple,
    MatchArray,
    MatchDict,
    MatchList,
    NewOutput,
    Record,
    StateBinding,
    StateOutput,
)
from lithograph.runtime.surface import OPERATORS

pytestmark = pytest.mark.callpath
F4 = TensorType(dtypes.float32, (4,))
BIG = TensorType(dtypes.float32, (1000,))
Pair = namedtuple("Pair", "left right")


def copies(programs: jit.Library, n: int, **changes: Any) -> Record:
    """n tensors in, their copies out as a tuple."""
    fields: dict[str, Any] = {
        "n_args": n,
        "match": tuple(MatchArray(i, F4, 1 + i) for i in range(n)),
        "outputs": tuple(NewOutput(F4, 16, 1 + n + i) for i in range(n)),
        "build": (*map(BuildOutput, range(n)), BuildTuple(n)),
        "n_bufs": 1 + 2 * n,
        "program": programs["copies"],
        "fail": ValueError,
        "constants": np.array([n]),
        "constants_buf": 0,
        "owner": programs,
    }
    return Record(**(fields | changes))


def values(path: ModuleType, tensors: Any) -> list[float]:
    return [float(path.as_ndarray(t)[0]) for t in tensors]


@pytest.mark.parametrize("n", [0, 1, 20, 1000])
def test_many_arguments(
    path: ModuleType, tensor: Any, dispatcher: Any, programs: jit.Library, n: int
) -> None:
    f = dispatcher(copies(programs, n))
    made = f(*[tensor(i) for i in range(n)])
    assert type(made) is tuple
    assert values(path, made) == list(range(n))


@pytest.mark.parametrize("n", [1, 20, 600])
def test_dict_to_dict(path: ModuleType, tensor: Any, dispatcher: Any, programs: jit.Library, n: int) -> None:
    keys = tuple(f"k{i}" for i in range(n))
    match = (MatchDict(0, keys), *(MatchArray(1 + i, F4, 1 + i) for i in range(n)))
    build = (*map(BuildOutput, range(n)), BuildDict(keys))
    f = dispatcher(copies(programs, n, n_args=1, match=match, build=build))
    given = {k: tensor(i) for i, k in enumerate(keys)}
    for order in (given, dict(reversed(given.items()))):
        made = f(order)
        assert type(made) is dict
        assert list(made) == list(keys)
        assert values(path, made.values()) == list(range(n))


def test_results_of_every_kind(path: ModuleType, tensor: Any, dispatcher: Any, programs: jit.Library) -> None:
    build = (
        BuildOutput(1),
        BuildConst("text"),
        BuildList(2),
        BuildOutput(0),
        BuildOutput(0),
        BuildCall(Pair, 2),
        BuildConst(None),
        BuildTuple(0),
        BuildDict(()),
        BuildList(0),
        BuildTuple(6),
    )
    f = dispatcher(copies(programs, 2, build=build))
    (listed, text), pair, nothing, empty, mapping, sequence = f(tensor(1), tensor(2))
    assert values(path, [listed, *pair]) == [2, 1, 1]
    assert isinstance(pair, Pair)
    assert pair.left is pair.right
    assert (text, nothing, empty, mapping, sequence) == ("text", None, (), {}, [])


def test_a_constructor_that_raises(
    path: ModuleType, tensor: Any, dispatcher: Any, programs: jit.Library
) -> None:
    def refuse(*_: object) -> None:
        raise LookupError("refused")

    build = (BuildOutput(0), BuildOutput(1), BuildTuple(1), BuildCall(refuse, 1), BuildTuple(2))
    f = dispatcher(copies(programs, 2, build=build))
    with pytest.raises(LookupError, match="refused"):
        f(tensor(1), tensor(2))
    unhashable: Any = []
    f = dispatcher(copies(programs, 1, build=(BuildOutput(0), BuildDict((unhashable,)))))
    with pytest.raises(TypeError, match="unhashable"):
        f(tensor(1))


def test_status_raises_what_fail_gives(
    path: ModuleType, tensor: Any, dispatcher: Any, muladd: Record, programs: Any
) -> None:
    f = dispatcher(
        dataclasses.replace(muladd, program=programs["fail7"], fail=lambda s: IndexError(f"status {s}"))
    )
    with pytest.raises(IndexError, match="status 7"):
        f(tensor(1), tensor(2))

    def broken(status: int) -> BaseException:
        raise KeyError(status)

    f = dispatcher(dataclasses.replace(muladd, program=programs["fail7"], fail=broken))
    with pytest.raises(KeyError, match="7"):
        f(tensor(1), tensor(2))
    no_error: Any = int
    f = dispatcher(dataclasses.replace(muladd, program=programs["fail7"], fail=no_error))
    with pytest.raises(TypeError, match="fail"):
        f(tensor(1), tensor(2))


@pytest.mark.parametrize("release_gil", [False, True])
def test_arena(path: ModuleType, dispatcher: Any, programs: jit.Library, release_gil: bool) -> None:
    aval = TensorType(dtypes.int64, ())
    record = Record(
        n_args=0,
        match=(),
        outputs=(NewOutput(aval, 8, 1),),
        build=(BuildOutput(0),),
        n_bufs=2,
        program=programs["arena"],
        fail=ValueError,
        arena_bytes=1000,
        arena_buf=0,
        release_gil=release_gil,
    )
    f = dispatcher(record)
    before = path.counters()
    path.reset_peak()
    assert [int(path.as_ndarray(f())) for _ in range(3)] == [0, 0, 0]
    assert path.counters()[:3] == before[:3]
    assert path.counters().peak_bytes == before.num_bytes + 1008


def accumulator(programs: jit.Library, cell: Any, in_place: bool, **changes: Any) -> Record:
    """cell += argument; gives the cell's Tensor."""
    fields: dict[str, Any] = {
        "n_args": 1,
        "match": (MatchArray(0, F4, 2),),
        "state": (StateBinding(cell, F4, 0, 1, in_place),),
        "outputs": (StateOutput(0),),
        "build": (BuildConst(None),),
        "n_bufs": 3,
        "program": programs["accumulate"],
        "fail": ValueError,
        "owner": programs,
    }
    return Record(**(fields | changes))


@pytest.mark.parametrize("release_gil", [False, True])
@pytest.mark.parametrize("in_place", [False, True])
def test_state(
    path: ModuleType, tensor: Any, dispatcher: Any, programs: Any, in_place: bool, release_gil: bool
) -> None:
    cell = path.Cell(tensor(0))
    f = dispatcher(accumulator(programs, cell, in_place, release_gil=release_gil))
    first = cell.tensor._data
    for i in range(1, 5):
        assert f(tensor(i)) is None
    assert (cell.busy, cell.tensor._aval) == (0, F4)
    assert not in_place or cell.tensor._data == first
    assert values(path, [cell.tensor]) == [10]
    held = cell.tensor
    f(tensor(1))
    assert values(path, [held, cell.tensor]) == [10, 11]
    shown = path.as_ndarray(cell.tensor)
    f(tensor(1))
    assert shown.tolist() == [11] * 4
    assert values(path, [cell.tensor]) == [12]


def test_in_place_keeps_the_memory(
    path: ModuleType, tensor: Any, dispatcher: Any, programs: jit.Library
) -> None:
    cell = path.Cell(path.from_ndarray(F4, np.zeros(4, np.float32)))
    f, one = dispatcher(accumulator(programs, cell, True)), tensor(1)
    address = cell.tensor._data
    for _ in range(5):
        f(one)
    assert cell.tensor._data == address
    path.as_ndarray(cell.tensor)
    address = cell.tensor._data
    f(one)
    assert cell.tensor._data == address
    assert values(path, [cell.tensor]) == [6]


def test_state_as_result(path: ModuleType, tensor: Any, dispatcher: Any, programs: jit.Library) -> None:
    cell, reader = path.Cell(tensor(0)), path.Cell(tensor(5))
    f = dispatcher(accumulator(programs, cell, True, build=(BuildOutput(0),)))
    kept = [f(tensor(1)) for _ in range(4)]
    assert values(path, kept) == [1, 2, 3, 4]
    path.dispose(kept[-1])
    assert values(path, [cell.tensor]) == [4], "what is handed out is not the cell's own"
    record = Record(
        n_args=0,
        match=(),
        state=(StateBinding(reader, F4, 0),),
        outputs=(StateOutput(0), NewOutput(F4, 16, 1)),
        build=(BuildOutput(0), BuildOutput(1), BuildTuple(2)),
        n_bufs=2,
        program=programs["copy8"],
        fail=ValueError,
    )
    same, copied = dispatcher(record)()
    assert same is not reader.tensor and copied is not same
    assert values(path, [same, copied, reader.tensor]) == [5, 5, 5]


def test_state_that_does_not_match(
    path: ModuleType, tensor: Any, dispatcher: Any, programs: jit.Library
) -> None:
    cell = path.Cell(tensor(0))
    f = dispatcher(accumulator(programs, cell, True))
    cell.busy = 1
    assert f(tensor(1))[0] == "slow"
    with pytest.raises(RuntimeError, match="being updated"):
        cell.tensor = tensor(3)
    cell.busy = 0
    cell.tensor = tensor(np.zeros(3, np.float32))
    assert f(tensor(1))[0] == "slow"
    cell.tensor = tensor(3)
    path.dispose(cell.tensor)
    assert f(tensor(1))[0] == "slow"
    for wrong in (None, 3, np.zeros(4)):
        with pytest.raises(TypeError, match="expected a Tensor"):
            cell.tensor = wrong
    with pytest.raises((TypeError, AttributeError)):
        del cell.tensor


@pytest.mark.parametrize("in_place", [False, True])
def test_failure_leaves_the_state(
    path: ModuleType, tensor: Any, dispatcher: Any, programs: jit.Library, in_place: bool
) -> None:
    cell = path.Cell(tensor(3))
    f = dispatcher(accumulator(programs, cell, in_place, program=programs["fail7"]))
    with pytest.raises(ValueError, match="7"):
        f(tensor(1))
    assert values(path, [cell.tensor]) == [3]
    assert cell.busy == 0


def test_installing_what_is_no_cell(path: ModuleType, dispatcher: Any, programs: jit.Library) -> None:
    with pytest.raises(TypeError, match="bound to a Cell"):
        dispatcher(accumulator(programs, object(), True))


BINARY = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"),
    *("and_", "or_", "xor", "lshift", "rshift", "eq", "ne", "lt", "le", "gt", "ge"),
)
NAMES = (
    *("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "power", "matmul"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
)
MIRRORED = {
    "lt": "greater",
    "le": "greater_equal",
    "gt": "less",
    "ge": "less_equal",
    "eq": "equal",
    "ne": "not_equal",
}


@pytest.fixture
def bound(path: ModuleType) -> Any:
    """Every operator gives (its name, its operands)."""
    before = {
        name: path.bind_operator(name, path.Dispatcher(lambda *a, name=name: (name, *a)))
        for name in OPERATORS
    }
    yield path
    for name, dispatcher in before.items():
        path.bind_operator(name, dispatcher)


def test_operators(bound: Any, tensor: Any) -> None:
    t, u = tensor(1), tensor(2)
    for short, name in zip(BINARY, NAMES, strict=True):
        method = bound.Tensor.__dict__[f"__{short.rstrip('_')}__"]
        if getattr(method, "__module__", twin.__name__) != twin.__name__:
            continue  # the array methods, once imported, stand over this slot
        operation = getattr(operator, short)
        made = operation(t, u)
        assert made[0] == name
        assert made[1] is t
        assert made[2] is u
        assert operation(t, 5)[0] == name
        backwards = operation(5, t)
        if short in MIRRORED:
            assert backwards[0] == MIRRORED[short]
            assert (backwards[1] is t, backwards[2]) == (True, 5)
        else:
            assert backwards[0] == name
            assert (backwards[1], backwards[2] is t) == (5, True)
    for operation, name in (
        (operator.neg, "negative"),
        (operator.abs, "abs"),
        (operator.invert, "bitwise_invert"),
    ):
        assert operation(t)[0] == name
        assert operation(t)[1] is t
    with pytest.raises(TypeError):
        pow(t, u, 3)


def test_operators_hit_records(bound: Any, tensor: Any, dispatcher: Any, muladd: Record) -> None:
    f = dispatcher(muladd)
    bound.bind_operator("bitwise_xor", f)
    assert values(bound, [tensor(3) ^ tensor(4)]) == [13]
    assert bound.bind_operator("bitwise_xor", None) is f
    with pytest.raises(TypeError, match="unsupported operand"):
        tensor(3) ^ tensor(4)
    assert bound.bind_operator("negative", None) is not None
    with pytest.raises(TypeError, match="bad operand"):
        -tensor(3)
    assert bound.bind_operator("equal", bound.Dispatcher(lambda *a: NotImplemented)) is not None
    assert (tensor(3) == 3) is False


def test_slow_may_be_replaced_while_it_runs(path: ModuleType) -> None:
    def first(x: int) -> int:
        f.slow = lambda x: x + 100
        return x

    f = path.Dispatcher(first)
    del first
    assert (f(1), f(1)) == (1, 101)
    f = path.Dispatcher(slow=print, n_buckets=4)
    assert f.slow is print


def test_slow_may_install_and_clear(path: ModuleType, tensor: Any, muladd: Record) -> None:
    def slow(x: Any, y: Any) -> Any:
        f.clear()
        f.install(muladd)
        return f(x, y)

    f = path.Dispatcher(slow)
    assert values(path, [f(tensor(2), tensor(3))]) == [7]
    f.slow = None


def test_the_slow_path_gets_errors_through(path: ModuleType) -> None:
    def slow(*_: object) -> None:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        path.Dispatcher(slow)(1)


def test_subclasses(path: ModuleType, tensor: Any, muladd: Record) -> None:
    class Function(path.Dispatcher):  # type: ignore[misc,name-defined]
        """A dispatcher with attributes and methods."""

        def __init__(self, slow: Any) -> None:
            super().__init__(slow)
            self.traces = 0

    f = Function(lambda *a: ("slow", *a))
    f.install(muladd)
    f.traces += 1
    assert values(path, [f(tensor(2), tensor(3))]) == [7]
    assert f(1) == ("slow", 1)
    assert (f.traces, len(f)) == (1, 1)
    ref = weakref.ref(f)
    f.me = f
    del f
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize("n_buckets", [1, 8])
def test_cycles_through_records_are_collected(
    path: ModuleType, programs: jit.Library, n_buckets: int
) -> None:
    class Owner:
        pass

    owner = Owner()
    f = path.Dispatcher(lambda *a, owner=owner: owner, n_buckets)
    owner.f = f  # type: ignore[attr-defined]
    f.install(copies(programs, 2, owner=owner))
    f.install(copies(programs, 2, owner=owner))
    refs = weakref.ref(owner), weakref.ref(f)
    del owner, f
    gc.collect()
    assert [r() for r in refs] == [None, None]


def test_a_record_outlives_its_removal(path: ModuleType, tensor: Any, programs: jit.Library) -> None:
    def constructor(t: object) -> object:
        f.clear()
        gc.collect()
        return t

    f = path.Dispatcher(lambda *a: "slow")
    f.install(copies(programs, 1, build=(BuildOutput(0), BuildCall(constructor, 1), BuildTuple(1))))
    assert values(path, f(tensor(4))) == [4]
    assert f(tensor(4)) == "slow"
    f.slow = None


def test_inputs_taken_from_a_list_are_kept(
    path: ModuleType, tensor: Any, dispatcher: Any, programs: Any
) -> None:
    n = 3
    match = (MatchList(0, n), *(MatchArray(1 + i, F4, 1 + i) for i in range(n)))
    f = dispatcher(copies(programs, n, n_args=1, match=match, release_gil=True))
    given = [tensor(i) for i in range(n)]
    assert values(path, f(given)) == [0, 1, 2]
    assert values(path, given) == [0, 1, 2]
