"""The task functions of a matrix product: which register tile runs where; they know no order of blocks."""

from __future__ import annotations

from enum import Enum

from ..ir.records import dataclass
from . import gemm_job as job
from . import words as w
from .body import Body
from .gemm_vectors import Tile, lane_mask, load, store


class Layout(Enum):
    """How a task function finds B: rows contiguous along the columns; columns contiguous along k; packed
    panels.
    """

    ROWS = "rows"
    COLUMNS = "columns"
    PANELS = "panels"


@dataclass(frozen=True, slots=True)
class _Place:
    """B for a task's first column: the tile at column j starts j * step elements further on, at stride bk."""

    b: str
    step: str
    bk: str | None


def tile_tasks(
    declares: dict[str, None], tile: Tile, name: str, table: str, layout: Layout, depth: int
) -> str:
    """The task function `name`: a task computes taskRows x taskColumns outputs of one batch entry.

    Args:
        declares: the module's declarations.
        tile: the register tile.
        name: name of the function.
        table: the table of its kernels.
        layout: how B lies.
        depth: links of the chain that are run over all of a task's tiles before the next ones.
    """
    f = Body(declares)
    t = tile.element.type
    row_tasks, column_tasks = job.field(f, "rowTasks"), job.field(f, "columnTasks")
    ldc, b0, column0 = (job.field(f, x) for x in ("toRow", "b0", "column"))
    task_rows, task_columns = job.field(f, "taskRows"), job.field(f, "taskColumns")
    rows, columns, links, k0 = (job.field(f, x) for x in ("rows", "columns", "depth", "k0"))
    am, ak, resumed = job.field(f, "sAm"), job.field(f, "sAk"), job.field(f, "resumed")
    with f.loop("%lo", "%hi") as task:
        entry = w.div(f, task.index, w.mul(f, row_tasks, column_tasks))
        within = w.rem(f, task.index, w.mul(f, row_tasks, column_tasks))
        i0 = w.mul(f, w.rem(f, within, row_tasks), task_rows)
        j0 = w.mul(f, w.div(f, within, row_tasks), task_columns)
        i1 = w.least(f, w.add(f, i0, task_rows), rows)
        j1 = w.least(f, w.add(f, j0, task_columns), columns)
        batch = w.add(f, b0, entry)
        to = w.add(f, w.mul(f, batch, job.field(f, "toBatch")), column0)
        c0 = w.at(f, job.pointer(f, "to"), to, t)
        a0 = w.at(f, job.pointer(f, "A"), w.mul(f, batch, job.field(f, "sAb")), t)
        with f.loop(0, links, depth) as k:
            here = w.least(f, w.sub(f, links, k.index), depth)
            at = w.add(f, k0, k.index)
            first = w.compare(f, "eq", w.add(f, k.index, resumed), 0)
            a1 = w.at(f, a0, w.mul(f, at, ak), t)
            place = (
                _panels(f, tile, entry, here)
                if layout is Layout.PANELS
                else _strided(f, tile, layout, batch, at)
            )
            with f.loop(j0, j1, tile.width) as column:
                count = w.least(f, w.sub(f, j1, column.index), tile.width)
                vectors = w.ceil_div(f, count, tile.lanes)
                b = w.at(f, place.b, w.mul(f, column.index, place.step), t)
                bk = place.bk or w.mul(f, vectors, tile.lanes)
                c1 = w.at(f, c0, column.index, t)
                with f.loop(i0, i1, tile.rows) as row:
                    height = w.least(f, w.sub(f, i1, row.index), tile.rows)
                    a = w.at(f, a1, w.mul(f, row.index, am), t)
                    c = w.at(f, c1, w.mul(f, row.index, ldc), t)
                    number = w.add(f, w.mul(f, w.sub(f, height, 1), tile.vectors), w.sub(f, vectors, 1))
                    kernel = w.get(f, w.at(f, f"@{table}", number, "ptr"), "ptr")
                    f.emit(
                        f"call void {kernel}(ptr {a}, i64 {am}, i64 {ak}, ptr {b}, i64 {bk}, ptr {c}, "
                        f"i64 {ldc}, i64 {here}, i1 {first}, i64 {height}, i64 {count})"
                    )
    return job.task_function(f, name)


def _panels(f: Body, tile: Tile, entry: str, depth: str) -> _Place:
    size = w.mul(f, w.round_up(f, job.field(f, "columns"), tile.lanes), depth)
    shared = w.compare(f, "eq", job.field(f, "packedBatch"), 1)
    base = w.at(f, job.pointer(f, "packed"), w.mul(f, w.select(f, shared, 0, entry), size), tile.element.type)
    return _Place(base, depth, None)


def _strided(f: Body, tile: Tile, layout: Layout, batch: str, k: str) -> _Place:
    bk, bn, column = job.field(f, "sBk"), job.field(f, "sBn"), job.field(f, "column")
    offset = job.dot_product(f, (batch, job.field(f, "sBb")), (column, bn), (k, bk))
    base = w.at(f, job.pointer(f, "B"), offset, tile.element.type)
    return _Place(base, "1", bk) if layout is Layout.ROWS else _Place(base, bn, bn)


def add_tasks(declares: dict[str, None], tile: Tile) -> str:
    """The task function `add_tasks`: a task adds one row of a later segment, in scratch, to its row of C."""
    f = Body(declares)
    e, v = tile.element, tile.vector
    rows, n = job.field(f, "M"), job.field(f, "N")
    with f.loop("%lo", "%hi") as task:
        entry, row = w.div(f, task.index, rows), w.rem(f, task.index, rows)
        offset = job.dot_product(f, (entry, job.field(f, "sCb")), (row, job.field(f, "ldc")))
        to = w.at(f, job.pointer(f, "C"), offset, e.type)
        source = w.at(f, job.pointer(f, "to"), w.mul(f, task.index, n), e.type)
        with f.loop(0, n, tile.lanes) as loop:
            mask = lane_mask(f, tile, w.sub(f, n, loop.index))
            place = w.at(f, to, loop.index, e.type)
            held = load(f, tile, place, mask)
            more = load(f, tile, w.at(f, source, loop.index, e.type), mask)
            store(f, tile, f.assign(f"{'fadd' if e.floating else 'add'} {v} {held}, {more}"), place, mask)
    return job.task_function(f, "add_tasks")
