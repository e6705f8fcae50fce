"""The meaning of graphs: the NumPy references of the nodes in order; the oracle for all that is faster.

It knows no op: what a structural node makes of its regions, its row says. Symbolic extents get their sizes from
the inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from .errors import ArgumentError, DTypeError, ShapeError, VerifyError
from .fields import static_attrs, static_type
from .graph import Graph, Node, Value
from .op import Structural
from .types import Dim, TensorType, show_shape


def interpret(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The results of a graph, state included, for inputs in the order of its params.

    Raises:
        ArgumentError, DTypeError, ShapeError: the inputs are not what the params ask for.
        LithographError: what the references of checked ops raise.
    """
    return _run(graph, inputs, bind_sizes(graph, inputs))


def bind_sizes(graph: Graph, inputs: Sequence[np.ndarray]) -> dict[str, int]:
    """The size of each symbol, read off the shapes of the inputs, which are checked against the params."""
    if len(inputs) != len(graph.params):
        raise ArgumentError(f"{graph.name}: {len(graph.params)} inputs are needed, but {len(inputs)} came")
    sizes: dict[str, int] = {}
    for i, (param, array) in enumerate(zip(graph.params, inputs, strict=True)):
        if array.dtype != param.type.dtype.numpy:
            title = _title(param, i)
            raise DTypeError(f"{graph.name}: input {title} must be {param.type}, but it is {array.dtype}")
        if array.ndim != param.type.ndim:
            raise _misfit(graph, param, i, array)
        for extent, size in zip(param.type.shape, array.shape, strict=True):
            if isinstance(extent, Dim) and len(extent.terms) == 1:
                (name, factor), rest = extent.terms[0], size - extent.const
                if rest % factor or rest // factor < 0:
                    raise _misfit(graph, param, i, array)
                sizes.setdefault(name, rest // factor)
    for i, (param, array) in enumerate(zip(graph.params, inputs, strict=True)):
        unknown = [n for e in param.type.shape if isinstance(e, Dim) for n in e.symbols if n not in sizes]
        if unknown:
            raise ShapeError(f"{graph.name}: no input has an extent from which {unknown[0]!r} follows")
        if static_type(param.type, sizes).shape != array.shape:
            raise _misfit(graph, param, i, array)
    return sizes


def _title(param: Value, i: int) -> str:
    return f"{i} ({param.name})" if param.name else str(i)


def _misfit(graph: Graph, param: Value, i: int, array: np.ndarray) -> ShapeError:
    title, given = _title(param, i), show_shape(array.shape)
    return ShapeError(f"{graph.name}: input {title} must be {param.type}, but its shape is {given}")


def _run(graph: Graph, inputs: Sequence[np.ndarray], sizes: Mapping[str, int]) -> list[np.ndarray]:
    values: dict[Value, np.ndarray] = dict(zip(graph.params, inputs, strict=True))
    for node in graph.nodes:
        args = [values[a] for a in node.args]
        if isinstance(node.op.lowering, Structural):
            regions = [functools.partial(_run, region, sizes=sizes) for region in node.regions]
            attrs = static_attrs(node.attrs, sizes) if sizes else node.attrs
            results = node.op.lowering.meaning(node, attrs, regions, args)
        else:
            results = [evaluate(node, args, sizes)]
        values.update(zip(node.results, results, strict=True))
    return [values[r] for r in graph.results]


def evaluate(node: Node, args: Sequence[np.ndarray], sizes: Mapping[str, int]) -> np.ndarray:
    """The result of a node without regions, by its reference, contiguous and of exactly the node's type.

    Raises:
        VerifyError: the reference does not give what the type rule promises.
        LithographError: what the reference of a checked op raises.
    """
    attrs = static_attrs(node.attrs, sizes) if sizes else node.attrs
    with np.errstate(all="ignore"):
        # Some NumPy functions give other bits for strided operands, so every value is contiguous.
        array = np.asarray(node.op.evaluate(args, attrs), order="C")
    expected: TensorType = static_type(node.result.type, sizes) if sizes else node.result.type
    if array.dtype != expected.dtype.numpy or array.shape != expected.shape:
        raise VerifyError(
            f"the reference of {node.op.name} gives {array.dtype}{list(array.shape)} where its type rule "
            f"says {expected}"
        )
    return array
