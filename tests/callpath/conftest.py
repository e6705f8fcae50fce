"""Fixtures of the call path's tests: both implementations, a few native programs, shorthands for records."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import pytest

from lithograph.codegen import jit
from lithograph.ir import dtypes
from lithograph.ir.types import TensorType
from lithograph.runtime import core, twin
from lithograph.runtime.record import BuildOutput, MatchArray, NewOutput, Record

F4 = TensorType(dtypes.float32, (4,))
KERNELS = """
declare i32 @usleep(i32)

define i64 @muladd(ptr %b) {
  %x = load ptr, ptr %b
  %p1 = getelementptr ptr, ptr %b, i64 1
  %y = load ptr, ptr %p1
  %p2 = getelementptr ptr, ptr %b, i64 2
  %z = load ptr, ptr %p2
  %vx = load <4 x float>, ptr %x, align 4
  %vy = load <4 x float>, ptr %y, align 4
  %m = fmul <4 x float> %vx, %vy
  %r = fadd <4 x float> %m, splat (float 1.0)
  store <4 x float> %r, ptr %z, align 4
  ret i64 0
}

define i64 @slow_muladd(ptr %b) {
  call i32 @usleep(i32 2000)
  %r = call i64 @muladd(ptr %b)
  ret i64 %r
}

define i64 @fail7(ptr %b) {
  ret i64 7
}

define i64 @copy8(ptr %b) {
  %x = load ptr, ptr %b
  %p1 = getelementptr ptr, ptr %b, i64 1
  %z = load ptr, ptr %p1
  %v = load i64, ptr %x, align 1
  store i64 %v, ptr %z, align 1
  ret i64 0
}

; bufs: number of tensors as constant words, then inputs, then outputs: each output is its input of 4 floats
define i64 @copies(ptr %b) {
  %c = load ptr, ptr %b
  %n = load i64, ptr %c
  br label %head
head:
  %i = phi i64 [0, %0], [%next, %body]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %body, label %end
body:
  %next = add i64 %i, 1
  %o = add i64 %next, %n
  %pi = getelementptr ptr, ptr %b, i64 %next
  %po = getelementptr ptr, ptr %b, i64 %o
  %in = load ptr, ptr %pi
  %out = load ptr, ptr %po
  %v = load <4 x float>, ptr %in, align 4
  store <4 x float> %v, ptr %out, align 4
  br label %head
end:
  ret i64 0
}

; bufs: state in, state out, argument: out = in + argument
define i64 @accumulate(ptr %b) {
  %x = load ptr, ptr %b
  %p1 = getelementptr ptr, ptr %b, i64 1
  %z = load ptr, ptr %p1
  %p2 = getelementptr ptr, ptr %b, i64 2
  %y = load ptr, ptr %p2
  %vx = load <4 x float>, ptr %x, align 4
  %vy = load <4 x float>, ptr %y, align 4
  %r = fadd <4 x float> %vx, %vy
  store <4 x float> %r, ptr %z, align 4
  ret i64 0
}

define i64 @slow_accumulate(ptr %b) {
  call i32 @usleep(i32 2000)
  %r = call i64 @accumulate(ptr %b)
  ret i64 %r
}

; bufs: arena, output of one int64: the address of the arena modulo 64, and the arena is written
define i64 @arena(ptr %b) {
  %a = load ptr, ptr %b
  %p1 = getelementptr ptr, ptr %b, i64 1
  %z = load ptr, ptr %p1
  store i64 -1, ptr %a
  %last = getelementptr i8, ptr %a, i64 992
  store i64 -1, ptr %last
  %i = ptrtoint ptr %a to i64
  %m = and i64 %i, 63
  store i64 %m, ptr %z
  ret i64 0
}
"""
NAMES = ("muladd", "slow_muladd", "fail7", "copy8", "copies", "accumulate", "slow_accumulate", "arena")


@pytest.fixture(scope="session")
def programs() -> jit.Library:
    """Small programs, by name."""
    return jit.load(KERNELS, NAMES)


@pytest.fixture(params=["native", "twin"])
def path(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """The call path under test; what is allocated within a test is gone after it."""
    if request.param == "twin":
        chosen: ModuleType = twin
    elif core.Tensor is twin.Tensor:
        pytest.skip("the native call path is turned off, or this interpreter has none")
    else:
        chosen = core
    gc.collect()
    before = chosen.counters()
    yield chosen
    gc.collect()
    assert chosen.counters()[:3] == before[:3]


@pytest.fixture
def tensor(path: ModuleType) -> Callable[..., object]:
    """`tensor(value)`: four float32 of that value; `tensor(array)`: a copy of it."""

    def make(value: float | np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> object:
        array = np.full(4, value, np.float32) if isinstance(value, int | float) else value
        return path.from_ndarray(TensorType(dtypes.from_numpy(array.dtype), array.shape), array)

    return make


@pytest.fixture
def muladd(programs: jit.Library) -> Record:
    """x * y + 1 on two float32[4]."""
    return Record(
        n_args=2,
        match=(MatchArray(0, F4, 0), MatchArray(1, F4, 1)),
        outputs=(NewOutput(F4, 16, 2),),
        build=(BuildOutput(0),),
        n_bufs=3,
        program=programs["muladd"],
        fail=ValueError,
        owner=programs,
    )


def slow(*args: object, **kwargs: object) -> tuple[object, ...]:
    """A slow path that only says what came."""
    return ("slow", args, kwargs)


@pytest.fixture
def dispatcher(path: ModuleType) -> Callable[..., object]:
    """`dispatcher(*records)`: a Dispatcher whose slow path gives ("slow", args, kwargs)."""

    def make(*records: Record, n_buckets: int = 1) -> object:
        made = path.Dispatcher(slow, n_buckets)
        for record in records:
            made.install(record)
        return made

    return make
