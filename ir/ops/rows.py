"""What the modules of rows share: type rules of pointwise ops, references that return arrays, sample inputs.

It knows no op. A sample list starts with inputs at which an op is smooth, so that finite differences mean
something.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from .. import dtypes
from ..attrs import NO_ATTRS, Attrs, ShapeOf
from ..dtypes import DType
from ..errors import DTypeError, ShapeError
from ..op import Accuracy, Infer, Jvp, Op, Pointwise, Promote, Sample, Samples, Vjp
from ..promotion import same
from ..scalar import Scalar
from ..storage import convert
from ..types import TensorType, broadcast_shapes

Reference = Callable[..., np.ndarray]

NUMERIC: Final = ("int", "uint", "float")
ANY: Final = ("bool", "int", "uint", "float")
FLOAT: Final = ("float",)
INEXACT: Final = ("float", "complex")
FIELD: Final = (*NUMERIC, "complex")
EVERY: Final = (*ANY, "complex")
BITS: Final = ("bool", "int", "uint")
_WORDS: Final = {
    "bool": "bool",
    "int": "integers",
    "uint": "unsigned integers",
    "float": "floats",
    "complex": "complex numbers",
}


def refuse_kinds(name: str, kinds: Sequence[str], dtype: DType) -> DTypeError:
    """The error for a dtype of a kind that an op does not take."""
    takes = [_WORDS[k] for k in kinds if k != "uint" or "int" not in kinds]
    instead = "take real(x), imag(x) or abs(x) of it first" if dtype.is_complex else "convert with astype first"
    return DTypeError(f"{name}: {dtype.name} is not supported, it takes {' and '.join(takes)}; {instead}")


def pointwise_type(name: str, kinds: Sequence[str], result: DType | None = None, *, real: bool = False) -> Infer:
    """The type rule of a pointwise op: broadcast shapes, one dtype for all operands, and for the result
    unless given; with `real`, complex operands give real results.
    """

    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        for t in types:
            if t.dtype.kind not in kinds:
                raise refuse_kinds(name, kinds, t.dtype)
            if t.dtype is not types[0].dtype:
                raise DTypeError(
                    f"{name}: the operands are {types[0].dtype} and {t.dtype}, and must be of one dtype"
                )
        shape = types[0].shape if len(types) == 1 else broadcast_shapes(name, *[t.shape for t in types])
        own = types[0].dtype.real if real else types[0].dtype
        return TensorType(own if result is None else result, shape)

    return infer


def limited_type(name: str) -> Infer:
    """The type rule of rows that hold an int64 count against a limit, the one extent of their `ShapeOf`."""

    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        if types[0].dtype is not dtypes.int64 or not isinstance(attrs, ShapeOf) or len(attrs.shape) != 1:
            raise ShapeError(f"{name}: an int64 count and one limit are wanted, but {types[0]} and {attrs} were given")
        return types[0]

    return infer


def quiet(reference: Callable[..., object]) -> Reference:
    """A reference that gives an array also for 0-d operands, and no floating point warnings."""

    def call(*args: object) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(reference(*args))

    return call


def pointwise(
    name: str,
    body: Callable[..., Scalar],
    reference: Callable[..., object],
    *,
    vjp: Sequence[Vjp | None] | None = None,
    linear: Sequence[int] = (),
    jvp: tuple[Jvp | None, ...] | None = None,
    kinds: Sequence[str] = NUMERIC,
    promote: Promote = same,
    result: DType | None = None,
    real: bool = False,
    samples: Samples | None = None,
    accuracy: Accuracy | None = None,
    arity: int = 1,
    low: float = -3.0,
    high: float = 3.0,
) -> Op:
    """A row of a pointwise op whose operands and result have one dtype (or the result is `result`, or `real`)."""
    return Op(
        name,
        infer=pointwise_type(name, kinds, result, real=real),
        promote=promote,
        reference=quiet(reference),
        lowering=Pointwise(body),
        vjp=vjp,
        linear=linear,
        jvp=jvp,
        samples=samples or pointwise_samples(kinds, arity, low, high),
        accuracy=accuracy,
    )


def values(
    rng: np.random.Generator, dtype: DType, shape: tuple[int, ...], low: float = -3.0, high: float = 3.0
) -> np.ndarray:
    """Random values of a dtype in a range; integers at least 0 where the dtype is unsigned."""
    if dtype is dtypes.bool_:
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype.is_float:
        return convert(rng.uniform(low, high, shape), dtype)
    if dtype.is_complex:
        return np.asarray(rng.uniform(low, high, shape) + 1j * rng.uniform(-1, 1, shape), dtype.numpy)
    first = max(int(np.ceil(low)), 0) if dtype.kind == "uint" else int(np.ceil(low))
    return rng.integers(first, max(int(high), first + 1) + 1, shape).astype(dtype.numpy)


_BFLOAT16: Final = np.array(
    [0.0, 1.0, 0.5, 1.5, 2.5, 2.0**-126, 2.0**-133, 255 * 2.0**120, np.inf, -0.0, -1.0, -2.5, -np.inf, np.nan],
    np.float32,
)


def edges(dtype: DType) -> np.ndarray:
    """Values of a dtype at which meanings are decided: extremes, signed zeros, infinities, NaN, denormals."""
    if dtype is dtypes.bool_:
        return np.array([False, True])
    if dtype.is_complex:
        parts = np.array([0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan], dtype.real.numpy)
        found = np.empty((parts.size, parts.size), dtype.numpy)
        found.real, found.imag = parts[:, None], parts
        return found.reshape(-1)
    if dtype is dtypes.bfloat16:
        return convert(_BFLOAT16, dtype)
    if dtype.is_float:
        info = np.finfo(dtype.name)
        some = [
            0.0,
            1.0,
            0.5,
            1.5,
            2.5,
            float(info.tiny),
            float(info.smallest_subnormal),
            float(info.max),
            np.inf,
            np.nan,
        ]
        return np.array([*some, *[-x for x in some[:-1]]], dtype.numpy)
    limits = np.iinfo(dtype.name)
    some_ints = [0, 1, 2, 3, limits.max, limits.max - 1, limits.min, limits.min + 1]
    return np.array([*some_ints, *([-1, -2] if dtype.kind == "int" else [])], dtype.numpy)


def edge_pairs(dtype: DType) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of `edges`."""
    one = edges(dtype)
    return np.repeat(one, one.size), np.tile(one, one.size)


def pointwise_samples(kinds: Sequence[str], arity: int, low: float = -3.0, high: float = 3.0) -> Samples:
    """Operands of one dtype: alike, broadcast, 0-d, empty, edge values; from a range where smooth."""
    shapes: list[tuple[tuple[int, ...], ...]] = [((3, 4),), ((),), ((2, 0),), ((5,),)]
    if arity == 2:
        shapes = [((3, 4), (3, 4)), ((2, 1, 3), (4, 1)), ((), (5,)), ((), ()), ((0, 3), (3,))]

    def samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
        if dtype.kind not in kinds:
            return []
        made: list[Sample] = [
            (tuple([values(rng, dtype, s, low, high) for s in group]), NO_ATTRS) for group in shapes
        ]
        made.append((edge_pairs(dtype) if arity == 2 else (edges(dtype),), NO_ATTRS))
        return made

    return samples


def wide(x: np.ndarray) -> np.ndarray:
    """Operands of a reference in a format that makes its rounding error vanish: float64 for float32, else
    long double. Complex numbers have no wider format than complex128.
    """
    if x.dtype.kind == "c":
        return x.astype(np.complex128)
    return x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)
