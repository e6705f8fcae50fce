"""Building graphs: the stage in which calling an op writes a node; it knows nothing of Python functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .array import Array
from .assumptions import Assumptions
from .attrs import NO_ATTRS, Attrs, Constant
from .dtypes import from_numpy
from .errors import StateError, TraceError
from .graph import Graph, Node, StateSlot, Value
from .loc import Loc, here
from .op import Op
from .registry import OPS
from .stage import located
from .types import TensorType


class Traced(Array):
    """The array that stands for a value of a graph under construction.

    Using it after its graph is finished raises StateError, which says where it was made.
    """

    __slots__ = ("__weakref__", "_aval", "builder", "value")

    def __init__(self, value: Value, builder: Builder) -> None:
        self._aval = value.type
        self.value = value
        self.builder = builder

    def _cannot(self, what: str, instead: str) -> TraceError | StateError:
        if self.builder.finished:
            return self.builder.stale(self)
        return TraceError(
            f"{what} a traced tensor ({self._aval}) is not known while {self.builder.name!r} is being "
            f"traced; {instead}"
        )

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
        """TraceError: there is no value yet."""
        return self.__array__()

    @located
    def item(self) -> bool | int | float | complex:
        """TraceError: there is no value yet."""
        raise self._cannot("the item of", "return the tensor")

    @located
    def tolist(self) -> object:
        """TraceError: there is no value yet."""
        raise self._cannot("the list of", "return the tensor")

    @located
    def __iter__(self) -> Iterator[Array]:
        if not self._aval.ndim:
            raise TraceError("iteration over a 0-d tensor")
        return iter([self[i] for i in range(len(self))])

    def dispose(self) -> None:
        """Nothing: there is no memory yet."""

    @located
    def __reduce__(self) -> str:
        raise self._cannot("the value of", "it cannot be pickled or copied")

    def __repr__(self) -> str:
        return f"<traced {self._aval} in {self.builder.name!r}>"


class Builder:
    """A graph under construction.

    Attributes:
        name: name of the graph.
        capture: what to do with an array that does not belong to this graph (None: it is an error).
        loc: overrides the location given to new nodes, when set.
        assumptions: of a trace with symbolic extents.
    """

    def __init__(self, name: str, capture: Callable[[Array | np.ndarray], Traced] | None = None) -> None:
        self.name = name
        self.capture = capture
        self.loc: Loc | None = None
        self.assumptions: Assumptions | None = None
        self.finished = False
        self._params: list[Value] = []
        self._nodes: list[Node] = []
        self._constants: dict[Constant, Traced] = {}

    @property
    def n_params(self) -> int:
        """Number of params so far."""
        return len(self._params)

    def param(self, type: TensorType, name: str = "") -> Traced:
        """Append a param."""
        value = Value(type, None, len(self._params), name)
        self._params.append(value)
        return Traced(value, self)

    def lift(self, operand: Array | np.ndarray) -> Traced:
        """The operand as a value of this graph."""
        if isinstance(operand, Traced) and operand.builder is self:
            if self.finished:
                raise self.stale(operand)
            return operand
        if isinstance(operand, Traced) and operand.builder.finished:
            raise self.stale(operand)
        if self.capture is None:
            raise StateError(f"{operand!r} does not belong to the graph {self.name!r}")
        return self.capture(operand)

    def stale(self, operand: Traced) -> StateError:
        """The error for a value that is used after its graph was finished."""
        made = operand.value.node.loc if operand.value.node is not None else None
        where = f" It was made at {made}." if made is not None else ""
        return StateError(
            f"a traced tensor ({operand._aval}) of {operand.builder.name!r} was used after its trace "
            f"ended.{where} Return it from the function instead of keeping it elsewhere."
        )

    def constant(self, value: np.ndarray) -> Traced:
        """A constant node; equal small constants are one node."""
        type = TensorType(from_numpy(value.dtype), value.shape)
        if value.flags.writeable:
            value = value.copy()
            value.setflags(write=False)
        attrs = Constant(value, type)
        known = self._constants.get(attrs)
        if known is None:
            known = self.emit(OPS["constant"], (), attrs, type)
            self._constants[attrs] = known
        return known

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Traced:
        """Append a node with one result."""
        values = tuple(
            [a.value if type(a) is Traced and a.builder is self else self.lift(a).value for a in args]
        )
        node = Node(op, values, attrs, (result,), self.loc or here())
        if self.finished:
            raise StateError(f"the graph {self.name!r} is finished")
        self._nodes.append(node)
        return Traced(node.results[0], self)

    def emit_region(
        self,
        op: Op,
        args: Sequence[Traced],
        regions: tuple[Graph, ...],
        types: tuple[TensorType, ...],
        attrs: Attrs = NO_ATTRS,
    ) -> tuple[Traced, ...]:
        """Append a node that has regions and any number of results."""
        node = Node(op, tuple([self.lift(a).value for a in args]), attrs, types, self.loc or here(), regions)
        self._nodes.append(node)
        return tuple([Traced(r, self) for r in node.results])

    def finish(self, results: Sequence[Traced], state: tuple[StateSlot, ...] = ()) -> Graph:
        """The finished graph; this builder and its traced arrays are of no further use."""
        values = tuple([self.lift(r).value for r in results])
        self.finished = True
        return Graph(self.name, tuple(self._params), tuple(self._nodes), values, state)
