"""Emits what crosses between Tensors and NumPy, and the module functions on Tensors; it knows no calls.

What an aval means to NumPy (dtype, byte count, extents) is asked once of the Python function `describe` and
kept in a table of 256 recent avals, each entry a malloc'd block {descr, nbytes, ndim, extents ...}.
"""

from __future__ import annotations

from .assembler import NULL, Function, Module, Operand, Value
from .layout import (
    ALIGNED,
    ARRAY_DATA,
    ARRAY_DESCR,
    ARRAY_DIMS,
    ARRAY_FLAGS,
    ARRAY_NDIM,
    CONTIGUOUS,
    LIVE_ACTIVE,
    LIVE_BYTES,
    LIVE_PEAK,
    SIZE,
    T_AVAL,
    T_DATA,
    T_NBYTES,
    TUPLE_ITEMS,
    TYPE,
)
from .memory import decref, fail, incref

S_DESCR, S_NBYTES, S_NDIM, S_DIMS = 0, 8, 16, 24
_CACHED = 256


def emit(m: Module) -> None:
    """Add the functions to a module."""
    m.data("specs", 2 * _CACHED)
    m.data("describe", 1)
    m.declare("same_extents", "i1", "ptr", "ptr", "i32")
    _spec(m)
    _functions(m)
    _views(m)


def _return_none(f: Function) -> None:
    none = f.address("_Py_NoneStruct")
    incref(f, none)
    f.ret(none)


def _spec(m: Module) -> None:
    f = m.function("spec_make", "ptr", "ptr")
    (aval,) = f.parameters
    told = f.call("PyObject_CallOneArg", f.load("ptr", f.address("describe")), aval)
    with f.if_(told.eq(NULL)):
        f.ret(NULL)
    ndim = f.load("i64", told, SIZE) - 2
    spec = f.call("malloc", (ndim << 3) + S_DIMS)
    with f.if_(spec.eq(NULL)):
        decref(f, told)
        f.call("PyErr_NoMemory")
        f.ret(NULL)
    descr = f.load("ptr", told, TUPLE_ITEMS)
    incref(f, descr)
    f.store(descr, spec, S_DESCR)
    f.store(f.call("PyLong_AsSsize_t", f.load("ptr", told, TUPLE_ITEMS + 8)), spec, S_NBYTES)
    f.store(ndim, spec, S_NDIM)
    with f.times(ndim) as i:
        extent = f.call("PyLong_AsSsize_t", f.load("ptr", f.index(told, i), TUPLE_ITEMS + 16))
        f.store(extent, f.index(spec, i), S_DIMS)
    decref(f, told)
    with f.if_(f.call("PyErr_Occurred").ne(NULL)):
        f.call("free", spec)
        decref(f, descr)
        f.ret(NULL)
    entry = _entry(f, aval)
    old, old_spec = f.load("ptr", entry), f.load("ptr", entry, 8)
    incref(f, aval)
    f.store(aval, entry)
    f.store(spec, entry, 8)
    with f.if_(old.ne(NULL)):
        old_descr = f.load("ptr", old_spec, S_DESCR)
        f.call("free", old_spec)
        decref(f, old_descr)
        decref(f, old)
    f.ret(spec)

    f = m.function("spec_of", "ptr", "ptr")
    (aval,) = f.parameters
    entry = _entry(f, aval)
    with f.if_(f.load("ptr", entry).eq(aval)):
        f.ret(f.load("ptr", entry, 8))
    f.ret(f.call("spec_make", aval))


def _entry(f: Function, aval: Value) -> Value:
    bits = aval.cast("ptrtoint", "i64")
    return f.at(f.address("specs"), (((bits >> 4) + (bits >> 12)) & (_CACHED - 1)) * 16)


def builtin(m: Module, name: str, n: int | None) -> tuple[Function, list[Value]]:
    """Start a METH_FASTCALL function of n arguments, whose number it checks."""
    f = m.function(name, "ptr", "ptr", "ptr", "i64", export=True)
    _, args, count = f.parameters
    with f.if_(count.ne(n or 0), unlikely=True):
        fail(f, "TypeError", f"{name}() takes exactly {n or 0} argument{'s' * (n != 1)}")
    return f, [f.load("ptr", args, 8 * i) for i in range(n or 0)]


def need_tensor(f: Function, o: Value, message: str = "expected a Tensor", result: Operand = NULL) -> None:
    """TypeError unless the object is a Tensor."""
    with f.if_(f.load("ptr", o, TYPE).ne(f.load("ptr", f.address("types"))), unlikely=True):
        fail(f, "TypeError", message, result)


def _need_live(f: Function, t: Value) -> None:
    with f.if_(f.load("ptr", t, T_DATA).eq(NULL), unlikely=True):
        fail(f, "ValueError", "Tensor is disposed.")


def _size_argument(f: Function, o: Value) -> Value:
    n = f.call("PyLong_AsSsize_t", o)
    with f.if_(n.eq(-1), unlikely=True), f.if_(f.call("PyErr_Occurred").ne(NULL)):
        f.ret(NULL)
    return n


def _functions(m: Module) -> None:
    f, (aval, size) = builtin(m, "new_tensor", 2)
    n = _size_argument(f, size)
    with f.if_(n.lt(0), unlikely=True):
        fail(f, "ValueError", "nbytes must be >= 0")
    f.ret(f.call("tensor_new", aval, n))

    f, (t,) = builtin(m, "dispose", 1)
    need_tensor(f, t)
    f.call("dispose_tensor", t)
    _return_none(f)

    f, (t,) = builtin(m, "is_disposed", 1)
    need_tensor(f, t)
    answer = f.select(
        f.load("ptr", t, T_DATA).eq(NULL), f.address("_Py_TrueStruct"), f.address("_Py_FalseStruct").text
    )
    incref(f, answer)
    f.ret(answer)

    f, _ = builtin(m, "reset_peak", None)
    f.store(f.load("i64", f.address("live"), LIVE_BYTES), f.address("live"), LIVE_PEAK)
    _return_none(f)

    f, _ = builtin(m, "enter", None)
    f.bump(f.address("live"), 1, LIVE_ACTIVE)
    _return_none(f)

    f, _ = builtin(m, "leave", None)
    with f.if_(f.load("i64", f.address("live"), LIVE_ACTIVE).eq(0)):
        fail(f, "RuntimeError", "leave() without enter()")
    f.bump(f.address("live"), -1, LIVE_ACTIVE)
    _return_none(f)

    f, _ = builtin(m, "trim_blocks", None)
    f.call("trim")
    _return_none(f)


def _nbytes(f: Function, aval: Value) -> Value:
    """The bytes of an array of the type; returns NULL from the function for what is no type, or a symbolic one."""
    spec = f.call("spec_of", aval)
    with f.if_(spec.eq(NULL)):
        f.ret(NULL)
    return f.load("i64", spec, S_NBYTES)


def _return_view(f: Function, aval: Value, data: Value, base: Value, nbytes: Value) -> None:
    made = f.call("view_new", aval, data, base, nbytes)
    with f.if_(made.eq(NULL), unlikely=True):
        f.ret(f.call("PyErr_NoMemory"))
    f.ret(made)


def _views(m: Module) -> None:
    f, (aval, where, owner) = builtin(m, "wrap", 3)
    address, nbytes = _size_argument(f, where), _nbytes(f, aval)
    with f.if_(address.eq(0)):
        fail(f, "ValueError", "wrap needs an address")
    with f.if_(f.load("ptr", owner, TYPE).eq(f.load("ptr", f.address("types")))):
        fail(f, "TypeError", "the memory of a Tensor is viewed, not wrapped")
    _return_view(f, aval, address.cast("inttoptr", "ptr"), owner, nbytes)

    f, (aval, where, t) = builtin(m, "view", 3)
    offset, nbytes = _size_argument(f, where), _nbytes(f, aval)
    need_tensor(f, t)
    _need_live(f, t)
    with f.if_(offset.lt(0) | offset.gt(f.load("i64", t, T_NBYTES) - nbytes)):
        fail(f, "ValueError", "the view lies outside the Tensor")
    base = f.call("share", t)
    with f.if_(base.eq(NULL), unlikely=True):
        f.ret(f.call("PyErr_NoMemory"))
    _return_view(f, aval, f.at(f.load("ptr", t, T_DATA), offset), base, nbytes)

    f, (t,) = builtin(m, "as_ndarray", 1)
    need_tensor(f, t)
    spec = f.call("spec_of", f.load("ptr", t, T_AVAL))
    with f.if_(spec.eq(NULL), unlikely=True):
        f.ret(NULL)
    # After `spec_of`, which may run Python, and so other threads.
    _need_live(f, t)
    nbytes = f.load("i64", t, T_NBYTES)
    with f.if_(f.load("i64", spec, S_NBYTES).gt(nbytes), unlikely=True):
        fail(f, "ValueError", "the Tensor has less memory than its type needs")
    base = f.call("share", t)
    with f.if_(base.eq(NULL), unlikely=True):
        f.ret(f.call("PyErr_NoMemory"))
    descr = f.load("ptr", spec, S_DESCR)
    incref(f, descr)
    ndim = f.load("i64", spec, S_NDIM).cast("trunc", "i32")
    array = f.call(
        "PyArray_NewFromDescr",
        f.address("PyArray_Type"),
        descr,
        ndim,
        f.at(spec, S_DIMS),
        NULL,
        f.load("ptr", t, T_DATA),
        CONTIGUOUS | ALIGNED,
        NULL,
    )
    with f.if_(array.eq(NULL), unlikely=True):
        f.ret(NULL)
    incref(f, base)
    with f.if_(f.call("PyArray_SetBaseObject", array, base).lt(0), unlikely=True):
        decref(f, array)
        f.ret(NULL)
    f.ret(array)

    f, (aval, a) = builtin(m, "from_ndarray", 2)
    kind = f.load("ptr", a, TYPE)
    with (
        f.if_(kind.ne(f.address("PyArray_Type")), unlikely=True),
        f.if_(f.call("PyType_IsSubtype", kind, f.address("PyArray_Type")).eq(0)),
    ):
        fail(f, "TypeError", "expected a numpy.ndarray")
    spec = f.call("spec_of", aval)
    with f.if_(spec.eq(NULL), unlikely=True):
        f.ret(NULL)
    good = f.variable("i1", f.call("same_extents", a, spec, CONTIGUOUS))
    descr = f.load("ptr", a, ARRAY_DESCR)
    with f.if_(descr.ne(f.load("ptr", spec, S_DESCR)), unlikely=True):
        same = f.call("PyArray_EquivTypes", descr, f.load("ptr", spec, S_DESCR)).ne(0)
        good.set(good.value & same)
    with f.if_(good.value.eq("false"), unlikely=True):
        fail(f, "ValueError", "the array is not C-contiguous with the dtype and shape of the type")
    nbytes = f.load("i64", spec, S_NBYTES)
    t = f.call("tensor_new", aval, nbytes)
    with f.if_(t.eq(NULL), unlikely=True):
        f.ret(NULL)
    f.call("memcpy", f.load("ptr", t, T_DATA), f.load("ptr", a, ARRAY_DATA), nbytes)
    f.ret(t)

    f = m.function("same_extents", "i1", "ptr", "ptr", "i32")
    a, spec, flags = f.parameters
    with f.if_((f.load("i32", a, ARRAY_FLAGS) & flags).ne(flags)):
        f.ret("false")
    ndim = f.load("i64", spec, S_NDIM)
    with f.if_(f.load("i32", a, ARRAY_NDIM).cast("sext", "i64").ne(ndim)):
        f.ret("false")
    dims = f.load("ptr", a, ARRAY_DIMS)
    with f.times(ndim) as i:
        same = f.load("i64", f.index(dims, i)).eq(f.load("i64", f.index(spec, i), S_DIMS))
        with f.if_(same.eq("false")):
            f.ret("false")
    f.ret("true")
