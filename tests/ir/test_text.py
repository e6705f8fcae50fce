"""Text of graphs: it reads back exactly, in linear time; what is wrong with it gets a fault with a place."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lithograph.ir import dtypes
from lithograph.ir.attrs import Constant
from lithograph.ir.builder import Builder
from lithograph.ir.check import text_mismatch
from lithograph.ir.dtypes import DType
from lithograph.ir.errors import IRSyntaxError
from lithograph.ir.fields import array_bits
from lithograph.ir.files import load_graph, save_graph
from lithograph.ir.graph import Graph, Node, StateSlot, Value
from lithograph.ir.interpret import interpret
from lithograph.ir.loc import Loc
from lithograph.ir.parse import parse
from lithograph.ir.registry import OPS
from lithograph.ir.same import difference, same
from lithograph.ir.stage import entered
from lithograph.ir.storage import convert
from lithograph.ir.text import show
from lithograph.ir.types import Dim, TensorType
from lithograph.ir.verify import verify

from .random_graphs import random_graph

SMALL = """\
graph @main(%0 "x": float32[2, 3]) {
  %1 = negative(%0) : float32[2, 3] at "a.py":3:4
  %2 = sum(%1, axes=(0,), keepdims=false) : float32[3]
  return %2
}
"""


def constant_of(dtype: DType, values: np.ndarray) -> Graph:
    builder = Builder("main")
    builder.loc = Loc(None, 0, None, ("a.py", 1, 1))
    return builder.finish([builder.constant(convert(values, dtype))])


def chain(length: int) -> Graph:
    builder = Builder("main")
    builder.loc = Loc(None, 0, None, ("a.py", 1, 1))
    x = y = builder.param(TensorType(dtypes.float32, (2, 3)), "x")
    with entered(builder):
        for _ in range(length // 2):
            y = (y + x) * x  # type: ignore[assignment]
    return builder.finish([y])


def test_the_normal_form_is_what_is_printed() -> None:
    assert show(parse(SMALL)) == SMALL


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_read_back(seed: int) -> None:
    graph, _ = random_graph(np.random.default_rng(seed), 25)
    assert text_mismatch(graph) is None


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
def test_edge_constants_read_back_bit_for_bit(dtype: DType) -> None:
    values = np.array([0, 1])
    if dtype is dtypes.bfloat16:
        values = np.array([-0.0, np.nan, np.inf, -np.inf, 255 * 2.0**120, 2.0**-126, 2.0**-133, 0.1, 1e22, 2 / 3])
    elif dtype.is_float:
        info = np.finfo(dtype.name)
        values = np.array(
            [-0.0, np.nan, np.inf, -np.inf, info.max, info.tiny, info.smallest_subnormal, 0.1, 1e22, 2 / 3]
        )
    elif dtype.is_integer:
        limits = np.iinfo(dtype.name)
        values = np.array([limits.min, limits.max], dtype.numpy)
    elif dtype.is_complex:
        values = np.array([complex(0.1, -0.0), complex(np.nan, 1), complex(-np.inf, 1e22), complex(-0.0, np.inf)])
    graph = constant_of(dtype, values)
    read = parse(show(graph)).nodes[0].attrs
    assert isinstance(read, Constant)
    assert array_bits(read.value) == array_bits(convert(values, dtype))


def test_every_float32_of_a_sample_reads_back() -> None:
    bits = np.random.default_rng(0).integers(0, 1 << 32, 4000, dtype=np.uint32)
    for part in bits.view(np.float32).reshape(-1, 16):
        graph = constant_of(dtypes.float32, part)
        assert same(graph, parse(show(graph)))


def test_large_constants_go_by_name(tmp_path: Path) -> None:
    graph = constant_of(dtypes.float64, np.arange(100))
    table: dict[str, np.ndarray] = {}
    text = show(graph, constants=table)
    assert len(table) == 1 and len(text) < 250
    assert same(graph, parse(text, table))
    assert same(graph, parse(show(graph))), "the array is alive, so its name is known"
    save_graph(tmp_path / "g.ir", graph)
    assert same(graph, load_graph(tmp_path / "g.ir"))


def test_a_large_constant_that_is_gone_is_a_fault() -> None:
    text = show(constant_of(dtypes.float64, np.arange(777)))
    gc.collect()
    with pytest.raises(
        IRSyntaxError, match=r"the values of the constant @c\w+ are not at hand; pass them in"
    ):
        parse(text)


def test_symbols_state_weak_types_and_odd_names_read_back() -> None:
    n, odd = Dim("n"), Dim("float32")
    params = (
        Value(TensorType(dtypes.float32, (2 * n - 1, odd + Dim("a b"))), None, 0, 'quote " \\ \n \udc80 ∂'),
        Value(TensorType(dtypes.int32, (), weak=True), None, 1),
    )
    graph = Graph("<lambda>", params, (), params, (StateSlot(0, 0, "w"), StateSlot(1, None, "r")))
    text = show(graph)
    assert text.startswith('graph @_lambda_ "<lambda>"(%0 "quote'), text
    assert 'float32[2*n-1, $"a b"+$"float32"]' in text and 'state("w": 0 -> 0, "r": 1)' in text
    assert difference(graph, parse(text)) is None


def test_shared_graphs_stand_once_and_stay_shared() -> None:
    def callee(name: str) -> Graph:
        x = Value(TensorType(dtypes.float32, ()), None, 0)
        node = Node(OPS["negative"], (x,), types=(x.type,))
        return Graph(name, (x,), (node,), node.results)

    first, second = callee("f"), callee("f")
    x = Value(TensorType(dtypes.float32, ()), None, 0)
    calls = [Node(OPS["call"], (x,), types=(x.type,), regions=(g,)) for g in (first, second, first)]
    graph = Graph("main", (x,), tuple(calls), tuple([c.result for c in calls]))
    text = show(graph)
    assert [line.split("(")[0] for line in text.splitlines() if line.startswith("graph")] == [
        "graph @f",
        'graph @f_1 "f"',
        "graph @main",
    ]
    read = parse(text)
    assert same(graph, read)
    assert read.nodes[0].regions[0] is read.nodes[2].regions[0] is not read.nodes[1].regions[0]


def test_regions_nested_without_end_read_back() -> None:
    x = Value(TensorType(dtypes.float32, ()), None, 0)
    graph = Graph("g0", (x,), (), (x,))
    for depth in range(1, 300):
        outer = Value(x.type, None, 0)
        node = Node(OPS["fused"], (outer,), types=(x.type,), regions=(graph,))
        graph = Graph(f"g{depth}", (outer,), (node,), node.results)
    assert difference(graph, parse(show(graph))) is None
    verify(graph)


def test_locations_read_back() -> None:
    inner = Loc(None, 0, Loc(None, 0, None, ("main.py", 9, 2)), ("with space.py", 3, 4), gradient=True)
    x = Value(TensorType(dtypes.float32, ()), None, 0)
    node = Node(OPS["negative"], (x,), types=(x.type,), loc=inner)
    graph = Graph("main", (x,), (node,), node.results)
    assert 'at ∂"with space.py":3:4 from "main.py":9:2' in show(graph)
    assert same(graph, parse(show(graph)))
    assert "at " not in show(graph, locations=False)
    assert not same(graph, parse(show(graph, locations=False)))
    assert same(graph, parse(show(graph, locations=False)), locations=False)


def _seconds(run: Callable[[], object]) -> float:
    best = []
    gc.collect()
    gc.disable()  # A collection walks the heap of the whole test session.
    try:
        for _ in range(3):
            started = time.perf_counter()
            run()
            best.append(time.perf_counter() - started)
    finally:
        gc.enable()
    return min(best)


@pytest.mark.alone
def test_twenty_thousand_nodes_take_linear_time() -> None:
    small, large = chain(2_000), chain(20_000)
    texts = show(small), show(large)
    inputs = [np.ones((2, 3), np.float32)]
    assert same(large, parse(texts[1]))
    steps: list[tuple[Callable[[], object], Callable[[], object]]] = [
        (lambda: show(small), lambda: show(large)),
        (lambda: parse(texts[0]), lambda: parse(texts[1])),
        (lambda: verify(small), lambda: verify(large)),
        (lambda: interpret(small, inputs), lambda: interpret(large, inputs)),
    ]
    for run_small, run_large in steps:
        # Ten times the nodes; quadratic work would take a hundred times as long.
        assert _seconds(run_large) < 30 * _seconds(run_small) + 0.05


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: expected a graph, but found the end of the text\n    \n    ^"),
        (
            'graph @main(%0 "x": float32[2, 3]) {',
            "line 1, column 37: expected an op, but found the end of the text\n"
            '    graph @main(%0 "x": float32[2, 3]) {\n                                        ^',
        ),
        (
            "graph @main(%0: float33[2]) {\n}",
            "line 1, column 17: expected a dtype, but found 'float33'\n"
            "    graph @main(%0: float33[2]) {\n                    ^",
        ),
        (
            "graph @main(%0: float32[2]) {\n  return %1\n}",
            "line 2, column 10: %1 is not defined before this place\n      return %1\n             ^",
        ),
        (
            "graph @main() {\n  %0 = sine() : float32[]\n}",
            "line 2, column 8: there is no op 'sine'\n      %0 = sine() : float32[]\n           ^",
        ),
        (
            "graph @main(%0: float32[]) {\n  %1 = sum(%0, axis=0)\n}",
            "line 2, column 16: sum has no attribute 'axis'; its attributes are axes, keepdims\n"
            "      %1 = sum(%0, axis=0)\n                   ^",
        ),
        (
            "graph @main(%0: float32[]) {\n  %1 = sum(%0, axes=0)\n}",
            "line 2, column 21: sum: the attribute 'axes' must be of type tuple[int, ...]\n"
            "      %1 = sum(%0, axes=0)\n                        ^",
        ),
        (
            "graph @main(%0: float32[]) {\n  %1 = sum(%0, axes=())\n}",
            "line 2, column 12: sum needs the attribute 'keepdims'\n"
            "      %1 = sum(%0, axes=())\n               ^",
        ),
        (
            "graph @main(%0: float32[]) {\n  %1 = negative(%0) : float32[], float32[]\n}",
            "line 2, column 23: there are 1 results, but 2 types\n"
            "      %1 = negative(%0) : float32[], float32[]\n                          ^",
        ),
        (
            "graph @main(%0: float32[], %0: float32[]) {\n  return\n}",
            "line 1, column 28: %0 is defined twice\n"
            "    graph @main(%0: float32[], %0: float32[]) {\n                               ^",
        ),
        (
            "graph @main() {\n  ? return\n}",
            "line 2, column 3: expected a token of the IR, but found '?'\n      ? return\n      ^",
        ),
        (
            "graph @main() {\n  %0 = constant(value=int8[2](1, 300), type=int8[2]) : int8[2]\n}",
            "line 2, column 30: an element does not fit int8\n"
            "      %0 = constant(value=int8[2](1, 300), type=int8[2]) : int8[2]\n"
            "                                 ^",
        ),
        (
            "graph @main() {\n  %0 = constant(value=int8[3](1, 3), type=int8[3]) : int8[3]\n}",
            "line 2, column 30: int8[3] has 3 elements, but 2 are given\n"
            "      %0 = constant(value=int8[3](1, 3), type=int8[3]) : int8[3]\n"
            "                                 ^",
        ),
        (
            "graph @main() {\n  %0 = call() @f : int8[]\n}",
            "line 2, column 15: the graph @f does not stand above\n"
            "      %0 = call() @f : int8[]\n                  ^",
        ),
    ],
)
def test_faults_name_the_place_and_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(IRSyntaxError) as fault:
        parse(text)
    assert str(fault.value) == f"IR text, {message}"


@pytest.mark.parametrize("nested", ["(" * 5000, "-" * 5000, "(" * 5000 + ")" * 5000, "9" * 5000, "(1," * 40])
def test_deep_or_long_text_is_a_fault(nested: str) -> None:
    with pytest.raises(IRSyntaxError):
        parse(SMALL.replace("(0,)", nested))


def test_truncated_text_is_a_fault_everywhere() -> None:
    last = SMALL.rindex("}")
    for end in range(last):
        with pytest.raises(IRSyntaxError):
            parse(SMALL[:end])


def _mutated(rng: random.Random, text: str) -> str:
    tokens = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "%0",
        "%9",
        "@f",
        "-",
        "*",
        "nan",
        "graph",
        "float32",
        '"',
        "7",
        "∂",
        "at",
    ]
    for _ in range(rng.randint(1, 4)):
        at, end = sorted([rng.randrange(len(text)), min(len(text), rng.randrange(len(text)) + 1)])
        match rng.randrange(4):
            case 0:
                text = text[:at] + text[at + rng.randint(1, 6) :]
            case 1:
                text = text[:at] + rng.choice(tokens) + text[at:]
            case 2:
                text = text[:at] + chr(rng.randrange(1, 0x250)) + text[at + 1 :]
            case _:
                text = text[:at] + text[at:end][:40] + text[at:]
    return text


@pytest.mark.parametrize("seed", range(8))
def test_fuzzed_text_is_read_or_refused(seed: int, deep: bool) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    text = show(random_graph(np.random.default_rng(seed), 12)[0])
    refused = 0
    for _ in range(3000 if deep else 250):
        mutant = _mutated(rng, text)
        try:
            graph = parse(mutant)
        except IRSyntaxError as fault:
            assert str(fault).startswith("IR text, line ")
            refused += 1
            continue
        try:
            verify(graph)
        except ValueError:
            continue
        assert text_mismatch(graph) is None
    assert refused > 0
