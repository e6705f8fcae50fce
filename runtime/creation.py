"""Tensors from what a user has at hand: numbers, nested lists, NumPy arrays; it knows two ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, cast

import numpy as np

from ..ir import dtypes, ops
from ..ir.array import Array
from ..ir.attrs import Cast, intern
from ..ir.builder import Builder
from ..ir.errors import ArgumentError, DTypeError, IntegerOverflow, LithographError, ShapeError, SharingError
from ..ir.layers import Layer, ground
from ..ir.ops.axes import legal_shape, on_device
from ..ir.registry import OPS
from ..ir.stage import current, located
from ..ir.storage import convert, held
from ..ir.types import TensorType, show_shape
from .core import Tensor, from_ndarray, is_disposed, view, wrap
from .disposal import refusal
from .dlpack import Producer, take
from .watching import made as told

_DEFAULT: Final = {"b": dtypes.bool_, "i": dtypes.int32, "f": dtypes.float32, "c": dtypes.complex64}


@located
def tensor(values: object, shape: Sequence[int] | None = None, dtype: object = None) -> Array:
    """A tensor holding a copy of `values`.

    Args:
        values: a number, numbers nested in lists or tuples, a NumPy array or anything NumPy reads as one, a
        tensor.
        shape: the shape to give them, in row-major order; as nested when None.
        dtype: the element type; when None, Python's float gives float32, int int32, bool bool, complex
            complex64, and arrays keep theirs.

    Raises:
        ShapeError: the nest is ragged, or the values do not fill `shape`.
        DTypeError: strings, objects, or Python floats where integers are asked for.
        IntegerOverflow: a Python int that the dtype cannot hold.
        ArgumentError: `values` is nothing of the kind.
    """
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    made = _array(values, wanted)
    if wanted is not None and made.dtype is not wanted:
        made = OPS["astype"].call(made, intern(Cast(wanted)))
    if shape is None:
        return made
    new = cast("tuple[int, ...]", legal_shape("tensor", shape))
    count = int(np.prod(new, dtype=object))
    if count != made.size:
        raise ShapeError(
            f"Based on the provided shape, {show_shape(new)}, the tensor should have {count} values "
            f"but has {made.size}"
        )
    return made if made.shape == new else made.reshape(new)


@located
def asarray(obj: object, /, *, dtype: object = None, device: object = None, copy: bool | None = None) -> Array:
    """A tensor with these values, without a copy where there is a tensor already.

    Args:
        obj: as the values of `tensor`.
        dtype: as for `tensor`.
        device: "cpu", or None.
        copy: True copies always; False shares the memory of another library's array, which must not be changed
            afterwards, and refuses to copy; None copies arrays only.

    Raises:
        ArgumentError: what cannot be shared is to be, or there is no such device; else as `tensor`.
    """
    on_device("asarray", device)
    if copy is not None and not isinstance(copy, bool):
        raise ArgumentError(f"asarray: copy is True, False or None, but {copy!r} was given")
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    if isinstance(obj, Array) and not copy and wanted in (None, obj.dtype):
        return given(obj)
    if copy is False:
        return _shared(obj, wanted)
    return tensor(obj, dtype=dtype)


def _shared(values: object, wanted: dtypes.DType | None) -> Array:
    if not isinstance(values, np.ndarray) and hasattr(values, "__dlpack__"):
        made = from_dlpack(values, copy=False)
        if wanted not in (None, made.dtype):
            raise DTypeError(f"asarray: a {made.dtype} array cannot be shared as {wanted}; leave copy=False out")
        return made
    if not isinstance(values, np.ndarray):
        raise ArgumentError(f"asarray: a {type(values).__name__} cannot be shared; leave copy=False out")
    found = dtypes.from_numpy(values.dtype)
    if wanted not in (None, found):
        raise DTypeError(f"asarray: a {found} array cannot be shared as {wanted}; leave copy=False out")
    if not values.flags.c_contiguous or not values.flags.aligned:
        raise ArgumentError("asarray: only a C-contiguous array can be shared; leave copy=False out")
    aval = TensorType(found, values.shape)
    return cast(Array, told(wrap(aval, values.ctypes.data, values)))


@located
def from_dlpack(x: object, /, *, device: object = None, copy: bool | None = None) -> Array:
    """A tensor with what another library's array holds, sharing its memory where that is laid out as a tensor's:
    C-contiguous and aligned. Its owner must not change it afterwards.

    Args:
        x: has `__dlpack__` and `__dlpack_device__`.
        device: "cpu", or None.
        copy: True copies always, False never, None where the memory cannot be shared.

    Raises:
        ArgumentError: `x` is no such array, or there is no such device.
        SharingError: the array cannot be had on the CPU, or not without a copy where `copy` is False.
        DTypeError: its dtype is not supported.
    """
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__") or isinstance(x, type):
        raise ArgumentError(f"from_dlpack: an array with __dlpack__ is wanted, but a {type(x).__name__} was given")
    on_device("from_dlpack", device)
    if copy is not None and not isinstance(copy, bool):
        raise ArgumentError(f"from_dlpack: copy is True, False or None, but {copy!r} was given")
    if isinstance(x, Array) and not copy:
        return given(x)
    try:
        return cast(Array, told(take(cast(Producer, x), copy)))
    except LithographError:
        raise
    except (BufferError, RuntimeError) as error:
        raise SharingError(f"from_dlpack: {error}") from None


def of_ndarray(a: np.ndarray) -> Tensor:
    """A Tensor with a copy of a NumPy array of any layout; DTypeError for an unsupported dtype."""
    aval = TensorType(dtypes.from_numpy(a.dtype), a.shape)
    return told(from_ndarray(aval, np.ascontiguousarray(held(a), aval.dtype.numpy).reshape(a.shape)))


def handle(value: Tensor, aval: TensorType | None = None, offset: int = 0) -> Tensor:
    """Another Tensor over the same memory, of another type and from a byte on where asked; StateError when disposed."""
    try:
        return view(aval or value._aval, offset, value)
    except ValueError:
        # Another thread may dispose it at any time, so it is tried.
        if is_disposed(value):
            raise refusal(value) from None
        raise


def given(values: Array) -> Array:
    """An array of the current stage; what a variable holds as a Tensor of its own, since nobody may dispose that."""
    stage = current()
    lifted = stage.lift(values)
    if not isinstance(lifted, Tensor) or lifted is values:
        return lifted
    made = cast(Array, told(handle(lifted)))
    if isinstance(stage, Layer):
        stage.alias(made, lifted)
    return made


def _array(values: object, wanted: dtypes.DType | None) -> Array:
    stage = current()
    if isinstance(values, Array):
        return given(values)
    if isinstance(values, np.ndarray):
        traced = isinstance(ground(stage), Builder)
        return stage.lift(held(values)) if traced else cast(Array, of_ndarray(values))
    if isinstance(values, np.generic):
        return stage.constant(held(np.asarray(values)))
    if isinstance(values, list | tuple) and any(isinstance(v, Array) for v in values):
        return ops.stack([_array(v, wanted) for v in values])
    return stage.constant(plain_array(values, wanted))


def plain_array(values: object, wanted: dtypes.DType | None) -> np.ndarray:
    """Numbers nested in lists, as an array; errors as for `tensor`."""
    if isinstance(values, range):
        values = list(values)
    foreign = callable(getattr(values, "__array__", None))
    if not isinstance(values, bool | int | float | complex | list | tuple) and not foreign:
        raise ArgumentError(
            "tensor: numbers, nested lists of numbers or arrays are wanted, "
            f"but a {type(values).__name__} was given"
        )
    try:
        raw = np.asarray(values)
    except (ValueError, OverflowError):
        raise _ragged(values) from None
    except TypeError as error:
        raise ArgumentError(f"tensor: a {type(values).__name__} was given that gives no array: {error}") from error
    if raw.dtype.kind == "O":
        raise _no_number(values)
    if raw.size and isinstance(_first_leaf(values), np.generic | np.ndarray):
        return held(raw)
    if foreign:
        return held(raw)
    return _converted(values, raw, wanted)


def _converted(values: object, raw: np.ndarray, wanted: dtypes.DType | None) -> np.ndarray:
    kind = "i" if raw.dtype.kind == "u" else raw.dtype.kind
    if kind not in _DEFAULT:
        raise _no_number(values)
    target = wanted or (_DEFAULT[kind] if raw.size else dtypes.float32)
    narrows = (kind == "f" and not target.is_inexact) or (kind == "c" and not target.is_complex)
    if narrows and raw.size:
        raise DTypeError(f"Cannot convert {_brief(values)} to a tensor of dtype {target}")
    if kind == "i" and target.is_integer and raw.size:
        limits = np.iinfo(target.name)
        low, high = int(raw.min()), int(raw.max())
        if low < limits.min or high > limits.max:
            culprit = low if low < limits.min else high
            raise IntegerOverflow(f"the Python int {culprit} does not fit {target}")
    return convert(raw, target)


def _brief(values: object) -> str:
    text = repr(values)
    return text if len(text) <= 60 else text[:57] + "..."


def _first_leaf(values: object) -> object:
    while isinstance(values, list | tuple) and values:
        values = values[0]
    return values


def _no_number(values: object) -> DTypeError | IntegerOverflow:
    for path, leaf in _leaves(values, ()):
        where = "".join(f"[{i}]" for i in path)
        at = f" at {where}" if where else ""
        if isinstance(leaf, int) and not -(2**63) <= leaf < 2**64:
            return IntegerOverflow(f"the Python int {leaf}{at} does not fit any integer dtype")
        if not isinstance(leaf, bool | int | float | complex | np.generic | np.ndarray):
            return DTypeError(
                f"tensor: {_brief(leaf)}{at} is a {type(leaf).__name__}; elements are numbers or bools"
            )
    return DTypeError(
        f"tensor: {_brief(values)} cannot become a tensor; supported are {', '.join(dtypes.BY_NAME)}"
    )


def _leaves(values: object, path: tuple[int, ...]) -> list[tuple[tuple[int, ...], object]]:
    if not isinstance(values, list | tuple):
        return [(path, values)]
    return [leaf for i, v in enumerate(values) for leaf in _leaves(v, (*path, i))]


def _ragged(values: object) -> ShapeError | ArgumentError:
    found = _mismatch(values, ())
    if found is None:
        return ArgumentError(f"tensor: {_brief(values)} cannot become a tensor")
    path, expected, count = found
    where = "values" + "".join(f"[{i}]" for i in path)
    return ShapeError(f"tensor: the nest is ragged: {where} has {count} values where {expected} are expected")


def _mismatch(values: object, path: tuple[int, ...]) -> tuple[tuple[int, ...], int, int] | None:
    """The first part whose length differs from its first sibling's; a number counts as 1 value."""
    if not isinstance(values, list | tuple):
        return None
    level: list[tuple[tuple[int, ...], object]] = [(path, values)]
    while True:
        sizes = [len(v) if isinstance(v, list | tuple) else -1 for _, v in level]
        for (where, _), size in zip(level, sizes, strict=True):
            if size != sizes[0]:
                return where, max(sizes[0], 1), max(size, 1)
        if sizes[0] <= 0:
            return None
        level = [((*p, i), v) for p, part in level for i, v in enumerate(cast("Sequence[object]", part))]


@located
def scalar(value: object, dtype: object = None) -> Array:
    """A 0-d tensor.

    Raises:
        ShapeError: the value is no single number; else as `tensor`.
    """
    made = tensor(value, dtype=dtype)
    if made.ndim:
        raise ShapeError(
            f"scalar() requires a single number, but values of shape {show_shape(made.shape)} were given"
        )
    return made


def _ranked(rank: int) -> Callable[..., Array]:
    name = f"tensor{rank}d"

    @located
    def make(values: object, shape: Sequence[int] | None = None, dtype: object = None) -> Array:
        if shape is not None and len(legal_shape(name, shape)) != rank:
            raise ShapeError(
                f"{name}() requires shape to have {rank} extents, but it is {show_shape(legal_shape(name, shape))}"
            )
        made = tensor(values, shape, dtype)
        if made.ndim == rank:
            return made
        if made.ndim == 1:
            raise ShapeError(f"{name}() requires shape to be provided when `values` are a flat array")
        wanted = "a flat array" if rank == 1 else f"nested {rank} deep, or flat with a shape"
        raise ShapeError(
            f"{name}() requires values to be {wanted}; theirs is the shape {show_shape(made.shape)}"
        )

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"""A tensor of rank {rank}.

    Args:
        values: nested {rank} deep, or flat when `shape` is given.
        shape: {rank} extents.
        dtype: as for `tensor`.

    Raises:
        ShapeError: the rank is another; else as `tensor`.
    """
    return make


tensor1d: Final = _ranked(1)
tensor2d: Final = _ranked(2)
tensor3d: Final = _ranked(3)
tensor4d: Final = _ranked(4)
tensor5d: Final = _ranked(5)
tensor6d: Final = _ranked(6)
