"""Planning control flow: the steps of a loop or a choice, and where what its regions take and give lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..ir.attrs import Loop as LoopAttrs
from ..ir.graph import Graph, Node, Value
from ..ir.op import Alias
from ..ir.types import TRIPS, Dim, TensorType
from .choice import Choice
from .control import Loop, Slice
from .plan import Kind, Storage, Use
from .scalar_step import ScalarLoopStep
from .steps import CopyStep, Step


class Planner(Protocol):
    """Who plans the program that a region is part of.

    Attributes:
        steps: of the program so far.
        storage: of each value so far.
    """

    steps: list[Step]
    storage: dict[Value, Storage]

    def new(self, value: Value, kind: Kind) -> Storage:
        """A storage for a value."""

    def part(self, type: TensorType, kind: Kind) -> Storage:
        """A storage that no value stands for."""

    def stored(self, value: Value) -> Storage:
        """Where a value lies contiguously."""

    def region(
        self, region: Graph, params: Sequence[Storage], targets: Mapping[Value, Storage], kept: Sequence[Storage]
    ) -> list[Storage]:
        """Plan the nodes of a region, and say where its results lie.

        Args:
            region: whose nodes become steps.
            params: where its params lie.
            targets: where values of it are to be put, if a step of their own makes them.
            kept: storages that must not be written over.
        """


def plan_switch(planner: Planner, node: Node) -> None:
    """Plan a choice: each branch puts its results where the node's lie."""
    index, *given = [planner.stored(a) for a in node.args]
    results = [planner.new(r, Kind.TEMPORARY) for r in node.results]
    choice = Choice(index, tuple(results), len(node.regions))
    planner.steps.append(choice.choose())
    start = len(planner.steps)
    for k, region in enumerate(node.regions):
        planner.steps.append(choice.arm(k))
        made = planner.region(region, given, _targets(region.results, results), given)
        planner.steps += [CopyStep(m, r) for m, r in zip(made, results, strict=True) if m is not r]
    choice.outer = _outer([s.use() for s in planner.steps[start:]])
    planner.steps.append(choice.join())
    planner.storage.update(zip(node.results, results, strict=True))


def plan_loop(planner: Planner, node: Node) -> None:
    """Plan a loop: its values of the first iteration are copied to where it carries them, unless nobody else needs
    them.
    """
    attrs = node.attrs
    assert isinstance(attrs, LoopAttrs)
    args, n = [planner.stored(a) for a in node.args], attrs.carried
    *conditions, body = node.regions
    length = None if conditions else args.pop(0) if attrs.length is None else attrs.length
    first, sliced, used = args[:n], args[n : n + attrs.sliced], args[n + attrs.sliced :]
    carry = [planner.new(r, Kind.TEMPORARY) for r in node.results[:n]]
    planner.steps += [CopyStep(a, c) for a, c in zip(first, carry, strict=True)]
    spare = [planner.part(c.type, Kind.TEMPORARY) for c in carry]
    taken = [
        Slice(planner.part(p.type, Kind.SLICE), s)
        for p, s in zip(body.params[n : n + attrs.sliced], sliced, strict=True)
    ]
    grows = attrs.length is None
    beside = zip(body.results[n:], node.results[n:], strict=False)
    stacks = [
        Slice(planner.part(r.type, Kind.SLICE), planner.new(s, Kind.STACK if grows else Kind.TEMPORARY), grows)
        for r, s in beside
    ]
    trips = planner.new(node.results[-1], Kind.TEMPORARY) if conditions else None
    loop = Loop(list(zip(carry, spare, strict=True)), [*taken, *stacks], length, attrs.reverse, trips)
    planner.steps.append(loop.enter())
    start = len(planner.steps)
    for region in conditions:
        (found,) = planner.region(region, [*carry, *used], {}, [*carry, *used])
        planner.steps.append(loop.test(found))
    slices = [s.storage for s in taken]
    targets = _targets(body.results, [*spare, *[s.storage for s in stacks]])
    made = planner.region(body, [*carry, *slices, *used], targets, [*slices, *used])
    for k, found in enumerate(made[:n]):
        if found is carry[k]:
            loop.carried[k] = (carry[k], None)
        elif found is not spare[k]:
            planner.steps.append(CopyStep(found, spare[k]))
    planner.steps += [CopyStep(f, s.storage) for f, s in zip(made[n:], stacks, strict=True) if f is not s.storage]
    planner.steps.append(loop.poll())
    loop.outer = _outer([s.use() for s in planner.steps[start:]])
    planner.steps.append(loop.leave())
    planner.storage.update(zip(node.results, [*carry, *[s.of for s in stacks]], strict=False))
    if trips is not None:
        planner.storage[node.results[-1]] = trips


def plan_scalar_loop(planner: Planner, node: Node) -> None:
    """Plan a loop over scalars: one step."""
    reads = tuple([planner.stored(a) for a in node.args])
    writes = []
    for r in node.results:
        stack = any(isinstance(e, Dim) and e.same(TRIPS) for e in r.type.shape)
        writes.append(planner.new(r, Kind.STACK if stack else Kind.TEMPORARY))
    planner.steps.append(ScalarLoopStep(node, reads, tuple(writes)))
    planner.storage.update(zip(node.results, writes, strict=True))


def _targets(results: Sequence[Value], places: Sequence[Storage]) -> dict[Value, Storage]:
    """Where the values that results are made of are to be put, each in the first place that wants it."""
    found: dict[Value, Storage] = {}
    for value, place in zip(results, places, strict=True):
        while value.node is not None and isinstance(value.node.op.lowering, Alias):
            value = value.node.args[0]
        if value.node is not None:
            found.setdefault(value, place)
    return found


def _outer(uses: Sequence[Use]) -> tuple[Storage, ...]:
    """The storages that steps read and that none of them writes."""
    written = {s for use in uses for s in use.writes}
    return tuple(dict.fromkeys([s for use in uses for s in use.reads if s not in written]))
