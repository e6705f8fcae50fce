"""Loop nests: what a kernel computes, as scalar expressions over iteration variables; it knows no instruction.

A nest runs over its domain in any order and on any number of threads. Iteration variables are numbered: 0 .. rank-1 are
the domain's, higher ones belong to reductions. A load's index is one linear element offset into its buffer; a `reduce`
scalar stands for the result of the reduction of that number, at the current point of the domain.
"""

from __future__ import annotations

from typing import Final

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.op import Combine
from ..ir.records import dataclass, field
from ..ir.scalar import Scalar, show
from ..ir.types import Extent

CHEAP: Final = frozenset(("const", "iter", "size", "load", "cast", "bitcast", "check", "reduce"))
"""Primitives that are no operation of a nest, or hardly one."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """`combine` of `body` over `iters` (row-major); `dtype` is the result's.

    Attributes:
        pairs: the elements are the results of order T8's chunks: neighbours are added, again and again.
    """

    combine: Combine
    iters: tuple[int, ...]
    body: Scalar
    dtype: DType
    pairs: bool = False


@dataclass(frozen=True, slots=True)
class Store:
    """`buffer[address] = value` at each point of the domain.

    Attributes:
        ordered: points may write one place, so they come in row-major order.
        combine: a primitive of what is there and the value, which gives what is written.
        guard: where it is false nothing is written.
    """

    buffer: int
    address: Scalar
    value: Scalar
    ordered: bool = False
    combine: str | None = None
    guard: Scalar | None = None

    def roots(self) -> tuple[Scalar, ...]:
        """The expressions that it needs."""
        return (self.address, self.value) if self.guard is None else (self.address, self.value, self.guard)


@dataclass(frozen=True, slots=True)
class Nest:
    """A kernel before scheduling.

    Attributes:
        domain: extents of iteration variables 0, 1, ...
        extents: extents of all iteration variables by number.
        stores: what is written.
        reductions: by number, as `reduce` scalars name them.
        dtypes: element type of each buffer by number.
    """

    name: str
    domain: tuple[Extent, ...]
    extents: dict[int, Extent]
    stores: tuple[Store, ...]
    reductions: tuple[Reduction, ...]
    dtypes: dict[int, DType]
    _free: dict[Scalar, frozenset[int]] = field(default_factory=dict, init=False)
    _order: list[Scalar] = field(default_factory=list, init=False)

    @property
    def scans(self) -> bool:
        """Whether the last loop of the domain runs in order, as `codegen/scan.py` describes."""
        return self.stores[0].value.prim == "scan"

    @property
    def is_static(self) -> bool:
        """Whether all extents are numbers."""
        return all(isinstance(e, int) for e in self.extents.values())

    def free(self, expr: Scalar) -> frozenset[int]:
        """The iteration variables that an expression depends on; a reduction's own are bound inside it."""
        known = self._free.get(expr)
        if known is not None:
            return known
        stack = [expr]
        while stack:
            top = stack[-1]
            inner = self.inputs(top)
            pending = [a for a in inner if a not in self._free]
            if pending:
                stack.extend(pending)
                continue
            found: frozenset[int] = frozenset()
            for a in inner:
                found |= self._free[a]
            if top.prim == "iter":
                assert isinstance(top.payload, int)
                found |= {top.payload}
            elif top.prim == "reduce":
                found -= set(self.reduction(top).iters)
            self._free[top] = found
            stack.pop()
        return self._free[expr]

    def reduction(self, expr: Scalar) -> Reduction:
        """The reduction that a `reduce` scalar names."""
        assert isinstance(expr.payload, int)
        return self.reductions[expr.payload]

    def inputs(self, expr: Scalar) -> tuple[Scalar, ...]:
        """What an expression is computed from; a reduction from its body."""
        return (self.reduction(expr).body,) if expr.prim == "reduce" else expr.args

    def nested(self) -> set[Scalar]:
        """The reductions that others need."""
        found: set[Scalar] = set()
        seen: set[Scalar] = set()
        stack = [r.body for r in self.reductions]
        while stack:
            expr = stack.pop()
            if expr.prim == "reduce":
                found.add(expr)
            elif expr not in seen:
                seen.add(expr)
                stack.extend(expr.args)
        return found

    def walk(self) -> list[Scalar]:
        """All expressions of the nest, arguments before users, each once."""
        if self._order:
            return self._order
        order = self._order
        seen: set[Scalar] = set()
        stack: list[tuple[Scalar, bool]] = []
        for store in reversed(self.stores):
            stack += [(root, False) for root in reversed(store.roots())]
        while stack:
            expr, done = stack.pop()
            if done:
                order.append(expr)
            elif expr not in seen:
                seen.add(expr)
                stack.append((expr, True))
                stack.extend((a, False) for a in reversed(self.inputs(expr)))
        return order

    def __str__(self) -> str:
        lines = [f"kernel {self.name}({', '.join(f'b{n}: {d}' for n, d in sorted(self.dtypes.items()))}) {{"]
        indent = "  "
        for number, extent in enumerate(self.domain):
            lines.append(f"{indent}for i{number} in {extent}:")
            indent += "  "
        names: dict[Scalar, str] = {}
        shared = _shared(self)
        for expr in self.walk():
            if expr.prim == "reduce":
                r = self.reduction(expr)
                loops = ", ".join(f"i{i} in {self.extents[i]}" for i in r.iters)
                order = ", order T8" if r.combine in (Combine.SUM, Combine.PROD) and r.dtype.is_float else ""
                names[expr] = f"r{expr.payload}"
                body = _render(r.body, names)
                lines.append(f"{indent}r{expr.payload}: {r.dtype} = {r.combine.value}({body}) for {loops}{order}")
            elif expr in shared:
                text = _render(expr, names)
                names[expr] = f"t{len(names)}"
                lines.append(f"{indent}{names[expr]}: {expr.dtype} = {text}")
        for store in self.stores:
            sign = f"{store.combine}=" if store.combine else "="
            address, value = _render(store.address, names), _render(store.value, names)
            guard = f"if {_render(store.guard, names)}: " if store.guard is not None else ""
            lines.append(f"{indent}{guard}b{store.buffer}[{address}] {sign} {value}")
        return "\n".join([*lines, "}"])


def _shared(nest: Nest) -> set[Scalar]:
    """Expressions worth a name in the text: used more than once, and not small."""
    uses: dict[Scalar, int] = {}
    for expr in nest.walk():
        for a in expr.args:
            uses[a] = uses.get(a, 0) + 1
    small = ("const", "iter", "size", "reduce")
    return {
        e for e, n in uses.items() if e.prim not in small and (n > 1 or e.prim == "load") and e.dtype != dtypes.int64
    }


def _render(expr: Scalar, names: dict[Scalar, str]) -> str:
    if expr in names:
        return names[expr]
    if not expr.args:
        return f"r{expr.payload}" if expr.prim == "reduce" else show(expr)
    inner = [_render(a, names) for a in expr.args]
    infix = {"add": "+", "sub": "-", "mul": "*", "div": "/"}.get(expr.prim)
    if infix:
        return f"({inner[0]} {infix} {inner[1]})"
    if expr.prim == "load":
        return f"b{expr.payload}[{inner[0]}]"
    suffix = f"<{expr.dtype}>" if expr.prim in ("cast", "bitcast") else ""
    return f"{expr.prim}{suffix}({', '.join(inner)})"
