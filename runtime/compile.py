"""From a traced graph to an Executable: passes, code generation, linking; it knows nothing of how Python calls it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from ..codegen import support
from ..codegen.build import build as build_program
from ..codegen.module import PARALLEL_NS
from ..codegen.target import host
from ..ir.analysis import regions_first
from ..ir.config import config
from ..ir.fields import static_type
from ..ir.graph import Graph, Node
from ..ir.grouping import computed_again
from ..ir.passes import run_pipeline
from ..ir.stage import locate
from ..ir.types import Dim
from . import hosted, polling, threads
from .compare import check_kernels
from .executable import Executable, Stages, StateBuffers
from .record import NewOutput, Output, StateOutput

_GIL_NS = 5000.0
"""Work that is long enough to let other threads run meanwhile."""


class Compiled:
    """A graph as loaded native code, which serves any sizes of its symbols.

    Attributes:
        symbols: names of the symbols.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._pipeline = config.pipeline
        self._optimized = run_pipeline(graph, self._pipeline, config.settings).graph
        if config.check >= 2 and not any(isinstance(e, Dim) for p in graph.params for e in p.type.shape):
            check_kernels(self._optimized, config.settings)
        self._functions: list[Callable[[int], int]] = []
        self._made = build_program(
            self._optimized, host(), self._host_function, poll_at=polling.address()
        )
        self._library = self._made.load()
        self.symbols = self._made.module.table.symbols

    def _host_function(
        self, node: Node, reads: tuple[int, ...], write: int, words: int, symbols: tuple[str, ...]
    ) -> int:
        self._functions.append(hosted.function(node, reads, write, words, symbols))
        return hosted.address(self._functions[-1])

    def bind(self, sizes: Mapping[str, int]) -> Executable:
        """The executable for one size of each symbol; all of them share their code."""
        made, graph, functions = self._made, self._graph, self._functions
        cost = made.module.cost(sizes)
        if cost > PARALLEL_NS:
            threads.ensure_started()
        plan = made.plan(sizes)
        words = made.words(sizes, plan)

        def fail(status: int) -> BaseException:
            return hosted.failure() if status & 0xFFFF == hosted.STATUS else locate(*made.failure(status, sizes))

        params = {p: n for n, p in enumerate(self._optimized.params)}
        states = {slot.param for slot in graph.state}
        types = [(static_type(v.type, sizes), buf) for v, buf in made.outputs]
        outputs: list[Output] = [NewOutput(t, t.nbytes, buf) for t, buf in types]
        results: list[int] = []
        for found in made.results:
            if found >= 0:
                results.append(found)
            else:
                results.append(len(outputs))
                outputs.append(StateOutput(~found))
        return Executable(
            name=graph.name,
            program=self._library["program"],
            n_bufs=made.n_bufs,
            params=tuple([-1 if k in states else params[p] for k, p in enumerate(self._optimized.params)]),
            state=tuple([StateBuffers(s.read, s.write, s.in_place) for s in made.state]),
            outputs=tuple(outputs),
            results=tuple(results),
            arena_bytes=plan.arena_bytes,
            arena_buf=made.arena_buf if plan.arena_bytes else -1,
            constants=words if len(words) else None,
            constants_buf=made.words_buf if len(words) else -1,
            release_gil=cost > _GIL_NS,
            reenters=bool(functions) or made.polls,
            owner=(self._library, support.library, made.constants, functions),
            fail=fail,
            source=Stages(graph, self._optimized, made.kernels, made.llvm, made.assembly),
            memory_plan=lambda: made.memory_plan(sizes, plan) + self._recomputed(sizes, plan.peak_bytes),
        )

    def _recomputed(self, sizes: Mapping[str, int], peak: int) -> str:
        """What is computed again, and the bytes that the peak is lower for it, as a line; "" for nothing."""
        graphs = regions_first(self._optimized)[0]
        names = Counter([n.op.name for g in graphs for n in computed_again(g) if n.op.name != "again"])
        if not names:
            return ""
        without = run_pipeline(self._graph, [p for p in self._pipeline if p != "recompute"]).graph
        kept = build_program(without, host(), lambda *_: 0).plan(sizes).peak_bytes
        what = ", ".join([f"{count} {name}" for name, count in names.most_common()])
        return f"  recomputed: {what}: saves {kept - peak} bytes\n"


def build(graph: Graph) -> Executable:
    """The executable of a traced graph with known extents."""
    return Compiled(graph).bind({})
