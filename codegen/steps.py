"""The steps of a program: kernels, matrix products, copies and host steps, each as LLVM text; it plans no memory."""

from __future__ import annotations

from ..ir.graph import Node
from ..ir.records import dataclass
from ..ir.scalar import Scalar
from . import pool
from .body import Body
from .kernel import KernelWriter
from .lower import Check
from .mark import Mark
from .module import PARALLEL_NS, Module, Scratch, buffer_pointer, parallel, sized
from .nest import Nest
from .plan import Storage, Use
from .product_step import GemmStep
from .scalar_step import ScalarLoopStep
from .schedule import Schedule, costs, schedule, total
from .sort_step import SortStep
from .target import THREADS, Target


@dataclass(frozen=True, slots=True)
class KernelStep:
    """A nest; `storages[b]` is what its buffer b lies in."""

    nest: Nest
    checks: tuple[Check, ...]
    storages: dict[int, Storage]

    def use(self) -> Use:
        """What it reads and writes."""
        writes = dict.fromkeys(self.storages[s.buffer] for s in self.nest.stores)
        loaded = [self.storages[_buffer(e)] for e in self.nest.walk() if e.prim == "load"]
        reads = dict.fromkeys(s for s in loaded if s not in writes)
        return Use(tuple(reads), tuple(writes), self._alike(), may_fail=bool(self.checks))

    def _alike(self) -> tuple[tuple[Storage, Storage], ...]:
        """Pairs of which each element is read just before, and only before, the same one is written."""
        addresses: dict[int, set[Scalar]] = {}
        for e in self.nest.walk():
            if e.prim == "load":
                addresses.setdefault(_buffer(e), set()).add(e.args[0])
        for r in self.nest.reductions:
            for e in _loads(r.body):
                addresses.pop(_buffer(e), None)
        found = []
        for store in self.nest.stores:
            if store.ordered or store.combine:
                continue
            for read, places in addresses.items():
                same_size = self.nest.dtypes[read].itemsize == self.nest.dtypes[store.buffer].itemsize
                if same_size and places == {store.address}:
                    found.append((self.storages[read], self.storages[store.buffer]))
        return tuple(found)

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write the kernel and its launch; the status operand when it can fail."""
        if 0 in self.nest.domain:
            return None
        nest = self.nest
        plan = schedule(nest, module.target)
        name = f"k{k}.{nest.name}"
        width = module.target.vector_bytes
        table = module.table
        known = nest.is_static and not any(e.prim == "size" for e in nest.walk())
        symbols = () if known else table.symbols
        writer = KernelWriter(
            nest, plan, module.declares, numbers={b: s.number for b, s in self.storages.items()},
            first_check=len(module.checks), symbols=symbols, sizes_buffer=table.buffer, width=width,
            has_f16=module.target.has_f16,
        )  # fmt: skip
        module.functions.append(writer.write(name, "#0"))
        module.checks.extend(self.checks)
        status = _launch(module, body, name, plan, nest)
        return status if self.checks else None

    def show(self, target: Target) -> str:
        """The nest and its schedule as text."""
        plan = schedule(self.nest, target)
        loops = f"{plan.columns} columns" if plan.columns else f"{plan.lanes} lanes" if plan.lanes else "rows"
        about = f"about {plan.cost:.0f} ns" if plan.cost is not None else "extents of the call"
        return f"; {loops}, blocks of {plan.block}, {about}\n{self.nest}"


def _loads(root: Scalar) -> list[Scalar]:
    found: list[Scalar] = []
    seen: set[Scalar] = set()
    stack = [root]
    while stack:
        e = stack.pop()
        if e not in seen:
            seen.add(e)
            stack.extend(e.args)
            if e.prim == "load":
                found.append(e)
    return found


def _buffer(load_: Scalar) -> int:
    assert isinstance(load_.payload, int)
    return load_.payload


def _launch(module: Module, body: Body, name: str, plan: Schedule, nest: Nest) -> str:
    if plan.cost is None:
        return _launch_by_size(module, body, name, plan, nest)
    tasks, cost = plan.tasks(nest, {}), plan.cost
    module.costs.append(lambda sizes: cost)
    if cost < PARALLEL_NS or tasks == 1 or plan.serial:
        return body.assign(f"call i64 @{name}(ptr %bufs, i64 0, i64 {tasks})")
    return _shared(module, body, name, str(tasks), str(_grain(tasks, cost)))


def _launch_by_size(module: Module, body: Body, name: str, plan: Schedule, nest: Nest) -> str:
    """A launch whose number of tasks depends on the sizes of the call."""
    parts = costs(nest)
    module.costs.append(lambda sizes: total(parts, sizes))
    tasks = module.table.number(body, lambda sizes, _: plan.tasks(nest, sizes))
    if plan.serial:
        return body.assign(f"call i64 @{name}(ptr %bufs, i64 0, i64 {tasks})")
    grain = module.table.number(body, lambda sizes, _: _grain(plan.tasks(nest, sizes), total(parts, sizes)))
    return _shared(module, body, name, tasks, grain)


def _grain(tasks: int, cost: float) -> int:
    """How many tasks a thread takes at a time; all of them where they are little work."""
    if cost < PARALLEL_NS:
        return max(tasks, 1)
    return max(1, int(tasks * PARALLEL_NS / 2 / cost), -(-tasks // (16 * THREADS)))


def _shared(module: Module, body: Body, name: str, tasks: str, grain: str) -> str:
    parallel(module)
    return body.assign(f"call i64 @{pool.PARALLEL}(ptr @{name}, ptr %bufs, i64 {tasks}, i64 {grain})")


@dataclass(frozen=True, slots=True)
class CopyStep:
    """All bytes of one storage into another."""

    source: Storage
    to: Storage

    def use(self) -> Use:
        """What it reads and writes."""
        return Use((self.source,), (self.to,), ((self.source, self.to),))

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write the copy; nothing is copied where both lie in one place."""
        module.declares["declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"] = None
        extent = self.source.type.elements * self.source.type.dtype.itemsize
        module.costs.append(lambda sizes: sized(extent, sizes) / 10)
        nbytes = module.table.extent(body, extent)
        to, source = buffer_pointer(body, self.to), buffer_pointer(body, self.source)
        with body.if_(body.assign(f"icmp ne ptr {to}, {source}")):
            body.emit(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {nbytes}, i1 false)")
        return None

    def show(self, target: Target) -> str:
        """The copy as text."""
        return f"; copy {self.source.type}"


@dataclass(frozen=True, slots=True)
class HostStep:
    """An op without native lowering: `address` is a C function `i64 (ptr bufs)` that runs its reference."""

    node: Node
    reads: tuple[Storage, ...]
    out: Storage
    address: int

    def use(self) -> Use:
        """What it reads and writes; a host step can always fail."""
        return Use(tuple(dict.fromkeys(self.reads)), (self.out,), may_fail=True)

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write the call."""
        symbol = f"host{k}"
        module.declares[f"declare i64 @{symbol}(ptr)"] = None
        module.imports[symbol] = self.address
        module.costs.append(lambda sizes: 20_000)
        return body.assign(f"call i64 @{symbol}(ptr %bufs)")

    def show(self, target: Target) -> str:
        """The step as text, marked `host`."""
        operands = ", ".join(str(s.type) for s in self.reads)
        return f"; host {self.node.op.name}({operands}) -> {self.out.type}"


Step = KernelStep | GemmStep | SortStep | CopyStep | HostStep | ScalarLoopStep | Mark
