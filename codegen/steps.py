"""The steps of a program: kernels, matrix products, copies and host steps, each as LLVM text; it plans no memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..ir.graph import Node
from ..ir.scalar import Scalar, load
from . import gemm, pool, support
from .affine import rebuilt
from .body import Body
from .kernel import KernelWriter, Schedule, schedule
from .lower import Check
from .nest import Nest
from .plan import Storage, Use
from .target import THREADS, Target

_GEMM_PARAMETERS = "ptr, i64, i64, i64, ptr, i64, i64, i64, ptr, i64, i64, i64, i64, i64, i64, ptr, i64"

PARALLEL_NS = 8000.0
"""Nanoseconds of work on one thread that are worth sharing among threads."""


@dataclass(slots=True)
class Module:
    """The LLVM module of a program while steps are written into it.

    Attributes:
        imports: addresses of the symbols that it declares.
        checks: the places that may fail; status s means checks[(s & 0xffff) - 1] with report s >> 16.
        cost: rough nanoseconds of all steps on one thread.
    """

    target: Target
    declares: dict[str, None] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)
    imports: dict[str, int] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where a step's scratch memory is: the arena's pointer and an offset into it."""

    arena: str
    offset: int

    def pointer(self, body: Body) -> str:
        """The address as an operand."""
        return body.assign(f"getelementptr i8, ptr {self.arena}, i64 {self.offset}")


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
            if store.adds:
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
        nest = _renumbered(self.nest, {b: s.number for b, s in self.storages.items()})
        plan = schedule(nest, module.target)
        name = f"k{k}.{nest.name}"
        width = module.target.vector_bytes
        writer = KernelWriter(nest, plan, module.declares, first_check=len(module.checks), width=width)
        module.functions.append(writer.write(name, "#0"))
        module.checks.extend(self.checks)
        status = _launch(module, body, name, plan, nest)
        return status if self.checks else None

    def show(self, target: Target) -> str:
        """The nest and its schedule as text."""
        plan = schedule(self.nest, target)
        loops = f"{plan.columns} columns" if plan.columns else f"{plan.lanes} lanes" if plan.lanes else "rows"
        return f"; {loops}, blocks of {plan.block}, about {plan.cost or 0:.0f} ns\n{self.nest}"


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


def _renumbered(nest: Nest, numbers: dict[int, int]) -> Nest:
    """The nest over the program's buffer numbers."""
    mapping: dict[Scalar, Scalar] = {}
    for e in nest.walk():
        if e.prim == "load":
            args = tuple([mapping.get(a, a) for a in e.args])
            mapping[e] = load(e.dtype, numbers[_buffer(e)], args)
        elif any(a in mapping for a in e.args):
            mapping[e] = Scalar(e.prim, e.dtype, tuple([mapping.get(a, a) for a in e.args]), e.payload)
    moved = rebuilt(nest, {**mapping})
    stores = tuple(replace(s, buffer=numbers[s.buffer]) for s in moved.stores)
    return replace(moved, stores=stores, dtypes={numbers[b]: d for b, d in nest.dtypes.items()})


def _launch(module: Module, body: Body, name: str, plan: Schedule, nest: Nest) -> str:
    tasks = plan.tasks(nest)
    cost = plan.cost or 0.0
    module.cost += cost
    if cost < PARALLEL_NS or tasks == 1 or plan.serial:
        return body.assign(f"call i64 @{name}(ptr %bufs, i64 0, i64 {tasks})")
    grain = max(1, int(tasks * PARALLEL_NS / 2 / cost), -(-tasks // (16 * THREADS)))
    parallel(module)
    return body.assign(f"call i64 @{pool.PARALLEL}(ptr @{name}, ptr %bufs, i64 {tasks}, i64 {grain})")


def parallel(module: Module) -> None:
    """Declare the pool's entry."""
    module.declares[f"declare i64 @{pool.PARALLEL}(ptr, ptr, i64, i64)"] = None
    module.imports[pool.PARALLEL] = support.address(pool.PARALLEL)


def watch(module: Module, body: Body, address: int, k: int) -> None:
    """Call the function `void (ptr bufs, i64 step)` at an address after step k."""
    module.declares["declare void @watch(ptr, i64)"] = None
    module.imports["watch"] = address
    body.emit(f"call void @watch(ptr %bufs, i64 {k})")


@dataclass(frozen=True, slots=True)
class Matrix:
    """An operand of a matrix product: batch strides, then row and column strides, all in elements."""

    storage: Storage
    offset: int
    batch: tuple[int, ...]
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class GemmStep:
    """out = a @ b over `batch` extents; out is contiguous."""

    a: Matrix
    b: Matrix
    out: Storage
    batch: tuple[int, ...]
    m: int
    n: int
    k: int

    def use(self) -> Use:
        """What it reads and writes."""
        dtype = self.out.type.dtype.name
        inner = self._inner()[0]
        scratch = gemm.scratch_bytes(dtype, inner, self.m, self.n, self.k, rows_of_b=self.b.column == 1)
        return Use(tuple(dict.fromkeys((self.a.storage, self.b.storage))), (self.out,), scratch=scratch)

    def _inner(self) -> tuple[int, int, int, int]:
        """How many trailing batch axes run as one, their extent, and the strides of a and b along them."""
        count, stride_a, stride_b, axes = 1, 0, 0, 0
        for size, sa, sb in zip(reversed(self.batch), reversed(self.a.batch), reversed(self.b.batch), strict=True):
            if size == 1:
                axes += 1
                continue
            if count == 1:
                count, stride_a, stride_b = size, sa, sb
            elif sa == stride_a * count and sb == stride_b * count:
                count *= size
            else:
                break
            axes += 1
        return count, stride_a, stride_b, axes

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write the call; it cannot fail."""
        dtype = self.out.type.dtype
        symbol = gemm.symbol(dtype.name)
        module.imports[symbol] = support.address(symbol)
        module.declares[f"declare i64 @{symbol}({_GEMM_PARAMETERS})"] = None
        module.cost += 2.0 * self.m * self.n * self.k * _product(self.batch) / 50
        count, stride_a, stride_b, axes = self._inner()
        space = scratch.pointer(body)
        outer = self.batch[: len(self.batch) - axes]
        size = self.m * self.n
        for number in range(_product(outer)):
            offset_a, offset_b = self.a.offset, self.b.offset
            rest = number
            for axis in reversed(range(len(outer))):
                rest, at = divmod(rest, outer[axis])
                offset_a += at * self.a.batch[axis]
                offset_b += at * self.b.batch[axis]
            pointers = [
                self._pointer(body, s, o)
                for s, o in ((self.a.storage, offset_a), (self.b.storage, offset_b), (self.out, number * count * size))
            ]
            numbers = (count, self.m, self.n, self.k)
            words = ", ".join(f"i64 {n}" for n in numbers)
            body.emit(
                f"call i64 @{symbol}(ptr {pointers[0]}, i64 {stride_a}, i64 {self.a.row}, i64 {self.a.column}, "
                f"ptr {pointers[1]}, i64 {stride_b}, i64 {self.b.row}, i64 {self.b.column}, "
                f"ptr {pointers[2]}, i64 {size}, i64 {self.n}, {words}, ptr {space}, i64 {THREADS})"
            )
        return None

    def _pointer(self, body: Body, storage: Storage, offset: int) -> str:
        base = buffer_pointer(body, storage)
        return body.assign(f"getelementptr i8, ptr {base}, i64 {offset * storage.type.dtype.itemsize}")

    def show(self, target: Target) -> str:
        """The product as text."""
        batch = f"{'x'.join(map(str, self.batch))} times " if self.batch else ""
        return f"; matrix product, {batch}{self.m}x{self.k} @ {self.k}x{self.n}, {self.out.type.dtype}"


@dataclass(frozen=True, slots=True)
class CopyStep:
    """All bytes of one storage into another."""

    source: Storage
    to: Storage

    def use(self) -> Use:
        """What it reads and writes."""
        return Use((self.source,), (self.to,))

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write the copy."""
        module.declares["declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"] = None
        nbytes = self.source.type.nbytes
        module.cost += nbytes / 10
        to, source = buffer_pointer(body, self.to), buffer_pointer(body, self.source)
        body.emit(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {nbytes}, i1 false)")
        return None

    def show(self, target: Target) -> str:
        """The copy as text."""
        return f"; copy {self.source.type.nbytes} bytes"


@dataclass(frozen=True, slots=True)
class FillStep:
    """Zeros in all bytes of a storage."""

    to: Storage

    def use(self) -> Use:
        """What it writes."""
        return Use((), (self.to,))

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write the fill."""
        module.declares["declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)"] = None
        nbytes = self.to.type.nbytes
        module.cost += nbytes / 20
        body.emit(f"call void @llvm.memset.p0.i64(ptr {buffer_pointer(body, self.to)}, i8 0, i64 {nbytes}, i1 false)")
        return None

    def show(self, target: Target) -> str:
        """The fill as text."""
        return f"; zeros, {self.to.type.nbytes} bytes"


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
        module.cost += 20_000
        return body.assign(f"call i64 @{symbol}(ptr %bufs)")

    def show(self, target: Target) -> str:
        """The step as text, marked `host`."""
        operands = ", ".join(str(s.type) for s in self.reads)
        return f"; host {self.node.op.name}({operands}) -> {self.out.type}"


Step = KernelStep | GemmStep | CopyStep | FillStep | HostStep


def buffer_pointer(body: Body, storage: Storage) -> str:
    """The pointer that `bufs` holds for a storage."""
    slot = body.assign(f"getelementptr ptr, ptr %bufs, i64 {storage.number}")
    return body.assign(f"load ptr, ptr {slot}", "buf")


def _product(extents: Sequence[int]) -> int:
    total = 1
    for e in extents:
        total *= e
    return total


