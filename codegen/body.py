"""The text of one LLVM function under construction: names, blocks, loops, slots; it knows no primitives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

Operand = str | int


class Loop:
    """A counted loop that is being written.

    Attributes:
        index: the induction variable, an i64 value.
        values: the carried values as the loop's body sees them.
        results: the carried values after the loop (set when its `with` block ends).
    """

    __slots__ = ("_following", "index", "results", "values")

    index: str
    values: tuple[str, ...]
    results: tuple[str, ...]
    _following: tuple[str, ...] | None

    def __init__(self, index: str, values: tuple[str, ...]) -> None:
        self.index = index
        self.values = values
        self.results = ()
        self._following = None if values else ()

    def next(self, values: Sequence[str]) -> None:
        """Say what the carried values are in the next iteration; called once, anywhere in the body."""
        if self._following or len(values) != len(self.values):
            raise ValueError(f"a loop carries {len(self.values)} values, next() was given {len(values)}")
        self._following = tuple(values)

    def following(self) -> tuple[str, ...]:
        """The values given to `next`; ValueError when there were none."""
        if self._following is None:
            raise ValueError("a loop with carried values ended without next()")
        return self._following


class WhileLoop:
    """A loop with a condition that is being written.

    Attributes:
        values: the carried values as the condition and the body see them, and after the loop its results.
    """

    __slots__ = ("_body", "_done", "_following", "values")

    def __init__(self, body: Body, done: str, values: tuple[str, ...]) -> None:
        self._body = body
        self._done = done
        self._following: tuple[str, ...] = ()
        self.values = values

    def test(self, condition: str) -> None:
        """End the condition, an i1, and start the body."""
        inside = self._body.fresh_label("body")
        self._body.emit(f"br i1 {condition}, label %{inside}, label %{self._done}")
        self._body.label(inside)

    def next(self, values: Sequence[str]) -> None:
        """Say what the carried values are in the next iteration."""
        self._following = tuple(values)

    def following(self) -> tuple[str, ...]:
        """The values given to `next`."""
        return self._following


class Branch:
    """An `if_` that is being written; `otherwise` starts its other arm."""

    __slots__ = ("body", "end", "other", "taken")

    body: Body
    other: str
    end: str
    taken: str

    def __init__(self, body: Body, other: str, end: str) -> None:
        self.body = body
        self.other = other
        self.end = end
        self.taken = ""

    def otherwise(self) -> None:
        """End the first arm and start the second."""
        self.taken = self.body.block
        self.body.emit(f"br label %{self.end}")
        self.body.label(self.other)


class Anchor:
    """A place in a function where lines can still be put after later ones were written.

    Attributes:
        block: the block that the next line put here belongs to.
    """

    __slots__ = ("block", "lines")

    block: str
    lines: list[Line]

    def __init__(self, block: str) -> None:
        self.block = block
        self.lines = []


Line = str | Anchor


class Body:
    """One function's lines, in SSA form.

    Attributes:
        block: the label of the block that is being written, as phis need it.
        declares: the `declare` lines that the text needs, in order of first use; shared within a module.
        has_f16: whether the target converts float16 by instructions.
    """

    __slots__ = ("_allocas", "_count", "_lines", "block", "declares", "has_f16")

    block: str
    declares: dict[str, None]
    has_f16: bool

    def __init__(self, declares: dict[str, None] | None = None, has_f16: bool = False) -> None:
        self.declares = {} if declares is None else declares
        self.has_f16 = has_f16
        self.block = "entry"
        self._lines: list[Line] = []
        self._allocas: list[str] = []
        self._count = 0

    def fresh(self, hint: str = "v") -> str:
        """A value name that no other value of this function has."""
        self._count += 1
        return f"%{hint}{self._count}"

    def fresh_label(self, hint: str) -> str:
        """A block name that no other block of this function has; as an operand it takes a leading `%`."""
        self._count += 1
        return f"{hint}.{self._count}"

    def emit(self, line: str) -> None:
        """Append one instruction."""
        self._lines.append(line)

    def assign(self, rhs: str, hint: str = "v") -> str:
        """Append `name = rhs` and return the name."""
        self._count += 1
        name = f"%{hint}{self._count}"
        self._lines.append(f"{name} = {rhs}")
        return name

    def label(self, name: str) -> None:
        """Start the block `name`; the block before must have been ended by a terminator."""
        self._lines.append(f"{name}:")
        self.block = name

    def declare(self, line: str) -> None:
        """Note a `declare` line that the module needs."""
        self.declares[line] = None

    def alloca(self, type_: str, count: int = 1, align: int = 64) -> str:
        """A stack slot of `count` elements, made once at function entry wherever this is called from."""
        name = self.fresh("slot")
        self._allocas.append(f"{name} = alloca {type_}, i64 {count}, align {align}")
        return name

    def anchor(self) -> Anchor:
        """Open a place here that `at` returns to; what follows starts a block of its own."""
        made = Anchor(self.block)
        self._lines.append(made)
        follow = self.fresh_label("follow")
        self.emit(f"br label %{follow}")
        self.label(follow)
        return made

    @contextmanager
    def at(self, anchor: Anchor) -> Iterator[None]:
        """Write at an anchor instead of at the end; where that is being done already, go on in place."""
        if anchor.lines is self._lines:
            yield
            return
        lines, block = self._lines, self.block
        self._lines, self.block = anchor.lines, anchor.block
        yield
        anchor.block = self.block
        self._lines, self.block = lines, block

    @contextmanager
    def loop(
        self, lo: Operand, hi: Operand, step: Operand = 1, carried: Sequence[tuple[str, str]] = ()
    ) -> Iterator[Loop]:
        """Write a loop over lo, lo + step, … below hi (i64 operands, step positive), tested at its end.

        Args:
            lo: first index.
            hi: the loop runs while its index is below this; constant bounds in order need no entry test.
            step: added to the index after each iteration.
            carried: (LLVM type, initial value) of each loop-carried value; the body must then call `next`.
        """
        head, done = self.fresh_label("loop"), self.fresh_label("done")
        before, first, last = self.block, str(lo), str(hi)
        certain = _is_number(first) and _is_number(last) and int(first) < int(last)
        if certain:
            self.emit(f"br label %{head}")
        else:
            some = self.assign(f"icmp slt i64 {first}, {last}", "some")
            self.emit(f"br i1 {some}, label %{head}, label %{done}")
        self.label(head)
        index, follower = self.fresh("i"), self.fresh("next")
        at = len(self._lines)
        loop = Loop(index, tuple(self.fresh("carry") for _ in carried))
        self._lines.extend([""] * (1 + len(carried)))
        yield loop
        latch = self.block
        self._lines[at] = f"{index} = phi i64 [ {first}, %{before} ], [ {follower}, %{latch} ]"
        following = loop.following()
        for k, ((type_, start), value, after) in enumerate(zip(carried, loop.values, following, strict=True)):
            self._lines[at + 1 + k] = f"{value} = phi {type_} [ {start}, %{before} ], [ {after}, %{latch} ]"
        self.emit(f"{follower} = add nsw i64 {index}, {step}")
        more = self.assign(f"icmp slt i64 {follower}, {last}", "more")
        self.emit(f"br i1 {more}, label %{head}, label %{done}")
        self.label(done)
        if certain:
            loop.results = following
            return
        loop.results = tuple(
            self.assign(f"phi {type_} [ {start}, %{before} ], [ {after}, %{latch} ]", "out")
            for (type_, start), after in zip(carried, following, strict=True)
        )

    @contextmanager
    def while_(self, carried: Sequence[tuple[str, str]]) -> Iterator[WhileLoop]:
        """Write a loop that is tested at its start: a condition, `test`, the body, in which `next` is called.

        Args:
            carried: (LLVM type, initial value) of each loop-carried value, at least one.
        """
        head, done, before = self.fresh_label("head"), self.fresh_label("done"), self.block
        self.emit(f"br label %{head}")
        self.label(head)
        at = len(self._lines)
        loop = WhileLoop(self, done, tuple([self.fresh("carry") for _ in carried]))
        self._lines.extend([""] * len(carried))
        yield loop
        latch = self.block
        for k, ((type_, start), value, after) in enumerate(zip(carried, loop.values, loop.following(), strict=True)):
            self._lines[at + k] = f"{value} = phi {type_} [ {start}, %{before} ], [ {after}, %{latch} ]"
        self.emit(f"br label %{head}")
        self.label(done)

    @contextmanager
    def if_(self, condition: str) -> Iterator[Branch]:
        """Write what runs if the i1 `condition` is true and, after `otherwise`, what runs if not."""
        then, other, end = self.fresh_label("then"), self.fresh_label("else"), self.fresh_label("endif")
        at = len(self._lines)
        self.emit("")
        self.label(then)
        branch = Branch(self, other, end)
        yield branch
        target = other if branch.taken else end
        self._lines[at] = f"br i1 {condition}, label %{then}, label %{target}"
        self.emit(f"br label %{end}")
        self.label(end)

    def function(self, signature: str, attributes: str = "") -> str:
        """The whole definition, `define {signature} {attributes} …`; the last block needs its terminator."""
        lines = "\n  ".join(self._allocas + _flat(self._lines))
        return f"define {signature} {attributes} {{\nentry:\n  {lines}\n}}\n"

    def __len__(self) -> int:
        """Number of lines so far, for budgets of code size."""
        return len(self._lines)


def _flat(lines: list[Line]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if isinstance(line, Anchor):
            found.extend(_flat(line.lines))
        else:
            found.append(line)
    return found


def _is_number(operand: str) -> bool:
    return operand.lstrip("-").isdigit()
