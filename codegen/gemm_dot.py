"""Matrix products with few outputs, as sums of rounded products in order T8; it knows no tile and no packing.

Order T8 depends on the length alone. Cut into chunks of 65,536. In a chunk, element 128 g + 16 j + l (l < 16,
j < 8; absent ones -0.0): t_g[l] = halving tree over j (j+4, j+2, j+1); acc[l] from -0.0 adds t_g[l] for g in
order; then a halving tree over l (8, 4, 2, 1). Chunk results: adjacent pairs are added repeatedly, an odd one
is carried up.
"""

from __future__ import annotations

from collections.abc import Callable

from . import gemm_job as job
from . import words as w
from .body import Body
from .gemm_vectors import Element, Tile, lane_mask, load

CHUNK = 65_536
_LANES = 16
_GROUP = 128


def _negative_zero(element: Element) -> str:
    return "-0.0" if element.floating else "0"


def _plus(f: Body, element: Element, type_: str, a: str, b: str) -> str:
    return f.assign(f"{'fadd' if element.floating else 'add'} {type_} {a}, {b}")


def _times(f: Body, element: Element, type_: str, a: str, b: str) -> str:
    return f.assign(f"{'fmul' if element.floating else 'mul'} {type_} {a}, {b}")


def _chunk(declares: dict[str, None], element: Element) -> str:
    """T dot_chunk(a, sa, b, sb, n): the sum of n <= CHUNK products in order T8."""
    f = Body(declares)
    t, size = element.type, element.size
    tile = Tile(element, _LANES, 1, 1)
    v, absent = tile.vector, _negative_zero(element)
    empty = "<" + ", ".join([f"{t} {absent}"] * _LANES) + ">"
    products = f.alloca(t, _GROUP)

    def folded(terms: list[str]) -> str:
        while len(terms) > 1:
            half = len(terms) // 2
            terms = [_plus(f, element, v, x, y) for x, y in zip(terms[:half], terms[half:], strict=True)]
        return terms[0]

    def contiguous(base: str, rest: str | None) -> list[str]:
        terms = []
        for j in range(_GROUP // _LANES):
            place = w.add(f, base, _LANES * j)
            mask = None if rest is None else lane_mask(f, tile, w.sub(f, rest, _LANES * j))
            a, b = (load(f, tile, w.at(f, p, place, t), mask) for p in ("%a", "%b"))
            term = _times(f, element, v, a, b)
            if mask is not None:
                term = f.assign(f"select <{_LANES} x i1> {mask}, {v} {term}, {v} {empty}")
            terms.append(term)
        return terms

    def strided(base: str, rest: str | None) -> list[str]:
        if rest is not None:
            for j in range(_GROUP // _LANES):
                w.put(f, empty, w.at(f, products, _LANES * j, t), v, size)
        with f.loop(0, _GROUP if rest is None else rest) as loop:
            place = w.add(f, base, loop.index)
            a, b = (
                w.get(f, w.at(f, p, w.mul(f, place, s), t), t, size)
                for p, s in (("%a", "%sa"), ("%b", "%sb"))
            )
            w.put(f, _times(f, element, t, a, b), w.at(f, products, loop.index, t), t, size)
        return [load(f, tile, w.at(f, products, _LANES * j, t)) for j in range(_GROUP // _LANES)]

    def swept(terms_at: Callable[[str, str | None], list[str]]) -> str:
        whole = w.mul(f, w.div(f, "%n", _GROUP), _GROUP)
        with f.loop(0, whole, _GROUP, [(v, empty)]) as loop:
            loop.next([_plus(f, element, v, loop.values[0], folded(terms_at(loop.index, None)))])
        with f.loop(whole, "%n", _GROUP, [(v, loop.results[0])]) as tail:
            rest = w.sub(f, "%n", whole)
            tail.next([_plus(f, element, v, tail.values[0], folded(terms_at(whole, rest)))])
        return tail.results[0]

    def reduced(acc: str) -> str:
        lanes = _LANES
        while lanes > 1:
            half, type_ = lanes // 2, f"<{lanes} x {t}>"
            halves = []
            for first in (0, half):
                order = ", ".join(f"i32 {first + i}" for i in range(half))
                halves.append(
                    f.assign(f"shufflevector {type_} {acc}, {type_} poison, <{half} x i32> <{order}>")
                )
            acc, lanes = _plus(f, element, f"<{half} x {t}>", halves[0], halves[1]), half
        return f.assign(f"extractelement <1 x {t}> {acc}, i64 0")

    unit = w.both(f, w.compare(f, "eq", "%sa", 1), w.compare(f, "eq", "%sb", 1))
    with f.if_(unit):
        f.emit(f"ret {t} {reduced(swept(contiguous))}")
        f.label(f.fresh_label("unreached"))
    f.emit(f"ret {t} {reduced(swept(strided))}")
    signature = f"internal {t} @dot_chunk(ptr %a, i64 %sa, ptr %b, i64 %sb, i64 %n)"
    return f.function(signature, job.ATTRIBUTES)


def dot(declares: dict[str, None], element: Element) -> str:
    """The task function `dot_tasks` (a task is one chunk of one output) and `dot_join`, which adds the chunks
    up.
    """
    f = Body(declares)
    t, size = element.type, element.size
    with f.loop("%lo", "%hi") as task:
        chunks = job.field(f, "chunks")
        output, chunk = w.div(f, task.index, chunks), w.rem(f, task.index, chunks)
        j = w.rem(f, output, job.field(f, "N"))
        rows = w.div(f, output, job.field(f, "N"))
        i, batch = w.rem(f, rows, job.field(f, "M")), w.div(f, rows, job.field(f, "M"))
        k = w.mul(f, chunk, CHUNK)
        places = []
        for operand, strides in (("A", ("sAb", "sAm", "sAk")), ("B", ("sBb", "sBn", "sBk"))):
            offset = "0"
            for index, stride in zip((batch, i if operand == "A" else j, k), strides, strict=True):
                offset = w.add(f, offset, w.mul(f, index, job.field(f, stride)))
            base = job.pointer(f, operand)
            places.append(w.at(f, base, offset, t))
        n = w.least(f, w.sub(f, job.field(f, "K"), k), CHUNK)
        arguments = (
            f"ptr {places[0]}, i64 {job.field(f, 'sAk')}, ptr {places[1]}, i64 {job.field(f, 'sBk')}, i64 {n}"
        )
        value = f.assign(f"call {t} @dot_chunk({arguments})")
        partial = job.pointer(f, "partial")
        w.put(f, value, w.at(f, partial, task.index, t), t, size)
    tasks = job.task_function(f, "dot_tasks")
    return "\n".join((_chunk(declares, element), tasks, _join(declares, element)))


def _join(declares: dict[str, None], element: Element) -> str:
    """void dot_join(job): chunk results, added by adjacent pairs in place, go to C."""
    f = Body(declares)
    t, size = element.type, element.size
    partial = job.pointer(f, "partial")
    c = job.pointer(f, "C")
    # 2^58 chunks are more than an address space holds; levels past the last one do nothing, and one chunk has none.
    levels = w.select(f, w.compare(f, "sgt", job.field(f, "chunks"), 1), 58, 0)
    with (
        f.loop(0, job.field(f, "batch")) as b,
        f.loop(0, job.field(f, "M")) as i,
        f.loop(0, job.field(f, "N")) as j,
    ):
        row = w.add(f, w.mul(f, b.index, job.field(f, "M")), i.index)
        output = w.add(f, w.mul(f, row, job.field(f, "N")), j.index)
        base = w.at(f, partial, w.mul(f, output, job.field(f, "chunks")), t)
        with f.loop(0, levels, carried=[("i64", job.field(f, "chunks"))]) as level:
            n = level.values[0]
            pairs = w.div(f, n, 2)
            with f.loop(0, pairs) as pair:
                left = w.at(f, base, w.mul(f, pair.index, 2), t)
                x, y = w.get(f, left, t, size), w.get(f, w.at(f, left, 1, t), t, size)
                w.put(f, _plus(f, element, t, x, y), w.at(f, base, pair.index, t), t, size)
            # For an even count this rewrites a value that the next level does not read.
            odd = w.get(f, w.at(f, base, w.sub(f, n, 1), t), t, size)
            is_odd = w.rem(f, n, 2)
            with f.if_(w.compare(f, "ne", is_odd, 0)):
                w.put(f, odd, w.at(f, base, pairs, t), t, size)
            level.next([w.add(f, pairs, is_odd)])
        offset = w.add(
            f,
            w.mul(f, b.index, job.field(f, "sCb")),
            w.add(f, w.mul(f, i.index, job.field(f, "ldc")), j.index),
        )
        w.put(f, w.get(f, base, t, size), w.at(f, c, offset, t), t, size)
    f.emit("ret void")
    return f.function("internal void @dot_join(ptr %job)", "nounwind")
