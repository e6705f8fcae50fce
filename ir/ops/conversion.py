"""Rows that hand their operand on: dtype conversion, the end of differentiation, and a barrier."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec
from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import NO_ATTRS, Attrs, Cast, intern
from ..batch_rules import Mapped
from ..dtypes import DType
from ..errors import DTypeError
from ..op import Alias, Element, Op, Pointwise, Sample
from ..promotion import keep
from ..scalar import Scalar
from ..stage import Operand, located, operand_type
from ..storage import convert
from ..types import Extent, TensorType
from .axes import on_device
from .complexes import real
from .rows import edges, quiet, values

__all__ = ["astype", "stop_gradient"]


def _cast(x: np.ndarray, attrs: Cast) -> np.ndarray:
    to = attrs.dtype
    if x.dtype.kind != "f" or not to.is_integer:
        return (x != 0) if to is dtypes.bool_ else convert(x, to)
    limits = np.iinfo(to.name)
    whole = np.trunc(np.nan_to_num(x, nan=0.0, posinf=np.inf, neginf=-np.inf))
    # float(limits.max) may round up to a value outside, hence >= and not >.
    above, below = whole >= float(limits.max), whole <= float(limits.min)
    inside = np.where(above | below, 0, whole).astype(to.numpy)
    return np.where(above, limits.max, np.where(below, limits.min, inside)).astype(to.numpy)


def _body(x: Scalar, attrs: Cast) -> Scalar:
    return scalar.cast(x, attrs.dtype)


def _infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    to = typed(Cast, attrs).dtype
    if types[0].dtype.is_complex and not (to.is_complex or to is dtypes.bool_):
        raise DTypeError(
            f"astype: {types[0].dtype.name} cannot become {to.name}; take real(x), imag(x) or abs(x) of it first"
        )
    return TensorType(to, types[0].shape)


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    d = dtypes
    targets: tuple[DType, ...] = (d.float64, d.float32, d.bool_, d.int32, d.int64, d.uint8)
    every: tuple[DType, ...] = d.ALL
    if dtype.is_complex:
        targets, every = (d.complex64,), (d.complex64, d.complex128, d.bool_)
    made: list[Sample] = [((values(rng, dtype, (3, 4)),), intern(Cast(to))) for to in targets]
    return made + [((edges(dtype),), intern(Cast(to))) for to in every]


def _back(g: Array, to: DType) -> Array:
    """The cotangent of what was converted from `to`."""
    return _astype.call(real(g) if g.dtype.is_complex and not to.is_complex else g, intern(Cast(to)))


_astype: Op = Op(
    "astype",
    infer=_infer,
    promote=keep,
    reference=quiet(_cast),
    lowering=Pointwise(_body, converts=True),
    vjp=(lambda g, y, x, attrs: _back(g, x.dtype),),
    linear=(0,),
    attrs=Cast,
    samples=_samples,
)


@located
def astype(x: Operand, dtype: object, /, *, copy: bool = True, device: object = None) -> Array:
    """The values of `x` in another dtype.

    A float becomes an integer by truncation, saturated at the dtype's limits, and 0 for NaN; an integer
    wraps; to bool is `x != 0`. Arrays never change, so `copy` makes no difference.

    Raises:
        DTypeError: `dtype` is not a dtype.
        ArgumentError: `device` is neither "cpu" nor None.
    """
    on_device("astype", device)
    return _astype.call(x, intern(Cast(dtypes.as_dtype(dtype))))


_P = ParamSpec("_P")


def rounded_once(function: Callable[Concatenate[Operand, _P], Array]) -> Callable[Concatenate[Operand, _P], Array]:
    """A function of several ops that computes half precision in float32 from its start to its end."""

    @functools.wraps(function)
    def call(x: Operand, /, *args: _P.args, **kwargs: _P.kwargs) -> Array:
        dtype = operand_type(function.__name__, x).dtype
        if not dtype.is_half:
            return function(x, *args, **kwargs)
        return astype(function(astype(x, dtypes.float32), *args, **kwargs), dtype)

    return call


_stop_gradient = Op(
    "stop_gradient",
    infer=lambda types, attrs: TensorType(types[0].dtype, types[0].shape),
    promote=keep,
    reference=quiet(lambda x: x),
    lowering=Alias(),
    samples=lambda rng, dtype: [((values(rng, dtype, (2, 3)),), NO_ATTRS)],
)


def stop_gradient(x: Operand, /) -> Array:
    """`x`, held constant under differentiation."""
    return _stop_gradient.call(x)


def _barrier_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    return [((values(rng, dtype, (2, 3)), values(rng, dtypes.float32, (4,))), NO_ATTRS)]


def _barrier_batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    return op.call(*operands)  # What is waited for may be one value or many.


_barrier = Op(
    "barrier",
    infer=lambda types, attrs: TensorType(types[0].dtype, types[0].shape),
    promote=keep,
    reference=quiet(lambda x, after: x),
    lowering=Element(lambda attrs, result, index, readers: readers[0].at(*index)),
    vjp=(lambda g, y, x, after: g, None),
    linear=(0,),
    samples=_barrier_samples,
    batch=_barrier_batch,
)
"""Its first operand, computed no sooner than the second is known: no pass takes it for the operand itself."""


_again = Op(
    "again",
    infer=lambda types, attrs: TensorType(types[0].dtype, types[0].shape),
    promote=keep,
    reference=quiet(lambda x: x),
    lowering=Pointwise(lambda x: x),
    vjp=(lambda g, y, x: g,),
    linear=(0,),
    samples=lambda rng, dtype: [((values(rng, dtype, (2, 3)),), NO_ATTRS)],
)
"""Its operand, from which values are computed a second time: no pass takes what is made of it for the first."""
