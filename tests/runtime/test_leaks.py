"""Every row, called again and again, eagerly and compiled, with its gradient, and failing: nothing stays behind."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.array import Array
from lithograph.ir.attrs import Attrs
from lithograph.ir.op import Flags, Op
from lithograph.runtime.core import counters

from ..rows.test_native import apply
from ..rows.test_rows import DIFFERENTIABLE, DTYPES, ROWS, cases, named

pytestmark = pytest.mark.callpath

TIMES = 24
CHECKED = [op for op in ROWS if Flags.CHECKED in op.flags]
Case = tuple[list[np.ndarray], Attrs]


def assert_flat(step: Callable[[], object], what: str) -> None:
    """Counts of tensors, buffers and bytes come back exactly, and calls leave no Python object each."""
    for _ in range(3):
        step()
    gc.collect()
    before, left = counters()[:3], list[int]()
    # What Python keeps for later calls, it keeps in the first rounds; what leaks is left in each.
    while len(left) < 20 and (not left or left[-1] >= TIMES):
        blocks = sys.getallocatedblocks()
        for _ in range(TIMES):
            step()
        gc.collect()
        assert counters()[:3] == before == tuple(lg.memory()), what
        left.append(sys.getallocatedblocks() - blocks)
    assert left[-1] < TIMES, (what, left)


def few(op: Op, dtype: dtypes.DType) -> list[Case]:
    found = cases(op, dtype)
    return [found[0], found[-1]] if found else []


def kinds(op: Op) -> Iterable[tuple[dtypes.DType, list[Case]]]:
    """The first dtype that the row takes, and complex numbers, which are computed on the host."""
    taken = [d for d in (dtypes.float32, *DTYPES) if few(op, d)]
    for dtype in dict.fromkeys([taken[0], *[d for d in taken if d.is_complex]]):
        yield dtype, few(op, dtype)


def calls(op: Op, operands: Sequence[np.ndarray], attrs: Attrs) -> list[Callable[[], object]]:
    """The row on these operands: eagerly, and compiled with tensors and with arrays."""
    tensors = [lg.tensor(x) for x in operands]
    f = lg.function(lambda *x: apply(op, x, attrs), name=op.name)
    return [lambda: apply(op, tensors, attrs), lambda: f(*tensors), lambda: f(*operands)]


@pytest.mark.parametrize("op", ROWS, ids=named)
def test_calls(op: Op) -> None:
    for dtype, some in kinds(op):
        for operands, attrs in some:
            for k, step in enumerate(calls(op, operands, attrs)):
                assert_flat(step, f"{dtype}, {('eager', 'compiled', 'compiled, of arrays')[k]}")


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=named)
def test_gradients(op: Op) -> None:
    for dtype, some in kinds(op):
        operands, attrs = some[0]
        pulls = op.vjp if isinstance(op.vjp, tuple) else [op.vjp] * len(operands)
        pairs = zip(operands, pulls, strict=True)
        at = [k for k, (x, pull) in enumerate(pairs) if pull is not None and dtypes.from_numpy(x.dtype).is_inexact]
        result = op.call(*[lg.tensor(x) for x in operands], *([attrs] if op.attrs else []))
        if not at or not result.dtype.is_inexact:
            continue

        def slope(*given: Array, at: Sequence[int] = at, attrs: Attrs = attrs) -> object:
            return lg.grad(lambda *inner: apply(op, inner, attrs), argnums=tuple(at))(*given)

        tensors, compiled = [lg.tensor(x) for x in operands], lg.function(slope)
        assert_flat(lambda t=tensors, s=slope: s(*t), f"{dtype}, eager")  # type: ignore[misc]
        assert_flat(lambda t=tensors, f=compiled: f(*t), f"{dtype}, compiled")  # type: ignore[misc]


def failing(op: Op) -> Iterable[Case]:
    """Samples with the values of one operand replaced, so that a check of the row fails."""
    for dtype in DTYPES:
        for operands, attrs in cases(op, dtype):
            for k, x in enumerate(operands):
                for value in (0, 100, -2, np.nan):
                    if not x.size or (x.dtype.kind not in "fc" and value != value) or x.dtype.kind == "b":
                        continue
                    if x.dtype.kind == "u" and value < 0:
                        continue
                    given = [*operands]
                    given[k] = np.full_like(x, value)
                    try:
                        apply(op, [lg.tensor(y) for y in given], attrs)
                    except lg.LithographError:
                        yield given, attrs


@pytest.mark.parametrize("op", CHECKED, ids=named)
def test_failures(op: Op) -> None:
    operands, attrs = next(iter(failing(op)))
    for k, step in enumerate(calls(op, operands, attrs)):

        def fails(step: Callable[[], object] = step) -> None:
            with pytest.raises(lg.LithographError):
                step()

        assert_flat(fails, ("eager", "compiled", "compiled, of arrays")[k])
