"""The cheapest vertices that part a directed graph, by Dinic's algorithm; it knows nothing of programs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

V = TypeVar("V", bound=Hashable)

_ANY: Final = 1 << 62


def min_cut(
    weights: Mapping[V, int], edges: Mapping[V, Sequence[V]], sources: Iterable[V], sinks: Iterable[V]
) -> set[V]:
    """The vertices of least weight, of those nearest to the sinks, through one of which each path leads.

    Paths start in a source and end in a sink, both of which may be in the cut themselves.

    Args:
        weights: of all vertices, 0 or more.
        edges: where one can go from a vertex.
        sources, sinks: vertices.
    """
    flow = _Flow(weights, edges, sources, sinks)
    while flow.levels():
        flow.block()
    return flow.cut(weights)


class _Flow:
    """A flow in which each vertex is two points with an edge of its weight between: what goes in, what comes out."""

    def __init__(
        self, weights: Mapping[V, int], edges: Mapping[V, Sequence[V]], sources: Iterable[V], sinks: Iterable[V]
    ) -> None:
        # Edge 2k leads forwards, 2k + 1 back; `room` is what may still flow along.
        self.to: list[int] = []
        self.room: list[int] = []
        number = {v: 2 * k for k, v in enumerate(weights)}
        self.source, self.sink = 2 * len(number), 2 * len(number) + 1
        self.out: list[list[int]] = [[] for _ in range(2 * len(number) + 2)]
        for v, weight in weights.items():
            self._edge(number[v], number[v] + 1, weight)
            for w in edges.get(v, ()):
                self._edge(number[v] + 1, number[w], _ANY)
        for v in dict.fromkeys(sources):
            self._edge(self.source, number[v], _ANY)
        for v in dict.fromkeys(sinks):
            self._edge(number[v] + 1, self.sink, _ANY)

    def _edge(self, start: int, end: int, room: int) -> None:
        self.out[start].append(len(self.to))
        self.out[end].append(len(self.to) + 1)
        self.to += (end, start)
        self.room += (room, 0)

    def levels(self) -> bool:
        """Find how far points are from the source; whether the sink can be reached."""
        self.level = [-1] * len(self.out)
        self.level[self.source] = 0
        queue = [self.source]
        for point in queue:
            for e in self.out[point]:
                end = self.to[e]
                if self.room[e] and self.level[end] < 0:
                    self.level[end] = self.level[point] + 1
                    queue.append(end)
        return self.level[self.sink] >= 0

    def block(self) -> None:
        """Let flow along shortest paths what can."""
        at = [0] * len(self.out)
        path: list[int] = []
        point = self.source
        while True:
            if point == self.sink:
                most = min([self.room[e] for e in path])
                for e in path:
                    self.room[e] -= most
                    self.room[e ^ 1] += most
                path, point = [], self.source
            edge = self._next(point, at)
            if edge is not None:
                path.append(edge)
                point = self.to[edge]
            elif path:
                point = self.to[path.pop() ^ 1]
                at[point] += 1
            else:
                return

    def _next(self, point: int, at: list[int]) -> int | None:
        """The first edge that leads on from a point, from number `at[point]` on."""
        edges = self.out[point]
        while at[point] < len(edges):
            e = edges[at[point]]
            if self.room[e] and self.level[self.to[e]] == self.level[point] + 1:
                return e
            at[point] += 1
        return None

    def cut(self, weights: Mapping[V, int]) -> set[V]:
        """The vertices whose way out can still reach the sink, and whose way in cannot."""
        reaches = [False] * len(self.out)
        reaches[self.sink] = True
        stack = [self.sink]
        while stack:
            point = stack.pop()
            for e in self.out[point]:
                if self.room[e ^ 1] and not reaches[self.to[e]]:
                    reaches[self.to[e]] = True
                    stack.append(self.to[e])
        return {v for k, v in enumerate(weights) if reaches[2 * k + 1] and not reaches[2 * k]}
