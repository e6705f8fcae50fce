"""Programs: graphs of nodes in static single assignment form, immutable, with closed regions and state slots.

Meaning. A graph is evaluated by binding its params and running its nodes in list order; every value is defined before
it is used. A region is a graph of its own: whatever it uses from outside enters as an argument. State (a variable's
value, the random generator's) enters as a param and leaves as a result, so inside, the graph is pure; nodes whose op is
ORDERED have effects and happen in list order. Integer arithmetic wraps, float arithmetic is IEEE 754 without
contraction or re-association across nodes, so every schedule of a graph gives the same bits (sums: `ir/reduction.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from .attrs import NO_ATTRS, Attrs
from .loc import Loc
from .op import Flags, Lowering, Op
from .records import dataclass
from .types import TensorType


class Value:
    """One SSA value, compared by identity: result `index` of `node`, or of its graph param `index` (`node` is None)."""

    __slots__ = ("index", "name", "node", "type")

    def __init__(self, type: TensorType, node: Node | None, index: int, name: str = "") -> None:
        self.type = type
        self.node = node
        self.index = index
        self.name = name

    def __repr__(self) -> str:
        return f"<value {self.name or self.index} : {self.type}>"


class Node:
    """One application of an op; compared by identity.

    Attributes:
        lowering: how code is made for it: its row's lowering, or Host where there is no native code for the dtypes.
        flags: how passes treat it: its row's flags, without CHECKED where it cannot fail for the dtype.
    """

    __slots__ = ("args", "attrs", "flags", "loc", "lowering", "op", "regions", "results")

    lowering: Lowering
    results: tuple[Value, ...]

    def __init__(
        self,
        op: Op,
        args: tuple[Value, ...],
        attrs: Attrs = NO_ATTRS,
        types: tuple[TensorType, ...] = (),
        loc: Loc | None = None,
        regions: tuple[Graph, ...] = (),
    ) -> None:
        self.op = op
        self.args = args
        self.attrs = attrs
        self.regions = regions
        self.loc = loc
        self.results = tuple([Value(t, self, i) for i, t in enumerate(types)])
        safe = args and op.unfailing and args[0].type.dtype.kind in op.unfailing
        self.flags = op.flags & ~Flags.CHECKED if safe else op.flags
        self.lowering = op.native([*[a.type.dtype for a in args], *[t.dtype for t in types]])

    @property
    def result(self) -> Value:
        """The result of a node that has exactly one."""
        (only,) = self.results
        return only

    def __repr__(self) -> str:
        return f"<{self.op.name}({', '.join(str(a.type) for a in self.args)})>"


@dataclass(frozen=True, slots=True)
class StateSlot:
    """A piece of state: it enters as params[param] and leaves as results[result] (None: it is only read).

    Attributes:
        key: the name of the state; the tracer maps it to the variable.
    """

    param: int
    result: int | None
    key: str


@dataclass(frozen=True, eq=False, slots=True)
class Graph:
    """A program or a region: params, nodes in order, results; compared by identity."""

    name: str
    params: tuple[Value, ...]
    nodes: tuple[Node, ...]
    results: tuple[Value, ...]
    state: tuple[StateSlot, ...] = ()

    def users(self) -> dict[Value, list[Node]]:
        """For each value, the nodes that take it as an argument, once per use, in order."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for arg in node.args:
                found.setdefault(arg, []).append(node)
        return found

    def values(self) -> Iterator[Value]:
        """Params, then all results of nodes, in order of definition."""
        yield from self.params
        for node in self.nodes:
            yield from node.results

    def __repr__(self) -> str:
        return f"<graph {self.name}: {len(self.nodes)} nodes>"
