"""The LLVM module of a program while its steps are written into it; it knows no step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir.records import dataclass, field
from ..ir.types import Extent
from . import pool, support
from .body import Body
from .extents import Table
from .lower import Check
from .plan import Sizes, Storage
from .target import Target

Cost = Callable[[Sizes], float]

PARALLEL_NS = 8000.0
"""Nanoseconds of work on one thread that are worth sharing among threads."""


@dataclass(slots=True)
class Module:
    """The LLVM module of a program while steps are written into it.

    Attributes:
        table: the integers that are read with each call, where extents are symbolic.
        imports: addresses of the symbols that it declares.
        checks: the places that may fail; status s means checks[(s & 0xffff) - 1] with report s >> 16.
        costs: of all steps, on one thread.
        poll: address of the function that looks for signals; 0 for none.
        polled: the stack slot that says when that was last done.
        plain: a part that is compiled by itself, with LLVM's default passes, and `loops` the functions in it.
    """

    target: Target
    table: Table
    declares: dict[str, None] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)
    imports: dict[str, int] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    poll: int = 0
    polled: str = ""
    plain: Module | None = None
    loops: list[str] = field(default_factory=list)

    def text(self, functions: Sequence[str] = ()) -> str:
        """The module as LLVM text, with further functions."""
        width = self.target.vector_bytes * 8
        attributes = f'attributes #0 = {{ nounwind "prefer-vector-width"="{width}" }}'
        return "\n".join([*self.declares, *self.functions, *functions, attributes, ""])

    def cost(self, sizes: Sizes) -> float:
        """Rough nanoseconds of all steps on one thread."""
        return sum(c(sizes) for c in self.costs)


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where a step's scratch memory is: the arena's pointer and an offset into it, an i64 operand."""

    arena: str
    offset: str

    def pointer(self, body: Body) -> str:
        """The address as an operand."""
        return body.assign(f"getelementptr i8, ptr {self.arena}, i64 {self.offset}")


def parallel(module: Module) -> None:
    """Declare the pool's entry."""
    module.declares[f"declare i64 @{pool.PARALLEL}(ptr, ptr, i64, i64)"] = None
    module.imports[pool.PARALLEL] = support.address(pool.PARALLEL)


def watch(module: Module, body: Body, address: int, k: int) -> None:
    """Call the function `void (ptr bufs, i64 step)` at an address after step k."""
    module.declares["declare void @watch(ptr, i64)"] = None
    module.imports["watch"] = address
    body.emit(f"call void @watch(ptr %bufs, i64 {k})")


def buffer_pointer(body: Body, storage: Storage) -> str:
    """The pointer that `bufs` holds for a storage."""
    slot = body.assign(f"getelementptr ptr, ptr %bufs, i64 {storage.number}")
    return body.assign(f"load ptr, ptr {slot}", "buf")


def sized(extent: Extent, sizes: Sizes) -> int:
    """An extent for given sizes of the symbols."""
    return extent if isinstance(extent, int) else extent.evaluate(sizes)
