"""The matrix product C = A B as native code, one library per dtype for all extents and strides; it knows no
tensor.

The order of sums is part of the meaning (same bits on any number of threads, any blocking, any target):
- out[m, n]: acc = +0.0, then acc = fma(a[k], b[k], acc) for k ascending. M and N are tiled and shared among
  threads, k never; between blocks of k the accumulators are kept in C.
- K above SEGMENT: segments of SEGMENT, each such a chain, added in order.
- Fewer than FEW outputs per batch entry: the products, rounded, summed in order T8 (see gemm_dot).
- K = 0 gives +0.0. Integers wrap, so their order is free.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..ir.records import dataclass, replace
from . import gemm_job as job
from . import words as w
from .body import Body
from .gemm_dot import CHUNK, dot
from .gemm_micro import columns_kernel, kernels, rows_kernel
from .gemm_pack import pack, pack_rows, pack_tasks
from .gemm_tasks import Layout, add_tasks, tile_tasks
from .gemm_vectors import ELEMENTS, Tile, columns_tile, row_tile, tile_for
from .target import Target, host

FEW = 16
SEGMENT = 8192

# Tasks per thread that share work evenly enough.
_TASKS_PER_THREAD = 4
# What is worth waking other threads for, about 8 microseconds each: multiply-adds; links packed, times
# panels; links summed; outputs added.
_WORTH, _WORTH_PACKING, _WORTH_SUMMING, _WORTH_ADDING = 400_000, 1_024, 65_536, 32_768


@dataclass(frozen=True, slots=True)
class Blocking:
    """Sizes of blocks, in elements of their axis.

    Attributes:
        depth: links of the chain that run over a block of tiles before the next ones.
        columns: columns of B that are packed at a time.
        task_rows, task_columns: the largest part of C that one task computes.
        budget: elements of packed B that a group of batch entries may take together.
        near, narrow: elements and columns of B above which it is packed even where its rows are contiguous: a
        panel
            then touches fewer pages and cache sets.
        few: rows of C up to which that does not pay.
    """

    depth: int
    columns: int
    task_rows: int
    task_columns: int
    budget: int
    near: int
    narrow: int
    few: int


def blocking_for(tile: Tile) -> Blocking:
    """The blocking for a tile: what a task works on fits the second-level cache, a packed block the third."""
    return Blocking(512, 85 * tile.width, 15 * tile.rows, 10 * tile.width, 1 << 20, 1 << 20, 2048, 256)


def symbol(dtype: str) -> str:
    """Name of the native function for a dtype (float32, float64, int32, int64); KeyError for another.

    i64 f(ptr A, i64 sAb, i64 sAm, i64 sAk, ptr B, i64 sBb, i64 sBk, i64 sBn, ptr C, i64 sCb, i64 ldc,
          i64 batch, i64 M, i64 N, i64 K, ptr scratch, i64 threads) returns 0. Strides are in elements and may
          be
    anything for A and B (a batch stride of 0 broadcasts); C has unit column stride and overlaps no operand.
    """
    return f"litho_gemm_{ELEMENTS[dtype].name}"


def scratch_bytes(
    dtype: str, batch: int, m: int, n: int, k: int, target: Target | None = None, *, rows_of_b: bool = False
) -> int:
    """Bytes of scratch memory, aligned to 64, that a product of these extents may need.

    Args:
        dtype: float32, float64, int32 or int64; KeyError for another.
        batch, m, n, k: extents, all >= 0.
        target: the target; the host by default.
        rows_of_b: whether it is known that B's rows are contiguous (sBn = 1); most products then need none.
    """
    element = ELEMENTS[dtype]
    if 0 in (batch, m, n, k):
        return 0
    if m * n < FEW:
        return batch * m * n * -(-k // CHUNK) * element.size
    tile = tile_for(target or host(), element)
    blocking = blocking_for(tile)
    near = n <= blocking.narrow and n * k <= blocking.near
    if rows_of_b and n > 1 and k <= SEGMENT and (near or m <= blocking.few):
        return 0
    packed = _packed_elements(tile, batch, n, k)
    if n == 1:
        packed = max(packed, _packed_elements(tile, batch, m, k))
    return (packed + (batch * m * n if k > SEGMENT else 0)) * element.size


def _packed_elements(tile: Tile, batch: int, n: int, k: int) -> int:
    blocking = blocking_for(tile)
    block = -(-min(n, blocking.columns) // tile.lanes) * tile.lanes * min(k, blocking.depth)
    return min(batch, max(1, blocking.budget // block)) * block


def _packed(f: Body, tile: Tile, blocking: Blocking) -> tuple[str, str]:
    """Batch entries packed together, and elements of their packed B; the twin of `_packed_elements`."""
    columns = w.round_up(f, w.least(f, job.field(f, "N"), blocking.columns), tile.lanes)
    block = w.mul(f, columns, w.least(f, "%K", blocking.depth))
    group = w.least(f, "%batch", w.most(f, w.div(f, blocking.budget, block), 1))
    return group, w.mul(f, group, block)


def _launch(f: Body, tasks: str, n: str, worth: str) -> None:
    """Run tasks 0..n, shared among threads when `worth` (an i1) holds and the caller allows threads."""
    allowed = w.both(f, worth, w.compare(f, "sgt", "%threads", 1))
    grain = w.select(f, allowed, 1, w.most(f, n, 1))
    f.emit(f"call i64 @litho_parallel(ptr @{tasks}, ptr %job, i64 {n}, i64 {grain})")


def _cut(f: Body, extent: str, pieces: str, unit: int, most: int) -> str:
    """The length of each piece when `extent` is cut into at least so many, whole units long."""
    return w.least(f, w.round_up(f, w.ceil_div(f, extent, pieces), unit), most)


def _share(f: Body, tile: Tile, blocking: Blocking, tasks: str, batches: str) -> None:
    """Cut the rows and columns under way into tasks, the axis with more tiles first, and launch them."""
    rows, columns, depth = (job.field(f, x) for x in ("rows", "columns", "depth"))
    worth = w.compare(f, "sgt", w.mul(f, w.mul(f, rows, columns), w.mul(f, depth, batches)), _WORTH)
    shared = w.both(f, worth, w.compare(f, "sgt", "%threads", 1))
    pieces = w.select(f, shared, w.ceil_div(f, w.mul(f, "%threads", _TASKS_PER_THREAD), batches), 1)
    wide = w.compare(f, "sgt", w.ceil_div(f, columns, tile.width), w.ceil_div(f, rows, tile.rows))
    of_rows, of_columns = (rows, tile.rows, blocking.task_rows), (columns, tile.width, blocking.task_columns)
    with f.if_(wide) as branch:
        length = _cut(f, columns, pieces, *of_columns[1:])
        rest = w.ceil_div(f, pieces, w.ceil_div(f, columns, length))
        job.update(f, taskColumns=length, taskRows=_cut(f, rows, rest, *of_rows[1:]))
        branch.otherwise()
        length = _cut(f, rows, pieces, *of_rows[1:])
        rest = w.ceil_div(f, pieces, w.ceil_div(f, rows, length))
        job.update(f, taskRows=length, taskColumns=_cut(f, columns, rest, *of_columns[1:]))
    row_tasks = w.ceil_div(f, rows, job.field(f, "taskRows"))
    column_tasks = w.ceil_div(f, columns, job.field(f, "taskColumns"))
    job.update(f, rowTasks=row_tasks, columnTasks=column_tasks)
    _launch(f, tasks, w.mul(f, batches, w.mul(f, row_tasks, column_tasks)), shared)


def _packed_segment(f: Body, tile: Tile, blocking: Blocking, segment: str, length: str) -> None:
    """One segment of k with B in panels: groups of batch entries, blocks of columns, blocks of k."""
    m, n = job.field(f, "M"), job.field(f, "N")
    group, _ = _packed(f, tile, blocking)
    job.update_pointer(f, "packed", "%scratch")
    job.update(f, rows=m)
    with f.loop(0, "%batch", group) as entry, f.loop(0, n, blocking.columns) as column:
        batches = w.least(f, w.sub(f, "%batch", entry.index), group)
        columns = w.least(f, w.sub(f, n, column.index), blocking.columns)
        shared = w.compare(f, "eq", job.field(f, "sBb"), 0)
        packed_batch, panels = w.select(f, shared, 1, batches), w.ceil_div(f, columns, tile.width)
        job.update(
            f, b0=entry.index, column=column.index, columns=columns, packedBatch=packed_batch, panels=panels
        )
        with f.loop(0, length, blocking.depth) as block:
            depth = w.least(f, w.sub(f, length, block.index), blocking.depth)
            job.update(f, k0=w.add(f, segment, block.index), depth=depth, resumed=block.index)
            tasks = w.mul(f, packed_batch, panels)
            _launch(f, "pack_tasks", tasks, w.compare(f, "sgt", w.mul(f, depth, tasks), _WORTH_PACKING))
            _share(f, tile, blocking, "panels_tasks", batches)


def _direct_segment(f: Body, tile: Tile, blocking: Blocking, tasks: str, segment: str, length: str) -> None:
    """One segment of k with B read where it is."""
    m, n = job.field(f, "M"), job.field(f, "N")
    job.update(f, b0=0, rows=m, column=0, columns=n, k0=segment, depth=length, resumed=0)
    _share(f, tile, blocking, tasks, "%batch")


def _segments(f: Body, tile: Tile, blocking: Blocking) -> None:
    """The chains over k, in segments."""
    m, n = job.field(f, "M"), job.field(f, "N")
    row, turned = row_tile(tile), columns_tile(tile)
    rows_of_b = w.compare(f, "eq", job.field(f, "sBn"), 1)
    narrow = w.compare(f, "sle", n, blocking.narrow)
    near = w.both(f, narrow, w.compare(f, "sle", w.mul(f, n, "%K"), blocking.near))
    flat = w.compare(f, "sle", m, blocking.few)
    columns_of_b = w.compare(f, "eq", job.field(f, "sBk"), 1)
    low = w.compare(f, "sle", m, turned.rows)
    ways = (
        (w.both(f, rows_of_b, w.compare(f, "eq", m, 1)), row, "row_tasks", 64 * row.width),
        (w.both(f, rows_of_b, w.either(f, near, flat)), tile, "rows_tasks", blocking.task_columns),
        (w.both(f, columns_of_b, low), turned, "columns_tasks", 64 * turned.width),
    )
    outputs = w.mul(f, w.mul(f, m, n), "%batch")
    with f.loop(0, "%K", SEGMENT) as segment:
        length = w.least(f, w.sub(f, "%K", segment.index), SEGMENT)
        later = w.compare(f, "sgt", segment.index, 0)
        # After the first segment, tiles go to scratch, behind packed B, and are then added to C.
        partial = w.at(f, "%scratch", _packed(f, tile, blocking)[1], tile.element.type)
        job.update_pointer(f, "to", w.select_ptr(f, later, partial, "%C"))
        entry, across = w.select(f, later, w.mul(f, m, n), "%sCb"), w.select(f, later, n, "%ldc")
        job.update(f, toBatch=entry, toRow=across)
        end = f.fresh_label("end")
        for condition, part, tasks, most in ways:
            with f.if_(condition):
                _direct_segment(f, part, replace(blocking, task_columns=most), tasks, segment.index, length)
                f.emit(f"br label %{end}")
                f.label(f.fresh_label("unreached"))
        _packed_segment(f, tile, blocking, segment.index, length)
        f.emit(f"br label %{end}")
        f.label(end)
        with f.if_(later):
            _launch(f, "add_tasks", w.mul(f, "%batch", m), w.compare(f, "sgt", outputs, _WORTH_ADDING))


@contextmanager
def _returning_if(f: Body, condition: str) -> Iterator[None]:
    """What is written inside runs and returns where `condition` holds."""
    with f.if_(condition):
        yield
        f.emit("ret i64 0")
        f.label(f.fresh_label("unreached"))


def _columns_as_row(f: Body) -> None:
    """A product with one column, contiguous in C, becomes its transpose: a row of outputs."""
    swap = w.both(f, w.compare(f, "eq", "%N", 1), w.compare(f, "eq", "%ldc", 1))
    with f.if_(swap):
        job.update_pointer(f, "A", "%B")
        job.update_pointer(f, "B", "%A")
        job.update(f, sAb="%sBb", sAm="%sBn", sAk="%sBk", sBb="%sAb", sBk="%sAk", sBn="%sAm", M=1, N="%M")


def _entry(declares: dict[str, None], tile: Tile, blocking: Blocking) -> str:
    """The exported function: fills in the job and chooses among the orders of sums by the extents alone."""
    f = Body(declares)
    e = tile.element
    f.emit(f"%job = alloca i64, i64 {job.WORDS}, align 64")
    for name in job.ARGUMENTS:
        w.put(f, f"%{name}", job.slot(f, name), "ptr" if name in job.POINTERS else "i64")
    size = w.mul(f, "%M", "%N")
    outputs = w.mul(f, size, "%batch")
    with _returning_if(f, w.compare(f, "sle", outputs, 0)):
        pass
    with (
        _returning_if(f, w.compare(f, "sle", "%K", 0)),
        f.loop(0, "%batch") as b,
        f.loop(0, "%M") as i,
        f.loop(0, "%N") as j,
    ):
        offset = w.add(f, job.dot_product(f, (b.index, "%sCb"), (i.index, "%ldc")), j.index)
        w.put(f, e.zero, w.at(f, "%C", offset, e.type), e.type, e.size)
    with _returning_if(f, w.compare(f, "slt", size, FEW)):
        chunks = w.ceil_div(f, "%K", CHUNK)
        job.update(f, chunks=chunks)
        job.update_pointer(f, "partial", "%scratch")
        worth = w.compare(f, "sgt", w.mul(f, outputs, "%K"), _WORTH_SUMMING)
        _launch(f, "dot_tasks", w.mul(f, outputs, chunks), worth)
        f.emit("call void @dot_join(ptr %job)")
    _columns_as_row(f)
    _segments(f, tile, blocking)
    f.emit("ret i64 0")
    arguments = (*job.ARGUMENTS, "scratch", "threads")
    signature = ", ".join(f"{'ptr' if name in job.POINTERS else 'i64'} %{name}" for name in arguments)
    return f.function(f"i64 @litho_gemm_{e.name}({signature})", job.ATTRIBUTES)


def support_text(dtype: str, target: Target) -> str:
    """The LLVM module of one dtype; it exports `symbol(dtype)` and imports litho_parallel."""
    element = ELEMENTS[dtype]
    tile = tile_for(target, element)
    row, turned = row_tile(tile), columns_tile(tile)
    blocking = blocking_for(tile)
    declares: dict[str, None] = {"declare i64 @litho_parallel(ptr, ptr, i64, i64)": None}
    parts = [
        kernels(declares, tile, "rows", sorted({1, 2, 4, tile.rows}), rows_kernel),
        kernels(declares, row, "row", (1,), rows_kernel),
        kernels(declares, turned, "columns", sorted({1, 2, turned.rows}), columns_kernel),
        pack(declares, tile),
        pack_rows(declares, tile),
        pack_tasks(declares, tile),
        tile_tasks(declares, tile, "panels_tasks", "rows", Layout.PANELS, blocking.depth),
        tile_tasks(declares, tile, "rows_tasks", "rows", Layout.ROWS, blocking.depth),
        tile_tasks(declares, row, "row_tasks", "row", Layout.ROWS, 16),
        tile_tasks(declares, turned, "columns_tasks", "columns", Layout.COLUMNS, SEGMENT),
        add_tasks(declares, tile),
        dot(declares, element),
        _entry(declares, tile, blocking),
    ]
    return "\n".join([*declares, *parts])
