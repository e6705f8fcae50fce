"""Code for symbolic extents may load from a part that turns out empty; an empty input keeps no pointer of others."""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.array import Array

MORE = np.arange(3000, dtype=np.float32)


@pytest.mark.skipif(sys.platform != "linux", reason="protects a page by mprotect of the C library")
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    "function",
    [lambda a: lg.concat([a, MORE]), lambda a: lg.concat([MORE, a]) * 2, lambda a: lg.searchsorted(a, MORE)],
)
def test_an_empty_input_at_the_end_of_memory(function: Callable[[Array], Array], shared: bool) -> None:
    page = mmap.PAGESIZE
    memory = np.frombuffer(mmap.mmap(-1, 2 * page), np.float32)
    behind = ctypes.c_void_p(memory.ctypes.data + page)
    protect = ctypes.CDLL(None).mprotect
    assert protect(behind, page, 0) == 0
    try:
        f = lg.function(function)
        for n in (5, 7, 9):
            f(np.arange(n, dtype=np.float32))
        end = memory[page // 4 :][:0]  # An empty slice by itself would begin where its array does.
        assert end.ctypes.data == behind.value
        found = f(lg.from_dlpack(end) if shared else end)
        np.testing.assert_array_equal(found.numpy(), function(lg.zeros((0,))).numpy())
    finally:
        assert protect(behind, page, 3) == 0
