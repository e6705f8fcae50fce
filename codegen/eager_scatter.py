"""Single ops that store at computed places, as native programs whose extents arrive with the call.

The program copies the first operand to the result, then runs the stores in order on the calling thread.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from ..ir.attrs import Attrs, Slice
from ..ir.builder import Builder
from ..ir.dtypes import DType
from ..ir.graph import Value
from ..ir.op import Op, Scatter
from ..ir.records import replace
from ..ir.types import TensorType
from . import jit
from .body import Body
from .eager import Call, Kernel, Symbols, has_extents, row_major
from .kernel import KernelWriter
from .lower import Layout
from .scatter import scattered
from .schedule import schedule
from .target import host


def scatter(op: Op, attrs: Attrs, types: Sequence[TensorType], result: TensorType) -> Call | None:
    """An op with a `Scatter` lowering; None when its meaning needs known extents, or there are no elements."""
    rule = op.lowering
    assert isinstance(rule, Scatter)
    domain = rule.domain(attrs, tuple(types))
    if (has_extents(attrs) and not isinstance(attrs, Slice)) or any(0 in t.shape for t in types) or 0 in domain:
        return None
    shared = replace(attrs, starts=(), extents=()) if isinstance(attrs, Slice) else attrs
    ones = tuple(tuple(e == 1 for e in t.shape) for t in types)
    kernel = _kernel(op, shared, tuple(t.dtype for t in types), ones, len(domain))
    sizes = [e for e in domain if isinstance(e, int)]
    words = [result.nbytes, *sizes]
    for t in types:
        words += [*t.static_shape, *row_major(t.static_shape)]
    if isinstance(attrs, Slice):
        words += [s for s in attrs.starts if isinstance(s, int)]
    tasks = -(-sizes[0] // kernel.block) if sizes else 1
    return Call(kernel, (tasks, *words), math.prod(sizes) * 1.0 + result.nbytes / 10)


@functools.lru_cache(maxsize=4096)
def _kernel(
    op: Op, attrs: Attrs, dtypes: tuple[DType, ...], ones: tuple[tuple[bool, ...], ...], rank: int
) -> Kernel:
    symbols = Symbols()
    symbols.new()
    domain = tuple([symbols.new() for _ in range(rank)])
    builder = Builder(op.name)
    layouts: dict[Value, Layout] = {}
    params = []
    for k, (dtype, alone) in enumerate(zip(dtypes, ones, strict=True)):
        shape = tuple([symbols.new() for _ in alone])
        strides = tuple([symbols.new() for _ in alone])
        p = builder.param(TensorType(dtype, tuple(1 if one else s for one, s in zip(alone, shape, strict=True))))
        layouts[p.value] = Layout(k, (*strides[:-1], 1) if alone else ())
        params.append(p)
    if isinstance(attrs, Slice):
        attrs = replace(attrs, starts=tuple([symbols.new() for _ in ones[0]]), extents=domain)
    count = len(params)
    made = builder.emit(op, tuple(params), attrs, params[0]._aval).value
    assert made.node is not None
    out = replace(layouts[params[0].value], buffer=count)
    nest, checks = scattered(made.node, domain, layouts, out)
    target = host()
    # Elements that go to different places could be shared among threads; here few enough come with one call.
    plan = replace(schedule(nest, target), serial=True)
    declares: dict[str, None] = {"declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)": None}
    used = ["tasks", *symbols.names]
    writer = KernelWriter(nest, plan, declares, symbols=used, sizes_buffer=count + 1, width=target.vector_bytes)
    kernel = writer.write("kernel", "#0")
    body = Body(declares)
    source, to, table = (_load(body, "ptr", "%bufs", k) for k in (0, count, count + 1))
    tasks, nbytes = (_load(body, "i64", table, k) for k in (0, 1))
    body.emit(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {nbytes}, i1 false)")
    body.emit(f"ret i64 {body.assign(f'call i64 @kernel(ptr %bufs, i64 0, i64 {tasks})')}")
    main = body.function("i64 @program(ptr %bufs)", "#0")
    attributes = f'attributes #0 = {{ nounwind "prefer-vector-width"="{target.vector_bytes * 8}" }}'
    library = jit.load("\n".join([*declares, kernel, main, attributes, ""]), ["program"], {})
    return Kernel(library, library["program"], checks, plan.block)


def _load(body: Body, kind: str, table: str, k: int) -> str:
    slot = body.assign(f"getelementptr {kind}, ptr {table}, i64 {k}")
    return body.assign(f"load {kind}, ptr {slot}")
