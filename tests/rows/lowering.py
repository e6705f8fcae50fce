"""What a row's lowering says, evaluated by NumPy: the row's second, independent statement of its meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lithograph.ir import dtypes, scalar
from lithograph.ir.attrs import Attrs, Constant
from lithograph.ir.interpret_scalar import evaluate
from lithograph.ir.op import Alias, Element, Literal, Op, Pointwise, Reader
from lithograph.ir.scalar import Scalar
from lithograph.ir.types import TensorType


def types_of(operands: Sequence[np.ndarray]) -> tuple[TensorType, ...]:
    """The types of ndarrays."""
    return tuple([TensorType(dtypes.from_numpy(x.dtype), x.shape) for x in operands])


def _reader(number: int, type: TensorType) -> Reader:
    return Reader(type, lambda *index: scalar.load(type.dtype, number, index))


def lowered(op: Op, operands: Sequence[np.ndarray], attrs: Attrs) -> np.ndarray | None:
    """The result by the lowering, or None where it is no scalar expression (reductions, products, host
    steps).
    """
    types = types_of(operands)
    result = op.result_type(types, attrs)
    shape = result.static_shape
    if isinstance(op.lowering, Alias):
        return operands[0].reshape(shape)
    if isinstance(op.lowering, Literal):
        assert isinstance(attrs, Constant)
        return np.asarray(attrs.value)
    if isinstance(op.lowering, Pointwise):
        flat = [np.broadcast_to(x, shape).reshape(-1) for x in operands]
        scalars = [scalar.load(t.dtype, i, (scalar.iteration(0),)) for i, t in enumerate(types)]
        body = op.lowering.body(*scalars, attrs) if op.attrs else op.lowering.body(*scalars)
        return _values(body, result, [np.arange(result.size)], flat)
    if isinstance(op.lowering, Element):
        loops = [np.asarray(i, np.int64) for i in np.indices(shape)]
        readers = tuple([_reader(i, t) for i, t in enumerate(types)])
        index = tuple([scalar.iteration(i) for i in range(len(shape))])
        return _values(op.lowering.at(attrs, result, index, readers), result, loops, operands)
    return None


def _values(
    body: Scalar, result: TensorType, loops: Sequence[np.ndarray], buffers: Sequence[np.ndarray]
) -> np.ndarray:
    assert body.dtype is result.dtype, f"the lowering gives {body.dtype}, the type rule {result.dtype}"
    found = evaluate(body, loops, buffers)
    count = loops[0].shape if len(loops) == 1 else result.static_shape
    return np.broadcast_to(found, count).reshape(result.static_shape)


def ulps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many floats lie between; 0 for two NaNs and for zeros of one sign, a huge number for NaN against a
    number.
    """
    if a.dtype.kind != "f":
        return np.asarray(a != b, np.float64)
    bits = np.int32 if a.dtype == np.float32 else np.int64
    ranks: list[np.ndarray] = []
    for x in (a, b):
        i = (
            np.ascontiguousarray(x)
            .view(bits)
            .reshape(x.shape)
            .astype(object if bits is np.int64 else np.int64)
        )
        # Negative floats count downwards; -0 gets a place of its own beside +0.
        ranks.append(np.where(i < 0, -(i - int(np.iinfo(bits).min)) - 1, i))
    distance = np.abs(ranks[0] - ranks[1]).astype(np.float64)
    return np.where(np.isnan(a) & np.isnan(b), 0.0, np.where(np.isnan(a) != np.isnan(b), np.inf, distance))
