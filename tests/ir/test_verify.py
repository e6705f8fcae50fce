"""Graphs that break a rule: the verifier says which, shows the nodes around the fault and says what to do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lithograph.ir import dtypes
from lithograph.ir.attrs import NO_ATTRS, Axes, Constant
from lithograph.ir.errors import ArgumentError, DTypeError, IRSyntaxError, ShapeError, VerifyError
from lithograph.ir.graph import Graph, Node, StateSlot, Value
from lithograph.ir.interpret import interpret
from lithograph.ir.loc import Loc
from lithograph.ir.op import Alias, Op
from lithograph.ir.parse import parse
from lithograph.ir.promotion import keep
from lithograph.ir.registry import OPS
from lithograph.ir.types import Dim, TensorType
from lithograph.ir.verify import verify

from .random_graphs import random_graph

F = TensorType(dtypes.float32, (2,))


def param(type: TensorType = F, index: int = 0) -> Value:
    return Value(type, None, index, "x")


def negative(x: Value) -> Node:
    return Node(OPS["negative"], (x,), types=(x.type,), loc=Loc(None, 0, None, ("a.py", 1, 2)))


def used_before() -> Graph:
    x = param()
    first = negative(x)
    second = negative(first.result)
    return Graph("f", (x,), (second, first), (second.result,))


def of_another_graph() -> Graph:
    x, y = param(), param()
    node = negative(y)
    return Graph("f", (x,), (node,), node.results)


def listed_twice() -> Graph:
    x = param()
    node = negative(x)
    return Graph("f", (x,), (node, node), node.results)


def wrong_type() -> Graph:
    x = param()
    node = Node(OPS["negative"], (x,), types=(TensorType(dtypes.float32, (3,)),))
    return Graph("f", (x,), (node,), node.results)


def not_promoted() -> Graph:
    x, y = param(), param(TensorType(dtypes.int32, (2,)), 1)
    node = Node(OPS["add"], (x, y), types=(F,))
    return Graph("f", (x, y), (node,), node.results)


def refused_by_the_row() -> Graph:
    x = param()
    node = Node(OPS["sum"], (x,), Axes((3,)), (F,))
    return Graph("f", (x,), (node,), node.results)


def wrong_attrs() -> Graph:
    x = param()
    node = Node(OPS["sum"], (x,), NO_ATTRS, (F,))
    return Graph("f", (x,), (node,), node.results)


def wrong_constant() -> Graph:
    node = Node(OPS["constant"], (), Constant(np.zeros(3, np.float32), F), (F,))
    return Graph("f", (), (node,), node.results)


def region_of_another_type() -> Graph:
    x, y = param(), param(TensorType(dtypes.float32, (3,)))
    node = Node(OPS["call"], (x,), types=(F,), regions=(Graph("g", (y,), (), (y,)),))
    return Graph("f", (x,), (node,), node.results)


def without_a_region() -> Graph:
    x = param()
    node = Node(OPS["call"], (x,), types=(F,))
    return Graph("f", (x,), (node,), node.results)


def state_of_another_type() -> Graph:
    x, y = param(), param(TensorType(dtypes.float32, (3,)), 1)
    return Graph("f", (x, y), (), (y,), (StateSlot(0, 0, "w"),))


def state_out_of_place() -> Graph:
    x = param()
    return Graph("f", (x,), (), (x,), (StateSlot(0, 5, "w"),))


def fault_inside_a_region() -> Graph:
    x, y = param(), param()
    node = Node(OPS["fused"], (x,), types=(F,), regions=(Graph("g", (y,), (), (x,)),))
    return Graph("f", (x,), (node,), node.results)


HEAD = "graph 'f' is not valid: "


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            used_before,
            HEAD + "argument 0 of negative is defined later\n"
            "  > %1 = negative(%2) : float32[2]\n"
            "      from a.py:1:2\n"
            "    %2 = negative(%0) : float32[2]\n"
            "Values are defined before they are used: move the node that defines it up.",
        ),
        (
            of_another_graph,
            HEAD + "argument 0 of negative is a value of another graph\n"
            "  > %1 = negative(%?) : float32[2]\n"
            "      from a.py:1:2\n"
            "Regions are closed: whatever they use from outside must enter as an argument.",
        ),
        (
            listed_twice,
            HEAD + "result 0 of negative is defined twice\n"
            "    %2 = negative(%0) : float32[2]\n"
            "  > %2 = negative(%0) : float32[2]\n"
            "      from a.py:1:2\n"
            "A node stands in one place of one graph; copy it to use it again.",
        ),
        (
            wrong_type,
            HEAD + "the results of negative are float32[3] and should be float32[2]\n"
            "  > %1 = negative(%0) : float32[3]\n"
            "Take them from the type rule.",
        ),
        (
            not_promoted,
            HEAD + "operand 1 of add is int32 where its row asks for float32\n"
            "  > %2 = add(%0, %1) : float32[2]\n"
            "Insert an astype before it.",
        ),
        (
            wrong_attrs,
            HEAD + "the attrs of sum are Attrs and should be Axes\n"
            "  > %1 = sum(%0) : float32[2]\n"
            "Use the class that the row names.",
        ),
        (
            wrong_constant,
            HEAD + "the constant is float32[3], but is said to be float32[2]\n"
            "  > %0 = constant(value=float32[3](0.0, 0.0, 0.0), type=float32[2]) : float32[2]\n"
            "Take the type from the array.",
        ),
        (
            region_of_another_type,
            HEAD + "the arguments of 'g' are float32[2] and should be float32[3]\n"
            "  > %1 = call(%0) @g : float32[2]\n"
            "Take them from the type rule.",
        ),
        (
            without_a_region,
            HEAD + "call has 0 regions\n"
            "  > %1 = call(%0) : float32[2]\n"
            "It should have 1.",
        ),
        (
            state_of_another_type,
            HEAD
            + "state 'w' enters as float32[2] and leaves as float32[3]\nA piece of state keeps its type.",
        ),
        (
            state_out_of_place,
            HEAD + "state 'w' leaves as result 5, which is not there\nNumber it anew.",
        ),
        (
            fault_inside_a_region,
            "graph 'g' is not valid: result 0 is a value of another graph\n"
            "Regions are closed: whatever they use from outside must enter as an argument.",
        ),
    ],
    ids=lambda x: x.__name__ if callable(x) else "",
)
def test_a_fault_is_told_whole(build: Callable[[], Graph], message: str) -> None:
    with pytest.raises(VerifyError) as fault:
        verify(build())
    assert str(fault.value) == message


def test_what_a_type_rule_refuses_is_passed_on() -> None:
    with pytest.raises(
        VerifyError, match=r"the type rule of sum refuses: [^\n]+\n  > %1 = sum\(%0, axes=\(3,\)"
    ):
        verify(refused_by_the_row())


@pytest.mark.parametrize("op", list(OPS))
def test_a_node_without_its_operands_is_told(op: str) -> None:
    with pytest.raises((IRSyntaxError, VerifyError)):
        verify(parse(f"graph @f() {{\n  %0 = {op}() : float32[2]\n  return %0\n}}"))


def test_a_graph_that_contains_itself_is_a_fault() -> None:
    x = param()
    node = Node(OPS["call"], (x,), types=(F,))
    graph = Graph("f", (x,), (node,), node.results)
    node.regions = (graph,)
    with pytest.raises(VerifyError, match="the graph 'f' contains itself; a graph cannot call itself"):
        verify(graph)


@pytest.mark.parametrize("seed", range(20))
def test_a_random_graph_with_its_nodes_out_of_order_is_a_fault(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph, _ = random_graph(rng, 20)
    verify(graph)
    used = [i for i, n in enumerate(graph.nodes) if any(r in m.args for m in graph.nodes for r in n.results)]
    if not used:
        pytest.skip("no node uses another")
    moved = graph.nodes[used[0]]
    nodes = (*[n for n in graph.nodes if n is not moved], moved)
    with pytest.raises(VerifyError, match="is defined later"):
        verify(Graph(graph.name, graph.params, nodes, graph.results))


def test_symbols_take_their_sizes_from_the_inputs() -> None:
    graph = parse(
        "graph @f(%0: float32[n, 2*m+1], %1: float32[m]) {\n"
        "  %2 = transpose(%0, order=(1, 0)) : float32[2*m+1, n]\n"
        "  %3 = broadcast_to(%1, shape=(n, m)) : float32[n, m]\n  return %2, %3\n}"
    )
    verify(graph)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    first, second = interpret(graph, [x, np.ones(1, np.float32)])
    assert np.array_equal(first, x.T) and second.shape == (2, 1)
    with pytest.raises(ShapeError, match=r"f: input 1 must be float32\[m\], but its shape is \(2,\)"):
        interpret(graph, [x, np.ones(2, np.float32)])
    with pytest.raises(
        ShapeError, match=r"f: input 0 must be float32\[n, 2\*m\+1\], but its shape is \(2, 2\)"
    ):
        interpret(graph, [x[:, :2], np.ones(1, np.float32)])


def test_inputs_of_the_interpreter_are_checked() -> None:
    x = param()
    graph = Graph("f", (x,), (), (x,))
    with pytest.raises(ArgumentError, match="f: 1 inputs are needed, but 0 came"):
        interpret(graph, [])
    with pytest.raises(DTypeError, match=r"f: input 0 \(x\) must be float32\[2\], but it is float64"):
        interpret(graph, [np.zeros(2)])
    unknown = param(TensorType(dtypes.float32, (Dim("a") + Dim("b"),)))
    with pytest.raises(ShapeError, match="no input has an extent from which 'a' follows"):
        interpret(Graph("f", (unknown,), (), ()), [np.zeros(2, np.float32)])


def test_a_reference_that_breaks_its_type_rule_is_found() -> None:
    op = Op("test_liar", infer=lambda t, a: t[0], promote=keep, reference=lambda x: x[:1], lowering=Alias())
    try:
        x = param()
        node = Node(op, (x,), types=(F,))
        with pytest.raises(
            VerifyError, match=r"the reference of test_liar gives float32\[1\] where its type rule"
        ):
            interpret(Graph("f", (x,), (node,), node.results), [np.zeros(2, np.float32)])
    finally:
        del OPS["test_liar"]


@pytest.mark.parametrize(
    ("operands", "text"),
    [
        ("%0, %0, %1", None),
        ("%1, %0, %1", "what custom_gradient gives are float32[2] and"),
        ("%0, %1, %1", "results of 'pull' are float32[3] and should be float32[2]"),
        ("%0, %0, %0", "arguments of 'pull' are float32[2], float32[2] and"),
        ("%0, %0", "arguments of 'pull' are float32[2] and should be float32[2]"),
    ],
)
def test_a_gradient_of_its_own_fits_its_operands(operands: str, text: str | None) -> None:
    graph = parse(f"""
    graph @f(%0: float32[2], %1: float32[3]) {{
      %2 = custom_gradient({operands}) graph @pull(%0: float32[2], %1: float32[3]) {{
        return %0
      }} : float32[2]
      return %2
    }}""")
    if text is None:
        verify(graph)
        return
    with pytest.raises(VerifyError) as error:
        verify(graph)
    assert text in str(error.value)
