"""Whoever enters a stage gets every op that is called meanwhile, whatever native code has learned before."""

from __future__ import annotations

import pytest

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.builder import Builder, Traced
from lithograph.ir.ops.creation import iota
from lithograph.ir.stage import entered

pytestmark = pytest.mark.callpath


def test_ops_without_operands_go_to_the_stage_too() -> None:
    for _ in range(3):
        assert iota(5, dtypes.int64).tolist() == [0, 1, 2, 3, 4]
    with entered(Builder("f")):
        assert isinstance(iota(5, dtypes.int64), Traced)
    assert isinstance(iota(5, dtypes.int64), lg.Tensor)
