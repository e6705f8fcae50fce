"""The C symbols that native code uses: their signatures, and their addresses in this process."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from typing import Final

import numpy as np

_FUNCTIONS: Final = """
ptr PyObject_Malloc(i64)
void PyObject_Free(ptr)
ptr PyObject_Init(ptr, ptr)
void PyObject_ClearWeakRefs(ptr)
void _Py_Dealloc(ptr)
void PyObject_GC_UnTrack(ptr)
ptr PyType_GenericAlloc(ptr, i64)
ptr PyType_GetSlot(ptr, i32)
i32 PyType_IsSubtype(ptr, ptr)
ptr PyObject_Vectorcall(ptr, ptr, i64, ptr)
ptr PyObject_CallOneArg(ptr, ptr)
ptr PyLong_FromLongLong(i64)
i64 PyLong_AsLongLongAndOverflow(ptr, ptr)
i64 PyLong_AsUnsignedLongLong(ptr)
i64 PyLong_AsSsize_t(ptr)
i32 PyUnicode_Compare(ptr, ptr)
ptr PyTuple_New(i64)
i32 PyTuple_SetItem(ptr, i64, ptr)
ptr PyList_New(i64)
i32 PyList_SetItem(ptr, i64, ptr)
ptr PyDict_New()
i64 PyDict_Size(ptr)
i32 PyDict_Next(ptr, ptr, ptr, ptr)
ptr PyDict_GetItemWithError(ptr, ptr)
i32 PyDict_SetItem(ptr, ptr, ptr)
void PyErr_SetString(ptr, ptr)
void PyErr_SetObject(ptr, ptr)
ptr PyErr_NoMemory()
ptr PyErr_Occurred()
void PyErr_Clear()
ptr PyEval_SaveThread()
void PyEval_RestoreThread(ptr)
i32 PyArg_ParseTupleAndKeywords(ptr, ptr, ptr, ptr, ...)
ptr malloc(i64)
void free(ptr)
ptr memcpy(ptr, ptr, i64)
""" + ("i32 madvise(ptr, i64, i32)\n" if sys.platform == "linux" else "")

_DATA: Final = (
    "_Py_NoneStruct",
    "_Py_TrueStruct",
    "_Py_FalseStruct",
    "_Py_NotImplementedStruct",
    "PyFloat_Type",
    "PyLong_Type",
    "PyTuple_Type",
    "PyList_Type",
    "PyDict_Type",
    "PyUnicode_Type",
    "PyExc_TypeError",
    "PyExc_ValueError",
    "PyExc_RuntimeError",
    "PyExc_BaseException",
)

# Entries of NumPy's table of C functions, by number.
_ARRAY_TABLE: Final = {
    "PyArray_Type": (2, None),
    "PyArray_NewFromDescr": (94, ("ptr", ("ptr", "ptr", "i32", "ptr", "ptr", "ptr", "i32", "ptr"), False)),
    "PyArray_EquivTypes": (182, ("i8", ("ptr", "ptr"), False)),
    "PyArray_SetBaseObject": (282, ("i32", ("ptr", "ptr"), False)),
}

Signature = tuple[str, tuple[str, ...], bool]


def _signatures() -> dict[str, Signature | None]:
    found: dict[str, Signature | None] = dict.fromkeys(_DATA)
    for line in _FUNCTIONS.split("\n"):
        if line:
            returns, _, rest = line.partition(" ")
            name, _, parameters = rest.rstrip(")").partition("(")
            types = tuple(p for p in parameters.split(", ") if p)
            found[name] = (returns, types[:-1], True) if types[-1:] == ("...",) else (returns, types, False)
    for name, (_, signature) in _ARRAY_TABLE.items():
        found[name] = signature
    return found


SIGNATURES: Final = _signatures()


def _array_table() -> int:
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype = ctypes.c_void_p
    pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, None))


def addresses(names: Iterable[str]) -> dict[str, int]:
    """Where those symbols lie; the C library's are left to the linker."""
    table = _array_table()
    result: dict[str, int] = {}
    for name in names:
        if name in _ARRAY_TABLE:
            result[name] = ctypes.c_int64.from_address(table + 8 * _ARRAY_TABLE[name][0]).value
        elif name in _DATA:
            result[name] = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, name))
        elif name not in ("malloc", "free", "memcpy"):
            result[name] = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
    return result
