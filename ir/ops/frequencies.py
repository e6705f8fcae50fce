"""Where the elements of Fourier transforms stand: their frequencies, and shifts that put zero in the middle."""

from __future__ import annotations

from collections.abc import Sequence

from .. import dtypes
from ..array import Array
from ..dtypes import DType
from ..errors import ArgumentError, DTypeError
from ..stage import Operand, as_array, located
from .axes import many_axes, on_device
from .conversion import astype
from .creation import iota
from .fft import known_extent, points
from .logic import where
from .manipulation import roll

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]


def _spacing(name: str, d: object) -> float:
    if isinstance(d, bool) or not isinstance(d, int | float) or d == 0:
        raise ArgumentError(f"{name}: d must be a number other than zero, but {d!r} was given")
    return float(d)


def _frequency_dtype(name: str, dtype: object) -> DType:
    wanted = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    if not wanted.is_float:
        raise DTypeError(f"{name}: the dtype must be a float, but {wanted.name} was given")
    return wanted


@located
def fftfreq(n: int, /, *, d: float = 1.0, dtype: object = None, device: object = None) -> Array:
    """The frequencies of the elements of a transform of `n` samples that are `d` apart, in cycles per unit of `d`.

    They are 0, 1, ... and then ..., -2, -1, times `1 / (n d)` in float64; float32 unless `dtype` is given.

    Raises:
        ShapeError: `n` is below 1.
        ArgumentError: `d` is zero or no number, or `device` is neither "cpu" nor None.
        DTypeError: `dtype` is no float.
    """
    on_device("fftfreq", device)
    count, wanted = points("fftfreq", n), _frequency_dtype("fftfreq", dtype)
    k = iota(count, dtypes.float64)
    signed = where(k < (count + 1) // 2, k, k - count)
    return astype(signed * (1.0 / (count * _spacing("fftfreq", d))), wanted)


@located
def rfftfreq(n: int, /, *, d: float = 1.0, dtype: object = None, device: object = None) -> Array:
    """The frequencies of the n//2 + 1 elements of `rfft` of `n` samples; arguments and errors are as for `fftfreq`."""
    on_device("rfftfreq", device)
    count, wanted = points("rfftfreq", n), _frequency_dtype("rfftfreq", dtype)
    k = iota(count // 2 + 1, dtypes.float64)
    return astype(k * (1.0 / (count * _spacing("rfftfreq", d))), wanted)


def _shifted(name: str, x: Operand, axes: object, back: bool) -> Array:
    array = as_array(name, x)
    places = many_axes(name, axes, array.ndim)  # type: ignore[arg-type]
    extents = [known_extent(name, array, a) for a in places]
    if not places:
        return array
    return roll(array, tuple([-(n // 2) if back else n // 2 for n in extents]), axis=places)


@located
def fftshift(x: Operand, /, *, axes: int | Sequence[int] | None = None) -> Array:
    """A transform's elements in the order of their frequencies, zero in the middle, along `axes` (all by default).

    Raises:
        ShapeError: there is no such axis.
    """
    return _shifted("fftshift", x, axes, back=False)


@located
def ifftshift(x: Operand, /, *, axes: int | Sequence[int] | None = None) -> Array:
    """The inverse of `fftshift`, whose arguments and errors it has."""
    return _shifted("ifftshift", x, axes, back=True)

