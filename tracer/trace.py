"""Tracing: the builder that a Python function runs under, and what it found; it caches and compiles nothing.

A trace's params are the array leaves of the arguments first, then, as the body meets them, captured arrays
and the variables it reads. A variable is a state slot: reads give its latest value, and its last one is a
result.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import cast

import numpy as np

from ..ir.abstract import Abstract
from ..ir.array import Array
from ..ir.assumptions import Assumptions, Guard
from ..ir.batching import Batched
from ..ir.builder import Builder, Traced
from ..ir.dtypes import from_numpy
from ..ir.errors import LithographError, TraceError, VariableError
from ..ir.graph import Graph, Node, StateSlot, Value
from ..ir.loc import Loc, is_ours
from ..ir.records import dataclass, field
from ..ir.specialise import specialised
from ..ir.stage import current, entered, locate
from ..ir.types import Extent, TensorType
from ..runtime.core import Tensor
from ..runtime.disposal import refusal
from ..runtime.partitioned import PartitionedVariable
from ..runtime.variable import StateStage, Variable
from .pytree import Structure, flatten
from .replay import run_nodes
from .staging import eagerly

Source = Array | np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A leaf of the result that no op made: it comes back as it is."""

    value: object


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One program that a Python function stands for.

    Attributes:
        graph: params are array arguments, then the rest; results are distinct arrays, then written state.
        n_args: number of params that are arguments.
        captures: for params that are captured arrays, the param's number and the array.
        variables: for each state slot of the graph, the variable, or the number of the argument that it is.
        structure: of the result.
        leaves: for each leaf of the result, its number among the graph's results, or a constant.
        guards: what it assumes of the symbols that it was traced with.
        equalities: symbols that the guards fix, which the graph has not any more.
    """

    graph: Graph
    n_args: int
    captures: tuple[tuple[int, Source], ...]
    variables: tuple[Variable | int, ...]
    structure: Structure
    leaves: tuple[int | Constant, ...]
    guards: tuple[Guard, ...] = ()
    equalities: Mapping[str, Extent] = field(default_factory=dict)

    @property
    def captures_traced(self) -> bool:
        """Whether it uses values of an enclosing trace, or single examples, so that it means nothing elsewhere."""
        return any(isinstance(a, Abstract) for _, a in self.captures)


class _Slot:
    """A variable inside a trace; one made during the trace is not kept alive by it.

    Attributes:
        find: the variable, while it lives.
        argument: the number of the argument that it is; None when the function holds it by itself.
    """

    def __init__(self, variable: Variable, param: Traced, made_here: bool, argument: int | None) -> None:
        self.find: Callable[[], Variable | None] = weakref.ref(variable) if made_here else lambda: variable
        self.argument = argument
        self.name = variable.name
        self.param = param
        self.current: Array = param
        self.written = False


class TraceBuilder(Builder, StateStage):
    """The stage that a traced function runs under.

    Attributes:
        may_create: whether variables may be made: on the first call only.
        created: the variables that were made.
    """

    def __init__(self, name: str, may_create: bool, assumptions: Assumptions | None = None) -> None:
        super().__init__(name, self._capture)
        self.assumptions = assumptions
        self.may_create = may_create
        self.created: list[weakref.ref[Variable]] = []
        self.captures: dict[int, tuple[Traced, Source]] = {}
        self.slots: dict[int, _Slot] = {}
        self.arguments: dict[int, tuple[Variable, int]] = {}

    def lift(self, operand: Array | np.ndarray) -> Traced:
        """The operand as a value of this graph; a variable gives its latest value."""
        if type(operand) is Traced and operand.builder is self and not self.finished:
            return operand
        if isinstance(operand, Variable):
            return cast(Traced, self._slot(operand).current)
        if isinstance(operand, PartitionedVariable):
            operand = operand.as_tensor()
        return super().lift(operand)

    def _capture(self, source: Source) -> Traced:
        if isinstance(source, np.ndarray) and not source.flags.writeable and source.base is None:
            return self.constant(source)
        known = self.captures.get(id(source))
        if known is None:
            if isinstance(source, Batched) and not source.level.running:
                raise source.stale()
            if isinstance(source, np.ndarray):
                aval = TensorType(from_numpy(source.dtype), source.shape)
            else:
                aval = source._aval
                if isinstance(source, Tensor) and not source._data:
                    raise refusal(source)
            known = self.param(aval), source
            self.captures[id(source)] = known
        return known[0]

    def argument(self, variable: Variable, number: int) -> Variable:
        """What the body gets for a variable that is argument `number`: another object for the same place.

        So it can be told from the same variable reached by another way, and another call may pass another
        one.
        """
        known = self.arguments.get(id(variable._cell))
        if known is None:
            known = variable.alias(), number
            self.arguments[id(variable._cell)] = known
        return known[0]

    def _slot(self, variable: Variable) -> _Slot:
        key = id(variable._cell)
        slot = self.slots.get(key)
        argument = self.arguments.get(key)
        given = argument is not None and argument[0] is variable
        if slot is None or slot.find() is None:
            made_here = any(made() is variable for made in self.created)
            number = argument[1] if given and argument is not None else None
            if variable.is_disposed:
                variable.held()
            slot = _Slot(variable, self.param(variable._aval, variable.name), made_here, number)
            self.slots[key] = slot
        elif not given and slot.argument is not None:
            slot.argument = None
            slot.find = lambda: variable
        return slot

    def assign(self, variable: Variable, value: Array) -> None:
        """Let reads of the variable give this value from now on, and the program leave it there."""
        slot = self._slot(variable)
        slot.current = self.lift(value)
        slot.written = True

    def adopt(self, variable: Variable) -> None:
        """Note a new variable.

        Raises:
            VariableError: this is not the first call.
        """
        if not self.may_create:
            raise singleton_error()
        self.created.append(weakref.ref(variable))

    def concrete(self, value: Array) -> Tensor:
        """The value of an array of this trace that depends on no argument, computed now.

        Raises:
            TraceError: it depends on an argument, or on state that the function has changed.
        """
        wanted = self.lift(value).value
        known = {param.value: source for param, source in self.captures.values()}
        for slot in self.slots.values():
            variable = slot.find()
            if variable is not None:
                known[slot.param.value] = variable
        needed: list[Node] = []
        seen = {wanted}
        if wanted.node is None and wanted not in known:
            raise _not_concrete(self.name)
        for node in reversed(self._nodes):
            if not seen.isdisjoint(node.results):
                needed.append(node)
                seen.update(node.args)
                if any(a.node is None and a not in known for a in node.args):
                    raise _not_concrete(self.name)
        if any(s.written and s.param.value in seen for s in self.slots.values()):
            raise _not_concrete(self.name)
        with eagerly():
            stage = current()
            concrete: dict[Value, Array] = {v: stage.lift(a) for v, a in known.items() if v in seen}
            return cast(Tensor, run_nodes(needed[::-1], concrete, [wanted])[0])

    def finish_trace(self, leaves: list[object], structure: Structure, n_args: int) -> Trace:
        """What the body made of it; `leaves` is emptied.

        Raises:
            VariableError: a variable was made that nobody kept.
        """
        places: list[int | Constant] = []
        values: dict[Value, int] = {}
        results: list[Traced] = []
        for leaf in leaves:
            if isinstance(leaf, Abstract | Variable | PartitionedVariable | np.ndarray):
                traced = self.lift(leaf)
                if traced.value not in values:
                    values[traced.value] = len(results)
                    results.append(traced)
                places.append(values[traced.value])
            else:
                places.append(Constant(leaf))
            del leaf
        leaves.clear()
        variables = [slot.find() for slot in self.slots.values()]
        if any(made() is None for made in self.created) or any(v is None for v in variables):
            raise singleton_error()
        state, names = [], dict[str, int]()
        for slot in self.slots.values():
            at = None
            if slot.written:
                at = len(results)
                results.append(self.lift(slot.current))
            names[slot.name] = names.get(slot.name, 0) + 1
            key = slot.name if names[slot.name] == 1 else f"{slot.name}:{names[slot.name]}"
            state.append(StateSlot(slot.param.value.index, at, key))
        guards: tuple[Guard, ...] = ()
        equalities: dict[str, Extent] = {}
        if self.assumptions is not None:
            guards, equalities = self.assumptions.guards, self.assumptions.equalities()
        return Trace(
            graph=specialised(self.finish(results, tuple(state)), equalities),
            n_args=n_args,
            captures=tuple([(p.value.index, source) for p, source in self.captures.values()]),
            variables=tuple([_held(v, s) for v, s in zip(variables, self.slots.values(), strict=True)]),
            structure=structure,
            leaves=tuple(places),
            guards=guards,
            equalities=equalities,
        )


def trace(
    name: str,
    function: Callable[..., object],
    arguments: Callable[[TraceBuilder], tuple[Sequence[object], Mapping[str, object]]],
    may_create: bool,
    assumptions: Assumptions | None = None,
) -> Trace:
    """Run a Python function once on traced arrays.

    Args:
        name: of the graph.
        function: runs under the builder.
        arguments: makes the params in a builder, and the arguments around them.
        may_create: whether the function may make variables.
        assumptions: about the symbols in the types of the arguments.

    Raises:
        TraceError, StateError: the body did what a trace cannot.
        VariableError: it made a variable where that is not allowed.
    """
    builder = TraceBuilder(name, may_create, assumptions)
    args, kwargs = arguments(builder)
    n_args = builder.n_params
    with entered(builder):
        try:
            result = function(*args, **kwargs)
        except TypeError as error:
            if (at := _refused_ufunc(error)) is None:
                raise
            raise _needs_values(name, at) from None
        leaves, structure = flatten(result)
        return builder.finish_trace(leaves, structure, n_args)


def _refused_ufunc(error: TypeError) -> TracebackType | None:
    """Where the user called a NumPy ufunc with a traced tensor, which NumPy refuses without asking us."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None or is_ours(at.tb_frame) or not str(error).startswith("operand 'Traced' does not support ufuncs"):
        return None
    return at


def _needs_values(name: str, at: TracebackType) -> LithographError:
    return locate(
        TraceError(
            f"a NumPy function needs the values of a traced tensor, which are not known while {name!r} is being "
            "traced; use the lithograph function of that name"
        ),
        Loc(at.tb_frame.f_code, at.tb_lasti),
    )


def _held(variable: Variable | None, slot: _Slot) -> Variable | int:
    assert variable is not None, "checked before"
    return variable if slot.argument is None else slot.argument


def singleton_error() -> VariableError:
    """Variables are made once."""
    return VariableError(
        "lithograph.function only supports singleton lithograph.Variables created on the first call. Make "
        "sure the lithograph.Variable is only created once or created outside lithograph.function."
    )


def _not_concrete(name: str) -> TraceError:
    return TraceError(
        f"the first value of a variable depends on what {name!r} is called with, or on state that it "
        "changes; make the variable outside, or give a function of nothing that makes the value"
    )
