"""The variables that get_variable made, by name: found or made, whole or in parts; it knows no scope in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from . import initializers
from .ir import dtypes
from .ir.array import Array
from .ir.dtypes import DType
from .ir.errors import VariableError
from .ir.loc import Loc, here
from .ir.ops.axes import legal_shape
from .ir.ops.slicing import slice_axis
from .partitions import PartitionedVariable, Partitioner, cut
from .runtime import naming
from .runtime.creation import tensor
from .runtime.variable import Variable
from .tracer.staging import eagerly

__all__ = ["AUTO_REUSE", "AutoReuse", "Constraint", "Initial", "Regularizer", "Reuse", "Store"]


class AutoReuse:
    """The type of `AUTO_REUSE`."""

    def __repr__(self) -> str:
        return "lithograph.AUTO_REUSE"


AUTO_REUSE: Final = AutoReuse()
"""As `reuse`: variables are shared where they exist, and made where they do not."""

Reuse = bool | AutoReuse
Regularizer = Callable[[Variable], Array]
Constraint = Callable[[Array], Array]
Initial = Callable[..., object] | Array | np.ndarray | bool | int | float | Sequence[object]
Shape = tuple[int | None, ...]


class Store:
    """Variables by name.

    Attributes:
        variables: those that are whole, and the parts of the others.
        partitioned: those in parts.
        places: where those in `variables` were made.
        regularizers: of those in `variables` that have one.
    """

    def __init__(self) -> None:
        self.variables: dict[str, Variable] = {}
        self.partitioned: dict[str, PartitionedVariable] = {}
        self.places: dict[str, Loc] = {}
        self.regularizers: dict[str, Regularizer] = {}

    def get(
        self,
        name: str,
        *,
        reuse: Reuse,
        shape: Sequence[int | None] | int | None,
        dtype: object,
        initializer: Initial | None,
        regularizer: Regularizer | None,
        trainable: bool,
        constraint: Constraint | None,
        partitioner: Partitioner | None,
    ) -> Variable | PartitionedVariable:
        """The variable of a name, found or made; arguments and errors are those of `get_variable`."""
        wanted = None if dtype is None else dtypes.as_dtype(dtype)
        extents = (shape,) if isinstance(shape, int) else None if shape is None else tuple(shape)
        if extents == () or isinstance(initializer, bool | int | float):
            # A number cannot be cut: the partitioner of a scope leaves it whole.
            partitioner = None
        found: Variable | PartitionedVariable | None
        if partitioner is not None or (reuse is True and name in self.partitioned):
            found = self._found_in_parts(name, reuse, extents, wanted, partitioner)
        else:
            found = self._found(name, reuse, extents, wanted)
        if found is not None:
            return found
        first = _first_value(name, extents, wanted, initializer)

        def make(name: str, first: Initial) -> Variable:
            with naming.outside():
                made = Variable(first, trainable, name, wanted, constraint=constraint)
            self.variables[name], self.places[name] = made, here()
            if regularizer is not None:
                self.regularizers[name] = regularizer
            return made

        if partitioner is None:
            return make(name, first)
        axis, firsts = _cut_value(first, wanted, extents, partitioner)
        parts = [make(f"{name}/part_{k}", value) for k, value in enumerate(firsts)]
        made = self.partitioned[name] = PartitionedVariable(name, parts, axis)
        return made

    def _found(self, name: str, reuse: Reuse, shape: Shape | None, dtype: DType | None) -> Variable | None:
        if f"{name}/part_0" in self.variables:
            raise VariableError(
                "No partitioner was provided, but a partitioned version of the variable was found: "
                f"{name}/part_0. Perhaps a variable of the same name was already created with partitioning?"
            )
        known = self.variables.get(name)
        if known is not None:
            if reuse is False:
                raise VariableError(
                    f"Variable {name} already exists, disallowed. Did you mean to set reuse=True or "
                    f"reuse=lithograph.AUTO_REUSE in VarScope?\nIt was made at {self.places[name]}."
                )
            _check_shared(f"share variable {name}", known, shape, dtype)
            return known
        if reuse is True:
            raise VariableError(
                f"Variable {name} does not exist, or was not created with lithograph.get_variable(). "
                "Did you mean to set reuse=lithograph.AUTO_REUSE in VarScope?"
            )
        return None

    def _found_in_parts(
        self, name: str, reuse: Reuse, shape: Shape | None, dtype: DType | None, partitioner: Partitioner | None
    ) -> PartitionedVariable | None:
        if name in self.variables:
            raise VariableError(
                "A partitioner was provided, but an unpartitioned version of the variable was found: "
                f"{name}.  Perhaps a variable of the same name was already created without partitioning?"
            )
        known = self.partitioned.get(name)
        if known is not None:
            if reuse is False:
                raise VariableError(
                    f"Partitioned variable with name {name} already exists. Did you mean to set reuse=True or "
                    "reuse=lithograph.AUTO_REUSE in VarScope?"
                )
            _check_shared(f"reuse partitioned variable {name}", known, shape, dtype)
            if partitioner is not None:
                axis, places = cut(partitioner, known.shape, known.dtype)
                asked, found = _per_axis(known, axis, len(places)), _per_axis(known, known.axis, len(known))
                if asked != found:
                    raise VariableError(
                        f"Trying to reuse partitioned variable {name}, but specified partitions {asked} and found "
                        f"partitions {found}."
                    )
            return known
        if reuse is True:
            raise VariableError(
                f"PartitionedVariable {name} does not exist, or was not created with lithograph.get_variable(). Did "
                "you mean to set reuse=False or reuse=lithograph.AUTO_REUSE in VarScope?"
            )
        return None


def _per_axis(variable: PartitionedVariable, axis: int, count: int) -> list[int]:
    return [count if a == axis else 1 for a in range(variable.ndim)]


def _check_shared(
    trying: str, known: Variable | PartitionedVariable, shape: Shape | None, dtype: DType | None
) -> None:
    fits = shape is None or (
        len(shape) == len(known.shape)
        and all(s is None or s == k for s, k in zip(shape, known.shape, strict=True))
    )
    if not fits:
        raise VariableError(f"Trying to {trying}, but specified shape {shape} and found shape {known.shape}.")
    if dtype is not None and dtype is not known.dtype:
        raise VariableError(f"Trying to {trying}, but specified dtype {dtype} and found dtype {known.dtype}.")


def _first_value(
    name: str, shape: tuple[int | None, ...] | None, dtype: DType | None, initializer: Initial | None
) -> Initial:
    """The first value, or a function of nothing that gives it."""
    if initializer is not None and not callable(initializer):
        if shape is not None:
            raise VariableError("If initializer is a constant, do not specify shape.")
        return initializer
    if shape is None:
        if initializer is None:
            raise VariableError(
                f"Variable {name} did not get an initializer, so its `shape` argument must be specified."
            )
        return initializer
    known = [s for s in shape if s is not None]
    if len(known) != len(shape):
        raise VariableError(
            "The initializer passed is not valid. It should be a callable with no arguments and the shape should not "
            "be provided or an instance of `lithograph.initializers.*' and `shape` should be fully defined."
        )
    legal_shape("get_variable", known)
    kind = dtype or dtypes.float32
    make = initializer or (initializers.glorot_uniform() if kind.is_float else initializers.zeros())
    return lambda: make(tuple(known), dtype=kind)


def _cut_value(
    first: Initial, dtype: DType | None, shape: Shape | None, partitioner: Partitioner
) -> tuple[int, list[Array]]:
    """The axis that a new variable is cut along, and the first values of its parts.

    The whole is made first, so that it is the same as without parts: what is drawn depends on its shape.
    """
    known = tuple([s for s in shape or () if s is not None])
    # Asked before anything is drawn, where that can be.
    place = None if shape is None else cut(partitioner, known, dtype or dtypes.float32)
    if callable(first) and not isinstance(first, Array):
        with eagerly():
            return _pieces(tensor(first(), dtype=dtype), place, partitioner)
    return _pieces(tensor(first, dtype=dtype), place, partitioner)


def _pieces(
    whole: Array, place: tuple[int, list[tuple[int, int]]] | None, partitioner: Partitioner
) -> tuple[int, list[Array]]:
    axis, ends = place or cut(partitioner, whole.shape, whole.dtype)
    return axis, [slice_axis(whole, axis, begin, end - begin) for begin, end in ends]
