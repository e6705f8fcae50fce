"""Discrete Fourier transforms: the Array API standard's extension `fft`, by NumPy's transforms on the host.

Element k of a transform of n elements is the sum over j of `x[j] exp(-2πi jk/n)`, that of an inverse one has the other
sign. `norm` says which of them is scaled: "backward" divides the inverse by n, "forward" the other one, "ortho" both by
the root of n. A transform is linear, and its matrix symmetric: it is its own transpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from typing import cast as typed

import numpy as np

from .. import dtypes
from ..array import Array
from ..attrs import Attrs, HalfTransform, Transform, intern
from ..batch_rules import along
from ..dtypes import DType
from ..errors import ArgumentError, DTypeError, ShapeError
from ..op import Host, Op, Sample
from ..stage import Operand, as_array, located
from ..types import Extent, TensorType, show_shape
from .axes import integer, many_axes, one_axis
from .complexes import conj, real
from .padding import pad
from .rows import quiet, values

__all__ = [
    "fft", "fft2", "fftn", "hfft", "ifft", "ifft2", "ifftn", "ihfft", "irfft", "irfftn", "rfft", "rfftn",
]  # fmt: skip

_OTHER: Final = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The norm with which the inverse transform has the same factor."""


def _complex(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    """The complex dtype that holds the operand; integers and bool count as float32."""
    return tuple([t.dtype.complex if t.dtype.is_inexact else dtypes.complex64 for t in types])


def _float(name: str, types: tuple[TensorType, ...]) -> tuple[DType, ...]:
    """float64 as it is, all other real numbers as float32."""
    (t,) = types
    if t.dtype.is_complex:
        raise DTypeError(f"{name}: {t.dtype.name} is not supported, it takes real numbers; use fft for complex ones")
    return (dtypes.float64 if t.dtype is dtypes.float64 else dtypes.float32,)


def _check(name: str, shape: tuple[Extent, ...], axes: Sequence[int], norm: str) -> None:
    if norm not in _OTHER:
        raise ArgumentError(f"{name}: norm must be one of {', '.join(_OTHER)}, but {norm!r} was given")
    for axis in axes:
        if not 0 <= axis < len(shape):
            raise ShapeError(f"{name}: axis {axis} does not fit the shape {show_shape(shape)}")
        if shape[axis] == 0:
            raise ShapeError(f"{name}: there is nothing to transform along axis {axis} of shape {show_shape(shape)}")


def _fft_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    how, (x,) = typed(Transform, attrs), types
    _check("fft", x.shape, how.axes, how.norm)
    return TensorType(x.dtype, x.shape)


def _fft_of(x: np.ndarray, attrs: Transform) -> np.ndarray:
    if not attrs.axes:
        return x
    transform = np.fft.ifftn if attrs.inverse else np.fft.fftn
    return np.asarray(transform(x, axes=attrs.axes, norm=attrs.norm), x.dtype)  # type: ignore[arg-type]


def _fft_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    if not dtype.is_complex:
        return []
    cases: list[tuple[tuple[int, ...], Transform]] = [
        ((8,), Transform((0,), "backward")),
        ((2, 5), Transform((1,), "ortho", inverse=True)),
        ((3, 4), Transform((0, 1), "forward", inverse=True)),
        ((3, 1, 2), Transform((0, 2), "backward")),
        ((0, 3), Transform((1,), "backward")),
        ((), Transform((), "backward")),
    ]
    return [((values(rng, dtype, shape),), intern(how)) for shape, how in cases]


_fft: Op = Op(
    "fft",
    infer=_fft_type,
    promote=_complex,
    reference=quiet(_fft_of),
    lowering=Host(),
    vjp=(lambda g, y, x, attrs: _fft.call(g, attrs),),
    linear=(0,),
    attrs=Transform,
    samples=_fft_samples,
    batch=along,
)


def _rfft_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    how, (x,) = typed(HalfTransform, attrs), types
    _check("rfft", x.shape, (how.axis,), how.norm)
    if x.shape[how.axis] != how.n:
        raise ShapeError(f"rfft: axis {how.axis} of shape {show_shape(x.shape)} must have {how.n} elements")
    return TensorType(x.dtype.complex, (*x.shape[: how.axis], how.n // 2 + 1, *x.shape[how.axis + 1 :]))


def _rfft_of(x: np.ndarray, attrs: HalfTransform) -> np.ndarray:
    found = np.fft.rfft(x, axis=attrs.axis, norm=attrs.norm)  # type: ignore[arg-type]
    return np.asarray(found, dtypes.from_numpy(x.dtype).complex.numpy)


def _rfft_slope(g: Array, y: Array, x: Array, attrs: HalfTransform) -> Array:
    missing = attrs.n - g.shape[attrs.axis]
    widths = [(0, missing if a == attrs.axis else 0) for a in range(g.ndim)]
    return real(_fft.call(pad(g, widths), intern(Transform((attrs.axis,), attrs.norm))))


def _half_samples(rng: np.random.Generator, dtype: DType, whole: bool) -> list[Sample]:
    made: list[Sample] = []
    for n, norm in ((8, "backward"), (5, "ortho"), (1, "forward"), (2, "forward")):
        m = n if whole else n // 2 + 1
        made.append(((values(rng, dtype, (m,)),), intern(HalfTransform(0, n, norm))))
        made.append(((values(rng, dtype, (2, m, 2)),), intern(HalfTransform(1, n, norm))))
    return made


_rfft = Op(
    "rfft",
    infer=_rfft_type,
    promote=_float,
    reference=quiet(_rfft_of),
    lowering=Host(),
    vjp=(_rfft_slope,),
    linear=(0,),
    attrs=HalfTransform,
    samples=lambda rng, dtype: _half_samples(rng, dtype, True) if dtype.is_float and dtype.plain else [],
    batch=along,
)


def _irfft_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    how, (x,) = typed(HalfTransform, attrs), types
    _check("irfft", x.shape, (how.axis,), how.norm)
    if how.n < 1 or x.shape[how.axis] != how.n // 2 + 1:
        raise ShapeError(
            f"irfft: axis {how.axis} of shape {show_shape(x.shape)} must have {how.n // 2 + 1} elements for {how.n}"
        )
    return TensorType(x.dtype.real, (*x.shape[: how.axis], how.n, *x.shape[how.axis + 1 :]))


def _irfft_of(x: np.ndarray, attrs: HalfTransform) -> np.ndarray:
    found = np.fft.irfft(x, attrs.n, axis=attrs.axis, norm=attrs.norm)  # type: ignore[arg-type]
    return np.asarray(found, dtypes.from_numpy(x.dtype).real.numpy)


def _irfft_slope(g: Array, y: Array, x: Array, attrs: HalfTransform) -> Array:
    """All frequencies but the first, and the last where it stands alone, count for their conjugates too."""
    n, m = attrs.n, attrs.n // 2 + 1
    twice = np.full(m, 2.0, g.dtype.numpy)
    twice[0] = 1
    if n % 2 == 0:
        twice[-1] = 1
    shape = tuple([m if a == attrs.axis else 1 for a in range(g.ndim)])
    back = _rfft.call(g, intern(HalfTransform(attrs.axis, n, _OTHER[attrs.norm])))
    return conj(back) * twice.reshape(shape)


_irfft = Op(
    "irfft",
    infer=_irfft_type,
    promote=_complex,
    reference=quiet(_irfft_of),
    lowering=Host(),
    vjp=(_irfft_slope,),
    linear=(0,),
    attrs=HalfTransform,
    samples=lambda rng, dtype: _half_samples(rng, dtype, False) if dtype.is_complex else [],
    batch=along,
)


def points(name: str, given: object) -> int:
    """A number of points to transform; ShapeError below 1."""
    n = integer(name, "n", given)
    if n < 1:
        raise ShapeError(f"{name}: n must be at least 1, but it is {n}")
    return n


def _norm(name: str, norm: object) -> str:
    if norm is None:
        return "backward"
    if not isinstance(norm, str) or norm not in _OTHER:
        raise ArgumentError(f"{name}: norm must be one of {', '.join(_OTHER)}, but {norm!r} was given")
    return norm


def _resized(name: str, x: Array, sizes: dict[int, int]) -> Array:
    """The array cut at the end, or filled up with zeros there, to these extents of some axes."""
    for axis, n in sizes.items():
        extent = x.shape[axis]
        if not isinstance(extent, int):
            raise ShapeError(f"{name}: axis {axis} has the symbolic extent {extent}, which cannot be made {n}")
        if n < extent:
            x = x[(*[slice(None)] * axis, slice(n))]
        elif n > extent:
            x = pad(x, [(0, n - extent if a == axis else 0) for a in range(x.ndim)])
    return x


def known_extent(name: str, x: Array, axis: int) -> int:
    """The extent of an axis; ShapeError where it is symbolic."""
    extent = x.shape[axis]
    if not isinstance(extent, int):
        raise ShapeError(f"{name}: axis {axis} has the symbolic extent {extent}, and a known one is needed; pass n")
    return extent


def _along(name: str, x: Operand, n: object, axis: object, norm: object, inverse: bool) -> Array:
    array = as_array(name, x)
    place = one_axis(name, axis, array.ndim)
    if n is not None:
        array = _resized(name, array, {place: points(name, n)})
    return _fft.call(array, intern(Transform((place,), _norm(name, norm), inverse)))


def _places(name: str, x: Array, s: object, axes: object) -> tuple[list[int], dict[int, int]]:
    """The axes of a transform along several, and the extents that some are to be given."""
    if s is not None and (not isinstance(s, list | tuple)):
        raise ArgumentError(f"{name}: s must be a tuple of extents, but {s!r} was given")
    if axes is None:
        count = x.ndim if s is None else len(s)
        if count > x.ndim:
            raise ShapeError(f"{name}: s names {count} extents, and the shape is {show_shape(x.shape)}")
        found = list(range(x.ndim - count, x.ndim))
    else:
        if not isinstance(axes, list | tuple):
            raise ArgumentError(f"{name}: axes must be a tuple of ints, but {axes!r} was given")
        found = [one_axis(name, a, x.ndim) for a in axes]
        many_axes(name, tuple(found), x.ndim)
    if s is None:
        return found, {}
    if len(s) != len(found):
        raise ShapeError(f"{name}: s has {len(s)} extents and there are {len(found)} axes")
    given = [integer(name, "an extent", n) for n in s]  # -1 leaves one as it is.
    return found, {a: points(name, n) for a, n in zip(found, given, strict=True) if n != -1}


def _several(name: str, x: Operand, s: object, axes: object, norm: object, inverse: bool) -> Array:
    array = as_array(name, x)
    found, sizes = _places(name, array, s, axes)
    how = Transform(tuple(sorted(found)), _norm(name, norm), inverse)
    return _fft.call(_resized(name, array, sizes), intern(how))


@located
def fft(x: Operand, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The discrete Fourier transform along `axis`, of its first `n` elements, or filled up with zeros to `n`.

    Real numbers become complex first: float64 gives complex128, all others complex64.

    Raises:
        ShapeError: there is no such axis, or nothing along it.
        ArgumentError: `norm` is none of "backward", "ortho", "forward".
    """
    return _along("fft", x, n, axis, norm, inverse=False)


@located
def ifft(x: Operand, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The inverse of `fft`, whose arguments and errors it has."""
    return _along("ifft", x, n, axis, norm, inverse=True)


@located
def fftn(
    x: Operand, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Array:
    """The discrete Fourier transform along several axes: `axes`, the last ones when only `s` is given, or all.

    `s` are the extents that the axes are cut or filled up to first; -1 leaves one as it is. The rest is as for `fft`.
    """
    return _several("fftn", x, s, axes, norm, inverse=False)


@located
def ifftn(
    x: Operand, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Array:
    """The inverse of `fftn`, whose arguments and errors it has."""
    return _several("ifftn", x, s, axes, norm, inverse=True)


@located
def fft2(
    x: Operand, /, *, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: str = "backward"
) -> Array:
    """`fftn` along two axes."""
    return _several("fft2", x, s, axes, norm, inverse=False)


@located
def ifft2(
    x: Operand, /, *, s: Sequence[int] | None = None, axes: Sequence[int] = (-2, -1), norm: str = "backward"
) -> Array:
    """`ifftn` along two axes."""
    return _several("ifft2", x, s, axes, norm, inverse=True)


def _forward(name: str, x: Operand, n: object, axis: object, norm: str) -> Array:
    array = as_array(name, x)
    place = one_axis(name, axis, array.ndim)
    count = known_extent(name, array, place) if n is None else points(name, n)
    return _rfft.call(_resized(name, array, {place: count}), intern(HalfTransform(place, count, norm)))


def _back(name: str, x: Operand, n: object, axis: object, norm: str) -> Array:
    array = as_array(name, x)
    place = one_axis(name, axis, array.ndim)
    count = points(name, 2 * (known_extent(name, array, place) - 1) if n is None else n)
    return _irfft.call(_resized(name, array, {place: count // 2 + 1}), intern(HalfTransform(place, count, norm)))


@located
def rfft(x: Operand, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The first n//2 + 1 elements of the transform of n real numbers, which tell the others; else as `fft`.

    Raises:
        DTypeError: `x` is complex.
    """
    return _forward("rfft", x, n, axis, _norm("rfft", norm))


@located
def irfft(x: Operand, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The inverse of `rfft`: `n` real numbers (2(m - 1) unless given) from the first m elements of their transform.

    The imaginary part of the first element, and of the last one where `n` is even, does not count.
    """
    return _back("irfft", x, n, axis, _norm("irfft", norm))


@located
def rfftn(
    x: Operand, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Array:
    """`rfft` along the last of several axes, then `fft` along the others; arguments as for `fftn`.

    Raises:
        DTypeError: `x` is complex.
    """
    array = as_array("rfftn", x)
    found, sizes = _places("rfftn", array, s, axes)
    if not found:
        raise ShapeError("rfftn: at least one axis is needed")
    how, last = _norm("rfftn", norm), found[-1]
    half = _forward("rfftn", _resized("rfftn", array, sizes), sizes.get(last), last, how)
    return _fft.call(half, intern(Transform(tuple(sorted(found[:-1])), how)))


@located
def irfftn(
    x: Operand, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None, norm: str = "backward"
) -> Array:
    """The inverse of `rfftn`: `ifft` along all axes but the last one, then `irfft` along that; `s` is of the result."""
    array = as_array("irfftn", x)
    found, sizes = _places("irfftn", array, s, axes)
    if not found:
        raise ShapeError("irfftn: at least one axis is needed")
    how, last = _norm("irfftn", norm), found[-1]
    others = {a: n for a, n in sizes.items() if a != last}
    turned = _fft.call(
        _resized("irfftn", array, others), intern(Transform(tuple(sorted(found[:-1])), how, inverse=True))
    )
    return _back("irfftn", turned, sizes.get(last), last, how)


@located
def hfft(x: Operand, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The transform, which is real, of `n` elements (2(m - 1) unless given) of which the first m are `x` and the others
    their conjugates in reverse.
    """
    return _back("hfft", conj(as_array("hfft", x)), n, axis, _OTHER[_norm("hfft", norm)])


@located
def ihfft(x: Operand, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Array:
    """The inverse of `hfft`: the first n//2 + 1 elements of the inverse transform of n real numbers.

    Raises:
        DTypeError: `x` is complex.
    """
    return conj(_forward("ihfft", x, n, axis, _OTHER[_norm("ihfft", norm)]))
