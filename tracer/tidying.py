"""Giving memory back in good order: tidy, keep, dispose, and what calls take of it; it frees nothing by itself."""

from __future__ import annotations

import contextlib
import inspect
import time as clock
import weakref
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar, overload

from ..ir.array import Array
from ..ir.builder import Builder
from ..ir.errors import ArgumentError
from ..ir.gradient import ground
from ..ir.records import dataclass, field
from ..ir.stage import current, located
from ..runtime import core, disposal
from ..runtime.core import Tensor
from ..runtime.watching import Watcher, watched, watchers
from .pytree import flatten

T = TypeVar("T")

_kept: Final[dict[int, weakref.ref[Tensor]]] = {}


class Memory(NamedTuple):
    """What tensors take: those of variables count, bytes of shared buffers count once."""

    num_tensors: int
    num_data_buffers: int
    num_bytes: int


def memory() -> Memory:
    """The tensors of this process that live, whichever thread they belong to, and their memory."""
    counts = core.counters()
    return Memory(counts.num_tensors, counts.num_buffers, counts.num_bytes)


def _tracing() -> bool:
    return isinstance(ground(current()), Builder)


@located
def dispose(container: object) -> None:
    """Drop the claim of all tensors in a container on their memory.

    Whatever else is in it is left alone, and so is a tensor that is disposed already. Inside a function that
    is being traced nothing happens.

    Args:
        container: a tensor, or any nest of them.
    """
    if _tracing():
        return
    for leaf in flatten(container)[0]:
        if isinstance(leaf, Tensor):
            disposal.dispose(leaf)


def keep(tensor: T) -> T:
    """Let a tensor outlive all tidies around, until it is disposed; it is given back.

    Inside a function that is being traced nothing happens.
    """
    if isinstance(tensor, Tensor) and not _tracing():
        key = id(tensor)
        _kept[key] = weakref.ref(tensor, lambda _: _kept.pop(key, None))
    return tensor


class _Scope:
    """The tensors made in one tidy, which its end disposes."""

    def __init__(self, outer: Sequence[Watcher]) -> None:
        self.outer = next((w for w in reversed(outer) if isinstance(w, _Scope)), None)
        self._made: list[weakref.ref[Tensor]] = []

    def made(self, tensor: Tensor) -> None:
        self._made.append(weakref.ref(tensor))

    def ran(self, name: str, inputs: Sequence[Array], outputs: Sequence[Array], seconds: float) -> None:
        pass

    def end(self, result: object) -> None:
        """Dispose what was made, but for what is kept, or in the result, which the scope around takes over."""
        returned = {id(leaf) for leaf in flatten(result)[0] if isinstance(leaf, Tensor)}
        for made in self._made:
            tensor = made()
            if tensor is None or id(tensor) in _kept:
                continue
            if id(tensor) not in returned:
                disposal.dispose(tensor)
            elif self.outer is not None:
                self.outer.made(tensor)


@overload
def tidy() -> contextlib.AbstractContextManager[None]: ...
@overload
def tidy(function: Callable[[], T], /) -> T: ...
@overload
def tidy(name: str, function: Callable[[], T], /) -> T: ...


@located
def tidy(*arguments: object) -> object:
    """Run a function and dispose all tensors made meanwhile, but for those that it returns and those that are kept.

    `tidy(function)` and `tidy(name, function)` give the function's result, whatever containers tensors are in;
    `with tidy():` disposes all that is not kept. Also when an error leaves it. Variables are never disposed. Tensors
    made by other threads are not touched. Inside a function that is being traced nothing is disposed.

    Raises:
        ArgumentError: there is no function; or it is, or gives, a generator or coroutine, which would go on afterwards.
    """
    if not arguments:
        return _tidied()
    function = _function(arguments)
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise ArgumentError("Cannot return a coroutine or generator inside of tidy.")
    if _tracing():
        return function()
    scope = _Scope(watchers())
    result: object = None
    try:
        with watched([*(w for w in watchers() if not isinstance(w, _Scope)), scope]):
            result = function()
            if isinstance(result, Awaitable | Generator):
                if hasattr(result, "close"):
                    result.close()
                result = None
                raise ArgumentError("Cannot return a coroutine or generator inside of tidy.")
    finally:
        scope.end(result)
    return result


def _function(arguments: Sequence[object]) -> Callable[[], object]:
    if len(arguments) == 1:
        (function,) = arguments
        if not callable(function):
            raise ArgumentError("Please provide a function to tidy()")
        return function
    if not isinstance(arguments[0], str):
        raise ArgumentError("When calling with two arguments, the first argument to tidy() must be a string")
    if len(arguments) > 2 or not callable(arguments[1]):
        raise ArgumentError("When calling with two arguments, the 2nd argument to tidy() must be a function")
    return arguments[1]


@contextlib.contextmanager
def _tidied() -> Iterator[None]:
    if _tracing():
        yield
        return
    scope = _Scope(watchers())
    try:
        with watched([*(w for w in watchers() if not isinstance(w, _Scope)), scope]):
            yield
    finally:
        scope.end(None)


@dataclass(frozen=True, slots=True)
class KernelProfile:
    """One op, or one compiled program, as it was carried out.

    Attributes:
        bytes_added, tensors_added: of its outputs.
        total_bytes: live after it.
        kernel_time_ms: milliseconds.
    """

    name: str
    bytes_added: int
    total_bytes: int
    tensors_added: int
    input_shapes: tuple[tuple[int, ...], ...]
    output_shapes: tuple[tuple[int, ...], ...]
    kernel_time_ms: float


@dataclass(slots=True)
class Profile:
    """What a function took.

    Attributes:
        new_bytes, new_tensors: left by it, its result included.
        peak_bytes: the most that lived at once, beyond what lived before.
        kernels: in the order in which they ran.
        result: of the function.
    """

    new_bytes: int = 0
    new_tensors: int = 0
    peak_bytes: int = 0
    kernels: list[KernelProfile] = field(default_factory=list)
    result: object = None

    @property
    def kernel_names(self) -> list[str]:
        """The names of the kernels, each once."""
        return list(dict.fromkeys(k.name for k in self.kernels))

    def made(self, tensor: Tensor) -> None:
        """Nothing: kernels tell of their outputs."""

    def ran(self, name: str, inputs: Sequence[Array], outputs: Sequence[Array], seconds: float) -> None:
        """Note one kernel."""
        self.kernels.append(
            KernelProfile(
                name,
                sum(y.nbytes for y in outputs),
                core.counters().num_bytes,
                len(outputs),
                tuple([x.shape for x in inputs]),
                tuple([y.shape for y in outputs]),
                seconds * 1e3,
            )
        )


@located
def profile(function: Callable[[], object]) -> Profile:
    """Run a function and say which kernels ran, how long, and what memory it took; ArgumentError for no function."""
    if not callable(function):
        raise ArgumentError(f"profile: a function of no arguments is wanted, not a {type(function).__name__}")
    found, before = Profile(), memory()
    core.reset_peak()
    with watched([*watchers(), found]):
        found.result = function()
    after = memory()
    found.new_bytes = after.num_bytes - before.num_bytes
    found.new_tensors = after.num_tensors - before.num_tensors
    found.peak_bytes = core.counters().peak_bytes - before.num_bytes
    return found


class Time(NamedTuple):
    """Milliseconds: of the whole call, and in its kernels."""

    wall_ms: float
    kernel_ms: float


@located
def time(function: Callable[[], object]) -> Time:
    """Run a function and say how long it took; ArgumentError for no function."""
    if not callable(function):
        raise ArgumentError(f"time: a function of no arguments is wanted, not a {type(function).__name__}")
    found = Profile()
    start = clock.perf_counter()
    with watched([*watchers(), found]):
        function()
    wall = (clock.perf_counter() - start) * 1e3
    return Time(wall, sum(k.kernel_time_ms for k in found.kernels))
