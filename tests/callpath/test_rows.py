"""A slice of the tests of every row, for the call path in force: no row may depend on the native entry."""

from __future__ import annotations

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.op import Op
from lithograph.runtime import core, twin

from ..codegen.programs import same_bits
from ..rows.lowering import types_of, ulps
from ..rows.test_native import apply
from ..rows.test_rows import DTYPES, ROWS, cases, most_ulps, named

pytestmark = pytest.mark.callpath
# With the native entry, the tests of rows do all this and more.
SLICE = ROWS[::8] if core.Tensor is not twin.Tensor else ROWS


@pytest.mark.parametrize("op", SLICE, ids=named)
def test_rows_run_eagerly_and_compiled(op: Op) -> None:
    dtype = next(d for d in (dtypes.float32, *DTYPES) if cases(op, d))
    made = cases(op, dtype)
    for operands, attrs in {0: made[0], 1: made[-1]}.values():
        f = lg.function(lambda *x, attrs=attrs: apply(op, x, attrs), name=op.name)
        with np.errstate(all="ignore"):
            expected = op.evaluate(operands, attrs)
        tensors = [lg.tensor(x) for x in operands]
        eager = apply(op, tensors, attrs).numpy()
        worst = ulps(eager, expected)
        assert worst.size == 0 or worst.max() <= most_ulps(op), f"{types_of(operands)} {attrs}"
        for _ in range(2):
            assert same_bits(f(*tensors).numpy(), eager) and same_bits(f(*operands).numpy(), eager)
