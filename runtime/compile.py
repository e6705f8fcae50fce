"""From a traced graph to an Executable: passes, code generation, linking; it knows nothing of how Python calls it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..codegen import program as code
from ..codegen import support
from ..codegen.steps import PARALLEL_NS
from ..codegen.target import host
from ..ir.config import config
from ..ir.graph import Graph, Node
from ..ir.passes import run_pipeline
from ..ir.stage import locate
from . import hosted, threads
from .compare import check_kernels
from .executable import Executable, Stages, StateBuffers
from .record import NewOutput, Output, StateOutput

_GIL_NS = 5000.0
"""Work that is long enough to let other threads run meanwhile."""


def build(graph: Graph) -> Executable:
    """The executable of a traced graph with known extents."""
    optimized = run_pipeline(graph, config.pipeline, config.settings).graph
    if config.check >= 2:
        check_kernels(optimized, config.settings)
    functions: list[Callable[[int], int]] = []

    def host_function(node: Node, reads: tuple[int, ...], write: int) -> int:
        functions.append(hosted.function(node, reads, write))
        return hosted.address(functions[-1])

    made = code.build(optimized, host(), host_function)
    library = made.load()
    if made.module.cost > PARALLEL_NS:
        threads.ensure_started()
    words = np.array([c.ctypes.data for c in made.constants], np.int64)

    def fail(status: int) -> BaseException:
        return hosted.failure() if status & 0xFFFF == hosted.STATUS else locate(*made.failure(status))

    params = {p: n for n, p in enumerate(optimized.params)}
    states = {slot.param for slot in graph.state}
    outputs: list[Output] = [NewOutput(v.type, v.type.nbytes, buf) for v, buf in made.outputs]
    results: list[int] = []
    for found in made.results:
        if found >= 0:
            results.append(found)
        else:
            results.append(len(outputs))
            outputs.append(StateOutput(~found))
    return Executable(
        name=graph.name,
        program=library["program"],
        n_bufs=made.n_bufs,
        params=tuple([-1 if k in states else params[p] for k, p in enumerate(optimized.params)]),
        state=tuple([StateBuffers(s.read, s.write, s.in_place) for s in made.state]),
        outputs=tuple(outputs),
        results=tuple(results),
        arena_bytes=made.plan.arena_bytes,
        arena_buf=made.arena_buf if made.plan.arena_bytes else -1,
        constants=words if len(words) else None,
        constants_buf=made.words_buf if len(words) else -1,
        release_gil=made.module.cost > _GIL_NS,
        reenters=bool(functions),
        owner=(library, support.library, made.constants, functions),
        fail=fail,
        source=Stages(graph, optimized, made.kernels, lambda: made.text, made.assembly),
        memory_plan=made.memory_plan,
    )
