"""Using a traced function inside another program or under a gradient; it compiles nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.abstract import Abstract
from ..ir.array import Array
from ..ir.builder import Builder
from ..ir.registry import OPS
from ..ir.stage import Stage
from ..runtime.core import Tensor
from ..runtime.variable import StateStage, Variable
from .pytree import unflatten
from .replay import replay
from .trace import Constant, Trace


def inline(
    trace: Trace, stage: Stage, base: Stage, leaves: Sequence[object], variables: Sequence[Variable]
) -> object:
    """The result of a traced function: a call node in a trace, its ops one by one under a gradient.

    Args:
        trace: of the function.
        stage: the current stage.
        base: the first stage below it that is no Layer.
        leaves: the array arguments.
        variables: for each state slot of the trace's graph, the variable.
    """
    graph = trace.graph
    args: dict[int, Array] = {i: stage.lift(_operand(leaf)) for i, leaf in enumerate(leaves)}
    args |= {param: stage.lift(source) for param, source in trace.captures}
    args |= {s.param: stage.lift(v) for s, v in zip(graph.state, variables, strict=True)}
    ordered = [args[i] for i in range(len(graph.params))]
    results: Sequence[Array]
    if isinstance(base, Builder) and stage is base:
        traced = [base.lift(a) for a in ordered]
        results = base.emit_region(OPS["call"], traced, (graph,), tuple([r.type for r in graph.results]))
    else:
        results = replay(graph, ordered)
    for slot, variable in zip(graph.state, variables, strict=True):
        if slot.result is not None:
            variable.refuse(results[slot.result])
    for slot, variable in zip(graph.state, variables, strict=True):
        if slot.result is not None:
            variable.receive(base if isinstance(base, StateStage) else None, results[slot.result])
    made = [leaf.value if isinstance(leaf, Constant) else results[leaf] for leaf in trace.leaves]
    return unflatten(trace.structure, made)


def _operand(leaf: object) -> Array | np.ndarray:
    if isinstance(leaf, Tensor | Abstract | np.ndarray):
        return leaf
    return np.asarray(leaf)
