"""Reverse mode through loops and choices: their regions differentiated, as further loops and choices.

A loop's pull runs the body once more from the same start, now with what its gradient needs of each iteration stacked
beside, and then a loop backwards over the stacks. Of the body, what is cheap (elementwise work and views) is computed
again from what is carried; the results of all else are stacked. So a loop that is differentiated again is a loop like
any other. Cotangents of what is carried are carried back; accumulators of what the body uses from outside are carried
too, so that they grow in the order in which the iterations, unrolled, would add to them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from ..ir.array import Array
from ..ir.attrs import NO_ATTRS, Attrs, Loop
from ..ir.builder import Builder, Traced
from ..ir.gradient import Controlled, Recording, reached_from
from ..ir.graph import Graph, Node, Value
from ..ir.layers import ground
from ..ir.op import Alias, Element, Literal, Op, Pointwise
from ..ir.records import dataclass, replace
from ..ir.registry import OPS
from ..ir.stage import Stage, current, entered
from ..ir.types import TRIPS, Dim, TensorType
from ..runtime.core import Tensor
from .recorded import zeros_like


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries out graphs, and nodes with regions, in the stage that is current."""

    replay: Callable[[Graph, Sequence[Array]], list[Array]]
    carry_out: Callable[[Stage, Op, Sequence[Array], tuple[Graph, ...], Attrs], list[Array]]


def controlled(
    op: Op,
    args: Sequence[Array],
    regions: tuple[Graph, ...],
    attrs: Attrs,
    results: Sequence[Array],
    carrier: Carrier,
) -> Controlled:
    """The record of a loop or a choice that was carried out."""
    if op is OPS["switch"]:
        index, *used = args
        choice = _Choice(index, tuple(used), regions, carrier)
        return Controlled((), tuple(used), tuple(results), choice.pull)
    assert isinstance(attrs, Loop)
    body = regions[-1]
    count: Array | None = None
    if op is OPS["while"]:
        count = results[-1]
    elif attrs.length is None:
        count, *args = args
    if isinstance(count, Tensor):
        attrs, count = replace(attrs, length=int(count)), None
    taken = attrs.carried + attrs.sliced
    loop = _Loop(body, attrs, count, tuple(args[:taken]), tuple(args[taken:]), carrier)
    given = results[:-1] if op is OPS["while"] else results
    return Controlled(loop.args, loop.used, tuple(given), loop.pull, loop.join)


@dataclass(frozen=True, slots=True)
class _Loop:
    """A loop that was carried out as often as its attrs, or `count`, say."""

    body: Graph
    attrs: Loop
    count: Array | None
    args: tuple[Array, ...]
    used: tuple[Array, ...]
    carrier: Carrier

    def join(self, a: Array, b: Array) -> Array:
        """The sum of two cotangents of an operand; that of stacks is made by a loop."""
        if self.count is None or not _is_stack(a._aval):
            return a + b
        builder = Builder("join")
        parts = [builder.param(TensorType(x.dtype, x._aval.shape[1:])) for x in (a, b)]
        with entered(builder):
            body = builder.finish([builder.lift(parts[0] + parts[1])])
        return self.carrier.carry_out(current(), OPS["scan"], [self.count, a, b], (body,), Loop(0, 2))[0]

    def pull(
        self, given: Sequence[Array | None], so_far: Sequence[Array | None], wanted: Sequence[bool]
    ) -> tuple[list[Array | None], ...]:
        stage, n = current(), self.attrs.carried
        seeded = tuple([g is not None for g in given])
        d = _derived(self.body, n, self.attrs.sliced, seeded, tuple(wanted), self.carrier)
        often: list[Array] = [] if self.count is None else [self.count]
        scan, run = OPS["scan"], self.carrier.carry_out
        inputs = (*often, *self.args, *self.used)
        again = run(stage, scan, inputs, (d.saving,), self.attrs) if d.saved else []
        stacks = [again[k] for k in d.saved]
        back = [_or_zeros(given[k], self.args[k]) for k in d.carried]
        sums = [_or_zeros(so_far[k], self.used[k]) for k in d.used]
        slices = [*stacks, *[self.args[k] for k in d.sliced], *[g for g in given[n:] if g is not None]]
        attrs = Loop(len(back) + len(sums), len(slices), self.attrs.length, not self.attrs.reverse)
        made = run(stage, scan, [*often, *back, *sums, *slices, *self.used], (d.reverse,), attrs)
        found: list[Array | None] = [None] * len(self.args)
        accumulators: list[Array | None] = [None] * len(self.used)
        for place, g in zip((*d.carried, *[None] * len(d.used), *d.given), made, strict=True):
            if place is not None:
                found[place] = g
        for k, g in zip(d.used, made[len(back) :], strict=False):
            accumulators[k] = g
        return found, accumulators


def _or_zeros(cotangent: Array | None, of: Array) -> Array:
    return zeros_like(of) if cotangent is None else cotangent


@dataclass(frozen=True, slots=True)
class _Derived:
    """A loop's body differentiated.

    Attributes:
        saving: the body, which gives what `reverse` needs after its own results; so that the loop that was carried
            out and this one are one in a program (the pass `widen`).
        saved: which of the results of `saving` those are.
        reverse: takes cotangents, accumulators, slices of what was saved, of operands, of cotangents, and what the
            body uses; gives the cotangents and accumulators before the iteration, then cotangents of slices.
        carried: which operands' cotangents it carries.
        used: which of what the body uses has an accumulator.
        sliced: which sliced operands it takes slices of.
        given: which sliced operands it gives cotangents of.
    """

    saving: Graph
    saved: tuple[int, ...]
    reverse: Graph
    carried: tuple[int, ...]
    used: tuple[int, ...]
    sliced: tuple[int, ...]
    given: tuple[int, ...]


def _derived(
    body: Graph, n: int, m: int, seeded: tuple[bool, ...], wanted: tuple[bool, ...], carrier: Carrier
) -> _Derived:
    base = ground(current())
    if isinstance(base, Builder) and base.assumptions is not None:
        # What its rules ask of extents, this trace has to hear.
        return _Differentiated(body, n, m, seeded, wanted, carrier, base).derived()
    return _remembered(body, n, m, seeded, wanted, carrier)


@functools.lru_cache(maxsize=128)
def _remembered(
    body: Graph, n: int, m: int, seeded: tuple[bool, ...], wanted: tuple[bool, ...], carrier: Carrier
) -> _Derived:
    return _Differentiated(body, n, m, seeded, wanted, carrier, None).derived()


def _differentiating(graph: Graph, outer: Builder | None) -> Builder:
    builder = Builder(f"{graph.name}_gradient")
    builder.assumptions = None if outer is None else outer.assumptions
    return builder


class _Differentiated:
    """The body of a loop, and its pull behind it, in one graph that is then cut in two."""

    def __init__(
        self,
        body: Graph,
        n: int,
        m: int,
        seeded: tuple[bool, ...],
        wanted: tuple[bool, ...],
        carrier: Carrier,
        outer: Builder | None,
    ) -> None:
        self.n, self.m = n, m
        self.body = body
        builder = self.builder = _differentiating(body, outer)
        self.params = [builder.param(p.type, p.name) for p in body.params]
        self.recording = Recording(builder)
        with entered(self.recording):
            results = carrier.replay(body, self.params)
            self.results = [builder.lift(r) for r in results]
        self.forward = builder.n_nodes
        self.led = self._led(wanted)
        self.leads = [k for k in range(n, len(self.params)) if wanted[k] and self.params[k].dtype.is_inexact]
        self.seeded = seeded

    def _led(self, wanted: Sequence[bool]) -> list[int]:
        """Which of what is carried leads to something wanted, after any number of iterations."""
        led = {k for k in range(self.n) if wanted[k] and self.params[k].dtype.is_inexact}
        others = [p for p, w in zip(self.params[self.n :], wanted[self.n :], strict=True) if w]
        while True:
            reached = reached_from(self.recording.records, [*[self.params[k] for k in led], *others])
            more = {k for k, r in enumerate(self.results[: self.n]) if id(r) in reached and r.dtype.is_inexact}
            if more <= led:
                return sorted(led)
            led |= more

    def derived(self) -> _Derived:
        builder, n, m = self.builder, self.n, self.m
        beside = [k for k in range(n, len(self.results)) if self.seeded[k]]
        cotangents = {k: builder.param(self.params[k]._aval) for k in self.led}
        sums = [builder.param(p._aval) for p in self.params[n + m :]]
        parts = [builder.param(self.results[k]._aval) for k in beside]
        carried = [k for k in self.led if self.seeded[k]]
        while True:
            # What is carried has a cotangent where a result has one, or what the next iteration makes of it.
            found = self._back(carried, beside, cotangents, parts, sums)
            more = [k for k in self.led if k in carried or k in found]
            if more == carried:
                break
            carried = more
        grown = {k: found.get(n + m + k) for k in range(len(sums))}
        used = {k: g for k, g in grown.items() if g is not None and g is not sums[k]}
        given = {k: found[k] for k in range(n, n + m) if k in found}
        with entered(builder):
            back = [found[k] if k in found else zeros_like(self.params[k]) for k in carried]
        whole = builder.finish([builder.lift(g) for g in (*back, *used.values(), *given.values())])
        saved, sliced = self._needed(whole)
        own = [p.value for p in self.params]
        reverse = extracted(
            whole.nodes,
            [
                *[cotangents[k].value for k in carried], *[sums[k].value for k in used], *saved,
                *[own[k] for k in sliced], *[p.value for p in parts], *own[n + m :],
            ],
            whole.results,
            whole.name,
        )
        # What the body stacks anyway is not stacked twice.
        stacked = {r.value: k for k, r in enumerate(self.results) if k >= n}
        values = [*[r.value for r in self.results], *[v for v in saved if v not in stacked]]
        saving = extracted(whole.nodes[: self.forward], own, values, self.body.name)
        places = tuple([stacked.get(v, values.index(v, n)) for v in saved])
        return _Derived(saving, places, reverse, tuple(carried), tuple(used), tuple(sliced), tuple(given))

    def _back(
        self,
        carried: Sequence[int],
        beside: Sequence[int],
        cotangents: dict[int, Traced],
        parts: Sequence[Traced],
        sums: Sequence[Traced],
    ) -> dict[int, Array]:
        """Cotangents of the params, by their numbers, from those of what is carried and stacked."""
        n, m = self.n, self.m
        wanted = [*self.led, *self.leads]
        begun = [k for k in self.leads if k >= n + m]
        results = [*[self.results[k] for k in (*carried, *beside)], *[self.params[k] for k in begun]]
        seeds = [*[cotangents[k] for k in carried], *parts, *[sums[k - n - m] for k in begun]]
        with entered(self.builder):
            found = self.recording.gradients(results, seeds, [self.params[k] for k in wanted])
        return {k: g for k, g in zip(wanted, found, strict=True) if g is not None}

    def _needed(self, whole: Graph) -> tuple[list[Value], list[int]]:
        """Which values of the body the pull needs stacked, and of which operands it needs the slices."""
        n, m = self.n, self.m
        first = set(whole.nodes[: self.forward])
        carried = {p.value: k for k, p in enumerate(self.params[:n])}
        sliced = {p.value: k for k, p in enumerate(self.params[n : n + m], n)}
        saved: dict[Value, None] = {}
        slices: dict[int, None] = {}
        seen: set[Value] = set()
        stack = [*whole.results]
        while stack:
            value = stack.pop()
            if value in seen:
                continue
            seen.add(value)
            if value in carried or (value.node in first and not _is_cheap(value.node) and not _is_stack(value.type)):
                saved[value] = None
            elif value in sliced:
                slices[sliced[value]] = None
            elif value.node is not None:
                stack.extend(value.node.args)
        return list(saved), sorted(slices)


def _is_cheap(node: Node | None) -> bool:
    """Whether computing a node again costs less than keeping what it gives."""
    return node is not None and isinstance(node.lowering, Pointwise | Element | Alias | Literal)


def _is_stack(type: TensorType) -> bool:
    """Whether values are of a length that only the loop knows which made them."""
    return any(isinstance(e, Dim) and e.same(TRIPS) for e in type.shape)


def extracted(nodes: Sequence[Node], inputs: Sequence[Value], outputs: Sequence[Value], name: str) -> Graph:
    """The part of a graph that makes some of its values from others."""
    needed: set[Node] = set()
    known = set(inputs)
    stack = [*outputs]
    while stack:
        value = stack.pop()
        if value not in known and value.node is not None and value.node not in needed:
            needed.add(value.node)
            stack.extend(value.node.args)
    new = {v: Value(v.type, None, k, v.name) for k, v in enumerate(inputs)}
    params = tuple(new.values())
    made = []
    for node in nodes:
        if node not in needed:
            continue
        args = tuple([new[a] for a in node.args])
        copy = Node(node.op, args, node.attrs, tuple([r.type for r in node.results]), node.loc, node.regions)
        for old, result in zip(node.results, copy.results, strict=True):
            result.name = old.name
            new.setdefault(old, result)
        made.append(copy)
    return Graph(name, params, tuple(made), tuple([new[o] for o in outputs]))


@dataclass(frozen=True, slots=True)
class _Choice:
    """A choice that was carried out; its pull runs the branch that was taken once more."""

    index: Array
    used: tuple[Array, ...]
    branches: tuple[Graph, ...]
    carrier: Carrier

    def pull(
        self, given: Sequence[Array | None], so_far: Sequence[Array | None], wanted: Sequence[bool]
    ) -> tuple[list[Array | None], ...]:
        seeded = [k for k, g in enumerate(given) if g is not None]
        leads = [k for k, (u, w) in enumerate(zip(self.used, wanted, strict=True)) if w and u.dtype.is_inexact]
        regions, touched = self._regions(seeded, leads)
        accumulators: list[Array | None] = [None] * len(self.used)
        if not touched:
            return [], accumulators
        sums = [_or_zeros(so_far[k], self.used[k]) for k in leads]
        args = [self.index, *self.used, *[g for g in given if g is not None], *sums]
        made = self.carrier.carry_out(current(), OPS["switch"], args, regions, NO_ATTRS)
        for k, g in zip(leads, made, strict=True):
            if k in touched:
                accumulators[k] = g
        return [], accumulators

    def _regions(self, seeded: Sequence[int], leads: Sequence[int]) -> tuple[tuple[Graph, ...], set[int]]:
        """The pulls of all branches, which take the operands, cotangents and accumulators; whose accumulators grow."""
        base = ground(current())
        outer = base if isinstance(base, Builder) else None
        touched: set[int] = set()
        regions = []
        for branch in self.branches:
            builder = _differentiating(branch, outer)
            params = [builder.param(p.type, p.name) for p in branch.params]
            cotangents = [builder.param(branch.results[k].type) for k in seeded]
            sums = [builder.param(params[k]._aval) for k in leads]
            recording = Recording(builder)
            with entered(recording):
                results = self.carrier.replay(branch, params)
            wanted = [params[k] for k in leads]
            with entered(builder):
                found = recording.gradients(
                    [*[results[k] for k in seeded], *wanted], [*cotangents, *sums], wanted
                )
            touched |= {k for k, g, s in zip(leads, found, sums, strict=True) if g is not s}
            grown = [s if g is None else g for g, s in zip(found, sums, strict=True)]
            regions.append(builder.finish([builder.lift(g) for g in grown]))
        return tuple(regions), touched
