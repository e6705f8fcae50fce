"""Rows with regions: calls, groups made by fusion, values with a gradient of their own, and control flow.

A loop's operands are what it carries from one iteration to the next, then, for `scan`, what it takes a slice of in
each iteration, then what its regions use of the outside. Its results are what is carried at the end, then what each
iteration gave beside, stacked along a first axis. Where the number of iterations is not known before, that axis has the
extent TRIPS, and only loops can read the stack; the last result of a `while` is that number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..attrs import Attrs, Loop
from ..dtypes import bool_, int64
from ..errors import VerifyError
from ..op import Op, RegionRun, Structural, Types
from ..promotion import keep
from ..types import TRIPS, Extent, TensorType

if TYPE_CHECKING:
    from ..graph import Node

__all__: list[str] = []



def _row(name: str, lowering: Structural, attrs: type[Attrs] | None = None) -> Op:
    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        raise VerifyError(f"{name}: the result types are those of its regions")

    def reference(*operands: np.ndarray) -> np.ndarray:
        raise VerifyError(f"{name}: the meaning is that of its regions")

    return Op(name, infer=infer, promote=keep, reference=reference, lowering=lowering, attrs=attrs)


def _args(node: Node) -> Types:
    return tuple([a.type for a in node.args])


def _results(node: Node) -> Types:
    return tuple([r.type for r in node.results])


def _call_interface(node: Node) -> tuple[list[tuple[Types, Types]], Types]:
    return [(_args(node), _results(node))], _results(node)


def _call_meaning(
    node: Node, attrs: Attrs, regions: Sequence[RegionRun], args: Sequence[np.ndarray]
) -> list[np.ndarray]:
    return regions[0](args)


CALL = _row("call", Structural(_call_interface, _call_meaning))
"""Runs its one region, the graph of a traced function, on the operands."""

FUSED = _row("fused", Structural(_call_interface, _call_meaning))
"""Runs its one region, a group of ops that become one kernel, on the operands."""


def _gradient_interface(node: Node) -> tuple[list[tuple[Types, Types]], Types]:
    made, by = len(node.results), len(node.regions[0].results) if node.regions else 0
    types = _args(node)
    return [((*_results(node), *types[made + by :]), types[made : made + by])], types[:made]


def _gradient_meaning(
    node: Node, attrs: Attrs, regions: Sequence[RegionRun], args: Sequence[np.ndarray]
) -> list[np.ndarray]:
    return list(args[: len(node.results)])


CUSTOM_GRADIENT = _row("custom_gradient", Structural(_gradient_interface, _gradient_meaning, gradient=True))
"""Its first operands, whose gradient by others is what its region computes; the pass `inline` drops it."""

REMAT = _row("remat", Structural(_gradient_interface, _gradient_meaning, gradient=True))
"""The same, where the region runs again what made the operands: a gradient by other means, not another one."""

def stacked(types: Types, length: Extent) -> Types:
    """Types with a first axis for the iterations of a loop."""
    return tuple([TensorType(t.dtype, (length, *t.shape)) for t in types])


def _slices(types: Types, length: Extent) -> Types:
    for t in types:
        if not t.ndim or TensorType(t.dtype, t.shape[:1]) is not TensorType(t.dtype, (length,)):
            raise VerifyError(f"an operand to take slices of is {t}, and should have {length} of them")
    return tuple([TensorType(t.dtype, t.shape[1:]) for t in types])


def _while_interface(node: Node) -> tuple[list[tuple[Types, Types]], Types]:
    assert isinstance(node.attrs, Loop)
    types, n = _args(node), node.attrs.carried
    beside = tuple([r.type for r in node.regions[1].results[n:]]) if len(node.regions) == 2 else ()
    results = (*types[:n], *stacked(beside, TRIPS), TensorType(int64, ()))
    return [(types, (TensorType(bool_, ()),)), (types, (*types[:n], *beside))], results


def _while_meaning(
    node: Node, attrs: Attrs, regions: Sequence[RegionRun], args: Sequence[np.ndarray]
) -> list[np.ndarray]:
    assert isinstance(attrs, Loop)
    condition, body = regions
    n, count = attrs.carried, 0
    carry, rest = list(args[:n]), args[n:]
    rows: list[list[np.ndarray]] = []
    while condition([*carry, *rest])[0]:
        made = body([*carry, *rest])
        carry = made[:n]
        rows.append(made[n:])
        count += 1
    return [*carry, *_stack(node, n, rows), np.asarray(count, np.int64)]


def _stack(node: Node, carried: int, rows: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    found = []
    for k, value in enumerate(node.regions[-1].results[carried:]):
        shape = (len(rows), *(rows[0][k].shape if rows else [int(e) for e in value.type.shape]))
        found.append(np.array([row[k] for row in rows], value.type.dtype.numpy).reshape(shape))
    return found


WHILE = _row("while", Structural(_while_interface, _while_meaning, control=True), Loop)
"""Runs its second region, on what it carries and what it uses, as long as its first gives true for them."""


def _scan_interface(node: Node) -> tuple[list[tuple[Types, Types]], Types]:
    attrs = node.attrs
    assert isinstance(attrs, Loop)
    types, n, m = _args(node), attrs.carried, attrs.sliced
    length: Extent
    if attrs.length is None:
        if types[:1] != (TensorType(int64, ()),):
            raise VerifyError("the number of iterations must be an int64")
        types, length = types[1:], TRIPS
    else:
        length = attrs.length
    if len(types) < n + m:
        raise VerifyError(f"a scan that carries {n} and takes slices of {m} has {len(types)} operands")
    inside = (*types[:n], *_slices(types[n : n + m], length), *types[n + m :])
    beside = tuple([r.type for r in node.regions[0].results[n:]]) if node.regions else ()
    return [(inside, (*types[:n], *beside))], (*types[:n], *stacked(beside, length))


def _scan_meaning(
    node: Node, attrs: Attrs, regions: Sequence[RegionRun], args: Sequence[np.ndarray]
) -> list[np.ndarray]:
    assert isinstance(attrs, Loop)
    n, m = attrs.carried, attrs.sliced
    if attrs.length is None:
        length, args = max(int(args[0]), 0), args[1:]
    elif m:
        length = len(args[n])
    else:
        length = int(attrs.length)
    carry, slices, rest = list(args[:n]), args[n : n + m], args[n + m :]
    rows: list[list[np.ndarray]] = []
    for i in reversed(range(length)) if attrs.reverse else range(length):
        made = regions[0]([*carry, *[np.asarray(x[i], order="C") for x in slices], *rest])
        carry = made[:n]
        rows.append(made[n:])
    return [*carry, *_stack(node, n, rows[::-1] if attrs.reverse else rows)]


SCAN = _row("scan", Structural(_scan_interface, _scan_meaning, control=True), Loop)
"""Runs its region a known number of times: as often as `attrs` says, or its first operand."""


def _switch_interface(node: Node) -> tuple[list[tuple[Types, Types]], Types]:
    types, results = _args(node), _results(node)
    if types[:1] != (TensorType(int64, ()),) or not node.regions:
        raise VerifyError("a switch needs an int64 and a region for each of its values")
    return [(types[1:], results)] * len(node.regions), results


def _switch_meaning(
    node: Node, attrs: Attrs, regions: Sequence[RegionRun], args: Sequence[np.ndarray]
) -> list[np.ndarray]:
    index = int(args[0])
    return regions[index if 0 <= index < len(regions) else -1](args[1:])


SWITCH = _row("switch", Structural(_switch_interface, _switch_meaning, control=True))
"""Runs the region that its first operand numbers, the last one where it numbers none, on the other operands."""
