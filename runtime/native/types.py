"""Makes Python types and functions out of loaded machine code; what it makes lives as long as the process.

An object may be deallocated while the interpreter shuts down, so neither code nor tables are ever given back.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ..surface import BINARY, UNARY
from .layout import (
    C_BUSY,
    C_SIZE,
    C_WEAKREFS,
    D_ALWAYS,
    D_SIZE,
    D_SLOW,
    D_VECTORCALL,
    D_WEAKREFS,
    INLINE,
    T_AVAL,
    T_BASE,
    T_DATA,
    T_NBYTES,
    T_WEAKREFS,
)

BASETYPE: Final = 1 << 10
HAVE_VECTORCALL: Final = 1 << 11
HAVE_GC: Final = 1 << 14
_FASTCALL: Final = 0x80
_READONLY: Final = 1
_OBJECT: Final = 6
_OBJECT_EX: Final = 16
_LONGLONG: Final = 17
_SSIZE: Final = 19

# Slot numbers of CPython's stable interface (typeslots.h).
CALL, CLEAR, DEALLOC, HASH, INIT, NEW, COMPARE, TRAVERSE = 50, 51, 52, 59, 60, 65, 67, 71
DOC, MEMBERS, GETSET, LENGTH = 56, 72, 73, 45
OPERATOR_SLOT: Final = {
    "add": 7,
    "subtract": 36,
    "multiply": 29,
    "divide": 37,
    "floor_divide": 12,
    "remainder": 34,
    "power": 33,
    "matmul": 75,
    "bitwise_and": 8,
    "bitwise_or": 31,
    "bitwise_xor": 38,
    "bitwise_left_shift": 28,
    "bitwise_right_shift": 35,
    "negative": 30,
    "abs": 6,
    "bitwise_invert": 27,
}


Rows = Sequence[tuple[object, ...]]


class _Slot(ctypes.Structure):
    _fields_ = (("number", ctypes.c_int), ("pointer", ctypes.c_void_p))


class _Spec(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("size", ctypes.c_int),
        ("item_size", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.c_void_p),
    )


class _Member(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _Property(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("get", ctypes.c_void_p),
        ("set", ctypes.c_void_p),
        ("doc", ctypes.c_char_p),
        ("closure", ctypes.c_void_p),
    )


class _Method(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("code", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def keep(o: object) -> None:
    """Never free this object."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(o))


def _table(kind: type[ctypes.Structure], rows: Rows) -> int:
    """The address of a null-terminated C array."""
    array = (kind * (len(rows) + 1))(*(kind(*row) for row in rows))
    keep(array)
    return ctypes.addressof(array)


def names(values: list[bytes]) -> tuple[int, ...]:
    """The addresses of C strings."""
    buffers = [ctypes.create_string_buffer(v) for v in values]
    keep(buffers)
    return tuple(map(ctypes.addressof, buffers))


def _make_type(name: str, size: int, flags: int, slots: dict[int, int], members: Rows) -> type:
    slots = slots | {MEMBERS: _table(_Member, members)}
    spec = _Spec(f"lithograph.{name}".encode(), size, 0, flags, _table(_Slot, list(slots.items())))
    keep(spec)
    make = ctypes.pythonapi.PyType_FromSpec
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p]
    made: type = make(ctypes.addressof(spec))
    keep(made)
    return made


def _text(value: str) -> int:
    return names([value.encode()])[0]


def tensor_type(code: Mapping[str, int]) -> type:
    """`Tensor`, whose methods are attached later."""
    slots = {
        DEALLOC: code["tensor_dealloc"],
        HASH: code["tensor_hash"],
        NEW: code["tensor_refuse"],
        COMPARE: code["op_compare"],
        DOC: _text("An immutable, C-contiguous array; made by `new_tensor`, `wrap`, `view` and `from_ndarray`."),
    }
    slots |= {OPERATOR_SLOT[name]: code[f"op_{name}"] for name in (*BINARY, "power", *UNARY)}
    members = [
        (b"_data", _LONGLONG, T_DATA, _READONLY),
        (b"_aval", _OBJECT_EX, T_AVAL, _READONLY),
        (b"_base", _OBJECT, T_BASE, _READONLY),
        (b"_nbytes", _LONGLONG, T_NBYTES, _READONLY),
        (b"__weaklistoffset__", _SSIZE, T_WEAKREFS, _READONLY),
    ]
    return _make_type("Tensor", INLINE, 0, slots, members)


def cell_type(code: Mapping[str, int]) -> type:
    """`Cell`."""
    properties = [(b"tensor", code["cell_get"], code["cell_set"], b"The Tensor held.", None)]
    slots = {
        DEALLOC: code["cell_dealloc"],
        NEW: code["cell_new"],
        GETSET: _table(_Property, properties),
        DOC: _text("The place of one Tensor that programs may replace or update."),
    }
    members = [(b"busy", _LONGLONG, C_BUSY, 0), (b"__weaklistoffset__", _SSIZE, C_WEAKREFS, _READONLY)]
    return _make_type("Cell", C_SIZE, 0, slots, members)


def dispatcher_type(code: Mapping[str, int]) -> type:
    """`Dispatcher`, which Python code may subclass."""
    call = ctypes.cast(ctypes.pythonapi.PyVectorcall_Call, ctypes.c_void_p).value or 0
    slots = {
        DEALLOC: code["dispatcher_dealloc"],
        NEW: code["dispatcher_new"],
        INIT: code["dispatcher_init"],
        TRAVERSE: code["dispatcher_traverse"],
        CLEAR: code["dispatcher_clear"],
        CALL: call,
        LENGTH: code["dispatcher_length"],
        DOC: _text("A callable that runs the newest record matching a call, and otherwise its `slow`."),
    }
    members = [
        (b"slow", _OBJECT_EX, D_SLOW, 0),
        (b"always", _LONGLONG, D_ALWAYS, 0),
        (b"__vectorcalloffset__", _SSIZE, D_VECTORCALL, _READONLY),
        (b"__weaklistoffset__", _SSIZE, D_WEAKREFS, _READONLY),
    ]
    return _make_type("Dispatcher", D_SIZE, BASETYPE | HAVE_VECTORCALL | HAVE_GC, slots, members)


def function(name: str, address: int) -> Callable[..., object]:
    """A builtin function over METH_FASTCALL code."""
    method = _Method(name.encode(), address, _FASTCALL, None)
    keep(method)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    made: Callable[..., object] = make(ctypes.addressof(method), None, None)
    return made
