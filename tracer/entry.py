"""From a trace to what the call path runs: records of calls, state and results; it traces nothing."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final, cast

import numpy as np

from ..ir.array import Array
from ..ir.batching import Batched
from ..ir.builder import Traced
from ..ir.dtypes import from_numpy
from ..ir.errors import ArgumentError, ShapeError
from ..ir.fields import static_type
from ..ir.records import dataclass, replace
from ..ir.specialise import specialised
from ..ir.types import TensorType
from ..runtime.compile import Compiled, build
from ..runtime.core import Cell, Dispatcher, Tensor, wrap
from ..runtime.creation import of_ndarray
from ..runtime.disposal import refusal
from ..runtime.executable import Executable
from ..runtime.record import (
    Build,
    BuildCall,
    BuildConst,
    BuildDict,
    BuildList,
    BuildOutput,
    BuildTuple,
    Match,
    MatchArray,
    Record,
    StateBinding,
)
from ..runtime.turns import BUSY, give_way, when_free
from ..runtime.variable import Variable
from ..runtime.watching import watchers
from .pytree import LEAF, Structure, container, flatten, tree_map
from .trace import Constant, Trace

_MOST_EXECUTABLES: Final = 1024


class Program:
    """A trace, and its native code once it is asked for.

    Attributes:
        trace: what it does.
        types: of the array arguments, as it was traced.
        signature: the arguments it takes, as text.
        loose: captured NumPy arrays that are copied before each call, since native code cannot read them in
        place.
    """

    def __init__(self, trace: Trace, types: Sequence[TensorType], signature: str) -> None:
        self.trace = trace
        self.types = tuple(types)
        self.signature = signature
        self.loose: list[tuple[Cell, np.ndarray]] = []
        self._cells: list[tuple[int, Cell]] | None = None
        self._compiled: Compiled | None = None
        self._executables: dict[tuple[tuple[str, int], ...], Executable] = {}
        self._lock = threading.Lock()

    def executable(self, sizes: Mapping[str, int]) -> Executable:
        """The native code for these sizes of the symbols, compiled on first use by one thread while others wait."""
        key = tuple(sizes.items())
        with self._lock:
            known = self._executables.get(key)
            if known is None:
                if len(self._executables) >= _MOST_EXECUTABLES:
                    self._executables.clear()
                known = self._executables[key] = self._compile(sizes)
            return known

    def _compile(self, sizes: Mapping[str, int]) -> Executable:
        if self._compiled is None:
            try:
                self._compiled = Compiled(self.trace.graph)
            except ShapeError:
                # Some op is lowered for known extents only: each set of sizes gets native code of its own.
                if not sizes:
                    raise
                return build(specialised(self.trace.graph, sizes))
        return self._compiled.bind({s: sizes[s] for s in self._compiled.symbols})

    def cells(self) -> list[tuple[int, Cell]]:
        """For each param that is a captured array, where a call finds it."""
        with self._lock:
            if self._cells is None:
                self._cells = [(param, self._cell(source)) for param, source in self.trace.captures]
            return self._cells

    def _cell(self, source: Array | np.ndarray) -> Cell:
        if isinstance(source, Tensor):
            return Cell(source)
        assert isinstance(source, np.ndarray), "a trace that captured traced values is never run by itself"
        if source.flags.c_contiguous and source.flags.aligned:
            aval = TensorType(from_numpy(source.dtype), source.shape)
            return Cell(wrap(aval, source.ctypes.data, source))
        cell = Cell(of_ndarray(source))
        self.loose.append((cell, source))
        return cell

    def refresh(self) -> None:
        """Read captured arrays that native code cannot read in place."""
        for cell, source in self.loose:
            cell.tensor = of_ndarray(source)


class Binding:
    """A program for one size of each of its symbols.

    Attributes:
        program: the program.
        sizes: of its symbols; none where they stay open, as in a trace around it.
        types: of the array arguments.
    """

    def __init__(self, program: Program, sizes: Mapping[str, int]) -> None:
        self.program = program
        self.sizes = sizes
        self.types = [static_type(t, sizes) for t in program.types]

    @property
    def is_open(self) -> bool:
        """Whether symbols are left."""
        return not all(t.is_static for t in self.types)

    @functools.cached_property
    def trace(self) -> Trace:
        """The trace, with sizes for its symbols."""
        found = self.program.trace
        return replace(found, graph=specialised(found.graph, self.sizes)) if self.sizes else found

    def executable(self) -> Executable:
        """The native code."""
        return self.program.executable(self.sizes)

    def record(
        self, n_args: int, kwnames: tuple[str, ...], match: tuple[Match, ...], variables: Sequence[Variable]
    ) -> Record:
        """The record of one form of call; `variables` stand for the graph's state slots."""
        code, trace = self.executable(), self.program.trace
        state = [
            StateBinding(v._cell, v._aval, s.buf_in, s.buf_out, s.in_place)
            for v, _, s in zip(variables, trace.graph.state, code.state, strict=True)
        ]
        for param, cell in self.program.cells():
            if code.params[param] >= 0:
                state.append(StateBinding(cell, trace.graph.params[param].type, code.params[param]))
        built = build_program(trace, code)
        return code.record(match, built, n_args, kwnames=kwnames, state=tuple(state), owner=variables)


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One way of calling a function: where a call has what the program needs.

    Attributes:
        binding: what is run.
        order: for each array argument of the trace, the number of the leaf of the call.
        variables: for each state slot, the variable.
    """

    binding: Binding
    order: tuple[int, ...]
    variables: tuple[Variable, ...]
    run: Dispatcher

    def __call__(self, leaves: Sequence[object]) -> object:
        """Run the program on the leaves of a call."""
        if self.binding.program.loose:
            self.binding.program.refresh()
        return self.on([as_tensor(leaves[i]) for i in self.order])

    def on(self, tensors: Sequence[Tensor]) -> object:
        """Run the program on its arguments, and tell whoever watches."""
        by = watchers()
        if not by:
            return self._done(tensors)
        start = time.perf_counter()
        result = self._done(tensors)
        seconds = time.perf_counter() - start
        inputs, outputs = cast("Sequence[Array]", tensors), [x for x in flatten(result)[0] if isinstance(x, Tensor)]
        for w in by:
            for made in outputs:
                w.made(made)
            w.ran(self.binding.program.trace.graph.name, inputs, cast("Sequence[Array]", outputs), seconds)
        return result

    def _done(self, tensors: Sequence[Tensor]) -> object:
        """The result, as soon as no other call writes a variable that it needs."""
        give_way()
        result = self.run(*tensors)
        return result if result is not BUSY else when_free(lambda: self.run(*tensors))


def make_form(binding: Binding, order: tuple[int, ...], variables: tuple[Variable, ...]) -> Form:
    """A form whose program is run on Tensors in the order of its params, whatever stage others are in."""
    run = Dispatcher(functools.partial(_refused, variables, binding.program))
    run.always = True
    code = binding.executable()
    match = tuple([MatchArray(i, aval, code.params[i]) for i, aval in enumerate(binding.types)])
    run.install(binding.record(len(match), (), match, variables))
    return Form(binding, order, variables, run)


def _refused(variables: tuple[Variable, ...], program: Program, *tensors: object) -> object:
    """Called where the record did not match: something is disposed, or a variable is being updated."""
    captured = [source for _, source in program.trace.captures]
    for t in (*tensors, *captured):
        if isinstance(t, Tensor) and not t._data:
            raise refusal(t)
    for v in variables:
        if v.is_disposed:
            v.held()
    return BUSY


def as_tensor(leaf: object) -> Tensor:
    """An array argument as a Tensor, copied where its memory is not laid out as native code wants it."""
    if isinstance(leaf, Tensor):
        return leaf
    if isinstance(leaf, Traced):
        leaf.builder.lift(leaf)
    if isinstance(leaf, Batched):
        raise leaf.stale()
    if not isinstance(leaf, np.ndarray | np.generic):
        raise ArgumentError(f"a {type(leaf).__name__} has no value to call a function with")
    return of_ndarray(np.asarray(leaf))


def _operands(leaf: object) -> object:
    return as_tensor(leaf) if isinstance(leaf, np.ndarray | np.generic) else leaf


def run_eagerly(
    function: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]
) -> object:
    """What the Python function gives for a call when it is run as it stands, on arrays as Tensors."""
    plain = cast("tuple[object, ...]", tree_map(_operands, args))
    return function(*plain, **cast("dict[str, object]", tree_map(_operands, dict(kwargs))))


def build_program(trace: Trace, code: Executable) -> tuple[Build, ...]:
    """The postfix program that makes the result of a call from its outputs."""
    steps: list[Build] = []
    leaves = iter(trace.leaves)

    def walk(structure: Structure) -> None:
        if structure is LEAF or structure == LEAF:
            leaf = next(leaves)
            steps.append(
                BuildConst(leaf.value) if isinstance(leaf, Constant) else BuildOutput(code.results[leaf])
            )
            return
        for child in structure.children:
            walk(child)
        n = len(structure.children)
        if structure.type is type(None):
            steps.append(BuildConst(None))
        elif structure.type is tuple:
            steps.append(BuildTuple(n))
        elif structure.type is list:
            steps.append(BuildList(n))
        elif structure.type is dict:
            steps.append(BuildDict(cast("tuple[Hashable, ...]", structure.meta)))
        else:
            steps.append(BuildCall(_maker(structure), n))

    walk(trace.structure)
    return tuple(steps)


class _maker:
    """Makes a container of registered type from its parts."""

    def __init__(self, structure: Structure) -> None:
        known = container(structure.type)
        assert known is not None, "a structure names containers only"
        self.unflatten = known.unflatten
        self.meta = structure.meta

    def __call__(self, *parts: object) -> object:
        return self.unflatten(self.meta, parts)
