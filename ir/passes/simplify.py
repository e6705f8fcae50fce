"""Applies the exact rewrite rules until none fires any more; knows no rule, they stand in `ir/rules.py`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

from ..dtypes import DType
from ..graph import Graph, Node, Value
from ..rewrite import Pattern, Rule, match, patterns
from ..rewriter import Rewriter
from ..rules import EXACT

_MOST_ROUNDS: Final = 8
_MOST_PER_NODE: Final = 8
_Table = dict[tuple[str, DType], list[Pattern]]


def simplify(graph: Graph) -> Graph:
    """The graph after the exact rules: it computes the same bits."""
    return apply_rules(graph, EXACT)


@functools.cache
def _patterns(rules: Sequence[Rule], dtype: DType) -> _Table:
    return patterns(rules, dtype)


def apply_rules(graph: Graph, rules: Sequence[Rule]) -> Graph:
    """The graph after rules were applied to a fixed point, in at most 8 rounds over the graph."""
    for _ in range(_MOST_ROUNDS):
        new = _round(graph, rules)
        if new is graph:
            break
        graph = new
    return graph


def _round(graph: Graph, rules: Sequence[Rule]) -> Graph:
    writer = Rewriter(graph)
    tables: dict[DType, _Table] = {}
    for node in graph.nodes:
        new = writer.append(writer.map(node))
        for _ in range(_MOST_PER_NODE):
            value = _fire(writer, new, rules, tables)
            if value is None:
                break
            writer.replace(node.result, value)
            if value.node is None:
                break
            new = value.node
    return writer.finish()


def _fire(writer: Rewriter, node: Node, rules: Sequence[Rule], tables: dict[DType, _Table]) -> Value | None:
    """What the first rule that matches a node makes of it; `tables` are those that were met, by dtype."""
    if not node.args or node.regions:
        return None
    dtype = node.args[-1].type.dtype
    table = tables.get(dtype)
    if table is None:
        table = tables[dtype] = _patterns(rules, dtype)
    for pattern in table.get((node.op.name, dtype), ()):
        bound = match(pattern, node)
        if bound is None:
            continue
        writer.loc = node.loc
        value = writer.trace(pattern.rule.make, *bound)
        if value is not None and value.type is node.result.type:
            return value
    return None
