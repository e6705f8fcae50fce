"""Host steps: ops without native lowering, run by their reference from inside a native program."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable

import numpy as np

from ..ir.errors import LithographError
from ..ir.fields import static_attrs, static_type
from ..ir.graph import Node
from ..ir.stage import locate
from ..ir.types import TensorType

STATUS = 0xFFFF
"""The status of a program whose host step raised; `failure` gives the exception."""

_Function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
_raised = threading.local()


def view(type_: TensorType, address: int) -> np.ndarray:
    """The array that lies at an address; nothing keeps its memory."""
    nbytes = max(type_.nbytes, 1)
    memory = (ctypes.c_char * nbytes).from_address(address)
    return np.ndarray(type_.static_shape, type_.dtype.numpy, memoryview(memory))


def function(
    node: Node, reads: tuple[int, ...], write: int, words: int, symbols: tuple[str, ...]
) -> Callable[[int], int]:
    """A C function `i64 (ptr bufs)` that runs the reference of a node on the buffers of a program.

    Args:
        node: whose reference is run.
        reads, write: numbers of buffers.
        words: number of the buffer that starts with the sizes of the symbols.
        symbols: their names.
    """
    types = [*(a.type for a in node.args), node.result.type]

    def run(bufs: int) -> int:
        table = (ctypes.c_void_p * (max((*reads, write, words)) + 1)).from_address(bufs)
        try:
            known, attrs = types, node.attrs
            if symbols:
                found = (ctypes.c_int64 * len(symbols)).from_address(table[words] or 0)
                sizes = dict(zip(symbols, found, strict=True))
                known, attrs = [static_type(t, sizes) for t in types], static_attrs(attrs, sizes)
            *operands, result = [view(t, table[n] or 0) for t, n in zip(known, (*reads, write), strict=True)]
            result[...] = node.op.evaluate(operands, attrs)
        except BaseException as error:
            _raised.error, _raised.loc = error, node.loc
            return STATUS
        return 0

    return _Function(run)


def address(made: Callable[[int], int]) -> int:
    """Address of a function that `function` made, which must be kept alive."""
    found = ctypes.cast(made, ctypes.c_void_p).value  # type: ignore[arg-type]
    assert found is not None
    return found


def failure() -> BaseException:
    """The exception that the last failing host step of this thread raised; a designed one names the op's line."""
    error: BaseException = _raised.error
    _raised.error = None
    return locate(error, _raised.loc) if isinstance(error, LithographError) else error
