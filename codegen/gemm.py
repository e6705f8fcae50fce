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

from dataclasses import dataclass

from . import words as w
from .body import Body, Operand
from .gemm_dot import CHUNK, dot
from .gemm_micro import ELEMENTS, Tile, kernels, lane_mask, load, pack, store, tile_for
from .target import Target, host

FEW = 16
SEGMENT = 8192

_ARGUMENTS = ("A", "sAb", "sAm", "sAk", "B", "sBb", "sBk", "sBn", "C", "sCb", "ldc", "batch", "M", "N", "K")
_POINTERS = ("A", "B", "C", "scratch")
_DERIVED = (
    "chunks",
    "partial",
    "packedA",
    "packedB",
    "b0",
    "batches",
    "column",
    "columns",
    "row",
    "rows",
    "k0",
    "depth",
    "first",
    "taskRows",
    "taskColumns",
    "rowTasks",
    "columnTasks",
    "panelsA",
    "panelsB",
    "batchA",
    "batchB",
    "to",
    "toBatch",
    "toRow",
)
_FIELDS = _ARGUMENTS + _DERIVED


@dataclass(frozen=True, slots=True)
class Blocking:
    """Sizes of blocks, in elements of their axis.

    Attributes:
        depth: k of a packed block.
        rows: rows of A that are packed at a time.
        columns: columns of B that are packed at a time.
        task_rows, task_columns: the part of C that one task computes.
        budget: elements of packed operands that a group of batch entries may take together.
    """

    depth: int
    rows: int
    columns: int
    task_rows: int
    task_columns: int
    budget: int


def blocking_for(tile: Tile) -> Blocking:
    """The blocking for a tile: a task's operands fit the second-level cache, a packed block the third."""
    depth = 384 if tile.element.size == 4 else 256
    return Blocking(depth, 288 * tile.rows, 85 * tile.width, 15 * tile.rows, 10 * tile.width, 1 << 20)


def symbol(dtype: str) -> str:
    """Name of the native function for a dtype (float32, float64, int32, int64); KeyError for another."""
    return f"litho_gemm_{ELEMENTS[dtype].name}"


def scratch_bytes(dtype: str, batch: int, m: int, n: int, k: int, target: Target | None = None) -> int:
    """Bytes of scratch memory, aligned to 64, that a product of these extents may need.

    Args:
        dtype: float32, float64, int32 or int64; KeyError for another.
        batch, m, n, k: extents, all >= 0.
        target: the target; the host by default.
    """
    element = ELEMENTS[dtype]
    if 0 in (batch, m, n, k):
        return 0
    if m * n < FEW:
        return batch * m * n * -(-k // CHUNK) * element.size
    tile = tile_for(target or host(), element)
    blocking = blocking_for(tile)
    deep = min(k, blocking.depth)
    packed_a = -(-min(m, blocking.rows) // tile.rows) * tile.panel * deep
    packed_b = -(-min(n, blocking.columns) // tile.lanes) * tile.lanes * deep
    group = min(batch, max(1, blocking.budget // (packed_a + packed_b)))
    segment = batch * m * n if k > SEGMENT else 0
    return (group * (packed_a + packed_b) + segment) * element.size


def _slot(f: Body, name: str) -> str:
    return w.at(f, "%job", _FIELDS.index(name), "i64")


def _field(f: Body, name: str) -> str:
    return w.get(f, _slot(f, name))


def _pointer(f: Body, name: str) -> str:
    return w.get(f, _slot(f, name), "ptr")


def _set(f: Body, name: str, value: Operand) -> None:
    w.put(f, value, _slot(f, name))


def _sum(f: Body, *terms: str) -> str:
    total = terms[0]
    for term in terms[1:]:
        total = w.add(f, total, term)
    return total


def _pack_tasks(declares: dict[str, None], tile: Tile) -> str:
    """A task packs one panel: first all of B's, then all of A's."""
    f = Body(declares)
    t = tile.element.type
    with f.loop("%lo", "%hi") as task:
        panels_a, panels_b, depth = _field(f, "panelsA"), _field(f, "panelsB"), _field(f, "depth")
        k0, b0 = _field(f, "k0"), _field(f, "b0")
        of_b = w.mul(f, panels_b, _field(f, "batchB"))
        with f.if_(w.compare(f, "slt", task.index, of_b)) as branch:
            entry, panel = w.div(f, task.index, panels_b), w.rem(f, task.index, panels_b)
            column = w.mul(f, panel, tile.width)
            left = w.sub(f, _field(f, "columns"), column)
            count = w.least(f, left, tile.width)
            ld = w.round_up(f, count, tile.lanes)
            size = w.mul(f, w.round_up(f, _field(f, "columns"), tile.lanes), depth)
            to = w.at(f, _pointer(f, "packedB"), w.add(f, w.mul(f, entry, size), w.mul(f, column, depth)), t)
            inner, outer = _field(f, "sBk"), _field(f, "sBn")
            source = _sum(
                f,
                w.mul(f, w.add(f, b0, entry), _field(f, "sBb")),
                w.mul(f, k0, inner),
                w.mul(f, w.add(f, _field(f, "column"), column), outer),
            )
            base = w.at(f, _pointer(f, "B"), source, t)
            with f.loop(0, count, tile.lanes) as vector:
                here = w.at(f, to, vector.index, t)
                there = w.at(f, base, w.mul(f, vector.index, outer), t)
                rest = w.sub(f, count, vector.index)
                f.emit(
                    f"call void @pack_{tile.lanes}(ptr {here}, i64 {ld}, ptr {there}, "
                    f"i64 {outer}, i64 {inner}, "
                    f"i64 {rest}, i64 {depth})"
                )
            branch.otherwise()
            number = w.sub(f, task.index, of_b)
            entry, panel = w.div(f, number, panels_a), w.rem(f, number, panels_a)
            row = w.mul(f, panel, tile.rows)
            count = w.least(f, w.sub(f, _field(f, "rows"), row), tile.rows)
            to = w.at(f, _pointer(f, "packedA"), w.mul(f, w.mul(f, number, tile.panel), depth), t)
            outer, inner = _field(f, "sAm"), _field(f, "sAk")
            source = _sum(
                f,
                w.mul(f, w.add(f, b0, entry), _field(f, "sAb")),
                w.mul(f, k0, inner),
                w.mul(f, w.add(f, _field(f, "row"), row), outer),
            )
            base = w.at(f, _pointer(f, "A"), source, t)
            f.emit(
                f"call void @pack_{tile.panel}(ptr {to}, i64 {tile.panel}, ptr {base}, "
                f"i64 {outer}, i64 {inner}, "
                f"i64 {count}, i64 {depth})"
            )
    f.emit("ret i64 0")
    return f.function("internal i64 @pack_tasks(ptr %job, i64 %lo, i64 %hi)", "nounwind")


def _tile_tasks(declares: dict[str, None], tile: Tile) -> str:
    """A task computes one part of C, taskRows x taskColumns, for one batch entry and one block of k, from
    panels.
    """
    f = Body(declares)
    t = tile.element.type
    with f.loop("%lo", "%hi") as task:
        row_tasks, column_tasks = _field(f, "rowTasks"), _field(f, "columnTasks")
        entry = w.div(f, task.index, w.mul(f, row_tasks, column_tasks))
        within = w.rem(f, task.index, w.mul(f, row_tasks, column_tasks))
        depth, first, ldc = _field(f, "depth"), _field(f, "first"), _field(f, "toRow")
        i0 = w.mul(f, w.rem(f, within, row_tasks), _field(f, "taskRows"))
        j0 = w.mul(f, w.div(f, within, row_tasks), _field(f, "taskColumns"))
        i1 = w.least(f, w.add(f, i0, _field(f, "taskRows")), _field(f, "rows"))
        j1 = w.least(f, w.add(f, j0, _field(f, "taskColumns")), _field(f, "columns"))
        one_a = w.compare(f, "eq", _field(f, "batchA"), 1)
        one_b = w.compare(f, "eq", _field(f, "batchB"), 1)
        size_a = w.mul(f, w.mul(f, _field(f, "panelsA"), tile.panel), depth)
        size_b = w.mul(f, w.round_up(f, _field(f, "columns"), tile.lanes), depth)
        a0 = w.at(f, _pointer(f, "packedA"), w.mul(f, w.select(f, one_a, 0, entry), size_a), t)
        b0 = w.at(f, _pointer(f, "packedB"), w.mul(f, w.select(f, one_b, 0, entry), size_b), t)
        to = w.add(f, w.mul(f, w.add(f, _field(f, "b0"), entry), _field(f, "toBatch")), _field(f, "column"))
        c0 = w.at(f, _pointer(f, "to"), w.add(f, to, w.mul(f, _field(f, "row"), ldc)), t)
        with f.loop(j0, j1, tile.width) as column:
            count = w.least(f, w.sub(f, j1, column.index), tile.width)
            vectors = w.ceil_div(f, count, tile.lanes)
            b = w.at(f, b0, w.mul(f, column.index, depth), t)
            bk = w.mul(f, vectors, tile.lanes)
            c1 = w.at(f, c0, column.index, t)
            with f.loop(i0, i1, tile.rows) as row:
                rows = w.least(f, w.sub(f, i1, row.index), tile.rows)
                panel = w.mul(f, w.div(f, row.index, tile.rows), tile.panel)
                a = w.at(f, a0, w.mul(f, panel, depth), t)
                c = w.at(f, c1, w.mul(f, row.index, ldc), t)
                number = w.add(f, w.mul(f, w.sub(f, rows, 1), tile.vectors), w.sub(f, vectors, 1))
                kernel = w.get(f, w.at(f, "@packed", number, "ptr"), "ptr")
                f.emit(
                    f"call void {kernel}(ptr {a}, i64 0, i64 0, ptr {b}, i64 {bk}, ptr {c}, "
                    f"i64 {ldc}, i64 {depth}, "
                    f"i64 {first}, i64 {count})"
                )
    f.emit("ret i64 0")
    return f.function("internal i64 @tile_tasks(ptr %job, i64 %lo, i64 %hi)", "nounwind")


def _add_tasks(declares: dict[str, None], tile: Tile) -> str:
    """A task adds one row of a later segment to its row of C."""
    f = Body(declares)
    e, v = tile.element, tile.vector
    with f.loop("%lo", "%hi") as task:
        rows, n = _field(f, "M"), _field(f, "N")
        entry, row = w.div(f, task.index, rows), w.rem(f, task.index, rows)
        offset = w.add(f, w.mul(f, entry, _field(f, "sCb")), w.mul(f, row, _field(f, "ldc")))
        to = w.at(f, _pointer(f, "C"), offset, e.type)
        source = w.at(f, _pointer(f, "to"), w.mul(f, task.index, n), e.type)
        with f.loop(0, n, tile.lanes) as loop:
            mask = lane_mask(f, tile, w.sub(f, n, loop.index))
            place = w.at(f, to, loop.index, e.type)
            held = load(f, tile, place, mask)
            more = load(f, tile, w.at(f, source, loop.index, e.type), mask)
            store(f, tile, f.assign(f"{'fadd' if e.floating else 'add'} {v} {held}, {more}"), place, mask)
    f.emit("ret i64 0")
    return f.function("internal i64 @add_tasks(ptr %job, i64 %lo, i64 %hi)", "nounwind")


def _launch(f: Body, tasks: str, n: str, worth: str) -> None:
    """Run tasks 0..n, shared among threads when `worth` (an i1) holds and the caller allows threads."""
    allowed = w.both(f, worth, w.compare(f, "sgt", "%threads", 1))
    grain = w.select(f, allowed, 1, w.most(f, n, 1))
    f.emit(f"call i64 @litho_parallel(ptr @{tasks}, ptr %job, i64 {n}, i64 {grain})")


def _packed(f: Body, tile: Tile, blocking: Blocking) -> tuple[str, str, str]:
    """Batch entries that are packed together, elements of their packed B, and elements of all; as in
    `scratch_bytes`.
    """
    deep = w.least(f, "%K", blocking.depth)
    panels = w.ceil_div(f, w.least(f, "%M", blocking.rows), tile.rows)
    a = w.mul(f, w.mul(f, panels, tile.panel), deep)
    b = w.mul(f, w.round_up(f, w.least(f, "%N", blocking.columns), tile.lanes), deep)
    both = w.add(f, a, b)
    group = w.least(f, "%batch", w.most(f, w.div(f, blocking.budget, both), 1))
    return group, w.mul(f, group, b), w.mul(f, group, both)


def _blocks(f: Body, tile: Tile, blocking: Blocking, segment: str, length: str) -> None:
    """All tiles of one segment of k, for groups of batch entries, blocks of columns, of k, of rows."""
    e = tile.element
    m, n, batch = (_field(f, x) for x in ("M", "N", "batch"))
    group, of_b, _ = _packed(f, tile, blocking)
    w.put(f, "%scratch", _slot(f, "packedB"), "ptr")
    w.put(f, w.at(f, "%scratch", of_b, e.type), _slot(f, "packedA"), "ptr")
    with f.loop(0, batch, group) as entry, f.loop(0, n, blocking.columns) as column:
        batches, columns = (
            w.least(f, w.sub(f, batch, entry.index), group),
            w.least(f, w.sub(f, n, column.index), blocking.columns),
        )
        for name, value in (
            ("b0", entry.index),
            ("batches", batches),
            ("column", column.index),
            ("columns", columns),
        ):
            _set(f, name, value)
        with f.loop(0, length, blocking.depth) as block, f.loop(0, m, blocking.rows) as row:
            depth = w.least(f, w.sub(f, length, block.index), blocking.depth)
            rows = w.least(f, w.sub(f, m, row.index), blocking.rows)
            begins = f.assign(f"zext i1 {w.compare(f, 'eq', block.index, 0)} to i64")
            # B stays packed while the rows change.
            b_shared = w.compare(f, "eq", _field(f, "sBb"), 0)
            batch_b = w.select(f, b_shared, 1, batches)
            batch_a = w.select(f, w.compare(f, "eq", _field(f, "sAb"), 0), 1, batches)
            panels_a, panels_b = w.ceil_div(f, rows, tile.rows), w.ceil_div(f, columns, tile.width)
            panels_now = w.select(f, w.compare(f, "eq", row.index, 0), panels_b, 0)
            row_tasks = w.ceil_div(f, rows, blocking.task_rows)
            column_tasks = w.ceil_div(f, columns, blocking.task_columns)
            for name, value in (
                ("k0", w.add(f, segment, block.index)),
                ("depth", depth),
                ("first", begins),
                ("row", row.index),
                ("rows", rows),
                ("batchA", batch_a),
                ("batchB", batch_b),
                ("panelsA", panels_a),
                ("panelsB", panels_now),
                ("taskRows", str(blocking.task_rows)),
                ("taskColumns", str(blocking.task_columns)),
                ("rowTasks", row_tasks),
                ("columnTasks", column_tasks),
            ):
                _set(f, name, value)
            packs = w.add(f, w.mul(f, batch_a, panels_a), w.mul(f, batch_b, panels_now))
            moved = w.mul(f, depth, packs)
            _launch(f, "pack_tasks", packs, w.compare(f, "sgt", moved, 1024))
            work = w.mul(f, w.mul(f, rows, columns), w.mul(f, depth, batches))
            tasks = w.mul(f, batches, w.mul(f, row_tasks, column_tasks))
            _launch(f, "tile_tasks", tasks, w.compare(f, "sgt", work, 400_000))


def _entry(declares: dict[str, None], tile: Tile, blocking: Blocking) -> str:
    """The exported function: fills in the job and chooses among the orders of sums by the extents alone."""
    f = Body(declares)
    e = tile.element
    f.emit(f"%job = alloca i64, i64 {len(_FIELDS)}, align 64")
    for name in _ARGUMENTS:
        w.put(f, f"%{name}", _slot(f, name), "ptr" if name in _POINTERS else "i64")
    size = w.mul(f, "%M", "%N")
    outputs = w.mul(f, size, "%batch")
    with f.if_(w.compare(f, "sle", outputs, 0)):
        f.emit("ret i64 0")
        f.label(f.fresh_label("unreached"))
    with f.if_(w.compare(f, "sle", "%K", 0)):
        with f.loop(0, "%batch") as b, f.loop(0, "%M") as i, f.loop(0, "%N") as j:
            offset = w.add(f, w.mul(f, b.index, "%sCb"), w.add(f, w.mul(f, i.index, "%ldc"), j.index))
            w.put(f, e.zero, w.at(f, "%C", offset, e.type), e.type, e.size)
        f.emit("ret i64 0")
        f.label(f.fresh_label("unreached"))
    with f.if_(w.compare(f, "slt", size, FEW)):
        chunks = w.ceil_div(f, "%K", CHUNK)
        _set(f, "chunks", chunks)
        w.put(f, "%scratch", _slot(f, "partial"), "ptr")
        _launch(
            f, "dot_tasks", w.mul(f, outputs, chunks), w.compare(f, "sgt", w.mul(f, outputs, "%K"), 65_536)
        )
        f.emit("call void @dot_join(ptr %job)")
        f.emit("ret i64 0")
        f.label(f.fresh_label("unreached"))
    with f.loop(0, "%K", SEGMENT) as segment:
        later = w.compare(f, "sgt", segment.index, 0)
        # After the first segment, tiles go to scratch, behind the packed operands, and are then added to C.
        partial = w.at(f, "%scratch", _packed(f, tile, blocking)[2], e.type)
        w.put(f, w.select_ptr(f, later, partial, "%C"), _slot(f, "to"), "ptr")
        _set(f, "toBatch", w.select(f, later, size, "%sCb"))
        _set(f, "toRow", w.select(f, later, "%N", "%ldc"))
        _blocks(f, tile, blocking, segment.index, w.least(f, w.sub(f, "%K", segment.index), SEGMENT))
        with f.if_(later):
            _launch(f, "add_tasks", w.mul(f, "%batch", "%M"), w.compare(f, "sgt", outputs, 32_768))
    f.emit("ret i64 0")
    signature = ", ".join(
        f"{'ptr' if name in _POINTERS else 'i64'} %{name}" for name in (*_ARGUMENTS, "scratch", "threads")
    )
    return f.function(f"i64 @litho_gemm_{e.name}({signature})", "nounwind")


def support_text(dtype: str, target: Target) -> str:
    """The LLVM module of one dtype; it exports `symbol(dtype)` and imports litho_parallel."""
    element = ELEMENTS[dtype]
    tile = tile_for(target, element)
    blocking = blocking_for(tile)
    declares: dict[str, None] = {"declare i64 @litho_parallel(ptr, ptr, i64, i64)": None}
    parts = [
        kernels(declares, tile, "packed", packed=True),
        *(pack(declares, tile, f"pack_{width}", width) for width in sorted({tile.lanes, tile.panel})),
        _pack_tasks(declares, tile),
        _tile_tasks(declares, tile),
        _add_tasks(declares, tile),
        dot(declares, element, _field),
        _entry(declares, tile, blocking),
    ]
    return "\n".join([*declares, *parts])
