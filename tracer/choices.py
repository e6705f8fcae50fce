"""Choices as functions: `cond` and `switch`, which compile to native branches.

In a trace, and under a transform, each function given is traced once. Called eagerly the one that is chosen runs as it
stands, unless it gives plain numbers, whose types the others decide too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir import dtypes, ops
from ..ir.array import Array
from ..ir.attrs import NO_ATTRS, ShapeOf, intern
from ..ir.errors import ArgumentError, DTypeError, IntegerOverflow
from ..ir.ops.branching import branch_error
from ..ir.registry import OPS
from ..ir.stage import current, entered, located, number
from ..ir.types import TensorType
from ..runtime.creation import tensor
from ..runtime.variable import Variable
from .forms import Numeric, array_of, body_of, check_functions, joined, runs_plainly, shaped_as, truth
from .pytree import Structure, flatten, unflatten
from .region import Body, united
from .replay import carry_out
from .signature import brief


@located
def cond(pred: object, true_fn: Callable[..., object], false_fn: Callable[..., object], *operands: object) -> Any:
    """`true_fn(*operands)` where `pred` is true, else `false_fn(*operands)`; the other function has no effect.

    Args:
        pred: a scalar bool.
        true_fn, false_fn: give tensors and numbers in the same containers, of the same shapes and dtypes.
        operands: what the functions get, whatever it is.

    Raises:
        ArgumentError, DTypeError, ShapeError: `pred` is no scalar bool, or the functions give different things.
    """
    check_functions("cond", true_fn=true_fn, false_fn=false_fn)
    chosen = truth("pred of cond", pred)
    if isinstance(chosen, bool):
        return (true_fn if chosen else false_fn)(*operands)
    names = ("false_fn", "true_fn")
    return _chosen("cond", lambda: ops.astype(chosen, dtypes.int64), names, (false_fn, true_fn), operands)


@located
def switch(index: object, branches: Sequence[Callable[..., object]], *operands: object) -> Any:
    """`branches[index](*operands)`; the other functions have no effect.

    Args:
        index: a scalar integer.
        branches: give tensors and numbers in the same containers, of the same shapes and dtypes.
        operands: what the functions get, whatever it is.

    Raises:
        RangeError: `index` is negative, or not below the number of branches.
        ArgumentError, DTypeError, ShapeError: an argument is of another kind, or the functions give different things.
    """
    if not isinstance(branches, list | tuple) or not branches:
        raise ArgumentError(f"switch: branches is a list of functions, but {brief(branches)} was given")
    names = tuple([f"branch {k}" for k in range(len(branches))])
    check_functions("switch", **dict(zip(names, branches, strict=True)))
    if isinstance(index, int) and not isinstance(index, bool):
        if not 0 <= index < len(branches):
            raise branch_error(index, len(branches))
        return branches[index](*operands)
    given = array_of("switch", index)
    if given.ndim or not given.dtype.is_integer:
        raise ArgumentError(f"switch: index is a scalar integer, but it is {given._aval}")

    def checked() -> Array:
        return OPS["branch"].call(ops.astype(given, dtypes.int64), intern(ShapeOf((len(branches),))))

    return _chosen("switch", checked, names, branches, operands)


def _chosen(
    form: str,
    index: Callable[[], Array],
    names: Sequence[str],
    functions: Sequence[Callable[..., object]],
    operands: Sequence[object],
) -> object:
    if runs_plainly():
        chosen = int(index())
        out = functions[chosen](*operands)
        leaves, structure = flatten(out)
        if not any(isinstance(x, Numeric) for x in leaves):
            return unflatten(structure, [array_of(f"{names[chosen]} of {form}", x) for x in leaves])
        # Which type a number becomes is for the other functions to say; they are traced, and have no effect.
        _, outs = _bodies(form, names, functions, operands)
        wanted = _types(form, names, outs)
        return unflatten(structure, [_fitted(x, t) for x, t in zip(leaves, wanted, strict=True)])
    stage, at = current(), index()
    bodies, outs = _bodies(form, names, functions, operands)
    wanted, state = _types(form, names, outs), list[Variable]()
    for body in bodies:
        state = joined(state, body.written())
    parts = []
    for body, (leaves, _) in zip(bodies, outs, strict=True):
        with entered(body):
            made = [body.lift(_fitted(x, t)) for x, t in zip(leaves, wanted, strict=True)]
        parts.append((body, 0, [*made, *[body.lift(v) for v in state]]))
    regions, captured = united(parts)
    results = carry_out(stage, OPS["switch"], [at, *[stage.lift(c) for c in captured]], regions, NO_ATTRS)
    for variable, new in zip(state, results[len(wanted) :], strict=True):
        variable.assign(new)
    return unflatten(outs[0][1], results[: len(wanted)])


Out = tuple[list[object], Structure]


def _bodies(
    form: str, names: Sequence[str], functions: Sequence[Callable[..., object]], operands: Sequence[object]
) -> tuple[list[Body], list[Out]]:
    """A region that each function was traced in, and what it gave: arrays of the region, and numbers."""
    bodies, outs = [], list[Out]()
    for name, function in zip(names, functions, strict=True):
        body = body_of(current(), form, f"{name} of {form}")
        with entered(body):
            leaves, structure = flatten(function(*operands))
            given: list[object] = [
                x if isinstance(x, Numeric) else array_of(f"{name} of {form}", x) for x in leaves
            ]
        if outs and structure != outs[0][1]:
            raise ArgumentError(
                f"{form}: {names[0]} and {name} must return the same containers, but they returned "
                f"{brief(unflatten(outs[0][1], outs[0][0]))} and {brief(unflatten(structure, leaves))}"
            )
        bodies.append(body)
        outs.append((given, structure))
    return bodies, outs


def _types(form: str, names: Sequence[str], outs: Sequence[Out]) -> list[TensorType]:
    """The types of results: those of the arrays among them, else of the numbers."""
    found = []
    for k in range(len(outs[0][0])):
        given = [leaves[k] for leaves, _ in outs]
        arrays = [(n, x._aval) for n, x in zip(names, given, strict=True) if isinstance(x, Array)]
        wanted = arrays[0][1] if arrays else tensor(_widest(given))._aval
        for name, aval in arrays[1:]:
            same = aval.dtype is wanted.dtype and aval.ndim == wanted.ndim
            if not same or not all(a == b for a, b in zip(aval.shape, wanted.shape, strict=True)):
                raise DTypeError(
                    f"{form}: part {k} of the result is {wanted} from {arrays[0][0]} and {aval} from {name}; all "
                    "functions must return the same shapes and dtypes"
                )
        for name, x in zip(names, given, strict=True):
            _check_number(form, k, name, x, wanted)
        found.append(wanted)
    return found


def _widest(numbers: Sequence[object]) -> object:
    return max(numbers, key=lambda x: Numeric.index(type(x)) if type(x) in Numeric else 0)


def _check_number(form: str, k: int, name: str, given: object, wanted: TensorType) -> None:
    if not isinstance(given, Numeric):
        return
    if wanted.ndim:
        raise DTypeError(f"{form}: part {k} of the result is the number {given!r} from {name}, and should be {wanted}")
    try:
        number(given, wanted.dtype)
    except (DTypeError, IntegerOverflow) as error:
        raise DTypeError(f"{form}: part {k} of the result should be {wanted} from {name}: {error}") from None


def _fitted(x: Any, wanted: TensorType) -> Array:
    if isinstance(x, Numeric):
        return current().constant(np.asarray(number(x, wanted.dtype)))
    return shaped_as(x, wanted, lambda: "a choice")


__all__ = ["cond", "switch"]
