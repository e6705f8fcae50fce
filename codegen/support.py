"""The native libraries that all programs of a process share, each compiled or fetched once; it knows no
program.
"""

from __future__ import annotations

import functools

from . import gemm, jit, pool
from .gemm_vectors import ELEMENTS
from .target import host


@functools.cache
def library(name: str) -> jit.Library:
    """The shared library `pool`, or `float32`, `float64`, `int32`, `int64` of matrix products; KeyError for
    another.
    """
    if name == "pool":
        return jit.load(pool.text(host()), pool.SYMBOLS)
    parallel = {pool.PARALLEL: library("pool")[pool.PARALLEL]}
    return jit.load(gemm.support_text(name, host()), [gemm.symbol(name)], parallel, keep=(library("pool"),))


@functools.cache
def address(symbol: str) -> int:
    """Address of a shared native function, by its symbol; KeyError when there is none of that name.

    Its library is loaded on first use and stays for the life of the process.
    """
    return library(_HOME[symbol])[symbol]


_HOME = dict.fromkeys(pool.SYMBOLS, "pool") | {gemm.symbol(dtype): dtype for dtype in ELEMENTS}
