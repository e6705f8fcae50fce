"""The native libraries that all programs of a process share, each compiled or fetched once; it knows no
program.
"""

from __future__ import annotations

import ctypes
import functools

from . import gemm, jit, pool, sorting
from .gemm_vectors import ELEMENTS
from .target import host


@functools.cache
def library(name: str) -> jit.Library:
    """The shared library `pool`, that of the matrix products of a dtype, by its name, or that of one way to sort, by
    its symbol; KeyError for another.
    """
    if name == "pool":
        return jit.load(pool.text(host()), pool.SYMBOLS)
    parallel = {pool.PARALLEL: library("pool")[pool.PARALLEL]}
    if name in sorting.HOME:
        text = sorting.text(*sorting.HOME[name])
        return jit.load(text, [name], parallel, pipeline=True, keep=(library("pool"),))
    return jit.load(gemm.support_text(name, host()), [gemm.symbol(name)], parallel, keep=(library("pool"),))


@functools.cache
def address(symbol: str) -> int:
    """Address of a shared native function, by its symbol; KeyError when there is none of that name.

    Its library is loaded on first use and stays for the life of the process.
    """
    return library(_HOME[symbol])[symbol]


_HOME = (
    dict.fromkeys(pool.SYMBOLS, "pool")
    | {gemm.symbol(dtype): dtype for dtype in ELEMENTS}
    | {symbol: symbol for symbol in sorting.HOME}
)


@functools.cache
def allocator() -> tuple[int, int]:
    """Addresses of C functions that change the size of a block of memory, and free one; they need no lock."""
    found = [ctypes.cast(f, ctypes.c_void_p).value for f in (_python.PyMem_RawRealloc, _python.PyMem_RawFree)]
    return found[0] or 0, found[1] or 0


_python = ctypes.pythonapi
