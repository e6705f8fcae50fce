"""From a graph to a native program: steps in order, a buffer plan, one LLVM module with one entry.

The entry is `i64 program(ptr bufs)`. Its buffers are numbered: params first, then outputs and new state, then the
arena, the words (a table of integers), and the temporaries and constants, whose pointers it fills in itself. The words
are the sizes of the symbols and what follows from them (`extents.py`), and the addresses of constants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..ir.attrs import Axis, Constant, Loop
from ..ir.dtypes import int64
from ..ir.graph import Graph, Node, Value
from ..ir.op import Alias, Contract, Element, Host, Literal, Scan, Scatter, Sort, Structural
from ..ir.types import TRIPS, Dim, Extent, Shape, TensorType
from .extents import Table
from .gemm_vectors import ELEMENTS
from .lower import Layout, Output, contiguous, lower, view_strides
from .main import write_main
from .module import Module
from .plan import Kind, Storage, may_update, place, set_lifetimes
from .product_step import GemmStep, Matrix
from .program import Program, StatePlace
from .regions import plan_loop, plan_scalar_loop, plan_switch
from .scalar_step import is_scalar_loop
from .scan import lower_scan
from .scatter import Uses, parted, scattered
from .sort_step import SortStep, fits
from .split import chunk_count, split
from .steps import CopyStep, HostStep, KernelStep, Step
from .target import Target

HostFunction = Callable[[Node, tuple[int, ...], int, int, tuple[str, ...]], int]
"""Makes the C function of a host step from its node, the numbers of the buffers that it reads, of the one that it
writes and of the words, and the symbols whose sizes are the first words."""


class _Planner:
    def __init__(self, graph: Graph, target: Target, host: HostFunction, watch_at: int, poll_at: int) -> None:
        self.graph = graph
        self.target = target
        self.host = host
        self.watch = watch_at
        self.poll = poll_at
        self.storage: dict[Value, Storage] = {}
        self.storages: list[Storage] = []
        self.steps: list[Step] = []
        self.constants: dict[Storage, np.ndarray] = {}
        self.views: dict[Value, tuple[Value, Extent, tuple[Extent, ...]]] = {}
        self.uses = Uses(graph)
        self.targets: dict[Value, Storage] = {}
        self.kept: frozenset[Storage] = frozenset()

    def new(self, value: Value, kind: Kind) -> Storage:
        """A storage for a value: the one that was chosen before, if any."""
        wanted = self.targets.pop(value, None)
        return self.part(value.type, kind) if wanted is None else wanted

    def part(self, type: TensorType, kind: Kind) -> Storage:
        """A storage that no value stands for."""
        made = Storage(type, kind)
        self.storages.append(made)
        return made

    def region(
        self, region: Graph, params: Sequence[Storage], targets: Mapping[Value, Storage], kept: Sequence[Storage]
    ) -> list[Storage]:
        """Plan the nodes of a region, and say where its results lie; arguments as `regions.Planner` says."""
        outside = self.uses, self.targets, self.kept
        self.uses, self.targets, self.kept = Uses(region), dict(targets), self.kept | set(kept)
        self.storage.update(zip(region.params, params, strict=True))
        for node in region.nodes:
            self._node(node)
        found = [self.stored(r) for r in region.results]
        self.uses, self.targets, self.kept = outside
        return found

    def run(self) -> Program:
        for p in self.graph.params:
            self.storage[p] = self.new(p, Kind.PARAM)
        for node in self.graph.nodes:
            self._node(node)
        state_results, outputs, results = self._claim_results()
        number = self._number(state_results, [s for _, s in outputs])
        symbols = _symbols(self.graph)
        table = Table(tuple(sorted(symbols)), number["words"], len(self.constants))
        steps = [self._bound(s, table) for s in self.steps]
        uses = [s.use() for s in steps]
        touched = set_lifetimes(uses)
        state = []
        for slot, new in zip(self.graph.state, state_results, strict=True):
            old = self.storage[self.graph.params[slot.param]]
            in_place = new is not None and may_update(old, new, uses)
            state.append(StatePlace(old.number, -1 if new is None else new.number, in_place))
        module = Module(self.target, table, poll=self.poll)
        fixed = None if symbols else place(uses, touched, {})
        text = write_main(module, steps, self.storages, fixed, number["arena"], self.watch)
        return Program(
            self.graph, self.target, tuple(steps), tuple(uses), module, text,
            n_bufs=number["bufs"], arena_buf=number["arena"], words_buf=number["words"],
            state=tuple(state), outputs=tuple((v, s.number) for v, s in outputs), results=results,
            constants=tuple(self.constants.values()), storages=tuple(self.storages), touched=touched,
        )  # fmt: skip

    def _node(self, node: Node) -> None:
        lowering = node.lowering
        if node.op.name == "fused":
            self._kernel(node)
        elif node.op.name == "concat":
            self._concat(node)
        elif isinstance(lowering, Alias):
            self.storage[node.result] = self.stored(node.args[0])
        elif isinstance(lowering, Literal):
            assert isinstance(node.attrs, Constant)
            made = self.new(node.result, Kind.CONSTANT)
            self.constants[made] = np.asarray(node.attrs.value, order="C")
            self.storage[node.result] = made
        elif isinstance(lowering, Contract) and node.result.type.dtype.name in ELEMENTS:
            self._gemm(node)
        elif isinstance(lowering, Element) and lowering.view:
            self._view(node)
        elif isinstance(lowering, Scatter):
            self._scatter(node, lowering)
        elif isinstance(lowering, Scan):
            self._scan(node)
        elif isinstance(lowering, Sort) and fits(node.args[0].type, node.attrs):
            self._sort(node)
        elif isinstance(lowering, Host | Contract | Sort):
            self._host(node)
        elif isinstance(lowering, Structural) and lowering.control:
            self._control(node)
        else:
            raise ValueError(f"{node.op.name} reached code generation outside a fused node")

    def _control(self, node: Node) -> None:
        if node.op.name == "switch":
            plan_switch(self, node)
        elif is_scalar_loop(node):
            plan_scalar_loop(self, node)
        else:
            plan_loop(self, node)

    def _kernel(self, node: Node) -> None:
        (region,) = node.regions
        places: dict[int, Storage] = {}
        numbers: dict[Storage, int] = {}

        def buffer(s: Storage) -> int:
            if s not in numbers:
                numbers[s] = len(numbers)
                places[numbers[s]] = s
            return numbers[s]

        layouts = {
            p: Layout(buffer(self.stored(a)), contiguous(p.type.shape))
            for p, a in zip(region.params, node.args, strict=True)
        }
        outs = []
        for inner, outer in zip(region.results, node.results, strict=True):
            self.storage[outer] = self.new(outer, Kind.TEMPORARY)
            outs.append(Output(inner, Layout(buffer(self.storage[outer]), contiguous(inner.type.shape))))
        nest, found = lower(region.name, outs, layouts)
        parts = split(nest, len(places))
        if len(parts) > 1:
            (r,) = nest.reductions
            places[len(places)] = self.part(TensorType(r.dtype, (chunk_count(nest),)), Kind.TEMPORARY)
        for part in parts:
            self.steps.append(KernelStep(part, found, {b: places[b] for b in part.dtypes}))

    def _concat(self, node: Node) -> None:
        """Each operand is copied to its place in the result by a kernel of its own."""
        assert isinstance(node.attrs, Axis)
        made = self.new(node.result, Kind.TEMPORARY)
        self.storage[node.result] = made
        strides = contiguous(node.result.type.shape)
        start: Extent = 0
        for a in node.args:
            step = strides[node.attrs.axis]
            out = Output(a, Layout(1, strides, start * step))
            nest, _ = lower("concat", [out], {a: Layout(0, contiguous(a.type.shape))})
            self.steps.append(KernelStep(nest, (), {0: self.stored(a), 1: made}))
            start = start + a.type.shape[node.attrs.axis]

    def _view(self, node: Node) -> None:
        """A view that only matrix products read is described, not computed."""
        strides, offset = view_strides(node)
        self.views[node.result] = (node.args[0], offset, strides)

    def stored(self, value: Value) -> Storage:
        """Where a value lies contiguously; a view is computed when something needs it whole."""
        if value in self.storage:
            return self.storage[value]
        made = self.new(value, Kind.TEMPORARY)
        source = self.views[value][0]
        stored = self.stored(source)
        layouts = {source: Layout(0, contiguous(source.type.shape))}
        nest, _ = lower("view", [Output(value, Layout(1, contiguous(value.type.shape)))], layouts)
        self.steps.append(KernelStep(nest, (), {0: stored, 1: made}))
        self.storage[value] = made
        return made

    def _matrix(self, value: Value, batch: Shape) -> Matrix:
        offset: Extent
        if value in self.views and self.views[value][0] in self.storage:
            source, offset, strides = self.views[value]
            stored = self.storage[source]
        else:
            stored, offset = self.stored(value), 0
            strides = contiguous(value.type.shape)
        shape = value.type.shape
        own = [0 if e == 1 else s for e, s in zip(shape[:-2], strides[:-2], strict=True)]
        return Matrix(stored, offset, tuple([0] * (len(batch) - len(own)) + own), strides[-2], strides[-1])

    def _gemm(self, node: Node) -> None:
        a, b = node.args
        shape = node.result.type.shape
        made = self.new(node.result, Kind.TEMPORARY)
        left, right = self._matrix(a, shape[:-2]), self._matrix(b, shape[:-2])
        self.storage[node.result] = made
        k = a.type.shape[-1]
        self.steps.append(GemmStep(left, right, made, shape[:-2], shape[-2], shape[-1], k))

    def _scatter(self, node: Node, rule: Scatter) -> None:
        """The first operand, copied unless nothing else needs it, then the stores.

        An empty result has no place to store to, so its reference refuses.
        """
        if 0 in node.result.type.shape:
            self._host(node)
            return
        domain = rule.domain(node.attrs, tuple([a.type for a in node.args]))
        given = list(dict.fromkeys(node.args[1:]))
        places = {k: self.stored(a) for k, a in enumerate(given)}
        layouts = {a: Layout(k, contiguous(a.type.shape)) for k, a in enumerate(given)}
        base = self.stored(node.args[0])
        made = base
        own = base.kind is Kind.TEMPORARY and base not in self.kept
        if not own or not self.uses.ends(node, self.views):
            made = self.new(node.result, Kind.TEMPORARY)
            self.steps.append(CopyStep(base, made))
        self.storage[node.result] = made
        out, free = len(given), len(given) + 1
        places[out] = made
        nest, found = scattered(node, domain, layouts, Layout(out, contiguous(node.result.type.shape)))
        if not found or 0 in domain:
            self.steps.append(KernelStep(nest, found, {b: places[b] for b in nest.dtypes}))
            return
        first, second, shape = parted(nest, free)
        places[free] = self.part(TensorType(int64, shape), Kind.TEMPORARY)
        checks = KernelStep(first, found, {b: places[b] for b in first.dtypes})
        # What is stored into may be a variable's memory, so the checks come before the copy.
        self.steps.insert(len(self.steps) - (made is not base), checks)
        self.steps.append(KernelStep(second, (), {b: places[b] for b in second.dtypes}))

    def _scan(self, node: Node) -> None:
        places = {a: self.stored(a) for a in node.args}
        self.storage[node.result] = places[node.result] = self.new(node.result, Kind.TEMPORARY)
        nest = lower_scan(node, {v: Layout(k, contiguous(v.type.shape)) for k, v in enumerate(places)})
        self.steps.append(KernelStep(nest, (), dict(enumerate(places.values()))))

    def _sort(self, node: Node) -> None:
        source = self.stored(node.args[0])
        self.storage[node.result] = self.new(node.result, Kind.TEMPORARY)
        self.steps.append(SortStep(node, source, self.storage[node.result]))

    def _host(self, node: Node) -> None:
        reads = tuple([self.stored(a) for a in node.args])
        made = self.new(node.result, Kind.TEMPORARY)
        self.storage[node.result] = made
        self.steps.append(HostStep(node, reads, made, 0))

    def _bound(self, step: Step, table: Table) -> Step:
        if not isinstance(step, HostStep):
            return step
        numbers = tuple([s.number for s in step.reads])
        address = self.host(step.node, numbers, step.out.number, table.buffer, table.symbols)
        return HostStep(step.node, step.reads, step.out, address)

    def _claim_results(self) -> tuple[list[Storage | None], list[tuple[Value, Storage]], tuple[int, ...]]:
        """Decide which storage each result of the graph is: new state first, then outputs, each claimed once."""
        graph = self.graph
        slots = {s.result: k for k, s in enumerate(graph.state) if s.result is not None}
        new_state: list[Storage | None] = [None] * len(graph.state)
        early: list[Step] = []
        for slot in graph.state:
            if slot.result is None:
                continue
            value = graph.results[slot.result]
            if value is not graph.params[slot.param]:
                new_state[slots[slot.result]] = self._claim(value, Kind.STATE, early)
        outputs: list[tuple[Value, Storage]] = []
        results: list[int] = []
        for number, value in enumerate(graph.results):
            if number in slots:
                continue
            stored = self.stored(value)
            same = [k for k, s in enumerate(new_state) if s is stored and s.type is value.type]
            if same:
                results.append(~same[0])
                continue
            known = [k for k, (v, _) in enumerate(outputs) if v is value]
            if not known:
                outputs.append((value, self._claim(value, Kind.OUTPUT, early)))
                known = [len(outputs) - 1]
            results.append(known[0])
        self.steps[:0] = early
        return new_state, outputs, tuple(results)

    def _claim(self, value: Value, kind: Kind, early: list[Step]) -> Storage:
        stored = self.stored(value)
        if stored.kind is Kind.TEMPORARY:
            stored.kind = kind
            return stored
        made = self.new(value, kind)
        if stored.kind in (Kind.PARAM, Kind.CONSTANT):
            early.append(CopyStep(stored, made))
        else:
            self.steps.append(CopyStep(stored, made))
        return made

    def _number(self, state: Sequence[Storage | None], outputs: Sequence[Storage]) -> dict[str, int]:
        ordered = [s for s in self.storages if s.kind is Kind.PARAM]
        ordered += [*outputs, *(s for s in state if s is not None)]
        for n, s in enumerate(ordered):
            s.number = n
        first = len(ordered)
        rest = [s for s in self.storages if s.kind in (Kind.CONSTANT, Kind.SLICE)]
        rest += [s for s in self.storages if s.kind is Kind.TEMPORARY]
        for n, s in enumerate(rest, first + 2):
            s.number = n
        after = first + 2 + len(rest)
        stacks = [s for s in self.storages if s.kind is Kind.STACK]
        for k, s in enumerate(stacks):
            s.number = after + 2 * k
        return {"arena": first, "words": first + 1, "bufs": after + 2 * len(stacks)}


def _symbols(graph: Graph) -> set[str]:
    """The symbols whose sizes a call says; those of results too, which a loop may be told the length of."""
    extents = [e for v in graph.values() for e in v.type.shape]
    extents += [n.attrs.length for n in graph.nodes if isinstance(n.attrs, Loop) and n.attrs.length is not None]
    return {n for e in extents if isinstance(e, Dim) and not e.same(TRIPS) for n in e.symbols}


def build(graph: Graph, target: Target, host: HostFunction, watch_at: int = 0, poll_at: int = 0) -> Program:
    """The program of a fused graph.

    Args:
        graph: fused, as `ir/passes/fuse.py` leaves it.
        target: what to generate code for.
        host: makes the functions of host steps.
        watch_at: address of a C function `void (ptr bufs, i64 step)` that is called after each step; 0 for none.
        poll_at: address of the C function that loops call now and then, as `control.POLL` says; 0 for none.
    """
    return _Planner(graph, target, host, watch_at, poll_at).run()

