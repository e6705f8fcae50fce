"""Computing again instead of keeping: `remat`, whose backward pass starts from the inputs of a function.

The function runs once, and what it does is noted as a graph, step by step, beside carrying it out; so effects happen
once, random numbers are drawn once, and what is computed again are the same ops on the same inputs. Those are its
arguments and whatever else it reads: variables as they were, tensors that it closes over.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from ..ir.array import Array
from ..ir.builder import Builder
from ..ir.gradient import Recording
from ..ir.graph import Graph
from ..ir.layers import ground
from ..ir.registry import OPS
from ..ir.stage import current, entered, located
from .custom import with_gradient
from .noting import Noting
from .pytree import flatten, unflatten
from .recorded import check_callable, stand_in
from .replay import replay

R = TypeVar("R")


def remat(f: Callable[..., R]) -> Callable[..., R]:
    """The function that gives what `f` gives, and whose gradient computes f again instead of keeping what it made.

    Between the two, memory holds what f was given and reads, and its result. Values and gradients have the bits that
    they have without; the time of one more call of f is what it costs.

    Args:
        f: any function; it runs once, and its ops are repeated, not its effects.

    Raises, when the result is called:
        TraceError: a vjp of `custom_gradient` inside cannot be traced.
    """
    check_callable(f)
    name = getattr(f, "__name__", "remat")

    @functools.wraps(f, updated=())
    @located
    def call(*args: object, **kwargs: object) -> R:
        outer = current()
        if outer is ground(outer) and not isinstance(outer, Builder):
            return f(*args, **kwargs)
        noting = Noting(outer, name)
        with entered(noting):
            out = f(*args, **kwargs)
            leaves, structure = flatten(out)
            floats = [k for k, x in enumerate(leaves) if isinstance(x, Array) and x.dtype.is_inexact]
            results = [noting.lift(cast(Array, leaves[k])) for k in floats]
            graph = noting.builder.finish([noting.noted(r) for r in results])
        made: list[object] = list(leaves)
        for k, r in zip(floats, _again(graph, results, noting.inputs), strict=True):
            made[k] = r
        return cast(R, unflatten(structure, made))

    return call


def _again(graph: Graph, results: Sequence[Array], inputs: Sequence[Array]) -> list[Array]:
    """The results under another identity, whose gradient by the inputs runs the graph again."""
    by = [k for k, x in enumerate(inputs) if x.dtype.is_inexact]

    def pull(cotangents: list[Array]) -> Sequence[Array | None]:
        stage = current()
        tracing = isinstance(ground(stage), Builder)
        # In a program nothing else would tell the second run from the first, nor when it may start.
        later = [OPS["barrier"].call(x, cotangents[0]) if tracing else stand_in(stage, x) for x in inputs]
        recording = Recording(stage)
        with entered(recording):
            again = replay(graph, later)
        return recording.gradients(again, cotangents, [later[k] for k in by])

    return with_gradient(results, [inputs[k] for k in by], pull, again=True) if results else []
