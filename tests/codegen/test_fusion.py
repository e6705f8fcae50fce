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
        ("dense", dense, [(8, 20), (20, 24), (24,)]),
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


def test_numbers_made_of_their_index_are_made_wherever_they_are_read() -> None:
    def function(x: Array) -> tuple[Array, Array]:
        i = ops.arange(1000, dtype=F32)
        return ops.sum(x * i), ops.exp(x) - i

    # Were the indices a kernel of their own, a buffer would hold them.
    assert kernels(function, (1000,)) == ["iota multiply sum", "iota exp subtract"]
    agree(function, (1000,))


def test_groups_never_need_each_other() -> None:
    """The product stands between the two: joining them would close a circle."""

    def around(x: Array, w: Array) -> Array:
        p = ops.exp(x)
        return p @ w + p

    assert kernels(around, (18, 18), (18, 18)) == ["exp", "matmul", "add"]
    agree(around, (18, 18), (18, 18))


def test_transposed_operands_of_products_are_not_copied() -> None:
    def product(x: Array, w: Array) -> Array:
        return ops.transpose(x) @ w

    assert kernels(product, (20, 6), (20, 3)) == ["transpose", "matmul"]
    agree(product, (20, 6), (20, 3))


def test_products_with_few_terms_join_what_uses_them() -> None:
    """Of what they read many elements of, none is computed more than once."""

    def around(x: Array, w: Array) -> Array:
        p = ops.exp(x)
        return p @ w + p

    assert kernels(around, (8, 8), (8, 8)) == ["exp", "short_product add"]
    for k, n in ((1, 1), (3, 3), (7, 7), (16, 16)):
        agree(around, (k, k), (k, n))


def test_what_is_read_at_several_indices_is_not_computed_for_each_through_many_steps() -> None:
    def smooth(x: Array) -> Array:
        for _ in range(12):
            x = x[1:-1] * 0.5 + x[2:] * 0.25 + x[:-2] * 0.25
        return x

    made = kernels(smooth, (200,))
    assert 4 <= len(made) <= 12
    agree(smooth, (200,))


def test_much_work_on_the_results_of_long_rows_is_a_kernel_of_its_own() -> None:
    """Lanes run along the rows, so it would be done one by one; short rows are written out instead."""

    def kernel(x: Array, y: Array) -> Array:
        d = ops.reshape(x, (40, 1, x.shape[1])) - y
        return ops.exp(-ops.sum(d * d, axis=-1))

    def scaled(x: Array, g: Array) -> Array:
        return ops.log(g) * ops.sum(x, axis=-1)

    assert kernels(kernel, (40, 20), (40, 20)) == ["reshape subtract multiply sum", "negative exp"]
    assert len(kernels(kernel, (40, 3), (40, 3))) == 1
    assert len(kernels(scaled, (2000, 20), (2000,))) == 2
    assert len(kernels(lambda x: ops.sqrt(ops.sum(x * x, axis=-1)), (2000, 20))) == 1
    agree(kernel, (40, 20), (40, 20))
    agree(kernel, (40, 3), (40, 3))
    agree(scaled, (2000, 20), (2000,))


def test_work_between_reductions_of_rows_cuts_nothing() -> None:
    """All that the second reduction reads would be read again."""

    def statistics(x: Array, y: Array) -> Array:
        deviation = ops.sqrt(ops.mean(x * x, axis=1) / 3.0 + 1e-5)
        return ops.sum(y * ops.reshape(1.0 / deviation, (2000, 1)), axis=1) / deviation

    assert len(kernels(statistics, (2000, 100), (2000, 100))) == 1
    agree(statistics, (2000, 100), (2000, 100))


def test_long_chains_are_cut() -> None:
    def chain(x: Array) -> Array:
        for _ in range(500):
            x = x * 1.5 - 1.0
        return x

    made = kernels(chain, (3,))
    assert 2 <= len(made) <= 20
    assert max(len(k.split()) for k in made) <= 200
    agree(chain, (3,))


def test_a_reshape_alone_is_no_kernel() -> None:
    def product(x: Array, w: Array) -> Array:
        return ops.reshape(x, (1, 40)) @ w

    assert kernels(product, (40,), (40, 30)) == ["reshape", "matmul"]
    assert "fused" not in [node.op.name for node in optimized(product, (40,), (40, 30)).nodes]
    agree(product, (40,), (40, 30))
    agree(lambda x: (ops.reshape(x, (1, 40)), ops.reshape(x, (40, 1)), x), (40,))


def test_one_more_output_closes_no_circle_through_later_nodes() -> None:
    def crossing(x: Array, y: Array) -> tuple[Array, Array]:
        q, p = ops.exp(x), ops.exp(y)
        twice = p * 2.0
        early = q - p
        # The last needs a product of q, and early needs p: whoever makes p with the last cannot make q with early.
        return early, (q * q) @ q + twice

    agree(crossing, (8, 8), (8, 8))
