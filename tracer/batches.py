"""Loops and choices for many examples at once: regions that compute all examples, and choose between old and new.

A loop whose condition differs from example to example runs until the last one is done; what an example carries stays
as it is once its own condition is false. A choice whose index differs carries out every branch and picks from each.

What is computed for an example that it is not for is not used, but it may fail, or have an infinite slope, which not
even a cotangent of zero makes zero. So such an example is given the values of another one, for which it is; and a
branch of which that is true is only carried out where it is for some example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from ..ir import dtypes, ops
from ..ir.analysis import flags_within, regions_first
from ..ir.array import Array
from ..ir.attrs import NO_ATTRS, Attrs, Loop
from ..ir.batching import Batched, Batching
from ..ir.builder import Builder
from ..ir.graph import Graph, Node, Value
from ..ir.layers import ground
from ..ir.op import Alias, Combine, Contract, Element, Flags, Op, Pointwise, Reduce, Scatter, Sort
from ..ir.records import replace
from ..ir.registry import OPS
from ..ir.stage import current, entered
from ..ir.types import TRIPS, Dim, TensorType
from ..runtime.core import Tensor
from .custom import running
from .reverse import Carrier


def batched(
    stage: Batching, op: Op, args: Sequence[Array], regions: tuple[Graph, ...], attrs: Attrs, carrier: Carrier
) -> list[Array]:
    """The results of a loop or a choice for all examples of a batch."""
    if op is OPS["switch"]:
        return _switch(stage, args, regions, carrier)
    assert isinstance(attrs, Loop)
    if op is OPS["while"]:
        return _while(stage, args, regions, attrs, carrier)
    return _scan(stage, args, regions[0], attrs, carrier)


class _Region:
    """A region that is carried out for all examples, under construction.

    Attributes:
        builder: of the graph.
        stage: the batch over it.
    """

    def __init__(self, around: Batching, name: str) -> None:
        self.builder = Builder(name)
        base = ground(current())
        self.builder.assumptions = base.assumptions if isinstance(base, Builder) else None
        self.stage = Batching(self.builder, around.level)

    def param(self, value: Value, mapped: bool) -> Array:
        """A param for one of the region for one example."""
        t = value.type
        if not mapped:
            return self.builder.param(t, value.name)
        whole = self.builder.param(TensorType(t.dtype, (self.stage.level.extent, *t.shape), t.weak), value.name)
        return Batched(whole, self.stage.level)

    def params(self, values: Sequence[Value], mapped: Sequence[bool]) -> list[Array]:
        """Params for some of the region for one example."""
        return [self.param(v, m) for v, m in zip(values, mapped, strict=True)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Carry ops out for all examples, into the graph."""
        with running(self.stage):
            yield

    def whole(self, array: Array, mapped: bool) -> Array:
        """An array as a value of the graph, with the axis of examples where it is to have one."""
        with entered(self.builder):
            return self.stage.spread(array) if mapped else self.stage.whole(array)

    def any(self, flags: Array) -> Array:
        """Whether something is true of some example, a value of the graph."""
        with entered(self.builder):
            return ops.any(self.stage.whole(flags))

    def first(self, flags: Array) -> Array:
        """The number of the first example that something is true of, a value of the graph."""
        with entered(self.builder):
            return ops.argmax(ops.astype(self.stage.whole(flags), dtypes.int32))

    def safe(self, values: Sequence[Array], wanted: Array) -> list[Array]:
        """Values in which an example that is not wanted has those of one that is."""
        at = self.first(wanted)
        return [ops.where(wanted, v, self._of(v, at)) if self.stage.maps(v) else v for v in values]

    def _of(self, value: Array, at: Array) -> Array:
        with entered(self.builder):
            return ops.take(self.stage.whole(value), at, axis=0)

    def finish(self, results: Sequence[Array]) -> Graph:
        """The graph with these values of it as results."""
        return self.builder.finish([self.builder.lift(r) for r in results])


_TAME: Final = frozenset(
    [
        *["add", "subtract", "multiply", "negative", "square", "abs", "sign", "maximum", "minimum", "where", "relu"],
        *["sin", "cos", "tanh", "sigmoid", "exp", "erf", "floor", "ceil", "trunc", "round", "astype"],
    ]
)
"""Elementwise ops of floats whose slopes are finite where their operands are."""


def _is_wild(graph: Graph) -> bool:
    """Whether what a graph computes may fail, or have slopes that are infinite where its values are finite."""
    if Flags.CHECKED in flags_within(graph)[graph]:
        return True
    return any(_may_be_steep(node) for g in regions_first(graph)[0] for node in g.nodes)


def _may_be_steep(node: Node) -> bool:
    if not any(r.type.dtype.is_inexact for r in node.results) or node.op.vjp is None:
        return False
    match node.lowering:
        case Pointwise():
            return node.op.name not in _TAME
        case Reduce(combine):
            return combine is Combine.PROD
        case Alias() | Element() | Scatter() | Contract() | Sort():
            return False
        case _:
            return True


def _chosen(wanted: Array, new: Sequence[Array], old: Sequence[Array]) -> list[Array]:
    """New values for the examples that are wanted, the old ones for others."""
    return [ops.where(wanted, n, o) for n, o in zip(new, old, strict=True)]


def _scan(stage: Batching, args: Sequence[Array], body: Graph, attrs: Loop, carrier: Carrier) -> list[Array]:
    n, m = attrs.carried, attrs.sliced
    counts = args[: attrs.length is None]
    args = args[len(counts) :]
    flags = [stage.maps(a) for a in args]
    if counts and stage.maps(counts[0]):
        return _masked(stage, counts[0], args, flags, body, attrs, carrier)
    while True:
        region = _Region(stage, body.name)
        params = region.params(body.params, flags)
        with region.running():
            made = carrier.replay(body, params)
        maps = [region.stage.maps(r) for r in made]
        more = [a or b for a, b in zip(flags[:n], maps, strict=False)]
        if more == flags[:n]:
            break
        flags[:n] = more
    beside = maps[n:]
    graph = region.finish([region.whole(r, f) for r, f in zip(made, (*flags[:n], *beside), strict=True)])
    operands = _operands(stage, args, flags, n, m)
    found = carrier.carry_out(stage.below, OPS["scan"], [*counts, *operands], (graph,), attrs)
    return [*_carried(stage, found[:n], flags), *_stacks(stage, found[n:], beside)]


def _operands(stage: Batching, args: Sequence[Array], flags: Sequence[bool], n: int, m: int) -> list[Array]:
    """Operands for all examples; those that slices are taken of have the axis of examples second."""
    carried = [stage.spread(a) if f else stage.whole(a) for a, f in zip(args[:n], flags, strict=False)]
    slices = [_slices(stage, a) if f else a for a, f in zip(args[n : n + m], flags[n:], strict=False)]
    return [*carried, *slices, *[stage.whole(a) for a in args[n + m :]]]


def _slices(stage: Batching, array: Array) -> Array:
    assert isinstance(array, Batched)
    if array.stacked:
        return array.whole
    with entered(stage.below):
        return ops.moveaxis(array.whole, 0, 1)


def _carried(stage: Batching, found: Sequence[Array], flags: Sequence[bool]) -> list[Array]:
    return [Batched(r, stage.level) if f else r for r, f in zip(found, flags, strict=False)]


def _stacks(stage: Batching, found: Sequence[Array], flags: Sequence[bool]) -> list[Array]:
    """What a loop stacked, whose second axis is that of examples."""
    made: list[Array] = []
    for r, f in zip(found, flags, strict=True):
        if not f:
            made.append(r)
        elif any(isinstance(e, Dim) and e.same(TRIPS) for e in r._aval.shape):
            made.append(Batched(r, stage.level, stacked=True))
        else:
            with entered(stage.below):
                made.append(Batched(ops.moveaxis(r, 0, 1), stage.level))
    return made


def _masked(
    stage: Batching,
    count: Array,
    args: Sequence[Array],
    flags: list[bool],
    body: Graph,
    attrs: Loop,
    carrier: Carrier,
) -> list[Array]:
    """A loop that examples make a different number of iterations of; it makes the most of these."""
    n, m = attrs.carried, attrs.sliced
    flags[:n] = [True] * n
    region = _Region(stage, body.name)
    of = TensorType(dtypes.int64, ())
    params = region.params(body.params[:n], flags[:n])
    number = region.builder.param(of)
    params += region.params(body.params[n:], flags[n:])
    counts = region.param(Value(of, None, 0), True)
    with region.running():
        wanted = number < counts
        made = carrier.replay(body, region.safe(params, wanted) if _is_wild(body) else params)
        carried = _chosen(wanted, made[:n], params[:n])
        after = number - 1 if attrs.reverse else number + 1
    beside = [region.stage.maps(r) for r in made[n:]]
    results = zip((*carried, after, *made[n:]), (*flags[:n], False, *beside), strict=True)
    graph = region.finish([region.whole(r, f) for r, f in results])
    with entered(stage.below):
        most = ops.max(stage.whole(count))
        start = most - 1 if attrs.reverse else ops.zeros((), dtype=dtypes.int64)
    operands = _operands(stage, args, flags, n, m)
    often, length = ([], int(most)) if isinstance(most, Tensor) else ([most], None)
    wider = replace(attrs, carried=n + 1, length=length)
    given = [*often, *operands[:n], start, *operands[n:], stage.whole(count)]
    found = carrier.carry_out(stage.below, OPS["scan"], given, (graph,), wider)
    return [*_carried(stage, found[:n], flags), *_stacks(stage, found[n + 1 :], beside)]


def _while(
    stage: Batching, args: Sequence[Array], regions: tuple[Graph, ...], attrs: Loop, carrier: Carrier
) -> list[Array]:
    condition, body = regions
    n = attrs.carried
    flags = [stage.maps(a) for a in args]
    while True:
        asked = _Region(stage, condition.name)
        params = asked.params(condition.params, flags)
        with asked.running():
            (more,) = carrier.replay(condition, params)
        if asked.stage.maps(more):
            return _until_all(stage, args, regions, attrs, carrier)
        region = _Region(stage, body.name)
        inside = region.params(body.params, flags)
        with region.running():
            made = carrier.replay(body, inside)
        grown = [a or region.stage.maps(r) for a, r in zip(flags[:n], made, strict=False)]
        if grown == flags[:n]:
            break
        flags[:n] = grown
    beside = [region.stage.maps(r) for r in made[n:]]
    graphs = (
        asked.finish([asked.whole(more, False)]),
        region.finish([region.whole(r, f) for r, f in zip(made, (*flags[:n], *beside), strict=True)]),
    )
    found = carrier.carry_out(stage.below, OPS["while"], _operands(stage, args, flags, n, 0), graphs, attrs)
    return [*_carried(stage, found[:n], flags), *_stacks(stage, found[n:-1], beside), found[-1]]


def _until_all(
    stage: Batching, args: Sequence[Array], regions: tuple[Graph, ...], attrs: Loop, carrier: Carrier
) -> list[Array]:
    """A loop whose condition differs: beside what it carries, it carries which examples go on, and their counts."""
    condition, body = regions
    n = attrs.carried
    flags = [*[True] * n, *[stage.maps(a) for a in args[n:]]]
    going, counting = Value(TensorType(dtypes.bool_, ()), None, 0), Value(TensorType(dtypes.int64, ()), None, 0)
    asked = _Region(stage, condition.name)
    asked.params(condition.params[:n], flags[:n])
    on = asked.param(going, True)
    asked.param(counting, True)
    asked.params(condition.params[n:], flags[n:])
    with asked.running():
        more = asked.any(on)
    region = _Region(stage, body.name)
    carried = region.params(body.params[:n], flags[:n])
    wanted, count = region.param(going, True), region.param(counting, True)
    used = region.params(body.params[n:], flags[n:])
    with region.running():
        values = [*carried, *used]
        made = carrier.replay(body, region.safe(values, wanted) if _is_wild(body) else values)
        after = _chosen(wanted, made[:n], carried)
        (again,) = carrier.replay(condition, [*after, *used])
        again = ops.logical_and(wanted, again)
        number = count + ops.astype(wanted, dtypes.int64)
    beside = [region.stage.maps(r) for r in made[n:]]
    results = zip((*after, again, number, *made[n:]), (*flags[:n], True, True, *beside), strict=True)
    graphs = (asked.finish([more]), region.finish([region.whole(r, f) for r, f in results]))
    (first,) = carrier.replay(condition, args)
    zero = ops.zeros((), dtype=dtypes.int64)
    begun = [stage.spread(a) for a in (*args[:n], first, zero)]
    operands = [*begun, *[stage.whole(a) for a in args[n:]]]
    found = carrier.carry_out(stage.below, OPS["while"], operands, graphs, replace(attrs, carried=n + 2))
    trips = Batched(found[n + 1], stage.level)
    return [*_carried(stage, found[:n], flags), *_stacks(stage, found[n + 2 : -1], beside), trips]


def _switch(
    stage: Batching, args: Sequence[Array], regions: tuple[Graph, ...], carrier: Carrier
) -> list[Array]:
    index, *used = args
    flags = [stage.maps(a) for a in used]
    if stage.maps(index):
        return _picked(stage, index, used, flags, regions, carrier)
    made: list[tuple[_Region, list[Array]]] = []
    for branch in regions:
        region = _Region(stage, branch.name)
        params = region.params(branch.params, flags)
        with region.running():
            made.append((region, carrier.replay(branch, params)))
    maps = [any(r.stage.maps(x) for r, x in zip([r for r, _ in made], xs, strict=True)) for xs in _columns(made)]
    graphs = tuple([r.finish([r.whole(x, f) for x, f in zip(xs, maps, strict=True)]) for r, xs in made])
    operands = [index, *[stage.whole(a) for a in used]]
    found = carrier.carry_out(stage.below, OPS["switch"], operands, graphs, NO_ATTRS)
    return _carried(stage, found, maps)


def _columns(made: Sequence[tuple[_Region, list[Array]]]) -> list[tuple[Array, ...]]:
    return list(zip(*[xs for _, xs in made], strict=True))


def _picked(
    stage: Batching,
    index: Array,
    used: Sequence[Array],
    flags: Sequence[bool],
    regions: tuple[Graph, ...],
    carrier: Carrier,
) -> list[Array]:
    """A choice that differs: the branches are carried out, and each example picks from its own."""
    last = len(regions) - 1
    results: list[Array] = []
    for k, branch in enumerate(regions):
        wanted = index == k if k < last else ops.logical_or(index >= last, index < 0)
        if _is_wild(branch):
            found = _where_wanted(stage, wanted, used, flags, branch, carrier)
        else:
            found = carrier.replay(branch, used)
        results = found if not k else _chosen(wanted, found, results)
    return results


def _where_wanted(
    stage: Batching,
    wanted: Array,
    used: Sequence[Array],
    flags: Sequence[bool],
    branch: Graph,
    carrier: Carrier,
) -> list[Array]:
    """What a branch gives that is carried out only if it is for some example, with values of such ones."""

    def built(compute: Callable[[_Region, Array, list[Array]], list[Array]]) -> Graph:
        region = _Region(stage, branch.name)
        own = region.param(Value(TensorType(dtypes.bool_, ()), None, 0), True)
        params = region.params(branch.params, flags)
        with region.running():
            found = compute(region, own, params)
        return region.finish([region.whole(x, True) for x in found])

    def carried_out(region: _Region, own: Array, params: list[Array]) -> list[Array]:
        return carrier.replay(branch, region.safe(params, own))

    def nothing(region: _Region, own: Array, params: list[Array]) -> list[Array]:
        return [ops.zeros(r.type.shape, dtype=r.type.dtype) for r in branch.results]

    with entered(stage.below):
        some = ops.astype(ops.any(stage.whole(wanted)), dtypes.int64)
    operands = [some, stage.whole(wanted), *[stage.whole(a) for a in used]]
    graphs = (built(nothing), built(carried_out))
    found = carrier.carry_out(stage.below, OPS["switch"], operands, graphs, NO_ATTRS)
    return [Batched(r, stage.level) for r in found]
