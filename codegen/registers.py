"""Scalar expressions as registers of one LLVM function with loops and branches; it knows no graph.

An expression is written where it is first needed, and again where that place does not lead there; LLVM's optimiser
moves what does not change out of loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..ir.graph import Value
from ..ir.halves import single
from ..ir.scalar import Scalar
from ..ir.types import TIMES, Dim, Extent
from . import instructions, words
from .body import Body
from .instructions import llvm_type
from .lower import Check, Lowering
from .module import Module
from .plan import Storage
from .stacks import declare_poll


class _Block:
    """Where code is written: what was computed here, and around."""

    def __init__(self, parent: _Block | None) -> None:
        self.parent = parent
        self.known: dict[Scalar, str] = {}

    def find(self, expr: Scalar) -> str | None:
        block: _Block | None = self
        while block is not None:
            if expr in block.known:
                return block.known[expr]
            block = block.parent
        return None


class Registers:
    """The values of one function.

    Attributes:
        main: the module of the program, which counts its checks.
        part: the module that the function goes to.
        checks: the places that may fail, in the order in which they are written.
    """

    def __init__(self, main: Module, part: Module) -> None:
        self.main = main
        self.part = part
        self.body = Body(part.declares, main.target.has_f16)
        self.checks: list[Check] = []
        self._block = _Block(None)
        self._pointers: dict[int, str] = {}
        self._held: list[str] = []
        self._first_check = len(main.checks)

    def pointer(self, number: int) -> str:
        """The pointer of a buffer that stays where it is."""
        known = self._pointers.get(number)
        if known is None:
            raise AssertionError(f"buffer {number} was not announced")
        return known

    def announce(self, lowering: Lowering) -> None:
        """Load the pointers of what a lowering reads, here, before the loops that read it."""
        for layout in lowering.layouts.values():
            if layout.buffer not in self._pointers:
                self._pointers[layout.buffer] = self.read_pointer(layout.buffer)

    def read_pointer(self, number: int) -> str:
        """The pointer of a buffer, as it is now."""
        return words.get(self.body, words.at(self.body, "%bufs", number, "ptr"), "ptr")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Write code that what is written around does not know the values of."""
        self._block = _Block(self._block)
        yield
        assert self._block.parent is not None
        self._block = self._block.parent

    def hold(self, name: str, value: Value) -> Scalar:
        """A register as the scalar of a 0-d value."""
        self._held.append(name)
        return Scalar("held", single(value.type.dtype), (), len(self._held) - 1)

    def value(self, expr: Scalar) -> str:
        """The register or constant that holds an expression."""
        stack = [expr]
        while stack:
            top = stack[-1]
            if self._block.find(top) is not None:
                stack.pop()
                continue
            pending = [a for a in top.args if self._block.find(a) is None]
            if pending:
                stack.extend(reversed(pending))
                continue
            self._block.known[top] = self._write(top)
            stack.pop()
        found = self._block.find(expr)
        assert found is not None
        return found

    def _write(self, expr: Scalar) -> str:
        args = [self.value(a) for a in expr.args]
        match expr.prim:
            case "held":
                assert isinstance(expr.payload, int)
                return self._held[expr.payload]
            case "size":
                assert isinstance(expr.payload, str)
                return self._size(expr.payload)
            case "load":
                assert isinstance(expr.payload, int)
                kind = llvm_type(expr.dtype, 0, memory=True)
                place = words.at(self.body, self.pointer(expr.payload), args[0], kind)
                held = words.get(self.body, place, kind, expr.dtype.itemsize)
                return instructions.from_memory(self.body, expr.dtype, held, 0)
            case "check":
                assert isinstance(expr.payload, int)
                self._check(args[1], args[2], expr.payload)
                return args[0]
        kinds = [a.dtype for a in expr.args]
        return instructions.emit(self.body, expr.prim, expr.dtype, kinds, args, 0, expr.payload)

    def _size(self, symbol: str) -> str:
        table = self.read_pointer(self.main.table.buffer)
        return words.get(self.body, words.at(self.body, table, self.main.table.symbols.index(symbol), "i64"))

    def extent(self, value: Extent) -> str:
        """An extent as an i64 operand."""
        if not isinstance(value, Dim):
            return str(value)
        from_sizes = {s: self._size(s) for s in value.symbols}
        total = str(value.const)
        for name, factor in value.terms:
            term = str(factor)
            for symbol in name.split(TIMES):
                term = words.mul(self.body, term, from_sizes[symbol])
            total = words.add(self.body, total, term)
        return total

    def _check(self, ok: str, report: str, number: int) -> None:
        body = self.body
        with body.if_(body.assign(f"xor i1 {ok}, true")):
            code = body.assign(f"or i64 {body.assign(f'shl i64 {report}, 16')}, {self._first_check + number + 1}")
            self._return(code)

    def _return(self, status: str) -> None:
        self.body.emit(f"ret i64 {status}")
        self.body.label(self.body.fresh_label("unreached"))

    def return_if(self, status: str) -> None:
        """Return a status where it is not 0."""
        with self.body.if_(self.body.assign(f"icmp ne i64 {status}, 0")):
            self._return(status)

    def poll_if(self, due: str) -> None:
        """Look for signals where the i1 `due` holds."""
        declare_poll(self.part)
        with self.body.if_(due):
            self.return_if(self.body.assign("call i64 @poll(i64 0)"))

    def put(self, value: Scalar, storage: Storage, index: str) -> None:
        """Store a number, in its own dtype, at an index."""
        register = self.value(value)
        pointer = self.read_pointer(storage.number)
        held = instructions.to_memory(self.body, storage.type.dtype, register, 0)
        kind = llvm_type(storage.type.dtype, 0, memory=True)
        place = words.at(self.body, pointer, index, kind)
        words.put(self.body, held, place, kind, storage.type.dtype.itemsize)
