"""The innermost loops of a matrix product, as LLVM text: register tiles; they know no blocking and no
threads.

A tile computes `height x columns` of C with one accumulator chain per output: from +0.0, or from what C holds
when an earlier block of k has been there, acc = fma(a[k], b[k], acc) for k ascending. Integers multiply and
add, wrapping. A[i, k] lies at i * am + k * ak. A kernel for more rows than `height` computes the last row
several times over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir.records import replace
from . import words as w
from .body import Body
from .gemm_job import ATTRIBUTES
from .gemm_vectors import Tile, lane_mask, load, multiply_add, splat, store, turned

SIGNATURE = (
    "ptr %a, i64 %am, i64 %ak, ptr %b, i64 %bk, ptr %c, i64 %ldc, i64 %depth, i1 %first, "
    "i64 %height, i64 %columns"
)


class _Kernel:
    """One kernel that is being written: its accumulators' places, and how it gets at A."""

    __slots__ = ("a_rows", "f", "masks", "places", "tile")

    def __init__(self, declares: dict[str, None], tile: Tile) -> None:
        f = self.f = Body(declares)
        self.tile, t = tile, tile.element.type
        mask = lane_mask(f, tile, w.sub(f, "%columns", (tile.vectors - 1) * tile.lanes))
        self.masks: list[str | None] = [*([None] * (tile.vectors - 1)), mask]
        last = w.sub(f, "%height", 1)
        numbers = [w.least(f, last, i) for i in range(tile.rows)]
        rows = [w.at(f, "%c", w.mul(f, "%ldc", i), t) for i in numbers]
        self.places = [[w.at(f, row, j * tile.lanes, t) for j in range(tile.vectors)] for row in rows]
        self.a_rows = [w.at(f, "%a", w.mul(f, "%am", i), t) for i in numbers]

    def begin(self) -> list[str]:
        """The accumulators at the start: +0.0 in the first block of k, else what C holds."""
        f, v = self.f, self.tile.vector
        f.declare("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        for row in self.places:
            for place in row:
                f.emit(f"call void @llvm.prefetch.p0(ptr {place}, i32 1, i32 3, i32 1)")
        start, fresh, resume = f.fresh_label("start"), f.fresh_label("fresh"), f.fresh_label("resume")
        f.emit(f"br i1 %first, label %{fresh}, label %{resume}")
        f.label(resume)
        held = [load(f, self.tile, p, m) for row in self.places for p, m in zip(row, self.masks, strict=True)]
        f.emit(f"br label %{start}")
        f.label(fresh)
        f.emit(f"br label %{start}")
        f.label(start)
        return [f.assign(f"phi {v} [ zeroinitializer, %{fresh} ], [ {h}, %{resume} ]") for h in held]

    def link(self, offset: str, bs: list[str], accs: list[str]) -> list[str]:
        """One link of every chain, with A's elements at `offset` in their rows."""
        f, e = self.f, self.tile.element
        following = []
        for i, a_row in enumerate(self.a_rows):
            x = splat(f, self.tile, w.get(f, w.at(f, a_row, offset, e.type), e.type, e.size))
            row = accs[i * len(bs) : (i + 1) * len(bs)]
            following += [multiply_add(f, self.tile, x, b, acc) for b, acc in zip(bs, row, strict=True)]
        return following

    def end(self, accs: list[str], name: str) -> str:
        """Store the accumulators; the function's text."""
        vectors = self.tile.vectors
        for i in range(self.tile.rows):
            for place, mask, acc in zip(self.places[i], self.masks, accs[i * vectors :], strict=False):
                store(self.f, self.tile, acc, place, mask)
        self.f.emit("ret void")
        return self.f.function(f"internal void @{name}({SIGNATURE})", ATTRIBUTES)


def rows_kernel(declares: dict[str, None], tile: Tile, name: str) -> str:
    """A kernel for B whose rows are contiguous along the columns and bk apart."""
    kernel = _Kernel(declares, tile)
    f, t, v = kernel.f, tile.element.type, tile.vector
    with f.loop(0, "%depth", 1, [("i64", "0"), ("ptr", "%b"), *((v, x) for x in kernel.begin())]) as loop:
        offset, b, *accs = loop.values
        bs = [load(f, tile, w.at(f, b, j * tile.lanes, t), mask) for j, mask in enumerate(kernel.masks)]
        loop.next([w.add(f, offset, "%ak"), w.at(f, b, "%bk", t), *kernel.link(offset, bs, accs)])
    return kernel.end(list(loop.results[2:]), name)


# Bytes that a stream of B is fetched ahead of its use.
_AHEAD = 1024


def columns_kernel(declares: dict[str, None], tile: Tile, name: str) -> str:
    """A kernel for B whose columns are contiguous along k and bk apart; they are turned in registers."""
    kernel = _Kernel(declares, tile)
    f, e, v, n = kernel.f, tile.element, tile.vector, tile.lanes
    t = e.type
    last = w.sub(f, "%columns", 1)
    columns = [w.at(f, "%b", w.mul(f, w.least(f, last, j), "%bk"), t) for j in range(n)]
    whole = w.mul(f, w.div(f, "%depth", n), n)
    with f.loop(0, whole, n, [("i64", "0"), *((v, x) for x in kernel.begin())]) as loop:
        offset, *accs = loop.values
        places = [w.at(f, column, loop.index, t) for column in columns]
        # Behind the end of these columns come those of the next tile.
        ahead = w.add(f, loop.index, _AHEAD // e.size)
        beyond = w.add(f, w.sub(f, ahead, "%depth"), w.mul(f, "%bk", n))
        ahead = w.select(f, w.compare(f, "slt", ahead, "%depth"), ahead, beyond)
        for column in columns:
            # To the second level: columns a power of two apart share one set of the first.
            place = w.at(f, column, ahead, t)
            f.emit(f"call void @llvm.prefetch.p0(ptr {place}, i32 0, i32 2, i32 1)")
        for b in turned(f, tile, places):
            accs = kernel.link(offset, [b], accs)
            offset = w.add(f, offset, "%ak")
        loop.next([offset, *accs])
    with f.loop(whole, "%depth", 1, [("i64", loop.results[0]), *((v, x) for x in loop.results[1:])]) as tail:
        offset, *accs = tail.values
        b = "poison"
        for j, column in enumerate(columns):
            x = w.get(f, w.at(f, column, tail.index, t), t, e.size)
            b = f.assign(f"insertelement {v} {b}, {t} {x}, i64 {j}")
        accs = kernel.link(offset, [b], accs)
        tail.next([w.add(f, offset, "%ak"), *accs])
    return kernel.end(list(tail.results[1:]), name)


def kernels(
    declares: dict[str, None],
    tile: Tile,
    table: str,
    heights: Sequence[int],
    write: Callable[[dict[str, None], Tile, str], str],
) -> str:
    """Kernels of these heights and all widths, and the table `@{table}` of them: [height - 1][vectors - 1].

    A height that has no kernel takes the next one above it; the last of `heights` is the tile's. `write` is
    `rows_kernel` or `columns_kernel`.
    """
    widths = range(1, tile.vectors + 1)
    parts = [
        write(declares, replace(tile, rows=height, vectors=vectors), f"{table}_{height}x{vectors}")
        for height in heights
        for vectors in widths
    ]
    taken = [min(x for x in heights if x >= rows) for rows in range(1, tile.rows + 1)]
    names = ", ".join(f"ptr @{table}_{height}x{vectors}" for height in taken for vectors in widths)
    count = tile.rows * tile.vectors
    return "\n".join([*parts, f"@{table} = internal constant [{count} x ptr] [{names}]\n"])
