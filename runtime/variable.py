"""Variables: named places of one tensor, read and assigned; it knows nothing of how a trace keeps state."""

from __future__ import annotations

import itertools
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import numpy as np

from ..ir.array import Array
from ..ir.batching import Batched
from ..ir.builder import Traced
from ..ir.errors import ArgumentError, DTypeError, ShapeError, TraceError
from ..ir.layers import Layer, ground
from ..ir.ops.axes import flag
from ..ir.stage import current, default, entered, located
from ..ir.storage import readable
from ..ir.types import show_shape
from . import html
from .core import Cell, Holder, Tensor, as_ndarray, from_ndarray, is_disposed, replace
from .creation import given, handle, tensor
from .disposal import dispose, refusal
from .dlpack import CPU
from .leaving import as_asked, to_list, to_numpy
from .naming import prefixed
from .turns import BUSY, when_free
from .watching import made as told

_counter: Final = itertools.count()
_assignments: Final = itertools.count(1)
_latest: Final = [0]


def assignments() -> int:
    """How many assignments there were, by Python code or a trace of it: compiled calls do not count."""
    return _latest[0]


class StateStage(ABC):
    """A stage that keeps the values of variables itself: a trace."""

    @abstractmethod
    def assign(self, variable: Variable, value: Array) -> None:
        """Let reads of the variable give this value from now on."""

    @abstractmethod
    def adopt(self, variable: Variable) -> None:
        """A variable was made meanwhile; raises ValueError where that is not allowed."""

    @abstractmethod
    def concrete(self, value: Array) -> Tensor:
        """What a value of the trace is, where it depends on no argument; TraceError where it does."""


class Variable(Array):
    """A named place of one tensor, with every operator and method of a Tensor.

    Attributes:
        name: unique when made automatically.
        trainable: whether `variable_grads` takes it by default.
        constraint: what an optimizer makes of the value after each update; None for nothing.
    """

    __slots__ = ("__weakref__", "_assigned", "_aval", "_cell", "constraint", "name", "trainable")

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
            TraceError: there, the first value depends on an argument; or it differs from example to example.
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
        if isinstance(value, Batched):
            raise _several(value, "be the first value of a variable")
        held = traced.concrete(value) if traced is not None else cast(Tensor, value)
        self.name = prefixed(name if name is not None else f"variable_{next(_counter)}")
        self.constraint = constraint
        self.trainable = trainable
        self._aval = value._aval
        self._cell = Cell(_owned(held))
        self._assigned = [0]
        if traced is not None:
            traced.adopt(self)
        told(self)

    def alias(self) -> Variable:
        """Another object for the same place."""
        made = object.__new__(Variable)
        made._aval, made._cell, made.name, made.trainable = self._aval, self._cell, self.name, self.trainable
        made.constraint, made._assigned = self.constraint, self._assigned
        return made

    def value(self) -> Array:
        """The tensor it holds now, as an object of its own: disposing it leaves the variable as it is."""
        return given(self)

    def held(self) -> Tensor:
        """The Tensor in its cell, as soon as no running program updates it; StateError for a disposed variable."""
        try:
            found = self._cell.tensor
        except RuntimeError:
            found = cast(Tensor, when_free(self._peek))
        if is_disposed(found):
            raise refusal(found)
        return found

    def _peek(self) -> object:
        try:
            return self._cell.tensor
        except RuntimeError:
            return BUSY

    def put(self, value: Tensor) -> None:
        """Put a Tensor of its type into its cell, as soon as no running program updates it; errors as for `held`."""
        self.held()
        owned = _owned(value)

        def attempt() -> object:
            try:
                self._cell.tensor = owned
            except RuntimeError:
                return BUSY
            return None

        if attempt() is BUSY:
            when_free(attempt)

    @located
    def dispose(self) -> None:
        """Give its memory back; reading and assigning it are errors from then on.

        Nothing happens the second time, nor inside a function that is being traced. What it gave before stays as it is.
        """
        if isinstance(ground(current()), StateStage):
            return

        def attempt() -> object:
            found = self._peek()
            if found is BUSY:
                return BUSY
            dispose(cast(Tensor, found))
            # A program that was running already may put another one there.
            return BUSY if self._cell.busy or self._peek() is not found else None

        when_free(attempt)

    @property
    def is_disposed(self) -> bool:
        """Whether `dispose` was called on it."""
        found = self._peek()
        return found is not BUSY and is_disposed(cast(Tensor, found))

    @located
    def assign(self, value: object) -> Array:
        """Replace the value, and return the new one.

        Raises:
            ShapeError: another shape than the variable's; nothing is changed then.
            DTypeError: another dtype than the variable's; nothing is changed then.
            StateError: the variable is disposed.
            TraceError: a value that differs from example to example under vmap; nothing is changed then.
        """
        plain = isinstance(value, bool | int | float | complex | list | tuple) and not isinstance(value, np.generic)
        new = tensor(value, dtype=self.dtype if plain else None) if not isinstance(value, Array) else value
        new = current().lift(new)
        _check(self, new)
        self.refuse(new)
        stage = ground(current())
        self.receive(stage if isinstance(stage, StateStage) else None, new)
        return self.value()

    def refuse(self, value: Array) -> None:
        """Raise TraceError for a value that is not one for all examples."""
        if isinstance(value, Batched):
            raise _several(value, f"be assigned to the variable {self.name!r}")

    def receive(self, stage: StateStage | None, value: Array) -> None:
        """Take a value of the right type: through a trace when there is one."""
        self._assigned[0] = _latest[0] = next(_assignments)
        if stage is not None:
            stage.assign(self, value)
        else:
            self.put(cast(Tensor, value))
            layer = current()
            if isinstance(layer, Layer):
                # What the variable holds is an object of its own, which is read from now on.
                layer.alias(self.held(), value)

    def assign_add(self, delta: object) -> Array:
        """Add to the value in one step, also beside other threads, and return the new one; errors as for `assign`."""
        return _update(self, operator.add, delta)

    def assign_sub(self, delta: object) -> Array:
        """Subtract from the value in one step, and return the new one; errors as for `assign`."""
        return _update(self, operator.sub, delta)

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

    def print(self) -> None:
        """Print the variable."""
        print(repr(self))

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

    def __iter__(self) -> Iterator[Array]:
        return iter(self.value())

    def __bool__(self) -> bool:
        return bool(self.value())

    def __complex__(self) -> complex:
        return complex(self.value())

    def __index__(self) -> int:
        return self.value().__index__()

    def __float__(self) -> float:
        return float(self.value())

    def __int__(self) -> int:
        return int(self.value())

    def __repr__(self) -> str:
        about = f"{self.name!r}, {self._aval}" + ("" if self.trainable else ", not trainable")
        if isinstance(ground(current()), StateStage):
            return f"<lithograph.Variable {about}>"
        if self.is_disposed:
            return f"<disposed lithograph.Variable {about}>"
        return f"<lithograph.Variable {about}\n{readable(as_ndarray(self.held()))}>"

    def _repr_html_(self) -> str:
        if isinstance(ground(current()), StateStage) or self.is_disposed:
            return html.show(f"{'disposed ' * self.is_disposed}variable {self.name}", self._aval, np.empty(0))
        return html.show(f"variable {self.name}", self._aval, as_ndarray(self.held()))


def _check(variable: Variable, new: Array) -> None:
    if new.shape != variable.shape:
        raise ShapeError(
            f"shape of the new value {show_shape(new.shape)} and previous value "
            f"{show_shape(variable.shape)} must match (variable {variable.name!r})"
        )
    if new.dtype is not variable.dtype:
        raise DTypeError(
            f"dtype of the new value ({new.dtype}) and previous value ({variable.dtype}) must match "
            f"(variable {variable.name!r})"
        )


@located
def _update(variable: Variable, by: Callable[[Any, object], Array], delta: object) -> Array:
    delta = variable._listed(delta)
    stage = current()
    if isinstance(stage, Layer | StateStage):
        return variable.assign(by(variable.value(), delta))
    while True:
        old = variable.held()
        new = by(handle(old), delta)
        _check(variable, new)
        if replace(variable._cell, old, _owned(cast(Tensor, new))):
            variable._assigned[0] = _latest[0] = next(_assignments)
            return new


def was_assigned(variable: Variable, since: int) -> bool:
    """Whether a variable was assigned when there had been that many assignments already."""
    return variable._assigned[0] > since


def _restore(value: Array, trainable: bool, name: str) -> Variable:
    return Variable(value, trainable, name)


def _several(value: Batched, what: str) -> TraceError:
    return TraceError(
        f"a tensor ({value._aval}) that differs from example to example cannot {what} while {value.level.name!r} is "
        f"mapped over {value.level.extent} examples; return it, and assign what is made of all of them outside"
    )


def _owned(value: Tensor) -> Tensor:
    """A Tensor of the variable's own: over the same memory, or a copy where that is an array's that may change."""
    if value._base is None or isinstance(value._base, Holder):
        return handle(value)
    return from_ndarray(value._aval, np.array(as_ndarray(handle(value))))
