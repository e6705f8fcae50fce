"""Host steps: ops without native lowering, run by their reference from inside a native program."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence

import numpy as np

from ..ir.attrs import Attrs
from ..ir.dtypes import DType
from ..ir.errors import LithographError
from ..ir.fields import static_attrs, static_type
from ..ir.graph import Node
from ..ir.loc import Loc
from ..ir.op import Op
from ..ir.stage import locate
from ..ir.storage import convert
from ..ir.types import TensorType

STATUS = 0xFFFF
"""The status of a program whose host step raised; `failure` gives the exception."""

_Function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
_raised = threading.local()


def view(type_: TensorType, address: int) -> np.ndarray:
    """The array that lies at an address; nothing keeps its memory."""
    return viewer(type_)(address)


def viewer(type_: TensorType) -> Callable[[int], np.ndarray]:
    """A function that gives the array of a type at an address."""
    memory = ctypes.c_char * max(type_.nbytes, 1)
    shape, dtype = type_.static_shape, type_.dtype.numpy
    return lambda address: np.ndarray(shape, dtype, memoryview(memory.from_address(address)))


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
    if not symbols:
        kept = [t.dtype for t in types[:-1]]
        return _static(node.op, node.attrs, types, kept, (*reads, write), node.loc)

    def run(bufs: int) -> int:
        try:
            table = (ctypes.c_void_p * (max((*reads, write, words)) + 1)).from_address(bufs)
            found = (ctypes.c_int64 * len(symbols)).from_address(table[words] or 0)
            sizes = dict(zip(symbols, found, strict=True))
            known, attrs = [static_type(t, sizes) for t in types], static_attrs(node.attrs, sizes)
            *operands, result = [view(t, table[n] or 0) for t, n in zip(known, (*reads, write), strict=True)]
            result[...] = node.op.evaluate(operands, attrs)
        except BaseException as error:
            _raised.error, _raised.loc = error, node.loc
            return STATUS
        return 0

    return _Function(run)


def single(
    op: Op, attrs: Attrs, given: Sequence[TensorType], wanted: Sequence[DType], result: TensorType
) -> Callable[[int], int]:
    """The same for one op by itself: operands of types `given`, converted to dtypes, and then the result."""
    return _static(op, attrs, [*given, result], wanted, range(len(given) + 1), None)


def _static(
    op: Op,
    attrs: Attrs,
    types: Sequence[TensorType],
    wanted: Sequence[DType],
    numbers: Sequence[int],
    loc: Loc | None,
) -> Callable[[int], int]:
    """Of operands and a result of known extents, in the buffers of these numbers; what can be known is found before."""
    table = ctypes.c_void_p * (max(numbers) + 1)
    views = [(viewer(t), n) for t, n in zip(types, numbers, strict=True)]
    others = [(k, d) for k, (t, d) in enumerate(zip(types, wanted, strict=False)) if t.dtype is not d]
    evaluate = op.evaluate if any(d.is_half for d in (*wanted, types[-1].dtype)) else op.refer

    def run(bufs: int) -> int:
        try:
            where = table.from_address(bufs)
            *operands, result = [v(where[n] or 0) for v, n in views]
            for k, dtype in others:
                operands[k] = convert(operands[k], dtype)
            result[...] = evaluate(operands, attrs)
        except BaseException as error:
            _raised.error, _raised.loc = error, loc
            return STATUS
        return 0

    return _Function(run)


def caught(error: BaseException) -> int:
    """Keep an exception for this thread's program to end with; the status to return."""
    _raised.error, _raised.loc = error, None
    return STATUS


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
