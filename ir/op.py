"""What an op is: one row that says its type rule, its reference, its gradient and its meaning per element.

Everything else about an op is derived from its row. Rows live in `ir/ops/`; a row and the public function that calls it
stand side by side. This file knows no particular op.
"""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Callable, Container, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .array import Array
from .attrs import Attrs, intern
from .checks import Failure
from .dtypes import DType, bfloat16, float16, float32, from_numpy
from .errors import LithographError
from .halves import single_attrs
from .records import dataclass, fields, replace
from .registry import OPS
from .scalar import Scalar
from .stage import apply
from .storage import convert, widened
from .types import Extent, Shape, TensorType, assumed

if TYPE_CHECKING:
    from .graph import Node


class Flags(enum.Flag):
    """How passes must treat an op."""

    NONE = 0
    CHECKED = enum.auto()
    """It may fail at run time: never dropped as dead, never hoisted out of a branch."""
    ORDERED = enum.auto()
    """It has an effect: never merged, dropped or reordered."""
    DISTINCT = enum.auto()
    """Carried out for many examples, it gives each another result, even where its operands are the same for all."""


@dataclass(frozen=True, slots=True)
class Reader:
    """An operand as seen by a lowering: its type, and its element at an index."""

    type: TensorType
    at: Callable[..., Scalar]
    """`at(*index)` with one int64 Scalar per axis gives the element."""


@dataclass(frozen=True, slots=True)
class Pointwise:
    """One scalar function of the operands' elements; operands broadcast together.

    Attributes:
        body: `body(*scalars)`, or `body(*scalars, attrs)` when the op has attrs, gives the result's scalar. Of half
            precision it is never told: there is float32 instead, and what it gives is rounded.
        converts: body and reference are told of half precision in attrs, and round to it themselves.
    """

    body: Callable[..., Scalar]
    converts: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """The result's element at an index, as a function of the operands at any index.

    Attributes:
        at: `at(attrs, result_type, index, readers)` gives the result's scalar; `index` has an int64 Scalar per axis.
        view: the result is one operand read at an affine index: nothing is computed.
        reads: how many elements of each operand one of the result is made of, from attrs; None: one.
    """

    at: Callable[[Attrs, TensorType, tuple[Scalar, ...], tuple[Reader, ...]], Scalar]
    view: bool = False
    reads: Callable[[Attrs], int] | None = None


class Combine(enum.Enum):
    """How a reduction combines elements; `SUM` and `PROD` of floats follow order T8 (see `ir/reduction.py`)."""

    SUM = "sum"
    PROD = "prod"
    MAX = "max"
    MIN = "min"
    ANY = "any"
    ALL = "all"
    ARGMAX = "argmax"
    ARGMIN = "argmin"


@dataclass(frozen=True, slots=True)
class Reduce:
    """A reduction of the one operand over the axes in `attrs.axes` (a sorted tuple of non-negative ints).

    Attributes:
        combine: the combining function.
        of: what of an element is combined; the element itself when None.
    """

    combine: Combine
    of: Callable[[Scalar], Scalar] | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """A recurrence along `attrs.axis`, from the last index to the first where `attrs.reverse`.

    Operands and result have one shape. The result's elements are made one after another, in that order.

    Attributes:
        first: `first(*scalars)` of the operands' elements gives the result's first element.
        step: `step(previous, *scalars)` of the result's element before and the operands' elements gives each other.
    """

    first: Callable[..., Scalar]
    step: Callable[..., Scalar]


Target = tuple[tuple[Scalar, ...], Scalar | None]
"""A place in the result, and a condition without which nothing is put there (None: always)."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """The first operand, into which the elements of the second are put one by one in row-major order.

    Attributes:
        domain: `domain(attrs, types)` gives the shape that the second operand is broadcast to.
        at: `at(attrs, result_type, index, readers)` gives where the element at `index` of that shape is put.
        combine: how an element joins what is there: add, multiply, divide, minimum, maximum; None: it replaces it.
        distinct: no two elements are put in one place.
    """

    domain: Callable[[Attrs, tuple[TensorType, ...]], Shape]
    at: Callable[[Attrs, TensorType, tuple[Scalar, ...], tuple[Reader, ...]], Target]
    combine: str | None = None
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """Matrix product of the last two axes of two operands of equal rank, batched over the broadcast leading axes."""


@dataclass(frozen=True, slots=True)
class Sort:
    """The elements of each row along the last axis of the one operand in the order of `attrs`, or their `positions`.

    A NaN counts as greater than every number, and the zeros as equal; equal elements keep their order, also where
    it is descending.
    """

    positions: bool


@dataclass(frozen=True, slots=True)
class Alias:
    """The result has the operand's elements in the same row-major order: only the shape differs."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: `attrs.value` holds it."""


@dataclass(frozen=True, slots=True)
class Host:
    """No native lowering: the reference runs in a host step."""


Types = tuple[TensorType, ...]
RegionRun = Callable[[Sequence[np.ndarray]], list[np.ndarray]]
"""Gives the results of a region for the values of its params."""


@dataclass(frozen=True, slots=True)
class Structural:
    """An op whose meaning is made of its regions: a call, a group made by fusion, a loop, a choice.

    Attributes:
        interface: gives of a node what its regions take and give, a pair of types for each, and the types of its own
            results; raises LithographError where the operands cannot be.
        meaning: gives the results of a node from its attrs for known extents, what runs its regions, and the values of
            its operands.
        gradient: the region is the op's gradient, and so not run. The node's results are its first operands as they
            are; then come the operands that the results are differentiated by, then what else the region uses. The
            region takes the cotangents of the results and the latter, and gives the cotangents of the operands
            between.
        control: the regions run any number of times, each a program of its own.
    """

    interface: Callable[[Node], tuple[list[tuple[Types, Types]], Types]]
    meaning: Callable[[Node, Attrs, Sequence[RegionRun], Sequence[np.ndarray]], list[np.ndarray]]
    gradient: bool = False
    control: bool = False


_HALVES = frozenset((float16.numpy, bfloat16.numpy))

Lowering = Pointwise | Element | Reduce | Scan | Scatter | Contract | Sort | Alias | Literal | Host | Structural

Infer = Callable[[tuple[TensorType, ...], Attrs], TensorType]
"""Result type from operand types (already promoted) and attrs; raises ShapeError or DTypeError."""

Promote = Callable[[str, tuple[TensorType, ...]], tuple[DType, ...]]
"""The dtype each operand is converted to first, from the op's name and the operand types (Python numbers are weak)."""

Vjp = Callable[..., Array]
"""Cotangent of one operand: `vjp(g, y, *operands)`, or `vjp(g, y, *operands, attrs)` when the op has attrs."""

Jvp = Callable[..., Array]
"""What a tangent of one operand contributes to the result's: `jvp(t, y, *operands)`, and attrs as for `Vjp`."""

VariadicVjp = Callable[[Array, Array, tuple[Array, ...], Attrs, int], Array]
"""Cotangent of operand number i of a variadic op: `vjp(g, y, operands, attrs, i)`."""

Batch = Callable[["Op", tuple[Array, ...], tuple[bool, ...], Attrs, Extent], Array]
"""The result for many examples: `batch(op, operands, mapped, attrs, extent)`, by ordinary op calls.

Operands that are `mapped` have an axis of `extent` examples in front, the others are the same for all; the result has
that axis, unless it is the same for all too. At least one operand is mapped, but where the row is DISTINCT.
"""

Sample = tuple[tuple[np.ndarray, ...], Attrs]
"""Operands and attrs for which an op is defined."""

# A string, because naming the class imports numpy.random, which costs a tenth of importing Lithograph.
Samples = Callable[["np.random.Generator", DType], list[Sample]]
"""Example inputs of one dtype for generated tests; an empty list when the op does not take the dtype."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How near a floating body comes to the function that it stands for; tests and benchmarks are made from it.

    Attributes:
        float32, float64: the most that a result is off, in ULPs of the exact value.
        exact: the function as a Python expression of x (and y) over the names of mpmath, or "" for none.
        wider: the same for arrays in a wider format, as far as NumPy has one.
        between, between64: where operands are drawn from evenly, besides random bit patterns: where results are
            neither flat nor infinite; `between64` is for float64 where it differs.
        draw: `draw(rng, dtype, count)` gives operands where drawing each evenly would not do.
        symmetry: "odd", "even" or "".
        within: no result lies outside.
    """

    float32: float
    float64: float
    exact: str = ""
    wider: Callable[..., np.ndarray] | None = None
    between: tuple[float, float] = (-3.0, 3.0)
    between64: tuple[float, float] | None = None
    draw: Callable[[np.random.Generator, DType, int], tuple[np.ndarray, ...]] | None = None
    symmetry: str = ""
    within: tuple[float, float] = (-math.inf, math.inf)


class Op:
    """One row of the op table; compares by identity.

    Attributes:
        name: as in IR text, and unique.
        infer, promote, reference, lowering, vjp: see the types above; `vjp` is a tuple with one entry per operand
            (None where the op is not differentiable), a `VariadicVjp`, or None.
        linear: the numbers of the operands to which, together, the op is linear.
        jvp: a `Jvp` per operand, None where what `ir/forward.py` derives is as good, or None for all.
        attrs: the class of its attrs, or None.
        failure: the errors that the checks of its body stand for (see `ir/checks.py`); such a row is CHECKED.
        flags: how passes treat it.
        unfailing: the kinds of dtypes of first operands for which no check can fail.
        samples: inputs for the tests that are generated from the row.
        accuracy: how far a body of floats may be from the reference; None where it may not.
        batch: how it is carried out for many examples; None where its lowering says that (see `ir/batch_rules.py`).
        call: calls the op through the current stage; the runtime puts its native dispatcher here.
    """

    __slots__ = (
        "_asks", "_types", "accuracy", "attrs", "batch", "call", "failure", "flags", "infer", "jvp", "linear",
        "lowering", "name", "promote", "reference", "samples", "unfailing", "vjp",
    )  # fmt: skip

    call: Callable[..., Array]

    def __init__(
        self,
        name: str,
        *,
        infer: Infer,
        promote: Promote,
        reference: Callable[..., np.ndarray],
        lowering: Lowering,
        vjp: Sequence[Vjp | None] | VariadicVjp | None = None,
        linear: Container[int] = (),
        jvp: tuple[Jvp | None, ...] | None = None,
        attrs: type[Attrs] | None = None,
        failure: Failure | None = None,
        flags: Flags = Flags.NONE,
        unfailing: Container[str] = (),
        samples: Samples | None = None,
        accuracy: Accuracy | None = None,
        batch: Batch | None = None,
    ) -> None:
        if name in OPS:
            raise ValueError(f"op {name!r} is defined twice")
        self.name = name
        self.infer = infer
        self.promote = promote
        self.reference = reference
        self.lowering = lowering
        self.vjp: tuple[Vjp | None, ...] | VariadicVjp | None = (
            vjp if vjp is None or callable(vjp) else tuple(vjp)
        )
        self.linear = linear
        self.jvp = jvp
        self.attrs = attrs
        self.failure = failure
        self.flags = flags if failure is None else flags | Flags.CHECKED
        self.unfailing = unfailing
        self.samples = samples
        self.accuracy = accuracy
        self.batch = batch
        self._asks = attrs is not None and any("DType" in str(f.type) for f in fields(attrs))
        self._types: dict[tuple[tuple[TensorType, ...], Attrs], TensorType] = {}
        self.call = functools.partial(apply, self)
        OPS[name] = self

    def result_type(self, types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        """The type rule, remembered for the last few thousand distinct uses."""
        if assumed[0]() is not None:
            # What the rule asks of symbolic extents, the trace has to hear each time.
            return self.infer(types, attrs)
        key = (types, attrs)
        known = self._types.get(key)
        if known is None:
            known = self.infer(types, attrs)
            if len(self._types) > 4096:
                self._types.clear()
            self._types[key] = known
        return known

    def error(
        self, number: int, report: int, types: tuple[TensorType, ...], attrs: Attrs
    ) -> LithographError:
        """The exception for a failed check of the body; arguments as for `Failure`."""
        assert self.failure is not None, f"{self.name} has checks and says not what they mean"
        return self.failure(number, report, types, attrs)

    def native(self, dtypes: Iterable[DType]) -> Lowering:
        """How code is made for operands and a result of these dtypes: `lowering`, or Host for what has no native form.

        Complex numbers are computed on the host, and so is half precision where more is done than to compute or
        reduce elements.
        """
        own = self.lowering
        if isinstance(own, Alias | Literal | Host | Structural):
            return own
        for d in dtypes:
            if not d.plain and (d.is_complex or not isinstance(own, Pointwise | Element | Reduce)):
                return Host()
        return own

    def examples(self, rng: np.random.Generator, dtype: DType) -> list[Sample]:
        """The row's samples of a dtype; of half precision, those of float32 converted."""
        assert self.samples is not None, f"{self.name} has no samples"
        if not dtype.is_half:
            return self.samples(rng, dtype)
        made: list[Sample] = []
        for operands, attrs in self.samples(rng, float32):
            changed = {f.name: dtype for f in fields(attrs) if getattr(attrs, f.name) is float32}
            narrow = tuple([convert(x, dtype) if x.dtype == np.float32 else x for x in operands])
            made.append((narrow, intern(replace(attrs, **changed)) if changed else attrs))
        return made

    def evaluate(self, operands: Sequence[np.ndarray], attrs: Attrs) -> np.ndarray:
        """The reference on NumPy arrays; half precision is evaluated in float32 and rounded once, at the end."""
        told = attrs
        if self._asks and not (isinstance(self.lowering, Pointwise) and self.lowering.converts):
            told = single_attrs(attrs)
        if told is attrs and _HALVES.isdisjoint([x.dtype for x in operands]):
            return self.refer(operands, attrs)
        types = tuple([TensorType(from_numpy(x.dtype), x.shape) for x in operands])
        result = self.result_type(types, attrs).dtype
        found = self.refer([widened(x) for x in operands], told)
        return convert(found, result) if result.is_half else found

    def refer(self, operands: Sequence[np.ndarray], attrs: Attrs) -> np.ndarray:
        """The reference on NumPy arrays, none of them and no attribute of half precision."""
        return self.reference(*operands, attrs) if self.attrs else self.reference(*operands)

    def __repr__(self) -> str:
        return f"<op {self.name}>"
