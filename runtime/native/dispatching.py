"""Emits the Dispatcher: its entry with CPython's vectorcall signature, its records, its garbage collection.

Records stand in chains of links, one chain per bucket, newest first. A link and each call under way own one
reference of a record, so a record that is removed while another thread runs it lives until that call ends.
"""

from __future__ import annotations

from typing import Final

from .arrays import builtin
from .assembler import NULL, Function, Module, Value
from .format import OFFSET
from .layout import (
    D_ALWAYS,
    D_BUCKETS,
    D_COUNT,
    D_MASK,
    D_SLOW,
    D_VECTORCALL,
    D_WEAKREFS,
    L_NEXT,
    L_PRIMARY,
    L_RECORD,
    L_SIZE,
    LIVE_ACTIVE,
    SIZE,
    T_AVAL,
    TUPLE_ITEMS,
    TYPE,
)
from .matching import field
from .memory import decref, fail, incref

FRAME_WORDS: Final = 512
_MISS: Final = "inttoptr (i64 1 to ptr)"
_NARGS: Final = (1 << 63) - 1
_SPREAD: Final = -7046029254386353131  # 2**64 over the golden ratio, odd
_TP_FREE: Final = 74


def emit(m: Module) -> None:
    """Add the Dispatcher to a module."""
    m.declare("try_record", "ptr", "ptr", "ptr", "ptr")
    m.declare("try_large", "ptr", "ptr", "ptr", "i64")
    m.declare("slow_path", "ptr", "ptr", "ptr", "i64", "ptr")
    m.declare("install_links", "i64", "ptr", "ptr", "ptr", "i64")
    m.declare("drop_records", "void", "ptr")
    _attempt(m)
    _entry(m)
    _records(m)
    _life(m)
    _length(m)


def _bucket(f: Function, dispatcher: Value, key: Value) -> Value:
    """The place of the head of the chain for a sum of aval addresses."""
    mask = f.load("i64", dispatcher, D_MASK)
    return f.index(f.load("ptr", dispatcher, D_BUCKETS), ((key * _SPREAD) >> 40) & mask)


def _attempt(m: Module) -> None:
    f = m.function("same_names", "i1", "ptr", "ptr", "i64", inline="noinline")
    given, known, n = f.parameters
    with f.if_(given.eq(NULL)):
        f.ret("false")
    with f.if_(f.load("i64", given, SIZE).ne(n)):
        f.ret("false")
    with f.times(n) as i:
        a, b = (f.load("ptr", f.index(names, i), TUPLE_ITEMS) for names in (given, known))
        with f.if_(a.ne(b), unlikely=True), f.if_(f.call("PyUnicode_Compare", a, b).ne(0)):
            f.ret("false")
    f.ret("true")

    f = m.function("attempt", "ptr", "ptr", "ptr", "i64", "ptr", inline="noinline")
    dispatcher, args, nargs, kwnames = f.parameters
    stack = f.variable("i64", count=FRAME_WORDS).slot
    n_names = f.variable("i64", 0)
    with f.if_(kwnames.ne(NULL), unlikely=True):
        n_names.set(f.load("i64", kwnames, SIZE))
    key = f.variable("i64", 0)
    with f.if_(f.load("i64", dispatcher, D_MASK).ne(0)):
        for position, factor in ((0, 1), (1, 3)):
            with f.if_(nargs.gt(position)):
                o = f.load("ptr", args, 8 * position)
                with f.if_(f.load("ptr", o, TYPE).eq(f.load("ptr", f.address("types")))):
                    key.set(key.value + f.load("i64", o, T_AVAL) * factor)
    link = f.variable("ptr", f.load("ptr", _bucket(f, dispatcher, key.value)))
    with f.while_(lambda: link.value.ne(NULL)):
        record = f.load("ptr", link.value, L_RECORD)
        same = field(f, record, "n_args").eq(nargs) & field(f, record, "n_kwnames").eq(n_names.value)
        good = f.variable("i1", same)
        with f.if_(n_names.value.ne(0), unlikely=True), f.if_(same):
            good.set(f.call("same_names", kwnames, field(f, record, "kwnames", "ptr"), n_names.value))
        with f.if_(good.value):
            words = field(f, record, "frame")
            with f.if_(words.gt(FRAME_WORDS), unlikely=True):
                result = f.call("try_large", record, args, words)
                with f.if_(result.ne(_MISS)):
                    f.ret(result)
            with f.else_():
                result = f.call("try_record", record, args, stack)
                with f.if_(result.ne(_MISS)):
                    f.ret(result)
        link.set(f.load("ptr", link.value, L_NEXT))
    f.ret(_MISS)

    f = m.function("try_record", "ptr", "ptr", "ptr", "ptr", inline="alwaysinline")
    record, args, frame = f.parameters
    with f.if_(f.call("match", record, args, frame).eq("false")):
        f.ret(_MISS)
    f.ret(f.call("run", record, args, frame))

    f = m.function("try_large", "ptr", "ptr", "ptr", "i64", inline="noinline")
    record, args, words = f.parameters
    frame = f.call("malloc", words << 3)
    with f.if_(frame.eq(NULL)):
        f.ret(f.call("PyErr_NoMemory"))
    result = f.call("try_record", record, args, frame)
    f.call("free", frame)
    f.ret(result)


def _entry(m: Module) -> None:
    f = m.function("entry", "ptr", "ptr", "ptr", "i64", "ptr", export=True)
    self, args, flags, kwnames = f.parameters
    idle = f.load("i64", f.address("live"), LIVE_ACTIVE).eq(0)
    with f.if_(idle | f.load("i64", self, D_ALWAYS).ne(0)):
        result = f.call("attempt", self, args, flags & _NARGS, kwnames)
        with f.if_(result.ne(_MISS)):
            f.ret(result)
    f.ret(f.call("slow_path", self, args, flags, kwnames))

    # `slow` may be replaced while it runs.
    f = m.function("slow_path", "ptr", "ptr", "ptr", "i64", "ptr", inline="noinline")
    self, args, flags, kwnames = f.parameters
    slow = f.load("ptr", self, D_SLOW)
    with f.if_(slow.eq(NULL)):
        fail(f, "RuntimeError", "the dispatcher has no slow path")
    incref(f, slow)
    result = f.call("PyObject_Vectorcall", slow, args, flags, kwnames)
    decref(f, slow)
    f.ret(result)


def _records(m: Module) -> None:
    f, (dispatcher, words, objects, keys) = builtin(m, "install", 4)
    _need_dispatcher(f, dispatcher)
    n = f.load("i64", words, SIZE)
    record = f.call("malloc", n)
    with f.if_(record.eq(NULL)):
        f.ret(f.call("PyErr_NoMemory"))
    # The bytes of a bytes object start after its length and its hash.
    f.call("memcpy", record, f.at(words, SIZE + 16), n)
    n_keys = f.load("i64", keys, SIZE) >> 3
    with f.if_(f.load("i64", dispatcher, D_MASK).eq(0)):
        f.store(f.call("install_links", dispatcher, record, f.at(keys, SIZE + 16), 1), record, 0)
    with f.else_():
        f.store(f.call("install_links", dispatcher, record, f.at(keys, SIZE + 16), n_keys), record, 0)
    with f.if_(field(f, record, "references").eq(0)):
        f.call("free", record)
        f.ret(f.call("PyErr_NoMemory"))
    incref(f, objects)
    f.store(objects, record, OFFSET["objects"])
    f.bump(dispatcher, 1, D_COUNT)
    none = f.address("_Py_NoneStruct")
    incref(f, none)
    f.ret(none)

    # The number of links made; the first one is the primary.
    f = m.function("install_links", "i64", "ptr", "ptr", "ptr", "i64", inline="noinline")
    dispatcher, record, keys, n_keys = f.parameters
    with f.times(n_keys) as i:
        link = f.call("malloc", L_SIZE)
        with f.if_(link.eq(NULL)):
            f.ret(i)
        place = _bucket(f, dispatcher, f.load("i64", f.index(keys, i)))
        f.store(f.load("ptr", place), link, L_NEXT)
        f.store(record, link, L_RECORD)
        f.store(i.eq(0).cast("zext", "i64"), link, L_PRIMARY)
        f.store(link, place)
    f.ret(n_keys)

    f, (dispatcher,) = builtin(m, "clear", 1)
    _need_dispatcher(f, dispatcher)
    f.call("drop_records", dispatcher)
    none = f.address("_Py_NoneStruct")
    incref(f, none)
    f.ret(none)

    # All chains are taken off first: releasing a record may run any code.
    f = m.function("drop_records", "void", "ptr", inline="noinline")
    (dispatcher,) = f.parameters
    buckets = f.load("ptr", dispatcher, D_BUCKETS)
    with f.if_(buckets.eq(NULL)):
        f.ret()
    f.store(0, dispatcher, D_COUNT)
    all_links, chain = f.variable("ptr", NULL), f.variable("ptr")
    with f.times(f.load("i64", dispatcher, D_MASK) + 1) as i:
        place = f.index(buckets, i)
        chain.set(f.load("ptr", place))
        f.store(NULL, place, 0, "ptr")
        with f.while_(lambda: chain.value.ne(NULL)):
            current = chain.value
            chain.set(f.load("ptr", current, L_NEXT))
            f.store(all_links.value, current, L_NEXT)
            all_links.set(current)
    with f.while_(lambda: all_links.value.ne(NULL)):
        current = all_links.value
        all_links.set(f.load("ptr", current, L_NEXT))
        record = f.load("ptr", current, L_RECORD)
        f.call("free", current)
        f.call("record_release", record)
    f.ret()


def _need_dispatcher(f: Function, o: Value) -> None:
    kind, known = f.load("ptr", o, TYPE), f.load("ptr", f.address("types"), 16)
    with f.if_(kind.ne(known)), f.if_(f.call("PyType_IsSubtype", kind, known).eq(0)):
        fail(f, "TypeError", "expected a Dispatcher")


def _life(m: Module) -> None:
    f = m.function("dispatcher_new", "ptr", "ptr", "ptr", "ptr", export=True)
    kind, args, kwargs = f.parameters
    given, n = f.variable("ptr", NULL), f.variable("i64", 1)
    names = f.address("dispatcher_names")
    parsed = f.call(
        "PyArg_ParseTupleAndKeywords", args, kwargs, m.string("O|n:Dispatcher"), names, given.slot, n.slot
    )
    with f.if_(parsed.eq(0)):
        f.ret(NULL)
    count = n.value
    with f.if_(count.lt(1) | count.gt(1 << 20) | (count & (count - 1)).ne(0)):
        fail(f, "ValueError", "n_buckets must be a power of two from 1 to 1048576")
    buckets = f.call("malloc", count << 3)
    with f.if_(buckets.eq(NULL)):
        f.ret(f.call("PyErr_NoMemory"))
    with f.times(count) as i:
        f.store(NULL, f.index(buckets, i), 0, "ptr")
    self = f.call("PyType_GenericAlloc", kind, 0)
    with f.if_(self.eq(NULL)):
        f.call("free", buckets)
        f.ret(NULL)
    f.store(f.address("entry"), self, D_VECTORCALL)
    incref(f, given.value)
    f.store(given.value, self, D_SLOW)
    f.store(buckets, self, D_BUCKETS)
    f.store(count - 1, self, D_MASK)
    f.ret(self)

    # `__init__` takes what `__new__` took: object's own would refuse it in a subclass.
    f = m.function("dispatcher_init", "i32", "ptr", "ptr", "ptr", export=True)
    f.ret(0)

    f = m.function("dispatcher_traverse", "i32", "ptr", "ptr", "ptr", export=True)
    self, visit, data = f.parameters
    _visit(f, visit, data, f.load("ptr", self, TYPE))
    slow = f.load("ptr", self, D_SLOW)
    with f.if_(slow.ne(NULL)):
        _visit(f, visit, data, slow)
    buckets = f.load("ptr", self, D_BUCKETS)
    with f.if_(buckets.eq(NULL)):
        f.ret(0)
    chain = f.variable("ptr")
    with f.times(f.load("i64", self, D_MASK) + 1) as i:
        chain.set(f.load("ptr", f.index(buckets, i)))
        with f.while_(lambda: chain.value.ne(NULL)):
            with f.if_(f.load("i64", chain.value, L_PRIMARY).ne(0)):
                _visit(f, visit, data, field(f, f.load("ptr", chain.value, L_RECORD), "objects", "ptr"))
            chain.set(f.load("ptr", chain.value, L_NEXT))
    f.ret(0)

    f = m.function("dispatcher_clear", "i32", "ptr", export=True)
    (self,) = f.parameters
    slow = f.load("ptr", self, D_SLOW)
    f.store(NULL, self, D_SLOW, "ptr")
    f.call("drop_records", self)
    with f.if_(slow.ne(NULL)):
        decref(f, slow)
    f.ret(0)

    f = m.function("dispatcher_dealloc", "void", "ptr", export=True)
    (self,) = f.parameters
    f.call("PyObject_GC_UnTrack", self)
    with f.if_(f.load("ptr", self, D_WEAKREFS).ne(NULL)):
        f.call("PyObject_ClearWeakRefs", self)
    f.call("dispatcher_clear", self)
    f.call("free", f.load("ptr", self, D_BUCKETS))
    kind = f.load("ptr", self, TYPE)
    f.call_address("void", ("ptr",), f.call("PyType_GetSlot", kind, _TP_FREE), self)
    decref(f, kind)
    f.ret()


def _visit(f: Function, visit: Value, data: Value, o: Value) -> None:
    answer = f.call_address("i32", ("ptr", "ptr"), visit, o, data)
    with f.if_(answer.ne(0)):
        f.ret(answer)


def _length(m: Module) -> None:
    f = m.function("dispatcher_length", "i64", "ptr", export=True)
    (self,) = f.parameters
    f.ret(f.load("i64", self, D_COUNT))
