"""Compiling a function of tensors without the tracer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lithograph.ir import dtypes
from lithograph.ir.array import Array
from lithograph.ir.builder import Builder
from lithograph.ir.graph import Graph
from lithograph.ir.stage import entered
from lithograph.ir.storage import held, readable
from lithograph.ir.types import TensorType
from lithograph.runtime.core import as_ndarray, from_ndarray
from lithograph.runtime.execute import execute

Function = Callable[..., Array | tuple[Array, ...]]


def graph(function: Function, types: Sequence[TensorType]) -> Graph:
    """The graph of a function of arrays."""
    builder = Builder("f")
    params = [builder.param(t) for t in types]
    with entered(builder):
        made = function(*params)
        return builder.finish([builder.lift(r) for r in (made if isinstance(made, tuple) else (made,))])


def compiled(function: Function, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What a function gives when it is compiled."""
    types = [TensorType(dtypes.from_numpy(a.dtype), a.shape) for a in arrays]
    return execute(graph(function, types), arrays)


def eager(function: Function, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What it gives eagerly."""
    types = [TensorType(dtypes.from_numpy(a.dtype), a.shape) for a in arrays]
    made = function(*[from_ndarray(t, np.asarray(a, order="C")) for t, a in zip(types, arrays, strict=True)])
    return [as_ndarray(t) for t in (made if isinstance(made, tuple) else (made,))]  # type: ignore[arg-type]


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal dtype, shape, values and signs of zero; a NaN equals any NaN."""
    a, b = held(a), held(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    a, b = readable(a), readable(b)
    if a.dtype.kind == "c":
        return same_bits(a.real, b.real) and same_bits(a.imag, b.imag)
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    signs = np.array_equal(np.signbit(a) & (a == 0), np.signbit(b) & (b == 0))
    return bool(signs and np.array_equal(a, b, equal_nan=True))
