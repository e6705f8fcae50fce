"""Small matrix products, made element by element wherever they are used: a call of the product for all costs more.

Where the bits allow it, a product is the sum of a multiplied array (`ir/ops/products.py` says where), which joins other
reductions and elementwise work. Elsewhere, of few terms, it is a chain written out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..array import Array
from ..graph import Graph, Node, Value
from ..ops.products import is_sum, short_product
from ..ops.reductions import sum
from ..ops.shapes import reshape
from ..rewriter import Rewriter

_MOST_MULTIPLIED: Final = 3072
_MOST_STRIDED: Final = 128
_MOST_TERMS: Final = 16
_MOST_SUMMED: Final = 1 << 16


def products(graph: Graph) -> Graph:
    """The graph with its small matrix products made of what is cheaper; it computes the same bits."""
    if not any(node.op.name == "matmul" for node in graph.nodes):
        return graph
    writer = Rewriter(graph)
    for node in graph.nodes:
        new = writer.append(writer.map(node))
        form = _form(new) if node.op.name == "matmul" else None
        if form is not None:
            writer.loc = node.loc
            made = writer.trace(form, *new.args)
            assert made is not None
            writer.replace(node.result, made)
    return writer.finish()


def _form(node: Node) -> Callable[[Array, Array], Array] | None:
    """What is cheaper than a product; None where nothing is."""
    a, b = node.args
    m, k, n = a.type.shape[-2], a.type.shape[-1], b.type.shape[-1]
    if not (isinstance(m, int) and isinstance(k, int) and isinstance(n, int)) or not m * k * n:
        return None
    few = is_sum(node.result.type)
    most = _MOST_STRIDED if _is_strided(a, b) and not few else _MOST_MULTIPLIED
    if k <= _MOST_TERMS and m * n * k <= most:
        return short_product
    return _summed if few and m * n * k <= _MOST_SUMMED else None


def _summed(a: Array, b: Array) -> Array:
    return sum(reshape(a, (*a.shape, 1)) * reshape(b, (*b.shape[:-2], 1, *b.shape[-2:])), axis=-2)


def _is_strided(a: Value, b: Value) -> bool:
    """Whether neighbours in a row of the product, or in its one column, are computed from what lies far apart."""
    turned = a if b.type.shape[-1] == 1 else b
    while turned.node is not None and turned.node.op.name == "reshape":
        (turned,) = turned.node.args
    return (turned.node is not None and turned.node.op.name == "transpose") is (turned is b)
