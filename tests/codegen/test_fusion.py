"""What becomes one kernel, and what must not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lithograph.ir import dtypes, ops
from lithograph.ir.array import Array
from lithograph.ir.graph import Graph
from lithograph.ir.passes import run_pipeline
from lithograph.ir.text import show
from lithograph.ir.types import TensorType

from .programs import Function, compiled, eager, graph, same_bits

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
F32 = dtypes.float32


def optimized(function: Function, *shapes: tuple[int, ...]) -> Graph:
    return run_pipeline(graph(function, [TensorType(F32, s) for s in shapes])).graph


def kernels(function: Function, *shapes: tuple[int, ...]) -> list[str]:
    """The ops of each node of the optimised graph."""
    found = []
    for node in optimized(function, *shapes).nodes:
        inside = [n.op.name for n in node.regions[0].nodes if n.op.name != "constant"] if node.regions else []
        found.append(" ".join(inside or [node.op.name]))
    return found


def agree(function: Function, *shapes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype(np.float32) for s in shapes]
    for a, b in zip(compiled(function, arrays), eager(function, arrays), strict=True):
        assert same_bits(a, b)


def layer_norm(x: Array, g: Array, b: Array) -> Array:
    d = x - ops.mean(x, axis=-1, keepdims=True)
    return d * ops.rsqrt(ops.mean(d * d, axis=-1, keepdims=True) + 1e-5) * g + b


def softmax(x: Array) -> Array:
    return ops.softmax(x, axis=-1)


def dense(x: Array, w: Array, b: Array) -> Array:
    return ops.relu(x @ w + b) @ ops.transpose(w)


@pytest.mark.parametrize(
    ("name", "function", "shapes"),
    [
        ("softmax", softmax, [(64, 33)]),
        ("layer_norm", layer_norm, [(64, 33), (33,), (33,)]),
        ("dense", dense, [(8, 16), (16, 24), (24,)]),
    ],
)
def test_golden(
    name: str, function: Function, shapes: list[tuple[int, ...]], golden: Callable[[Path, str], None]
) -> None:
    golden(GOLDEN / "fusion" / f"{name}.ir", show(optimized(function, *shapes), locations=False))
    agree(function, *shapes)


def test_a_chain_is_one_kernel() -> None:
    def chain(x: Array, y: Array) -> Array:
        return ops.tanh(x * y + 1.0) - ops.exp(-ops.square(x))

    assert len(kernels(chain, (5, 7), (7,))) == 1
    agree(chain, (5, 7), (7,))


def test_softmax_and_layer_norm_are_one_kernel() -> None:
    assert len(kernels(softmax, (64, 100))) == 1
    assert len(kernels(layer_norm, (64, 100), (100,), (100,))) == 1


def test_an_expensive_row_is_not_computed_for_each_row() -> None:
    def scaled(x: Array, w: Array) -> Array:
        return x * ops.exp(w)

    assert len(kernels(scaled, (100, 50), (50,))) == 2
    agree(scaled, (100, 50), (50,))


def test_sums_over_the_first_axis_are_not_repeated_for_each_row() -> None:
    def centred(x: Array) -> Array:
        return x - ops.mean(x, axis=0)

    assert len(kernels(centred, (100, 50))) == 2
    agree(centred, (100, 50))


def test_a_value_that_two_need_is_one_more_output() -> None:
    def two(x: Array) -> tuple[Array, Array]:
        y = ops.exp(x)
        return y, y * 2.0

    assert len(kernels(two, (30,))) == 1
    agree(two, (30,))


def test_groups_never_need_each_other() -> None:
    """The product stands between the two: joining them would close a circle."""

    def around(x: Array, w: Array) -> Array:
        p = ops.exp(x)
        return p @ w + p

    assert kernels(around, (8, 8), (8, 8)) == ["exp", "matmul", "add"]
    agree(around, (8, 8), (8, 8))


def test_transposed_operands_of_products_are_not_copied() -> None:
    def product(x: Array, w: Array) -> Array:
        return ops.transpose(x) @ w

    assert kernels(product, (8, 5), (8, 3)) == ["transpose", "matmul"]
    agree(product, (8, 5), (8, 3))


def test_long_chains_are_cut() -> None:
    def chain(x: Array) -> Array:
        for _ in range(500):
            x = x * 1.5 - 1.0
        return x

    made = kernels(chain, (3,))
    assert 2 <= len(made) <= 20
    assert max(len(k.split()) for k in made) <= 200
    agree(chain, (3,))
