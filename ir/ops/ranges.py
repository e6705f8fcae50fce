"""Functions that make evenly spaced numbers, grids of them, and tables of powers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from .. import dtypes
from ..array import Array
from ..dtypes import DType
from ..errors import ArgumentError, DomainError, DTypeError, IntegerOverflow, ShapeError
from ..stage import Operand, as_array, located
from ..types import Dim, Extent, show_shape
from .axes import flag, integer, legal_shape, on_device
from .complexes import whole
from .conversion import astype
from .creation import iota, ones_like, scalar_constant, zeros
from .joining import stack
from .logic import where
from .powers import power
from .shapes import broadcast_to, reshape

__all__ = ["arange", "fromfunction", "geomspace", "indices", "linspace", "logspace", "meshgrid", "vander"]

_MOST_COLUMNS: Final = 65536


def _number(name: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ArgumentError(f"{name}: bounds must be Python numbers, but {value!r} was given")
    return value if isinstance(value, int | float) else value.item()


@located
def arange(
    start: int | float | Dim,
    /,
    stop: int | float | Dim | None = None,
    step: int | float = 1,
    *,
    dtype: object = None,
    device: object = None,
) -> Array:
    """`start`, `start + step`, ... short of `stop`; `arange(n)` counts from 0. All ints give int32, else
    float32.

    A float element i is `start + i * step` in the dtype, each operation rounded. A symbolic `stop` takes an
    int `start` and step 1.

    Raises:
        ArgumentError: `step` is zero, a bound is no number, or `device` is neither "cpu" nor None.
        IntegerOverflow: an integer dtype cannot hold an element.
    """
    on_device("arange", device)
    first, last = (0, start) if stop is None else (start, stop)
    for value in (first, last, step):
        if isinstance(value, bool) or not isinstance(value, int | float | Dim | np.integer | np.floating):
            raise ArgumentError(
                f"arange: start, stop and step must be Python numbers, but a {type(value).__name__} was given"
            )
    if step == 0:
        raise ArgumentError("arange: step must not be zero")
    whole = all(not isinstance(v, float | np.floating) for v in (first, last, step))
    wanted = (dtypes.int32 if whole else dtypes.float32) if dtype is None else dtypes.as_dtype(dtype)
    if isinstance(first, Dim) or isinstance(last, Dim):
        if isinstance(first, Dim) or not isinstance(first, int) or step != 1 or isinstance(last, float):
            raise ArgumentError("arange: a symbolic stop takes an int start and step 1")
        return _counted(last - first, first, 1, wanted)
    if whole:
        return _whole(int(first), int(last), int(step), wanted)
    try:
        count = max(math.ceil((last - first) / step), 0)
    except (OverflowError, ValueError):
        raise ArgumentError(
            f"arange: the numbers from {first} to {last} by {step} cannot be counted; give finite ones"
        ) from None
    return _counted(count, first, step, wanted)


def _whole(first: int, last: int, step: int, wanted: DType) -> Array:
    try:
        count = len(range(first, last, step))
    except OverflowError:
        raise ArgumentError(f"arange: the numbers from {first} to {last} by {step} are too many to count") from None
    if wanted.is_integer and count:
        limits = np.iinfo(wanted.name)
        for value in (first, first + (count - 1) * step):
            if not limits.min <= value <= limits.max:
                raise IntegerOverflow(f"arange: the element {value} does not fit {wanted.name}; give another dtype")
        # The elements fit; the step may not, or be negative in an unsigned dtype, and then it wraps as they need it.
        step = (step + 2 ** (wanted.bits - 1)) % 2**wanted.bits - 2 ** (wanted.bits - 1)
        if wanted.kind == "uint":
            step %= 2**wanted.bits
    return _counted(count, first if count else 0, step if count > 1 else 1, wanted)


def _counted(count: Extent, first: int | float, step: int | float, wanted: DType) -> Array:
    result = iota(count, wanted)
    if step != 1:
        result = result * scalar_constant(step, wanted)
    return result + scalar_constant(first, wanted) if first else result


def _spaced(name: str, start: float, stop: float, num: object, endpoint: object) -> Array:
    """`linspace` in float64."""
    count = integer(name, "num", num)
    if count < 0:
        raise ShapeError(f"{name}: num must be >= 0, but it is {count}")
    gaps = count - 1 if flag(name, "endpoint", endpoint) else count
    i = iota(count, dtypes.float64)
    result = i * ((stop - start) / gaps if gaps > 0 else 0.0) + start
    return where(i == float(gaps), stop, result) if endpoint and gaps > 0 else result


def _float_dtype(name: str, dtype: object) -> DType:
    wanted = dtypes.float32 if dtype is None else dtypes.as_dtype(dtype)
    if not wanted.is_float:
        raise DTypeError(f"{name}: the dtype must be a float, but {wanted.name} was given")
    return wanted


@located
def linspace(
    start: int | float | complex,
    stop: int | float | complex,
    /,
    num: int,
    *,
    dtype: object = None,
    device: object = None,
    endpoint: bool = True,
) -> Array:
    """`num` evenly spaced numbers from `start` to `stop`, which is the last one unless `endpoint` is false.

    Element i is `start + i * step` in float64, each operation rounded, then in the dtype (unless given, float32, or
    complex64 where a bound is complex); the last one is `stop` itself. Of complex numbers each part is so.

    Raises:
        ShapeError: `num` is negative.
        DTypeError: `dtype` is not a float, or not complex where a bound is.
        ArgumentError: `start` or `stop` is no Python number, or `device` is neither "cpu" nor None.
    """
    on_device("linspace", device)
    given = None if dtype is None else dtypes.as_dtype(dtype)
    turned = isinstance(start, complex) or isinstance(stop, complex)
    if turned or (given is not None and given.is_complex):
        if given is not None and not given.is_complex:
            raise DTypeError(f"linspace: the dtype must be complex where a bound is, but {given.name} was given")
        ends = [(z.real, z.imag) if isinstance(z, complex) else (_as_float("linspace", z), 0.0) for z in (start, stop)]
        parts = [_spaced("linspace", first, last, num, endpoint) for first, last in zip(*ends, strict=True)]
        return astype(whole(*parts), given or dtypes.complex64)
    wanted = _float_dtype("linspace", dtype)
    first, last = _as_float("linspace", start), _as_float("linspace", stop)
    return astype(_spaced("linspace", first, last, num, endpoint), wanted)


def _as_float(name: str, value: object) -> float:
    try:
        return float(_number(name, value))
    except OverflowError:
        raise ArgumentError(f"{name}: the bound is too large for a float") from None


@located
def logspace(
    start: int | float,
    stop: int | float,
    /,
    num: int = 50,
    *,
    endpoint: bool = True,
    base: int | float = 10.0,
    dtype: object = None,
) -> Array:
    """`base` raised to each of `linspace(start, stop, num)`, in float64, then in the dtype (float32 unless given).

    The errors are those of `linspace`.
    """
    wanted = _float_dtype("logspace", dtype)
    exponents = _spaced("logspace", _as_float("logspace", start), _as_float("logspace", stop), num, endpoint)
    return astype(power(_as_float("logspace", base), exponents), wanted)


@located
def geomspace(
    start: int | float, stop: int | float, /, num: int = 50, *, endpoint: bool = True, dtype: object = None
) -> Array:
    """`num` floats from `start` to `stop`, each the same multiple of the one before; the ends are exact.

    Raises:
        DomainError: a bound is zero or not finite, or they differ in sign; else as `linspace`.
    """
    wanted = _float_dtype("geomspace", dtype)
    first, last = _as_float("geomspace", start), _as_float("geomspace", stop)
    if not first * math.copysign(1.0, last) > 0 or last == 0 or not (math.isfinite(first) and math.isfinite(last)):
        raise DomainError(
            f"geomspace: the bounds must be finite, of one sign and not zero, but they are {first} and {last}"
        )
    sign = math.copysign(1.0, first)
    exponents = _spaced("geomspace", math.log10(abs(first)), math.log10(abs(last)), num, endpoint)
    result = power(10.0, exponents) * sign
    i = iota(result._aval.shape[0], dtypes.int64)
    result = where(i == 0, first, result)
    if endpoint and result.shape[0] > 1:
        result = where(i == result.shape[0] - 1, last, result)
    return astype(result, wanted)


@located
def meshgrid(*arrays: Operand, indexing: str = "xy") -> list[Array]:
    """Arrays of one shape that hold, at each place of a grid, its coordinates; one per 1-D array of coordinates.

    Args:
        arrays: coordinates along each axis of the grid; 0-d ones count as one coordinate.
        indexing: `ij` gives the axes in that order, `xy` exchanges the first two.

    Raises:
        ShapeError: an array has several axes.
        ArgumentError: `indexing` is something else.
    """
    if type(indexing) is not str or indexing not in ("xy", "ij"):
        raise ArgumentError(f'meshgrid: indexing must be "xy" or "ij", but {indexing!r} was given')
    found = [as_array("meshgrid", a) for a in arrays]
    for a in found:
        if a.ndim > 1:
            raise ShapeError(f"meshgrid: coordinates must have one axis, but a shape is {show_shape(a.shape)}")
    order = list(range(len(found)))
    if indexing == "xy" and len(found) > 1:
        order[:2] = [1, 0]
    lines = [reshape(a, -1) for a in found]
    shape = [lines[k]._aval.shape[0] for k in order]
    return [
        broadcast_to(reshape(a, [-1 if k == axis else 1 for axis in order]), shape) for k, a in enumerate(lines)
    ]


@located
def indices(dimensions: Sequence[Extent], /, *, dtype: object = dtypes.int32) -> list[Array]:
    """For each axis of a shape an array of that shape, which holds each element's index along the axis.

    Raises:
        ShapeError: an extent is negative.
    """
    shape = legal_shape("indices", dimensions)
    kind = dtypes.as_dtype(dtype)
    lines = [reshape(arange(s, dtype=kind), [-1 if i == axis else 1 for i in range(len(shape))])
             for axis, s in enumerate(shape)]  # fmt: skip
    return [broadcast_to(line, shape) for line in lines]


@located
def fromfunction(
    function: Callable[..., Array], shape: Sequence[Extent], /, *, dtype: object = dtypes.float32
) -> Array:
    """`function` called once with the index arrays of a shape (see `indices`).

    Raises:
        ShapeError: an extent is negative.
        ArgumentError: `function` cannot be called.
    """
    if not callable(function):
        raise ArgumentError(f"fromfunction: a function is wanted, but {function!r} was given")
    return function(*indices(shape, dtype=dtype))


@located
def vander(x: Operand, /, n: int | None = None, *, increasing: bool = False) -> Array:
    """The powers of a 1-D `x` as columns, from the highest down to 0, or up from 0 when `increasing`.

    Each power is the one below times `x`. There are `n` columns, as many as elements when None.

    Raises:
        ShapeError: `x` has not one axis, or `n` is negative or above 65536.
    """
    array = as_array("vander", x)
    if array.ndim != 1:
        raise ShapeError(f"vander: the tensor must have one axis, but its shape is {show_shape(array.shape)}")
    count = array._aval.static_shape[0] if n is None else integer("vander", "n", n)
    if not 0 <= count <= _MOST_COLUMNS:
        raise ShapeError(f"vander: n must be from 0 to {_MOST_COLUMNS}, but it is {count}")
    if not count:
        return zeros((array.shape[0], 0), dtype=array.dtype)
    columns = [ones_like(array)]
    for _ in range(count - 1):
        columns.append(columns[-1] * array)
    if not flag("vander", "increasing", increasing):
        columns.reverse()
    return stack(columns, axis=1)
