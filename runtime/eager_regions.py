"""Loops and choices that are called eagerly: each runs as a program of its own, the latest of which are kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, cast

from ..ir.array import Array
from ..ir.attrs import Attrs, Loop
from ..ir.builder import Builder
from ..ir.errors import StateError
from ..ir.graph import Graph, Node
from ..ir.op import Op, Structural
from ..ir.records import replace
from ..ir.types import Dim, TensorType
from .compile import Compiled
from .core import Dispatcher, Tensor, is_disposed
from .disposal import refusal
from .record import BuildOutput, BuildTuple, MatchArray
from .watching import made as told

_MOST: Final = 64
_LENGTH: Final = Dim("length")
_Key = tuple[Op, Attrs, tuple[Graph, ...], tuple[TensorType, ...]]
_compiled: Final[OrderedDict[_Key, Compiled]] = OrderedDict()
_lock: Final = threading.Lock()


def run_region(op: Op, args: Sequence[Array], regions: tuple[Graph, ...], attrs: Attrs) -> list[Array]:
    """The results of a node with regions, for Tensors.

    A scan is compiled for any length, and runs with the one that it has.
    """
    for a in args:
        if isinstance(a, Tensor) and is_disposed(a):
            raise refusal(a)
    sizes: dict[str, int] = {}
    types = tuple([a._aval for a in args])
    if isinstance(attrs, Loop) and isinstance(attrs.length, int):
        sizes["length"] = attrs.length
        n, m = attrs.carried, attrs.sliced
        attrs = replace(attrs, length=_LENGTH)
        open_ = [TensorType(t.dtype, (_LENGTH, *t.shape[1:])) for t in types[n : n + m]]
        types = (*types[:n], *open_, *types[n + m :])
    made = _program(op, attrs, regions, types).bind(sizes)
    match = tuple([MatchArray(k, a._aval, made.params[k]) for k, a in enumerate(args)])
    run = Dispatcher(_refuse)
    run.always = True
    run.install(made.record(match, (*map(BuildOutput, made.results), BuildTuple(len(made.results))), len(args)))
    found = run(*args)
    return [cast(Array, told(cast(Tensor, t))) for t in cast("tuple[object, ...]", found)]


def _refuse(*args: object) -> object:
    raise StateError("a program was called with operands that it was not made for")


def _program(op: Op, attrs: Attrs, regions: tuple[Graph, ...], types: tuple[TensorType, ...]) -> Compiled:
    key = (op, attrs, regions, types)
    with _lock:
        known = _compiled.get(key)
        if known is not None:
            _compiled.move_to_end(key)
            return known
    made = Compiled(_graph(op, attrs, regions, types))
    with _lock:
        _compiled[key] = made
        while len(_compiled) > _MOST:
            _compiled.popitem(last=False)
    return made


def _graph(op: Op, attrs: Attrs, regions: tuple[Graph, ...], types: tuple[TensorType, ...]) -> Graph:
    assert isinstance(op.lowering, Structural)
    builder = Builder(op.name)
    params = [builder.param(t) for t in types]
    node = Node(op, tuple([p.value for p in params]), attrs, (), None, regions)
    results = region_types(node)
    return builder.finish(builder.emit_region(op, params, regions, results, attrs))


def region_types(node: Node) -> tuple[TensorType, ...]:
    """The types of what a node with regions gives; a choice gives what its branches do."""
    assert isinstance(node.op.lowering, Structural)
    if node.op.name == "switch":
        return tuple([r.type for r in node.regions[0].results])
    return node.op.lowering.interface(node)[1]
