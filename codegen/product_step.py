"""The step that multiplies matrices: strides of its operands, the loops around it, its call; it plans no memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..ir.records import dataclass
from ..ir.types import Extent, Shape
from . import gemm, support
from .body import Body
from .instructions import llvm_type
from .module import Module, Scratch, buffer_pointer, sized
from .plan import Sizes, Storage, Use
from .target import THREADS, Target

_GEMM_PARAMETERS = "ptr, i64, i64, i64, ptr, i64, i64, i64, ptr, i64, i64, i64, i64, i64, i64, ptr, i64"


@dataclass(frozen=True, slots=True)
class Matrix:
    """An operand of a matrix product: batch strides, then row and column strides, all in elements."""

    storage: Storage
    offset: Extent
    batch: tuple[Extent, ...]
    row: Extent
    column: Extent


@dataclass(frozen=True, slots=True)
class GemmStep:
    """out = a @ b over `batch` extents; out is contiguous."""

    a: Matrix
    b: Matrix
    out: Storage
    batch: Shape
    m: Extent
    n: Extent
    k: Extent

    def use(self) -> Use:
        """What it reads and writes."""
        dtype = self.out.type.dtype.name
        inner = self._inner()[0]

        def scratch(sizes: Sizes) -> int:
            count, m, n, k = [sized(e, sizes) for e in (inner, self.m, self.n, self.k)]
            return gemm.scratch_bytes(dtype, count, m, n, k, rows_of_b=self.b.column == 1)

        return Use(tuple(dict.fromkeys((self.a.storage, self.b.storage))), (self.out,), scratch=scratch)

    def _inner(self) -> tuple[Extent, Extent, Extent, int]:
        """How many trailing batch axes run as one, their extent, and the strides of a and b along them."""
        count: Extent = 1
        stride_a: Extent = 0
        stride_b: Extent = 0
        axes = 0
        for size, sa, sb in zip(reversed(self.batch), reversed(self.a.batch), reversed(self.b.batch), strict=True):
            if size == 1:
                axes += 1
                continue
            if count == 1:
                count, stride_a, stride_b = size, sa, sb
            elif sa == stride_a * count and sb == stride_b * count:
                count = count * size
            else:
                break
            axes += 1
        return count, stride_a, stride_b, axes

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write the calls; they cannot fail."""
        symbol = gemm.symbol(self.out.type.dtype.name)
        module.imports[symbol] = support.address(symbol)
        module.declares[f"declare i64 @{symbol}({_GEMM_PARAMETERS})"] = None
        flops = [2, self.m, self.n, self.k, *self.batch]
        module.costs.append(lambda sizes: math.prod([sized(e, sizes) for e in flops]) / 50)
        axes = self._inner()[3]
        space = scratch.pointer(body)
        self._outer(module, body, self.batch[: len(self.batch) - axes], [], symbol, space)
        return None

    def _outer(
        self, module: Module, body: Body, left: Shape, index: list[str], symbol: str, space: str
    ) -> None:
        """One loop for each batch axis that does not run as one with those after it."""
        if left:
            with body.loop("0", module.table.extent(body, left[0])) as loop:
                self._outer(module, body, left[1:], [*index, loop.index], symbol, space)
            return
        count, stride_a, stride_b, _ = self._inner()
        size = self.m * self.n
        steps = [size * count]
        for extent in reversed(self.batch[1 : len(index)]):
            steps.insert(0, steps[0] * extent)
        places = ((self.a.storage, self.a.offset, self.a.batch), (self.b.storage, self.b.offset, self.b.batch))
        a, b = [self._pointer(module, body, s, o, strides, index) for s, o, strides in places]
        out = self._pointer(module, body, self.out, 0, steps, index)
        extents = (
            (stride_a, self.a.row, self.a.column), (stride_b, self.b.row, self.b.column),
            (size, self.n, count, self.m, self.n, self.k),
        )  # fmt: skip
        words = [", ".join([f"i64 {module.table.extent(body, e)}" for e in group]) for group in extents]
        body.emit(
            f"call i64 @{symbol}(ptr {a}, {words[0]}, ptr {b}, {words[1]}, ptr {out}, {words[2]}, "
            f"ptr {space}, i64 {THREADS})"
        )

    def _pointer(
        self, module: Module, body: Body, storage: Storage, offset: Extent, strides: Sequence[Extent], index: list[str]
    ) -> str:
        at = module.table.extent(body, offset)
        for i, stride in zip(index, strides, strict=False):
            step = body.assign(f"mul i64 {i}, {module.table.extent(body, stride)}")
            at = body.assign(f"add i64 {at}, {step}")
        if at == "0":
            return buffer_pointer(body, storage)
        element = llvm_type(storage.type.dtype, memory=True)
        return body.assign(f"getelementptr {element}, ptr {buffer_pointer(body, storage)}, i64 {at}")

    def show(self, target: Target) -> str:
        """The product as text."""
        batch = f"{'x'.join(map(str, self.batch))} times " if self.batch else ""
        return f"; matrix product, {batch}{self.m}x{self.k} @ {self.k}x{self.n}, {self.out.type.dtype}"
