"""Programs as data: IR text, with what they hold as values; nothing is run, and nothing but our own objects is made.

Captured arrays go by value, variables as new variables of the same values. What counts by identity in a key is replaced
by what another process can find again.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Hashable, Mapping, Sequence
from types import ModuleType
from typing import Any, cast

import numpy as np

from ..ir.array import Array
from ..ir.assumptions import Guard
from ..ir.errors import DomainError, StateError
from ..ir.graph import Graph
from ..ir.parse import parse
from ..ir.records import dataclass, replace
from ..ir.text import show
from ..ir.types import Extent, Shape, TensorType
from ..ir.verify import verify
from ..runtime.creation import of_ndarray
from ..runtime.variable import Variable
from .entry import Program
from .pytree import Structure, flatten
from .signature import Signature
from .trace import Constant, Trace


@dataclass(frozen=True, eq=False)
class Packed:
    """A program as data.

    Attributes:
        text: the traced graph, and `constants` that it names.
        captures: captured arrays by value.
        signature, types: as of its `Program`; the rest as of its `Trace`.
    """

    text: str
    constants: Mapping[str, np.ndarray]
    n_args: int
    captures: tuple[tuple[int, Array], ...]
    variables: tuple[Variable | int, ...]
    structure: Structure
    leaves: tuple[int | Constant, ...]
    guards: tuple[Guard, ...]
    equalities: Mapping[str, Extent]
    types: tuple[TensorType, ...]
    signature: str


def pack(program: Program) -> Packed:
    """A program as data, which pickles if the Python values in its result do."""
    trace = program.trace
    constants: dict[str, np.ndarray] = {}
    return Packed(
        text=show(trace.graph, constants=constants),
        constants=constants,
        n_args=trace.n_args,
        captures=tuple([(n, _held(source)) for n, source in trace.captures]),
        variables=trace.variables,
        structure=trace.structure,
        leaves=trace.leaves,
        guards=trace.guards,
        equalities=dict(trace.equalities),
        types=program.types,
        signature=program.signature,
    )


def _held(source: Array | np.ndarray) -> Array:
    return cast(Array, of_ndarray(source)) if isinstance(source, np.ndarray) else source


def unpack(packed: Packed) -> Program:
    """The program again.

    Raises:
        IRSyntaxError, VerifyError: its text is damaged.
        DomainError: what it holds does not fit its graph, so that native code would read beside it.
    """
    graph = parse(packed.text, packed.constants)
    verify(graph)
    _check_fit(packed, graph)
    trace = Trace(
        graph=graph,
        n_args=packed.n_args,
        captures=packed.captures,
        variables=packed.variables,
        structure=packed.structure,
        leaves=packed.leaves,
        guards=packed.guards,
        equalities=packed.equalities,
    )
    return Program(trace, packed.types, packed.signature)


def _check_fit(packed: Packed, graph: Graph) -> None:
    params, slots = graph.params, graph.state
    held = dict(packed.captures)
    states = [params[s.param].type for s in slots]
    args = [p.type for p in params[: packed.n_args]]
    fits = (
        sorted([*held, *(s.param for s in slots)]) == [*range(packed.n_args, len(params))]
        and all(a._aval is params[n].type for n, a in held.items())
        and len(packed.variables) == len(slots)
        and all(isinstance(v, int) or v._aval is t for v, t in zip(packed.variables, states, strict=True))
        and len(packed.types) == packed.n_args
        and all(a.dtype is b.dtype and _alike(a.shape, b.shape) for a, b in zip(packed.types, args, strict=True))
        and all(isinstance(k, Constant) or 0 <= k < len(graph.results) for k in packed.leaves)
    )
    if not fits:
        raise DomainError(f"the pickled program {graph.name!r} is damaged: what it holds does not fit its graph")


def _alike(a: Shape, b: Shape) -> bool:
    """Whether no known extents differ; symbols may be named otherwise, or be fixed on one side."""
    pairs = list(zip(a, b, strict=False))
    return len(a) == len(b) and not any(isinstance(x, int) and isinstance(y, int) and x != y for x, y in pairs)


def bare(signature: Signature) -> Signature:
    """A signature without annotations, which may be of types that exist in one process only."""
    empty = inspect.Signature.empty
    parameters = [p.replace(annotation=empty) for p in signature.parameters.parameters.values()]
    return replace(signature, parameters=inspect.Signature(parameters))


@dataclass(frozen=True)
class _Default:
    """Stands in a key for a leaf of a parameter's default."""

    number: int


@dataclass(frozen=True, eq=False)
class _Captured:
    """Stands in a key for a variable that the function holds by itself."""

    variable: Variable


def _defaults(signature: Signature) -> list[object]:
    return flatten([p.default for p in signature.parameters.parameters.values()])[0]


def pack_key(name: str, key: Hashable, captured: Mapping[int, Variable], signature: Signature) -> object:
    """The key of a program as data.

    Args:
        name: of the function.
        key: the form of the call, and what each leaf contributes.
        captured: variables that the function holds by itself, by id.
        signature: of the function.

    Raises:
        StateError: it has an object that counts by identity, and that another process does not have.
    """
    form, entries = cast("tuple[Hashable, Sequence[Hashable]]", key)
    defaults = {id(leaf): i for i, leaf in enumerate(_defaults(signature))}
    packed: list[object] = []
    for entry in entries:
        kind, value = cast("tuple[object, Any]", entry) if isinstance(entry, tuple) and len(entry) == 2 else (None, 0)
        if kind == "default" and value in defaults:
            packed.append(_Default(defaults[value]))
        elif kind is Variable and value in captured:
            packed.append(_Captured(captured[value]))
        elif isinstance(entry, weakref.ref) or kind is ModuleType:
            found = entry() if isinstance(entry, weakref.ref) else value
            raise StateError(
                f"{name!r} cannot be pickled: one of its programs is for {found!r}, which counts by identity; pickle "
                "the result of get_concrete_function for calls without it, or give the function a name that can be "
                "imported"
            )
        else:
            packed.append(entry)
    return form, tuple(packed)


def unpack_key(packed: object, signature: Signature) -> Hashable:
    """The key again, for the objects of this process."""
    form, entries = cast("tuple[Hashable, Sequence[Hashable]]", packed)
    defaults = _defaults(signature)
    found: list[Hashable] = []
    for entry in entries:
        if isinstance(entry, _Default):
            entry = ("default", id(defaults[entry.number]))
        elif isinstance(entry, _Captured):
            entry = (Variable, id(entry.variable))
        found.append(entry)
    return form, tuple(found)
