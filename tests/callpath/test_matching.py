"""What matches a record and what does not, for each kind of step; whatever does not goes the slow way."""

from __future__ import annotations

import dataclasses
import struct
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lithograph.codegen import jit
from lithograph.ir import dtypes
from lithograph.ir.types import TensorType
from lithograph.runtime.record import (
    BuildConst,
    BuildOutput,
    Match,
    MatchArray,
    MatchDict,
    MatchFloat,
    MatchIdentity,
    MatchInt,
    MatchList,
    MatchTuple,
    MatchWeak,
    NewOutput,
    Record,
)

pytestmark = pytest.mark.callpath
F4 = TensorType(dtypes.float32, (4,))


def guard(programs: jit.Library, *match: Match, n_args: int = 1, kwnames: tuple[str, ...] = ()) -> Record:
    """A record that computes nothing and gives "hit"."""
    constants = np.zeros(1, np.int64)
    return Record(
        n_args=n_args,
        match=match,
        outputs=(),
        build=(BuildConst("hit"),),
        n_bufs=1,
        program=programs["copies"],
        fail=ValueError,
        kwnames=kwnames,
        constants=constants,
        constants_buf=0,
        owner=programs,
    )


def hits(f: Any, *args: object, **kwargs: object) -> bool:
    """Whether the record ran."""
    result = f(*args, **kwargs)
    if result == "hit":
        return True
    assert result == ("slow", args, kwargs)
    return False


def test_arrays(path: ModuleType, tensor: Any, dispatcher: Any, muladd: Record) -> None:
    f = dispatcher(muladd)
    x, y = np.arange(4, dtype=np.float32), np.full(4, 2, np.float32)
    for a in (x, tensor(x)):
        for b in (y, tensor(y)):
            assert path.as_ndarray(f(a, b)).tolist() == [1, 3, 5, 7]
    readonly = path.as_ndarray(tensor(x))
    assert path.as_ndarray(f(readonly, readonly)).tolist() == [1, 2, 5, 10]


def test_arrays_that_differ(path: ModuleType, tensor: Any, dispatcher: Any, muladd: Record) -> None:
    f = dispatcher(muladd)
    good = np.zeros(4, np.float32)
    disposed = tensor(0)
    path.dispose(disposed)
    wide = np.zeros(17, np.uint8)
    others: list[object] = [
        np.zeros(4),
        np.zeros(4, ">f4"),
        np.zeros(5, np.float32),
        np.zeros((4, 1), np.float32),
        np.zeros((), np.float32),
        np.zeros(8, np.float32)[::2],
        np.frombuffer(wide.data, np.float32, 4, 1),
        np.ma.zeros(4, np.float32),
        tensor(np.zeros(4)),
        tensor(np.zeros(3, np.float32)),
        disposed,
        [0.0] * 4,
        None,
        np.float32(0),
        F4,
    ]
    for other in others:
        assert f(other, good)[0] == "slow"
        assert f(good, other)[0] == "slow"
    assert f()[0] == f(good)[0] == f(good, good, good)[0] == "slow"
    assert f(good, y=good) == ("slow", (good,), {"y": good})


def test_keywords(path: ModuleType, dispatcher: Any, programs: jit.Library, tensor: Any) -> None:
    f = dispatcher(guard(programs, MatchInt(0, 1), MatchInt(1, 2), MatchInt(2, 3), kwnames=("alpha", "beta")))
    assert hits(f, 1, alpha=2, beta=3)
    assert hits(f, 1, **{"".join("alpha"): 2, "".join(["be", "ta"]): 3})
    assert not hits(f, 1, beta=3, alpha=2)
    assert not hits(f, 1, 2, beta=3)
    assert not hits(f, 1, alpha=2)
    assert not hits(f, 1, alpha=2, gamma=3)
    assert not hits(f, 1, alpha=2, beta=4)
    assert not hits(f, 1, 2, 3)


def test_identity(path: ModuleType, dispatcher: Any, programs: jit.Library) -> None:
    thing = object()
    for value, other in ((None, False), (True, 1), (thing, object()), ("word", "".join(["wo", "rd"]))):
        f = dispatcher(guard(programs, MatchIdentity(0, value)))
        assert hits(f, value)
        assert not hits(f, other)


def test_numbers(path: ModuleType, dispatcher: Any, programs: jit.Library) -> None:
    bits = struct.unpack("<Q", struct.pack("<d", -0.0))[0]
    f = dispatcher(guard(programs, MatchFloat(0, bits)))
    assert hits(f, -0.0)
    for other in (0.0, 0, False, np.float64(-0.0), "-0.0"):
        assert not hits(f, other)
    nan = float("nan")
    f = dispatcher(guard(programs, MatchFloat(0, struct.unpack("<Q", struct.pack("<d", nan))[0])))
    assert f(nan) == f(float("nan")) == "hit"
    for value in (0, 1, -1, 255, -(2**63), 2**63 - 1, 2**31, 10**18):
        f = dispatcher(guard(programs, MatchInt(0, value)))
        assert hits(f, value)
        for other in (
            value + 1,
            value - 1,
            float(value),
            bool(value),
            value + 2**64,
            value - 2**64,
            -(2**70),
        ):
            assert not hits(f, other)


def test_sequences(path: ModuleType, dispatcher: Any, programs: jit.Library) -> None:
    class Derived(tuple[object, ...]):
        pass

    steps = (
        MatchTuple(0, 2),
        MatchInt(1, 1),
        MatchList(2, 3),
        MatchInt(3, 2),
        MatchInt(4, 3),
        MatchTuple(5, 0),
    )
    f = dispatcher(guard(programs, *steps))
    assert hits(f, (1, [2, 3, ()]))
    for other in (
        [1, [2, 3, ()]],
        (1, (2, 3, ())),
        (1, [2, 3, (), 4]),
        (1, [2, 4, ()]),
        (1, [2, 3, []]),
        (1,),
        1,
    ):
        assert not hits(f, other)
    assert not hits(f, Derived((1, [2, 3, ()])))


def test_dicts(path: ModuleType, dispatcher: Any, programs: jit.Library) -> None:
    f = dispatcher(
        guard(programs, MatchDict(0, ("a", 5, "bc")), MatchInt(1, 1), MatchInt(2, 2), MatchInt(3, 3))
    )
    assert hits(f, {"a": 1, 5: 2, "bc": 3})
    assert hits(f, {"bc": 3, 5: 2, "a": 1})
    assert hits(f, {"".join(["b", "c"]): 3, int("5"): 2, "a": 1})
    for other in (
        {"a": 1, 5: 2, "bd": 3},
        {"a": 1, 5: 2},
        {"a": 1, 5: 2, "bc": 3, "d": 4},
        {"a": 3, 5: 2, "bc": 1},
    ):
        assert not hits(f, other)
    assert not hits(f, [])
    assert not hits(f, {"a": 1, 5.0: 2, "bc": 3})


def test_matching_runs_no_python_code(path: ModuleType, dispatcher: Any, programs: jit.Library) -> None:
    compared: list[object] = []

    class Key:
        def __init__(self, key: object) -> None:
            self.key = key

        def __hash__(self) -> int:
            return hash(self.key)

        def __eq__(self, other: object) -> bool:
            compared.append(other)
            return True

    same = Key("a")
    f = dispatcher(guard(programs, MatchDict(0, ("a", "b")), n_args=1))
    assert f({"b": 1, same: 2})[0] == "slow"
    g = dispatcher(guard(programs, MatchDict(0, (same, "b"))))
    assert g({same: 1, "b": 2}) == "hit"
    assert g({"b": 2, same: 1})[0] == "slow"
    assert g({Key("a"): 1, "b": 2})[0] == "slow"
    assert compared == []


WEAK = [
    (float, dtypes.float64, [0.0, -0.0, 1e300, 0.1, float("inf")], [1, True, np.float64(1)]),
    (float, dtypes.float32, [0.1, 1e300, -1e-300, float("inf"), 16777217.0], [1, None]),
    (int, dtypes.int8, [-128, 127, 0], [128, -129, True, 1.0, 2**80, -(2**80)]),
    (int, dtypes.int16, [-32768, 32767], [32768, -32769]),
    (int, dtypes.int32, [-(2**31), 2**31 - 1], [2**31, -(2**31) - 1]),
    (int, dtypes.int64, [-(2**63), 2**63 - 1], [2**63, -(2**63) - 1, False]),
    (int, dtypes.uint8, [0, 255], [256, -1]),
    (int, dtypes.uint16, [0, 65535], [65536, -1]),
    (int, dtypes.uint32, [0, 2**32 - 1], [2**32, -1]),
    (int, dtypes.uint64, [0, 2**63, 2**64 - 1], [2**64, -1, -(2**80)]),
    (int, dtypes.float32, [16777217, 2**63 - 1, -(2**63), 2**53 + 1], [2**63, 1.0]),
    (int, dtypes.float64, [2**53 + 1, -(2**63)], [2**63, True]),
    *((bool, d, [True, False], [1, 0, 1.0]) for d in dtypes.ALL if d.plain),
]


@pytest.mark.parametrize(
    ("kind", "dtype", "good", "bad"), WEAK, ids=lambda v: str(v) if isinstance(v, type) else ""
)
def test_python_numbers_become_arrays(
    path: ModuleType,
    dispatcher: Any,
    programs: jit.Library,
    kind: type[float] | type[int] | type[bool],
    dtype: dtypes.DType,
    good: list[float],
    bad: list[object],
) -> None:
    aval = TensorType(dtype, ())
    record = Record(
        n_args=1,
        match=(MatchWeak(0, kind, dtype, 0),),
        outputs=(NewOutput(aval, 8, 1),),
        build=(BuildOutput(0),),
        n_bufs=2,
        program=programs["copy8"],
        fail=ValueError,
    )
    f = dispatcher(record)
    for value in good:
        got = path.as_ndarray(f(value))
        wide = np.array(
            value, np.float64 if kind is float else np.uint64 if dtype.kind == "uint" else np.int64
        )
        with np.errstate(over="ignore"):
            expected = wide.astype(dtype.numpy)
        assert got.dtype is dtype.numpy
        assert got.tobytes() == expected.tobytes()
    for other in bad:
        assert f(other)[0] == "slow"


def test_newest_first_and_clear(path: ModuleType, dispatcher: Any, programs: jit.Library) -> None:
    f = dispatcher()
    for i in range(5):
        f.install(dataclasses.replace(guard(programs), build=(BuildConst(i),)))
        assert (f(None), len(f)) == (i, i + 1)
    f.clear()
    assert (f(None)[0], len(f)) == ("slow", 0)


@pytest.mark.parametrize("n_buckets", [1, 2, 64])
def test_buckets(
    path: ModuleType, dispatcher: Any, programs: jit.Library, n_buckets: int, tensor: Any
) -> None:
    f = dispatcher(n_buckets=n_buckets)
    shapes = [(i,) for i in range(12)]
    avals = [TensorType(dtypes.float32, s) for s in shapes]
    for i, a in enumerate(avals):
        for j, b in enumerate(avals):
            record = guard(programs, MatchArray(0, a, -1), MatchArray(1, b, -1), n_args=2)
            f.install(dataclasses.replace(record, build=(BuildConst((i, j)),)))
    assert len(f) == 144
    arrays = [np.zeros(s, np.float32) for s in shapes]
    tensors = [tensor(a) for a in arrays]
    for i in range(12):
        for j in range(12):
            answers = {f(a, b) for a in (arrays[i], tensors[i]) for b in (arrays[j], tensors[j])}
            assert answers == {(i, j)}
    assert f(tensors[0], np.zeros(99, np.float32))[0] == "slow"
    f.clear()
    assert f(tensors[0], tensors[0])[0] == "slow"


def test_active_stages_send_all_calls_the_slow_way(
    path: ModuleType, tensor: Any, dispatcher: Any, muladd: Record
) -> None:
    f, t = dispatcher(muladd), tensor(1)
    path.enter()
    path.enter()
    assert f(t, t)[0] == "slow"
    path.leave()
    assert f(t, t)[0] == "slow"
    f.always = True
    assert path.as_ndarray(f(t, t)).tolist() == [2] * 4
    f.always = False
    assert f(t, t)[0] == "slow"
    path.leave()
    assert path.as_ndarray(f(t, t)).tolist() == [2] * 4


def test_records_are_checked(programs: jit.Library) -> None:
    good: dict[str, Any] = {
        "n_args": 1,
        "match": (MatchArray(0, F4, 0),),
        "outputs": (NewOutput(F4, 16, 1),),
        "build": (BuildOutput(0),),
        "n_bufs": 2,
        "program": programs["copy8"],
        "fail": ValueError,
    }
    Record(**good)
    for change, message in (
        ({"program": 0}, "a program"),
        ({"n_args": 0}, "slot that does not exist"),
        ({"n_bufs": 1}, "buf 1 is out of range"),
        ({"outputs": (NewOutput(F4, 16, 0),)}, "buf 0 is set more than once"),
        ({"outputs": (NewOutput(F4, 15, 1),)}, "smaller than its type"),
        ({"build": (BuildOutput(1),)}, "out of range"),
        ({"build": ()}, "leaves one object"),
        ({"build": (BuildOutput(0), BuildOutput(0))}, "leaves one object"),
        ({"match": (MatchInt(0, 2**63),)}, "does not fit int64"),
        ({"match": (MatchWeak(0, float, dtypes.int32, 0),)}, "does not become int32"),
        ({"constants": np.zeros(1, np.int64)}, "constants come with constants_buf"),
        ({"kwnames": (1,)}, "keyword names are str"),
    ):
        with pytest.raises(ValueError, match=message):
            Record(**(good | change))
