"""The step that is a loop over scalars, and which loops are that; it plans no memory."""

from __future__ import annotations

from ..ir.attrs import Loop
from ..ir.graph import Node
from ..ir.op import Alias, Element, Flags, Literal, Pointwise, Structural
from ..ir.records import dataclass
from .body import Body
from .control import OPEN_NS
from .module import Module, Scratch
from .plan import Storage, Use
from .registers import Registers
from .scalar_loop import LoopWriter
from .target import Target

_SIMPLE = Pointwise | Element | Alias | Literal


def is_scalar_loop(node: Node) -> bool:
    """Whether all that a loop computes is single numbers, whatever arrays it reads."""
    return isinstance(node.attrs, Loop) and _is_scalar(node)


def _is_scalar(node: Node) -> bool:
    if isinstance(node.attrs, Loop):
        n = node.attrs.carried
        body = node.regions[-1]
        taken = body.params[: n + node.attrs.sliced]
        if any(v.type.ndim for v in (*taken, *body.results)):
            return False
    elif any(r.type.ndim for r in node.results):
        return False
    return all(_computes_numbers(n) for region in node.regions for n in region.nodes)


def _computes_numbers(node: Node) -> bool:
    """Whether a node of a region can be written in registers; its arrays are read in memory, or computed where read."""
    if not isinstance(node.op.lowering, Structural):
        checked = Flags.CHECKED in node.flags and node.result.type.ndim
        return isinstance(node.lowering, _SIMPLE) and _is_small(node) and not checked
    if node.op.lowering.control:
        in_memory = all(a.node is None for a in node.args if a.type.ndim)
        stacks = isinstance(node.attrs, Loop) and len(node.regions[-1].results) > node.attrs.carried
        return in_memory and not stacks and _is_scalar(node)
    return all(map(_computes_numbers, node.regions[0].nodes))


def _is_small(node: Node) -> bool:
    return not isinstance(node.lowering, Literal) or (node.result.type.is_static and node.result.type.size == 1)


@dataclass(frozen=True, slots=True)
class ScalarLoopStep:
    """A loop over scalars: where what it takes and what it gives lies."""

    node: Node
    reads: tuple[Storage, ...]
    writes: tuple[Storage, ...]

    def use(self) -> Use:
        """What it reads and writes."""
        reads = tuple(dict.fromkeys([s for s in self.reads if s not in self.writes]))
        return Use(reads, tuple(dict.fromkeys(self.writes)), may_fail=True)

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write the loop as a function of the module's scalar part, and its call."""
        if module.plain is None:
            module.plain = Module(module.target, module.table, poll=module.poll)
        name = f"loop{k}"
        length = self.node.attrs.length if isinstance(self.node.attrs, Loop) else None
        cost = 5.0 * length if isinstance(length, int) else OPEN_NS
        module.costs.append(lambda sizes: cost)
        writer = LoopWriter(Registers(module, module.plain))
        module.plain.functions.append(writer.function(name, self.node, self.reads, self.writes))
        module.declares[f"declare i64 @{name}(ptr)"] = None
        module.loops.append(name)
        return body.assign(f"call i64 @{name}(ptr %bufs)")

    def show(self, target: Target) -> str:
        """The loop as text."""
        assert isinstance(self.node.attrs, Loop)
        carried = self.node.results[: self.node.attrs.carried]
        return f"; loop over scalars, {self.node.op.name}, carries {', '.join([str(r.type) for r in carried])}"
