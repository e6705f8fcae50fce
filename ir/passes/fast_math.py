"""Applies the rules that change bits, besides the exact ones; runs only where `fast_math` was asked for."""

from __future__ import annotations

from ..graph import Graph
from ..rules import EXACT, FAST_MATH
from .simplify import apply_rules

_RULES = EXACT + FAST_MATH


def fast_math(graph: Graph) -> Graph:
    """The graph after all rules: it computes the same up to rounding, signs of zero, nan and infinities."""
    return apply_rules(graph, _RULES)
