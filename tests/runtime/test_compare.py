"""Programs step by step: each kernel natively against its interpretation, on random programs; a broken one is named."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lithograph as lg
from lithograph.cli import main
from lithograph.codegen import steps
from lithograph.codegen.kernel import KernelWriter
from lithograph.codegen.nest import Nest
from lithograph.codegen.order import CHUNK
from lithograph.ir import dtypes, ops
from lithograph.ir.array import Array
from lithograph.ir.graph import Graph
from lithograph.ir.parse import parse
from lithograph.ir.passes import run_pipeline
from lithograph.ir.types import TensorType
from lithograph.runtime import threads
from lithograph.runtime.compare import StepDifference, compare_steps

from ..codegen.programs import Function, graph
from ..ir.random_graphs import random_graph

DEEP = os.environ.get("LITHOGRAPH_TEST_DEEP") == "1"


def compared(made: Graph, inputs: list[np.ndarray]) -> StepDifference | None:
    return compare_steps(run_pipeline(made).graph, inputs)


@pytest.mark.parametrize("block", range(60 if DEEP else 4))
def test_every_kernel_of_random_programs_does_what_it_means(block: int) -> None:
    for seed in range(20 * block, 20 * block + 20):
        made, inputs = random_graph(np.random.default_rng(seed), 20, state=True)
        assert compared(made, inputs) is None, f"seed {seed}"


LONG: list[tuple[Function, tuple[int, ...]]] = [
    (ops.sum, (3 * CHUNK + 7,)),
    (lambda x: ops.sum(ops.exp(x), axis=0), (2 * CHUNK + 1, 3)),
    (lambda x: (ops.max(x), ops.argmin(x), ops.any(x > 3.0)), (2 * CHUNK + 5,)),
    (lambda x: x - ops.max(x, axis=1, keepdims=True) / ops.sum(x, axis=1, keepdims=True), (130, 257)),
    (lambda x: ops.matmul(x, ops.matrix_transpose(x)), (40, 70)),
]


@pytest.mark.parametrize("case", range(len(LONG)))
def test_long_reductions_and_products(case: int) -> None:
    function, shape = LONG[case]
    before = threads.count()
    try:
        for count in (1, 2):
            threads.set_count(count)
            x = np.random.default_rng(case).standard_normal(shape).astype(np.float32)
            assert compared(graph(function, [TensorType(dtypes.float32, shape)]), [x]) is None
    finally:
        threads.set_count(before)


FAILING = parse("""graph @main(%0: int32[3], %1: int32[3]) {
  %2 = floor_divide(%0, %1) : int32[3]
  %3 = negative(%2) : int32[3]
  return %3
}""")


def test_a_program_whose_check_fails_is_followed_up_to_there() -> None:
    ones, zeros = np.ones(3, np.int32), np.zeros(3, np.int32)
    assert compared(FAILING, [ones, ones]) is None
    assert compared(FAILING, [ones, zeros]) is None


def two_kernels(x: Array) -> Array:
    return ops.sum(ops.matmul(x * 2.0, x + 1.0), axis=1) * 3.0


def broken(nest: Nest) -> Nest:
    """The nest with its first value negated."""
    first, *others = nest.stores
    return replace(nest, stores=(replace(first, value=-first.value), *others))


def test_a_kernel_that_is_compiled_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = graph(two_kernels, [TensorType(dtypes.float32, (20, 20))])
    x = np.ones((20, 20), np.float32)
    assert compared(made, [x]) is None
    whole = KernelWriter

    def writer(nest: Nest, *args: object, **kwargs: object) -> object:
        return whole(broken(nest) if "sum" in nest.name else nest, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(steps, "KernelWriter", writer)
    found = compared(made, [x])
    assert found is not None and "sum" in found.name and "kernel " in found.text
    assert " at [0] was np.float32(" in found.fault


def test_a_check_that_natively_holds_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ones, zeros = np.ones(3, np.int32), np.zeros(3, np.int32)
    launch = steps._launch
    monkeypatch.setattr(steps, "_launch", lambda *args: (launch(*args), "0")[1])
    found = compared(FAILING, [ones, zeros])
    assert found is not None and found.fault == "it does not fail, where its interpretation does"


def test_compiling_checks_kernels_on_demand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.ones(8, np.float32)
    monkeypatch.setattr(lg.config, "check", 2)
    assert lg.function(lambda x: x * 3.0 - 1.0)(x).tolist() == [2.0] * 8
    monkeypatch.setattr(
        steps,
        "KernelWriter",
        lambda nest, *args, **kwargs: KernelWriter(broken(nest), *args, **kwargs),
    )
    monkeypatch.setattr(lg.config, "dump", str(tmp_path))
    with pytest.raises(lg.LithographError) as fault:
        lg.function(lambda x: x * 3.0 - 1.0)(x)
    said = str(fault.value)
    assert said.startswith(
        "the kernel 'multiply_constant_subtract' differs from its interpretation: b1 at [0] was np.float32("
    )
    (repro,) = tmp_path.glob("kernels-*.ir")
    assert f"repeat it with: lithograph bisect {repro}" in said
    assert main(["bisect", str(repro)]) == 1
    assert capsys.readouterr().out.startswith(
        "the kernel 'multiply_constant_subtract' changes an answer: b1 at [0] was"
    )
    monkeypatch.undo()
    assert main(["bisect", str(repro)]) == 0
