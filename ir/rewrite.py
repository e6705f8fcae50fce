"""Rewrite rules: pairs of functions that are traced, matched, and tested against each other bit for bit.

A rule is exact when both functions give the same bits for all inputs (any nan is equal to any other); one
that is not may fire under `fast_math` only. This file knows no rule: `ir/rules.py` has the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from .array import Array
from .attrs import Attrs, Constant
from .builder import Builder
from .dtypes import DType, from_numpy
from .fields import array_bits, exact_key, same_attrs
from .graph import Graph, Node, Value
from .interpret import interpret
from .op import Alias, Element
from .records import dataclass
from .stage import entered
from .types import TensorType

RuleSample = tuple[tuple[np.ndarray, ...], tuple[Attrs, ...]]
"""Arrays and attrs for the variables of a rule."""

_MOST_SPLAT = 64


@dataclass(frozen=True, slots=True)
class Rule:
    """A rewriting of what `find` computes into what `make` computes.

    Attributes:
        name: what is rewritten, as a formula.
        find: function of arrays, then of attrs; each array stands for any value of its dtype, each attrs
        object for
            any attrs of the op it is given to, and one that occurs twice for the same value twice.
        make: function of the same variables; None when the rule does not apply to them.
        samples: inputs of a dtype on which the two are compared, and with the first of which they are traced;
        empty
            when the rule does not apply to the dtype.
        exact: whether both give the same bits.
    """

    name: str
    find: Callable[..., Array]
    make: Callable[..., Array | None]
    samples: Callable[[DType], list[RuleSample]]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rule whose `find` was traced for one dtype."""

    rule: Rule
    graph: Graph
    attrs: tuple[Attrs, ...]

    @property
    def root(self) -> Node:
        """The node that a match starts from."""
        node = self.graph.results[0].node
        assert node is not None
        return node


def trace_rule(function: Callable[..., Array | None], sample: RuleSample, name: str = "rule") -> Graph | None:
    """The graph of one side of a rule for the types of a sample; None where the rule does not apply."""
    arrays, attrs = sample
    builder = Builder(name)
    params = [builder.param(TensorType(from_numpy(a.dtype), a.shape)) for a in arrays]
    with entered(builder):
        result = function(*params, *attrs)
    return None if result is None else builder.finish([builder.lift(result)])


def patterns(rules: Iterable[Rule], dtype: DType) -> dict[tuple[str, DType], list[Pattern]]:
    """The patterns of the rules for a dtype, by the op of their root and the dtype of its last operand."""
    table: dict[tuple[str, DType], list[Pattern]] = {}
    for rule in rules:
        samples = rule.samples(dtype)
        if not samples:
            continue
        graph = trace_rule(rule.find, samples[0], rule.name)
        assert graph is not None, f"the rule {rule.name!r} finds nothing"
        pattern = Pattern(rule, graph, samples[0][1])
        root = pattern.root
        table.setdefault((root.op.name, root.args[-1].type.dtype), []).append(pattern)
    return table


def match(pattern: Pattern, node: Node) -> list[Value | Attrs] | None:
    """What the variables of a pattern stand for when its root is `node`; None when it does not match."""
    bound: dict[Value, Value] = {}
    attrs: dict[int, Attrs] = {}
    work: list[tuple[Node, Node]] = [(pattern.root, node)]
    while work:
        wanted, found = work.pop()
        if wanted.op is not found.op or found.regions or len(wanted.args) != len(found.args):
            return None
        if not _match_attrs(pattern, wanted.attrs, found.attrs, attrs):
            return None
        for p, v in zip(wanted.args, found.args, strict=True):
            if p.type.dtype is not v.type.dtype:
                return None
            if p.node is None:
                if bound.setdefault(p, v) is not v:
                    return None
            elif isinstance(p.node.attrs, Constant):
                if not is_splat(v, p.node.attrs.value):
                    return None
            elif v.node is None:
                return None
            else:
                work.append((p.node, v.node))
    return [*[bound[p] for p in pattern.graph.params], *[attrs[i] for i in range(len(pattern.attrs))]]


def _match_attrs(pattern: Pattern, wanted: Attrs, found: Attrs, bound: dict[int, Attrs]) -> bool:
    for i, variable in enumerate(pattern.attrs):
        if variable is wanted:
            return same_attrs(bound.setdefault(i, found), found)
    return wanted is found or exact_key(wanted) == exact_key(found)


def is_splat(value: Value, element: np.ndarray) -> bool:
    """Whether every element of a value is known to be `element`: it is a constant, or a view of one."""
    node = value.node
    while node is not None and len(node.args) == 1 and not node.regions:
        lowering = node.op.lowering
        if not (isinstance(lowering, Alias) or (isinstance(lowering, Element) and lowering.view)):
            return False
        node = node.args[0].node
    if node is None or not isinstance(node.attrs, Constant):
        return False
    array = node.attrs.value
    if array.dtype != element.dtype or not 0 < array.size <= _MOST_SPLAT:
        return False
    # Most constants are others, which their first element tells at once.
    first, wanted = array.item(0), element.item()
    if first != wanted and first == first:
        return False
    return array_bits(array) == array_bits(np.broadcast_to(element, array.shape))


def counterexample(rule: Rule, dtype: DType) -> str | None:
    """Where the sides of a rule differ on its samples of a dtype, in type or in bits; None if nowhere."""
    for sample in rule.samples(dtype):
        found, made = trace_rule(rule.find, sample), trace_rule(rule.make, sample)
        assert found is not None
        if made is None:
            continue
        if found.results[0].type is not made.results[0].type:
            return f"{rule.name}: {found.results[0].type} becomes {made.results[0].type}"
        (a,), (b,) = interpret(found, sample[0]), interpret(made, sample[0])
        if array_bits(a) != array_bits(b):
            return f"{rule.name}: {_first_difference(sample[0], a, b)}"
    return None


def _first_difference(inputs: tuple[np.ndarray, ...], a: np.ndarray, b: np.ndarray) -> str:
    for i in np.ndindex(a.shape):
        if array_bits(a[i]) != array_bits(b[i]):
            at = [x[i] if x.shape == a.shape else x for x in inputs]
            return f"{', '.join(map(repr, at))} gives {a[i]!r} and {b[i]!r}"
    return f"the shapes are {a.shape} and {b.shape}"
