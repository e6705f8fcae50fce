"""From a graph to a native program: steps in order, a buffer plan, one LLVM module with one entry.

The entry is `i64 program(ptr bufs)`. Its buffers are numbered: params first, then outputs and new state, then the
arena, the words (addresses of constants), and the temporaries and constants, whose pointers it fills in itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..ir.attrs import Axis, Constant
from ..ir.errors import LithographError
from ..ir.graph import Graph, Node, Value
from ..ir.loc import Loc
from ..ir.op import Accumulate, Alias, Contract, Element, Host, Literal, Scan
from ..ir.scalar import iteration
from ..ir.types import TensorType
from . import jit
from .affine import affine
from .body import Body
from .gemm_vectors import ELEMENTS
from .lower import Check, Layout, Lowering, Output, accumulation, contiguous, lower
from .plan import Kind, Plan, Storage, may_update, place
from .scan import lower_scan
from .split import chunk_count, split
from .steps import CopyStep, FillStep, GemmStep, HostStep, KernelStep, Matrix, Module, Scratch, Step, watch
from .target import Target

HostFunction = Callable[[Node, tuple[int, ...], int], int]
"""Makes the C function of a host step from its node, the buffer numbers it reads, and the one it writes."""


@dataclass(frozen=True, slots=True)
class StatePlace:
    """Buffers of one state slot; `write` is -1 when it is only read."""

    read: int
    write: int
    in_place: bool


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A graph as native code that is not loaded yet.

    Attributes:
        outputs: (value, buffer) of each Tensor that a call makes; `results` names one, or ~k for state slot k.
        constants: arrays whose addresses are the words.
    """

    graph: Graph
    target: Target
    steps: tuple[Step, ...]
    plan: Plan
    module: Module
    text: str
    n_bufs: int
    arena_buf: int
    words_buf: int
    state: tuple[StatePlace, ...]
    outputs: tuple[tuple[Value, int], ...]
    results: tuple[int, ...]
    constants: tuple[np.ndarray, ...]
    storages: tuple[Storage, ...]

    def kernels(self) -> str:
        """The steps as text."""
        return "\n\n".join(step.show(self.target) for step in self.steps) + "\n"

    def assembly(self) -> str:
        """The native assembly as text."""
        return jit.assembly(self.text)

    def load(self) -> jit.Library:
        """Compile (or fetch) and link; the entry is called `program`."""
        return jit.load(self.text, ["program"], self.module.imports)

    def failure(self, status: int) -> tuple[LithographError, Loc | None]:
        """The exception that a status other than 0 stands for, and where the op that failed was written."""
        check: Check = self.module.checks[(status & 0xFFFF) - 1]
        types = tuple([a.type for a in check.node.args])
        node = check.node
        return node.op.error(check.number, status >> 16, types, node.attrs), node.loc

    def memory_plan(self) -> str:
        """Buffers, aliases and peak as text."""
        lines = [f"memory plan of {self.graph.name}: peak {self.plan.peak_bytes} bytes beyond the inputs"]
        lines.append(f"  arena {self.plan.arena_bytes} bytes")
        for s in self.storages:
            if s.kind is Kind.PARAM:
                continue
            where = f" at {s.offset}" if s.kind is Kind.TEMPORARY else ""
            reuse = f", in place of b{s.reuses.number}" if s.reuses is not None else ""
            steps = f"steps {s.first}-{s.last}"
            lines.append(f"  b{s.number} {s.kind.value} {s.type}: {s.type.nbytes} bytes{where}, {steps}{reuse}")
        for slot, where_ in zip(self.graph.state, self.state, strict=True):
            if where_.write >= 0:
                how = "updated in place" if where_.in_place else "written to a shadow buffer, then swapped in"
                lines.append(f"  state {slot.key}: b{where_.read} -> b{where_.write}, {how}")
        return "\n".join(lines) + "\n"


class _Planner:
    def __init__(self, graph: Graph, target: Target, host: HostFunction, watch_at: int) -> None:
        self.graph = graph
        self.target = target
        self.host = host
        self.watch = watch_at
        self.storage: dict[Value, Storage] = {}
        self.storages: list[Storage] = []
        self.steps: list[Step] = []
        self.constants: dict[Storage, np.ndarray] = {}
        self.views: dict[Value, tuple[Value, int, tuple[int, ...]]] = {}

    def new(self, value: Value, kind: Kind) -> Storage:
        made = Storage(value.type, kind)
        self.storages.append(made)
        return made

    def run(self) -> Program:
        for p in self.graph.params:
            self.storage[p] = self.new(p, Kind.PARAM)
        for node in self.graph.nodes:
            self._node(node)
        state_results, outputs, results = self._claim_results()
        number = self._number(state_results, [s for _, s in outputs])
        steps = [self._bound(s) for s in self.steps]
        uses = [s.use() for s in steps]
        plan = place(uses)
        state = []
        for slot, new in zip(self.graph.state, state_results, strict=True):
            old = self.storage[self.graph.params[slot.param]]
            in_place = new is not None and may_update(old, new, uses)
            if new is not None and in_place:
                plan.peak_bytes -= new.type.nbytes
            state.append(StatePlace(old.number, -1 if new is None else new.number, in_place))
        module = Module(self.target)
        text = self._write(module, steps, plan, number)
        return Program(
            self.graph, self.target, tuple(steps), plan, module, text,
            n_bufs=number["bufs"], arena_buf=number["arena"], words_buf=number["words"],
            state=tuple(state), outputs=tuple((v, s.number) for v, s in outputs), results=results,
            constants=tuple(self.constants.values()), storages=tuple(self.storages),
        )  # fmt: skip

    def _node(self, node: Node) -> None:
        lowering = node.op.lowering
        if node.op.name == "fused":
            self._kernel(node)
        elif node.op.name == "concat":
            self._concat(node)
        elif isinstance(lowering, Alias):
            self.storage[node.result] = self._stored(node.args[0])
        elif isinstance(lowering, Literal):
            assert isinstance(node.attrs, Constant)
            made = self.new(node.result, Kind.CONSTANT)
            self.constants[made] = np.asarray(node.attrs.value, order="C")
            self.storage[node.result] = made
        elif isinstance(lowering, Contract) and node.result.type.dtype.name in ELEMENTS:
            self._gemm(node)
        elif isinstance(lowering, Element) and lowering.view:
            self._view(node)
        elif isinstance(lowering, Accumulate):
            self._accumulate(node)
        elif isinstance(lowering, Scan):
            self._scan(node)
        elif isinstance(lowering, Host | Contract):
            self._host(node)
        else:
            raise ValueError(f"{node.op.name} reached code generation outside a fused node")

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
            p: Layout(buffer(self._stored(a)), contiguous(p.type.shape))
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
            chunks = Storage(TensorType(r.dtype, (chunk_count(nest),)), Kind.TEMPORARY)
            self.storages.append(chunks)
            places[len(places)] = chunks
        for part in parts:
            self.steps.append(KernelStep(part, found, {b: places[b] for b in part.dtypes}))

    def _concat(self, node: Node) -> None:
        """Each operand is copied to its place in the result by a kernel of its own."""
        assert isinstance(node.attrs, Axis)
        made = self.new(node.result, Kind.TEMPORARY)
        self.storage[node.result] = made
        strides = contiguous(node.result.type.shape)
        start = 0
        for a in node.args:
            step = strides[node.attrs.axis]
            assert isinstance(step, int)
            out = Output(a, Layout(1, strides, start * step))
            nest, _ = lower("concat", [out], {a: Layout(0, contiguous(a.type.shape))})
            self.steps.append(KernelStep(nest, (), {0: self._stored(a), 1: made}))
            start += a.type.static_shape[node.attrs.axis]

    def _view(self, node: Node) -> None:
        """A view that only matrix products read is described, not computed."""
        (source,) = node.args
        shape = node.result.type.static_shape
        index = tuple([iteration(k) for k in range(len(shape))])
        lowering = Lowering({source: Layout(0, contiguous(source.type.shape))}, len(shape))
        loaded = lowering.at(node.result, index)
        form = affine(loaded.args[0]) if loaded.prim == "load" else None
        if form is None or form.terms:
            raise ValueError(f"{node.op.name} is marked as a view, but its address is not affine")
        strides = tuple([form.iters.get(k, 0) for k in range(len(shape))])
        self.views[node.result] = (source, form.offset, strides)

    def _stored(self, value: Value) -> Storage:
        """Where a value lies contiguously; a view is computed when something needs it whole."""
        if value in self.storage:
            return self.storage[value]
        made = self.new(value, Kind.TEMPORARY)
        source = self.views[value][0]
        stored = self._stored(source)
        layouts = {source: Layout(0, contiguous(source.type.shape))}
        nest, _ = lower("view", [Output(value, Layout(1, contiguous(value.type.shape)))], layouts)
        self.steps.append(KernelStep(nest, (), {0: stored, 1: made}))
        self.storage[value] = made
        return made

    def _matrix(self, value: Value, batch: tuple[int, ...]) -> Matrix:
        if value in self.views and self.views[value][0] in self.storage:
            source, offset, strides = self.views[value]
            stored = self.storage[source]
        else:
            stored, offset = self._stored(value), 0
            strides = tuple(int(s) for s in contiguous(value.type.shape) if isinstance(s, int))
        shape = value.type.static_shape
        own = [0 if e == 1 else s for e, s in zip(shape[:-2], strides[:-2], strict=True)]
        return Matrix(stored, offset, tuple([0] * (len(batch) - len(own)) + own), strides[-2], strides[-1])

    def _gemm(self, node: Node) -> None:
        a, b = node.args
        shape = node.result.type.static_shape
        made = self.new(node.result, Kind.TEMPORARY)
        left, right = self._matrix(a, shape[:-2]), self._matrix(b, shape[:-2])
        self.storage[node.result] = made
        k = a.type.static_shape[-1]
        self.steps.append(GemmStep(left, right, made, shape[:-2], shape[-2], shape[-1], k))

    def _accumulate(self, node: Node) -> None:
        """Zeros, then the additions in order; an empty result has no place to add to, so its reference refuses."""
        if not node.result.type.size:
            self._host(node)
            return
        source = node.args[0]
        stored = {a: self._stored(a) for a in node.args}
        made = self.new(node.result, Kind.TEMPORARY)
        self.storage[node.result] = made
        shape = node.result.type.shape
        self.steps.append(FillStep(made))
        places = {k: stored[a] for k, a in enumerate(dict.fromkeys(node.args))} | {len(stored): made}
        layouts = {a: Layout(k, contiguous(a.type.shape)) for k, a in enumerate(dict.fromkeys(node.args))}
        updates = layouts.pop(source)
        out = Layout(len(stored), contiguous(shape))
        nest, found = accumulation(node.op.name, node, updates, layouts, out)
        self.steps.append(KernelStep(nest, found, {b: places[b] for b in nest.dtypes}))

    def _scan(self, node: Node) -> None:
        places = {a: self._stored(a) for a in node.args}
        self.storage[node.result] = places[node.result] = self.new(node.result, Kind.TEMPORARY)
        nest = lower_scan(node, {v: Layout(k, contiguous(v.type.shape)) for k, v in enumerate(places)})
        self.steps.append(KernelStep(nest, (), dict(enumerate(places.values()))))

    def _host(self, node: Node) -> None:
        reads = tuple([self._stored(a) for a in node.args])
        made = self.new(node.result, Kind.TEMPORARY)
        self.storage[node.result] = made
        self.steps.append(HostStep(node, reads, made, 0))

    def _bound(self, step: Step) -> Step:
        if not isinstance(step, HostStep):
            return step
        numbers = tuple([s.number for s in step.reads])
        return HostStep(step.node, step.reads, step.out, self.host(step.node, numbers, step.out.number))

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
            stored = self._stored(value)
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
        stored = self._stored(value)
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
        rest = [s for s in self.storages if s.kind in (Kind.CONSTANT, Kind.TEMPORARY)]
        for n, s in enumerate(rest, first + 2):
            s.number = n
        return {"arena": first, "words": first + 1, "bufs": first + 2 + len(rest)}

    def _write(self, module: Module, steps: Sequence[Step], plan: Plan, number: dict[str, int]) -> str:
        body = Body(module.declares)
        arena = _load(body, "%bufs", number["arena"])
        for s in self.storages:
            if s.kind is Kind.TEMPORARY and s.first >= 0:
                place_ = body.assign(f"getelementptr i8, ptr {arena}, i64 {s.offset}")
                body.emit(f"store ptr {place_}, ptr {_entry(body, '%bufs', s.number)}")
        if self.constants:
            words = _load(body, "%bufs", number["words"])
            for k, s in enumerate(self.constants):
                word = _load(body, words, k)
                body.emit(f"store ptr {word}, ptr {_entry(body, '%bufs', s.number)}")
        for k, step in enumerate(steps):
            status = step.write(module, body, k, Scratch(arena, plan.scratch.get(k, 0)))
            if status is not None:
                failed = body.assign(f"icmp ne i64 {status}, 0")
                with body.if_(failed):
                    body.emit(f"ret i64 {status}")
                    body.label(body.fresh_label("unreached"))
            if self.watch:
                watch(module, body, self.watch, k)
        body.emit("ret i64 0")
        main = body.function("i64 @program(ptr %bufs)", "#0")
        width = module.target.vector_bytes * 8
        attributes = f'attributes #0 = {{ nounwind "prefer-vector-width"="{width}" }}'
        return "\n".join([*module.declares, *module.functions, main, attributes, ""])


def _entry(body: Body, table: str, k: int) -> str:
    return body.assign(f"getelementptr ptr, ptr {table}, i64 {k}")


def _load(body: Body, table: str, k: int) -> str:
    return body.assign(f"load ptr, ptr {_entry(body, table, k)}")


def build(graph: Graph, target: Target, host: HostFunction, watch_at: int = 0) -> Program:
    """The program of a fused graph with known extents.

    Args:
        graph: fused, as `ir/passes/fuse.py` leaves it.
        target: what to generate code for.
        host: makes the functions of host steps.
        watch_at: address of a C function `void (ptr bufs, i64 step)` that is called after each step; 0 for none.
    """
    return _Planner(graph, target, host, watch_at).run()

