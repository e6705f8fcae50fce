"""What a Tensor can do beyond its operators: methods of every array, ways out to Python and NumPy."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Final, cast

import numpy as np

from ..ir import dtypes
from ..ir.array import Array
from ..ir.errors import ArgumentError, DomainError, DTypeError, SharingError
from ..ir.stage import located
from ..ir.storage import readable
from ..ir.types import TensorType, show_shape
from . import html
from .core import Tensor, as_ndarray, from_ndarray, is_disposed
from .creation import handle
from .disposal import dispose, refusal
from .dlpack import CPU, export, is_pair
from .leaving import as_asked, to_list, to_numpy
from .watching import made as told

_NOT_SHARED: Final = frozenset(
    ("__class__", "__dict__", "__doc__", "__hash__", "__module__", "__slots__", "__weakref__", "_aval")
)
_PYTHON: Final = frozenset(("__matmul__", "__rmatmul__"))
"""Operators whose meaning is a function of several ops."""
_WRITABLE: Final = 1
"""PyBUF_WRITABLE."""


@located
def numpy(self: Tensor) -> np.ndarray:
    """The elements as a read-only NumPy array that shares their memory.

    Raises:
        StateError: the tensor is disposed.
        MissingExtra: bfloat16, and the package ml_dtypes is not installed.
    """
    return to_numpy(_held(self))


def _held(self: Tensor) -> np.ndarray:
    try:
        return as_ndarray(self)
    except ValueError:
        if is_disposed(self):
            raise refusal(self) from None
        raise


@located
def item(self: Tensor) -> bool | int | float | complex:
    """The only element as a Python number; DomainError when there is not exactly one."""
    return _only(self, "item()")


@located
def tolist(self: Tensor) -> object:
    """The elements as nested lists of Python numbers, or one number."""
    return to_list(_held(self))


def print_(self: Tensor) -> None:
    """Print the tensor."""
    print(repr(self))


def _dispose(self: Tensor) -> None:
    """Drop the tensor's claim on its memory; nothing happens the second time."""
    dispose(self)


def _only(self: Tensor, what: str) -> bool | int | float | complex:
    aval = self._aval
    if aval.size != 1:
        raise DomainError(
            f"{what} takes a tensor of one element, but the shape is {show_shape(aval.shape)}; "
            "reduce it with any(), all() or another reduction, or select an element"
        )
    return cast("bool | int | float | complex", readable(_held(self)).item())


@located
def _bool(self: Tensor) -> bool:
    return bool(_only(self, "bool()"))


@located
def _float(self: Tensor) -> float:
    return float(_real(self, "float()"))


@located
def _int(self: Tensor) -> int:
    return int(_real(self, "int()"))


@located
def _complex(self: Tensor) -> complex:
    return complex(_only(self, "complex()"))


def _real(self: Tensor, what: str) -> bool | int | float:
    value = _only(self, what)
    if isinstance(value, complex):
        raise DTypeError(f"{what} takes a real number, but the tensor is {self._aval}; take real() or abs() of it")
    return value


@located
def _index(self: Tensor) -> int:
    aval = self._aval
    if not aval.dtype.is_integer or aval.ndim:
        raise ArgumentError(f"only a 0-d integer tensor can be an index, but {aval} was given")
    return int(numpy(self).item())


def _array(self: Tensor, dtype: object = None, copy: bool | None = None) -> np.ndarray:
    return as_asked(_held(self), dtype, copy)


def _interface(self: Tensor) -> dict[str, object]:
    if self._aval.dtype is dtypes.bfloat16:
        # Only its name tells this dtype from other two bytes, and the interface has no names: __array__ is asked next.
        raise AttributeError("__array_interface__ has no bfloat16")
    return cast("dict[str, object]", numpy(self).__array_interface__)


@located
def _iterate(self: Tensor) -> Iterator[Array]:
    if not self._aval.ndim:
        raise ArgumentError("iteration over a 0-d tensor")
    array = cast(Array, self)
    return iter([array[i] for i in range(self._aval.static_shape[0])])


def _represent(self: Tensor) -> str:
    aval = self._aval
    if is_disposed(self):
        return f"<disposed tensor {aval}>"
    values = np.array2string(readable(as_ndarray(self)), separator=", ", prefix="tensor(")
    return f"tensor({values}, dtype={aval.dtype}" + (f", shape={aval.shape})" if not aval.size else ")")


def _html(self: Tensor) -> str:
    gone = is_disposed(self)
    return html.show("disposed tensor" if gone else "tensor", self._aval, np.empty(0) if gone else as_ndarray(self))


@located
def _dlpack(
    self: Tensor,
    *,
    stream: object = None,
    max_version: object = None,
    dl_device: object = None,
    copy: bool | None = None,
) -> object:
    """A capsule of DLPack that shares the memory, read-only, or has a copy of it.

    Args:
        stream: None: there are none on a CPU.
        max_version: the newest version that the consumer knows; before 1.0 memory cannot be marked as read-only,
            so there a copy is given.
        dl_device: None, or the CPU's pair.
        copy: True copies always, False never, None where it must.

    Raises:
        SharingError: it cannot be had so.
    """
    if is_disposed(self):
        raise refusal(self)
    if stream is not None:
        raise SharingError(f"__dlpack__: a CPU has no streams, but stream={stream!r} was given")
    if dl_device is not None and not (is_pair(dl_device) and dl_device == CPU):
        raise SharingError(f"__dlpack__: tensors live on the device {CPU}, but {dl_device!r} was asked for")
    if copy is not None and not isinstance(copy, bool):
        raise ArgumentError(f"__dlpack__: copy is True, False or None, but {copy!r} was given")
    return export(self, max_version, copy)


def _dlpack_device(self: Tensor) -> tuple[int, int]:
    return CPU


def _buffer(self: Tensor, flags: object) -> memoryview:
    if not isinstance(flags, int) or flags & _WRITABLE:
        raise SharingError("a tensor never changes: a buffer of its memory can be read only")
    if self._aval.dtype is dtypes.bfloat16:
        raise SharingError("a buffer has no bfloat16; convert with astype(float32) first, or take numpy()")
    return numpy(self).data


@located
def _copied(self: Tensor, memo: object = None) -> Tensor:
    """Another tensor on the same memory, which nobody can change; disposing of one leaves the other alone."""
    return told(handle(self))


@located
def _reduce(
    self: Tensor, protocol: object = 2
) -> tuple[Callable[[object, object, object], object], tuple[str, tuple[int, ...], object]]:
    """Plain bytes, and no ndarray: what NumPy restores from bytes that were tampered with can crash."""
    data = _held(self).reshape(-1).view(np.uint8)
    kept = pickle.PickleBuffer(data.data) if isinstance(protocol, int) and protocol >= 5 else data.tobytes()
    return _restore, (self._aval.dtype.name, self._aval.static_shape, kept)


def _restore(name: object, shape: object, data: object) -> object:
    """The tensor that was pickled; DomainError when the bytes are not those of its type."""
    if not isinstance(name, str) or not isinstance(shape, tuple) or not all(type(s) is int for s in shape):
        raise DomainError(f"a pickled tensor has the name of a dtype and a shape, and not {name!r} and {shape!r}")
    aval = TensorType(dtypes.as_dtype(name), shape)
    try:
        given = memoryview(data).cast("B")  # type: ignore[arg-type]
    except TypeError as error:
        raise DomainError(f"a pickled tensor has bytes as its data, and not a {type(data).__name__}") from error
    if given.nbytes != aval.nbytes:
        raise DomainError(f"a pickled {aval} has {aval.nbytes} bytes of data, and not {given.nbytes}")
    values = np.empty(shape, aval.dtype.numpy)
    values.reshape(-1).view(np.uint8)[...] = np.frombuffer(given, np.uint8) if given.nbytes else ()
    return told(from_ndarray(aval, values))


_OWN: Final[dict[str, object]] = {
    "__array__": _array,
    "__array_interface__": property(_interface),
    "__bool__": _bool,
    "__buffer__": _buffer,
    "__complex__": _complex,
    "__copy__": _copied,
    "__deepcopy__": _copied,
    "__dlpack__": _dlpack,
    "__dlpack_device__": _dlpack_device,
    "__float__": _float,
    "__index__": _index,
    "__int__": _int,
    "__iter__": _iterate,
    "__reduce__": _reduce,
    "__reduce_ex__": _reduce,
    "__repr__": _represent,
    "_repr_html_": _html,
    "dispose": _dispose,
    "is_disposed": property(is_disposed),
    "item": item,
    "numpy": numpy,
    "print": print_,
    "tolist": tolist,
}


def attach() -> None:
    """Give Tensor its own methods, and those of Array that it does not have in native code."""
    Array.register(Tensor)
    native = set(vars(Tensor))
    for name, member in vars(Array).items():
        if (
            (name not in native or name in _PYTHON)
            and name not in _NOT_SHARED
            and not name.startswith("_abc")
        ):
            setattr(Tensor, name, member)
    for name, member in _OWN.items():
        setattr(Tensor, name, member)
