"""Emits what happens once a call has matched: allocate, run, commit or undo, build the result."""

from __future__ import annotations

from .assembler import NULL, Function, Module, Value
from .format import (
    ARRAY,
    BUILD_WORDS,
    MAKE_CALL,
    MAKE_DICT,
    MAKE_LIST,
    MAKE_TUPLE,
    MATCH_WORDS,
    OFFSET,
    OUT_WORDS,
    PUSH_CONST,
    PUSH_OUTPUT,
    STATE_WORDS,
)
from .layout import (
    C_BUSY,
    C_TENSOR,
    INLINE,
    LIVE_BYTES,
    RELEASED,
    T_AVAL,
    T_BASE,
    T_DATA,
    T_FLAGS,
    T_NBYTES,
    T_PINS,
    TUPLE_ITEMS,
    TYPE,
)
from .matching import field, rows, slots_of
from .memory import account, decref, incref


def emit(m: Module) -> None:
    """Add `run(record, args, frame) -> object`, which takes a call that has matched, to a module."""
    _record(m)
    _hold(m)
    _held_alone(m)
    _state(m)
    _outputs(m)
    _make_dict(m)
    _build(m)
    _error(m)
    _run(m)


def _record(m: Module) -> None:
    f = m.function("record_release", "void", "ptr")
    (record,) = f.parameters
    with f.if_(f.bump(record, -1, OFFSET["references"]).eq(0), unlikely=True):
        arena = field(f, record, "arena", "ptr")
        with f.if_(arena.ne(NULL)):
            f.call("block_free", arena, field(f, record, "arena_bytes"))
        objects = field(f, record, "objects", "ptr")
        f.call("free", record)
        decref(f, objects)
    f.ret()


def _hold(m: Module) -> None:
    """While other Python code may run, matched arguments are referred to, and Tensors are in use."""
    for name, amount in (("hold_inputs", 1), ("unhold_inputs", -1)):
        f = m.function(name, "void", "ptr", "ptr", inline="noinline")
        record, slots = f.parameters
        with rows(f, record, "match", MATCH_WORDS) as (row, _, _loop), f.if_(f.load("i64", row).eq(ARRAY)):
            o = f.load("ptr", f.index(slots, f.load("i64", row, 8)))
            if amount > 0:
                incref(f, o)
            with f.if_(f.load("ptr", o, TYPE).eq(f.load("ptr", f.address("types")))):
                if amount > 0:
                    f.bump(o, 1, T_PINS)
                else:
                    f.call("unpin", o)
            if amount < 0:
                decref(f, o)
        f.ret()


def _state(m: Module) -> None:
    # Lend the cells: used[i] is the Tensor before the call (a reference of its own), new[i] what the cell
    # will hold (NULL: unchanged; used[i] itself: updated in place, and the cell is empty meanwhile).
    f = m.function("lend", "i1", "ptr", "ptr", inline="noinline")
    record, frame = f.parameters
    bufs = f.index(frame, field(f, record, "bufs"))
    used, new = f.index(frame, field(f, record, "used")), f.index(frame, field(f, record, "new"))
    with rows(f, record, "state", STATE_WORDS) as (row, i, _loop):
        tensor = f.load("ptr", f.load("ptr", row), C_TENSOR)
        f.store(tensor, f.index(used, i))
        out = f.load("i64", row, 24)
        made = f.variable("ptr", NULL)
        with f.if_(out.lt(0).negated()):
            with f.if_(f.call("held_alone", tensor) & f.load("i64", row, 32).ne(0)):
                made.set(tensor)
            with f.else_():
                made.set(f.call("tensor_new", f.load("ptr", row, 8), f.load("i64", row, 40)))
                with f.if_(made.value.eq(NULL), unlikely=True):
                    _drop_new(f, used, new, i)
                    f.ret("false")
            f.store(f.load("ptr", made.value, T_DATA), f.index(bufs, out))
        f.store(made.value, f.index(new, i))
        f.store(f.load("ptr", tensor, T_DATA), f.index(bufs, f.load("i64", row, 16)))
    with rows(f, record, "state", STATE_WORDS) as (row, i, _loop):
        cell, tensor = f.load("ptr", row), f.load("ptr", f.index(used, i))
        made_here = f.load("ptr", f.index(new, i))
        with f.if_(made_here.ne(NULL)):
            f.store(1, cell, C_BUSY)
        with f.if_(made_here.eq(tensor)):
            f.store(NULL, cell, C_TENSOR, "ptr")
        with f.else_():
            incref(f, tensor)
        f.bump(tensor, 1, T_PINS)
    f.ret("true")

    f = m.function("settle_state", "void", "ptr", "ptr", "i64", inline="noinline")
    record, frame, status = f.parameters
    used, new = f.index(frame, field(f, record, "used")), f.index(frame, field(f, record, "new"))
    with rows(f, record, "state", STATE_WORDS) as (row, i, _loop):
        cell = f.load("ptr", row)
        before, after = f.load("ptr", f.index(used, i)), f.load("ptr", f.index(new, i))
        with f.if_(after.ne(NULL)):
            f.store(0, cell, C_BUSY)
            with f.if_(after.eq(before)):
                f.store(before, cell, C_TENSOR)
                incref(f, before)
            with f.else_():
                with f.if_(status.eq(0)):
                    f.store(after, cell, C_TENSOR)
                    decref(f, before)
                with f.else_():
                    decref(f, after)
    f.ret()

    # used[i] becomes what an output refers to; its reference from `lend` is given up at the end.
    f = m.function("unlend", "void", "ptr", "ptr", inline="noinline")
    record, frame = f.parameters
    used = f.index(frame, field(f, record, "used"))
    with f.times(field(f, record, "n_state")) as i:
        tensor = f.load("ptr", f.index(used, i))
        f.call("unpin", tensor)
        decref(f, tensor)
    f.ret()


def _held_alone(m: Module) -> None:
    """Whether one reference to the tensor exists, and nothing else refers to its memory."""
    f = m.function("held_alone", "i1", "ptr", inline="noinline")
    (tensor,) = f.parameters
    with f.if_(f.load("i64", tensor).ne(1)):
        f.ret("false")
    with f.if_((f.load("i64", tensor, T_FLAGS) & RELEASED).eq(0)):
        f.ret("true")
    base = f.load("ptr", tensor, T_BASE)
    with f.if_(base.eq(NULL)):
        f.ret("false")
    ours = f.load("ptr", base, TYPE).eq(f.load("ptr", f.address("types")))
    f.ret(ours & f.load("i64", base).eq(1))


def _drop_new(f: Function, used: Value, new: Value, n: Value) -> None:
    with f.times(n) as i:
        made = f.load("ptr", f.index(new, i))
        with f.if_(made.ne(NULL) & made.ne(f.load("ptr", f.index(used, i)))):
            decref(f, made)


def _outputs(m: Module) -> None:
    f = m.function("drop_outputs", "void", "ptr", "ptr", "i64", inline="noinline")
    _, outs, n = f.parameters
    with f.times(n) as i:
        made = f.load("ptr", f.index(outs, i))
        with f.if_(made.ne(NULL)):
            decref(f, made)
    f.ret()

    f = m.function("make_outputs", "i1", "ptr", "ptr", inline="alwaysinline")
    record, frame = f.parameters
    bufs, outs = f.index(frame, field(f, record, "bufs")), f.index(frame, field(f, record, "outs"))
    with rows(f, record, "out", OUT_WORDS) as (row, i, _loop):
        aval = f.load("ptr", row)
        with f.if_(aval.eq(NULL), unlikely=True):
            f.store(NULL, f.index(outs, i), 0, "ptr")
        with f.else_():
            made = f.call("tensor_new", aval, f.load("i64", row, 8))
            with f.if_(made.eq(NULL), unlikely=True):
                f.call("drop_outputs", record, outs, i)
                f.ret("false")
            f.store(made, f.index(outs, i))
            f.store(f.load("ptr", made, T_DATA), f.index(bufs, f.load("i64", row, 16)))
    f.ret("true")

    # The cell keeps its Tensor to itself, so that nobody can dispose it: what is handed out is a view.
    f = m.function("state_outputs", "void", "ptr", "ptr", inline="noinline")
    record, frame = f.parameters
    outs, used = f.index(frame, field(f, record, "outs")), f.index(frame, field(f, record, "used"))
    new = f.index(frame, field(f, record, "new"))
    with rows(f, record, "out", OUT_WORDS) as (row, i, _loop), f.if_(f.load("ptr", row).eq(NULL)):
        k = f.load("i64", row, 8)
        after = f.load("ptr", f.index(new, k))
        tensor = f.select(after.eq(NULL), f.load("ptr", f.index(used, k)), after)
        view = f.variable("ptr", NULL)
        aval, data = f.load("ptr", tensor, T_AVAL), f.load("ptr", tensor, T_DATA)
        nbytes = f.load("i64", tensor, T_NBYTES)
        with f.if_(data.eq(f.at(tensor, INLINE))):
            # What lies in the Tensor itself is copied, so that it stays there.
            view.set(f.call("tensor_new", aval, nbytes))
            with f.if_(view.value.ne(NULL)):
                f.call("memcpy", f.load("ptr", view.value, T_DATA), data, nbytes)
        with f.else_():
            base = f.call("share", tensor)
            with f.if_(base.ne(NULL)):
                view.set(f.call("view_new", aval, data, base, nbytes))
        with f.if_(view.value.eq(NULL), unlikely=True):
            # Without memory for it, the state being changed already, the Tensor itself has to do.
            f.call("PyErr_Clear")
            incref(f, tensor)
            view.set(tensor)
        f.store(view.value, f.index(outs, i))
    f.ret()


def _build(m: Module) -> None:
    f = m.function("build_result", "ptr", "ptr", "ptr", inline="noinline")
    record, frame = f.parameters
    outs, stack = f.index(frame, field(f, record, "outs")), f.index(frame, field(f, record, "stack"))
    depth = f.variable("i64", 0)
    with rows(f, record, "build", BUILD_WORDS) as (row, _, _loop):
        code, n, pointer = f.load("i64", row), f.load("i64", row, 8), f.load("ptr", row, 16)
        made = f.variable("ptr", NULL)
        with f.if_(code.eq(PUSH_OUTPUT)):
            made.set(f.load("ptr", f.index(outs, n)))
            incref(f, made.value)
        taken = f.variable("i64", 0)
        with f.if_(code.eq(PUSH_CONST)):
            made.set(n.cast("inttoptr", "ptr"))
            incref(f, made.value)
        with f.if_(code.gt(PUSH_CONST)):
            taken.set(n)
        first = f.index(stack, depth.value - taken.value)
        for container, kind in ((MAKE_TUPLE, "PyTuple"), (MAKE_LIST, "PyList")):
            with f.if_(code.eq(container)):
                made.set(f.call(f"{kind}_New", n))
                with f.if_(made.value.ne(NULL)):
                    with f.times(n) as i:
                        f.call(f"{kind}_SetItem", made.value, i, f.load("ptr", f.index(first, i)))
                    taken.set(0)
                    depth.set(depth.value - n)
        with f.if_(code.eq(MAKE_DICT)):
            made.set(f.call("make_dict", pointer, n, first))
        with f.if_(code.eq(MAKE_CALL)):
            made.set(f.call("PyObject_Vectorcall", pointer, first, n, NULL))
        with f.times(taken.value) as i:
            decref(f, f.load("ptr", f.index(first, i)))
        depth.set(depth.value - taken.value)
        with f.if_(made.value.eq(NULL), unlikely=True):
            with f.times(depth.value) as i:
                decref(f, f.load("ptr", f.index(stack, i)))
            f.ret(NULL)
        f.store(made.value, f.index(stack, depth.value))
        depth.set(depth.value + 1)
    f.ret(f.load("ptr", stack))


def _make_dict(m: Module) -> None:
    f = m.function("make_dict", "ptr", "ptr", "i64", "ptr", inline="noinline")
    keys, n, values = f.parameters
    made = f.call("PyDict_New")
    with f.if_(made.eq(NULL)):
        f.ret(NULL)
    with f.times(n) as i:
        key = f.load("ptr", f.index(keys, i), TUPLE_ITEMS)
        with f.if_(f.call("PyDict_SetItem", made, key, f.load("ptr", f.index(values, i))).lt(0)):
            decref(f, made)
            f.ret(NULL)
    f.ret(made)


def _error(m: Module) -> None:
    f = m.function("raise_status", "void", "ptr", "i64", inline="noinline")
    record, status = f.parameters
    with f.if_(f.call("PyErr_Occurred").ne(NULL)):
        f.ret()
    number = f.call("PyLong_FromLongLong", status)
    with f.if_(number.eq(NULL)):
        f.ret()
    error = f.call("PyObject_CallOneArg", field(f, record, "fail", "ptr"), number)
    decref(f, number)
    with f.if_(error.eq(NULL)):
        f.ret()
    kind = f.load("ptr", error, TYPE)
    with f.if_(f.call("PyType_IsSubtype", kind, f.load("ptr", f.address("PyExc_BaseException"))).ne(0)):
        f.call("PyErr_SetObject", kind, error)
    with f.else_():
        message = m.string("fail() returns an exception")
        f.call("PyErr_SetString", f.load("ptr", f.address("PyExc_TypeError")), message)
    decref(f, error)
    f.ret()


def _run(m: Module) -> None:
    f = m.function("arena_take", "ptr", "ptr", inline="noinline")
    (record,) = f.parameters
    nbytes = field(f, record, "arena_bytes")
    block = f.variable("ptr", field(f, record, "arena", "ptr"))
    f.store(NULL, record, OFFSET["arena"], "ptr")
    with f.if_(block.value.eq(NULL), unlikely=True):
        block.set(f.call("block_new", nbytes))
        with f.if_(block.value.eq(NULL)):
            f.call("PyErr_NoMemory")
            f.ret(NULL)
    account(f, 0, nbytes)
    f.ret(block.value)

    f = m.function("arena_give", "void", "ptr", "ptr", inline="noinline")
    record, given = f.parameters
    nbytes = field(f, record, "arena_bytes")
    f.bump(f.address("live"), f.assign(f"sub i64 0, {nbytes.text}", "i64"), LIVE_BYTES)
    with f.if_(field(f, record, "arena", "ptr").eq(NULL)):
        f.store(given, record, OFFSET["arena"])
    with f.else_():
        f.call("block_free", given, nbytes)
    f.ret()

    f = m.function("run", "ptr", "ptr", "ptr", "ptr", inline="alwaysinline")
    record, args, frame = f.parameters
    bufs, outs = f.index(frame, field(f, record, "bufs")), f.index(frame, field(f, record, "outs"))
    n_out, n_state = field(f, record, "n_out"), field(f, record, "n_state")
    with f.if_(f.call("make_outputs", record, frame).eq("false"), unlikely=True):
        f.ret(NULL)
    arena = f.variable("ptr", NULL)
    arena_buf, constants_buf = field(f, record, "arena_buf"), field(f, record, "constants_buf")
    with f.if_(arena_buf.lt(0).negated()):
        arena.set(f.call("arena_take", record))
        with f.if_(arena.value.eq(NULL), unlikely=True):
            f.call("drop_outputs", record, outs, n_out)
            f.ret(NULL)
        f.store(arena.value, f.index(bufs, arena_buf))
    with f.if_(n_state.ne(0)), f.if_(f.call("lend", record, frame).eq("false"), unlikely=True):
        with f.if_(arena.value.ne(NULL)):
            f.call("arena_give", record, arena.value)
        f.call("drop_outputs", record, outs, n_out)
        f.ret(NULL)
    with f.if_(constants_buf.lt(0).negated()):
        f.store(field(f, record, "constants"), f.index(bufs, constants_buf))
    f.bump(record, 1, OFFSET["references"])

    program = field(f, record, "program", "ptr")
    holds = field(f, record, "holds").ne(0)
    status = f.variable("i64")
    with f.if_(holds):
        slots = slots_of(f, record, args, frame)
        f.call("hold_inputs", record, slots)
        with f.if_(field(f, record, "release_gil").ne(0)):
            thread = f.call("PyEval_SaveThread")
            status.set(f.call_address("i64", ("ptr",), program, bufs))
            f.call("PyEval_RestoreThread", thread)
        with f.else_():
            status.set(f.call_address("i64", ("ptr",), program, bufs))
    with f.else_():
        status.set(f.call_address("i64", ("ptr",), program, bufs))

    # Cells first: nothing before this line has let other code see a half-done call.
    with f.if_(n_state.ne(0)):
        f.call("settle_state", record, frame, status.value)
        with f.if_(status.value.eq(0)):
            f.call("state_outputs", record, frame)
    with f.if_(arena.value.ne(NULL)):
        f.call("arena_give", record, arena.value)
    result = f.variable("ptr", NULL)
    with f.if_(status.value.ne(0), unlikely=True):
        f.call("raise_status", record, status.value)
    with f.else_():
        with f.if_(field(f, record, "simple").ne(0)):
            result.set(f.load("ptr", outs))
        with f.else_():
            result.set(f.call("build_result", record, frame))
    with f.if_(field(f, record, "simple").eq(0) | status.value.ne(0)):
        f.call("drop_outputs", record, outs, n_out)
    with f.if_(n_state.ne(0)):
        f.call("unlend", record, frame)
    with f.if_(holds):
        f.call("unhold_inputs", record, slots_of(f, record, args, frame))
    f.call("record_release", record)
    f.ret(result.value)
