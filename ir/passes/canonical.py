"""Brings nodes into one form: constants to the right of commutative ops, nodes that do nothing dropped."""

from __future__ import annotations

from typing import Final

from ..attrs import Constant
from ..graph import Graph, Node
from ..op import Alias
from ..rewriter import Rewriter

# Exchanging the operands of these changes no bit: IEEE 754 addition and multiplication are commutative, and
# any nan is equal to any other.
COMMUTATIVE: Final = frozenset(
    [
        *["add", "multiply", "maximum", "minimum", "equal", "not_equal"],
        *["logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"],
    ]
)


def canonical(graph: Graph) -> Graph:
    """The graph with constants as last operands of commutative ops, without reshapes to the same shape."""
    writer = Rewriter(graph)
    for node in graph.nodes:
        new = writer.map(node)
        if isinstance(new.op.lowering, Alias) and new.args[0].type is new.result.type:
            writer.replace(node.result, new.args[0])
        elif (
            new.op.name in COMMUTATIVE
            and _is_constant(new.args[0].node)
            and not _is_constant(new.args[1].node)
        ):
            writer.append(writer.copy(node, (new.args[1], new.args[0])))
        else:
            writer.append(new)
    return writer.finish()


def _is_constant(node: Node | None) -> bool:
    return node is not None and isinstance(node.attrs, Constant)
