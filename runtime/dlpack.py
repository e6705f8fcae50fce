"""DLPack: tensors to and from other libraries by sharing memory; it knows no library but by its capsules.

The layout is that of dlpack.h, version 1.1. What is exported is read-only, and says so where the consumer knows
version 1; to older consumers, which cannot be told, a copy is given. What is imported is never written by us; its
producer must not change it afterwards.
"""

from __future__ import annotations

import ctypes
import math
from typing import Final, Protocol, TypeGuard

import numpy as np

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.errors import ArgumentError, DTypeError, SharingError
from ..ir.types import TensorType
from .core import Tensor, as_ndarray, from_ndarray, wrap
from .native.capsules import NAME, VERSIONED_NAME, functions

VERSION: Final = (1, 1)
CPU: Final = (1, 0)
_READ_ONLY: Final = 1
_COPIED: Final = 2
_KINDS: Final = {"int": 0, "uint": 1, "float": 2, "complex": 5, "bool": 6}
_BFLOAT: Final = 4
_MOST_AXES: Final = 32
_ADDRESSES: Final = 1 << 57


class _DLTensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("byte_offset", ctypes.c_uint64),
    )


class _Managed(ctypes.Structure):
    _fields_ = (("tensor", _DLTensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


class _Versioned(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", _DLTensor),
    )


class Producer(Protocol):
    """An array of another library."""

    def __dlpack__(self, **options: object) -> object:
        """A capsule."""

    def __dlpack_device__(self) -> tuple[int, int]:
        """Device type and number."""


# A library of our own, since others set the types of the functions of the shared one.
_python: Final = ctypes.PyDLL(None)


def _api(name: str, result: object, *arguments: object) -> ctypes._FuncPointer:
    found = _python[name]
    found.restype, found.argtypes = result, arguments  # type: ignore[assignment]
    return found


_capsule_new: Final = _api(
    "PyCapsule_New", ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
)
_capsule_valid: Final = _api("PyCapsule_IsValid", ctypes.c_int, ctypes.py_object, ctypes.c_char_p)
_capsule_get: Final = _api("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
_capsule_rename: Final = _api("PyCapsule_SetName", ctypes.c_int, ctypes.py_object, ctypes.c_char_p)
_increment: Final = _api("Py_IncRef", None, ctypes.py_object)
_Deleter: Final = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_USED: Final = {name: b"used_" + name for name in (NAME, VERSIONED_NAME)}


class _Export:
    """What an exported tensor needs for as long as somebody has it."""

    __slots__ = ("array", "extents", "managed", "strides")

    managed: _Managed | _Versioned

    def __init__(self, array: np.ndarray) -> None:
        row = ctypes.c_int64 * max(array.ndim, 1)
        self.array = array
        self.extents = row(*array.shape)
        self.strides = row(*[s // array.itemsize for s in array.strides])


def is_pair(value: object) -> TypeGuard[tuple[int, int]]:
    """Whether a value is two integers: a version, or a device."""
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, int) for v in value)


def code_of(dtype: DType) -> int:
    """The type code of dlpack.h."""
    return _BFLOAT if dtype.name == "bfloat16" else _KINDS[dtype.kind]


def export(tensor: Tensor, max_version: object, copy: bool | None) -> object:
    """A capsule with a tensor's memory, or with a copy of it.

    Args:
        tensor: is alive.
        max_version: the newest version that the consumer knows, a pair; None means before 1.0.
        copy: True copies, False never does, None where it must.

    Raises:
        SharingError: `copy` is False, and the consumer cannot be told that the memory is read-only.
    """
    versioned = is_pair(max_version) and max_version >= (1, 0)
    if not versioned and copy is False:
        raise SharingError(
            "__dlpack__: a tensor is read-only, which only versions of DLPack from 1.0 on can say; ask for one with "
            "max_version=(1, 0), or leave copy=False out"
        )
    copied = bool(copy) or not versioned
    array = as_ndarray(tensor)
    holder = _Export(np.array(array) if copied else array)
    aval = tensor._aval
    described = _DLTensor(
        holder.array.ctypes.data, *CPU, aval.ndim, code_of(aval.dtype), aval.dtype.itemsize * 8, 1,
        ctypes.addressof(holder.extents), ctypes.addressof(holder.strides), 0,
    )  # fmt: skip
    name = VERSIONED_NAME if versioned else NAME
    delete, drop = functions(name)
    if versioned:
        flags = _COPIED if copied else _READ_ONLY
        holder.managed = _Versioned(*VERSION, id(holder), delete, flags, described)
    else:
        holder.managed = _Managed(described, id(holder), delete)
    capsule: object = _capsule_new(ctypes.addressof(holder.managed), name, drop)
    # The reference that manager_ctx is; the deleter drops it.
    _increment(holder)
    return capsule


class _Import:
    """A managed tensor that we took from a capsule; its deleter is called when this goes."""

    __slots__ = ("address", "managed")

    def __init__(self, address: int, kind: type[_Managed | _Versioned]) -> None:
        self.address = address
        self.managed = kind.from_address(address)

    def __del__(self, deleter: type[ctypes._FuncPointer] = _Deleter) -> None:
        found = self.managed.deleter
        if found:
            deleter(found)(self.address)


def _capsule(producer: Producer, device: tuple[int, int] | None, copy: bool | None) -> object:
    try:
        return producer.__dlpack__(max_version=VERSION, dl_device=device, copy=copy)
    except TypeError:
        # It was made before version 1.0: it knows none of these, and nothing but its own device.
        if device is not None:
            raise SharingError(
                f"from_dlpack: a {type(producer).__name__} on device {tuple(producer.__dlpack_device__())} cannot give "
                "its memory to the CPU; move it there first"
            ) from None
        return producer.__dlpack__()


def take(producer: Producer, copy: bool | None) -> Tensor:
    """What another library's array holds: a Tensor that shares its memory, or has a copy where the memory is not
    laid out as a tensor's or `copy` is True.

    Raises:
        SharingError: it cannot be had on the CPU, or not without a copy where `copy` is False.
        DTypeError: its dtype is not supported.
    """
    device = producer.__dlpack_device__()
    if not is_pair(device):
        raise ArgumentError(f"from_dlpack: {type(producer).__name__}.__dlpack_device__ gave {device!r}")
    here = device[0] == CPU[0]
    # A copy is ours to make, once, from memory that we may read in any layout.
    capsule = _capsule(producer, None if here else CPU, copy if copy is False or not here else None)
    name = next((n for n in (VERSIONED_NAME, NAME) if _capsule_valid(capsule, n)), None)
    if name is None:
        raise ArgumentError(f"from_dlpack: {type(producer).__name__}.__dlpack__ gave no capsule that is unused")
    held = _Import(_capsule_get(capsule, name), _Versioned if name is VERSIONED_NAME else _Managed)
    _capsule_rename(capsule, _USED[name])
    managed = held.managed
    if isinstance(managed, _Versioned) and managed.major != VERSION[0]:
        raise SharingError(f"from_dlpack: version {managed.major} of DLPack is not known, only version {VERSION[0]}")
    return _view(held, managed.tensor, copy)


def _view(held: _Import, given: _DLTensor, copy: bool | None) -> Tensor:
    dtype, (shape, steps) = _dtype(given), _layout(given)
    aval = TensorType(dtype, shape)
    dense = tuple([math.prod(shape[i + 1 :]) for i in range(len(shape))])
    # Where there is one element, any stride may be written.
    steps = dense if steps is None else tuple([0 if n == 1 else s for n, s in zip(shape, steps, strict=True)])
    address = (given.data or 0) + given.byte_offset
    if not aval.size:
        return from_ndarray(aval, np.empty(shape, dtype.numpy))
    # Only what the fields say of themselves can be checked: that memory is there must be believed.
    reach = dtype.itemsize * sum(max(n - 1, 0) * abs(s) for n, s in zip(shape, steps, strict=True))
    if not given.data or max(address, reach) >= _ADDRESSES:
        raise _malformed(f"elements of shape {shape} lie at address {address} with strides {steps}")
    straight = all(n == 1 or s == d for n, s, d in zip(shape, steps, dense, strict=True))
    if straight and address % dtype.itemsize == 0 and not copy:
        return wrap(aval, address, held)
    if copy is False:
        raise SharingError(
            "from_dlpack: only C-contiguous, aligned memory can be shared; leave copy=False out, or make it so first"
        )
    # Nothing but `held`, which is alive here, keeps the memory of the view.
    view = np.asarray(_Described(address, shape, [s * dtype.itemsize for s in steps], dtype))
    return from_ndarray(aval, np.ascontiguousarray(view).view(dtype.numpy).reshape(shape))


def _layout(given: _DLTensor) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """The shape, and the strides in elements, if there are any."""
    if given.device_type != CPU[0]:
        raise SharingError(f"from_dlpack: the memory is on a device of type {given.device_type}, and not on the CPU")
    if not 0 <= given.ndim <= _MOST_AXES:
        raise _malformed(f"its number of axes is {given.ndim}, and can be 0 to {_MOST_AXES}")
    if not given.ndim:
        return (), None
    if not given.shape:
        raise _malformed(f"it has {given.ndim} axes and no shape")
    row = ctypes.c_int64 * given.ndim
    shape = tuple(row.from_address(given.shape))
    if min(shape) < 0:
        raise _malformed(f"its shape is {shape}")
    return shape, tuple(row.from_address(given.strides)) if given.strides else None


def _malformed(what: str) -> SharingError:
    return SharingError(f"from_dlpack: the capsule describes no array: {what}")


class _Described:
    """Memory as NumPy reads it: bits of the right width, whatever they mean."""

    def __init__(self, address: int, shape: tuple[int, ...], strides: list[int], dtype: DType) -> None:
        kind = np.dtype(f"u{dtype.itemsize}") if dtype.itemsize <= 8 else np.dtype("c16")
        self.__array_interface__ = {
            "data": (address, True),
            "shape": shape,
            "strides": tuple(strides),
            "typestr": kind.str,
            "version": 3,
        }


def _dtype(given: _DLTensor) -> DType:
    for dtype in dtypes.ALL:
        if (code_of(dtype), dtype.itemsize * 8, 1) == (given.code, given.bits, given.lanes):
            return dtype
    raise DTypeError(
        f"from_dlpack: elements of type code {given.code}, {given.bits} bits and {given.lanes} lanes are not "
        f"supported; supported are {', '.join(dtypes.BY_NAME)}"
    )
