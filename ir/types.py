"""Types of values: a dtype and a shape whose extents are numbers or polynomials over named symbols."""

from __future__ import annotations

import functools
import math
import operator
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from .dtypes import DType
from .errors import ShapeError


class Dim:
    """An extent known by name only: a polynomial over symbols, such as `batch`, `2*batch+1`, `height*width`.

    Two dims are equal when their normal forms are; a symbol stands for any integer >= 0. While a function is traced,
    comparisons are decided, and remembered, by what the trace assumes (see `assumed`).
    """

    __slots__ = ("const", "terms")

    terms: tuple[tuple[str, int], ...]
    const: int

    def __init__(self, terms: Mapping[str, int] | str, const: int = 0) -> None:
        named = {terms: 1} if isinstance(terms, str) else terms
        self.terms = tuple(sorted((n, c) for n, c in named.items() if c))
        self.const = const

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """The extent for given sizes of the symbols; KeyError for a symbol that is absent."""
        return self.const + sum(c * math.prod([sizes[s] for s in n.split(TIMES)]) for n, c in self.terms)

    def substitute(self, values: Mapping[str, Extent]) -> Extent:
        """The extent with values for some of its symbols; the same object where it has none of them."""
        if values.keys().isdisjoint(self.symbols):
            return self
        total: Extent = self.const
        for name, c in self.terms:
            factors: list[Extent] = [values.get(s, Dim(s)) for s in name.split(TIMES)]
            total = total + functools.reduce(operator.mul, factors, c)
        return total

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names this expression depends on, sorted."""
        return tuple(sorted({s for n, _ in self.terms for s in n.split(TIMES)}))

    def same(self, other: object) -> bool:
        """Whether both have one normal form, whatever is assumed."""
        return isinstance(other, Dim) and self.terms == other.terms and self.const == other.const

    def _plus(self, other: Extent, sign: int) -> Extent:
        if isinstance(other, Dim):
            terms = dict(self.terms)
            for name, c in other.terms:
                terms[name] = terms.get(name, 0) + sign * c
            return _normal(terms, self.const + sign * other.const)
        return Dim(dict(self.terms), self.const + sign * other)

    def __add__(self, other: object) -> Extent:
        return self._plus(other, 1) if isinstance(other, int | Dim) else NotImplemented

    def __sub__(self, other: object) -> Extent:
        return self._plus(other, -1) if isinstance(other, int | Dim) else NotImplemented

    def __rsub__(self, other: object) -> Extent:
        return (self * -1) + other if isinstance(other, int) else NotImplemented

    def __neg__(self) -> Extent:
        return self * -1

    def __mul__(self, factor: object) -> Extent:
        if isinstance(factor, int):
            return Dim({n: c * factor for n, c in self.terms}, self.const * factor) if factor else 0
        if not isinstance(factor, Dim):
            return NotImplemented
        terms: dict[str, int] = {}
        for n, c in (*self.terms, ("", self.const)):
            for m, d in (*factor.terms, ("", factor.const)):
                name = TIMES.join(sorted([s for s in (*n.split(TIMES), *m.split(TIMES)) if s]))
                terms[name] = terms.get(name, 0) + c * d
        return _normal(terms, terms.pop("", 0))

    # What is no polynomial binds the trace to the number.
    def __floordiv__(self, other: int) -> int:
        return int(self) // other

    def __rfloordiv__(self, other: int) -> int:
        return other // int(self)

    def __mod__(self, other: int) -> int:
        return int(self) % other

    def __rmod__(self, other: int) -> int:
        return other % int(self)

    def __truediv__(self, other: float) -> float:
        return int(self) / other

    def __rtruediv__(self, other: float) -> float:
        return other / int(self)

    __radd__ = __add__
    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Dim) and self.terms == other.terms and self.const == other.const:
            return True
        return isinstance(other, int | Dim) and _holds(self, "==", other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: object) -> bool:
        return _holds(self, "<", other) if isinstance(other, int | Dim) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return not _holds(self, "<", other) if isinstance(other, int | Dim) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return not _holds(self, "<", other + 1) if isinstance(other, int | Dim) else NotImplemented

    def __le__(self, other: object) -> bool:
        return _holds(self, "<", other + 1) if isinstance(other, int | Dim) else NotImplemented

    def __bool__(self) -> bool:
        return self != 0

    def __index__(self) -> int:
        assumptions = assumed[0]()
        if assumptions is None:
            raise ShapeError(f"the extent {self} is symbolic where a number is needed")
        return assumptions.number(self)

    __int__ = __index__

    def __hash__(self) -> int:
        return hash((self.terms, self.const))

    def __str__(self) -> str:
        parts = [n if c == 1 else f"{c}*{n}" for n, c in self.terms]
        if self.const or not parts:
            parts.append(str(self.const))
        return "+".join(parts).replace("+-", "-")

    __repr__ = __str__


TIMES: Final = "*"
"""Stands between the symbols of a product in the name of a term."""


def _normal(terms: Mapping[str, int], const: int) -> Extent:
    found = Dim(terms, const)
    return found if found.terms else const


class Holding(Protocol):
    """A comparison of extents, and the answer that was given."""

    @property
    def left(self) -> Dim: ...
    @property
    def relation(self) -> str: ...
    @property
    def right(self) -> Extent: ...
    @property
    def answer(self) -> bool: ...


class Assumed(Protocol):
    """What a trace takes for granted about symbols.

    Attributes:
        sizes: of the symbols in the call that is traced for; None where there is no such call.
    """

    @property
    def sizes(self) -> Mapping[str, int] | None: ...

    def holds(self, left: Dim, relation: str, right: Extent) -> bool:
        """Whether `left == right` or `left < right`."""

    def number(self, extent: Dim) -> int:
        """The number that an extent stands for."""

    def accepts(self, guards: Iterable[Holding]) -> bool:
        """Whether what another trace took for granted holds here; from now on this one does so too."""


def _nothing() -> Assumed | None:
    return None


assumed: Final[list[Callable[[], Assumed | None]]] = [_nothing]
"""Gives what the current trace assumes; `ir/stage.py` looks it up."""


def _holds(left: Dim, relation: str, right: Extent) -> bool:
    assumptions = assumed[0]()
    if assumptions is not None:
        return assumptions.holds(left, relation, right)
    if relation == "==":
        return False
    raise ShapeError(f"whether {left} {relation} {right} is not known for every size")


Extent = int | Dim
Shape = tuple[Extent, ...]

TRIPS: Final = Dim("?")
"""The number of iterations that a loop turns out to make; of different loops it is not the same."""

_MOST_BYTES: Final = 1 << 62
_interned: Final[weakref.WeakValueDictionary[tuple[str, Shape, bool], TensorType]] = weakref.WeakValueDictionary()


class TensorType:
    """The type of one SSA value; interned, so `is` compares.

    Attributes:
        dtype: element type.
        shape: extents, each an int >= 0 or a `Dim`.
        weak: a Python number carried as a 0-d value, which takes a tensor's dtype where it meets one.
    """

    __slots__ = ("__weakref__", "dtype", "is_static", "ndim", "shape", "weak")

    dtype: DType
    shape: Shape
    weak: bool
    ndim: int
    is_static: bool

    def __new__(cls, dtype: DType, shape: Shape, weak: bool = False) -> TensorType:
        key = (dtype.name, shape, weak)
        known = _interned.get(key)
        if known is not None:
            return known
        self = super().__new__(cls)
        self.dtype = dtype
        self.shape = tuple(s if isinstance(s, Dim) else int(s) for s in shape)
        for s in self.shape:
            if not isinstance(s, Dim) and s < 0:
                raise ShapeError(f"an extent must be >= 0, but the shape is {show_shape(self.shape)}")
        extents = [max(s, 1) for s in self.shape if not isinstance(s, Dim)]
        if math.prod(extents) * dtype.itemsize > _MOST_BYTES:
            raise ShapeError(f"a tensor of shape {show_shape(self.shape)} is larger than any memory")
        self.weak = weak
        self.ndim = len(shape)
        self.is_static = not any(isinstance(s, Dim) for s in shape)
        return _interned.setdefault((dtype.name, self.shape, weak), self)

    @property
    def static_shape(self) -> tuple[int, ...]:
        """The shape as plain integers; ShapeError when an extent is symbolic."""
        if not self.is_static:
            raise ShapeError(f"the shape {show_shape(self.shape)} is symbolic where a known one is needed")
        return self.shape  # type: ignore[return-value]

    @property
    def elements(self) -> Extent:
        """Number of elements, symbolic where an extent is."""
        return functools.reduce(operator.mul, self.shape, 1)

    @property
    def size(self) -> int:
        """Number of elements; ShapeError when an extent is symbolic."""
        return math.prod(self.static_shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the contiguous array; ShapeError when an extent is symbolic."""
        return self.size * self.dtype.itemsize

    def __reduce__(self) -> tuple[object, tuple[DType, Shape, bool]]:
        return TensorType, (self.dtype, self.shape, self.weak)

    def __str__(self) -> str:
        inner = ", ".join(str(s) for s in self.shape)
        return f"{'weak ' if self.weak else ''}{self.dtype.name}[{inner}]"

    __repr__ = __str__


def show_shape(shape: Shape) -> str:
    """A shape as users write it: `(2, 3)`."""
    return "(" + ", ".join(str(s) for s in shape) + ("," if len(shape) == 1 else "") + ")"


def same_extent(a: Extent, b: Extent) -> bool:
    """Whether two extents are written alike, so that nothing has to be assumed for them to be equal."""
    return a.same(b) if isinstance(a, Dim) else not isinstance(b, Dim) and a == b


def broadcast_shapes(name: str, *shapes: Shape) -> Shape:
    """The common shape under NumPy's broadcasting rule.

    Raises:
        ShapeError: two extents differ and neither is 1; `name` says which operation asked.
    """
    first = shapes[0]
    if all(len(s) == len(first) and all(map(same_extent, s, first)) for s in shapes[1:]):
        return first
    ndim = max(len(s) for s in shapes)
    result: list[Extent] = []
    for axis in range(-ndim, 0):
        extent: Extent = 1
        for shape in shapes:
            e = shape[axis] if -axis <= len(shape) else 1
            if same_extent(e, extent) or (not isinstance(e, Dim) and e == 1):
                continue
            if not same_extent(extent, 1):
                if e == extent or e == 1:
                    continue
                if extent == 1:
                    extent = e
                    continue
                given = " and ".join(show_shape(s) for s in shapes)
                raise ShapeError(
                    f"{name}: operands could not be broadcast together with shapes {given}; "
                    f"along axis {axis} the extents are {extent} and {e}, and they must be equal or 1"
                )
            extent = e
        result.append(extent)
    return tuple(result)
