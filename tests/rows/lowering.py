"""What a row's lowering says, evaluated by NumPy: the row's second, independent statement of its meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lithograph.ir import dtypes, scalar
from lithograph.ir.attrs import Attrs, Constant
from lithograph.ir.dtypes import DType
from lithograph.ir.halves import single, single_attrs, single_type
from lithograph.ir.interpret_scalar import evaluate
from lithograph.ir.op import Alias, Element, Literal, Lowering, Op, Pointwise, Reader
from lithograph.ir.scalar import Scalar
from lithograph.ir.storage import readable
from lithograph.ir.types import TensorType


def types_of(operands: Sequence[np.ndarray]) -> tuple[TensorType, ...]:
    """The types of ndarrays."""
    return tuple([TensorType(dtypes.from_numpy(x.dtype), x.shape) for x in operands])


def native(op: Op, operands: Sequence[np.ndarray], attrs: Attrs) -> Lowering:
    """How code is made for operands of these dtypes."""
    types = types_of(operands)
    return op.native([*[t.dtype for t in types], op.result_type(types, attrs).dtype])


def _reader(number: int, type: TensorType) -> Reader:
    return Reader(single_type(type), lambda *index: _load(type.dtype, number, index))


def _load(dtype: DType, number: int, index: tuple[Scalar, ...]) -> Scalar:
    return scalar.cast(scalar.load(dtype, number, index), single(dtype))


def lowered(op: Op, operands: Sequence[np.ndarray], attrs: Attrs) -> np.ndarray | None:
    """The result by the lowering, or None where it is no scalar expression (reductions, products, host
    steps).
    """
    types = types_of(operands)
    result = op.result_type(types, attrs)
    shape = result.static_shape
    lowering = native(op, operands, attrs)
    if isinstance(lowering, Alias):
        return operands[0].reshape(shape)
    if isinstance(lowering, Literal):
        assert isinstance(attrs, Constant)
        return np.asarray(attrs.value)
    told = single_attrs(attrs) if result.dtype.is_half else attrs
    if isinstance(lowering, Pointwise):
        flat = [np.broadcast_to(x, shape).reshape(-1) for x in operands]
        scalars = [_load(t.dtype, i, (scalar.iteration(0),)) for i, t in enumerate(types)]
        told = attrs if lowering.converts else told
        body = lowering.body(*scalars, told) if op.attrs else lowering.body(*scalars)
        return _values(body, result, [np.arange(result.size)], flat)
    if isinstance(lowering, Element):
        loops = [np.asarray(i, np.int64) for i in np.indices(shape)]
        readers = tuple([_reader(i, t) for i, t in enumerate(types)])
        index = tuple([scalar.iteration(i) for i in range(len(shape))])
        return _values(lowering.at(told, single_type(result), index, readers), result, loops, operands)
    return None


def _values(
    body: Scalar, result: TensorType, loops: Sequence[np.ndarray], buffers: Sequence[np.ndarray]
) -> np.ndarray:
    assert body.dtype in (result.dtype, single(result.dtype)), (
        f"the lowering gives {body.dtype}, the type rule {result.dtype}"
    )
    found = evaluate(scalar.cast(body, result.dtype), loops, buffers)
    count = loops[0].shape if len(loops) == 1 else result.static_shape
    return np.broadcast_to(found, count).reshape(result.static_shape)


def ulps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many floats lie between; 0 for two NaNs and for zeros of one sign, a huge number for NaN against a
    number.
    """
    if a.dtype.kind == "c":
        return np.asarray(np.maximum(ulps(a.real, b.real), ulps(a.imag, b.imag)))
    if not dtypes.from_numpy(a.dtype).is_float:
        return np.asarray(a != b, np.float64)
    bits = np.dtype(f"int{8 * a.dtype.itemsize}")
    ranks: list[np.ndarray] = []
    for x in (a, b):
        i = np.ascontiguousarray(x).view(bits).reshape(x.shape).astype(object if bits == np.int64 else np.int64)
        # Negative floats count downwards; -0 gets a place of its own beside +0.
        ranks.append(np.where(i < 0, -(i - int(np.iinfo(bits).min)) - 1, i))
    distance = np.abs(ranks[0] - ranks[1]).astype(np.float64)
    none, other = np.isnan(readable(a)), np.isnan(readable(b))
    return np.where(none & other, 0.0, np.where(none != other, np.inf, distance))
