"""What is measured: inputs, formulas, float64 references and goals; it knows no framework and no clock."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import numpy as np

from .control import mix, recur, sequence, start
from .each import each_gradient, network
from .training import Parameters

Numbers = np.ndarray
Function = Callable[..., object]
Nest = Numbers | dict[str, Numbers]


class Array(Protocol):
    """Any framework's array, as far as formulas go."""

    def __add__(self, other: Array | float, /) -> Array: ...
    def __sub__(self, other: Array | float, /) -> Array: ...
    def __mul__(self, other: Array | float, /) -> Array: ...
    def __matmul__(self, other: Array, /) -> Array: ...


Map = Callable[[Array], Array]


@dataclass(frozen=True)
class Ops:
    """What formulas use, under one name in every framework; `sum0` adds up columns; `…1` and `sort` work on rows."""

    exp: Map
    log: Map
    tanh: Map
    abs: Map
    sigmoid: Map
    gelu_tanh: Map
    gelu_erf: Map
    softmax: Map
    layer_norm: Callable[[Array, Array, Array], Array]
    sum: Map
    sum0: Map
    sum1: Map
    max: Map
    cumsum1: Map
    sort: Map
    each_gradient: Function
    mix: Function
    recur: Function


@dataclass(frozen=True)
class Goal:
    """What a row has to reach.

    Attributes:
        seconds: the most that one call of ours may take.
        ratio: the most that ours may take of the time of the fastest of the peers `against`.
    """

    seconds: float | None = None
    ratio: float | None = None
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One computation.

    Attributes:
        name, title: what to ask for and what to print.
        make: random inputs in float32, passed by position; the flag asks for small ones.
        formula: the function to measure, in terms of a framework's ops.
        reference: the same in NumPy on float64 inputs, as a list of results.
        tolerance: most |result - reference| in units of the reference's root mean square. float32 rounds at
            6e-8: elementwise formulas get a hundred such errors, sums and products a thousand; products in
            bfloat16 or TF32 (4e-3, 5e-4) fail.
        goal: of ours.
        eager: the formula is called as it stands, not compiled.
        dispatch: the call's overhead is what counts: results are waited for once per batch.
        numpy_inputs: arguments stay NumPy arrays, whatever the framework's own are.
        two_threads: also measured on two threads.
        quick: part of a quick run.
    """

    name: str
    title: str
    make: Callable[[np.random.Generator, bool], Sequence[Nest]]
    formula: Callable[[Ops], Function]
    reference: Callable[..., list[Numbers]]
    tolerance: float = 6e-6
    goal: Goal = Goal()
    eager: bool = False
    dispatch: bool = False
    numpy_inputs: bool = False
    two_threads: bool = False
    quick: bool = False


@dataclass(frozen=True)
class Training:
    """A network's whole training step, on state that the framework keeps; checked over STEPS steps."""

    name: str
    title: str
    make: Callable[[np.random.Generator, bool], tuple[Parameters, Numbers, Numbers]]
    goal: Goal = Goal()
    two_threads: bool = True
    quick: bool = False


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Numbers:
    return rng.standard_normal(shape, np.float32) * np.float32(scale)


def _tree(rng: np.random.Generator, small: bool) -> dict[str, Numbers]:
    return {f"k{j:02d}": normal(rng, 4) for j in range(20)}


def _rows(rng: np.random.Generator, small: bool) -> Numbers:
    return normal(rng, *((64, 128) if small else (4096, 1024)))


def _vector(rng: np.random.Generator, small: bool) -> Numbers:
    return normal(rng, 1 << 12 if small else 1 << 20)


def _layer(rng: np.random.Generator, small: bool) -> Sequence[Nest]:
    x = _rows(rng, small)
    return x, normal(rng, x.shape[1]), normal(rng, x.shape[1])


def _square(n: int) -> Callable[[np.random.Generator, bool], Sequence[Nest]]:
    return lambda rng, small: [normal(rng, *(2 * [n // 16 if small else n])) for _ in "ab"]


def _gelu_inputs(rng: np.random.Generator, small: bool) -> Sequence[Nest]:
    return _vector(rng, small), np.array(1.1, np.float32), np.array(0.1, np.float32)


def _network(rng: np.random.Generator, small: bool) -> tuple[Parameters, Numbers, Numbers]:
    sizes = (24, 16, 12, 10) if small else (784, 512, 256, 10)
    params: Parameters = {}
    for k, (n, m) in enumerate(pairwise(sizes), 1):
        params[f"w{k}"] = normal(rng, n, m, scale=(2 / n) ** 0.5)
        params[f"b{k}"] = np.zeros(m, np.float32)
    return params, normal(rng, 128, sizes[0]), rng.integers(0, 10, 128).astype(np.int32)


def _gelu_tanh_reference(x: Numbers) -> Numbers:
    return np.asarray(0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))))


def _gelu_erf_reference(x: Numbers) -> Numbers:
    erf: Numbers = np.frompyfunc(math.erf, 1, 1)(x * 0.5**0.5).astype(np.float64)
    return np.asarray(0.5 * x * (1 + erf))


def _sigmoid_reference(x: Numbers) -> Numbers:
    return np.asarray(1 / (1 + np.exp(-x)))


def _softmax_reference(x: Numbers) -> list[Numbers]:
    e = np.exp(x - x.max(1, keepdims=True))
    return [e / e.sum(1, keepdims=True)]


def _cumsum(x: Numbers) -> list[Numbers]:
    return [np.cumsum(x, 1)]


def _layer_norm_reference(x: Numbers, g: Numbers, b: Numbers) -> list[Numbers]:
    return [(x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * g + b]


def _fused(gelu: Callable[[Ops], Map]) -> Callable[[Ops], Function]:
    def formula(o: Ops) -> Function:
        activate, sigmoid = gelu(o), o.sigmoid
        return lambda x, w, b: activate(x * w + b) * sigmoid(x)

    return formula


def ten_ops(o: Ops) -> Function:
    """Ten elementwise ops and sums: what a first call compiles."""
    exp, log, tanh, absolute, total = o.exp, o.log, o.tanh, o.abs, o.sum

    def f(x: Array, w: Array, b: Array) -> Array:
        z = x * w + b
        return total(absolute(z * tanh(log(exp(z) + 1.0)) - x))

    return f


def _ten_reference(x: Numbers, w: Numbers, b: Numbers) -> list[Numbers]:
    z = x * w + b
    return [np.asarray(np.abs(z * np.tanh(np.log1p(np.exp(z))) - x).sum())]


def long_chain(o: Ops) -> Function:
    """CHAIN elementwise ops: what tracing is timed on."""
    absolute = o.abs

    def f(x: Array) -> Array:
        for _ in range(CHAIN // 4):
            x = absolute(x * 0.999 + 0.5) - 0.25
        return x

    return f


CHAIN: Final = 1000
MANY: Final = 1e-4
_CALL: Final = Goal(seconds=300e-9)
_TREE: Final = Goal(seconds=3e-6)
_GELU: Final = Goal(ratio=1.3, against=("jax", "torch"))
_EAGER: Final = Goal(ratio=1.05, against=("numpy",))

FIRST: Final = Case(
    "first", "10 ops", lambda r, s: [normal(r, 1024) for _ in "xwb"], ten_ops, _ten_reference, MANY
)
CASES: Final[tuple[Case | Training, ...]] = (
    Case(
        "call",
        "call x*y+1, 4 floats, own arrays",
        lambda r, s: (normal(r, 4), normal(r, 4)),
        lambda o: lambda x, y: x * y + 1,
        lambda x, y: [x * y + 1],
        goal=_CALL,
        dispatch=True,
        quick=True,
    ),
    Case(
        "call_numpy",
        "call x*y+1, 4 floats, NumPy arrays",
        lambda r, s: (normal(r, 4), normal(r, 4)),
        lambda o: lambda x, y: x * y + 1,
        lambda x, y: [x * y + 1],
        goal=_CALL,
        dispatch=True,
        numpy_inputs=True,
        quick=True,
    ),
    Case(
        "dict20",
        "20 tensors in and out, dict",
        lambda r, s: [_tree(r, s)],
        lambda o: lambda t: {k: v * 2 + 1 for k, v in t.items()},
        lambda t: [v * 2 + 1 for v in t.values()],
        goal=_TREE,
        dispatch=True,
        quick=True,
    ),
    Case(
        "args20",
        "20 tensors in and out, positions",
        lambda r, s: list(_tree(r, s).values()),
        lambda o: lambda *t: tuple([v * 2 + 1 for v in t]),
        lambda *t: [v * 2 + 1 for v in t],
        goal=_TREE,
        dispatch=True,
    ),
    Case(
        "gelu_tanh",
        "gelu(x*w+b)*sigmoid(x), 1M, tanh form",
        _gelu_inputs,
        _fused(lambda o: o.gelu_tanh),
        lambda x, w, b: [_gelu_tanh_reference(x * w + b) * _sigmoid_reference(x)],
        goal=_GELU,
        two_threads=True,
        quick=True,
    ),
    Case(
        "gelu_erf",
        "gelu(x*w+b)*sigmoid(x), 1M, erf form",
        _gelu_inputs,
        _fused(lambda o: o.gelu_erf),
        lambda x, w, b: [_gelu_erf_reference(x * w + b) * _sigmoid_reference(x)],
        goal=_GELU,
        two_threads=True,
        quick=True,
    ),
    Case(
        "eager_add_4",
        "eager a + b, 4 floats",
        lambda r, s: (normal(r, 4), normal(r, 4)),
        lambda o: operator.add,
        lambda a, b: [a + b],
        goal=_EAGER,
        eager=True,
        dispatch=True,
        quick=True,
    ),
    Case(
        "eager_add",
        "eager a + b, 1M floats",
        lambda r, s: (_vector(r, s), _vector(r, s)),
        lambda o: operator.add,
        lambda a, b: [a + b],
        goal=_EAGER,
        eager=True,
        quick=True,
    ),
    Case(
        "eager_exp",
        "eager exp, 1M floats",
        lambda r, s: [_vector(r, s)],
        lambda o: o.exp,
        lambda x: [np.exp(x)],
        goal=_EAGER,
        eager=True,
    ),
    Case(
        "eager_sum",
        "eager sum, 1M floats",
        lambda r, s: [_vector(r, s)],
        lambda o: o.sum,
        lambda x: [np.asarray(x.sum())],
        MANY,
        _EAGER,
        eager=True,
        quick=True,
    ),
    Case(
        "eager_max",
        "eager max, 1M floats",
        lambda r, s: [_vector(r, s)],
        lambda o: o.max,
        lambda x: [np.asarray(x.max())],
        goal=_EAGER,
        eager=True,
    ),
    Case(
        "softmax",
        "softmax, 4096x1024",
        lambda r, s: [_rows(r, s)],
        lambda o: o.softmax,
        _softmax_reference,
        two_threads=True,
    ),
    Case(
        "layer_norm",
        "layer_norm, 4096x1024",
        _layer,
        lambda o: o.layer_norm,
        _layer_norm_reference,
        two_threads=True,
    ),
    *(
        Case(f"sum{k}", title, lambda r, s: [_rows(r, s)], formula, reference, MANY, two_threads=True)
        for k, title, formula, reference in (
            (0, "sum over rows, 4096x1024", lambda o: o.sum0, lambda x: [x.sum(0)]),
            (1, "sum along rows, 4096x1024", lambda o: o.sum1, lambda x: [x.sum(1)]),
        )
    ),
    Case("cumsum1", "running sums of rows, 4096x1024", lambda r, s: [_rows(r, s)], lambda o: o.cumsum1, _cumsum, MANY),
    Case("sort", "sort, 1M", lambda r, s: [_vector(r, s)], lambda o: o.sort, lambda x: [np.sort(x)]),
    Case(
        "sort_rows",
        "sort of rows, 4096x1024",
        lambda r, s: [_rows(r, s)],
        lambda o: o.sort,
        lambda x: [np.sort(x)],
        two_threads=True,
    ),
    *(
        Case(
            f"matmul_{n}",
            f"matmul, {n}x{n}",
            _square(n),
            lambda o: operator.matmul,
            lambda a, b: [a @ b],
            MANY,
            two_threads=True,
        )
        for n in (512, 1024)
    ),
    Case("mix", "integer loop, 1M iterations", start, lambda o: o.mix, mix, quick=True),
    Case("recur", "scan of a layer, 256 steps of 32x64", sequence, lambda o: o.recur, recur, MANY, quick=True),
    Case("each_gradient", "gradients of 256 examples", network, lambda o: o.each_gradient, each_gradient, MANY),
    Training("adam", "Adam step, 784-512-256-10, batch 128", _network),
)
BY_NAME: Final[Mapping[str, Case | Training]] = {c.name: c for c in (*CASES, FIRST)}
