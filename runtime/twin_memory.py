"""Tensors, cells and allocation counts in plain Python, behaving as the native ones; it runs no programs.

A Tensor owns one `Block` of memory, or is a view and holds as `_base` what keeps its memory. ndarrays,
views and running calls hold the block too, so `dispose` drops one tensor's claim and nothing ever dangles.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from typing import Final

import numpy as np

from ..ir.array import Array
from ..ir.types import TensorType
from .surface import Counters

ALIGNMENT: Final = 64


class _Live:
    """The process-wide counts behind `counters`; its lock is held while calls are matched and memory changes hands.

    A thread may stop between any two lines of Python, where native code holds the interpreter's lock.
    """

    __slots__ = ("active", "buffers", "bytes", "lock", "peak", "tensors")

    def __init__(self) -> None:
        self.tensors = self.buffers = self.bytes = self.peak = self.active = 0
        self.lock = threading.RLock()

    def add(self, buffers: int, nbytes: int) -> None:
        with self.lock:
            self.buffers += buffers
            self.bytes += nbytes
            self.peak = max(self.peak, self.bytes)


live: Final = _Live()


class Block:
    """Memory aligned to 64 bytes that goes with its last holder; it counts as `buffers` buffers."""

    __slots__ = ("address", "buffers", "memory", "nbytes")

    def __init__(self, nbytes: int, buffers: int = 1) -> None:
        self.nbytes = 0
        self.buffers = 0
        self.memory = np.empty(nbytes + ALIGNMENT, np.uint8)
        self.address = -(-self.memory.ctypes.data // ALIGNMENT) * ALIGNMENT
        self.nbytes = nbytes
        self.buffers = buffers
        live.add(buffers, nbytes)

    def __del__(self, live: _Live = live) -> None:
        live.add(-self.buffers, -self.nbytes)


Holder: Final = Block
"""The class of what keeps memory that several tensors share, as their `_base`."""


class Tensor(Array):
    """An immutable, C-contiguous array; made by `new_tensor`, `wrap`, `view` and `from_ndarray`."""

    __slots__ = ("__weakref__", "_aval", "_base", "_data", "_holds", "_nbytes")

    _data: int
    _nbytes: int
    _aval: TensorType
    _base: object
    _holds: object

    def __new__(cls, *args: object, **kwargs: object) -> Tensor:
        raise TypeError("Tensor cannot be called; make tensors with lithograph.tensor")

    def __init_subclass__(cls) -> None:
        raise TypeError("type 'lithograph.Tensor' is not an acceptable base type")

    def __hash__(self) -> int:
        return id(self) >> 4

    def __del__(self, live: _Live = live) -> None:
        if self._data:
            with live.lock:
                live.tensors -= 1


class Export:
    """What an ndarray over a Tensor's memory has as its base."""

    __slots__ = ("__array_interface__", "holds")

    def __init__(self, tensor: Tensor, holds: object) -> None:
        aval = tensor._aval
        self.holds = holds
        self.__array_interface__ = {
            "data": (tensor._data, True),
            "shape": aval.shape,
            "typestr": aval.dtype.numpy.str,
            "descr": aval.dtype.numpy.descr,
            "version": 3,
        }


def _made(aval: TensorType, address: int, nbytes: int, base: object, holds: object) -> Tensor:
    self = object.__new__(Tensor)
    self._data = address
    self._aval = aval
    self._nbytes = nbytes
    self._base = base
    self._holds = holds
    with live.lock:
        live.tensors += 1
    return self


def new_tensor(aval: TensorType, nbytes: int) -> Tensor:
    """A Tensor whose `nbytes` of memory hold nothing yet; MemoryError when there is none."""
    if nbytes < 0:
        raise ValueError("nbytes must be >= 0")
    if nbytes > 2**62:
        raise MemoryError
    block = Block(nbytes)
    return _made(aval, block.address, nbytes, None, block)


def wrap(aval: TensorType, address: int, owner: object) -> Tensor:
    """A Tensor over memory that `owner` keeps alive.

    Raises:
        ValueError: the address is 0.
        TypeError: `owner` is a Tensor, whose memory may move: see `view`.
    """
    nbytes = _nbytes(aval)
    if address == 0:
        raise ValueError("wrap needs an address")
    if isinstance(owner, Tensor):
        raise TypeError("the memory of a Tensor is viewed, not wrapped")
    return _made(aval, address, nbytes, owner, owner)


def view(aval: TensorType, offset: int, t: Tensor) -> Tensor:
    """A Tensor over the memory of another from a byte on; ValueError when that is disposed, or the view outside."""
    nbytes = _nbytes(aval)
    with live.lock:
        check_live(t)
        if not 0 <= offset <= t._nbytes - nbytes:
            raise ValueError("the view lies outside the Tensor")
        base = _share(t)
        return _made(aval, t._data + offset, nbytes, base, base)


def _nbytes(aval: TensorType) -> int:
    if not isinstance(aval, TensorType):
        raise TypeError(f"expected a TensorType, not {type(aval).__name__}")
    return aval.nbytes


def _share(t: Tensor) -> object:
    """What keeps the memory of a live Tensor: its `_base` from now on."""
    t._base = t._holds
    return t._base


def check_live(t: Tensor) -> None:
    """TypeError for what is no Tensor, ValueError for a disposed one."""
    if type(t) is not Tensor:
        raise TypeError(f"expected a Tensor, not {type(t).__name__}")
    if not t._data:
        raise ValueError("Tensor is disposed.")


def as_ndarray(t: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """A read-only ndarray over the Tensor's memory, which it keeps alive; ValueError when disposed."""
    with live.lock:
        check_live(t)
        if t._aval.nbytes > t._nbytes:
            raise ValueError("the Tensor has less memory than its type needs")
        return np.asarray(Export(t, _share(t)))


def from_ndarray(aval: TensorType, a: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Tensor:
    """A Tensor with a copy of a C-contiguous array of the dtype and shape of `aval`; ValueError otherwise."""
    if not isinstance(a, np.ndarray):
        raise TypeError(f"expected a numpy.ndarray, not {type(a).__name__}")
    if a.dtype != aval.dtype.numpy or a.shape != aval.shape or not a.flags.c_contiguous:
        raise ValueError("the array is not C-contiguous with the dtype and shape of the type")
    t = new_tensor(aval, aval.nbytes)
    ctypes.memmove(t._data, a.ctypes.data, t._nbytes)
    return t


def dispose(t: Tensor) -> None:
    """Drop the Tensor's claim on its memory, freed with the last view, ndarray or running call using it."""
    if type(t) is not Tensor:
        raise TypeError(f"expected a Tensor, not {type(t).__name__}")
    with live.lock:
        if t._data:
            t._data = 0
            t._holds = None
            t._base = None
            live.tensors -= 1


def is_disposed(t: Tensor) -> bool:
    """Whether `dispose` was called on it."""
    if type(t) is not Tensor:
        raise TypeError(f"expected a Tensor, not {type(t).__name__}")
    return t._data == 0


def counters() -> Counters:
    """The allocator's counts now."""
    with live.lock:
        return Counters(live.tensors, live.buffers, live.bytes, live.peak)


def reset_peak() -> None:
    """Let `peak_bytes` start again from what is live."""
    with live.lock:
        live.peak = live.bytes


def trim() -> None:
    """Give blocks kept for reuse back to the system; there are none here."""


def enter() -> None:
    """Send every call the slow way until the matching `leave`."""
    with live.lock:
        live.active += 1


def leave() -> None:
    """End one `enter`; RuntimeError without one."""
    with live.lock:
        if not live.active:
            raise RuntimeError("leave() without enter()")
        live.active -= 1


class Cell:
    """The place of one Tensor that programs may replace or update.

    Attributes:
        tensor: the Tensor; RuntimeError to read while a program updates it in place, to write while `busy`.
        busy: how many running calls write it.
    """

    __slots__ = ("__weakref__", "_held", "busy")

    def __init__(self, tensor: Tensor) -> None:
        self._held: Tensor | None = None
        self.busy = 0
        self.tensor = tensor

    @property
    def tensor(self) -> Tensor:
        """The Tensor held."""
        with live.lock:
            held = self._held
        if held is None:
            raise RuntimeError("the variable is being updated by a running call")
        return held

    @tensor.setter
    def tensor(self, value: Tensor) -> None:
        if type(value) is not Tensor:
            raise TypeError(f"expected a Tensor, not {type(value).__name__}")
        with live.lock:
            if self.busy:
                raise RuntimeError("the variable is being updated by a running call")
            self._held = value


def replace(cell: Cell, old: Tensor, new: Tensor) -> bool:
    """Put a Tensor in the place of the one that is held, unless another one is, or a running call writes it."""
    if type(cell) is not Cell:
        raise TypeError(f"expected a Cell, not {type(cell).__name__}")
    if type(new) is not Tensor:
        raise TypeError(f"expected a Tensor, not {type(new).__name__}")
    with live.lock:
        free = not cell.busy and cell._held is old
        if free:
            cell._held = new
    return free


def _references(cell: Cell) -> int:
    held = cell._held
    return sys.getrefcount(held)


def _measure_references() -> int:
    live.tensors += 1
    t = object.__new__(Tensor)
    t._data = 1
    cell = Cell(t)
    del t
    return _references(cell)


_ALONE: Final = _measure_references() if hasattr(sys, "getrefcount") else -1


def held_alone(cell: Cell) -> bool:
    """Whether the cell alone holds its Tensor, which owns its memory; asked under the lock."""
    # The Tensor first: whoever let go of it before has shared its memory by then, which shows in the block's count.
    if _ALONE <= 0 or cell._held is None or _references(cell) != _ALONE:
        return False
    held = cell._held
    known = 2 if held._base is None else 3
    return isinstance(held._holds, Block) and sys.getrefcount(held._holds) <= known
