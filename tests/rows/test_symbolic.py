"""Rows and functions over symbolic extents: what types they give, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lithograph.ir import dtypes, ops
from lithograph.ir.array import Array
from lithograph.ir.builder import Builder
from lithograph.ir.errors import ShapeError
from lithograph.ir.interpret_scalar import evaluate
from lithograph.ir.op import Element, Reader
from lithograph.ir.ops.axes import factors
from lithograph.ir.registry import OPS
from lithograph.ir.scalar import iteration, load
from lithograph.ir.stage import entered
from lithograph.ir.types import Dim, Shape, TensorType

from .lowering import lowered, types_of

N, M = Dim("n"), Dim("m")


def traced(function: Callable[[Array], Array], shape: Shape) -> Array:
    """The result of a function of one float32 array of that shape, under a Builder."""
    builder = Builder("test")
    with entered(builder):
        return function(builder.param(TensorType(dtypes.float32, shape)))


@pytest.mark.parametrize(
    ("function", "given", "result"),
    [
        (lambda x: x.reshape(-1, 4), (N, 8), (N * 2, 4)),
        (lambda x: x.reshape(-1), (N, 4), (N * 4,)),
        (lambda x: x.reshape(M, -1), (N, M, 2), (M, N * 2)),
        (lambda x: ops.concat([x, x, ops.zeros((3,))]), (N,), (N * 2 + 3,)),
        (lambda x: ops.stack([x, x], axis=1), (N, 3), (N, 2, 3)),
        (lambda x: x[:, 0], (N, 3), (N,)),
        (lambda x: x[..., None, 1:], (N, 3), (N, 1, 2)),
        (lambda x: x[::-1], (N,), (N,)),
        (lambda x: x[0], (N, 3), (3,)),
        (ops.flip, (N, 3), (N, 3)),
        (lambda x: ops.pad(x, 1), (N, 3), (N + 2, 5)),
        (lambda x: x @ x.mT, (N, 3), (N, N)),
        (lambda x: x @ ops.ones((3,)), (N, 3), (N,)),
        (ops.softmax, (N, M), (N, M)),
        (lambda x: ops.mean(x, axis=0), (N, 3), (3,)),
        (ops.var, (N, M), ()),
        (lambda x: x - ops.mean(x, axis=-1, keepdims=True), (M, N), (M, N)),
        (lambda x: x + ops.arange(N), (3, N), (3, N)),
        (ops.tril, (N, N), (N, N)),
        (ops.zeros_like, (N, 2), (N, 2)),
    ],
)
def test_shapes(function: Callable[[Array], Array], given: Shape, result: Shape) -> None:
    assert traced(function, given).shape == result


@pytest.mark.parametrize(
    ("function", "given", "text"),
    [
        (lambda x: x.reshape(4), (N,), r"reshape: size \(n\) must match the product of shape \(4,\)"),
        (lambda x: x.reshape(-1, 3), (N, 4), r"no extent in place of -1"),
        (lambda x: x[1:], (N,), r"axis 0 has the symbolic extent n"),
        (lambda x: ops.split(x, 2), (N,), r"axis 0 has the symbolic extent n"),
        (
            lambda x: x + ops.zeros((3,)),
            (N,),
            r"could not be broadcast together with shapes \(n,\) and \(3,\)",
        ),
    ],
)
def test_what_a_symbol_does_not_allow(function: Callable[[Array], Array], given: Shape, text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        traced(function, given)


def test_factors_tell_equal_sizes() -> None:
    assert factors((N * 2, 3)) == factors((6, N))
    assert factors((N, M)) == factors((M, N))
    assert factors((N, N)) != factors((N, M))
    assert factors((N * 2 + 2,)) == factors((2, N + 1))


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if isinstance(op.lowering, Element)])
def test_element_lowerings_read_extents_from_the_symbols(name: str) -> None:
    """Each sample with its extents made symbols, evaluated with the sizes they had."""
    op = OPS[name]
    assert isinstance(op.lowering, Element)
    assert op.samples is not None
    rng = np.random.default_rng(0)
    for operands, attrs in [*op.samples(rng, dtypes.float32), *op.samples(rng, dtypes.uint32)]:
        result = op.result_type(types_of(operands), attrs)
        sizes: dict[str, int] = {}
        readers = []
        for k, x in enumerate(operands):
            for axis, extent in enumerate(x.shape):
                sizes[f"s{k}_{axis}"] = extent
            shape = tuple(
                [Dim(f"s{k}_{axis}") if extent > 1 else extent for axis, extent in enumerate(x.shape)]
            )
            kind = TensorType(dtypes.from_numpy(x.dtype), shape)
            readers.append(Reader(kind, lambda *i, kind=kind, k=k: load(kind.dtype, k, i)))
        loops = [np.asarray(i, np.int64) for i in np.indices(result.static_shape)]
        index = tuple([iteration(i) for i in range(len(loops))])
        body = op.lowering.at(attrs, result, index, tuple(readers))
        found = np.broadcast_to(evaluate(body, loops, operands, sizes), result.static_shape)
        expected = lowered(op, operands, attrs)
        assert expected is not None
        assert np.array_equal(found, expected, equal_nan=True)
