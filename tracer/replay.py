"""Carrying a graph out op by op through the current stage, as if its source ran again.

A loop or a choice is carried out layer by layer: each does what it is for, and leaves the rest to the stage below.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.array import Array
from ..ir.attrs import Attrs, Constant
from ..ir.batching import Batching
from ..ir.builder import Builder
from ..ir.errors import TraceError
from ..ir.forward import Forward
from ..ir.gradient import Recording
from ..ir.graph import Graph, Node, Value
from ..ir.layers import ground
from ..ir.op import Op, Structural
from ..ir.registry import OPS
from ..ir.stage import Stage, current, entered
from ..runtime.eager import Eager
from ..runtime.eager_regions import region_types, run_region
from .batches import batched
from .custom import with_gradient
from .noting import Noting
from .reverse import Carrier, controlled
from .tangents import push


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
    if isinstance(node.op.lowering, Structural) and node.op.lowering.gradient:
        return _customised(node, args)
    if isinstance(node.attrs, Constant):
        return [stage.constant(node.attrs.value)]
    if node.regions:
        return carry_out(stage, node.op, args, node.regions, node.attrs)
    return [stage.emit(node.op, tuple(args), node.attrs, node.result.type)]


def carry_out(
    stage: Stage, op: Op, args: Sequence[Array], regions: tuple[Graph, ...], attrs: Attrs
) -> list[Array]:
    """The results of a node with regions that run, for arrays of a stage."""
    with entered(stage):
        return _through(stage, op, args, regions, attrs)


def _through(
    stage: Stage, op: Op, args: Sequence[Array], regions: tuple[Graph, ...], attrs: Attrs
) -> list[Array]:
    if isinstance(stage, Recording):
        made = carry_out(stage.below, op, args, regions, attrs)
        stage.controlled(controlled(op, args, regions, attrs, made, Carrier(replay, carry_out)))
        return made
    if isinstance(stage, Forward):
        with entered(stage.below):
            return push(stage, op, args, regions, attrs, Carrier(replay, carry_out))
    if isinstance(stage, Batching):
        return batched(stage, op, args, regions, attrs, Carrier(replay, carry_out))
    if isinstance(stage, Noting):
        made = carry_out(stage.below, op, args, regions, attrs)
        stage.structured(op, args, regions, attrs, made)
        return made
    if isinstance(stage, Builder):
        values = [stage.lift(a) for a in args]
        node = Node(op, tuple([v.value for v in values]), attrs, (), None, regions)
        return [*stage.emit_region(op, values, regions, region_types(node), attrs)]
    if isinstance(stage, Eager):
        return run_region(op, args, regions, attrs)
    raise TraceError(f"{op.name} cannot be carried out by a {type(stage).__name__}")


def _customised(node: Node, args: list[Array]) -> list[Array]:
    (pull,) = node.regions
    made, by = len(node.results), len(pull.results)
    kept, again = args[made + by :], node.op is OPS["remat"]
    return with_gradient(args[:made], args[made : made + by], lambda dys: replay(pull, [*dys, *kept]), again)
