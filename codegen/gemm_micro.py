"""The innermost loops of a matrix product, as LLVM text: register tiles and the packing of their operands.

A tile computes `rows x columns` of C with one accumulator chain per output: from +0.0, or from what C holds
when an earlier block of k has been there, acc = fma(a[k], b[k], acc) for k ascending. Integers multiply and
add, wrapping.
Packed A: panels of `panel` rows (the power of two at or above the tile's rows), [k][panel]. Packed B: panels
of the tile's width, [k][whole vectors]. What lies in a panel beyond the matrix is arbitrary and reaches no
stored output.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import words as w
from .body import Body
from .target import Target


@dataclass(frozen=True, slots=True)
class Element:
    """An element type: its name, its LLVM type, its size in bytes."""

    name: str
    type: str
    size: int

    @property
    def floating(self) -> bool:
        """Whether products are fused into the sum (float) or wrap (integer)."""
        return self.type in ("float", "double")

    @property
    def zero(self) -> str:
        """The constant +0."""
        return "0.0" if self.floating else "0"


ELEMENTS = {
    "float32": Element("f32", "float", 4),
    "float64": Element("f64", "double", 8),
    "int32": Element("i32", "i32", 4),
    "int64": Element("i64", "i64", 8),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """A register tile: `rows` rows of `vectors` vectors of `lanes` elements, and the loop over k unrolled
    `unroll` times.
    """

    element: Element
    lanes: int
    rows: int
    vectors: int
    unroll: int

    @property
    def vector(self) -> str:
        """LLVM type of one vector."""
        return f"<{self.lanes} x {self.element.type}>"

    @property
    def width(self) -> int:
        """Columns of a whole tile."""
        return self.lanes * self.vectors

    @property
    def panel(self) -> int:
        """Rows of a panel of packed A."""
        return 1 << (self.rows - 1).bit_length()

    @property
    def suffix(self) -> str:
        """What LLVM appends to intrinsics on this vector."""
        return f"v{self.lanes}{'i' if not self.element.floating else 'f'}{8 * self.element.size}"


def tile_for(target: Target, element: Element) -> Tile:
    """The tile that fills the register file: 8 x 3 vectors with 32 registers, 6 x 2 with 16."""
    lanes = target.lanes(element.size)
    many = target.vector_bytes == 64 or target.triple.startswith(("aarch64", "arm64"))
    return Tile(element, lanes, 8, 3, 2) if many else Tile(element, lanes, 6, 2, 2)


def row_tile(tile: Tile) -> Tile:
    """The tile for a single row: as many vectors as hide the latency of the chain."""
    return Tile(tile.element, tile.lanes, 1, 8, 2)


SIGNATURE = (
    "ptr %a, i64 %am, i64 %ak, ptr %b, i64 %bk, ptr %c, i64 %ldc, i64 %depth, i64 %first, i64 %columns"
)


def splat(f: Body, tile: Tile, scalar: str) -> str:
    """A vector of equal lanes."""
    one = f.assign(f"insertelement {tile.vector} poison, {tile.element.type} {scalar}, i64 0")
    return f.assign(
        f"shufflevector {tile.vector} {one}, {tile.vector} poison, <{tile.lanes} x i32> zeroinitializer"
    )


def multiply_add(f: Body, tile: Tile, a: str, b: str, acc: str) -> str:
    """One link of the chain, on vectors."""
    v = tile.vector
    if tile.element.floating:
        f.declare(f"declare {v} @llvm.fma.{tile.suffix}({v}, {v}, {v})")
        return f.assign(f"call {v} @llvm.fma.{tile.suffix}({v} {a}, {v} {b}, {v} {acc})")
    return f.assign(f"add {v} {f.assign(f'mul {v} {a}, {b}')}, {acc}")


def load(f: Body, tile: Tile, pointer: str, mask: str | None = None) -> str:
    """A vector from memory, aligned as its elements are; lanes outside `mask` are not read and are zero."""
    v, size = tile.vector, tile.element.size
    if mask is None:
        return w.get(f, pointer, v, size)
    f.declare(f"declare {v} @llvm.masked.load.{tile.suffix}.p0(ptr, i32, <{tile.lanes} x i1>, {v})")
    arguments = f"ptr {pointer}, i32 {size}, <{tile.lanes} x i1> {mask}, {v} zeroinitializer"
    return f.assign(f"call {v} @llvm.masked.load.{tile.suffix}.p0({arguments})")


def store(f: Body, tile: Tile, value: str, pointer: str, mask: str | None = None) -> None:
    """A vector to memory, aligned as its elements are; lanes outside `mask` are not written."""
    v, size = tile.vector, tile.element.size
    if mask is None:
        w.put(f, value, pointer, v, size)
        return
    f.declare(f"declare void @llvm.masked.store.{tile.suffix}.p0({v}, ptr, i32, <{tile.lanes} x i1>)")
    f.emit(
        f"call void @llvm.masked.store.{tile.suffix}.p0({v} {value}, ptr {pointer}, i32 {size}, "
        f"<{tile.lanes} x i1> {mask})"
    )


def lane_mask(f: Body, tile: Tile, count: str) -> str:
    """Mask of the first `count` lanes; all of them when there are as many."""
    n, lanes = tile.lanes, f"<{tile.lanes} x i64>"
    one = f.assign(f"insertelement {lanes} poison, i64 {count}, i64 0")
    all_ = f.assign(f"shufflevector {lanes} {one}, {lanes} poison, <{n} x i32> zeroinitializer")
    steps = ", ".join(f"i64 {i}" for i in range(n))
    return f.assign(f"icmp slt {lanes} <{steps}>, {all_}")


def micro_kernel(
    declares: dict[str, None], tile: Tile, name: str, rows: int, vectors: int, packed: bool
) -> str:
    """One tile of `rows` rows and `vectors` vectors, the last of them ragged.

    Packed: A is [k][panel] and B whole vectors. Otherwise A[i, k] lies at i * am + k * ak, and rows of B are
    bk apart.
    """
    f = Body(declares)
    e, v = tile.element, tile.vector
    mask = lane_mask(f, tile, w.sub(f, "%columns", (vectors - 1) * tile.lanes))
    masks = [None] * (vectors - 1) + [mask]
    c_rows = [w.at(f, "%c", w.mul(f, "%ldc", i), e.type) for i in range(rows)]
    places = [[w.at(f, row, j * tile.lanes, e.type) for j in range(vectors)] for row in c_rows]
    f.declare("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
    for row in places:
        for place in row:
            f.emit(f"call void @llvm.prefetch.p0(ptr {place}, i32 1, i32 3, i32 1)")
    a_rows = [] if packed else [w.at(f, "%a", w.mul(f, "%am", i), e.type) for i in range(rows)]
    start, fresh, resume = f.fresh_label("start"), f.fresh_label("fresh"), f.fresh_label("resume")
    f.emit(f"br i1 {w.compare(f, 'ne', '%first', 0)}, label %{fresh}, label %{resume}")
    f.label(resume)
    held = [load(f, tile, p, m) for row in places for p, m in zip(row, masks, strict=True)]
    f.emit(f"br label %{start}")
    f.label(fresh)
    f.emit(f"br label %{start}")
    f.label(start)
    accs = [f.assign(f"phi {v} [ zeroinitializer, %{fresh} ], [ {h}, %{resume} ]") for h in held]

    def links(
        count: int, base: str, index: str, a: str, b: str, accs: list[str]
    ) -> tuple[str, str, list[str]]:
        """`count` links of all chains; returns the advanced pointers and the accumulators."""
        for u in range(count):
            bs = [
                load(f, tile, w.at(f, b, j * tile.lanes, e.type), None if packed else masks[j])
                for j in range(vectors)
            ]
            following = []
            for i in range(rows):
                if packed:
                    place = w.at(f, a, u * tile.panel + i, e.type)
                else:
                    place = w.at(f, a_rows[i], base, e.type)
                x = splat(f, tile, w.get(f, place, e.type, e.size))
                following += [multiply_add(f, tile, x, bs[j], accs[i * vectors + j]) for j in range(vectors)]
            accs = following
            b = w.at(f, b, "%bk", e.type)
            if not packed:
                base = w.add(f, base, "%ak")
        return (w.at(f, a, count * tile.panel, e.type) if packed else base), b, accs

    def sweep(count: int, lo: str, hi: str, a: str, b: str, accs: list[str]) -> tuple[str, str, list[str]]:
        cursor = "ptr" if packed else "i64"
        with f.loop(lo, hi, count, [(cursor, a), ("ptr", b), *((v, x) for x in accs)]) as loop:
            a_now, b_now, *now = loop.values
            a_next, b_next, following = links(count, a_now, loop.index, a_now, b_now, list(now))
            loop.next([a_next, b_next, *following])
        a, b, *accs = loop.results
        return a, b, accs

    whole = w.mul(f, w.div(f, "%depth", tile.unroll), tile.unroll)
    a, b, accs = sweep(tile.unroll, "0", whole, "%a" if packed else "0", "%b", accs)
    _, _, accs = sweep(1, whole, "%depth", a, b, accs)
    for k, acc in enumerate(accs):
        i, j = divmod(k, vectors)
        store(f, tile, acc, places[i][j], masks[j])
    f.emit("ret void")
    return f.function(f"internal void @{name}({SIGNATURE})", '"prefer-vector-width"="512" nounwind')


def kernels(declares: dict[str, None], tile: Tile, prefix: str, packed: bool) -> str:
    """Kernels for all heights and widths up to the tile, and the table `@{prefix}` of them: [rows -
    1][vectors - 1].
    """
    parts, names = [], []
    for rows in range(1, tile.rows + 1):
        for vectors in range(1, tile.vectors + 1):
            name = f"{prefix}_{rows}x{vectors}"
            names.append(f"ptr @{name}")
            parts.append(micro_kernel(declares, tile, name, rows, vectors, packed))
    table = f"@{prefix} = internal constant [{len(names)} x ptr] [{', '.join(names)}]\n"
    return "\n".join([*parts, table])


def pack(declares: dict[str, None], tile: Tile, name: str, width: int) -> str:
    """void name(to, ld, from, outer, inner, count, depth): `width` rows of a matrix become columns.

    to[k * ld + i] = from[min(i, count - 1) * outer + k * inner] for i < width and k < depth: rows past
    `count` repeat the last one, so that nothing outside the matrix is read.
    """
    f = Body(declares)
    t, size = tile.element.type, tile.element.size
    last = w.sub(f, "%count", 1)
    rows = [w.at(f, "%from", w.mul(f, w.least(f, i, last), "%outer"), t) for i in range(width)]

    def by_element(lo: str) -> None:
        with f.loop(lo, "%depth") as k:
            offset, target = w.mul(f, k.index, "%inner"), w.at(f, "%to", w.mul(f, k.index, "%ld"), t)
            for i, row in enumerate(rows):
                w.put(f, w.get(f, w.at(f, row, offset, t), t, size), w.at(f, target, i, t), t, size)

    by_element("0")
    f.emit("ret void")
    signature = "ptr %to, i64 %ld, ptr %from, i64 %outer, i64 %inner, i64 %count, i64 %depth"
    return f.function(f"internal void @{name}({signature})", '"prefer-vector-width"="512" nounwind')
