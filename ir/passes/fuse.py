"""Gathers the nodes that one kernel computes into one `fused` node each; `ir/grouping.py` says which those are."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Graph, Node, Value
from ..grouping import Group, Unit, grouped, is_fusible
from ..op import Alias
from ..registry import OPS


def fuse(graph: Graph) -> Graph:
    """The graph with its fusible nodes gathered into `fused` nodes; the same object when there are none."""
    if not any(is_fusible(n) for n in graph.nodes):
        return graph
    return _Assembly(graph, grouped(graph)).run()


class _Assembly:
    """Writes the units of a graph as nodes, in their order."""

    def __init__(self, graph: Graph, units: Sequence[Unit]) -> None:
        self.graph = graph
        self.units = units
        self.position = {node: k for k, node in enumerate(graph.nodes)}
        self.values: dict[Value, Value] = {p: p for p in graph.params}
        self.nodes: list[Node] = []

    def run(self) -> Graph:
        for unit in self.units:
            if isinstance(unit, Node):
                self._append_node(unit)
            elif all(isinstance(n.lowering, Alias) for n in unit.nodes):
                # Nothing is computed: a kernel would copy.
                for node in sorted(unit.nodes, key=self.position.__getitem__):
                    self._append_node(node)
            else:
                self._append_group(unit)
        results = tuple(self.values[r] for r in self.graph.results)
        return Graph(self.graph.name, self.graph.params, tuple(self.nodes), results, self.graph.state)

    def _append_node(self, node: Node) -> None:
        types = tuple(r.type for r in node.results)
        self._append(Node(node.op, self._mapped(node), node.attrs, types, node.loc, node.regions), node.results)

    def _mapped(self, node: Node) -> tuple[Value, ...]:
        return tuple([self.values[a] for a in node.args])

    def _append(self, made: Node, replaced: tuple[Value, ...]) -> None:
        self.nodes.append(made)
        for old, new in zip(replaced, made.results, strict=True):
            new.name = old.name
            self.values[old] = new

    def _append_group(self, group: Group) -> None:
        members = sorted(group.nodes, key=self.position.__getitem__)
        outputs = sorted(group.outputs, key=self.position.__getitem__)
        inner: dict[Value, Value] = {}
        params: list[Value] = []
        args: list[Value] = []
        nodes: list[Node] = []
        for member in members:
            mapped: list[Value] = []
            for arg in member.args:
                if arg not in inner:
                    assert arg.node is None or arg.node not in group.nodes
                    inner[arg] = Value(arg.type, None, len(params))
                    params.append(inner[arg])
                    args.append(self.values[arg])
                mapped.append(inner[arg])
            types = tuple(r.type for r in member.results)
            made = Node(member.op, tuple(mapped), member.attrs, types, member.loc, member.regions)
            nodes.append(made)
            inner[member.result] = made.result
        results = tuple(inner[o.result] for o in outputs)
        region = Graph("_".join(dict.fromkeys(n.op.name for n in nodes[-3:])), tuple(params), tuple(nodes), results)
        types = tuple(o.result.type for o in outputs)
        fused = Node(OPS["fused"], tuple(args), types=types, loc=outputs[-1].loc, regions=(region,))
        self._append(fused, tuple(o.result for o in outputs))
