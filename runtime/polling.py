"""The function that loops of native programs call now and then, so that signals are handled and Ctrl-C ends them."""

from __future__ import annotations

import ctypes
import functools
from typing import Final

from ..codegen import jit
from . import hosted

# A Python function could not catch what a signal handler raises: Python runs handlers where a function begins, before
# any `try` in it. So the signals are looked for here, and the exception, taken off the thread, is handed to Python.
_TEXT: Final = """
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)
declare i32 @PyErr_CheckSignals()
declare void @PyErr_Fetch(ptr, ptr, ptr)
declare void @PyErr_NormalizeException(ptr, ptr, ptr)
declare void @Py_DecRef(ptr)
declare i64 @raised(ptr)
declare i64 @exhausted()

define i64 @look(i64 %reason) {
entry:
  %type = alloca ptr
  %value = alloca ptr
  %trace = alloca ptr
  %held = call i32 @PyGILState_Ensure()
  %full = icmp ne i64 %reason, 0
  br i1 %full, label %memory, label %signals
memory:
  %told = call i64 @exhausted()
  br label %done
signals:
  %found = call i32 @PyErr_CheckSignals()
  %none = icmp eq i32 %found, 0
  br i1 %none, label %done, label %catch
catch:
  call void @PyErr_Fetch(ptr %type, ptr %value, ptr %trace)
  call void @PyErr_NormalizeException(ptr %type, ptr %value, ptr %trace)
  %error = load ptr, ptr %value
  %kept = call i64 @raised(ptr %error)
  %t = load ptr, ptr %type
  call void @Py_DecRef(ptr %t)
  call void @Py_DecRef(ptr %error)
  %b = load ptr, ptr %trace
  call void @Py_DecRef(ptr %b)
  br label %done
done:
  %status = phi i64 [ %told, %memory ], [ 0, %signals ], [ %kept, %catch ]
  call void @PyGILState_Release(i32 %held)
  ret i64 %status
}
"""


def _exhausted() -> int:
    return hosted.caught(
        MemoryError("a loop has no memory left for the values that its gradient needs of each iteration")
    )


_raised_function: Final = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.py_object)(hosted.caught)
_exhausted_function: Final = ctypes.CFUNCTYPE(ctypes.c_int64)(_exhausted)


@functools.cache
def _library() -> jit.Library:
    python = [
        *["PyGILState_Ensure", "PyGILState_Release", "PyErr_CheckSignals", "PyErr_Fetch"],
        *["PyErr_NormalizeException", "Py_DecRef"],
    ]
    imports = {name: _address(getattr(ctypes.pythonapi, name)) for name in python}
    imports |= {"raised": _address(_raised_function), "exhausted": _address(_exhausted_function)}
    return jit.load(_TEXT, ["look"], imports)


def _address(function: object) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0  # type: ignore[arg-type]


def address() -> int:
    """Address of the function, as `codegen/stacks.py` describes it."""
    return _library()["look"]
