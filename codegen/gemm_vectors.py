"""Element types, register tiles, and instructions on their vectors, as LLVM text; they know no product."""

from __future__ import annotations

from ..ir.records import dataclass
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
    """A register tile: `rows` rows of `vectors` vectors of `lanes` elements."""

    element: Element
    lanes: int
    rows: int
    vectors: int

    @property
    def vector(self) -> str:
        """LLVM type of one vector."""
        return f"<{self.lanes} x {self.element.type}>"

    @property
    def width(self) -> int:
        """Columns of a whole tile."""
        return self.lanes * self.vectors

    @property
    def suffix(self) -> str:
        """What LLVM appends to intrinsics on this vector."""
        return f"v{self.lanes}{'i' if not self.element.floating else 'f'}{8 * self.element.size}"


def tile_for(target: Target, element: Element) -> Tile:
    """The tile that fills the register file: 8 x 3 vectors with 32 registers, 6 x 2 with 16."""
    lanes = target.lanes(element.size)
    many = target.vector_bytes == 64 or target.triple.startswith(("aarch64", "arm64"))
    return Tile(element, lanes, 8, 3) if many else Tile(element, lanes, 6, 2)


def row_tile(tile: Tile) -> Tile:
    """The tile for a single row: as many vectors as hide the latency of the chain."""
    return Tile(tile.element, tile.lanes, 1, 8)


def columns_tile(tile: Tile) -> Tile:
    """The tile for few rows where B is contiguous along k: a square of B is transposed in registers."""
    return Tile(tile.element, tile.lanes, tile.rows // 2, 1)


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


def turned(f: Body, tile: Tile, rows: list[str]) -> list[str]:
    """Load a square of elements, row i from the address rows[i] on, and return its columns as vectors.

    128-bit pieces of rows are gathered into lanes of vectors; then each lane is transposed by interleaving, where
    interleaving vector i with i + piece/2 moves the top bit of the row's number below the column's.
    """
    n, e = tile.lanes, tile.element
    piece, pieces = 16 // e.size, n * e.size // 16
    half = piece // 2
    orders = [
        ", ".join(
            f"i32 {g * piece + first + i // 2 + n * (i % 2)}" for g in range(pieces) for i in range(piece)
        )
        for first in (0, half)
    ]
    gather = _rows_at_once if pieces == 4 else _piece_by_piece
    gathered = [gather(f, tile, rows[q::piece]) for q in range(piece)]
    columns: list[str] = []
    for vectors in zip(*gathered, strict=True):
        mixed = list(vectors)
        for _ in range(half.bit_length()):
            pairs = list(zip(mixed[:half], mixed[half:], strict=True))
            mixed = [_shuffled(f, tile, a, b, order) for a, b in pairs for order in orders]
        columns += mixed
    return columns


def _piece_by_piece(f: Body, tile: Tile, rows: list[str]) -> list[str]:
    """Piece k of all rows side by side, for each k: loaded so."""
    e = tile.element
    return [_joined(f, e, [w.at(f, row, k, e.type) for row in rows]) for k in range(0, tile.lanes, 16 // e.size)]


def _rows_at_once(f: Body, tile: Tile, rows: list[str]) -> list[str]:
    """The same of four rows of four pieces, each row loaded whole: rows a power of two apart share a set of the cache,
    which does not keep them for a second look.
    """
    piece = tile.lanes // 4

    def picked(a: str, b: str, lanes: tuple[int, ...]) -> str:
        return _shuffled(f, tile, a, b, ", ".join(f"i32 {piece * g + i}" for g in lanes for i in range(piece)))

    a, b, c, d = (load(f, tile, row) for row in rows)
    low, high = ((0, 1, 4, 5), (2, 3, 6, 7)), ((0, 2, 4, 6), (1, 3, 5, 7))
    halves = [(picked(a, b, x), picked(c, d, x)) for x in low]
    return [picked(x, y, order) for x, y in halves for order in high]


def _shuffled(f: Body, tile: Tile, a: str, b: str, order: str) -> str:
    return f.assign(f"shufflevector {tile.vector} {a}, {tile.vector} {b}, <{tile.lanes} x i32> <{order}>")


def _joined(f: Body, element: Element, places: list[str]) -> str:
    """128 bits from each address, side by side."""
    lanes = 16 // element.size
    parts = [w.get(f, place, f"<{lanes} x {element.type}>", element.size) for place in places]
    while len(parts) > 1:
        part, order = f"<{lanes} x {element.type}>", ", ".join(f"i32 {i}" for i in range(2 * lanes))
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [
            f.assign(f"shufflevector {part} {a}, {part} {b}, <{2 * lanes} x i32> <{order}>") for a, b in pairs
        ]
        lanes *= 2
    return parts[0]
