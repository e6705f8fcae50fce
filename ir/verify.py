"""The rules that every graph obeys, checked; faults come with their neighbourhood; it knows no particular op.

Rules: a value is defined once and before its uses; a region is closed; the type of each result is what the
row says; operands have the dtypes that the row asks for; attrs are of the row's class; a structural node has
the regions that its row asks for, with the types that it says; state slots name params and results, each once.
"""

from __future__ import annotations

from typing import Final, NoReturn

from .analysis import regions_first
from .attrs import NO_ATTRS, Constant
from .errors import LithographError, VerifyError
from .fields import conforms, fields_of, show_hint
from .graph import Graph, Node, Value
from .op import Structural
from .registry import OPS
from .text import numbering, show_node
from .types import Dim, TensorType

_NEIGHBOURS: Final = 3


def verify(graph: Graph) -> None:
    """Check a graph and all graphs under it.

    Raises:
        VerifyError: a rule is broken; the message says which, prints the nodes around it and says what to do.
    """
    try:
        graphs, _, _ = regions_first(graph)
    except ValueError as error:
        raise VerifyError(f"graph {graph.name!r} is not valid: {error}; a graph cannot call itself") from None
    for g in graphs:
        _check(g)


def _fault(graph: Graph, at: int | None, what: str, advice: str) -> NoReturn:
    numbers = numbering(graph)
    lines = [f"graph {graph.name!r} is not valid: {what}"]
    centre = len(graph.nodes) if at is None else at
    for i in range(max(0, centre - _NEIGHBOURS), min(len(graph.nodes), centre + _NEIGHBOURS + 1)):
        node = graph.nodes[i]
        lines.append(f"  {'>' if i == at else ' '} {show_node(node, numbers)}")
        if i == at and node.loc is not None:
            lines.append(f"      from {node.loc}")
    raise VerifyError("\n".join([*lines, advice]))


def _check(graph: Graph) -> None:
    defined: set[Value] = set()
    for i, param in enumerate(graph.params):
        if param.node is not None or param.index != i or param in defined:
            _fault(graph, None, f"param {i} is not a param of its own", "Make one Value per param, in order.")
        _check_extents(graph, None, param.type)
        defined.add(param)
    for i, node in enumerate(graph.nodes):
        for k, arg in enumerate(node.args):
            if arg not in defined:
                what = f"argument {k} of {node.op.name} {_whereabouts(graph, arg)}"
                _fault(graph, i, what, _advice(graph, arg))
        _check_node(graph, i, node)
        for k, result in enumerate(node.results):
            if result.node is not node or result.index != k or result in defined:
                _fault(
                    graph,
                    i,
                    f"result {k} of {node.op.name} is defined twice",
                    "A node stands in one place of one graph; copy it to use it again.",
                )
            _check_extents(graph, i, result.type)
            defined.add(result)
    for k, result in enumerate(graph.results):
        if result not in defined:
            _fault(graph, None, f"result {k} {_whereabouts(graph, result)}", _advice(graph, result))
    _check_state(graph)


def _whereabouts(graph: Graph, value: Value) -> str:
    later = value in numbering(graph)
    return "is defined later" if later else "is a value of another graph"


def _advice(graph: Graph, value: Value) -> str:
    if value in numbering(graph):
        return "Values are defined before they are used: move the node that defines it up."
    return "Regions are closed: whatever they use from outside must enter as an argument."


def _check_extents(graph: Graph, at: int | None, type: TensorType) -> None:
    if any(isinstance(e, Dim) and not e.terms for e in type.shape):
        _fault(graph, at, f"the type {type} has a symbolic extent without symbols", "Write it as a number.")


def _check_node(graph: Graph, at: int, node: Node) -> None:
    op = node.op
    if OPS.get(op.name) is not op:
        _fault(graph, at, f"{op.name} is not a row of the op table", "Use the op of that name.")
    _check_attrs(graph, at, node)
    if isinstance(op.lowering, Structural):
        _check_regions(graph, at, node)
        return
    if node.regions:
        what = f"{op.name} has regions, but is not structural"
        _fault(graph, at, what, "Only structural ops have regions.")
    types = tuple([a.type for a in node.args])
    try:
        wanted = op.promote(op.name, types)
        for k, (given, dtype) in enumerate(zip(types, wanted, strict=True)):
            if given.dtype is not dtype:
                _fault(
                    graph,
                    at,
                    f"operand {k} of {op.name} is {given.dtype} where its row asks for {dtype}",
                    "Insert an astype before it.",
                )
        expected = (op.result_type(types, node.attrs),)
    except VerifyError:
        raise
    except Exception as error:  # A row meets operands here that its public function would never let through.
        said = str(error) if isinstance(error, LithographError) else f"{type(error).__name__}: {error}"
        _fault(graph, at, f"the type rule of {op.name} refuses: {said}", "Mend the operands or the attrs.")
    _check_types(graph, at, tuple([r.type for r in node.results]), expected, f"results of {op.name}")
    if isinstance(node.attrs, Constant):
        value, said_type = node.attrs.value, node.attrs.type
        if value.dtype != said_type.dtype.numpy or value.shape != said_type.shape:
            what = f"the constant is {value.dtype}{list(value.shape)}, but is said to be {said_type}"
            _fault(graph, at, what, "Take the type from the array.")


def _check_attrs(graph: Graph, at: int, node: Node) -> None:
    op, attrs = node.op, node.attrs
    wanted = type(NO_ATTRS) if op.attrs is None else op.attrs
    if type(attrs) is not wanted:
        what = f"the attrs of {op.name} are {type(attrs).__name__} and should be {wanted.__name__}"
        _fault(graph, at, what, "Use the class that the row names.")
    for name, hint in fields_of(wanted).items():
        if not conforms(getattr(attrs, name), hint):
            what = f"the attribute {name!r} of {op.name} must be of type {show_hint(hint)}"
            _fault(graph, at, what, f"It is {getattr(attrs, name)!r}.")


def _check_types(
    graph: Graph, at: int, given: tuple[TensorType, ...], wanted: tuple[TensorType, ...], what: str
) -> None:
    if given != wanted:
        left, right = (", ".join(map(str, ts)) or "none" for ts in (given, wanted))
        _fault(graph, at, f"the {what} are {left} and should be {right}", "Take them from the type rule.")


def _check_regions(graph: Graph, at: int, node: Node) -> None:
    assert isinstance(node.op.lowering, Structural)
    try:
        wanted, results = node.op.lowering.interface(node)
    except (LithographError, IndexError) as error:
        _fault(graph, at, f"the operands of {node.op.name} do not fit: {error}", "Mend the operands or the attrs.")
    if len(node.regions) != len(wanted):
        what = f"{node.op.name} has {len(node.regions)} regions"
        _fault(graph, at, what, f"It should have {len(wanted)}.")
    for region, (params, made) in zip(node.regions, wanted, strict=True):
        given, gives = (tuple([v.type for v in vs]) for vs in (region.params, region.results))
        _check_types(graph, at, params, given, f"arguments of {region.name!r}")
        _check_types(graph, at, made, gives, f"results of {region.name!r}")
    _check_types(graph, at, tuple([r.type for r in node.results]), results, f"what {node.op.name} gives")


def _check_state(graph: Graph) -> None:
    params: set[int] = set()
    results: set[int] = set()
    keys: set[str] = set()
    for slot in graph.state:
        if not 0 <= slot.param < len(graph.params):
            what = f"state {slot.key!r} enters as param {slot.param}, which is not there"
            _fault(graph, None, what, "Number it anew.")
        if slot.param in params or slot.key in keys:
            what = f"state {slot.key!r} shares its param or key"
            _fault(graph, None, what, "Each slot has its own param and key.")
        params.add(slot.param)
        keys.add(slot.key)
        if slot.result is None:
            continue
        if not 0 <= slot.result < len(graph.results):
            what = f"state {slot.key!r} leaves as result {slot.result}, which is not there"
            _fault(graph, None, what, "Number it anew.")
        if slot.result in results:
            _fault(graph, None, f"state {slot.key!r} shares its result", "Return the value once per slot.")
        results.add(slot.result)
        enters, leaves = graph.params[slot.param].type, graph.results[slot.result].type
        if enters is not leaves:
            what = f"state {slot.key!r} enters as {enters} and leaves as {leaves}"
            _fault(graph, None, what, "A piece of state keeps its type.")
