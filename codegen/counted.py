"""Recognising a `while` that counts: its number of iterations is known when it starts, so it becomes a counted loop."""

from __future__ import annotations

from ..ir.analysis import flags_within
from ..ir.attrs import Constant
from ..ir.dtypes import int32, int64
from ..ir.graph import Graph, Node, Value
from ..ir.op import Flags
from ..ir.records import dataclass


@dataclass(frozen=True, slots=True)
class Counter:
    """What a loop counts.

    Attributes:
        carried: which of what it carries is the counter, which grows by one in each iteration.
        limit: the number of the region's param, or the constant, that it stays below.
    """

    carried: int
    limit: int | Constant


def counter_of(node: Node, carried: int) -> Counter | None:
    """The counter of a `while` that runs as long as a signed integer is below a number that does not change.

    It cannot wrap: what is below a number of its own dtype can grow by one.
    """
    condition, body = node.regions
    if Flags.CHECKED in flags_within(condition)[condition]:
        return None
    test = _made(condition.results[0])
    if test is None or test.op.name not in ("less", "greater"):
        return None
    low, high = test.args if test.op.name == "less" else test.args[::-1]
    counter, limit = _source(low, condition), _source(high, condition)
    if counter is None or counter.node is not None or counter.index >= carried or limit is None:
        return None
    if counter.type.dtype not in (int32, int64) or limit.type.dtype is not counter.type.dtype:
        return None
    if limit.node is None and limit.index < carried:
        return None
    if not _grows_by_one(body, counter.index):
        return None
    if limit.node is None:
        return Counter(counter.index, limit.index)
    return Counter(counter.index, limit.node.attrs) if isinstance(limit.node.attrs, Constant) else None


def _grows_by_one(body: Graph, k: int) -> bool:
    step = _made(body.results[k])
    if step is None or step.op.name != "add":
        return False
    sides = [_source(a, body) for a in step.args]
    for x, one in (sides, sides[::-1]):
        known = one is not None and one.node is not None and isinstance(one.node.attrs, Constant)
        if x is not None and x.node is None and x.index == k and known and _is_one(one):
            return True
    return False


def _is_one(value: Value | None) -> bool:
    assert value is not None and value.node is not None and isinstance(value.node.attrs, Constant)
    array = value.node.attrs.value
    return array.size == 1 and bool((array == 1).all())


def _made(value: Value) -> Node | None:
    """The node that computes a value, in a group where it was fused."""
    node = value.node
    while node is not None and node.op.name == "fused":
        node = node.regions[0].results[value.index].node
        value = value if node is None else node.results[0]
    return node


def _source(value: Value, region: Graph) -> Value | None:
    """A param or constant of a region that a value in it is, through the params of groups; None for others."""
    if value.node is not None:
        return value if isinstance(value.node.attrs, Constant) else None
    if value in region.params:
        return value
    for node in region.nodes:
        if node.op.name == "fused" and value in node.regions[0].params:
            return _source(node.args[value.index], region)
    return None
