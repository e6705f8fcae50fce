"""`lithograph bisect` names what changes an answer: broken passes, bodies, lowerings and kernels, each planted here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lithograph.bisect import Finding, bisect
from lithograph.cli import main
from lithograph.codegen import build as code
from lithograph.codegen import steps
from lithograph.codegen.kernel import KernelWriter
from lithograph.codegen.lower import lower
from lithograph.codegen.nest import Nest
from lithograph.ir.check import floats_between
from lithograph.ir.graph import Graph, Node
from lithograph.ir.op import Pointwise
from lithograph.ir.parse import parse
from lithograph.ir.passes import PASSES, PIPELINE
from lithograph.ir.registry import OPS

from .random_graphs import random_graph

TEXT = """\
graph @main(%0 "x": float32[2, 3], %1 "n": int32[]) {
  %2 = negative(%0) : float32[2, 3] at "a.py":1:2
  %3 = multiply(%2, %0) : float32[2, 3] at "a.py":2:3
  %4 = sum(%3, axes=(1,), keepdims=false) : float32[2] at "a.py":3:4
  return %4, %3
}
"""
CHECKED = """\
graph @main(%0 "x": int32[3], %1 "y": int32[3]) {
  %2 = floor_divide(%0, %1) : int32[3]
  return %2
}
"""
X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5


def swapped(graph: Graph, old: str, new: str) -> Graph:
    """The graph with one op in place of another."""
    values = {p: p for p in graph.params}
    nodes = []
    for n in graph.nodes:
        op = OPS[new] if n.op.name == old else n.op
        made = Node(op, tuple([values[a] for a in n.args]), n.attrs, tuple([r.type for r in n.results]), n.loc)
        nodes.append(made)
        values |= dict(zip(n.results, made.results, strict=True))
    return replace(graph, nodes=tuple(nodes), results=tuple([values[r] for r in graph.results]))


def program() -> Graph:
    return parse(TEXT)


def found(graph: Graph | None = None) -> Finding | None:
    return bisect(graph or program(), [X, np.array(1, np.int32)], PIPELINE, PASSES)


def test_nothing_is_wrong() -> None:
    assert found() is None
    for seed in range(6):
        graph, inputs = random_graph(np.random.default_rng(seed), 15, state=True)
        assert bisect(graph, inputs, PIPELINE, PASSES) is None


def test_complex_numbers_are_as_far_apart_as_their_parts() -> None:
    nan, some = complex(np.nan, np.nan), 1.0 + 2.0j
    a, b = np.array([nan, some, some, nan]), np.array([nan, some, np.nextafter(1.0, 2.0) + 2.0j, some])
    assert floats_between(a, b).tolist() == [0.0, 0.0, 1.0, np.inf]


def test_a_pass_is_named() -> None:
    broken = {**PASSES, "cse": lambda graph: swapped(graph, "negative", "abs")}
    finding = bisect(program(), [X, np.array(1, np.int32)], PIPELINE, broken)
    assert finding is not None and (finding.what, finding.name) == ("pass", "cse")
    assert str(finding).startswith("the pass 'cse' changes an answer: result 0 at [1] was np.float32(")


def test_a_pass_that_raises_is_named() -> None:
    def lost(graph: Graph) -> Graph:
        raise KeyError("lost")

    finding = bisect(program(), [X, np.array(1, np.int32)], PIPELINE, {**PASSES, "fold": lost})
    assert finding is not None and (finding.what, finding.name) == ("pass", "fold")
    assert finding.fault == "it fails with KeyError: 'lost'"


def test_an_op_whose_body_is_not_its_reference_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPS["negative"], "lowering", Pointwise(lambda x: x))
    finding = found()
    assert finding is not None and (finding.what, finding.name) == ("op", "negative")
    assert finding.fault.startswith("its reference gives np.float32(2.5) at [0, 0], its body np.float32(-2.5)")
    assert "\n  at a.py:1\n" in str(finding)


def test_a_check_that_only_the_reference_makes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPS["floor_divide"], "lowering", Pointwise(lambda x, y: x))
    graph, x = parse(CHECKED), np.zeros(3, np.int32)
    finding = bisect(graph, [x, x], PIPELINE, PASSES)
    assert finding is not None and (finding.what, finding.name) == ("op", "floor_divide")
    assert finding.fault.startswith("its body gives results where its reference says: floor_divide: integer division")


def test_a_program_that_fails_is_followed_up_to_there() -> None:
    x = np.zeros(3, np.int32)
    assert bisect(parse(CHECKED), [x, x], PIPELINE, PASSES) is None


def test_a_lowering_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lower

    def wrong(name: str, *args: object) -> object:
        nest, checks = whole(name, *args)  # type: ignore[arg-type]
        first, *others = nest.stores
        changed = replace(nest, stores=(replace(first, value=-first.value), *others))
        fused = {"neg", "mul"} <= {e.prim for e in nest.walk()}
        return (changed if fused else nest), checks

    monkeypatch.setattr(code, "lower", wrong)
    finding = found()
    assert finding is not None and finding.what == "lowering"
    assert finding.fault.startswith("result 0 at [0") and "kernel " in finding.text


def test_a_kernel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def writer(nest: Nest, *args: object, **kwargs: object) -> KernelWriter:
        first, *others = nest.stores
        wrong = replace(nest, stores=(replace(first, value=-first.value), *others))
        return KernelWriter(wrong, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(steps, "KernelWriter", writer)
    finding = found()
    assert finding is not None and finding.what == "kernel"
    assert "at [0" in finding.fault and "kernel " in finding.text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "main.ir"
    path.write_text(TEXT)
    return path


def test_the_command(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bisect", str(file)]) == 0
    assert capsys.readouterr().out == "nothing changes an answer\n"
    monkeypatch.setattr(OPS["negative"], "lowering", Pointwise(lambda x: x))
    assert main(["bisect", str(file), "--inputs", "x=[[1, 2, 3], [4, 5, 6]]"]) == 1
    assert capsys.readouterr().out.startswith(
        "the op 'negative' changes an answer: its reference gives np.float32(-1.0) at [0, 0], "
        "its body np.float32(1.0)\n  at a.py:1\n\ngraph @negative("
    )
    assert main(["bisect", str(file), "--passes", "csee"]) == 2
    assert "lithograph bisect: there is no pass 'csee'" in capsys.readouterr().err


def test_a_repro_says_seed_and_passes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = file.read_text()
    for head in ("# pass: simplify\n# seed: 7\n# fault: something\n", "# pass: kernels\n# seed: 7\n"):
        file.write_text(head + whole)
        assert main(["bisect", str(file)]) == 0
    file.write_text("# pass: simplify\n# seed: x\n" + whole)
    assert main(["bisect", str(file)]) == 2
    said = capsys.readouterr().err
    assert said == f"lithograph bisect: {file} is no repro: it names a pass and no seed, as in '# seed: 0'\n"
