"""Programs over symbolic extents: one native code for all sizes, with the bits of eager ops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir import dtypes
from lithograph.ir.array import Array
from lithograph.ir.builder import Builder
from lithograph.ir.errors import RangeError
from lithograph.ir.stage import entered
from lithograph.ir.types import Dim, Shape, TensorType
from lithograph.runtime.compile import Compiled
from lithograph.runtime.execute import run

from .programs import same_bits

N, M = Dim("n"), Dim("m")
SIZES = ((3, 5), (1, 1), (17, 200), (130, 3), (600, 300), (0, 4), (4, 0), (0, 0), (1, 140_000))


def compiled(function: Callable[..., Array], *types: TensorType) -> Compiled:
    builder = Builder("symbolic")
    with entered(builder):
        made = function(*[builder.param(t) for t in types])
    return Compiled(builder.finish([builder.lift(made)]))


def of(shape: Shape, sizes: dict[str, int]) -> tuple[int, ...]:
    return tuple([e.evaluate(sizes) if isinstance(e, Dim) else e for e in shape])


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x: lg.gelu(x) * 2 + 1, [(N, M)]),
        (lambda x, y: x * y + x, [(N, M), (M,)]),
        (lg.sum, [(N, M)]),
        (lambda x: lg.sum(x, axis=0), [(N, M)]),
        (lambda x: lg.sum(x, axis=1), [(N, M)]),
        (lambda x: lg.sum(x, axis=(0, 2)), [(N, 4, M)]),
        (lambda x: lg.softmax(x + 0), [(N, 5)]),
        (lambda x: lg.var(x, axis=0) + lg.mean(x), [(N, M)]),
        (lambda x: x.reshape(-1) * 2, [(N, M)]),
        (lambda x: x.reshape(x.shape[1], x.shape[0]), [(N, M)]),
        (lambda x: lg.concat([x, x * 2, x], axis=1), [(N, M)]),
        (lambda x: lg.transpose(x) + 1, [(N, M)]),
        (lambda x: lg.where(x > 0, x, lg.exp(x))[::-1], [(N, M)]),
        (lambda x, y: x @ y, [(N, M), (M, 7)]),
        (lambda x, y: lg.relu(x @ y.mT), [(2, N, M), (2, 8, M)]),
        (lambda x, y: x @ y, [(N, 1, 6, M), (3, M, 8)]),
        (lambda x: lg.pad(x, 1) - 1, [(N, M)]),
        (lambda x: lg.exp(lg.sum(lg.exp(x) @ lg.ones((3, 2)), axis=0)), [(N, 3)]),
    ],
)
def test_one_code_serves_all_sizes(function: Callable[..., Array], shapes: list[Shape]) -> None:
    code = compiled(function, *[TensorType(dtypes.float32, s) for s in shapes])
    rng = np.random.default_rng(0)
    for n, m in SIZES:
        sizes = {"n": n, "m": m}
        arrays = [rng.standard_normal(of(s, sizes)).astype(np.float32) for s in shapes]
        (found,) = run(code.bind({name: sizes[name] for name in code.symbols}), arrays)
        expected = function(*[lg.tensor(a) for a in arrays]).numpy()
        assert same_bits(found, expected), f"n={n}, m={m}"


def test_a_failing_check_names_the_size_of_the_call() -> None:
    types = TensorType(dtypes.float32, (N,)), TensorType(dtypes.int64, (M,))
    code = compiled(lambda x, i: lg.take(x, i, axis=0), *types)
    x, i = np.arange(5, dtype=np.float32), np.array([0, 5])
    with pytest.raises(RangeError, match=r"index 5 is out of range for axis 0 with extent 5; indices are -5 to 4"):
        run(code.bind({"n": 5, "m": 2}), [x, i])


def test_the_arena_is_planned_for_each_size() -> None:
    code = compiled(lambda x: lg.exp(x @ lg.ones((8, 8))) @ lg.ones((8, 4)), TensorType(dtypes.float32, (N, 8)))
    small, large = code.bind({"n": 2}), code.bind({"n": 2000})
    assert small.program == large.program
    assert small.arena_bytes < large.arena_bytes
    assert "float32[2000, 4]: 32000 bytes" in large.memory_plan()
