"""Rows that hand their operand on: dtype conversion and the end of differentiation."""

from __future__ import annotations

from typing import cast as typed

import numpy as np

from .. import dtypes, scalar
from ..array import Array
from ..attrs import NO_ATTRS, Cast, intern
from ..dtypes import DType
from ..op import Alias, Op, Pointwise, Sample
from ..promotion import keep
from ..scalar import Scalar
from ..stage import Operand, located
from ..types import TensorType
from .axes import on_device
from .rows import edges, quiet, values

__all__ = ["astype", "stop_gradient"]


def _cast(x: np.ndarray, attrs: Cast) -> np.ndarray:
    to = attrs.dtype
    if x.dtype.kind != "f" or not to.is_integer:
        return (x != 0) if to is dtypes.bool_ else x.astype(to.numpy)
    limits = np.iinfo(to.name)
    whole = np.trunc(np.nan_to_num(x, nan=0.0, posinf=np.inf, neginf=-np.inf))
    # float(limits.max) may round up to a value outside, hence >= and not >.
    above, below = whole >= float(limits.max), whole <= float(limits.min)
    inside = np.where(above | below, 0, whole).astype(to.numpy)
    return np.where(above, limits.max, np.where(below, limits.min, inside)).astype(to.numpy)


def _body(x: Scalar, attrs: Cast) -> Scalar:
    return scalar.cast(x, attrs.dtype)


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    targets = (dtypes.float64, dtypes.float32, dtypes.bool_, dtypes.int32, dtypes.int64, dtypes.uint8)
    made: list[Sample] = [((values(rng, dtype, (3, 4)),), intern(Cast(to))) for to in targets]
    return made + [((edges(dtype),), intern(Cast(to))) for to in dtypes.ALL]


_astype: Op = Op(
    "astype",
    infer=lambda types, attrs: TensorType(typed(Cast, attrs).dtype, types[0].shape),
    promote=keep,
    reference=quiet(_cast),
    lowering=Pointwise(_body),
    vjp=(lambda g, y, x, attrs: _astype.call(g, intern(Cast(x.dtype))),),
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
