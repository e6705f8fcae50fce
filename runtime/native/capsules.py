"""The two C functions of DLPack that others call: they give an exported tensor back; it knows no layout but theirs.

They are machine code and no Python, because a consumer may call the one from any thread, with or without the
interpreter's lock and after the interpreter has ended, and the interpreter calls the other while an error is being
raised.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Final

from ...codegen import jit

NAME: Final = b"dltensor"
VERSIONED_NAME: Final = b"dltensor_versioned"

# Where manager_ctx lies in DLManagedTensor and in DLManagedTensorVersioned.
_CONTEXT: Final = {NAME: 48, VERSIONED_NAME: 8}

_TEXT: Final = r"""
@name = private constant [LENGTH x i8] c"NAME\00"
declare i32 @Py_IsInitialized()
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)
declare void @Py_DecRef(ptr)
declare i32 @PyCapsule_IsValid(ptr, ptr)
declare ptr @PyCapsule_GetPointer(ptr, ptr)

define void @dlpack_delete(ptr %self) {
  %running = call i32 @Py_IsInitialized()
  %ended = icmp eq i32 %running, 0
  br i1 %ended, label %done, label %release
release:
  %state = call i32 @PyGILState_Ensure()
  %place = getelementptr i8, ptr %self, i64 CONTEXT
  %holder = load ptr, ptr %place
  call void @Py_DecRef(ptr %holder)
  call void @PyGILState_Release(i32 %state)
  br label %done
done:
  ret void
}

define void @dlpack_drop(ptr %capsule) {
  %valid = call i32 @PyCapsule_IsValid(ptr %capsule, ptr @name)
  %unused = icmp ne i32 %valid, 0
  br i1 %unused, label %delete, label %done
delete:
  %self = call ptr @PyCapsule_GetPointer(ptr %capsule, ptr @name)
  call void @dlpack_delete(ptr %self)
  br label %done
done:
  ret void
}
"""
_PYTHON: Final = (
    "Py_IsInitialized", "PyGILState_Ensure", "PyGILState_Release", "Py_DecRef", "PyCapsule_IsValid",
    "PyCapsule_GetPointer",
)  # fmt: skip


@functools.cache
def functions(name: bytes) -> tuple[int, int]:
    """Addresses of the deleter of a managed tensor, and of the destructor of its capsule.

    The deleter drops the reference to a Python object that manager_ctx is. The destructor calls it unless somebody
    took the tensor, and so renamed the capsule.

    Args:
        name: of the capsule, which tells the two layouts apart.
    """
    text = _TEXT.replace("CONTEXT", str(_CONTEXT[name]))
    text = text.replace("LENGTH", str(len(name) + 1)).replace("NAME", name.decode())
    found = {f: ctypes.cast(getattr(ctypes.pythonapi, f), ctypes.c_void_p).value or 0 for f in _PYTHON}
    library = jit.load(text, ("dlpack_delete", "dlpack_drop"), found)
    # They may be called until the process ends.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))
    return library["dlpack_delete"], library["dlpack_drop"]
