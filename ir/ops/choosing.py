"""Elements chosen by conditions: those where one holds, or from several arrays by several conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast as typed

from ..array import Array
from ..errors import ArgumentError, ShapeError
from ..stage import Operand, as_array, located
from .axes import one_axis, sequence
from .conversion import astype
from .gathering import gather
from .logic import where
from .nonzeros import flatnonzero
from .shapes import broadcast_to, reshape

__all__ = ["compress", "extract", "piecewise", "select"]


@located
def compress(
    condition: Operand,
    x: Operand,
    /,
    *,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Operand = 0,
) -> Array:
    """The slices of `x` along `axis` (None: of `x` as one row) at which the 1-D `condition` is not zero.

    `condition` may be shorter than the axis. A traced function needs `size`, the number of slices; those that are
    missing hold `fill_value`.

    Raises:
        ShapeError: `condition` has not one axis, or there is no such axis of `x`.
        RangeError: `condition` is true beyond the axis.
        TraceError: `size` is missing while tracing.
        DomainError: there are more than `size` slices, when the value is computed.
    """
    given, array = as_array("compress", condition), as_array("compress", x)
    if given.ndim != 1:
        raise ShapeError(f"compress: the condition must have one axis, but it has {given.ndim}")
    if axis is None:
        array = reshape(array, -1)
    along = one_axis("compress", 0 if axis is None else axis, array.ndim)
    if size is None:
        return gather(array, flatnonzero(given), axis=along)
    found = flatnonzero(given, size=size, fill_value=array.shape[along])
    return gather(array, found, axis=along, mode="fill", fill_value=fill_value)


@located
def extract(
    condition: Operand, x: Operand, /, *, size: int | None = None, fill_value: Operand = 0
) -> Array:
    """The elements of `x` where `condition`, of its shape, is not zero, in row-major order; the rest as `compress`."""
    given, array = as_array("extract", condition), as_array("extract", x)
    return compress(reshape(given, -1), reshape(array, -1), axis=0, size=size, fill_value=fill_value)


@located
def select(condlist: Sequence[Operand], choicelist: Sequence[Operand], default: Operand = 0, /) -> Array:
    """Each element from the first choice whose condition (bool) holds there, else `default`; all broadcast together.

    Raises:
        ShapeError: there are not as many choices as conditions, or none, or shapes do not broadcast.
        DTypeError: a condition is not bool.
    """
    conditions = sequence("select", "condlist", condlist)
    choices = sequence("select", "choicelist", choicelist)
    if len(conditions) != len(choices) or not choices:
        raise ShapeError(
            f"select: one choice is needed for each of some conditions, but there are {len(choices)} and "
            f"{len(conditions)}"
        )
    result: Operand = default
    for condition, choice in reversed(list(zip(conditions, choices, strict=True))):
        result = where(condition, choice, result)  # type: ignore[arg-type]
    return as_array("select", result)


@located
def piecewise(
    x: Operand,
    condlist: Sequence[Operand],
    funclist: Sequence[Callable[[Array], Operand] | Operand],
    /,
) -> Array:
    """Functions of `x` where their conditions (bool) hold, in the dtype of `x`; where several hold, the last.

    A number stands for a function that gives it. One function more than conditions is for where none holds; else that
    is 0. Unlike NumPy's, a function is called once with all of `x`, so it must be defined there.

    Raises:
        ShapeError: the number of functions does not fit.
        DTypeError: a condition is not bool.
    """
    array = as_array("piecewise", x)
    conditions = sequence("piecewise", "condlist", condlist)
    functions = list(sequence("piecewise", "funclist", funclist))
    if len(functions) not in (len(conditions), len(conditions) + 1):
        raise ShapeError(
            f"piecewise: {len(conditions)} functions are needed, or one more, but there are {len(functions)}"
        )
    last = functions.pop() if len(functions) > len(conditions) else 0
    result = broadcast_to(_piece(last, array), array.shape)
    for condition, function in zip(conditions, functions, strict=True):
        result = where(condition, _piece(function, array), result)  # type: ignore[arg-type]
    return result


def _piece(function: object, x: Array) -> Array:
    if isinstance(function, bool | int | float | Array):
        value: Operand = function
    elif _is_function(function):
        value = typed("Callable[[Array], Operand]", function)(x)
    else:
        raise ArgumentError(f"piecewise: functions or numbers are needed, but {function!r} was given")
    return astype(as_array("piecewise", value), x.dtype)


def _is_function(given: object) -> bool:
    # On its own, since mypy fails on a star import of a module in which callable() narrows an object.
    return callable(given)
