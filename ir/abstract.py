"""Arrays that have no values of their own, only a type: what cannot be asked of them; it knows not why that is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator

import numpy as np

from .array import Array
from .errors import LithographError, TraceError
from .stage import located


class Abstract(Array):
    """An array whose values are not known; each way of asking for them is refused."""

    __slots__ = ()

    @abstractmethod
    def _cannot(self, what: str, instead: str) -> LithographError:
        """The error for asking `what` of it, which says why not, and what to do instead."""

    @located
    def __bool__(self) -> bool:
        raise self._cannot(
            "the truth value of",
            "an `if`, `while`, `and`, `or` or `not` cannot depend on it; "
            "choose between values with lithograph.where(condition, a, b)",
        )

    @located
    def __int__(self) -> int:
        raise self._cannot("the int of", "convert it with astype")

    @located
    def __float__(self) -> float:
        raise self._cannot("the float of", "convert it with astype")

    @located
    def __complex__(self) -> complex:
        raise self._cannot("the complex number of", "convert it with astype")

    @located
    def __index__(self) -> int:
        raise self._cannot(
            "the index given by",
            "select with lithograph.take(x, indices, axis=...), and loop over Python integers",
        )

    @located
    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        raise self._cannot(
            "the NumPy array of", "use the lithograph function of that name, or return the tensor"
        )

    @located
    def __array_function__(
        self, function: Callable[..., object], types: object, args: object, kwargs: object
    ) -> object:
        name = function.__name__
        raise self._cannot(f"what numpy.{name} needs of", f"use lithograph.{name} instead")

    def numpy(self) -> np.ndarray:
        """An error: there is no value."""
        return self.__array__()

    @located
    def item(self) -> bool | int | float | complex:
        """An error: there is no value."""
        raise self._cannot("the item of", "return the tensor")

    @located
    def tolist(self) -> object:
        """An error: there is no value."""
        raise self._cannot("the list of", "return the tensor")

    @located
    def __iter__(self) -> Iterator[Array]:
        if not self._aval.ndim:
            raise TraceError("iteration over a 0-d tensor")
        return iter([self[i] for i in range(len(self))])

    def dispose(self) -> None:
        """Nothing: there is no memory of its own."""

    @located
    def __reduce__(self) -> str:
        raise self._cannot("the value of", "it cannot be pickled or copied")
