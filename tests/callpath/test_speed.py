"""What a hit costs: the best of several repeats, against bounds wide enough for a busy machine."""

from __future__ import annotations

import timeit
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lithograph.codegen import jit
from lithograph.ir import dtypes
from lithograph.ir.types import TensorType
from lithograph.runtime.record import BuildDict, BuildOutput, MatchArray, MatchDict, NewOutput, Record

pytestmark = [pytest.mark.callpath, pytest.mark.alone]
F4 = TensorType(dtypes.float32, (4,))


def nanoseconds(statement: str, **names: object) -> float:
    n = 20_000
    return min(timeit.repeat(statement, globals=names, number=n, repeat=15)) / n * 1e9


@pytest.fixture
def native(path: ModuleType) -> ModuleType:
    if path.__name__.endswith("twin"):
        pytest.skip("the twin is not fast")
    return path


def test_two_tensors(native: ModuleType, tensor: Any, dispatcher: Any, muladd: Record) -> None:
    f = dispatcher(muladd)
    x, y = np.zeros(4, np.float32), np.ones(4, np.float32)
    a, b = tensor(x), tensor(y)
    assert native.as_ndarray(f(a, y)).tolist() == [1] * 4
    numpy = nanoseconds("x * y + 1", x=x, y=y)
    assert nanoseconds("f(x, y)", f=f, x=a, y=b) < min(300, numpy / 3)
    assert nanoseconds("f(x, y)", f=f, x=x, y=y) < min(300, numpy / 3)
    before = native.bind_operator("add", f)
    try:
        assert nanoseconds("x + y", x=a, y=b) < min(300, numpy / 3)
    finally:
        native.bind_operator("add", before)


def test_twenty_tensors_in_a_dict(
    native: ModuleType, tensor: Any, dispatcher: Any, programs: jit.Library
) -> None:
    n = 20
    keys = tuple(f"k{i}" for i in range(n))
    record = Record(
        n_args=1,
        match=(MatchDict(0, keys), *(MatchArray(1 + i, F4, 1 + i) for i in range(n))),
        outputs=tuple(NewOutput(F4, 16, 1 + n + i) for i in range(n)),
        build=(*map(BuildOutput, range(n)), BuildDict(keys)),
        n_bufs=1 + 2 * n,
        program=programs["copies"],
        fail=ValueError,
        constants=np.array([n]),
        constants_buf=0,
    )
    f, given = dispatcher(record), {k: tensor(i) for i, k in enumerate(keys)}
    assert native.as_ndarray(f(given)["k19"]).tolist() == [19] * 4
    assert nanoseconds("f(x)", f=f, x=given) < 4000
