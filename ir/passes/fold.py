"""Evaluates nodes whose operands are constants, where NumPy gives exactly the bits that our kernels give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from ..attrs import Constant
from ..errors import LithographError
from ..graph import Graph, Node
from ..interpret import evaluate
from ..op import Alias, Element, Flags, Pointwise
from ..rewriter import Rewriter

Evaluator = Callable[[Node, Sequence[np.ndarray]], np.ndarray]
"""Evaluates a node by our kernels."""

# Correctly rounded, and so the same everywhere; sums depend on their order and exp on its polynomial.
EXACT: Final = frozenset(
    [
        *[
            "add",
            "subtract",
            "multiply",
            "divide",
            "negative",
            "abs",
            "sign",
            "square",
            "sqrt",
            "floor",
            "ceil",
        ],
        *[
            "round",
            "maximum",
            "minimum",
            "relu",
            "where",
            "astype",
            "equal",
            "not_equal",
            "less",
            "less_equal",
        ],
        *[
            "greater",
            "greater_equal",
            "logical_and",
            "logical_or",
            "logical_xor",
            "logical_not",
            "bitwise_and",
        ],
        *["bitwise_or", "bitwise_xor", "bitwise_invert", "isnan", "isfinite", "floor_divide", "remainder"],
    ]
)
_ALSO_FLOATS: Final = EXACT - {"floor_divide", "remainder"}
MOST_ELEMENTS: Final = 1 << 20
_SMALL: Final = 16


def fold(graph: Graph, kernel: Evaluator | None = None) -> Graph:
    """The graph with nodes of constants evaluated, unless they would grow; what would fail stays.

    `kernel`, when given, evaluates what NumPy cannot evaluate exactly.
    """
    writer = Rewriter(graph)
    for node in graph.nodes:
        new = writer.map(node)
        value = _value(new, kernel) if _foldable(new) else None
        if value is None:
            writer.append(new)
        else:
            writer.loc = node.loc
            writer.replace(node.result, writer.constant(value).value)
    return writer.finish()


def _foldable(node: Node) -> bool:
    if not node.args or node.regions or Flags.ORDERED in node.flags or len(node.results) != 1:
        return False
    if not all(a.node is not None and isinstance(a.node.attrs, Constant) for a in node.args):
        return False
    type = node.result.type
    if type.weak or not type.is_static or type.size > MOST_ELEMENTS:
        return False
    most = max([a.type.size for a in node.args])
    return type.size <= (max(most, _SMALL) if isinstance(node.op.lowering, Pointwise) else most)


def _value(node: Node, kernel: Evaluator | None) -> np.ndarray | None:
    args = [a.node.attrs.value for a in node.args if a.node and isinstance(a.node.attrs, Constant)]
    try:
        if _exact(node):
            return evaluate(node, args, {})
        return None if kernel is None else kernel(node, args)
    except LithographError:
        return None


def _exact(node: Node) -> bool:
    lowering = node.op.lowering
    if isinstance(lowering, Alias) or (isinstance(lowering, Element) and lowering.view):
        return True
    floats = any(a.type.dtype.is_float for a in node.args)
    return isinstance(lowering, Pointwise) and node.op.name in (_ALSO_FLOATS if floats else EXACT)
