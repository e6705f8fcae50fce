"""Single ops as native programs whose extents arrive with the call: compiled once per op, dtypes and rank.

An op call is brought to few loops first (extents of 1 dropped, neighbouring axes merged where memory allows), so one
kernel serves many shapes. Its words are the number of tasks, the grain, the extents and the strides.
"""

from __future__ import annotations

import functools
import math
import typing
from collections.abc import Sequence

from ..ir.attrs import NO_ATTRS, Along, Attrs, Axes, Fill
from ..ir.builder import Builder
from ..ir.dtypes import DType
from ..ir.fields import fields_of
from ..ir.graph import Value
from ..ir.op import Op
from ..ir.records import dataclass, replace
from ..ir.types import Dim, Extent, Shape, TensorType
from . import gemm, jit, pool, support
from .body import Body
from .gemm_vectors import ELEMENTS
from .kernel import KernelWriter
from .lower import Check, Layout, Output, lower
from .nest import Nest
from .scan import lower_scan
from .schedule import schedule
from .target import THREADS, Target, host

Strides = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A loaded one-op program: `i64 program(ptr bufs)` over operands, then the result, then the words.

    Attributes:
        checks: the places that may fail.
        block: elements of the outermost loop in one task.
    """

    library: jit.Library
    program: int
    checks: tuple[Check, ...]
    block: int


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel and the words that make it compute one call.

    Attributes:
        scratch: bytes of scratch memory that it needs, in the buffer after the words.
        cost: rough nanoseconds on one thread.
    """

    kernel: Kernel
    words: tuple[int, ...]
    cost: float
    scratch: int = 0


def _loops(shape: Sequence[int], strides: Sequence[Strides]) -> tuple[list[int], list[list[int]]]:
    """Extents and, per operand, strides, with extents of 1 dropped and neighbours merged where all operands allow."""
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis, n in enumerate(shape):
        if n == 1:
            continue
        if sizes and all(s[-1] == n * own[axis] for s, own in zip(steps, strides, strict=True)):
            sizes[-1] *= n
            for s, own in zip(steps, strides, strict=True):
                s[-1] = own[axis]
        else:
            sizes.append(n)
            for s, own in zip(steps, strides, strict=True):
                s.append(own[axis])
    return sizes, steps


def row_major(shape: Sequence[int]) -> Strides:
    """Strides in elements of a contiguous array."""
    found = [1] * len(shape)
    for k in range(len(shape) - 2, -1, -1):
        found[k] = found[k + 1] * shape[k + 1]
    return tuple(found)


def broadcast_strides(shape: Shape, result: Sequence[int]) -> Strides:
    """Strides with which a contiguous operand is read as if it had the result's shape."""
    own = row_major([e for e in shape if isinstance(e, int)])
    padded = [0] * (len(result) - len(shape))
    extents = zip(shape, own, result[len(padded) :], strict=True)
    return (*padded, *[0 if e == 1 and r != 1 else s for e, s, r in extents])


def elementwise(op: Op, attrs: Attrs, types: Sequence[TensorType], result: TensorType) -> Call:
    """A pointwise op on contiguous operands that broadcast."""
    shape = result.static_shape
    strides = [broadcast_strides(t.shape, shape) for t in types]
    return _strided(op, attrs, tuple(t.dtype for t in types), shape, strides, [0] * len(types))


def view(identity: Op, dtype: DType, shape: Sequence[int], strides: Strides, offset: int) -> Call:
    """A copy of a strided view of one operand."""
    return _strided(identity, NO_ATTRS, (dtype,), shape, [strides], [offset])


def _strided(
    op: Op, attrs: Attrs, dtypes: tuple[DType, ...], shape: Sequence[int], strides: list[Strides], offsets: list[int]
) -> Call:
    sizes, steps = _loops(shape, [*strides, row_major(shape)])
    inner = tuple(s[-1] if sizes and s[-1] in (0, 1) else 2 for s in steps[:-1])
    moved = tuple(o != 0 for o in offsets)
    kernel = _strided_kernel(op, attrs, dtypes, len(sizes), inner, moved)
    outer = [s[k] for s in steps for k in range(len(sizes) - 1)]
    odd = [s[-1] for s, kind in zip(steps[:-1], inner, strict=True) if kind == 2 and sizes]
    words = [*sizes, *outer, *odd, *(o for o in offsets if o)]
    points = math.prod(shape)
    return Call(kernel, with_tasks(kernel, sizes, words, points), points * 0.5)


def with_tasks(kernel: Kernel, sizes: Sequence[int], words: Sequence[int], points: int) -> tuple[int, ...]:
    tasks = 1 if not sizes else -(-sizes[0] // kernel.block)
    tasks = 0 if points == 0 else tasks
    grain = max(1, tasks * 16384 // max(points, 1), -(-tasks // (16 * THREADS)))
    return (tasks, grain, *words)


@functools.lru_cache(maxsize=4096)
def _strided_kernel(
    op: Op, attrs: Attrs, dtypes: tuple[DType, ...], rank: int, inner: tuple[int, ...], moved: tuple[bool, ...]
) -> Kernel:
    symbols = Symbols()
    domain = tuple([symbols.new() for _ in range(rank)])
    count = len(dtypes)
    outer = [[symbols.new() for _ in range(rank - 1)] for _ in range(count + 1)]
    last: list[Extent] = [k if k < 2 else symbols.new() for k in inner] if rank else []
    offsets = [symbols.new() if m else 0 for m in moved]
    builder = Builder(op.name)
    params = [builder.param(TensorType(d, domain)) for d in dtypes]
    types = tuple([TensorType(d, domain) for d in dtypes])
    made = builder.emit(op, tuple(params), attrs, op.result_type(types, attrs))
    layouts = {
        p.value: Layout(k, (*outer[k], last[k]) if rank else (), offsets[k]) for k, p in enumerate(params)
    }
    out = Output(made.value, Layout(count, (*outer[count], 1) if rank else ()))
    return _finished(op.name, out, layouts, count, symbols)


class Symbols:
    """Names for the words, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def new(self) -> Dim:
        self.names.append(f"w{len(self.names)}")
        return Dim(self.names[-1])


def _finished(name: str, out: Output, layouts: dict[Value, Layout], count: int, symbols: Symbols) -> Kernel:
    """Compile a kernel over `count` operands; its words follow the result."""
    return _linked(*lower(name, [out], layouts), count, symbols)


def _linked(nest: Nest, checks: tuple[Check, ...], count: int, symbols: Symbols) -> Kernel:
    target = host()
    plan = schedule(nest, target)
    declares: dict[str, None] = {}
    used = ["tasks", "grain", *symbols.names]
    width, has_f16 = target.vector_bytes, target.has_f16
    writer = KernelWriter(
        nest, plan, declares, symbols=used, sizes_buffer=count + 1, width=width, has_f16=has_f16
    )
    text = _module(writer.write("kernel", "#0"), declares, count + 1, target)
    imports = {pool.PARALLEL: support.address(pool.PARALLEL)}
    library = jit.load(text, ["program"], imports, keep=(support.library("pool"),))
    return Kernel(library, library["program"], checks, plan.block)


def _module(function: str, declares: dict[str, None], words: int, target: Target) -> str:
    """A module whose program runs one kernel over the tasks that its words name."""
    declares[f"declare i64 @{pool.PARALLEL}(ptr, ptr, i64, i64)"] = None
    body = Body(declares)
    slot = body.assign(f"getelementptr ptr, ptr %bufs, i64 {words}")
    table = body.assign(f"load ptr, ptr {slot}")
    tasks = body.assign(f"load i64, ptr {table}")
    second = body.assign(f"getelementptr i64, ptr {table}, i64 1")
    grain = body.assign(f"load i64, ptr {second}")
    status = body.assign(f"call i64 @{pool.PARALLEL}(ptr @kernel, ptr %bufs, i64 {tasks}, i64 {grain})")
    body.emit(f"ret i64 {status}")
    main = body.function("i64 @program(ptr %bufs)", "#0")
    attributes = f'attributes #0 = {{ nounwind "prefer-vector-width"="{target.vector_bytes * 8}" }}'
    return "\n".join([*declares, function, main, attributes, ""])


_SHORT = 64
"""Reduced extents up to this get a kernel of their own: loops over them are unrolled and masked at compile time."""


def reduction(op: Op, axes: Sequence[int], source: TensorType) -> Call | None:
    """A reduction of a contiguous operand; None when all reduced axes have extent 1."""
    kinds: list[bool] = []
    sizes: list[int] = []
    for axis, n in enumerate(source.static_shape):
        if n == 1:
            continue
        if kinds and kinds[-1] == (axis in axes):
            sizes[-1] *= n
        else:
            kinds.append(axis in axes)
            sizes.append(n)
    if not any(kinds):
        return None
    reduced = math.prod([n for n, k in zip(sizes, kinds, strict=True) if k])
    short = reduced if sum(kinds) == 1 and reduced <= _SHORT else None
    kernel = _reduction_kernel(op, source.dtype, tuple(kinds), short)
    kept = [n for n, k in zip(sizes, kinds, strict=True) if not k]
    points = math.prod(kept)
    words = with_tasks(kernel, kept, [*sizes, *row_major(sizes)[:-1], *row_major(kept)[:-1]], points)
    work = points * max(reduced, 1)
    grain = max(1, words[0] * 32768 // max(work, 1), -(-words[0] // (16 * THREADS)))
    return Call(kernel, (words[0], grain, *words[2:]), work * 0.3)


@functools.lru_cache(maxsize=4096)
def _reduction_kernel(op: Op, dtype: DType, kinds: tuple[bool, ...], short: int | None) -> Kernel:
    symbols = Symbols()
    named = [symbols.new() for _ in kinds]
    sizes = tuple([short if k and short is not None else n for n, k in zip(named, kinds, strict=True)])
    strides: tuple[Extent, ...] = (*(symbols.new() for _ in kinds[1:]), 1)
    attrs = Axes(tuple(i for i, k in enumerate(kinds) if k))
    builder = Builder(op.name)
    x = builder.param(TensorType(dtype, sizes))
    made = builder.emit(op, (x,), attrs, op.result_type((x._aval,), attrs))
    kept = made._aval.ndim
    out = Layout(1, (*(symbols.new() for _ in range(kept - 1)), 1) if kept else ())
    return _finished(op.name, Output(made.value, out), {x.value: Layout(0, strides)}, 1, symbols)


_NARROW = 16
"""Extents of kept axes below this get a kernel of their own."""


def scan(op: Op, attrs: Attrs, types: Sequence[TensorType], result: TensorType) -> Call:
    """A recurrence along one axis of contiguous operands."""
    assert isinstance(attrs, Along)
    shape, axis = result.static_shape, attrs.axis
    before, along, after = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
    outer = before != 1 or after == 1
    inner = after if 0 < after < _NARROW else None
    kernel = _scan_kernel(op, attrs.reverse, tuple([t.dtype for t in types]), outer, inner)
    words = [before, along, along * after, after]
    loops = [before] if outer else [after]
    return Call(kernel, with_tasks(kernel, loops, words, result.size), result.size * 1.3)


@functools.lru_cache(maxsize=4096)
def _scan_kernel(op: Op, reverse: bool, dtypes: tuple[DType, ...], outer: bool, inner: int | None) -> Kernel:
    symbols = Symbols()
    before, along, step, after = [symbols.new() for _ in range(4)]
    last: Extent = after if inner is None else inner
    shape: Shape = (*([before] if outer else []), along, *([last] if inner != 1 else []))
    strides: tuple[Extent, ...] = (*([step] if outer else []), last, *([1] if inner != 1 else []))
    builder = Builder(op.name)
    attrs = Along(1 if outer else 0, reverse)
    params = [builder.param(TensorType(d, shape)) for d in dtypes]
    made = builder.emit(op, tuple(params), attrs, op.result_type(tuple([p._aval for p in params]), attrs))
    node = made.value.node
    assert node is not None
    values = [*[p.value for p in params], made.value]
    nest = lower_scan(node, {v: Layout(k, strides) for k, v in enumerate(values)})
    return _linked(nest, (), len(params), symbols)


def general(op: Op, attrs: Attrs, types: Sequence[TensorType], result: TensorType) -> Call | None:
    """An op that says its element at an index; None when its meaning needs known extents."""
    if (has_extents(attrs) and not isinstance(attrs, Fill)) or any(0 in t.shape for t in types):
        return None
    ranks = tuple(t.ndim for t in types)
    ones = tuple(tuple(e == 1 for e in t.shape) for t in types)
    shared = replace(attrs, shape=()) if isinstance(attrs, Fill) else attrs
    kernel = _general_kernel(op, shared, tuple(t.dtype for t in types), ranks, ones, result.dtype, result.ndim)
    if kernel is None:
        return None
    words: list[int] = []
    for t in types:
        words += [*t.static_shape, *row_major(t.static_shape)]
    shape = result.static_shape
    words += [*shape, *row_major(shape)]
    return Call(kernel, with_tasks(kernel, shape, words, result.size), result.size * 2.0)


def has_extents(attrs: Attrs) -> bool:
    """Whether attrs have fields of extents, which may differ between calls that one kernel should serve."""
    return any(Dim in _parts(hint) for hint in fields_of(type(attrs)).values())


def _parts(hint: object) -> list[object]:
    return [hint, *[part for inner in typing.get_args(hint) for part in _parts(inner)]]


@functools.lru_cache(maxsize=4096)
def _general_kernel(
    op: Op,
    attrs: Attrs,
    dtypes: tuple[DType, ...],
    ranks: tuple[int, ...],
    ones: tuple[tuple[bool, ...], ...],
    dtype: DType,
    rank: int,
) -> Kernel | None:
    symbols = Symbols()
    builder = Builder(op.name)
    layouts: dict[Value, Layout] = {}
    params = []
    for k, (kind, n) in enumerate(zip(dtypes, ranks, strict=True)):
        shape = tuple([symbols.new() for _ in range(n)])
        strides = tuple([symbols.new() for _ in range(n)])
        p = builder.param(TensorType(kind, tuple(1 if one else s for one, s in zip(ones[k], shape, strict=True))))
        layouts[p.value] = Layout(k, (*strides[:-1], 1) if n else ())
        params.append(p)
    shape = tuple([symbols.new() for _ in range(rank)])
    strides = tuple([symbols.new() for _ in range(rank)])
    if isinstance(attrs, Fill):
        attrs = replace(attrs, shape=shape)
    try:
        made = builder.emit(op, tuple(params), attrs, TensorType(dtype, shape))
        out = Output(made.value, Layout(len(params), (*strides[:-1], 1) if rank else ()))
        return _finished(op.name, out, layouts, len(params), symbols)
    except ValueError:
        return None


def product(types: Sequence[TensorType], result: TensorType) -> Call | None:
    """A matrix product; None when the batch axes of an operand do not merge into one, or there is no native code."""
    (a, b), shape = types, result.static_shape
    if result.dtype.name not in ELEMENTS:
        return None
    if a.static_shape[:-2] != shape[:-2] and math.prod(a.static_shape[:-2]) != 1:
        return None
    if b.static_shape[:-2] != shape[:-2] and math.prod(b.static_shape[:-2]) != 1:
        return None
    batch, (m, n), k = math.prod(shape[:-2]), shape[-2:], a.static_shape[-1]
    step_a = m * k if math.prod(a.static_shape[:-2]) != 1 else 0
    step_b = k * n if math.prod(b.static_shape[:-2]) != 1 else 0
    words = (step_a, k, 1, step_b, n, 1, m * n, n, batch, m, n, k)
    scratch = gemm.scratch_bytes(result.dtype.name, batch, m, n, k, rows_of_b=True)
    return Call(_product_kernel(result.dtype), words, 2.0 * batch * m * n * k / 50, scratch)


@functools.cache
def _product_kernel(dtype: DType) -> Kernel:
    symbol = gemm.symbol(dtype.name)
    parameters = ", ".join(["ptr, i64, i64, i64"] * 3 + ["i64, i64, i64, ptr, i64"])
    declares = {f"declare i64 @{symbol}({parameters})": None}
    body = Body(declares)
    pointers = []
    for k in range(5):
        slot = body.assign(f"getelementptr ptr, ptr %bufs, i64 {k}")
        pointers.append(body.assign(f"load ptr, ptr {slot}"))
    a, b, c, table, scratch = pointers
    words = []
    for k in range(12):
        slot = body.assign(f"getelementptr i64, ptr {table}, i64 {k}")
        words.append(f"i64 {body.assign(f'load i64, ptr {slot}')}")
    operands = [f"ptr {a}", *words[:3], f"ptr {b}", *words[3:6], f"ptr {c}", *words[6:]]
    given = [*operands, f"ptr {scratch}", f"i64 {THREADS}"]
    status = body.assign(f"call i64 @{symbol}({', '.join(given)})")
    body.emit(f"ret i64 {status}")
    text = "\n".join([*declares, body.function("i64 @program(ptr %bufs)"), ""])
    library = jit.load(text, ["program"], {symbol: support.address(symbol)}, keep=(support.library(dtype.name),))
    return Kernel(library, library["program"], (), 1)
