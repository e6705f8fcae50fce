"""Rows of complex numbers: their parts and their conjugate.

Complex numbers are computed on the host, by the references. Gradients follow the convention of linear transposes:
a rule is that of the function as if it were of real numbers, with no conjugation added, so the gradient of a real loss
by z = x + iy is dL/dx - i dL/dy, and where f is holomorphic the cotangent of its operand is g f'(z).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import dtypes
from ..array import Array
from ..attrs import NO_ATTRS, Attrs, Cast, intern
from ..batch_rules import broadcast
from ..dtypes import DType
from ..errors import DTypeError
from ..gradient import unbroadcast
from ..op import Host, Op, Sample, Vjp
from ..promotion import keep, same
from ..registry import OPS
from ..stage import Operand, as_array
from ..types import TensorType, broadcast_shapes
from .rows import edge_pairs, edges, quiet, refuse_kinds, values

__all__ = ["conj", "imag", "real"]

_ONLY = ("complex",)


def _as_complex(g: Array) -> Array:
    """A real array as the complex one that holds it, with imaginary parts of zero."""
    return OPS["astype"].call(g, intern(Cast(g.dtype.complex)))


def _samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if not dtype.is_complex:
        return []
    arrays = (values(rng, dtype, (2, 3)), values(rng, dtype, ()), values(rng, dtype, (0, 2)), edges(dtype))
    return [((x,), NO_ATTRS) for x in arrays]


def _row(name: str, reference: Callable[[np.ndarray], np.ndarray], vjp: Vjp, *, parts: bool) -> Op:
    """A row from complex numbers to real ones (`parts`) or to complex ones."""

    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        (x,) = types
        if not x.dtype.is_complex:
            raise refuse_kinds(name, _ONLY, x.dtype)
        return TensorType(x.dtype.real if parts else x.dtype, x.shape)

    return Op(
        name,
        infer=infer,
        promote=keep,
        reference=quiet(reference),
        lowering=Host(),
        vjp=(vjp,),
        linear=(0,),
        samples=_samples,
        batch=broadcast,
    )


_real = _row("real", lambda x: x.real.copy(), lambda g, y, x: _as_complex(g), parts=True)
_imag = _row("imag", lambda x: x.imag.copy(), lambda g, y, x: _as_complex(g) * -1j, parts=True)
_conj = _row("conj", np.conj, lambda g, y, x: conj(g), parts=False)


def _whole_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    x, y = types
    if not x.dtype.is_float or x.dtype.is_half or y.dtype is not x.dtype:
        raise DTypeError(f"complex: the parts must both be float32, or float64, but they are {x.dtype} and {y.dtype}")
    return TensorType(x.dtype.complex, broadcast_shapes("complex", x.shape, y.shape))


def _whole_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    found = np.empty(np.broadcast_shapes(x.shape, y.shape), dtypes.from_numpy(x.dtype).complex.numpy)
    found.real, found.imag = x, y
    return found


def _whole_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if not dtype.is_float or dtype.is_half:
        return []
    return [((values(rng, dtype, (2, 3)), values(rng, dtype, (2, 3))), NO_ATTRS), (edge_pairs(dtype), NO_ATTRS)]


_whole = Op(
    "complex",
    infer=_whole_type,
    promote=same,
    reference=quiet(_whole_of),
    lowering=Host(),
    vjp=(
        lambda g, y, a, b: unbroadcast(real(g), a.shape),
        lambda g, y, a, b: unbroadcast(-imag(g), b.shape),
    ),
    linear=(0, 1),
    samples=_whole_samples,
    batch=broadcast,
)


def whole(x: Array, y: Array) -> Array:
    """The complex numbers with these real and imaginary parts: `x + y i`, where nothing is computed."""
    return _whole.call(x, y)


def real(x: Operand, /) -> Array:
    """The real part of each element, as float32 or float64; of real numbers `x` itself."""
    array = as_array("real", x)
    return _real.call(array) if array.dtype.is_complex else array


def imag(x: Operand, /) -> Array:
    """The imaginary part of each element, as float32 or float64; of real numbers zeros."""
    array = as_array("imag", x)
    return _imag.call(array) if array.dtype.is_complex else OPS["where"].call(False, array, 0)


def conj(x: Operand, /) -> Array:
    """The complex conjugate, `real(x) - imag(x) i`; of real numbers `x` itself."""
    array = as_array("conj", x)
    return _conj.call(array) if array.dtype.is_complex else array

