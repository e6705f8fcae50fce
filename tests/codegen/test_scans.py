"""Recurrences, native against their references, in every form that the code generator has."""

from __future__ import annotations

import numpy as np
import pytest

import lithograph as lg
from lithograph.codegen.build import build
from lithograph.codegen.interpret import run_program
from lithograph.codegen.target import host
from lithograph.ir.attrs import Along, intern
from lithograph.ir.op import Op
from lithograph.ir.ops import cumulative_max, cumulative_prod, cumulative_sum
from lithograph.ir.registry import OPS

from ..rows.lowering import types_of
from .programs import compiled, eager, graph, same_bits

# Rows side by side and their rest, one row, narrow and wide kept axes, several blocks and tasks.
SHAPES = (
    ((1,), 0), ((1000,), 0), ((6, 50), 1), ((200, 3), 0), ((9, 40, 2), 1), ((50, 15), 0), ((40, 70), 0),
    ((3, 20, 17), 1), ((30, 5000), 0), ((2, 9, 2100), 1), ((1, 5), 0), ((2, 3, 4, 5), 2), ((3, 1, 4), 0),
)  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint8])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_every_form(shape: tuple[int, ...], axis: int, dtype: type) -> None:
    x: np.ndarray = (np.random.default_rng(0).standard_normal(shape) * 3).astype(dtype)
    for name in ("cumulative_sum", "cumulative_prod", "cumulative_min"):
        op = OPS[name]
        for reverse in (False, True):
            attrs = intern(Along(axis, reverse))
            if dtype is np.uint8 and name != "cumulative_min":
                expected = op.evaluate([x.astype(np.uint32)], attrs)
            else:
                expected = op.evaluate([x], attrs)

            def run(x: lg.Array, op: Op = op, attrs: Along = attrs) -> lg.Array:
                return op.call(x, attrs)

            assert same_bits(eager(run, [x])[0], expected), (name, reverse, "eager")
            assert same_bits(compiled(run, [x])[0], expected), (name, reverse, "compiled")


def test_two_operands_and_one_twice() -> None:
    op, attrs = OPS["linear_recurrence"], intern(Along(1))
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 7, 30, 18)).astype(np.float32)
    for given in ([a, b], [b, b]):
        expected = op.evaluate(given, attrs)
        assert same_bits(op.call(*given, attrs).numpy(), expected)
        assert same_bits(lg.function(lambda a, b: op.call(a, b, attrs))(*given).numpy(), expected)
        x = given[0]
        assert same_bits(lg.function(lambda x: op.call(x, x, attrs))(x).numpy(), op.evaluate([x, x], attrs))


def test_amid_other_work_and_in_place() -> None:
    """The scans may write over temporaries that they read."""

    def run(x: lg.Array) -> lg.Array:
        y = cumulative_sum(lg.exp(x), axis=0)
        z = cumulative_prod(y * 0.01, axis=1)
        return cumulative_max(z - y, axis=0) + cumulative_sum(z, axis=1)

    x = np.random.default_rng(2).standard_normal((33, 65)).astype(np.float32)
    assert same_bits(compiled(run, [x])[0], eager(run, [x])[0])


def test_a_variable_is_scanned_in_place() -> None:
    v = lg.Variable(np.ones((4, 5), np.float32))

    @lg.function
    def step() -> None:
        v.assign(cumulative_sum(v, axis=0))

    step()
    step()
    assert v.numpy()[:, 0].tolist() == [1, 3, 6, 10]


def test_the_oracle_of_nests_knows_scans() -> None:
    x = np.random.default_rng(3).standard_normal((3, 6, 4)).astype(np.float32)

    def run(x: lg.Array) -> lg.Array:
        return cumulative_sum(cumulative_prod(x, axis=1), axis=2)

    program = build(graph(run, types_of([x])), host(), lambda *_: 0)
    *_, (_, written) = run_program(program, [x])
    (last,) = written.values()
    assert last.known.all() and same_bits(last.values.reshape(x.shape), eager(run, [x])[0])
