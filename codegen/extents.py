"""The integers that a program with symbolic extents reads from a table with each call; it knows no step.

The table starts with the sizes of the symbols, in order, so that kernels find them there too. Then come the addresses
of constants, and numbers that follow from the sizes: they are computed once for each set of sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir.records import dataclass, field
from ..ir.types import Dim, Extent
from .body import Body
from .plan import Plan, Sizes

Number = Callable[[Sizes, Plan], int]


@dataclass(slots=True)
class Table:
    """The table of one program while it is written.

    Attributes:
        symbols: names of the symbols, in order.
        buffer: its entry in `bufs`.
        n_constants: number of constants.
        numbers: what follows.
        pointer: the table's address as an operand of the program's function.
    """

    symbols: tuple[str, ...]
    buffer: int
    n_constants: int
    numbers: list[Number] = field(default_factory=list)
    pointer: str = ""
    _known: dict[Extent, int] = field(default_factory=dict)

    def number(self, body: Body, compute: Number) -> str:
        """A further number, as an i64 operand."""
        return self._read(body, self._place(compute))

    def row(self, body: Body, computes: Sequence[Number]) -> str:
        """Further numbers, one or more, that follow each other: the address of the first."""
        places = [self._place(compute) for compute in computes]
        return body.assign(f"getelementptr i64, ptr {self.pointer}, i64 {places[0]}")

    def _place(self, compute: Number) -> int:
        self.numbers.append(compute)
        return len(self.symbols) + self.n_constants + len(self.numbers) - 1

    def extent(self, body: Body, value: Extent) -> str:
        """An extent as an i64 operand: digits where it is known."""
        if not isinstance(value, Dim):
            return str(value)
        if value not in self._known:
            self._known[value] = self._place(lambda sizes, plan: value.evaluate(sizes))
        return self._read(body, self._known[value])

    def _read(self, body: Body, at: int) -> str:
        slot = body.assign(f"getelementptr i64, ptr {self.pointer}, i64 {at}")
        return body.assign(f"load i64, ptr {slot}", "n")

    def constant(self, body: Body, k: int) -> str:
        """The address of constant number k."""
        slot = body.assign(f"getelementptr ptr, ptr {self.pointer}, i64 {len(self.symbols) + k}")
        return body.assign(f"load ptr, ptr {slot}")

    def words(self, sizes: Sizes, plan: Plan, constants: Sequence[int]) -> list[int]:
        """The table for one set of sizes."""
        return [*(sizes[s] for s in self.symbols), *constants, *(number(sizes, plan) for number in self.numbers)]
