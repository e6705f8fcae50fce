"""Loops over scalars as one LLVM function each: what is carried are phis, which LLVM's optimiser keeps in registers.

That is how a loop of 0-d ops becomes as fast as one that was written in C. Nested loops and choices become part of the
same function; arrays from outside are read, and what is stacked is written, element by element.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..ir.attrs import Loop
from ..ir.graph import Graph, Node, Value
from ..ir.halves import single
from ..ir.op import Flags, Structural
from ..ir.records import dataclass, replace
from ..ir.scalar import Scalar
from . import instructions, words
from .counted import Counter, counter_of
from .instructions import llvm_type
from .lower import Layout, Lowering, contiguous
from .plan import Kind, Storage
from .registers import Registers
from .stacks import grow

_POLL_EVERY = 1 << 20
_POLL_OUTER = 1 << 12


@dataclass(frozen=True, slots=True)
class _Operands:
    """What a loop works on.

    Attributes:
        carried: LLVM type and first value of what it carries.
        sliced: where the arrays lie that it takes numbers from, one in each iteration.
        used: what its regions use from outside.
        places: where it stacks what each iteration gives beside.
    """

    carried: Sequence[tuple[str, str]]
    sliced: Sequence[Layout]
    used: Sequence[Scalar | Layout]
    places: Sequence[Storage]


class LoopWriter:
    """Writes one loop, with all that is in it, as one function."""

    def __init__(self, registers: Registers) -> None:
        self._r = registers

    def function(self, name: str, node: Node, reads: Sequence[Storage], writes: Sequence[Storage]) -> str:
        """The definition of the function `i64 name(ptr bufs)`, whose operands and results lie in storages."""
        lowering = Lowering({a: self._layout(a, s) for a, s in zip(node.args, reads, strict=True)}, 0)
        results = dict(zip(node.results, writes, strict=True))
        self._loop(node, lowering, {v: s for v, s in results.items() if v.type.ndim})
        for value, storage in results.items():
            if not value.type.ndim:
                self._r.put(lowering.stored(value, ()), storage, "0")
        self._r.body.emit("ret i64 0")
        self._r.main.checks.extend(self._r.checks)
        return self._r.body.function(f"i64 @{name}(ptr %bufs)", "#0")

    def _layout(self, value: Value, storage: Storage) -> Layout:
        return Layout(storage.number, contiguous(value.type.shape))

    def _region(self, region: Graph, given: Sequence[Scalar | Layout]) -> list[Scalar]:
        """The results of a region on scalars, and arrays in memory; what may fail does so in the order of its nodes."""
        lowering = Lowering({p: g for p, g in zip(region.params, given, strict=True) if isinstance(g, Layout)}, 0)
        for param, g in zip(region.params, given, strict=True):
            if isinstance(g, Scalar):
                lowering.know(param, g)
        self._nodes(region.nodes, lowering)
        return [lowering.at(r, ()) for r in region.results]

    def _nodes(self, nodes: Sequence[Node], lowering: Lowering) -> None:
        lowering.checks = self._r.checks
        for node in nodes:
            structural = node.op.lowering
            if isinstance(structural, Structural) and structural.control:
                self._control(node, lowering)
            elif node.op.name == "fused":
                self._fused(node, lowering)
            elif Flags.CHECKED in node.flags and not node.result.type.ndim:
                self._r.value(lowering.at(node.result, ()))

    def _fused(self, node: Node, lowering: Lowering) -> None:
        """A group's nodes, as if they stood outside of it."""
        (region,) = node.regions
        lowering.substitute(region.params, node.args)
        self._nodes(region.nodes, lowering)
        lowering.substitute(node.results, region.results)

    def _given(self, values: Sequence[Value], lowering: Lowering) -> list[Scalar | Layout]:
        """Operands of a region: numbers as registers, arrays where they lie."""
        return [self._array(v, lowering) if v.type.ndim else self._register(v, lowering) for v in values]

    def _array(self, value: Value, lowering: Lowering) -> Layout:
        return lowering.layout(value)

    def _register(self, value: Value, lowering: Lowering) -> Scalar:
        return self._r.hold(self._r.value(lowering.at(value, ())), value)

    def _control(self, node: Node, lowering: Lowering) -> None:
        if node.op.name == "switch":
            self._switch(node, lowering)
        else:
            self._loop(node, lowering, {})

    def _switch(self, node: Node, lowering: Lowering) -> None:
        body = self._r.body
        index = self._r.value(lowering.at(node.args[0], ()))
        given = self._given(node.args[1:], lowering)
        labels = [body.fresh_label("branch") for _ in node.regions]
        join = body.fresh_label("join")
        cases = " ".join([f"i64 {k}, label %{label}" for k, label in enumerate(labels[:-1])])
        body.emit(f"switch i64 {index}, label %{labels[-1]} [ {cases} ]")
        arms: list[tuple[list[str], str]] = []
        for label, region in zip(labels, node.regions, strict=True):
            body.label(label)
            with self._r.inside():
                found = [self._r.value(r) for r in self._region(region, given)]
            arms.append((found, body.block))
            body.emit(f"br label %{join}")
        body.label(join)
        for k, result in enumerate(node.results):
            kind = llvm_type(single(result.type.dtype))
            ways = ", ".join(f"[ {found[k]}, %{block} ]" for found, block in arms)
            lowering.know(result, self._r.hold(body.assign(f"phi {kind} {ways}"), result))

    def _loop(self, node: Node, lowering: Lowering, stacks: Mapping[Value, Storage]) -> None:
        """A loop; `stacks` are where the values go that it stacks, which only the outermost one does."""
        attrs = node.attrs
        assert isinstance(attrs, Loop)
        self._r.announce(lowering)
        args = list(node.args)
        counted = node.op.name == "scan" and attrs.length is None
        count = args.pop(0) if counted else None
        n, m = attrs.carried, attrs.sliced
        first = [self._r.value(lowering.at(a, ())) for a in args[:n]]
        sliced = [self._array(a, lowering) for a in args[n : n + m]]
        used = self._given(args[n + m :], lowering)
        kinds = [llvm_type(single(r.type.dtype)) for r in node.results[:n]]
        places = [stacks[r] for r in node.results[n:] if r in stacks]
        operands = _Operands(list(zip(kinds, first, strict=True)), sliced, used, places)
        if node.op.name == "while":
            values = self._while(node, operands)
        else:
            length = self._r.value(lowering.at(count, ())) if count is not None else self._r.extent(attrs.length or 0)
            values = self._counted(node, length, operands)
        for result, name in zip([*node.results[:n], *node.results[n + len(places) :]], values, strict=True):
            lowering.know(result, self._r.hold(name, result))

    def _while(self, node: Node, operands: _Operands) -> list[str]:
        body, (condition, region) = self._r.body, node.regions
        carried, used = operands.carried, operands.used
        n, every = len(carried), self._every(node)
        counter = counter_of(node, n)
        if counter is not None:
            length = self._count(counter, operands)
            return [*self._counted(node, length, operands), length]
        kinds = [kind for kind, _ in carried]
        # One exit, and no call, in the inner loop: so LLVM can unroll it.
        with body.while_([*carried, ("i64", "0")]) as outer, self._r.inside():
            before = outer.values[n]
            with body.while_([*zip(kinds, outer.values[:n], strict=True), ("i64", "0")]) as inner, self._r.inside():
                *values, at = inner.values
                given = [self._r.hold(v, p) for v, p in zip(values, region.params[:n], strict=True)]
                more = self._r.value(self._region(condition, [*given, *used])[0])
                inner.test(words.both(body, more, words.compare(body, "ult", at, every)))
                made = self._region(region, [*given, *used])
                for value, storage in zip(made[n:], operands.places, strict=True):
                    trips = words.add(body, before, at)
                    self._grow(storage, words.add(body, trips, 1))
                    self._put_stacked(value, storage, trips)
                inner.next([*[self._r.value(v) for v in made[:n]], words.add(body, at, 1)])
            total = words.add(body, before, inner.values[n])
            outer.test(words.compare(body, "eq", inner.values[n], every))
            self._r.poll_if("true")
            outer.next([*inner.values[:n], total])
        return [*inner.values[:n], total]

    def _count(self, counter: Counter, operands: _Operands) -> str:
        """How often a loop runs that counts."""
        kind, start = operands.carried[counter.carried]
        if isinstance(counter.limit, int):
            limit = operands.used[counter.limit - len(operands.carried)]
            assert isinstance(limit, Scalar)
            stop = self._r.value(limit)
        else:
            stop = str(int(counter.limit.value.reshape(())))
        if kind != "i64":
            start, stop = [self._r.body.assign(f"sext {kind} {x} to i64") for x in (start, stop)]
        # A difference that wraps is never asked for, or that of a loop that nobody lives to see the end of.
        count = self._r.body.assign(f"sub i64 {stop}, {start}")
        return words.select(self._r.body, words.compare(self._r.body, "slt", start, stop), count, 0)

    def _every(self, node: Node) -> int:
        """After how many iterations signals are looked for."""
        nested = any(isinstance(x.attrs, Loop) for region in node.regions for x in region.nodes)
        return _POLL_OUTER if nested else _POLL_EVERY

    def _counted(self, node: Node, length: str, operands: _Operands) -> list[str]:
        """A loop of known length, in stretches between which signals are looked for."""
        body, every = self._r.body, self._every(node)
        for storage in operands.places:
            if storage.kind is Kind.STACK:
                self._grow(storage, words.most(body, length, 0))
        if length.isdigit() and int(length) <= every:
            return list(self._stretch(node, "0", length, length, operands))
        with body.loop("0", length, every, operands.carried) as outer:
            with self._r.inside():
                # Each stretch counts from 0: LLVM unrolls a loop only where its length costs nothing to compute.
                count = words.least(body, words.sub(body, length, outer.index), every)
                begun = [(kind, v) for (kind, _), v in zip(operands.carried, outer.values, strict=True)]
                made = self._stretch(node, outer.index, count, length, replace(operands, carried=begun))
                self._r.poll_if("true")
            outer.next(made)
        return list(outer.results)

    def _stretch(self, node: Node, start: str, count: str, length: str, operands: _Operands) -> Sequence[str]:
        """So many iterations from one on, of a loop of a length."""
        body, region, attrs = self._r.body, node.regions[-1], node.attrs
        assert isinstance(attrs, Loop)
        n, m = attrs.carried, attrs.sliced
        with body.loop("0", count, 1, operands.carried) as loop, self._r.inside():
            given = [self._r.hold(v, p) for v, p in zip(loop.values, region.params[:n], strict=True)]
            at = loop.index if start == "0" else words.add(body, start, loop.index)
            at = words.sub(body, words.sub(body, length, 1), at) if attrs.reverse else at
            params = zip(region.params[n : n + m], operands.sliced, strict=True)
            parts = [self._slice(p, s, at) for p, s in params]
            made = self._region(region, [*given, *parts, *operands.used])
            for value, storage in zip(made[n:], operands.places, strict=True):
                self._put_stacked(value, storage, at)
            loop.next([self._r.value(v) for v in made[:n]])
        return loop.results

    def _slice(self, param: Value, layout: Layout, at: str) -> Scalar:
        dtype = param.type.dtype
        kind = llvm_type(dtype, 0, memory=True)
        place = words.at(self._r.body, self._r.pointer(layout.buffer), at, kind)
        held = instructions.from_memory(self._r.body, dtype, words.get(self._r.body, place, kind, dtype.itemsize), 0)
        if dtype.is_half:
            held = instructions.emit(self._r.body, "cast", single(dtype), [dtype], [held], 0, None)
        return self._r.hold(held, param)

    def _put_stacked(self, value: Scalar, storage: Storage, index: str) -> None:
        dtype = storage.type.dtype
        stored = Scalar("cast", dtype, (value,)) if dtype.is_half else value
        self._r.put(stored, storage, index)

    def _grow(self, storage: Storage, count: str) -> None:
        self._r.return_if(grow(self._r.part, self._r.body, storage.number, count, storage.type.dtype.itemsize))


