"""Stable sorting of rows, and of their positions, as LLVM text: short rows by rank, long ones by radix.

An element's rank is the number of those that go before it, counted a vector at a time. A few first positions are found
by insertion into a short list, whose last key turns most elements away.

Elements are ordered by keys: unsigned integers in the order of `Sort` (`ir/op.py`), complemented where it descends, so
that equal elements keep their order in either direction. The radix sort takes the keys' digits from the lowest on. It
counts all digits in one sweep, passes over a digit that is the same everywhere, and moves the keys once for each
other one. Positions travel with their keys in one wider integer. Elements are made of their keys again, for which zeros
need keys of their own; so that equal ones keep their order, zeros of both signs are then put in that of the operand.
"""

from __future__ import annotations

from typing import Final

from ..ir import dtypes
from ..ir.dtypes import DType
from . import words as w
from .body import Body
from .sort_keys import DIGIT, Rows, What

SHORT: Final = 64
"""Rows up to this are sorted by rank: a radix sort has a thousand counters to clear and add up."""

MOST_FIRST: Final = 48
"""The longest list of first positions."""

MOST_POSITIONS: Final = 1 << 32
"""A position has 32 bits beside an element of at most 32 bits."""

_JOB: Final = ("x", "out", "n", "first", "mask", "scratch")
_ATTRIBUTES: Final = "nounwind"


def symbol(dtype: DType, what: What) -> str:
    """`i64 symbol(x, out, rows, n, first, descending, scratch)`.

    `out` gets, for each of the `rows` of `n` elements at `x`, what is wanted: `n` elements, or `n` or `first` int64
    positions.
    """
    return f"litho_{what.value}_{dtype.name}"


def scratch_bytes(dtype: DType, what: What, rows: int, n: int) -> int:
    """Bytes of scratch memory that such a call needs."""
    if n <= SHORT or what is What.FIRST:
        return 0
    return rows * n * (2 * Rows(dtype, what).size if what is What.POSITIONS else dtype.itemsize)


def _put_in_order(f: Body, rows: Rows, to: str, value: str, key: str, start: str) -> None:
    """Put a value behind those of the `start` sorted ones at `to` that are not greater; those move up by one."""
    test, shift, done = (f.fresh_label(x) for x in ("test", "shift", "place"))
    before = f.block
    f.emit(f"br label %{test}")
    f.label(test)
    place, lower = f.fresh("place"), f.fresh("lower")
    f.emit(f"{place} = phi i64 [ {start}, %{before} ], [ {lower}, %{shift} ]")
    first = w.compare(f, "eq", place, 0)
    look = f.fresh_label("look")
    f.emit(f"br i1 {first}, label %{done}, label %{look}")
    f.label(look)
    f.emit(f"{lower} = add nsw i64 {place}, -1")
    other = rows.get(f, rows.at(f, to, lower))
    greater = f.assign(f"icmp ugt i{rows.bits} {rows.key(f, other)}, {key}")
    f.emit(f"br i1 {greater}, label %{shift}, label %{done}")
    f.label(shift)
    rows.put(f, other, rows.at(f, to, place))
    f.emit(f"br label %{test}")
    f.label(done)
    rows.put(f, value, rows.at(f, to, place))


def _insert(f: Body, rows: Rows, to: str, count: str) -> None:
    """Sort the first elements of `%x` into `to`."""
    with f.loop(0, count) as row:
        value = rows.packed(f, "%x", row.index)
        _put_in_order(f, rows, to, value, rows.key(f, value), row.index)


def _by_rank(f: Body, rows: Rows) -> None:
    """Put each element, or its position, where as many others go before it: lower ones, and earlier ones alike."""
    bits = max(rows.bits, 32)
    key_type, lanes = f"i{bits}", 512 // bits
    vector, mask, own = f"<{lanes} x {key_type}>", f"<{lanes} x i1>", f"i{rows.bits}"
    # Behind the keys stand as many of the highest as a vector may reach over.
    keys = f.alloca(key_type, SHORT + lanes)

    def splat(value: str) -> str:
        one = f.assign(f"insertelement {vector} poison, {key_type} {value}, i64 0")
        return f.assign(f"shufflevector {vector} {one}, {vector} poison, <{lanes} x i32> zeroinitializer")

    with f.loop(0, "%n") as loop:
        key = rows.key_of(f, w.get(f, w.at(f, "%x", loop.index, own), own, rows.bits // 8))
        wide = key if bits == rows.bits else f.assign(f"zext {own} {key} to {key_type}")
        w.put(f, wide, w.at(f, keys, loop.index, key_type), key_type, bits // 8)
    w.put(f, splat("-1"), w.at(f, keys, "%n", key_type), vector, bits // 8)
    numbers = f"<{', '.join(f'{key_type} {k}' for k in range(lanes))}>"
    f.declare(f"declare i{lanes} @llvm.ctpop.i{lanes}(i{lanes})")
    with f.loop(0, "%n") as loop:
        key = splat(w.get(f, w.at(f, keys, loop.index, key_type), key_type, bits // 8))
        index = loop.index if bits == 64 else f.assign(f"trunc i64 {loop.index} to {key_type}")
        with f.loop(0, "%n", lanes, carried=[("i64", "0"), (key_type, index)]) as block:
            others = w.get(f, w.at(f, keys, block.index, key_type), vector, bits // 8)
            earlier = f.assign(f"icmp slt {vector} {numbers}, {splat(block.values[1])}")
            alike = f.assign(f"icmp eq {vector} {others}, {key}")
            lower = f.assign(f"icmp ult {vector} {others}, {key}")
            before = f.assign(f"or {mask} {lower}, {f.assign(f'and {mask} {alike}, {earlier}')}")
            word = f.assign(f"bitcast {mask} {before} to i{lanes}")
            count = f.assign(f"zext i{lanes} {f.assign(f'call i{lanes} @llvm.ctpop.i{lanes}(i{lanes} {word})')} to i64")
            block.next([w.add(f, block.values[0], count), f.assign(f"sub {key_type} {block.values[1]}, {lanes}")])
        rank = block.results[0]
        if rows.positions:
            w.put(f, loop.index, w.at(f, "%out", rank, "i64"))
        else:
            value = w.get(f, w.at(f, "%x", loop.index, own), own, rows.bits // 8)
            w.put(f, value, w.at(f, "%out", rank, own), own, rows.bits // 8)


def _first(f: Body, rows: Rows) -> None:
    """Find the `%first` positions: a later element enters where its key is below the last one's, which then leaves."""
    some = w.compare(f, "sgt", "%first", 0)
    with f.if_(some):
        held = f.alloca(rows.type, MOST_FIRST)
        _insert(f, rows, held, "%first")
        last = w.sub(f, "%first", 1)
        worst = rows.key(f, rows.get(f, rows.at(f, held, last)))
        type_ = f"i{rows.bits}"
        with f.loop("%first", "%n", carried=[(type_, worst)]) as row:
            value = rows.packed(f, "%x", row.index)
            key = rows.key(f, value)
            below, before = f.assign(f"icmp ult {type_} {key}, {row.values[0]}"), f.block
            with f.if_(below):
                _put_in_order(f, rows, held, value, key, last)
                lower, entered = rows.key(f, rows.get(f, rows.at(f, held, last))), f.block
            row.next([f.assign(f"phi {type_} [ {row.values[0]}, %{before} ], [ {lower}, %{entered} ]")])
        _unpack(f, rows, held, "%first")
    f.emit("ret void")


def _count(f: Body, rows: Rows, counts: list[str]) -> str:
    """Put what travels at `%scratch`, elements as keys, and count its digits; whether there is a zero below zero."""
    f.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
    for table in counts:
        f.emit(f"call void @llvm.memset.p0.i64(ptr align 64 {table}, i8 0, i64 {8 << DIGIT}, i1 false)")
    type_, sign = f"i{rows.bits}", -(1 << (rows.bits - 1))
    with f.loop(0, "%n", carried=[("i1", "false")]) as loop:
        value = rows.packed(f, "%x", loop.index)
        if rows.positions:
            key, negative = rows.key(f, value), "false"
        else:
            negative = f.assign(f"icmp eq {type_} {value}, {sign}")
            value = key = rows.key_of(f, value, zeros_alike=False)
        loop.next([f.assign(f"or i1 {loop.values[0]}, {negative}")])
        rows.put(f, value, rows.at(f, "%scratch", loop.index))
        for number, table in enumerate(counts):
            slot = w.at(f, table, rows.digit(f, key, number), "i64")
            w.put(f, w.add(f, w.get(f, slot), 1), slot)
    return loop.results[0]


def _radix(f: Body, rows: Rows, other: str, counts: list[str]) -> str:
    """Sort what travels by the counted digits, to and fro between `%scratch` and `other`; where it is in the end."""

    def key(value: str) -> str:
        return rows.key(f, value) if rows.positions else value

    first = key(rows.get(f, rows.at(f, "%scratch", 0)))
    moves: list[str] = []
    for number, table in enumerate(counts):
        alike = w.get(f, w.at(f, table, rows.digit(f, first, number), "i64"))
        moves.append(w.compare(f, "ne", alike, "%n"))
    source = "%scratch"
    for number, (table, needed) in enumerate(zip(counts, moves, strict=True)):
        before = f.block
        with f.if_(needed):
            here = f.assign(f"icmp eq ptr {source}, %scratch")
            to = w.select_ptr(f, here, other, "%scratch")
            with f.loop(0, 1 << DIGIT, carried=[("i64", "0")]) as bucket:
                slot = w.at(f, table, bucket.index, "i64")
                size = w.get(f, slot)
                w.put(f, bucket.values[0], slot)
                bucket.next([w.add(f, bucket.values[0], size)])
            with f.loop(0, "%n") as loop:
                value = rows.get(f, rows.at(f, source, loop.index))
                slot = w.at(f, table, rows.digit(f, key(value), number), "i64")
                place = w.get(f, slot)
                w.put(f, w.add(f, place, 1), slot)
                rows.put(f, value, rows.at(f, to, place))
            moved = f.block
        # `if_` jumps over its arm from the block before.
        source = f.assign(f"phi ptr [ {source}, %{before} ], [ {to}, %{moved} ]")
    return source


def _elements(f: Body, rows: Rows, source: str, zero_below: str) -> None:
    """The elements of sorted keys; zeros of both signs, which lie together, in the order that they came in."""
    with f.loop(0, "%n") as loop:
        rows.put(f, rows.element(f, rows.get(f, rows.at(f, source, loop.index))), rows.at(f, "%out", loop.index))
    if not rows.dtype.is_float:
        return
    type_, sign = f"i{rows.bits}", -(1 << (rows.bits - 1))

    def is_zero(pointer: str) -> str:
        return f.assign(f"icmp eq {type_} {f.assign(f'and {type_} {rows.get(f, pointer)}, {~sign}')}, 0")

    with f.if_(zero_below):
        search, found = f.fresh_label("search"), f.fresh_label("found")
        before, start, further = f.block, f.fresh("start"), f.fresh("further")
        f.emit(f"br label %{search}")
        f.label(search)
        f.emit(f"{start} = phi i64 [ 0, %{before} ], [ {further}, %{search} ]")
        f.emit(f"{further} = add nsw i64 {start}, 1")
        f.emit(f"br i1 {is_zero(rows.at(f, '%out', start))}, label %{found}, label %{search}")
        f.label(found)
        with f.loop(0, "%n", carried=[("i64", start)]) as loop:
            pointer = rows.at(f, "%x", loop.index)
            zero, unmoved = is_zero(pointer), f.block
            with f.if_(zero):
                rows.put(f, rows.get(f, pointer), rows.at(f, "%out", loop.values[0]))
                place, moved = w.add(f, loop.values[0], 1), f.block
            loop.next([f.assign(f"phi i64 [ {loop.values[0]}, %{unmoved} ], [ {place}, %{moved} ]")])


def _unpack(f: Body, rows: Rows, source: str, count: str) -> None:
    with f.loop(0, count) as loop:
        w.put(f, rows.position(f, rows.get(f, rows.at(f, source, loop.index))), w.at(f, "%out", loop.index, "i64"))


def _row(declares: dict[str, None], rows: Rows) -> str:
    """void row(x, out, n, first, mask, scratch): one row."""
    f = Body(declares)
    signature = f"ptr %x, ptr %out, i64 %n, i64 %first, i{rows.bits} %mask, ptr %scratch"
    if rows.what is What.FIRST:
        _first(f, rows)
        return f.function(f"internal void @row({signature})", _ATTRIBUTES)
    counts = [f.alloca("i64", 1 << DIGIT) for _ in range(rows.bits // DIGIT)]
    short = w.compare(f, "sle", "%n", SHORT)
    with f.if_(short):
        _by_rank(f, rows)
        f.emit("ret void")
        f.label(f.fresh_label("unreached"))
    zero_below = _count(f, rows, counts)
    if rows.positions:
        _unpack(f, rows, _radix(f, rows, rows.at(f, "%scratch", "%n"), counts), "%n")
    else:
        _elements(f, rows, _radix(f, rows, "%out", counts), zero_below)
    f.emit("ret void")
    return f.function(f"internal void @row({signature})", _ATTRIBUTES)


def _tasks(declares: dict[str, None], rows: Rows) -> str:
    """The task function: a task sorts one row."""
    f = Body(declares)
    x, out, scratch = [w.get(f, w.at(f, "%job", _JOB.index(p), "i64"), "ptr") for p in ("x", "out", "scratch")]
    n, first, wide = [w.get(f, w.at(f, "%job", _JOB.index(p), "i64")) for p in ("n", "first", "mask")]
    mask = wide if rows.bits == 64 else f.assign(f"trunc i64 {wide} to i{rows.bits}")
    with f.loop("%lo", "%hi") as task:
        offset = w.mul(f, task.index, n)
        own = w.at(f, x, offset, f"i{rows.bits}")
        written = w.mul(f, task.index, first) if rows.what is What.FIRST else offset
        to = w.at(f, out, written, "i64" if rows.positions else f"i{rows.bits}")
        space = rows.at(f, scratch, w.mul(f, offset, 2) if rows.positions else offset)
        f.emit(f"call void @row(ptr {own}, ptr {to}, i64 {n}, i64 {first}, i{rows.bits} {mask}, ptr {space})")
    f.emit("ret i64 0")
    return f.function("internal i64 @tasks(ptr %job, i64 %lo, i64 %hi)", _ATTRIBUTES)


def _entry(declares: dict[str, None], rows: Rows) -> str:
    f = Body(declares)
    job = f.alloca("i64", len(_JOB))
    for pointer in ("x", "out", "scratch"):
        w.put(f, f"%{pointer}", w.at(f, job, _JOB.index(pointer), "i64"), "ptr")
    for number in ("n", "first"):
        w.put(f, f"%{number}", w.at(f, job, _JOB.index(number), "i64"))
    w.put(f, w.sub(f, 0, "%descending"), w.at(f, job, _JOB.index("mask"), "i64"))
    grain = w.most(f, w.div(f, "4096", w.most(f, "%n", 1)), 1)
    f.declare("declare i64 @litho_parallel(ptr, ptr, i64, i64)")
    status = f.assign(f"call i64 @litho_parallel(ptr @tasks, ptr {job}, i64 %rows, i64 {grain})")
    f.emit(f"ret i64 {status}")
    signature = "ptr %x, ptr %out, i64 %rows, i64 %n, i64 %first, i64 %descending, ptr %scratch"
    return f.function(f"i64 @{symbol(rows.dtype, rows.what)}({signature})", _ATTRIBUTES)


def text(dtype: DType, what: What) -> str:
    """The LLVM module of one dtype; it exports `symbol(dtype, what)` and imports litho_parallel."""
    rows = Rows(dtype, what)
    declares: dict[str, None] = {}
    parts = [_row(declares, rows), _tasks(declares, rows), _entry(declares, rows)]
    return "\n".join([*declares, *parts])


HOME: Final = {symbol(dtype, what): (dtype, what) for dtype in dtypes.ALL for what in What}
"""What each symbol sorts."""
