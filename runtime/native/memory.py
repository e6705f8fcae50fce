"""Emits the allocator and the life of a Tensor: blocks, views, exports, disposal; it knows no calls.

A block is 64-byte aligned heap memory with the raw pointer in the word before it. Freed blocks of 4 MiB or
more wait in a ring of eight for a request of exactly their size. When a Tensor is first shared with a view
or an ndarray, its memory moves to a hidden Tensor, the holder, that all of them refer to: so a Tensor's
life is its own, and `dispose` gives up its claim only. `pins` counts the running calls that use a Tensor;
what `dispose` gives up waits for them. All of it runs under the interpreter's lock.
"""

from __future__ import annotations

import sys
from typing import Final

from .assembler import NULL, Function, Module, Operand, Value
from .layout import (
    HAS_IMMORTALS,
    HIDDEN,
    INLINE,
    INLINE_MOST,
    LIVE_BUFFERS,
    LIVE_BYTES,
    LIVE_PEAK,
    LIVE_TENSORS,
    POOLED,
    POOLED_MOST,
    RELEASED,
    T_AVAL,
    T_BASE,
    T_DATA,
    T_FLAGS,
    T_MEMORY,
    T_NBYTES,
    T_PINS,
    T_WEAKREFS,
    TYPE,
)

KEEP_FROM: Final = 4 << 20
KEEP_MOST: Final = 1 << 30
KEPT: Final = 8
SPARE: Final = 64
_MADV_HUGEPAGE: Final = 14
_HEADROOM: Final = 72  # for the raw pointer and the alignment, given that malloc aligns to 16


def incref(f: Function, o: Value) -> None:
    """One more reference; immortal objects (3.12 on) are left alone."""
    if not HAS_IMMORTALS:
        f.bump(o, 1)
        return
    new = f.load("i32", o) + 1
    with f.if_(new.ne(0)):
        f.store(new, o)


def decref(f: Function, o: Value) -> None:
    """One reference less; the last one deallocates."""
    f.call("decref", o)


def account(f: Function, buffers: Operand, nbytes: Operand) -> None:
    """Count memory that has come to life."""
    live = f.address("live")
    f.bump(live, buffers, LIVE_BUFFERS)
    total = f.bump(live, nbytes, LIVE_BYTES)
    with f.if_(total.gt(f.load("i64", live, LIVE_PEAK))):
        f.store(total, live, LIVE_PEAK)


def fail(f: Function, error: str, message: str, result: Operand = NULL) -> None:
    """Raise and return."""
    f.call("PyErr_SetString", f.load("ptr", f.address(f"PyExc_{error}")), f.module.string(message))
    f.ret(result)


def emit(m: Module) -> None:
    """Add the allocator to a module."""
    m.data("kept", 2 * KEPT + 2)
    m.data("spare", SPARE + 1)
    m.declare("trim", "void")
    _references(m)
    _blocks(m)
    _release(m)
    _tensors(m)


def _references(m: Module) -> None:
    f = m.function("decref", "void", "ptr", inline="alwaysinline")
    (o,) = f.parameters
    if HAS_IMMORTALS:
        with f.if_(f.load("i32", o).lt(0)):
            f.ret()
    with f.if_(f.bump(o, -1).eq(0), unlikely=True):
        f.call("_Py_Dealloc", o)
    f.ret()


def _blocks(m: Module) -> None:
    f = m.function("trim", "void", export=True)
    with f.times(KEPT) as i:
        entry = f.at(f.address("kept"), i * 16)
        with f.if_(f.load("i64", entry).ne(0)):
            f.call("free", f.load("ptr", f.load("ptr", entry, 8), -8))
            f.store(0, entry)
    f.store(0, f.address("kept"), 16 * KEPT)
    f.ret()

    f = m.function("block_new", "ptr", "i64", export=True)
    (n,) = f.parameters
    with f.if_(n.above(1 << 62), unlikely=True):
        f.ret(NULL)
    with f.if_(n.gt(KEEP_FROM - 1), unlikely=True), f.times(KEPT) as i:
        entry = f.at(f.address("kept"), i * 16)
        with f.if_(f.load("i64", entry).eq(n)):
            f.store(0, entry)
            f.bump(f.address("kept"), f.assign(f"sub i64 0, {n.text}", "i64"), 16 * KEPT)
            f.ret(f.load("ptr", entry, 8))
    raw = f.variable("ptr", f.call("malloc", n + _HEADROOM))
    with f.if_(raw.value.eq(NULL), unlikely=True):
        f.call("trim")
        raw.set(f.call("malloc", n + _HEADROOM))
        with f.if_(raw.value.eq(NULL)):
            f.ret(NULL)
    if sys.platform == "linux":
        # Fewer page faults where the system grants huge pages; where it does not, nothing is lost.
        with f.if_(n.gt(KEEP_FROM - 1), unlikely=True):
            page = (raw.value.cast("ptrtoint", "i64") + 4095) & -4096
            f.call("madvise", page.cast("inttoptr", "ptr"), (n - 4096) & -4096, _MADV_HUGEPAGE)
    aligned = (raw.value.cast("ptrtoint", "i64") + _HEADROOM) & -64
    block = aligned.cast("inttoptr", "ptr")
    f.store(raw.value, block, -8)
    f.ret(block)

    f = m.function("block_free", "void", "ptr", "i64", export=True)
    block, n = f.parameters
    with f.if_(n.gt(KEEP_FROM - 1), unlikely=True):
        kept = f.address("kept")
        turn = f.load("i64", kept, 16 * KEPT + 8)
        entry = f.at(kept, (turn & (KEPT - 1)) * 16)
        old = f.load("i64", entry)
        total = f.load("i64", kept, 16 * KEPT) - old + n
        with f.if_(total.lt(KEEP_MOST + 1)):
            with f.if_(old.ne(0)):
                f.call("free", f.load("ptr", f.load("ptr", entry, 8), -8))
            f.store(n, entry)
            f.store(block, entry, 8)
            f.store(total, kept, 16 * KEPT)
            f.store(turn + 1, kept, 16 * KEPT + 8)
            f.ret()
    f.call("free", f.load("ptr", block, -8))
    f.ret()


def _release(m: Module) -> None:
    # Give up what a dead or disposed tensor holds.
    f = m.function("settle", "void", "ptr")
    (t,) = f.parameters
    with f.if_((f.load("i64", t, T_FLAGS) & RELEASED).eq(0)):
        f.store(f.load("i64", t, T_FLAGS) | RELEASED, t, T_FLAGS)
        nbytes = f.load("i64", t, T_NBYTES)
        f.bump(f.address("live"), -1, LIVE_BUFFERS)
        f.bump(f.address("live"), f.assign(f"sub i64 0, {nbytes.text}", "i64"), LIVE_BYTES)
        memory = f.load("ptr", t, T_MEMORY)
        with f.if_(memory.ne(NULL)):
            f.store(NULL, t, T_MEMORY, "ptr")
            f.call("block_free", memory, nbytes)
    base = f.load("ptr", t, T_BASE)
    with f.if_(base.ne(NULL), unlikely=True):
        f.store(NULL, t, T_BASE, "ptr")
        decref(f, base)
    f.ret()

    f = m.function("unpin", "void", "ptr")
    (t,) = f.parameters
    with f.if_(f.bump(t, -1, T_PINS).eq(0)), f.if_(f.load("ptr", t, T_DATA).eq(NULL), unlikely=True):
        f.call("settle", t)
    f.ret()

    f = m.function("dispose_tensor", "void", "ptr")
    (t,) = f.parameters
    with f.if_(f.load("ptr", t, T_DATA).ne(NULL)):
        f.store(NULL, t, T_DATA, "ptr")
        f.bump(f.address("live"), -1, LIVE_TENSORS)
        with f.if_(f.load("i64", t, T_PINS).eq(0)):
            f.call("settle", t)
    f.ret()


def _init(f: Function, nbytes: Value, inline: Operand, aval: Value, base: Operand, flags: int) -> Value:
    t = f.call("PyObject_Malloc", f.assign(f"add i64 {INLINE}, {inline}", "i64"))
    with f.if_(t.eq(NULL), unlikely=True):
        f.ret(NULL)
    f.call("PyObject_Init", t, f.load("ptr", f.address("types")))
    _fill(f, t, nbytes, aval, base, flags)
    return t


def _fill(f: Function, t: Value, nbytes: Value, aval: Value, base: Operand, flags: int) -> None:
    incref(f, aval)
    f.store(aval, t, T_AVAL)
    f.store(base, t, T_BASE, "ptr")
    f.store(nbytes, t, T_NBYTES)
    f.store(NULL, t, T_WEAKREFS, "ptr")
    f.store(0, t, T_PINS)
    f.store(flags, t, T_FLAGS)


def _tensors(m: Module) -> None:
    f = m.function("small_new", "ptr", "ptr", "i64", inline="alwaysinline")
    aval, nbytes = f.parameters
    made = f.variable("ptr")
    spare = f.address("spare")
    n = f.load("i64", spare)
    with f.if_(n.gt(0)):
        f.store(n - 1, spare)
        made.set(f.load("ptr", f.index(spare, n)))
        f.store(1, made.value)
        _fill(f, made.value, nbytes, aval, NULL, POOLED)
    with f.else_():
        made.set(_init(f, nbytes, POOLED_MOST, aval, NULL, POOLED))
    f.store(f.at(made.value, INLINE), made.value, T_DATA)
    f.store(NULL, made.value, T_MEMORY, "ptr")
    f.ret(made.value)

    f = m.function("inline_new", "ptr", "ptr", "i64")
    aval, nbytes = f.parameters
    t = _init(f, nbytes, nbytes.text, aval, NULL, 0)
    f.store(f.at(t, INLINE), t, T_DATA)
    f.store(NULL, t, T_MEMORY, "ptr")
    f.ret(t)

    f = m.function("heap_new", "ptr", "ptr", "i64")
    aval, nbytes = f.parameters
    t = _init(f, nbytes, 0, aval, NULL, 0)
    block = f.call("block_new", nbytes)
    f.store(block, t, T_DATA)
    f.store(block, t, T_MEMORY)
    with f.if_(block.eq(NULL), unlikely=True):
        f.store(RELEASED, t, T_FLAGS)
        decref(f, t)
        f.ret(NULL)
    f.ret(t)

    f = m.function("tensor_new", "ptr", "ptr", "i64")
    aval, nbytes = f.parameters
    made = f.variable("ptr")
    with f.if_(nbytes.above(POOLED_MOST)):
        with f.if_(nbytes.above(INLINE_MOST)):
            made.set(f.call("heap_new", aval, nbytes))
        with f.else_():
            made.set(f.call("inline_new", aval, nbytes))
    with f.else_():
        made.set(f.call("small_new", aval, nbytes))
    with f.if_(made.value.eq(NULL), unlikely=True):
        f.call("PyErr_NoMemory")
        f.ret(NULL)
    f.bump(f.address("live"), 1, LIVE_TENSORS)
    account(f, 1, nbytes)
    f.ret(made.value)

    # A tensor over memory that `base` keeps alive; takes a new reference to it.
    f = m.function("view_new", "ptr", "ptr", "ptr", "ptr", "i64")
    aval, address, base, nbytes = f.parameters
    t = _init(f, nbytes, 0, aval, base, RELEASED)
    f.store(address, t, T_DATA)
    f.store(NULL, t, T_MEMORY, "ptr")
    incref(f, base)
    f.bump(f.address("live"), 1, LIVE_TENSORS)
    f.ret(t)

    # What keeps the memory of a live tensor; a payload that lies in the tensor moves with its first sharing.
    f = m.function("share", "ptr", "ptr")
    (t,) = f.parameters
    base = f.load("ptr", t, T_BASE)
    with f.if_(base.ne(NULL)):
        f.ret(base)
    nbytes, memory, data = f.load("i64", t, T_NBYTES), f.load("ptr", t, T_MEMORY), f.load("ptr", t, T_DATA)
    inside = f.select(memory.eq(NULL), nbytes, 0)
    holder = _init(f, nbytes, inside.text, f.load("ptr", t, T_AVAL), NULL, HIDDEN)
    f.store(memory, holder, T_MEMORY)
    f.store(f.select(memory.eq(NULL), f.at(holder, INLINE), memory), holder, T_DATA)
    f.call("memcpy", f.at(holder, INLINE), data, inside)
    f.store(NULL, t, T_MEMORY, "ptr")
    f.store(f.load("ptr", holder, T_DATA), t, T_DATA)
    f.store(holder, t, T_BASE)
    f.store(f.load("i64", t, T_FLAGS) | RELEASED, t, T_FLAGS)
    f.ret(holder)

    f = m.function("tensor_dealloc", "void", "ptr", export=True)
    (t,) = f.parameters
    with f.if_(f.load("ptr", t, T_WEAKREFS).ne(NULL), unlikely=True):
        f.call("PyObject_ClearWeakRefs", t)
    shown = (f.load("i64", t, T_FLAGS) & HIDDEN).eq(0)
    with f.if_(shown), f.if_(f.load("ptr", t, T_DATA).ne(NULL)):
        f.bump(f.address("live"), -1, LIVE_TENSORS)
    f.call("settle", t)
    aval = f.load("ptr", t, T_AVAL)
    spare = f.address("spare")
    n = f.load("i64", spare)
    with f.if_((f.load("i64", t, T_FLAGS) & POOLED).ne(0) & n.lt(SPARE)):
        f.store(n + 1, spare)
        f.store(t, f.index(spare, n + 1))
        decref(f, aval)
        f.ret()
    kind = f.load("ptr", t, TYPE)
    f.call("PyObject_Free", t)
    decref(f, aval)
    decref(f, kind)
    f.ret()
