"""A graph as a native program: its steps, its text, and the buffer plan and the words for each set of sizes."""

from __future__ import annotations

import numpy as np

from ..ir.errors import LithographError
from ..ir.fields import static_attrs, static_type
from ..ir.graph import Graph, Value
from ..ir.loc import Loc
from ..ir.records import dataclass
from ..ir.types import TensorType
from . import jit
from .lower import Check
from .module import Module
from .plan import Kind, Plan, Sizes, Storage, Use, place
from .stacks import POLL
from .steps import Step
from .target import Target


@dataclass(frozen=True, slots=True)
class StatePlace:
    """Buffers of one state slot; `write` is -1 when it is only read."""

    read: int
    write: int
    in_place: bool


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A graph as native code that is not loaded yet.

    Attributes:
        outputs: (value, buffer) of each Tensor that a call makes; `results` names one, or ~k for state slot k.
        constants: arrays whose addresses are among the words.
        uses, touched: what the buffer plan is made of.
    """

    graph: Graph
    target: Target
    steps: tuple[Step, ...]
    uses: tuple[Use, ...]
    module: Module
    text: str
    n_bufs: int
    arena_buf: int
    words_buf: int
    state: tuple[StatePlace, ...]
    outputs: tuple[tuple[Value, int], ...]
    results: tuple[int, ...]
    constants: tuple[np.ndarray, ...]
    storages: tuple[Storage, ...]
    touched: tuple[Storage, ...]

    @property
    def polls(self) -> bool:
        """Whether it looks for signals while it runs."""
        plain = self.module.plain
        return POLL in self.module.imports or (plain is not None and POLL in plain.imports)

    def kernels(self) -> str:
        """The steps as text."""
        return "\n\n".join(step.show(self.target) for step in self.steps) + "\n"

    def assembly(self) -> str:
        """The native assembly as text."""
        return jit.assembly(self.text)

    def load(self) -> jit.Library:
        """Compile (or fetch) and link; the entry is called `program`."""
        plain = self.module.plain
        if plain is None:
            return jit.load(self.text, ["program"], self.module.imports)
        loops = jit.load(plain.text(), self.module.loops, plain.imports, pipeline=True)
        imports = self.module.imports | {name: loops[name] for name in self.module.loops}
        return jit.load(self.text, ["program"], imports, keep=(loops,))

    def llvm(self) -> str:
        """The program as LLVM text, its loops over scalars included."""
        plain = self.module.plain
        return self.text if plain is None else f"{self.text}\n{plain.text()}"

    def failure(self, status: int, sizes: Sizes) -> tuple[LithographError, Loc | None]:
        """The exception that a status other than 0 stands for, and where the op that failed was written."""
        check: Check = self.module.checks[(status & 0xFFFF) - 1]
        types = tuple([static_type(a.type, sizes) for a in check.node.args])
        node = check.node
        return node.op.error(check.number, status >> 16, types, static_attrs(node.attrs, sizes)), node.loc

    def plan(self, sizes: Sizes) -> Plan:
        """The buffer plan for given sizes of the symbols."""
        plan = place(self.uses, self.touched, sizes)
        for where in self.state:
            if where.in_place:
                plan.peak_bytes -= next(s.type.nbytes for s in self.storages if s.number == where.write)
        return plan

    def words(self, sizes: Sizes, plan: Plan) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The table of integers that a call with these sizes gets."""
        return np.array(self.module.table.words(sizes, plan, [c.ctypes.data for c in self.constants]), np.int64)

    def memory_plan(self, sizes: Sizes, plan: Plan) -> str:
        """Buffers, aliases and peak as text."""
        lines = [f"memory plan of {self.graph.name}: peak {plan.peak_bytes} bytes beyond the inputs"]
        lines.append(f"  arena {plan.arena_bytes} bytes")
        for s in self.storages:
            if s.kind in (Kind.PARAM, Kind.SLICE) or (s.kind is Kind.TEMPORARY and s.first < 0):
                continue
            if s.kind is Kind.STACK:
                each = static_type(TensorType(s.type.dtype, s.type.shape[1:]), sizes).nbytes
                lines.append(f"  b{s.number} stack {s.type}: {each} bytes for each iteration, outside of the arena")
                continue
            where = f" at {plan.offsets[s]}" if s in plan.offsets else ""
            reuse = f", in place of b{plan.reuses[s].number}" if s in plan.reuses else ""
            type_ = static_type(s.type, sizes)
            steps = f"steps {s.first}-{s.last}"
            lines.append(f"  b{s.number} {s.kind.value} {type_}: {type_.nbytes} bytes{where}, {steps}{reuse}")
        for slot, where_ in zip(self.graph.state, self.state, strict=True):
            if where_.write >= 0:
                how = "updated in place" if where_.in_place else "written to a shadow buffer, then swapped in"
                lines.append(f"  state {slot.key}: b{where_.read} -> b{where_.write}, {how}")
        return "\n".join(lines) + "\n"
