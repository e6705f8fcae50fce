"""Arguments as users write them, checked: axes made sorted and non-negative, shapes, devices; it knows no ops."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

from ..errors import ArgumentError, ShapeError
from ..types import Dim, Extent, Shape, show_shape

AxisArgument = int | Sequence[int] | None


def integer(name: str, what: str, value: object) -> int:
    """A Python or NumPy integer as an int; ArgumentError for anything else, bool included."""
    refused = ArgumentError(f"{name}: {what} must be an integer, but {value!r} was given")
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise refused
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise refused from None


def sequence(name: str, what: str, value: object) -> tuple[object, ...]:
    """The items of a list, tuple or other sequence; ArgumentError for anything else."""
    if not isinstance(value, Sequence):
        raise ArgumentError(f"{name}: {what} must be a list or tuple, but {value!r} was given")
    return tuple(value)


def flag(name: str, what: str, value: object) -> bool:
    """A bool; ArgumentError for anything else."""
    if not isinstance(value, bool):
        raise ArgumentError(f"{name}: {what} must be True or False, but {value!r} was given")
    return value


def one_axis(name: str, axis: object, ndim: int) -> int:
    """One axis, counted from the front.

    Raises:
        ShapeError: there is no such axis.
        ArgumentError: it is no integer.
    """
    given = integer(name, "axis", axis)
    if -ndim <= given < ndim:
        return given % ndim
    if ndim == 0:
        raise ShapeError(f"{name}: axis {given} is out of range, a 0-d tensor has no axes")
    raise ShapeError(
        f"{name}: axis {given} is out of range for a tensor of rank {ndim}; axes are {-ndim} to {ndim - 1}"
    )


def many_axes(name: str, axis: AxisArgument, ndim: int) -> tuple[int, ...]:
    """One, several or (None) all axes, sorted.

    Raises:
        ShapeError: there is no such axis, or one is named twice.
        ArgumentError: it is neither an integer, nor a sequence of integers, nor None.
    """
    if axis is None:
        return tuple(range(ndim))
    if not isinstance(axis, Sequence):
        return (one_axis(name, axis, ndim),)
    found = tuple(sorted([one_axis(name, a, ndim) for a in axis]))
    if len(set(found)) != len(found):
        raise ShapeError(f"{name}: axis {tuple(axis)} names an axis twice")
    return found


def without(shape: Shape, axes: tuple[int, ...], keepdims: bool = False) -> Shape:
    """A shape after its axes were reduced."""
    if keepdims:
        return tuple([1 if i in axes else s for i, s in enumerate(shape)])
    return tuple([s for i, s in enumerate(shape) if i not in axes])


def as_shape(name: str, shape: Extent | Sequence[Extent]) -> Shape:
    """A shape argument: an extent, or a sequence of extents.

    Raises:
        ArgumentError: an extent is neither an integer nor a symbolic dim.
    """
    given = shape if isinstance(shape, Sequence) else (shape,)
    return tuple([s if isinstance(s, Dim) else integer(name, "an extent of the shape", s) for s in given])


def legal_shape(name: str, shape: Extent | Sequence[Extent]) -> Shape:
    """A shape argument; ShapeError for an extent that is negative, or that no memory can hold."""
    found = as_shape(name, shape)
    if any(isinstance(s, int) and s >= 1 << 63 for s in found):
        raise ShapeError(f"{name}: a tensor of shape {show_shape(found)} is larger than any memory")
    if any(isinstance(s, int) and s < 0 for s in found):
        raise ShapeError(f"{name}: an extent must be >= 0, but the shape is {show_shape(found)}")
    return found


def factors(shape: Shape) -> tuple[int, tuple[Dim, ...]]:
    """The number of elements as a constant and symbolic factors without common divisors, in a fixed order."""
    constant = 1
    symbolic: list[Dim] = []
    for s in shape:
        if not isinstance(s, Dim):
            constant *= s
            continue
        divisor = math.gcd(s.const, *[c for _, c in s.terms])
        constant *= divisor
        symbolic.append(Dim({n: c // divisor for n, c in s.terms}, s.const // divisor))
    return constant, tuple(sorted(symbolic, key=str))


def on_device(name: str, device: object) -> None:
    """Raise ArgumentError unless a device argument is None or "cpu", where all arrays live."""
    if device is not None and not (isinstance(device, str) and device == "cpu"):
        raise ArgumentError(f'{name}: arrays live on the device "cpu", but {device!r} was asked for; leave device out')
