"""The stage: who carries out an op that is called now; the one dynamic variable of the system.

Eager computes, a Builder writes a node, a Recording remembers for the gradient. This file turns the operands of a call
into arrays of the right dtype, applies the type rule, and hands over to the current stage; it knows no stage itself.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, ParamSpec, Protocol, TypeVar
from typing import cast as typed

import numpy as np

from . import dtypes, frames
from .array import Array
from .attrs import NO_ATTRS, Attrs, Cast, ShapeOf
from .errors import ArgumentError, DTypeError, IntegerOverflow, LithographError
from .loc import NOWHERE, Loc, here
from .registry import OPS
from .storage import bfloat16, held
from .types import Assumed, Dim, TensorType, assumed

if TYPE_CHECKING:
    from .op import Op

Operand = Array | np.ndarray | np.generic | Dim | bool | int | float | complex
_P = ParamSpec("_P")
_R = TypeVar("_R")


class Stage(Protocol):
    """What an op call needs of whoever carries it out.

    Attributes:
        assumptions: decide comparisons of symbolic extents; None where there are none.
    """

    @property
    def assumptions(self) -> Assumed | None: ...

    def lift(self, operand: Array | np.ndarray) -> Array:
        """The operand as an array of this stage (a variable is read, a constant enters the trace)."""

    def constant(self, value: np.ndarray) -> Array:
        """A constant that nobody will change: a Python number given its dtype."""

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        """Carry out one op; args are lifted and have the dtypes that the row asks for."""


_current: Final[ContextVar[Stage]] = ContextVar("lithograph_stage")
default: list[Stage] = []
"""The stage in force where no other was entered; the runtime puts Eager here."""


def current() -> Stage:
    """The stage in force in this context."""
    return _current.get(None) or default[0]


def _assumptions() -> Assumed | None:
    stage = _current.get(None)
    return None if stage is None else stage.assumptions


assumed[0] = _assumptions


def _quietly() -> None:
    """What there is to do where calls do not go past the current stage."""


crossing: list[Callable[[], None]] = [_quietly, _quietly]
"""Called when a stage other than the default one is entered, and when it is left; the runtime puts here what keeps
native calls from going past it."""


@contextlib.contextmanager
def entered(stage: Stage) -> Iterator[None]:
    """Make `stage` the current one in this context for a while."""
    enter, leave = (_quietly, _quietly) if default and stage is default[0] else crossing
    token = _current.set(stage)
    enter()
    try:
        yield
    finally:
        leave()
        _current.reset(token)


_WEAK: Final[dict[type, TensorType]] = {
    bool: TensorType(dtypes.bool_, (), weak=True),
    int: TensorType(dtypes.int32, (), weak=True),
    float: TensorType(dtypes.float32, (), weak=True),
    Dim: TensorType(dtypes.int32, (), weak=True),
    complex: TensorType(dtypes.complex64, (), weak=True),
}


def operand_type(name: str, operand: object) -> TensorType:
    """The type of an operand as the user gave it; Python numbers are weak.

    Raises:
        ArgumentError: it is neither an array nor a number; `name` says which op was called.
        DTypeError: its NumPy dtype is not supported.
    """
    # Asking for the type is several times faster than isinstance of an abstract class, and this is the trace's path.
    aval = getattr(operand, "_aval", None)
    if type(aval) is TensorType:
        return aval
    weak = _WEAK.get(type(operand))
    if weak is not None:
        return weak
    if isinstance(operand, np.ndarray | np.generic):
        return TensorType(dtypes.from_numpy(operand.dtype), operand.shape)
    raise ArgumentError(
        f"{name}: an operand must be a tensor, a NumPy array or a number, but a {type(operand).__name__} was given; "
        "make a tensor of it first with lithograph.tensor(...)"
    )


def number(value: bool | int | float | complex, dtype: dtypes.DType) -> np.ndarray:
    """A Python number as a 0-d array of `dtype`.

    Raises:
        IntegerOverflow: an int that `dtype` cannot hold.
        DTypeError: a float where an integer or bool is wanted, or a complex where a real number is.
    """
    if isinstance(value, float) and not dtype.is_inexact:
        raise DTypeError(f"the Python float {value!r} cannot become {dtype.name} without astype")
    if isinstance(value, complex) and not dtype.is_complex:
        raise DTypeError(f"the Python complex {value!r} cannot become {dtype.name}; take its real part first")
    try:
        if dtype is dtypes.bfloat16:
            return bfloat16(float(typed("float", value)))
        return np.array(value, dtype.numpy)
    except OverflowError:
        raise IntegerOverflow(f"the Python int {value} does not fit {dtype.name}") from None


def _extent(stage: Stage, value: Dim, dtype: dtypes.DType) -> Array:
    """A symbolic extent as a 0-d array of `dtype`, which has to hold it as it would have to hold the Python int."""
    if dtype.is_integer and value > np.iinfo(dtype.name).max:
        raise IntegerOverflow(f"the extent {value} does not fit {dtype.name}")
    row, attrs = OPS["extent"], ShapeOf((value,))
    made = stage.emit(row, (), attrs, row.result_type((), attrs))
    cast, to = OPS["astype"], Cast(dtype)
    return made if dtype is dtypes.int64 else stage.emit(cast, (made,), to, cast.result_type((made._aval,), to))


def _convert(stage: Stage, operand: Operand, dtype: dtypes.DType) -> Array:
    if isinstance(operand, Dim):
        return _extent(stage, operand, dtype)
    if type(operand) in _WEAK:
        return stage.constant(number(operand, dtype))  # type: ignore[arg-type]
    if isinstance(operand, np.generic):
        array = stage.constant(held(np.asarray(operand)))
    else:
        array = stage.lift(held(operand) if isinstance(operand, np.ndarray) else operand)  # type: ignore[arg-type]
    if array._aval.dtype is dtype:
        return array
    cast = OPS["astype"]
    attrs = Cast(dtype)
    return stage.emit(cast, (array,), attrs, cast.result_type((array._aval,), attrs))


def apply(op: Op, *given: Operand | Attrs) -> Array:
    """Call an op through the current stage: operands, then attrs when the op has them.

    Raises:
        LithographError: what the row's type rule says; the message ends with the user's line.
    """
    operands: tuple[Operand, ...]
    if op.attrs is None:
        operands, attrs = given, NO_ATTRS  # type: ignore[assignment]
    else:
        operands, attrs = given[:-1], given[-1]  # type: ignore[assignment]
    stage = current()
    try:
        types = tuple([operand_type(op.name, x) for x in operands])
        wanted = op.promote(op.name, types)
        args = tuple([_convert(stage, x, d) for x, d in zip(operands, wanted, strict=True)])
        result = op.result_type(tuple([a._aval for a in args]), attrs)
    except LithographError as error:
        raise locate(error) from None
    return stage.emit(op, args, attrs, result)


def locate(error: LithographError, loc: Loc | None = None) -> LithographError:
    """The error with the user's line at its end, unless it has one, and without frames of this package.

    Args:
        error: the error.
        loc: the line; the one that is being executed when None or NOWHERE.
    """
    if not error.located:
        loc = here() if loc is None or loc is NOWHERE else loc
        caret = loc.caret()
        file, line, _ = loc.position
        error.args = (f"{error}\n  at {file}:{line}" + (f"\n{caret}" if caret else ""),)
        error.located = True
    return error.with_traceback(frames.own(error.__traceback__))


def located(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make errors that a public function raises before it calls an op end with the user's line, as in `apply`."""

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except LithographError as error:
            raise locate(error) from None

    return call


def as_array(name: str, operand: Operand) -> Array:
    """An operand as an array of the current stage; Python numbers get their default dtype.

    Raises:
        ArgumentError: it is neither an array nor a number; `name` says which op was called.
        IntegerOverflow: a Python int that does not fit int32.
    """
    if isinstance(operand, Array):
        return operand
    type = operand_type(name, operand)
    return _convert(current(), operand, type.dtype)
