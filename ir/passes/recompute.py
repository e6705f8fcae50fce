"""Computes values again where keeping them would take more memory, as long as that takes no more time.

Where a program holds the most, some values lie in memory only because they are needed much later, as a gradient needs
what came before it. Such a value may be kept, or computed again from others. Which are kept is decided by a minimum
cut, by bytes, between what cannot be computed again and what is needed later. Only elementwise ops and views are
computed again, none that can fail: a kernel does so along with its own work, and bits are the same. The op `again`
stands between what is kept and what is made of it anew, so that no pass takes the two for one.

A long chain is cut, where the least is alive, into stretches of so much work as a kernel may well do again; what lies
between two is kept. The new graph is taken where its units hold less memory at the peak, and take no more time by a
rough estimate. What remains may have its peak elsewhere, so this is done a few times. What was cut once is left as it
is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..graph import Graph, Node, Value
from ..grouping import Group, Unit, grouped
from ..liveness import Liveness, elements, liveness, nbytes, reads, writes
from ..min_cut import min_cut
from ..op import Alias, Element, Flags, Literal, Pointwise
from ..records import dataclass
from ..registry import OPS
from ..rewriter import Rewriter
from ..work import work

LEAST: Final = 4 << 20
"""Bytes of temporaries that are let be: they lie in caches, and little is gained."""

# The work of stretches that is tried first, and what is tried where that is too much.
_STRETCHES: Final = (100, 10)
_ROUNDS: Final = 5
# A fall of the peak that is worth a change, and a difference of time that the estimate cannot tell from none.
_FALL: Final = 0.75
_SAME: Final = 1.08
# Rough nanoseconds: of a vector instruction's share of an element, and of a byte moved: from memory, or from a cache
# that many megabytes fit into.
_NS_WORK: Final = 0.01
_NS_FAR: Final = 0.03
_NS_NEAR: Final = 0.02
_NEAR: Final = 32 << 20


def recompute(graph: Graph) -> Graph:
    """The graph with cheap values computed again instead of kept over the peak of memory, where that lowers it."""
    made_in_all = sum([nbytes(r) for n in graph.nodes for r in n.results])
    if made_in_all < LEAST or any(n.op.name == "again" for n in graph.nodes):
        return graph
    best = _program(graph)
    if max(best.live.held, default=0) < LEAST:
        return graph
    per_byte = _NS_FAR if best.live.peak > _NEAR else _NS_NEAR
    most = _SAME * best.time(per_byte)
    stretches = iter(_STRETCHES)
    stretch = next(stretches, None)
    for _ in range(_ROUNDS):
        if stretch is None:
            break
        changed = _Cut(best, stretch).run()
        if changed is best.graph:
            break
        made = _program(changed)
        if made.live.peak > _FALL * best.live.peak:
            break
        if made.time(per_byte) > most:
            stretch = next(stretches, None)
        else:
            best = made
    return best.graph


@dataclass(frozen=True, slots=True)
class _Program:
    graph: Graph
    units: Sequence[Unit]
    live: Liveness

    def time(self, per_byte: float) -> float:
        """Rough nanoseconds that kernels take; what else runs is the same before and after."""
        spent = 0.0
        for unit in self.units:
            if isinstance(unit, Group):
                spent += _NS_WORK * sum([work(n) * elements(n.result) for n in unit.nodes])
            spent += per_byte * sum([nbytes(v) for v in dict.fromkeys([*reads(unit), *writes(unit)])])
        return spent


def _program(graph: Graph) -> _Program:
    units = grouped(graph)
    return _Program(graph, units, liveness(graph, units))


def _is_free(value: Value) -> bool:
    """Whether a value takes no memory of the program's own."""
    return value.node is None or isinstance(value.node.lowering, Literal)


class _Cut:
    """One change of a graph.

    Attributes:
        late: the nodes that are computed after the peak alone.
    """

    def __init__(self, program: _Program, stretch: int) -> None:
        self.graph = program.graph
        self.stretch = stretch
        self.users = self.graph.users()
        peak = program.live.held.index(max(program.live.held)) + 1
        early = {n for unit in program.units[:peak] for n in _members(unit)}
        self.late = {n for unit in program.units[peak:] for n in _members(unit)} - early

    def run(self) -> Graph:
        needed = {a for n in self.late for a in n.args if a.node not in self.late and not _is_free(a)}
        relevant = self._relevant(needed)
        cheap = [n for n in relevant if self._is_cheap(n)]
        anew = {n.result for n in cheap} - self._between(cheap)
        results = set(self.graph.results)
        weights = {r: 0 if r in results else nbytes(r) for n in relevant for r in n.results}
        edges = {v: [r for u in self.users.get(v, ()) for r in u.results if r in anew] for v in weights}
        kept = min_cut(weights, edges, [v for v in weights if v not in anew], needed)
        return self._rewritten(anew - kept)

    def _is_cheap(self, node: Node) -> bool:
        if node.flags & (Flags.CHECKED | Flags.ORDERED) or not node.args or work(node) > self.stretch:
            return False
        match node.lowering:
            case Pointwise() | Alias() | Element(view=True):
                return True
            case _:
                return False

    def _relevant(self, needed: set[Value]) -> list[Node]:
        """What makes the values that are needed late, and all that they could be made of, in order."""
        found: set[Node] = set()
        stack = [v.node for v in needed if v.node is not None]
        while stack:
            node = stack.pop()
            if node not in found:
                found.add(node)
                if self._is_cheap(node):
                    stack.extend([a.node for a in node.args if a.node is not None and not _is_free(a)])
        return [n for n in self.graph.nodes if n in found]

    def _between(self, cheap: Sequence[Node]) -> set[Value]:
        """The values that lie between two stretches."""
        place = {n: k for k, n in enumerate(cheap)}
        last = [max([place.get(u, -1) for u in self.users.get(n.result, ())], default=-1) for n in cheap]
        found: set[Value] = set()
        start = 0
        while start < len(cheap):
            end, alive = self._end(cheap, start, last)
            found.update([cheap[k].result for k in alive])
            start = end
        return found

    def _end(self, cheap: Sequence[Node], start: int, last: Sequence[int]) -> tuple[int, Sequence[int]]:
        """Where a stretch that starts at a node had best end, and which of its nodes are used behind that."""
        done, least = 0, None
        end, across = len(cheap), list[int]()
        alive: list[int] = []
        for k in range(start, len(cheap)):
            alive = [j for j in (*alive, k) if last[j] > k]
            done += work(cheap[k])
            width = sum([nbytes(cheap[j].result) for j in alive])
            if not width:
                return k + 1, ()
            if done > self.stretch // 2 and (least is None or width <= least):
                least, end, across = width, k + 1, alive
            if done > self.stretch:
                break
        return end, across

    def _rewritten(self, anew: set[Value]) -> Graph:
        """The graph whose late nodes read what is computed again, just before the first of them that does."""
        writer = Rewriter(self.graph)
        copies: dict[Value, Value] = {}
        for node in self.graph.nodes:
            if node in self.late and not anew.isdisjoint(node.args):
                for a in node.args:
                    if a in anew:
                        self._copy(writer, a, anew, copies)
                args = tuple([copies[a] if a in anew else writer.value(a) for a in node.args])
                writer.append(writer.copy(node, args))
            else:
                writer.append(writer.map(node))
        return writer.finish()

    def _copy(self, writer: Rewriter, value: Value, anew: set[Value], copies: dict[Value, Value]) -> None:
        """Write what makes a value again, from what is kept."""
        stack = [value]
        while stack:
            v = stack[-1]
            missing = [a for a in v.node.args if a not in copies] if v.node is not None and v in anew else []
            stack.extend(missing)
            if missing:
                continue
            stack.pop()
            if v in copies:
                continue
            node, there = v.node, writer.value(v)
            if node is not None and v in anew:
                args = [copies[a] for a in node.args]
                copies[v] = writer.add(node.op, args, node.attrs, types=[v.type], loc=node.loc).result
            elif node is not None and isinstance(node.lowering, Literal):
                copies[v] = there
            else:
                loc = None if node is None else node.loc
                copies[v] = writer.add(OPS["again"], [there], types=[v.type], loc=loc).result


def _members(unit: Unit) -> list[Node]:
    return list(unit.nodes) if isinstance(unit, Group) else [unit]
