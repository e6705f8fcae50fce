"""Static parameters of nodes: a few small frozen classes shared between like ops; it knows no op."""

from __future__ import annotations

from typing import Final, Literal, TypeVar

import numpy as np

from .dtypes import DType
from .records import dataclass
from .types import Extent, Shape, TensorType


@dataclass(frozen=True, slots=True)
class Attrs:
    """Parameters that are known when a program is built; subclasses compare by value."""


NO_ATTRS: Final = Attrs()


@dataclass(frozen=True, slots=True)
class Axis(Attrs):
    """One axis, non-negative."""

    axis: int


@dataclass(frozen=True, slots=True)
class Order(Attrs):
    """The order of rows along the last axis: ascending, or `descending`; only the `first` of it unless None."""

    descending: bool = False
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Axes(Attrs):
    """Axes to reduce over (sorted, non-negative); `keepdims` leaves them in the result with extent 1."""

    axes: tuple[int, ...]
    keepdims: bool = False


@dataclass(frozen=True, slots=True)
class Terms(Attrs):
    """A sum of so many products: `halved`, as order T8 has it, else a chain from the first to the last."""

    count: int
    halved: bool


@dataclass(frozen=True, slots=True)
class Along(Attrs):
    """One axis (non-negative) that is walked from its first index to its last, or from the last to the first."""

    axis: int
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Loop(Attrs):
    """What the operands of a loop are.

    Attributes:
        carried: how many it carries from one iteration to the next.
        sliced: how many it takes one slice of in each iteration.
        length: number of iterations, where that is known; for a `scan`, None means that an operand says it.
        reverse: the slices are taken, and what is stacked is put, from the last to the first.
    """

    carried: int
    sliced: int = 0
    length: Extent | None = None
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class ShapeOf(Attrs):
    """A target shape."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Permutation(Attrs):
    """Result axis i is operand axis `order[i]`."""

    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice(Attrs):
    """Per axis: the first index, the step (never 0) and the number of elements taken."""

    starts: tuple[Extent, ...]
    steps: tuple[int, ...]
    extents: Shape


@dataclass(frozen=True, slots=True)
class Placement(Attrs):
    """Where an operand goes in zeros of `shape`: per axis the index of its first element, and the step (never 0)."""

    starts: tuple[Extent, ...]
    steps: tuple[int, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Indexing(Attrs):
    """Which axes the index operands select from, and what an index outside its axis means.

    Attributes:
        axes: for each index operand its axis, ascending; they are replaced by the common axes of the indices.
        at: where these stand in what is selected.
        mode: outside: an error, the nearest place, the place modulo the extent, or none (zero is read, nothing put).
    """

    axes: tuple[int, ...]
    at: int
    mode: Literal["raise", "clip", "wrap", "drop"] = "raise"


@dataclass(frozen=True, slots=True)
class Transform(Attrs):
    """Sorted axes to transform along, one after another, and how the result is scaled."""

    axes: tuple[int, ...]
    norm: str
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class HalfTransform(Attrs):
    """The axis of a transform between n real numbers and the first n//2 + 1 complex ones, and how it is scaled."""

    axis: int
    n: int
    norm: str


@dataclass(frozen=True, slots=True)
class Cast(Attrs):
    """A target dtype."""

    dtype: DType


@dataclass(frozen=True, slots=True)
class Fill(Attrs):
    """A dtype and a shape made from nothing."""

    dtype: DType
    shape: Shape


@dataclass(frozen=True, slots=True)
class Integers(Attrs):
    """A dtype and a shape of integers between two bounds, of which the upper one is among them if `closed`."""

    dtype: DType
    shape: Shape
    closed: bool


@dataclass(frozen=True, eq=False, slots=True)
class Constant(Attrs):
    """A constant array (read-only); two constants are equal when dtype, shape and bits are."""

    value: np.ndarray
    type: TensorType

    def _key(self) -> tuple[TensorType, bytes | int]:
        return self.type, self.value.tobytes() if self.value.nbytes <= 64 else id(self.value)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Constant) and self._key() == other._key())

    def __hash__(self) -> int:
        return hash(self._key())


_A = TypeVar("_A", bound=Attrs)
_interned: Final[dict[Attrs, Attrs]] = {}


def intern(attrs: _A) -> _A:
    """The one object that stands for all attrs equal to `attrs`, so that native dispatch can compare by identity."""
    if len(_interned) > 65536:
        _interned.clear()
    return _interned.setdefault(attrs, attrs)  # type: ignore[return-value]
