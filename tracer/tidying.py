"""Giving memory back in good order: tidy, keep, dispose, and what calls take of it; it frees nothing by itself."""

from __future__ import annotations

import contextlib
import inspect
import time as clock
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from types import TracebackType
from typing import Final, NamedTuple, TypeVar, overload

from ..ir.array import Array
from ..ir.batching import Batched
from ..ir.builder import Builder
from ..ir.errors import ArgumentError
from ..ir.layers import ground
from ..ir.records import dataclass, field
from ..ir.stage import current, located
from ..runtime import core, disposal
from ..runtime.core import Tensor
from ..runtime.partitioned import PartitionedVariable
from ..runtime.variable import Variable
from ..runtime.watching import Watcher, watched, watchers
from .pytree import flatten
from .recorded import differentiating

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
    """Drop the claim of all tensors and variables in a container on their memory.

    Whatever else is in it is left alone, and so is what is disposed already. Inside a function that is being
    traced nothing happens.

    Args:
        container: a tensor or variable, or any nest of them.
    """
    if _tracing():
        return
    for leaf in flatten(container)[0]:
        tensor = _whole(leaf)
        if isinstance(tensor, Tensor | Variable | PartitionedVariable):
            tensor.dispose()


def keep(tensor: T) -> T:
    """Let a tensor outlive all tidies around, until it is disposed; it is given back.

    Inside a function that is being traced nothing happens.
    """
    whole = _whole(tensor)
    if isinstance(whole, Tensor) and not _tracing():
        key = id(whole)
        _kept[key] = weakref.ref(whole, lambda _: _kept.pop(key, None))
    return tensor


def _whole(leaf: object) -> object:
    """What holds the memory of an object: of one example of many, the tensor of all."""
    while isinstance(leaf, Batched):
        leaf = leaf.whole
    return leaf


class _Scope:
    """The tensors made in one tidy, which its end disposes."""

    def __init__(self, outer: Sequence[Watcher]) -> None:
        self.outer = next((w for w in reversed(outer) if isinstance(w, _Scope)), None)
        self._made: list[weakref.ref[Tensor]] = []

    def made(self, array: Array) -> None:
        if isinstance(array, Tensor):
            self._made.append(weakref.ref(array))

    def ran(self, name: str, inputs: Sequence[Array], outputs: Sequence[Array], seconds: float) -> None:
        pass

    def end(self, result: object) -> None:
        """Dispose what was made, but for what is kept, or in the result, which the scope around takes over.

        So it does with all that was made while a derivative is taken, which may need it.
        """
        returned = {id(tensor) for tensor in map(_whole, flatten(result)[0]) if isinstance(tensor, Tensor)}
        recorded = differentiating(current())
        for made in self._made:
            tensor = made()
            if tensor is None or id(tensor) in _kept:
                continue
            if id(tensor) not in returned and not recorded:
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
    made by other threads are not touched. Inside a function that is being traced nothing is disposed, and inside one
    that is being differentiated what the derivative may need lives until it is taken.

    Raises:
        ArgumentError: there is no function; or it is, or gives, a generator or coroutine, which would go on afterwards.
    """
    if not arguments:
        return _Tidied()
    function = _function(arguments)
    asks = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(ask(function) for ask in asks):
        raise ArgumentError("Cannot return a coroutine or generator inside of tidy.")
    if _tracing():
        return function()
    scope = _Scope(watchers())
    result: object = None
    try:
        with watched([*(w for w in watchers() if not isinstance(w, _Scope)), scope]):
            result = function()
            if isinstance(result, Awaitable | Generator | AsyncGenerator):
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


class _Tidied:
    """The `with` block of a tidy."""

    def __init__(self) -> None:
        self._scope: _Scope | None = None
        self._watching = contextlib.ExitStack()

    def __enter__(self) -> None:
        if not _tracing():
            self._scope, around = _Scope(watchers()), [w for w in watchers() if not isinstance(w, _Scope)]
            self._watching.enter_context(watched([*around, self._scope]))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._watching.close()
        if self._scope is not None:
            self._scope.end(None)


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

    def made(self, array: Array) -> None:
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
