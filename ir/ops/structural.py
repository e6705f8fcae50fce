"""Rows with a region: calls of traced functions, groups made by fusion, and values with a gradient of their own."""

from __future__ import annotations

import numpy as np

from ..attrs import Attrs
from ..errors import VerifyError
from ..op import Op, Structural
from ..promotion import keep
from ..types import TensorType

__all__: list[str] = []


def _row(name: str, gradient: bool = False) -> Op:
    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        raise VerifyError(f"{name}: the result types are those of its region")

    def reference(*operands: np.ndarray) -> np.ndarray:
        raise VerifyError(f"{name}: the meaning is that of its region")

    return Op(name, infer=infer, promote=keep, reference=reference, lowering=Structural(gradient))


CALL = _row("call")
"""Runs its one region, the graph of a traced function, on the operands."""

FUSED = _row("fused")
"""Runs its one region, a group of ops that become one kernel, on the operands."""

CUSTOM_GRADIENT = _row("custom_gradient", gradient=True)
"""Its first operands, whose gradient by others is what its region computes; the pass `inline` drops it."""
