"""Carrying a graph out op by op through the current stage, as if its source ran again."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.array import Array
from ..ir.attrs import Constant
from ..ir.builder import Builder
from ..ir.errors import TraceError
from ..ir.gradient import ground
from ..ir.graph import Graph, Node, Value
from ..ir.registry import OPS
from ..ir.stage import Stage, current
from .custom import with_gradient


def replay(graph: Graph, args: Sequence[Array]) -> list[Array]:
    """The results of a graph on arrays of the current stage; calls are entered."""
    return run_nodes(graph.nodes, dict(zip(graph.params, args, strict=True)), graph.results)


def run_nodes(nodes: Sequence[Node], known: dict[Value, Array], results: Sequence[Value]) -> list[Array]:
    """Carry out nodes in order, given what is known already, and pick out the results."""
    stage = current()
    carrier = ground(stage)
    builder = carrier if isinstance(carrier, Builder) else None
    before = builder.loc if builder is not None else None
    try:
        for node in nodes:
            if builder is not None:
                builder.loc = node.loc
            made = _carry_out(stage, node, [known[a] for a in node.args])
            known.update(zip(node.results, made, strict=True))
    finally:
        if builder is not None:
            builder.loc = before
    return [known[r] for r in results]


def _carry_out(stage: Stage, node: Node, args: list[Array]) -> list[Array]:
    if node.op is OPS["call"]:
        return replay(node.regions[0], args)
    if node.op is OPS["custom_gradient"]:
        return _customised(node, args)
    if isinstance(node.attrs, Constant):
        return [stage.constant(node.attrs.value)]
    if node.regions:
        raise TraceError(f"{node.op.name} has regions, and its gradient is not known")
    return [stage.emit(node.op, tuple(args), node.attrs, node.result.type)]


def _customised(node: Node, args: list[Array]) -> list[Array]:
    (pull,) = node.regions
    made, by = len(node.results), len(pull.results)
    kept = args[made + by :]
    return with_gradient(args[:made], args[made : made + by], lambda dys: replay(pull, [*dys, *kept]))
