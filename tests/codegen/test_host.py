"""Host steps: an op without native lowering runs its reference inside a compiled program."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from lithograph.ir import ops
from lithograph.ir.array import Array
from lithograph.ir.attrs import Attrs
from lithograph.ir.errors import DomainError
from lithograph.ir.op import Host, Op
from lithograph.ir.promotion import keep
from lithograph.ir.registry import OPS
from lithograph.ir.types import TensorType
from lithograph.runtime.compile import build

from .programs import compiled, graph


def ascending(x: np.ndarray) -> np.ndarray:
    if np.isnan(x).any():
        raise DomainError("ascending: a NaN has no place in an order")
    return np.sort(x, axis=-1)


@pytest.fixture
def row() -> Iterator[Op]:
    def same_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        return types[0]

    made = Op("ascending", infer=same_type, promote=keep, reference=ascending, lowering=Host())
    yield made
    del OPS["ascending"]


def test_a_host_step_stands_between_kernels(row: Op) -> None:
    def f(x: Array) -> Array:
        return row.call(x * 2.0) + 1.0

    x = np.random.default_rng(0).standard_normal((5, 40)).astype(np.float32)
    assert np.array_equal(compiled(f, [x])[0], np.sort(x * 2, axis=-1) + 1)


def test_dumps_mark_it(row: Op) -> None:
    def f(x: Array) -> Array:
        return row.call(x)

    made = build(graph(f, [TensorType(ops.zeros(3).dtype, (3,))]))
    assert "; host ascending(float32[3]) -> float32[3]" in made.source.kernels()
    assert made.reenters


def test_what_it_raises_reaches_the_caller(row: Op) -> None:
    def f(x: Array) -> Array:
        return row.call(x + 1.0)

    with pytest.raises(DomainError, match="a NaN has no place"):
        compiled(f, [np.array([1.0, np.nan], np.float32)])
