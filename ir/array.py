"""What every array can do, whoever holds its values: operators, spelled once over the op table.

Tensor, Variable and the traced value derive from `Array`; `ir/ops` adds the methods. This file knows no op but by name.
"""

from __future__ import annotations

import operator
import sys
from abc import ABCMeta
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from .dtypes import DType
from .errors import ArgumentError
from .registry import OPS
from .types import TensorType

if TYPE_CHECKING:
    import numpy as np

    from .methods import Methods
    from .ops.indexing import At
    from .ops.subscripts import Index
    from .stage import Operand
else:
    # `ir/ops` attaches a method for each public function of an array; the stub, made from the same files, types them.
    Methods = object

API_VERSIONS: Final = ("2021.12", "2022.12", "2023.12", "2024.12")
"""Versions of the Python Array API standard."""


class Array(Methods, metaclass=ABCMeta):
    """An array value: a dtype, a shape, operators and methods; native types that have them are registered."""

    __slots__ = ()
    __array_ufunc__ = None
    _aval: TensorType

    if TYPE_CHECKING:
        # Values are read by whoever holds them; `ir/ops` attaches a method for each public function of an array.
        def numpy(self) -> np.ndarray: ...
        def item(self) -> Any: ...
        def tolist(self) -> Any: ...
        def dispose(self) -> None: ...
        @property
        def is_disposed(self) -> bool: ...
        def __bool__(self) -> bool: ...
        def __int__(self) -> int: ...
        def __index__(self) -> int: ...
        def __float__(self) -> float: ...
        def __complex__(self) -> complex: ...
        def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray: ...
        def __iter__(self) -> Iterator[Array]: ...
        def __dlpack__(
            self,
            *,
            stream: object = None,
            max_version: object = None,
            dl_device: object = None,
            copy: bool | None = None,
        ) -> Any: ...
        def __dlpack_device__(self) -> tuple[int, int]: ...
        @property
        def __array_interface__(self) -> dict[str, Any]: ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents, one per axis; one that a trace leaves open is a `Dim`, which for typing counts as an int."""
        return self._aval.shape  # type: ignore[return-value]

    @property
    def dtype(self) -> DType:
        """Element type."""
        return self._aval.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._aval.ndim

    @property
    def size(self) -> int:
        """Number of elements; a `Dim` where an extent is one."""
        return self._aval.elements  # type: ignore[return-value]

    @property
    def nbytes(self) -> int:
        """Bytes of the elements."""
        return self._aval.nbytes

    @property
    def device(self) -> str:
        """Where the elements are: always "cpu"."""
        return "cpu"

    def to_device(self, device: object, /, *, stream: object = None) -> Array:
        """The same array: there is no device but "cpu"; ArgumentError for another one, or for a stream."""
        if not isinstance(device, str) or device != "cpu" or stream is not None:
            raise ArgumentError(
                f"to_device: there is one device, 'cpu', without streams, but device={device!r}, stream={stream!r} "
                "was given"
            )
        return self

    def __array_namespace__(self, /, *, api_version: str | None = None) -> ModuleType:
        """The module with the functions of the Python Array API standard.

        Args:
            api_version: of the standard, as "2024.12"; any that is provided when None.

        Raises:
            ArgumentError: that version is not provided.
        """
        if api_version is not None and api_version not in API_VERSIONS:
            raise ArgumentError(
                f"__array_namespace__: version {api_version!r} of the Array API standard is not provided; "
                f"versions are {', '.join(API_VERSIONS)}"
            )
        return sys.modules[__name__.partition(".")[0]]

    def __copy__(self) -> Array:
        return self

    def __deepcopy__(self, memo: object) -> Array:
        return self

    def __len__(self) -> int:
        """Extent of the first axis; ArgumentError for a 0-d array."""
        if not self._aval.ndim:
            raise ArgumentError("len() of a 0-d tensor")
        return operator.index(self._aval.shape[0])

    def __setitem__(self, index: object, value: object) -> None:
        """Refused: arrays never change."""
        raise ArgumentError(
            "a tensor never changes; make a new one, as with x.at[index].set(value) or lithograph.where, or assign "
            "a new value to a Variable"
        )

    def __add__(self, other: Operand) -> Array:
        return OPS["add"].call(self, other)

    def __radd__(self, other: Operand) -> Array:
        return OPS["add"].call(other, self)

    def __sub__(self, other: Operand) -> Array:
        return OPS["subtract"].call(self, other)

    def __rsub__(self, other: Operand) -> Array:
        return OPS["subtract"].call(other, self)

    def __mul__(self, other: Operand) -> Array:
        return OPS["multiply"].call(self, other)

    def __rmul__(self, other: Operand) -> Array:
        return OPS["multiply"].call(other, self)

    def __truediv__(self, other: Operand) -> Array:
        return OPS["divide"].call(self, other)

    def __rtruediv__(self, other: Operand) -> Array:
        return OPS["divide"].call(other, self)

    def __floordiv__(self, other: Operand) -> Array:
        return OPS["floor_divide"].call(self, other)

    def __rfloordiv__(self, other: Operand) -> Array:
        return OPS["floor_divide"].call(other, self)

    def __mod__(self, other: Operand) -> Array:
        return OPS["remainder"].call(self, other)

    def __rmod__(self, other: Operand) -> Array:
        return OPS["remainder"].call(other, self)

    def __divmod__(self, other: Operand) -> tuple[Array, Array]:
        return self // other, self % other

    def __rdivmod__(self, other: Operand) -> tuple[Array, Array]:
        return OPS["floor_divide"].call(other, self), OPS["remainder"].call(other, self)

    def __pow__(self, other: Operand) -> Array:
        return OPS["power"].call(self, other)

    def __rpow__(self, other: Operand) -> Array:
        return OPS["power"].call(other, self)

    if TYPE_CHECKING:
        # These are functions of several rows, which `ir/ops` attaches.
        @property
        def T(self) -> Array: ...

        @property
        def mT(self) -> Array: ...

        @property
        def at(self) -> At: ...

        def __getitem__(self, index: Index | tuple[Index, ...]) -> Array: ...

        def __matmul__(self, other: Operand) -> Array: ...

        def __rmatmul__(self, other: Operand) -> Array: ...

    def __and__(self, other: Operand) -> Array:
        return OPS["bitwise_and"].call(self, other)

    def __rand__(self, other: Operand) -> Array:
        return OPS["bitwise_and"].call(other, self)

    def __or__(self, other: Operand) -> Array:
        return OPS["bitwise_or"].call(self, other)

    def __ror__(self, other: Operand) -> Array:
        return OPS["bitwise_or"].call(other, self)

    def __xor__(self, other: Operand) -> Array:
        return OPS["bitwise_xor"].call(self, other)

    def __rxor__(self, other: Operand) -> Array:
        return OPS["bitwise_xor"].call(other, self)

    def __lshift__(self, other: Operand) -> Array:
        return OPS["bitwise_left_shift"].call(self, other)

    def __rlshift__(self, other: Operand) -> Array:
        return OPS["bitwise_left_shift"].call(other, self)

    def __rshift__(self, other: Operand) -> Array:
        return OPS["bitwise_right_shift"].call(self, other)

    def __rrshift__(self, other: Operand) -> Array:
        return OPS["bitwise_right_shift"].call(other, self)

    def __neg__(self) -> Array:
        return OPS["negative"].call(self)

    def __pos__(self) -> Array:
        return self

    def __abs__(self) -> Array:
        return OPS["abs"].call(self)

    def __invert__(self) -> Array:
        return OPS["bitwise_invert"].call(self)

    def __lt__(self, other: Operand) -> Array:
        return OPS["less"].call(self, other)

    def __le__(self, other: Operand) -> Array:
        return OPS["less_equal"].call(self, other)

    def __gt__(self, other: Operand) -> Array:
        return OPS["greater"].call(self, other)

    def __ge__(self, other: Operand) -> Array:
        return OPS["greater_equal"].call(self, other)

    def __eq__(self, other: object) -> Any:
        return OPS["equal"].call(self, other)

    def __ne__(self, other: object) -> Any:
        return OPS["not_equal"].call(self, other)

    __hash__ = object.__hash__
