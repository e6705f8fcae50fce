"""Emits the test of a call against one record; it runs no Python code, so what it borrows stays valid."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...ir.dtypes import ALL
from .arrays import S_DESCR
from .assembler import NULL, Function, Loop, Module, Operand, Value
from .format import (
    ARRAY,
    DICT,
    DTYPE_CODE,
    FLOAT,
    IDENTITY,
    INT,
    KIND,
    LIST,
    MATCH_WORDS,
    OFFSET,
    STATE_WORDS,
    TUPLE,
    WEAK,
)
from .layout import (
    ALIGNED,
    ARRAY_DATA,
    ARRAY_DESCR,
    C_BUSY,
    C_TENSOR,
    CONTIGUOUS,
    FLOAT_VALUE,
    LIST_ITEMS,
    SIZE,
    T_AVAL,
    T_DATA,
    TUPLE_ITEMS,
    TYPE,
)


def field(f: Function, record: Value, name: str, type: str = "i64") -> Value:
    """A word of a record's header."""
    return f.load(type, record, OFFSET[name])


def table(f: Function, record: Value, name: str) -> Value:
    """The first row of a record's table."""
    return f.at(record, field(f, record, f"{name}_at"))


def slots_of(f: Function, record: Value, args: Value, frame: Value) -> Value:
    """Where the slots are: the frame if containers add to the arguments, else the arguments themselves."""
    return f.select(field(f, record, "copies").ne(0), frame, args)


def _miss_unless(f: Function, condition: Value) -> None:
    with f.if_(condition.eq("false"), unlikely=True):
        f.ret("false")


def emit(m: Module) -> None:
    """Add `match(record, args, frame) -> i1`, which fills the frame's slots, bufs and scratch."""
    _weak(m)
    _dict(m)
    _array(m)
    _state(m)
    _match(m)


@contextmanager
def rows(f: Function, record: Value, name: str, words: int) -> Iterator[tuple[Value, Value, Loop]]:
    """A loop over a table: the row, its number, the loop."""
    n = field(f, record, f"n_{name}")
    first = table(f, record, name)
    i = f.variable("i64", 0)
    with f.while_(lambda: i.value.lt(n)) as loop:
        current = i.value
        i.set(current + 1)
        yield f.at(first, current * (8 * words)), current, loop


def _array(m: Module) -> None:
    f = m.function("match_ndarray", "ptr", "ptr", "ptr", inline="noinline")
    o, spec = f.parameters
    good = f.load("ptr", o, TYPE).eq(f.address("PyArray_Type"))
    with f.if_(good.eq("false")):
        f.ret(NULL)
    with f.if_(f.load("ptr", o, ARRAY_DESCR).ne(f.load("ptr", spec, S_DESCR))):
        f.ret(NULL)
    with f.if_(f.call("same_extents", o, spec, CONTIGUOUS | ALIGNED)):
        f.ret(f.load("ptr", o, ARRAY_DATA))
    f.ret(NULL)


def _weak(m: Module) -> None:
    f = m.function("match_weak", "i1", "ptr", "i64", "i64", "ptr", inline="noinline")
    o, kind, dtype, place = f.parameters
    integer = f.variable("i64", 0)
    with f.if_(kind.eq(KIND[float])):
        _miss_unless(f, f.load("ptr", o, TYPE).eq(f.address("PyFloat_Type")))
        number = f.load("double", o, FLOAT_VALUE)
        with f.if_(dtype.eq(DTYPE_CODE["float64"])):
            f.store(number, place)
        with f.else_():
            f.store(number.cast("fptrunc", "float"), place)
        f.ret("true")
    with f.if_(kind.eq(KIND[bool])):
        true = o.eq(f.address("_Py_TrueStruct"))
        _miss_unless(f, true | o.eq(f.address("_Py_FalseStruct")))
        integer.set(true.cast("zext", "i64"))
    with f.else_():
        _miss_unless(f, f.load("ptr", o, TYPE).eq(f.address("PyLong_Type")))
        overflow = f.variable("i32", 0)
        integer.set(f.call("PyLong_AsLongLongAndOverflow", o, overflow.slot))
        with f.if_(overflow.value.ne(0), unlikely=True):
            _miss_unless(f, overflow.value.gt(0) & dtype.eq(DTYPE_CODE["uint64"]))
            big = f.call("PyLong_AsUnsignedLongLong", o)
            with f.if_(f.call("PyErr_Occurred").ne(NULL)):
                f.call("PyErr_Clear")
                f.ret("false")
            f.store(big, place)
            f.ret("true")
    value = integer.value
    for d in ALL:
        if not d.plain:
            continue
        with f.if_(dtype.eq(DTYPE_CODE[d.name])):
            if d.is_float:
                f.store(value.cast("sitofp", "float" if d.bits == 32 else "double"), place)
            elif d.name == "uint64":
                _miss_unless(f, value.lt(0).negated())
                f.store(value, place)
            else:
                bits = max(d.bits, 8)
                narrow = value.cast("trunc", f"i{bits}") if bits < 64 else value
                wide = narrow.cast("zext" if d.kind == "uint" else "sext", "i64") if bits < 64 else value
                _miss_unless(f, wide.eq(value))
                f.store(narrow, place)
            f.ret("true")
    f.ret("false")


def _dict(m: Module) -> None:
    f = m.function("match_dict", "i1", "ptr", "i64", "ptr", "ptr", "i64", inline="noinline")
    o, n, keys, children, plain = f.parameters
    _miss_unless(f, f.load("ptr", o, TYPE).eq(f.address("PyDict_Type")))
    _miss_unless(f, f.call("PyDict_Size", o).eq(n))
    position, i, ordered = f.variable("i64", 0), f.variable("i64", 0), f.variable("i1", "true")
    key, value = f.variable("ptr"), f.variable("ptr")
    text, whole = f.address("PyUnicode_Type"), f.address("PyLong_Type")
    lookup = f.variable("i1", plain.ne(0))
    with f.while_(lambda: i.value.lt(n)):
        with f.if_(f.call("PyDict_Next", o, position.slot, key.slot, value.slot).eq(0), unlikely=True):
            f.ret("false")
        kind = f.load("ptr", key.value, TYPE)
        lookup.set(lookup.value & (kind.eq(text) | kind.eq(whole)))
        ordered.set(ordered.value & key.value.eq(f.load("ptr", f.index(keys, i.value))))
        f.store(value.value, f.index(children, i.value))
        i.set(i.value + 1)
    with f.if_(ordered.value):
        f.ret("true")
    _miss_unless(f, lookup.value)
    with f.times(n) as j:
        found = f.call("PyDict_GetItemWithError", o, f.load("ptr", f.index(keys, j)))
        with f.if_(found.eq(NULL)):
            f.call("PyErr_Clear")
            f.ret("false")
        f.store(found, f.index(children, j))
    f.ret("true")


def _state(m: Module) -> None:
    f = m.function("match_state", "i1", "ptr", inline="noinline")
    (record,) = f.parameters
    with rows(f, record, "state", STATE_WORDS) as (row, _, _loop):
        cell = f.load("ptr", row)
        tensor = f.load("ptr", cell, C_TENSOR)
        with f.if_(f.load("i64", cell, C_BUSY).ne(0) | tensor.eq(NULL), unlikely=True):
            f.ret("false")
        _miss_unless(f, f.load("ptr", tensor, T_AVAL).eq(f.load("ptr", row, 8)))
        _miss_unless(f, f.load("ptr", tensor, T_DATA).ne(NULL))
    f.ret("true")


def _match(m: Module) -> None:
    f = m.function("match", "i1", "ptr", "ptr", "ptr", inline="alwaysinline")
    record, args, frame = f.parameters
    slots = slots_of(f, record, args, frame)
    bufs = f.index(frame, field(f, record, "bufs"))
    with f.if_(slots.eq(frame)), f.times(field(f, record, "n_args") + field(f, record, "n_kwnames")) as i:
        f.store(f.load("ptr", f.index(args, i)), f.index(frame, i))
    with rows(f, record, "match", MATCH_WORDS) as (row, _, _loop):
        code = f.load("i64", row)
        o = f.load("ptr", f.index(slots, f.load("i64", row, 8)))
        kind = f.load("ptr", o, TYPE)
        with f.if_(code.eq(ARRAY)):
            data = f.variable("ptr")
            with f.if_(kind.eq(f.load("ptr", f.address("types")))):
                _miss_unless(f, f.load("ptr", o, T_AVAL).eq(f.load("ptr", row, 16)))
                data.set(f.load("ptr", o, T_DATA))
            with f.else_():
                data.set(f.call("match_ndarray", o, f.at(record, f.load("i64", row, 32))))
            _miss_unless(f, data.value.ne(NULL))
            f.store(data.value, f.index(bufs, f.load("i64", row, 24)))
        with f.else_():
            _other(f, record, row, code, o, kind, slots, bufs, frame)
    with f.if_(field(f, record, "n_state").eq(0)):
        f.ret("true")
    f.ret(f.call("match_state", record))


def _other(
    f: Function,
    record: Value,
    row: Value,
    code: Value,
    o: Value,
    kind: Value,
    slots: Value,
    bufs: Value,
    frame: Value,
) -> None:
    word: Operand = f.load("i64", row, 16)
    with f.if_(code.eq(IDENTITY)):
        _miss_unless(f, o.cast("ptrtoint", "i64").eq(word))
    with f.if_(code.eq(FLOAT)):
        _miss_unless(f, kind.eq(f.address("PyFloat_Type")))
        _miss_unless(f, f.load("i64", o, FLOAT_VALUE).eq(word))
    with f.if_(code.eq(INT)):
        _miss_unless(f, kind.eq(f.address("PyLong_Type")))
        overflow = f.variable("i32", 0)
        value = f.call("PyLong_AsLongLongAndOverflow", o, overflow.slot)
        _miss_unless(f, value.eq(word) & overflow.value.eq(0))
    children = f.index(slots, f.load("i64", row, 24))
    for container, expected, direct in ((TUPLE, "PyTuple_Type", True), (LIST, "PyList_Type", False)):
        with f.if_(code.eq(container)):
            _miss_unless(f, kind.eq(f.address(expected)))
            _miss_unless(f, f.load("i64", o, SIZE).eq(word))
            items = f.at(o, TUPLE_ITEMS) if direct else f.load("ptr", o, LIST_ITEMS)
            with f.times(word) as i:
                f.store(f.load("ptr", f.index(items, i)), f.index(children, i))
    with f.if_(code.eq(DICT)):
        n = f.load("i64", row, 16)
        keys = f.at(record, f.load("i64", row, 32))
        _miss_unless(f, f.call("match_dict", o, n, keys, children, f.load("i64", row, 40)))
    with f.if_(code.eq(WEAK)):
        scratch = f.index(frame, field(f, record, "scratch"))
        place = f.index(scratch, f.load("i64", row, 40))
        good = f.call("match_weak", o, f.load("i64", row, 16), f.load("i64", row, 32), place)
        _miss_unless(f, good)
        f.store(place, f.index(bufs, f.load("i64", row, 24)))
