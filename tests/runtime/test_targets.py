"""Law 1 on every target: code made for other CPUs gives the same bits, and says once what it lacks."""

from __future__ import annotations

import json
import platform

import pytest

from .processes import output_of, run

X86 = platform.machine().lower() in ("x86_64", "amd64")
PROGRAM = r"""
import hashlib, json, sys
import numpy as np
import lithograph as lg

rng = np.random.default_rng(0)
x = rng.normal(0, 2, (37, 53)).astype(np.float32)
w = rng.normal(0, 1, (53, 41)).astype(np.float32)
d = rng.normal(0, 3, (5, 301))
i = rng.integers(-9, 9, (7, 33), dtype=np.int32)
e = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-40, 3.4e38, 88.7, -103.9, 710.0, 1e30] * 5, np.float32)
elementwise = [lg.exp, lg.expm1, lg.tanh, lg.sigmoid, lg.erf, lg.sin, lg.cos, lg.gelu, lg.softplus]
positive = [lg.log, lg.log1p, lg.sqrt, lg.rsqrt]


def programs(x, w, d, i, e):
    yield from (f(a) for f in elementwise for a in (x, d, e))
    yield from (f(lg.abs(a) + lg.astype(0.25, a.dtype)) for f in positive for a in (x, d, e))
    yield lg.abs(x) ** 1.7
    yield lg.abs(d) ** d
    yield x @ w
    yield lg.relu(x @ w + 0.5) * 2
    yield x.astype(lg.float64) @ w.astype(lg.float64)
    yield x[:3] @ w[:, :2]
    yield i @ lg.matrix_transpose(i)
    for axis in (None, 0, 1):
        yield from (lg.sum(x, axis=axis), lg.sum(d, axis=axis), lg.max(x, axis=axis), lg.argmax(d, axis=axis))
        yield from (lg.mean(d, axis=axis), lg.var(x, axis=axis), lg.sum(i, axis=axis))
        yield from (lg.prod(x, axis=axis), lg.count_nonzero(i, axis=axis), lg.argmin(x, axis=axis))
    for a in (x, d, i):
        yield from (f(a, axis=k) for f in (lg.cumulative_sum, lg.cumulative_prod, lg.cumulative_max) for k in (0, 1))
        yield from (f(lg.reshape(a[:, :30], (-1, 3, 10)), axis=(0, 2)) for f in (lg.sum, lg.prod, lg.max, lg.any))
    yield lg.grad(lambda x: lg.sum(lg.prod(x, axis=1)))(d[:, :40])
    yield from (lg.softmax(x, axis=-1), lg.log_softmax(d, axis=0), lg.logsumexp(x, axis=0))
    yield from (i // 4, i % 5, i * i - 7, (x * 1e9).astype(lg.int32), e.astype(lg.int64), lg.round(x), lg.floor(d))
    yield lg.random.normal((301,), key=lg.random.key(3))
    yield lg.random.uniform((301,), key=lg.random.key(3), dtype=lg.float64)
    yield from lg.grads(lambda x, w: lg.sum(lg.tanh(x @ w) ** 2))(x, w)


def digest(t):
    a = np.asarray(t.numpy())
    a = np.where(np.isnan(a), np.nan, a) if a.dtype.kind == "f" else a
    return f"{a.dtype}{a.shape}" + hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()


arrays = (x, w, d, i, e)
eager = [digest(t) for t in programs(*map(lg.tensor, arrays))]
compiled = [digest(t) for t in lg.function(lambda *a: list(programs(*a)))(*arrays)]
print(json.dumps([eager, compiled]))
"""


@pytest.fixture(scope="module")
def on_this_machine() -> list[str]:
    eager, compiled = json.loads(output_of(PROGRAM))
    assert eager == compiled and len(eager) > 70
    return list(eager)


@pytest.mark.skipif(not X86, reason="names of x86 CPUs")
@pytest.mark.parametrize("cpu", ["haswell", "x86-64-v3", "x86-64", "nehalem"])
def test_other_targets_give_the_same_bits(cpu: str, on_this_machine: list[str]) -> None:
    done = run(PROGRAM, LITHOGRAPH_TARGET=cpu)
    assert done.returncode == 0, done.stderr
    eager, compiled = json.loads(done.stdout)
    assert eager == on_this_machine
    assert compiled == on_this_machine
    said = [line for line in done.stderr.splitlines() if "Warning" in line]
    if cpu in ("haswell", "x86-64-v3"):
        assert done.stderr == ""
    else:
        (only,) = said
        assert f"lithograph: CPU {cpu!r} has no fused multiply-add instruction; results stay the same" in only


@pytest.mark.parametrize("threads", ["1", "2", "7"])
def test_any_number_of_threads_gives_the_same_bits(threads: str, on_this_machine: list[str]) -> None:
    eager, compiled = json.loads(output_of(PROGRAM, LITHOGRAPH_THREADS=threads))
    assert eager == compiled == on_this_machine


def test_without_native_calls_the_bits_are_the_same(on_this_machine: list[str]) -> None:
    eager, compiled = json.loads(output_of(PROGRAM, LITHOGRAPH_NATIVE="0"))
    assert eager == compiled == on_this_machine


def test_a_cpu_that_does_not_exist() -> None:
    done = run("import lithograph as lg; print((lg.tensor([1.0]) + 1).tolist())", LITHOGRAPH_TARGET="pentium9")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("lithograph.ir.errors.DomainError: LITHOGRAPH_TARGET")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("THREADS", "0", "a number of threads from 1 to 256"),
        ("THREADS", "-1", "a number of threads from 1 to 256"),
        ("THREADS", "1.5", "a number of threads from 1 to 256"),
        ("THREADS", "257", "a number of threads from 1 to 256"),
        ("CHECK", "4", "an integer from 0 to 3"),
        ("DEBUG", "x", "an integer from 0 to 5"),
        ("NATIVE", "yes", "0 or 1"),
        ("TRACEBACK", "long", "'short' or 'full'"),
    ],
)
def test_bad_switches(name: str, value: str, wanted: str) -> None:
    done = run("import lithograph", **{f"LITHOGRAPH_{name}": value})
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        f"lithograph.ir.errors.DomainError: LITHOGRAPH_{name} must be {wanted}, not {value!r}"
    )
