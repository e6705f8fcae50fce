"""Structured code to LLVM text: functions with variables, `if` and loops; it knows no interpreter.

Variables are stack slots, which LLVM's O2 pipeline turns into registers. Code after a `ret` is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...ir.records import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A typed LLVM operand; arithmetic emits instructions into the function it belongs to."""

    text: str
    type: str
    function: Function

    def _binary(self, op: str, other: Operand) -> Value:
        return self.function.assign(f"{op} {self.type} {self.text}, {operand(other)}", self.type)

    def _compare(self, predicate: str, other: Operand) -> Value:
        return self.function.assign(f"icmp {predicate} {self.type} {self.text}, {operand(other)}", "i1")

    def __add__(self, other: Operand) -> Value:
        return self._binary("add", other)

    def __sub__(self, other: Operand) -> Value:
        return self._binary("sub", other)

    def __mul__(self, other: Operand) -> Value:
        return self._binary("mul", other)

    def __and__(self, other: Operand) -> Value:
        return self._binary("and", other)

    def __or__(self, other: Operand) -> Value:
        return self._binary("or", other)

    def __lshift__(self, other: Operand) -> Value:
        return self._binary("shl", other)

    def __rshift__(self, other: Operand) -> Value:
        return self._binary("lshr", other)

    def eq(self, other: Operand) -> Value:
        return self._compare("eq", other)

    def ne(self, other: Operand) -> Value:
        return self._compare("ne", other)

    def lt(self, other: Operand) -> Value:
        return self._compare("slt", other)

    def gt(self, other: Operand) -> Value:
        return self._compare("sgt", other)

    def above(self, other: Operand) -> Value:
        """Unsigned greater-than."""
        return self._compare("ugt", other)

    def negated(self) -> Value:
        """The other truth value of an i1."""
        return self._binary("xor", "true")

    def cast(self, op: str, type: str) -> Value:
        """A conversion instruction such as trunc, zext, sext, ptrtoint, sitofp."""
        return self.function.assign(f"{op} {self.type} {self.text} to {type}", type)


Operand = Value | int | str
NULL = "null"


def operand(value: Operand) -> str:
    """The text of an operand."""
    return value.text if isinstance(value, Value) else str(value)


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A mutable local."""

    slot: Value
    type: str

    @property
    def value(self) -> Value:
        return self.slot.function.load(self.type, self.slot)

    def set(self, value: Operand) -> None:
        text = operand(value)
        self.slot.function.emit(f"store {self.type} {text}, ptr {self.slot.text}")


@dataclass(frozen=True, slots=True)
class Loop:
    """The labels of a loop."""

    head: str
    end: str


class Function:
    """One LLVM function under construction."""

    def __init__(
        self, module: Module, name: str, returns: str, parameters: tuple[str, ...], linkage: str, inline: str
    ) -> None:
        self.module = module
        self.returns = returns
        self._allocas: list[str] = []
        self._lines: list[str] = []
        self._n = 0
        self._live = True
        self._pending_end: str | None = None
        self.parameters = tuple(Value(f"%p{i}", t, self) for i, t in enumerate(parameters))
        arguments = ", ".join(f"{p.type} {p.text}" for p in self.parameters)
        self._head = f"define {linkage} {returns} @{name}({arguments}) nounwind {inline} {{"

    @property
    def text(self) -> str:
        """The finished definition."""
        self._flush()
        end = ["unreachable"] if self._live else []
        return "\n".join([self._head, "entry:", *self._allocas, *self._lines, *end, "}"])

    def _fresh(self) -> int:
        self._n += 1
        return self._n

    def _flush(self) -> None:
        if self._pending_end is not None:
            end, self._pending_end = self._pending_end, None
            self._jump(end)
            self._label(end)

    def _jump(self, label: str) -> None:
        if self._live:
            self._lines.append(f"br label %{label}")
        self._live = False

    def _label(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self._live = True

    def emit(self, line: str) -> None:
        """One instruction."""
        self._flush()
        if self._live:
            self._lines.append(line)

    def assign(self, line: str, type: str) -> Value:
        """One instruction with a result."""
        name = f"%v{self._fresh()}"
        self.emit(f"{name} = {line}")
        return Value(name, type, self)

    def variable(self, type: str, initial: Operand | None = None, count: int = 1) -> Variable:
        """A local, or an array of them that `slot` points to; `initial` is stored here, not at entry."""
        name = f"%s{self._fresh()}"
        self._allocas.append(f"{name} = alloca {type}, i64 {count}, align 16")
        made = Variable(Value(name, "ptr", self), type)
        if initial is not None:
            made.set(initial)
        return made

    def at(self, pointer: Operand, offset: Operand) -> Value:
        """`pointer` plus `offset` bytes."""
        return self.assign(f"getelementptr i8, ptr {operand(pointer)}, i64 {operand(offset)}", "ptr")

    def index(self, pointer: Operand, i: Operand) -> Value:
        """`pointer` plus `i` words."""
        return self.assign(f"getelementptr i64, ptr {operand(pointer)}, i64 {operand(i)}", "ptr")

    def load(self, type: str, pointer: Operand, offset: Operand = 0) -> Value:
        """The value at `pointer` plus `offset` bytes."""
        place = pointer if offset == 0 else self.at(pointer, offset)
        return self.assign(f"load {type}, ptr {operand(place)}", type)

    def store(self, value: Operand, pointer: Operand, offset: Operand = 0, type: str = "i64") -> None:
        """Store at `pointer` plus `offset` bytes; `type` is for operands that are no Value."""
        place = pointer if offset == 0 else self.at(pointer, offset)
        kind = value.type if isinstance(value, Value) else type
        self.emit(f"store {kind} {operand(value)}, ptr {operand(place)}")

    def bump(self, pointer: Operand, amount: Operand, offset: Operand = 0) -> Value:
        """Add to the word in memory; gives the new value."""
        new = self.load("i64", pointer, offset) + amount
        self.store(new, pointer, offset)
        return new

    def select(self, condition: Value, yes: Value, no: Operand) -> Value:
        """One of two values."""
        line = f"select i1 {condition.text}, {yes.type} {yes.text}, {yes.type} {operand(no)}"
        return self.assign(line, yes.type)

    def address(self, symbol: str) -> Value:
        """The address of a global of this module or of an imported datum."""
        self.module.use(symbol)
        return Value(f"@{symbol}", "ptr", self)

    def call(self, name: str, *arguments: Operand) -> Value:
        """Call a function of this module or an imported one."""
        returns, parameters, variadic = self.module.signature(name)
        kind = f"{returns} ({', '.join(parameters)}, ...)" if variadic else returns
        return self._call(kind, returns, f"@{name}", parameters, arguments)

    def call_address(
        self, returns: str, parameters: tuple[str, ...], target: Value, *arguments: Operand
    ) -> Value:
        """Call through a function pointer."""
        return self._call(returns, returns, target.text, parameters, arguments)

    def _call(
        self,
        kind: str,
        returns: str,
        target: str,
        parameters: tuple[str, ...],
        arguments: tuple[Operand, ...],
    ) -> Value:
        types = (*parameters, *("ptr" for _ in arguments[len(parameters) :]))
        passed = ", ".join(f"{t} {operand(a)}" for t, a in zip(types, arguments, strict=True))
        line = f"call {kind} {target}({passed})"
        if returns != "void":
            return self.assign(line, returns)
        self.emit(line)
        return Value("void", "void", self)

    def ret(self, value: Operand | None = None) -> None:
        """Return."""
        self.emit("ret void" if value is None else f"ret {self.returns} {operand(value)}")
        self._live = False

    @contextmanager
    def if_(self, condition: Value, unlikely: bool = False) -> Iterator[None]:
        """A block that runs when the condition holds."""
        n = self._fresh()
        hint = ", !prof !0" if unlikely else ""
        self.emit(f"br i1 {condition.text}, label %then{n}, label %else{n}{hint}")
        self._label(f"then{n}")
        yield
        self._flush()
        self._jump(f"end{n}")
        self._label(f"else{n}")
        self._pending_end = f"end{n}"

    @contextmanager
    def else_(self) -> Iterator[None]:
        """The other block of the `if_` that stands just before."""
        end, self._pending_end = self._pending_end, None
        assert end is not None
        yield
        self._flush()
        self._jump(end)
        self._label(end)

    @contextmanager
    def while_(self, condition: Callable[[], Value]) -> Iterator[Loop]:
        """A loop that tests before each round."""
        n = self._fresh()
        self._flush()
        self._jump(f"head{n}")
        self._label(f"head{n}")
        self.emit(f"br i1 {condition().text}, label %body{n}, label %out{n}")
        self._label(f"body{n}")
        yield Loop(f"head{n}", f"out{n}")
        self._flush()
        self._jump(f"head{n}")
        self._label(f"out{n}")

    def leave(self, loop: Loop) -> None:
        """Go on after the loop."""
        self._flush()
        self._jump(loop.end)

    @contextmanager
    def times(self, n: Operand) -> Iterator[Value]:
        """A loop over 0 .. n-1."""
        i = self.variable("i64", 0)
        with self.while_(lambda: i.value.lt(n)):
            current = i.value
            yield current
            i.set(current + 1)


class Module:
    """LLVM text of a set of functions and data."""

    def __init__(self, imports: dict[str, tuple[str, tuple[str, ...], bool] | None]) -> None:
        """`imports`: the signature (returns, parameters, variadic) of each function, None for a datum."""
        self._imports = imports
        self._signatures: dict[str, tuple[str, tuple[str, ...], bool]] = {}
        self._functions: list[Function] = []
        self._data: dict[str, str] = {}
        self._strings: dict[str, str] = {}
        self.used: set[str] = set()
        self.exports: list[str] = []

    def function(
        self, name: str, returns: str, *parameters: str, export: bool = False, inline: str = ""
    ) -> Function:
        """Start a function; those that are not exported are internal."""
        self.declare(name, returns, *parameters)
        if export:
            self.exports.append(name)
        made = Function(self, name, returns, parameters, "" if export else "internal", inline)
        self._functions.append(made)
        return made

    def declare(self, name: str, returns: str, *parameters: str) -> None:
        """Make a function of this module callable before it is written."""
        self._signatures[name] = (returns, parameters, False)

    def data(self, name: str, words: int) -> None:
        """Exported, zeroed memory."""
        self._data[name] = f"@{name} = global [{words} x i64] zeroinitializer, align 16"
        self.exports.append(name)

    def string(self, value: str) -> str:
        """A C string; the result is an operand."""
        if value not in self._strings:
            self._strings[value] = f"str{len(self._strings)}"
        return f"@{self._strings[value]}"

    def signature(self, name: str) -> tuple[str, tuple[str, ...], bool]:
        """How a function is called."""
        if name in self._signatures:
            return self._signatures[name]
        found = self._imports[name]
        assert found is not None, name
        self.used.add(name)
        return found

    def use(self, symbol: str) -> None:
        """Note that a datum is needed."""
        if symbol not in self._data and symbol not in self._signatures:
            assert self._imports[symbol] is None, symbol
            self.used.add(symbol)

    @property
    def text(self) -> str:
        """The module; imports come in a fixed order, so equal modules have equal text."""
        lines = []
        for name in sorted(self.used):
            found = self._imports[name]
            if found is None:
                lines.append(f"@{name} = external global i8")
            else:
                returns, parameters, variadic = found
                lines.append(f"declare {returns} @{name}({', '.join([*parameters, *['...'] * variadic])})")
        lines += self._data.values()
        for value, name in self._strings.items():
            raw = value.encode() + b"\0"
            body = "".join(f"\\{b:02X}" for b in raw)
            lines.append(f'@{name} = private constant [{len(raw)} x i8] c"{body}"')
        lines += [f.text for f in self._functions]
        lines.append('!0 = !{!"branch_weights", i32 1, i32 2000}')
        return "\n".join(lines) + "\n"
