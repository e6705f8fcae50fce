"""Loops as functions: `while_loop`, `fori_loop`, `scan` and `map`, which compile to native loops.

In a trace, and under a transform, the functions given are traced once. Called eagerly they run as they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir import dtypes, ops
from ..ir.array import Array
from ..ir.attrs import Loop
from ..ir.builder import Traced
from ..ir.errors import ArgumentError, IntegerOverflow, ShapeError
from ..ir.registry import OPS
from ..ir.stage import current, entered, located
from ..ir.types import Dim, Extent, TensorType
from ..runtime.variable import Variable
from .forms import (
    array_of,
    arrays_of,
    body_of,
    check_functions,
    constant_truth,
    joined,
    only_computes,
    returned,
    runs_plainly,
    truth,
)
from .pytree import LEAF, Structure, flatten, unflatten
from .region import Body, united
from .replay import carry_out
from .signature import brief


@located
def while_loop(
    cond_fn: Callable[[Any], object],
    body_fn: Callable[[Any], object],
    carry: object,
    maximum_iterations: int | Array | None = None,
) -> Any:
    """The last of what `body_fn` makes of a carry, again and again, as long as `cond_fn` is true of it.

    Args:
        cond_fn: gives a scalar bool.
        body_fn: gives the next carry, in the same containers, each value of the same shape and dtype.
        carry: tensors and numbers in any containers.
        maximum_iterations: the body runs at most so often.

    Returns:
        The carry for which `cond_fn` was false first. Its gradient takes memory for each iteration.

    Raises:
        ArgumentError, DTypeError, ShapeError: the functions give other than that.
        TraceError: `cond_fn` assigns a variable.
    """
    check_functions("while_loop", cond_fn=cond_fn, body_fn=body_fn)
    most = None if maximum_iterations is None else _count("while_loop", "maximum_iterations", maximum_iterations)
    arrays, structure = arrays_of("while_loop", carry)
    types = [a._aval for a in arrays]
    what, asked = "body_fn of while_loop", "what cond_fn of while_loop returns"
    if runs_plainly():
        done = 0
        while (most is None or done < int(most)) and truth(asked, cond_fn(unflatten(structure, arrays))):
            given = unflatten(structure, arrays)
            arrays = returned(what, body_fn(given), structure, types, given)
            done += 1
        return unflatten(structure, arrays)
    stage = current()
    limit = [] if most is None else [_integer(most)]
    begun = [ops.zeros((), dtype=dtypes.int64)] if limit else []
    bound = [ops.astype(x, dtypes.int64) for x in limit]
    state: list[Variable] = []

    def condition(body: Body, values: Sequence[Traced], counted: Sequence[Traced]) -> list[Array]:
        found = constant_truth(body, truth(asked, cond_fn(unflatten(structure, values))))
        only_computes("cond_fn of while_loop", body)
        return [ops.logical_and(found, counted[0] < bound[0]) if counted else found]

    def step(body: Body, values: Sequence[Traced], counted: Sequence[Traced]) -> list[Array]:
        given = unflatten(structure, values)
        made = returned(what, body_fn(given), structure, types, given)
        return [*made, *[n + 1 for n in counted]]

    while True:
        traced = [_traced("while_loop", w, types, len(begun), state, f) for w, f in ((asked, condition), (what, step))]
        more = joined(state, traced[1][0].written())
        if len(more) == len(state):
            break
        state = more
    (cond, found), (body, made) = traced
    n = len(types) + len(begun) + len(state)
    regions, captured = united([(cond, n, found), (body, n, [*made, *[body.lift(v) for v in state]])])
    first = [*arrays, *begun, *[stage.lift(v) for v in state]]
    results = carry_out(stage, OPS["while"], [*first, *[stage.lift(c) for c in captured]], regions, Loop(n))
    _assign(state, results[n - len(state) : n])
    return unflatten(structure, results[: len(types)])


def _traced(
    form: str,
    what: str,
    types: Sequence[TensorType],
    counters: int,
    state: Sequence[Variable],
    function: Callable[[Body, Sequence[Traced], Sequence[Traced]], list[Array]],
) -> tuple[Body, list[Traced]]:
    """A region that a function was traced in, whose params are values, counters and variables; and its results."""
    body = body_of(current(), form, what)
    values = [body.param(t) for t in types]
    counted = [body.param(TensorType(dtypes.int64, ())) for _ in range(counters)]
    for variable in state:
        body.carry(variable)
    with entered(body):
        return body, [body.lift(r) for r in function(body, values, counted)]


def _assign(state: Sequence[Variable], values: Sequence[Array]) -> None:
    for variable, value in zip(state, values, strict=True):
        variable.assign(value)


def _count(form: str, name: str, given: object) -> int | Array | Dim:
    """A number of iterations, or a bound of them."""
    if isinstance(given, Dim) or (isinstance(given, int) and not isinstance(given, bool)):
        if isinstance(given, int) and not -(2**63) <= given < 2**63:
            raise IntegerOverflow(f"{form}: {name} is {given}, which does not fit int64")
        return given
    if isinstance(given, np.integer | np.ndarray | Array):
        lifted = array_of(form, given)
        if not lifted.ndim and lifted.dtype.is_integer:
            return lifted
    raise ArgumentError(f"{form}: {name} is an integer, but {brief(given)} was given")


def _integer(given: int | Array | Dim) -> Array:
    """A number of iterations as an int64 of the current stage."""
    if isinstance(given, int):
        return ops.full((), given, dtype=dtypes.int64)
    return array_of("a loop", given)


@located
def fori_loop(lo: int | Array, hi: int | Array, body_fn: Callable[[Any, Any], object], carry: object) -> Any:
    """The last of what `body_fn(i, carry)` makes of a carry, for i = lo, lo + 1, ... hi - 1.

    Args:
        lo, hi: integers; the first number, and the one after the last. With hi <= lo the carry comes back as it is.
        body_fn: gives the next carry, in the same containers, each value of the same shape and dtype; i is a scalar
            tensor of the dtype of the bounds, int32 for Python integers that fit.
        carry: tensors and numbers in any containers.

    Raises:
        ArgumentError, DTypeError, ShapeError: an argument, or what the function gives, is of another kind.
    """
    check_functions("fori_loop", body_fn=body_fn)
    first, last = _count("fori_loop", "lo", lo), _count("fori_loop", "hi", hi)
    dtype = _index_type(first, last)
    arrays, structure = arrays_of("fori_loop", carry)
    types = [a._aval for a in arrays]
    what = "body_fn of fori_loop"

    def made(i: Array, values: Sequence[Array]) -> list[Array]:
        given = unflatten(structure, values)
        return returned(what, body_fn(i, given), structure, types, given)

    if runs_plainly():
        for k in range(int(first), int(last)):
            arrays = made(current().constant(np.asarray(k, dtype.numpy)), arrays)
        return unflatten(structure, arrays)
    start = ops.astype(_integer(first), dtype)
    length: Extent | Array
    if isinstance(first, Array) or isinstance(last, Array):
        bounds = [ops.astype(_integer(b), dtypes.int64) for b in (last, first)]
        length = ops.maximum(bounds[0] - bounds[1], 0)
    else:
        length = last - first if last > first else 0

    def step(body: Body, values: Sequence[Traced], slices: Sequence[Traced]) -> list[Array]:
        return [values[0] + 1, *made(values[0], values[1:])]

    index = start._aval
    results = _scanned("fori_loop", what, [start, *arrays], [index, *types], [], length, False, step)
    return unflatten(structure, results[1:])


def _index_type(lo: int | Array | Dim, hi: int | Array | Dim) -> dtypes.DType:
    of = {b.dtype for b in (lo, hi) if isinstance(b, Array)}
    if len(of) == 1:
        return of.pop()
    if of or not all(-(2**31) <= b < 2**31 for b in (lo, hi) if isinstance(b, int)):
        return dtypes.int64
    return dtypes.int32


def _scanned(
    form: str,
    what: str,
    first: Sequence[Array],
    types: Sequence[TensorType],
    xs: Sequence[Array],
    length: Extent | Array,
    reverse: bool,
    function: Callable[[Body, Sequence[Traced], Sequence[Traced]], list[Array]],
) -> list[Array]:
    """The results of a loop of known length: what is carried, then what is stacked.

    `function` gives, of the values carried and of slices, the next values and what is stacked.
    """
    stage, n, state = current(), len(types), list[Variable]()
    slices = [TensorType(x.dtype, x.shape[1:]) for x in xs]
    while True:
        body = body_of(stage, form, what)
        values = [body.param(t) for t in types]
        for variable in state:
            body.carry(variable)
        parts = [body.param(t) for t in slices]
        with entered(body):
            made = [body.lift(r) for r in function(body, values, parts)]
        more = joined(state, body.written())
        if len(more) == len(state):
            break
        state = more
    carried = n + len(state)
    inside = [*made[:n], *[body.lift(v) for v in state], *made[n:]]
    regions, captured = united([(body, carried + len(parts), inside)])
    counted = [length] if isinstance(length, Array) else []
    attrs = Loop(carried, len(parts), None if isinstance(length, Array) else length, reverse)
    args = [*counted, *first, *[stage.lift(v) for v in state], *xs, *[stage.lift(c) for c in captured]]
    results = carry_out(stage, OPS["scan"], args, regions, attrs)
    _assign(state, results[n:carried])
    return [*results[:n], *results[carried:]]


@located
def scan(
    body_fn: Callable[[Any, Any], object],
    carry: object,
    xs: object = None,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """`(carry, ys)` after `carry, y = body_fn(carry, x)` for each x along the first axes of `xs`.

    Args:
        body_fn: gives the next carry, in the same containers, each value of the same shape and dtype; and y, tensors
            and numbers in any containers.
        carry: tensors and numbers in any containers.
        xs: tensors in any containers, with first axes of one extent; None for none, and x is None.
        length: that extent; needed where there are no `xs`.
        reverse: from the last to the first; `ys` has the order of `xs` all the same.

    Returns:
        The last carry, and all y stacked along a new first axis.

    Raises:
        ArgumentError, DTypeError, ShapeError: an argument, or what the function gives, is of another kind.
    """
    check_functions("scan", body_fn=body_fn)
    if not isinstance(reverse, bool):
        raise ArgumentError(f"scan: reverse is True or False, but {brief(reverse)} was given")
    arrays, structure = arrays_of("scan", carry)
    types = [a._aval for a in arrays]
    slices, outline = arrays_of("scan", xs)
    extent = _length("scan", slices, length)
    ys: list[Structure] = []
    what = "body_fn of scan"

    def made(values: Sequence[Array], parts: Sequence[Array]) -> tuple[list[Array], list[Array]]:
        given = unflatten(structure, values)
        out = body_fn(given, unflatten(outline, parts))
        if not isinstance(out, tuple) or len(out) != 2:
            raise ArgumentError(f"{what} must return a pair (carry, y), but it returned {brief(out)}")
        beside, kind = arrays_of("scan", out[1])
        if ys and ys[0] != kind:
            raise ArgumentError(f"{what} must return y in the same containers each time")
        ys[:] = [kind]
        return returned(what, out[0], structure, types, given), beside

    if runs_plainly() and extent != 0:
        rows: list[list[Array]] = []
        for k in reversed(range(int(extent))) if reverse else range(int(extent)):
            arrays, beside = made(arrays, [x[k] for x in slices])
            rows.append(beside)
            if any(a._aval is not b._aval for a, b in zip(beside, rows[0], strict=True)):
                raise ShapeError(f"{what} must return y of one shape and dtype each time")
        ordered = rows[::-1] if reverse else rows
        stacks = [ops.stack([row[j] for row in ordered]) for j in range(len(rows[0]))]
        return unflatten(structure, arrays), unflatten(ys[0], stacks)

    def step(body: Body, values: Sequence[Traced], parts: Sequence[Traced]) -> list[Array]:
        carried, beside = made(values, parts)
        return [*carried, *beside]

    results = _scanned("scan", what, arrays, types, slices, extent, reverse, step)
    n = len(types)
    return unflatten(structure, results[:n]), unflatten(ys[0], results[n:])


def _length(form: str, xs: Sequence[Array], length: object) -> Extent:
    """The one extent of first axes."""
    if length is not None and (not isinstance(length, int | Dim) or isinstance(length, bool)):
        raise ArgumentError(f"{form}: length is an integer, but {brief(length)} was given")
    if isinstance(length, int) and length < 0:
        raise ArgumentError(f"{form}: length must not be negative, but {length} was given")
    found: Extent | None = length
    for x in xs:
        if not x.ndim:
            raise ShapeError(f"{form}: slices are taken along the first axis, but {x._aval} has none")
        if found is not None and x.shape[0] != found:
            other = f"length is {found}" if length is not None else f"another has {found}"
            raise ShapeError(f"{form}: the first axis of {x._aval} has {x.shape[0]} slices, and {other}")
        found = x.shape[0]
    if found is None:
        raise ArgumentError(f"{form}: without xs the number of iterations must be given as length")
    return found


@located
def map(fn: Callable[[Any], object], xs: object) -> Any:
    """What `fn` gives for each x along the first axes of `xs`, one after another, stacked along a new first axis.

    Args:
        fn: gives tensors and numbers in any containers.
        xs: tensors in any containers, with first axes of one extent.

    Raises:
        ArgumentError, DTypeError, ShapeError: an argument, or what the function gives, is of another kind.
    """
    check_functions("map", fn=fn)
    if flatten(xs)[1] != LEAF and not flatten(xs)[0]:
        raise ArgumentError("map: there is nothing in xs to map over")
    return scan(lambda carry, x: ((), fn(x)), (), xs)[1]


__all__ = ["fori_loop", "map", "scan", "while_loop"]
