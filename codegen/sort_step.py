"""The call of the sorting library: as a step of a program, and as a program of its own for eager calls."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from ..ir.attrs import Order
from ..ir.dtypes import DType
from ..ir.graph import Node
from ..ir.op import Sort
from ..ir.types import Extent, TensorType
from . import jit, sorting, support
from .body import Body
from .eager import Call, Kernel
from .module import Module, Scratch, buffer_pointer, sized
from .plan import Sizes, Storage, Use
from .target import Target

_PARAMETERS = "ptr, ptr, i64, i64, i64, ptr"


def fits(type: TensorType) -> bool:
    """Whether the rows of an operand have native code: they do unless they are longer than any memory of today."""
    extent = type.shape[-1]
    return type.dtype.kind != "complex" and (not isinstance(extent, int) or extent < sorting.MOST_POSITIONS)


def _cost(dtype: DType, rows: int, n: int) -> float:
    """Rough nanoseconds on one thread."""
    return rows * n * (n / 4 if n <= sorting.SHORT else 3.0 * dtype.itemsize)


@dataclass(frozen=True, slots=True)
class SortStep:
    """The rows of a storage in order, or the positions of their elements in that order."""

    node: Node
    source: Storage
    out: Storage

    @property
    def positions(self) -> bool:
        """Whether positions are wanted."""
        assert isinstance(self.node.op.lowering, Sort)
        return self.node.op.lowering.positions

    def _rows(self) -> tuple[Extent, Extent]:
        """The number of rows and their length."""
        *outer, n = self.node.args[0].type.shape
        rows: Extent = 1
        for extent in outer:
            rows = rows * extent
        return rows, n

    def use(self) -> Use:
        """What it reads and writes."""
        rows, n = self._rows()
        dtype, positions = self.node.args[0].type.dtype, self.positions

        def scratch(sizes: Sizes) -> int:
            return sorting.scratch_bytes(dtype, positions, sized(rows, sizes), sized(n, sizes))

        return Use((self.source,), (self.out,), scratch=scratch)

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write the call; it cannot fail."""
        dtype = self.node.args[0].type.dtype
        symbol = sorting.symbol(dtype, self.positions)
        module.imports[symbol] = support.address(symbol)
        module.declares[f"declare i64 @{symbol}({_PARAMETERS})"] = None
        rows, n = self._rows()
        module.costs.append(lambda sizes: _cost(dtype, sized(rows, sizes), sized(n, sizes)))
        assert isinstance(self.node.attrs, Order)
        x, out = buffer_pointer(body, self.source), buffer_pointer(body, self.out)
        numbers = f"i64 {module.table.extent(body, rows)}, i64 {module.table.extent(body, n)}"
        descending = int(self.node.attrs.descending)
        body.emit(
            f"call i64 @{symbol}(ptr {x}, ptr {out}, {numbers}, i64 {descending}, ptr {scratch.pointer(body)})"
        )
        return None

    def show(self, target: Target) -> str:
        """The step as text."""
        return f"; {self.node.op.name} of rows of {self.source.type} -> {self.out.type}"


def eager_call(positions: bool, attrs: Order, operand: TensorType) -> Call:
    """Sorting as a one-op program."""
    *outer, n = operand.static_shape
    rows, dtype = math.prod(outer), operand.dtype
    scratch = sorting.scratch_bytes(dtype, positions, rows, n)
    words = (rows, n, int(attrs.descending))
    return Call(_kernel(dtype, positions), words, _cost(dtype, rows, n), scratch)


@functools.cache
def _kernel(dtype: DType, positions: bool) -> Kernel:
    symbol = sorting.symbol(dtype, positions)
    declares = {f"declare i64 @{symbol}({_PARAMETERS})": None}
    body = Body(declares)
    x, out, table, scratch = [
        body.assign(f"load ptr, ptr {body.assign(f'getelementptr ptr, ptr %bufs, i64 {k}')}") for k in range(4)
    ]
    rows, n, descending = [
        body.assign(f"load i64, ptr {body.assign(f'getelementptr i64, ptr {table}, i64 {k}')}") for k in range(3)
    ]
    given = f"ptr {x}, ptr {out}, i64 {rows}, i64 {n}, i64 {descending}, ptr {scratch}"
    body.emit(f"ret i64 {body.assign(f'call i64 @{symbol}({given})')}")
    text = "\n".join([*declares, body.function("i64 @program(ptr %bufs)"), ""])
    library = jit.load(text, ["program"], {symbol: support.address(symbol)}, keep=(support.library(symbol),))
    return Kernel(library, library["program"], (), 1)
