"""Packing B, the right-hand operand of a matrix product, into panels, as LLVM text; it knows of a tile only
its width.

A panel holds a tile's width of columns as [k][whole vectors]; the last panel is as many vectors wide as it
needs.
"""

from __future__ import annotations

from . import gemm_job as job
from . import words as w
from .body import Body
from .gemm_vectors import Tile, lane_mask, load, store, turned


def pack(declares: dict[str, None], tile: Tile) -> str:
    """void pack(to, ld, from, outer, inner, count, depth): a vector's worth of columns of B, rows ld apart.

    to[k * ld + j] = from[j * outer + k * inner] for j < min(count, lanes) and k < depth; further lanes are
    written with something, and nothing outside the matrix is read.
    """
    f = Body(declares)
    t, size, n = tile.element.type, tile.element.size, tile.lanes
    along_k, along_columns, any_stride = (f.fresh_label(x) for x in ("along_k", "along_columns", "any"))
    test = f.fresh_label("test")
    f.emit(f"br i1 {w.compare(f, 'eq', '%inner', 1)}, label %{along_k}, label %{test}")
    f.label(test)
    f.emit(f"br i1 {w.compare(f, 'eq', '%outer', 1)}, label %{along_columns}, label %{any_stride}")

    def starts() -> list[str]:
        last = w.sub(f, "%count", 1)
        return [w.at(f, "%from", w.mul(f, w.least(f, last, j), "%outer"), t) for j in range(n)]

    def by_element(columns: list[str], lo: str) -> None:
        with f.loop(lo, "%depth") as k:
            offset, place = w.mul(f, k.index, "%inner"), w.at(f, "%to", w.mul(f, k.index, "%ld"), t)
            for j, column in enumerate(columns):
                w.put(f, w.get(f, w.at(f, column, offset, t), t, size), w.at(f, place, j, t), t, size)
        f.emit("ret void")

    f.label(any_stride)
    by_element(starts(), "0")

    f.label(along_k)
    columns = starts()
    whole = w.mul(f, w.div(f, "%depth", n), n)
    with f.loop(0, whole, n) as k:
        rows = turned(f, tile, [w.at(f, column, k.index, t) for column in columns])
        for u, row in enumerate(rows):
            store(f, tile, row, w.at(f, "%to", w.mul(f, w.add(f, k.index, u), "%ld"), t))
    by_element(columns, whole)

    f.label(along_columns)
    mask = lane_mask(f, tile, "%count")
    with f.loop(0, "%depth") as k:
        source, place = (
            w.at(f, p, w.mul(f, k.index, s), t) for p, s in (("%from", "%inner"), ("%to", "%ld"))
        )
        store(f, tile, load(f, tile, source, mask), place)
    f.emit("ret void")
    signature = "ptr %to, i64 %ld, ptr %from, i64 %outer, i64 %inner, i64 %count, i64 %depth"
    return f.function(f"internal void @pack({signature})", job.ATTRIBUTES)


def pack_rows(declares: dict[str, None], tile: Tile) -> str:
    """void pack_rows(to, from, inner, depth): a whole panel, from rows that are contiguous."""
    f = Body(declares)
    t = tile.element.type
    with f.loop(0, "%depth") as k:
        source, place = (
            w.at(f, "%from", w.mul(f, k.index, "%inner"), t),
            w.at(f, "%to", w.mul(f, k.index, tile.width), t),
        )
        for j in range(0, tile.width, tile.lanes):
            store(f, tile, load(f, tile, w.at(f, source, j, t)), w.at(f, place, j, t))
    f.emit("ret void")
    return f.function("internal void @pack_rows(ptr %to, ptr %from, i64 %inner, i64 %depth)", job.ATTRIBUTES)


def pack_tasks(declares: dict[str, None], tile: Tile) -> str:
    """The task function `pack_tasks`: a task packs one panel of one batch entry."""
    f = Body(declares)
    t = tile.element.type
    panels, depth, columns = (job.field(f, x) for x in ("panels", "depth", "columns"))
    inner, outer = job.field(f, "sBk"), job.field(f, "sBn")
    entry_size = w.mul(f, w.round_up(f, columns, tile.lanes), depth)
    with f.loop("%lo", "%hi") as task:
        entry = w.div(f, task.index, panels)
        column = w.mul(f, w.rem(f, task.index, panels), tile.width)
        count = w.least(f, w.sub(f, columns, column), tile.width)
        ld = w.round_up(f, count, tile.lanes)
        to = w.at(f, job.pointer(f, "packed"), job.dot_product(f, (entry, entry_size), (column, depth)), t)
        place = job.dot_product(
            f,
            (w.add(f, job.field(f, "b0"), entry), job.field(f, "sBb")),
            (job.field(f, "k0"), inner),
            (w.add(f, job.field(f, "column"), column), outer),
        )
        base = w.at(f, job.pointer(f, "B"), place, t)
        whole = w.both(f, w.compare(f, "eq", count, tile.width), w.compare(f, "eq", outer, 1))
        with f.if_(whole) as branch:
            f.emit(f"call void @pack_rows(ptr {to}, ptr {base}, i64 {inner}, i64 {depth})")
            branch.otherwise()
            with f.loop(0, count, tile.lanes) as vector:
                here = w.at(f, to, vector.index, t)
                there = w.at(f, base, w.mul(f, vector.index, outer), t)
                rest = w.sub(f, count, vector.index)
                f.emit(
                    f"call void @pack(ptr {here}, i64 {ld}, ptr {there}, i64 {outer}, i64 {inner}, "
                    f"i64 {rest}, i64 {depth})"
                )
    return job.task_function(f, "pack_tasks")
