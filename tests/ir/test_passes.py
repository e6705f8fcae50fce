"""Passes: golden files of what each does; random graphs on which none changes a bit; bad ones are caught."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lithograph.ir import dtypes
from lithograph.ir.attrs import Constant
from lithograph.ir.builder import Builder
from lithograph.ir.check import mismatch, outcome, outcome_difference
from lithograph.ir.errors import ArgumentError, PassError, VerifyError
from lithograph.ir.files import load_graph
from lithograph.ir.graph import Graph, Node
from lithograph.ir.op import Flags
from lithograph.ir.parse import parse
from lithograph.ir.passes import PASSES, PIPELINE, Settings, run_pipeline
from lithograph.ir.passes.fold import fold
from lithograph.ir.passes.pipeline import run_passes
from lithograph.ir.stage import entered
from lithograph.ir.text import show
from lithograph.ir.types import TensorType
from lithograph.ir.verify import verify

from .random_graphs import random_graph, symbolic

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
# Each file is named for the pass that it shows; `NAME.out.ir` is what the pass makes of it.
CASES = sorted(p for p in GOLDEN.glob("*.ir") if not p.name.endswith(".out.ir"))
# Fusion follows the measurements of the machine; what comes before it is meant to be stable.
BEFORE_FUSION = tuple(name for name in PIPELINE if name != "fuse")
EXACT_PASSES = tuple(name for name in PASSES if name != "fast_math")


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_golden(path: Path, golden: Callable[[Path, str], None]) -> None:
    name = path.stem.split("-")[0]
    graph = load_graph(path)
    names = BEFORE_FUSION if name == "pipeline" else (name,)
    result = run_pipeline(graph, names, Settings(check=3)).graph
    golden(path.with_suffix(".out.ir"), show(result))


def test_every_exact_pass_has_a_golden_file() -> None:
    assert {p.stem.split("-")[0] for p in CASES} >= {*EXACT_PASSES, "pipeline"} - {"fuse"}


@pytest.mark.parametrize("seed", range(80))
def test_no_pass_changes_a_bit(seed: int, tmp_path: Path) -> None:
    graph, inputs = random_graph(np.random.default_rng(seed), 30, state=True)
    outcome = run_pipeline(graph, settings=Settings(check=3, seed=seed, dump=str(tmp_path)))
    assert mismatch(graph, outcome.graph, inputs) is None
    assert [t.name for t in outcome.timings] == list(PIPELINE)


@pytest.mark.parametrize("name", EXACT_PASSES)
def test_each_pass_alone_changes_no_bit_and_rests(name: str, tmp_path: Path) -> None:
    for seed in range(100, 125):
        graph, inputs = random_graph(np.random.default_rng(seed), 25, state=True)
        result = run_pipeline(graph, [name], Settings(check=3, seed=seed, dump=str(tmp_path))).graph
        assert mismatch(graph, result, inputs) is None


def test_no_pass_changes_a_bit_with_symbols(tmp_path: Path) -> None:
    met = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        graph = symbolic(rng, random_graph(rng, 12, state=True, calls=False)[0])
        if graph is not None:
            met += 1
            verify(graph)
            run_pipeline(graph, settings=Settings(check=3, seed=seed, dump=str(tmp_path)))
    assert met > 20


@pytest.mark.deep
@pytest.mark.parametrize("block", range(20))
def test_no_pass_changes_a_bit_deep(block: int, tmp_path: Path) -> None:
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        graph, inputs = random_graph(np.random.default_rng(seed), 40)
        result = run_pipeline(graph, settings=Settings(check=3, seed=seed, dump=str(tmp_path))).graph
        assert mismatch(graph, result, inputs) is None


@pytest.mark.parametrize("name", PASSES)
def test_nothing_to_do_gives_the_same_object(name: str) -> None:
    graph = parse("graph @f(%0: float32[3]) {\n  return %0\n}")
    assert PASSES[name](graph) is graph


def test_checked_nodes_stay_and_ordered_ones_are_never_merged() -> None:
    text = """
    graph @f(%0: int32[3], %1: int32[3]) {
      %2 = floor_divide(%0, %1) : int32[3]
      %3 = floor_divide(%0, %1) : int32[3]
      %4 = add(%0, %1) : int32[3]
      return %0
    }"""
    graph = run_pipeline(parse(text), ("cse", "dce")).graph
    assert [n.op.name for n in graph.nodes] == ["floor_divide"]
    op = graph.nodes[0].op
    before = op.flags
    op.flags = Flags.ORDERED
    try:
        graph = run_pipeline(parse(text), ("cse", "dce", "simplify")).graph
        assert [n.op.name for n in graph.nodes] == ["floor_divide", "floor_divide"]
    finally:
        op.flags = before


def test_what_cannot_fail_for_its_dtype_is_dropped() -> None:
    text = """
    graph @f(%0: {0}[3]) {{
      %1 = floor_divide(%0, %0) : {0}[3]
      %2 = power(%0, %0) : {0}[3]
      return %0
    }}"""
    left = {dtype: run_pipeline(parse(text.format(dtype)), ("dce",)).graph.nodes for dtype in ("float32", "int32")}
    assert [n.op.name for n in left["int32"]] == ["floor_divide", "power"]
    assert not left["float32"]


def test_what_fails_is_left_to_fail() -> None:
    graph = parse(
        "graph @f() {\n  %0 = constant(value=int32[](0), type=int32[]) : int32[]\n"
        "  %1 = floor_divide(%0, %0) : int32[]\n  return %1\n}"
    )
    assert fold(graph) is graph


def test_a_kernel_folds_what_numpy_may_not() -> None:
    graph = parse(
        "graph @f() {\n  %0 = constant(value=float32[](1.0), type=float32[]) : float32[]\n"
        "  %1 = exp(%0) : float32[]\n  return %1\n}"
    )
    assert fold(graph) is graph
    folded = fold(graph, lambda node, args: np.array(2.5, np.float32))
    (node,) = folded.nodes
    assert isinstance(node.attrs, Constant) and node.attrs.value == 2.5


def _break_results(graph: Graph) -> Graph:
    """Adds where the graph subtracts."""
    ops = {n.op.name: n.op for n in parse(BOTH).nodes}
    values = {p: p for p in graph.params}
    nodes = []
    for n in graph.nodes:
        op = ops["add"] if n.op.name == "subtract" else n.op
        nodes.append(
            Node(op, tuple([values[a] for a in n.args]), n.attrs, tuple([r.type for r in n.results]), n.loc)
        )
        values |= dict(zip(n.results, nodes[-1].results, strict=True))
    return replace(graph, nodes=tuple(nodes), results=tuple([values[r] for r in graph.results]))


BOTH = """graph @f(%0: float32[3], %1: float32[3]) {
  %2 = subtract(%0, %1) : float32[3]
  %3 = add(%0, %1) : float32[3]
  return %2, %3
}
"""


def _run_broken(broken: Callable[[Graph], Graph], check: int, folder: Path) -> PassError:
    with pytest.raises(PassError) as fault:
        run_passes(parse(BOTH), ["broken"], {"broken": broken}, Settings(check=check, dump=str(folder)))
    return fault.value


def test_a_pass_that_changes_results_is_caught_with_a_repro(tmp_path: Path) -> None:
    said = str(_run_broken(_break_results, 2, tmp_path))
    assert said.startswith("the pass 'broken' failed: result 0 at [0] was np.float32(")
    (repro,) = tmp_path.glob("broken-*.ir")
    assert f"repeat it with: lithograph opt {repro} --passes broken --check 2 --seed 0" in said
    assert repro.read_text().startswith("# pass: broken\n# seed: 0\n# fault: result 0 at [0] was")
    assert show(load_graph(repro)) == BOTH
    run_passes(parse(BOTH), ["broken"], {"broken": _break_results}, Settings(check=1))


def test_a_pass_that_leaves_an_invalid_graph_is_caught(tmp_path: Path) -> None:
    def backwards(graph: Graph) -> Graph:
        return replace(graph, nodes=(), results=graph.results)

    assert "result 0 is a value of another graph" in str(_run_broken(backwards, 1, tmp_path))


def test_a_pass_that_raises_is_named(tmp_path: Path) -> None:
    def failing(graph: Graph) -> Graph:
        raise KeyError("lost")

    assert str(_run_broken(failing, 0, tmp_path)).startswith("the pass 'broken' failed: KeyError: 'lost'\n")


def test_a_pass_that_never_rests_is_caught(tmp_path: Path) -> None:
    def restless(graph: Graph) -> Graph:
        return replace(graph, name=graph.name + "_")

    said = str(_run_broken(restless, 3, tmp_path))
    assert "run again, it changes the graph: in graph 'f_': the names are 'f_' and 'f__'" in said


def test_unknown_passes_and_invalid_graphs_are_refused() -> None:
    graph = parse(BOTH)
    with pytest.raises(ArgumentError, match="there is no pass 'csee'; passes are inline, canonical, cse"):
        run_pipeline(graph, ["csee"])
    with pytest.raises(VerifyError):
        run_pipeline(replace(graph, nodes=()), settings=Settings(check=1))


def test_debug_prints_and_dump_writes_every_stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run_pipeline(parse(BOTH), ("cse", "dce"), Settings(debug=2, dump=str(tmp_path)))
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["f-00-start.ir", "f-01-cse.ir", "f-02-dce.ir"]
    assert capsys.readouterr().err.count("unchanged") == 2
    assert all(t.seconds >= 0 and t.nodes == 2 for t in outcome.timings)


@pytest.mark.alone
def test_passes_take_linear_time() -> None:
    def seconds(length: int, name: str) -> float:
        builder = Builder("main")
        x = y = builder.param(TensorType(dtypes.float32, (2, 3)), "x")
        with entered(builder):
            for _ in range(length // 4):
                y = (2 * y + x * 1) - -x  # type: ignore[assignment]
        graph = builder.finish([y])
        gc.collect()
        gc.disable()  # A collection walks the heap of the whole test session.
        try:
            started = time.perf_counter()
            result = PASSES[name](graph)
            taken = time.perf_counter() - started
        finally:
            gc.enable()
        verify(result)
        return taken

    for name in set(EXACT_PASSES) - {"fuse"}:
        seconds(100, name)
        # Ten times the nodes; quadratic work would take a hundred times as long.
        most = 30 * min(seconds(2_000, name) for _ in range(3)) + 0.05
        assert any(seconds(20_000, name) < most for _ in range(4)), name


def test_sizes_that_a_trace_excluded_say_nothing() -> None:
    graph = parse("""
    graph @f(%0: float32[n]) {
      %1 = slice(%0, starts=(3,), steps=(1,), extents=(2,)) : float32[2]
      return %1
    }""")
    assert outcome(graph, [np.ones(2, np.float32)]) is ValueError
    assert outcome_difference(ValueError, outcome(graph, [np.ones(5, np.float32)])) is None
