"""Variables: named places of one tensor, read and assigned; it knows nothing of how a trace keeps state."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Final, Protocol, cast, runtime_checkable

import numpy as np

from ..ir.array import Array
from ..ir.builder import Traced
from ..ir.errors import ArgumentError, DTypeError, ShapeError, TraceError
from ..ir.gradient import Recording, ground
from ..ir.ops.axes import flag
from ..ir.stage import current, default, entered, located
from ..ir.storage import readable
from ..ir.types import show_shape
from . import html
from .core import Cell, Tensor, as_ndarray
from .creation import given, handle, tensor
from .dlpack import CPU
from .leaving import as_asked, to_list, to_numpy
from .naming import prefixed

_WAIT: Final = 2e-5
_counter: Final = itertools.count()


@runtime_checkable
class StateStage(Protocol):
    """A stage that keeps the values of variables itself: a trace."""

    def assign(self, variable: Variable, value: Array) -> None:
        """Let reads of the variable give this value from now on."""

    def adopt(self, variable: Variable) -> None:
        """A variable was made meanwhile; raises ValueError where that is not allowed."""

    def concrete(self, value: Array) -> Tensor:
        """What a value of the trace is, where it depends on no argument; TraceError where it does."""


class Variable(Array):
    """A named place of one tensor, with every operator and method of a Tensor.

    Attributes:
        name: unique when made automatically.
        trainable: whether `variable_grads` takes it by default.
        constraint: what an optimizer makes of the value after each update; None for nothing.
    """

    __slots__ = ("__weakref__", "_aval", "_cell", "constraint", "name", "trainable")

    name: str
    trainable: bool
    constraint: Callable[[Array], Array] | None

    @located
    def __init__(
        self,
        initial: object | Callable[[], object],
        trainable: bool = True,
        name: str | None = None,
        dtype: object = None,
        *,
        constraint: Callable[[Array], Array] | None = None,
    ) -> None:
        """Make a variable.

        Args:
            initial: its first value, as for `lithograph.tensor`, or a function of nothing that gives it.
            trainable: whether gradients are taken by default.
            name: shown in programs and gradients, behind the name scope in force.
            dtype: converts the first value.
            constraint: a function of the value that an optimizer applies after each update.

        Raises:
            ValueError: inside a compiled function, elsewhere than on its first call.
            TraceError: there, the first value depends on an argument.
        """
        if name is not None and not isinstance(name, str):
            raise ArgumentError(f"the name of a variable is a string, but a {type(name).__name__} was given")
        trainable = flag("Variable", "trainable", trainable)
        stage = ground(current())
        traced = stage if isinstance(stage, StateStage) else None
        if callable(initial) and not isinstance(initial, Array):
            with entered(default[0]):
                initial = tensor(initial())
        value = tensor(initial, dtype=dtype)
        held = traced.concrete(value) if traced is not None else cast(Tensor, value)
        self.name = prefixed(name if name is not None else f"variable_{next(_counter)}")
        self.constraint = constraint
        self.trainable = trainable
        self._aval = value._aval
        self._cell = Cell(_owned(held))
        if traced is not None:
            traced.adopt(self)

    def alias(self) -> Variable:
        """Another object for the same place."""
        made = object.__new__(Variable)
        made._aval, made._cell, made.name, made.trainable = self._aval, self._cell, self.name, self.trainable
        made.constraint = self.constraint
        return made

    def value(self) -> Array:
        """The tensor it holds now, as an object of its own: disposing it leaves the variable as it is."""
        return given(self)

    def held(self) -> Tensor:
        """The Tensor in its cell, as soon as no running program updates it."""
        while True:
            try:
                return self._cell.tensor
            except RuntimeError:
                if not self._cell.busy:
                    raise
            time.sleep(_WAIT)

    def put(self, value: Tensor) -> None:
        """Put a Tensor of its type into its cell, as soon as no running program updates it."""
        while True:
            try:
                self._cell.tensor = _owned(value)
                return
            except RuntimeError:
                if not self._cell.busy:
                    raise
            time.sleep(_WAIT)

    @located
    def assign(self, value: object) -> Array:
        """Replace the value, and return the new one.

        Raises:
            ShapeError: another shape than the variable's; nothing is changed then.
            DTypeError: another dtype than the variable's; nothing is changed then.
        """
        plain = isinstance(value, bool | int | float | complex | list | tuple) and not isinstance(value, np.generic)
        new = tensor(value, dtype=self.dtype if plain else None) if not isinstance(value, Array) else value
        new = current().lift(new)
        if new.shape != self.shape:
            raise ShapeError(
                f"shape of the new value {show_shape(new.shape)} and previous value "
                f"{show_shape(self.shape)} must match (variable {self.name!r})"
            )
        if new.dtype is not self.dtype:
            raise DTypeError(
                f"dtype of the new value ({new.dtype}) and previous value ({self.dtype}) must match "
                f"(variable {self.name!r})"
            )
        stage = ground(current())
        self.receive(stage if isinstance(stage, StateStage) else None, new)
        return self.value()

    def receive(self, stage: StateStage | None, value: Array) -> None:
        """Take a value of the right type: through a trace when there is one."""
        if stage is not None:
            stage.assign(self, value)
        else:
            self.put(cast(Tensor, value))
            recording = current()
            if isinstance(recording, Recording):
                # What the variable holds is an object of its own, which is read from now on.
                recording.alias(self.held(), value)

    def assign_add(self, delta: object) -> Array:
        """Add to the value, and return the new one; errors as for `assign`."""
        return self.assign(self.value() + self._listed(delta))  # type: ignore[operator]

    def assign_sub(self, delta: object) -> Array:
        """Subtract from the value, and return the new one; errors as for `assign`."""
        return self.assign(self.value() - self._listed(delta))  # type: ignore[operator]

    def _listed(self, value: object) -> object:
        """Lists of numbers as a tensor of the variable's dtype; all else as it is."""
        return tensor(value, dtype=self.dtype) if isinstance(value, list | tuple) else value

    @located
    def numpy(self) -> np.ndarray:
        """The value as a read-only NumPy array, which assignments do not change; TraceError in a trace."""
        return to_numpy(self._values())

    def _values(self) -> np.ndarray:
        return as_ndarray(cast(Tensor, self._now()))

    def _now(self) -> Array:
        value = self.value()
        if isinstance(value, Traced):
            raise TraceError(
                f"the value of variable {self.name!r} is not known while its reader is being traced"
            )
        return value

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return as_asked(self._values(), dtype, copy)

    def item(self) -> bool | int | float | complex:
        """The value of a single element as a Python number."""
        return cast("bool | int | float | complex", self.value().item())

    def tolist(self) -> object:
        """The value as nested lists of Python numbers."""
        return to_list(self._values())

    def __dlpack__(self, **options: object) -> object:
        return self._now().__dlpack__(**options)  # type: ignore[arg-type]

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU

    @located
    def __reduce__(self) -> tuple[Callable[..., Variable], tuple[Array, bool, str]]:
        return _restore, (self._now(), self.trainable, self.name)

    def __copy__(self) -> Variable:
        return _restore(self._now(), self.trainable, self.name)

    def __deepcopy__(self, memo: object) -> Variable:
        return self.__copy__()

    def __bool__(self) -> bool:
        return bool(self.value())

    def __float__(self) -> float:
        return float(self.value())

    def __int__(self) -> int:
        return int(self.value())

    def __repr__(self) -> str:
        about = f"{self.name!r}, {self._aval}" + ("" if self.trainable else ", not trainable")
        if isinstance(ground(current()), StateStage):
            return f"<lithograph.Variable {about}>"
        return f"<lithograph.Variable {about}\n{readable(as_ndarray(self.held()))}>"

    def _repr_html_(self) -> str:
        if isinstance(ground(current()), StateStage):
            return html.show(f"variable {self.name}", self._aval, np.empty(0))
        return html.show(f"variable {self.name}", self._aval, as_ndarray(self.held()))


def _restore(value: Array, trainable: bool, name: str) -> Variable:
    return Variable(value, trainable, name)


def _owned(value: Tensor) -> Tensor:
    """A Tensor of the variable's own: over the same memory, or a copy where that is an array's that may change."""
    if value._base is None or isinstance(value._base, Tensor):
        return handle(value)
    return cast(Tensor, tensor(np.array(as_ndarray(handle(value)))))
