"""A variable in parts: an array whose pieces along an axis are variables of their own; it knows no scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..ir import ops
from ..ir.array import Array
from ..ir.attrs import Axis, intern
from ..ir.errors import ArgumentError
from ..ir.ops.axes import one_axis
from ..ir.registry import OPS
from ..ir.stage import located
from .dlpack import CPU
from .naming import named
from .variable import Variable


class PartitionedVariable(Array):
    """Variables that together are one array, cut along an axis.

    Ops read it as the parts one after another, so gradients flow to the parts, which are what is assigned and trained.
    Iterating gives the parts, and its length is their number.

    Attributes:
        name: the parts are named `name/part_0`, `name/part_1` and so on.
        parts: in order.
        axis: along which they lie.
    """

    __slots__ = ("__weakref__", "_aval", "axis", "name", "parts")

    @located
    def __init__(self, name: str, parts: Sequence[Variable], axis: int) -> None:
        """Make one of parts.

        Raises:
            ArgumentError: `parts` is no list of variables, or has none, or another argument is of the wrong kind.
            ShapeError, DTypeError: the parts differ in more than their extents along `axis`.
        """
        self.name = named("PartitionedVariable", name)
        if not isinstance(parts, list | tuple) or not parts:
            raise ArgumentError("PartitionedVariable: a list of at least one part is wanted")
        for part in parts:
            if not isinstance(part, Variable):
                raise ArgumentError(f"PartitionedVariable: parts are variables, but a {type(part).__name__} was given")
        self.parts = tuple(parts)
        self.axis = one_axis("PartitionedVariable", axis, self.parts[0].ndim)
        self._aval = OPS["concat"].result_type(tuple([p._aval for p in parts]), intern(Axis(self.axis)))

    def as_tensor(self) -> Array:
        """The parts now, one after another."""
        return ops.concat(self.parts, axis=self.axis)

    def __iter__(self) -> Iterator[Array]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def dispose(self) -> None:
        """Dispose the parts."""
        for part in self.parts:
            part.dispose()

    @property
    def is_disposed(self) -> bool:
        """Whether a part is disposed."""
        return any(part.is_disposed for part in self.parts)

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array; TraceError in a trace."""
        return self.as_tensor().numpy()

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return self.as_tensor().__array__(dtype, copy)

    def item(self) -> bool | int | float | complex:
        """The value of a single element as a Python number."""
        found: bool | int | float | complex = self.as_tensor().item()
        return found

    def tolist(self) -> object:
        """The value as nested lists of Python numbers."""
        return self.as_tensor().tolist()

    def __bool__(self) -> bool:
        return bool(self.as_tensor())

    def __int__(self) -> int:
        return int(self.as_tensor())

    def __float__(self) -> float:
        return float(self.as_tensor())

    def __dlpack__(self, **options: object) -> object:
        return self.as_tensor().__dlpack__(**options)  # type: ignore[arg-type]

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU

    def __reduce__(self) -> tuple[Callable[..., PartitionedVariable], tuple[str, tuple[Variable, ...], int]]:
        return PartitionedVariable, (self.name, self.parts, self.axis)

    def __repr__(self) -> str:
        return f"<lithograph.PartitionedVariable {self.name!r}, {self._aval}, {len(self)} parts along axis {self.axis}>"
