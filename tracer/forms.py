"""What loops and choices share: values in containers that enter and leave traced functions, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..ir import ops
from ..ir.array import Array
from ..ir.builder import Builder, Traced
from ..ir.errors import ArgumentError, DTypeError, IntegerOverflow, ShapeError, TraceError
from ..ir.layers import ground
from ..ir.stage import Stage, current, number
from ..ir.types import Dim, TensorType
from ..runtime.creation import tensor
from ..runtime.eager import EAGER
from ..runtime.variable import Variable
from .pytree import Structure, count_leaves, flatten, unflatten
from .region import Body
from .signature import brief
from .staging import compilation_off

Numeric = (bool, int, float, complex)


def runs_plainly() -> bool:
    """Whether functions that are given run as they stand, one op after another."""
    stage = current()
    return stage is EAGER or (bool(compilation_off) and ground(stage) is EAGER)


def check_functions(form: str, **functions: object) -> None:
    """Refuse what is no function."""
    for name, f in functions.items():
        if not callable(f):
            raise ArgumentError(f"{form}: {name} is a function, but {brief(f)} was given")


def array_of(form: str, leaf: object) -> Array:
    """A value as an array of the current stage."""
    if isinstance(leaf, Dim):
        return ops.add(leaf, 0)
    if isinstance(leaf, Array):
        return current().lift(leaf)
    if isinstance(leaf, np.ndarray | np.generic | bool | int | float | complex):
        return tensor(leaf)
    raise ArgumentError(f"{form}: a tensor or a number is wanted, but {brief(leaf)} was given")


def arrays_of(form: str, tree: object) -> tuple[list[Array], Structure]:
    """The values in containers as arrays of the current stage, and the containers."""
    leaves, structure = flatten(tree)
    return [array_of(form, leaf) for leaf in leaves], structure


def returned(
    what: str, out: object, structure: Structure, types: Sequence[TensorType], given: object = None
) -> list[Array]:
    """What a function gave for the next iteration, as arrays of the types that it was given.

    Args:
        what: the function, as messages name it.
        out: what it gave.
        structure, types: what it was given.
        given: the containers that it got.

    Raises:
        ArgumentError: other containers, or its own were changed in place.
        DTypeError, ShapeError: a value of another type.
    """
    leaves, made = flatten(out)
    if made != structure:
        raise ArgumentError(
            f"{what} must return its carry in the containers that it came in: it came as {_outline(structure)} and "
            f"was returned as {_outline(made)}"
        )
    if given is not None and given is not out and _changed(given, structure, leaves):
        raise ArgumentError(f"{what} changed its carry in place and returned another one; return the new carry")
    return [_fitted(what, leaf, t, k, len(types)) for k, (leaf, t) in enumerate(zip(leaves, types, strict=True))]


def _changed(given: object, structure: Structure, leaves: Sequence[object]) -> bool:
    now, made = flatten(given)
    return made != structure or any(isinstance(x, Numeric) for x in now)


def _fitted(what: str, leaf: object, type: TensorType, k: int, count: int) -> Array:
    which = f"part {k} of its carry" if count > 1 else "its carry"
    if isinstance(leaf, Numeric) and not type.ndim:
        try:
            return current().constant(number(leaf, type.dtype))
        except (DTypeError, IntegerOverflow) as error:
            raise DTypeError(f"{what}: {which} comes as {type}; {error}") from None
    found = array_of(what, leaf)
    if found.dtype is not type.dtype:
        raise DTypeError(
            f"{what}: {which} comes as {type} and is returned as {found._aval}; its type must stay, so convert one of "
            "them with astype"
        )
    return shaped_as(found, type, lambda: f"{what}: {which} comes as {type} and is returned as {found._aval}")


def shaped_as(found: Array, type: TensorType, complaint: Callable[[], str]) -> Array:
    """An array of a type's shape, which it may have under another name."""
    if found._aval is type:
        return found
    if found.ndim != type.ndim or not all(a == b for a, b in zip(found.shape, type.shape, strict=True)):
        raise ShapeError(f"{complaint()}; its shape must stay")
    return ops.reshape(found, type.shape)


class _Hole:
    def __repr__(self) -> str:
        return "*"


def _outline(structure: Structure) -> str:
    return brief(unflatten(structure, [_Hole()] * count_leaves(structure)))


def truth(what: str, found: object) -> Array | bool:
    """A condition: a Python bool, or an array of the current stage that holds one bool.

    Raises:
        ArgumentError, DTypeError, ShapeError: it is none.
    """
    if isinstance(found, bool | np.bool_):
        return bool(found)
    if not isinstance(found, Array | np.ndarray):
        raise ArgumentError(f"{what} must be a scalar bool, but it is {brief(found)}")
    lifted = current().lift(found)
    if lifted.dtype.name != "bool":
        raise DTypeError(f"{what} must be a scalar bool, but it is {lifted._aval}; compare it with something")
    if lifted.ndim:
        raise ShapeError(f"{what} must be a scalar bool, but it is {lifted._aval}; take any(...) or all(...) of it")
    return lifted


def body_of(stage: Stage, form: str, what: str) -> Body:
    """A region to trace a function in."""
    base = ground(stage)
    outer = base if isinstance(base, Builder) else None
    return Body(f"{outer.name}_{form}" if outer is not None else form, stage.lift, outer, what)


def constant_truth(body: Body, found: Array | bool) -> Traced:
    """A condition as a value of a region."""
    return body.constant(np.asarray(found)) if isinstance(found, bool) else body.lift(found)


def only_computes(what: str, body: Body) -> None:
    """Refuse a function that assigned a variable."""
    for variable in body.written():
        raise TraceError(f"{what} assigned the variable {variable.name!r}; it only decides, so assign elsewhere")


def joined(known: Sequence[Variable], more: Sequence[Variable]) -> list[Variable]:
    """Variables of both, each once."""
    cells = {id(v._cell): v for v in (*known, *more)}
    return list(cells.values())
