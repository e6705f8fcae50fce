"""Forward mode through loops and choices: regions that carry tangents beside values."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.array import Array
from ..ir.attrs import NO_ATTRS, Attrs, Loop
from ..ir.builder import Builder, Traced
from ..ir.forward import Forward
from ..ir.graph import Graph, Value
from ..ir.layers import ground
from ..ir.op import Op
from ..ir.records import replace
from ..ir.registry import OPS
from ..ir.stage import current, entered
from ..ir.types import TensorType
from .recorded import zeros_like
from .reverse import Carrier, extracted


def push(
    stage: Forward, op: Op, args: Sequence[Array], regions: tuple[Graph, ...], attrs: Attrs, carrier: Carrier
) -> list[Array]:
    """The results of a loop or a choice, in the stage below, which have tangents where they move."""
    tangents = [stage.tangent(a) for a in args]
    if all(t is None for t in tangents):
        return carrier.carry_out(stage.below, op, args, regions, attrs)
    if isinstance(attrs, Loop):
        return _loop(stage, op, args, tangents, regions, attrs, carrier)
    moving = [t is not None for t in tangents[1:]]
    moved = [False] * len(regions[0].results)
    for region in regions:
        moved = [m or t is not None for m, t in zip(moved, _Pushed(region, moving, carrier).tangents, strict=True)]
    made = [_Pushed(region, moving, carrier) for region in regions]
    graphs = tuple([p.graph([*p.results, *p.filled(moved)], [*p.params, *p.moving]) for p in made])
    found = carrier.carry_out(
        stage.below, op, [*args, *[t for t in tangents if t is not None]], graphs, NO_ATTRS
    )
    return _moved(stage, found, moved)


def _moved(stage: Forward, found: Sequence[Array], moved: Sequence[bool]) -> list[Array]:
    """Results with their tangents, which come after them."""
    made, rest = [*found[: len(moved)]], iter(found[len(moved) :])
    for result, moves in zip(made, moved, strict=True):
        if moves:
            stage.move(result, next(rest))
    return made


class _Pushed:
    """A region carried out with tangents.

    Attributes:
        params: what it takes, and `moving` the tangents of those that move.
        results: what it gives, and `tangents` theirs, None where they do not move.
    """

    def __init__(self, region: Graph, moving: Sequence[bool], carrier: Carrier) -> None:
        self._builder = Builder(region.name)
        around = ground(current())
        self._builder.assumptions = around.assumptions if isinstance(around, Builder) else None
        self.params = [self._builder.param(p.type, p.name) for p in region.params]
        self.moving: list[Traced] = []
        forward = Forward(self._builder)
        for param, moves in zip(self.params, moving, strict=True):
            if moves:
                self.moving.append(self._builder.param(param._aval))
                forward.move(param, self.moving[-1])
        with entered(forward):
            self.results = carrier.replay(region, self.params)
        self.tangents = [forward.tangent(r) if r.dtype.is_inexact else None for r in self.results]

    def filled(self, moved: Sequence[bool]) -> list[Array]:
        """The tangents of the results that are said to move, zeros where they do not."""
        with entered(self._builder):
            return [
                zeros_like(r) if t is None else t
                for r, t, m in zip(self.results, self.tangents, moved, strict=True)
                if m
            ]

    def graph(self, results: Sequence[Array], params: Sequence[Traced]) -> Graph:
        """The region, with its params in this order."""
        whole = self._builder.finish([self._builder.lift(r) for r in results])
        return extracted(whole.nodes, [p.value for p in params], whole.results, whole.name)


def _loop(
    stage: Forward,
    op: Op,
    args: Sequence[Array],
    tangents: Sequence[Array | None],
    regions: tuple[Graph, ...],
    attrs: Loop,
    carrier: Carrier,
) -> list[Array]:
    *conditions, body = regions
    counted = op is OPS["scan"] and attrs.length is None
    often, args, tangents = args[:counted], args[counted:], tangents[counted:]
    n, m = attrs.carried, attrs.sliced
    moving = [t is not None for t in tangents]
    while True:
        # What does not move at first may be moved by an iteration.
        pushed = _Pushed(body, moving, carrier)
        moved = [t is not None for t in pushed.tangents]
        more = [a or b for a, b in zip(moving[:n], moved[:n], strict=True)]
        if more == moving[:n]:
            break
        moving[:n] = more
    moved[:n] = moving[:n]
    made, beside = pushed.results, pushed.filled(moved)
    k, j = sum(moving[:n]), sum(moving[n : n + m])
    own, their = pushed.params, pushed.moving
    params = [*own[:n], *their[:k], *own[n : n + m], *their[k : k + j], *own[n + m :], *their[k + j :]]
    graph = pushed.graph([*made[:n], *beside[:k], *made[n:], *beside[k:]], params)
    given = [
        zeros_like(a) if t is None else t for a, t, w in zip(args, tangents, moving, strict=True) if w
    ]
    operands = [*args[:n], *given[:k], *args[n : n + m], *given[k : k + j], *args[n + m :], *given[k + j :]]
    if conditions:
        extended = _widened(conditions[0], n, [t._aval for t in their[:k]], [t._aval for t in their[k + j :]])
        conditions = [extended]
    wider = replace(attrs, carried=n + k, sliced=m + j)
    found = carrier.carry_out(stage.below, op, [*often, *operands], (*conditions, graph), wider)
    trips = [found.pop()] if conditions else []
    count = len(body.results) - n
    values = [*found[:n], *found[n + k : n + k + count]]
    return [*_moved(stage, [*values, *found[n : n + k], *found[n + k + count :]], moved), *trips]


def _widened(condition: Graph, n: int, carried: Sequence[TensorType], used: Sequence[TensorType]) -> Graph:
    """A condition that takes further params, after the first n and at the end, and does not use them."""
    more = [Value(t, None, 0) for t in (*carried, *used)]
    params = [*condition.params[:n], *more[: len(carried)], *condition.params[n:], *more[len(carried) :]]
    return extracted(condition.nodes, params, condition.results, condition.name)
