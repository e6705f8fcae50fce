"""Where things lie in memory: CPython's, NumPy's and our objects; the first two are checked at load."""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
import sysconfig
from typing import Final

import numpy as np

# CPython's object head: reference count, type. Containers of variable size have their length next.
HEAD: Final = object.__basicsize__
TYPE: Final = HEAD - 8
SIZE: Final = HEAD
TUPLE_ITEMS: Final = HEAD + 8
LIST_ITEMS: Final = HEAD + 8
FLOAT_VALUE: Final = HEAD

# From 3.12 on a reference count has 32 bits, and a negative one never changes.
HAS_IMMORTALS: Final = sys.hexversion >= 0x030C0000

# NumPy's array object: a fixed binary interface.
ARRAY_DATA: Final = HEAD
ARRAY_NDIM: Final = HEAD + 8
ARRAY_DIMS: Final = HEAD + 16
ARRAY_DESCR: Final = HEAD + 40
ARRAY_FLAGS: Final = HEAD + 48
CONTIGUOUS: Final = 0x1
ALIGNED: Final = 0x100

# Tensor. `memory` is the block it owns; small payloads lie in the object itself, from INLINE on.
T_DATA: Final = HEAD
T_AVAL: Final = HEAD + 8
T_BASE: Final = HEAD + 16
T_NBYTES: Final = HEAD + 24
T_MEMORY: Final = HEAD + 32
T_WEAKREFS: Final = HEAD + 40
T_PINS: Final = HEAD + 48
T_FLAGS: Final = HEAD + 56
INLINE: Final = HEAD + 64
INLINE_MOST: Final = 256
POOLED_MOST: Final = 64
HIDDEN: Final = 1  # a holder of shared memory: not counted as a tensor
POOLED: Final = 4  # room for POOLED_MOST bytes: its object is used again
RELEASED: Final = 2  # owns no memory: a view, shared, or disposed

# Cell
C_TENSOR: Final = HEAD
C_BUSY: Final = HEAD + 8
C_WEAKREFS: Final = HEAD + 16
C_SIZE: Final = HEAD + 24

# Dispatcher
D_VECTORCALL: Final = HEAD
D_SLOW: Final = HEAD + 8
D_BUCKETS: Final = HEAD + 16
D_MASK: Final = HEAD + 24
D_COUNT: Final = HEAD + 32
D_WEAKREFS: Final = HEAD + 40
D_ALWAYS: Final = HEAD + 48
D_SIZE: Final = HEAD + 56

# A link of a bucket's chain; a record that stands in several buckets is visited through its primary link.
L_NEXT: Final = 0
L_RECORD: Final = 8
L_PRIMARY: Final = 16
L_SIZE: Final = 24

# `live`: process-wide counts.
LIVE_TENSORS: Final = 0
LIVE_BUFFERS: Final = 8
LIVE_BYTES: Final = 16
LIVE_PEAK: Final = 24
LIVE_ACTIVE: Final = 32
LIVE_WORDS: Final = 5


def supported() -> bool:
    """Whether this interpreter's objects are known: CPython 3.11 to 3.13, 64 bits, with its lock."""
    return (
        platform.python_implementation() == "CPython"
        and (3, 11) <= sys.version_info[:2] <= (3, 13)
        and ctypes.sizeof(ctypes.c_void_p) == 8
        and sys.byteorder == "little"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and not hasattr(sys, "gettotalrefcount")
        and _as_expected()
    )


def _word(address: int) -> int:
    return ctypes.c_int64.from_address(address).value


def _as_expected() -> bool:
    item = object()
    pair, listed, number = (item, item), [item, item, item], 0.1
    array = np.zeros((2, 3), np.float32)
    dims = _word(id(array) + ARRAY_DIMS)
    flags = ctypes.c_int32.from_address(id(array) + ARRAY_FLAGS).value
    return (
        HEAD == 16
        and _word(id(item) + TYPE) == id(object)
        and _word(id(pair) + SIZE) == 2
        and _word(id(pair) + TUPLE_ITEMS + 8) == id(item)
        and _word(id(listed) + SIZE) == 3
        and _word(_word(id(listed) + LIST_ITEMS) + 16) == id(item)
        and ctypes.string_at(id(number) + FLOAT_VALUE, 8) == struct.pack("<d", number)
        and _word(id(array) + ARRAY_DATA) == array.ctypes.data
        and ctypes.c_int32.from_address(id(array) + ARRAY_NDIM).value == 2
        and (_word(dims), _word(dims + 8)) == (2, 3)
        and _word(id(array) + ARRAY_DESCR) == id(array.dtype)
        and flags & (CONTIGUOUS | ALIGNED) == CONTIGUOUS | ALIGNED
    )
