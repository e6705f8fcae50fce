"""The call of the sorting library: as a step of a program, and as a program of its own for eager calls."""

from __future__ import annotations

import functools
import math

from ..ir.attrs import Attrs, Order
from ..ir.dtypes import DType
from ..ir.graph import Node
from ..ir.op import Sort
from ..ir.records import dataclass
from ..ir.types import Extent, TensorType
from . import jit, sorting, support
from .body import Body
from .eager import Call, Kernel
from .module import Module, Scratch, buffer_pointer, sized
from .plan import Sizes, Storage, Use
from .sort_keys import What
from .target import Target

_PARAMETERS = "ptr, ptr, i64, i64, i64, i64, ptr"


def fits(type: TensorType, attrs: Attrs) -> bool:
    """Whether sorting has native code: it has unless rows are longer than any memory, or a list of first ones is."""
    assert isinstance(attrs, Order)
    extent = type.shape[-1]
    short = attrs.first is None or attrs.first <= sorting.MOST_FIRST
    return short and type.dtype.kind != "complex" and (not isinstance(extent, int) or extent < sorting.MOST_POSITIONS)


def _what(positions: bool, attrs: Order) -> What:
    if attrs.first is None:
        return What.POSITIONS if positions else What.ELEMENTS
    return What.FIRST


def _cost(dtype: DType, what: What, rows: int, n: int) -> float:
    """Rough nanoseconds on one thread."""
    each = 2.0 if what is What.FIRST else n / 8 if n <= sorting.SHORT else 1.5 * dtype.itemsize
    return rows * n * each


@dataclass(frozen=True, slots=True)
class SortStep:
    """The rows of a storage in order, or the positions of their elements in that order."""

    node: Node
    source: Storage
    out: Storage

    @property
    def order(self) -> Order:
        """The order, and how much of it is wanted."""
        assert isinstance(self.node.attrs, Order)
        return self.node.attrs

    @property
    def what(self) -> What:
        """What of each row is wanted."""
        assert isinstance(self.node.op.lowering, Sort)
        return _what(self.node.op.lowering.positions, self.order)

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
        dtype, what = self.node.args[0].type.dtype, self.what

        def scratch(sizes: Sizes) -> int:
            return sorting.scratch_bytes(dtype, what, sized(rows, sizes), sized(n, sizes))

        return Use((self.source,), (self.out,), scratch=scratch)

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write the call; it cannot fail."""
        dtype = self.node.args[0].type.dtype
        what = self.what
        symbol = sorting.symbol(dtype, what)
        module.imports[symbol] = support.address(symbol)
        module.declares[f"declare i64 @{symbol}({_PARAMETERS})"] = None
        rows, n = self._rows()
        module.costs.append(lambda sizes: _cost(dtype, what, sized(rows, sizes), sized(n, sizes)))
        x, out = buffer_pointer(body, self.source), buffer_pointer(body, self.out)
        numbers = f"i64 {module.table.extent(body, rows)}, i64 {module.table.extent(body, n)}"
        order = f"i64 {self.order.first or 0}, i64 {int(self.order.descending)}"
        body.emit(f"call i64 @{symbol}(ptr {x}, ptr {out}, {numbers}, {order}, ptr {scratch.pointer(body)})")
        return None

    def show(self, target: Target) -> str:
        """The step as text."""
        return f"; {self.node.op.name} of rows of {self.source.type} -> {self.out.type}"


def eager_call(positions: bool, attrs: Order, operand: TensorType) -> Call:
    """Sorting as a one-op program."""
    *outer, n = operand.static_shape
    rows, dtype = math.prod(outer), operand.dtype
    what = _what(positions, attrs)
    scratch = sorting.scratch_bytes(dtype, what, rows, n)
    words = (rows, n, attrs.first or 0, int(attrs.descending))
    return Call(_kernel(dtype, what), words, _cost(dtype, what, rows, n), scratch)


@functools.cache
def _kernel(dtype: DType, what: What) -> Kernel:
    symbol = sorting.symbol(dtype, what)
    declares = {f"declare i64 @{symbol}({_PARAMETERS})": None}
    body = Body(declares)
    x, out, table, scratch = [
        body.assign(f"load ptr, ptr {body.assign(f'getelementptr ptr, ptr %bufs, i64 {k}')}") for k in range(4)
    ]
    words = [
        body.assign(f"load i64, ptr {body.assign(f'getelementptr i64, ptr {table}, i64 {k}')}") for k in range(4)
    ]
    given = f"ptr {x}, ptr {out}, {', '.join(f'i64 {word}' for word in words)}, ptr {scratch}"
    body.emit(f"ret i64 {body.assign(f'call i64 @{symbol}({given})')}")
    text = "\n".join([*declares, body.function("i64 @program(ptr %bufs)"), ""])
    library = jit.load(text, ["program"], {symbol: support.address(symbol)}, keep=(support.library(symbol),))
    return Kernel(library, library["program"], (), 1)
