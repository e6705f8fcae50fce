"""Variable scopes: variables made and found by name, with TensorFlow's rules, the same eager and while tracing."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, Final, overload

import numpy as np

from .ir.array import Array
from .ir.errors import ArgumentError, VariableError
from .ir.records import dataclass
from .ir.stage import located
from .partitions import PartitionedVariable, Partitioner
from .runtime import naming
from .runtime.variable import Variable
from .variable_store import AUTO_REUSE, AutoReuse, Constraint, Initial, Regularizer, Reuse, Store

__all__ = [
    "AUTO_REUSE", "VariableScope", "get_variable", "get_variable_scope", "global_variables", "name_scope",
    "regularization_losses", "reset_default_scope", "variable_scope",
]  # fmt: skip

Getter = Callable[..., Variable | PartitionedVariable]

name_scope = naming.name_scope


@dataclass(frozen=True, slots=True)
class Settings:
    """What get_variable takes from the scope around it where it is not told; None: nothing."""

    initializer: Initial | None = None
    regularizer: Regularizer | None = None
    dtype: object = None
    custom_getter: Getter | None = None
    constraint: Constraint | None = None
    partitioner: Partitioner | None = None


class VariableScope:
    """A prefix of variable names, with settings for the variables made under it.

    Attributes:
        name: the prefix, such as `"outer/inner"`; empty at the root.
        reuse: False: variables are made, and none is shared; True: they are shared, and none is made; AUTO_REUSE.
        settings: defaults for get_variable.
    """

    def __init__(self, name: str, reuse: Reuse, settings: Settings) -> None:
        self.name = name
        self.reuse: Reuse = reuse
        self.settings = settings

    def reuse_variables(self) -> None:
        """From now on, variables of this scope are shared, and none is made."""
        self.reuse = True

    def __repr__(self) -> str:
        return f"<lithograph.VariableScope {self.name!r}, reuse={self.reuse!r}>"


class _Scopes:
    """The variables of the process by name, and which scopes were opened how often."""

    def __init__(self) -> None:
        self.store = Store()
        self.opened: dict[str, int] = {}
        self.root = VariableScope("", False, Settings())

    def open(self, name: str) -> None:
        self.opened[name] = self.opened.get(name, 0) + 1

    def close_inside(self, name: str) -> None:
        """Names inside a scope count anew when it is entered again."""
        inside = f"{name}/" if name else ""
        for known in self.opened:
            if known != name and known.startswith(inside):
                self.opened[known] = 0

    def unique(self, parent: str, name: str) -> str:
        """A name that no scope inside `parent` was opened with yet."""
        place = f"{parent}/" if parent else ""
        found, count = name, 0
        while self.opened.get(place + found, 0):
            count += 1
            found = f"{name}_{count}"
        return found


_scopes: Final = _Scopes()
_current: Final[ContextVar[VariableScope | None]] = ContextVar("lithograph_variable_scope", default=None)


def get_variable_scope() -> VariableScope:
    """The variable scope in force; the root's outside of any."""
    return _current.get() or _scopes.root


@contextlib.contextmanager
def variable_scope(
    name_or_scope: str | VariableScope | None,
    default_name: str | None = None,
    *,
    reuse: bool | AutoReuse | None = None,
    initializer: Initial | None = None,
    regularizer: Regularizer | None = None,
    dtype: object = None,
    custom_getter: Getter | None = None,
    constraint: Constraint | None = None,
    partitioner: Partitioner | None = None,
    auxiliary_name_scope: bool = True,
) -> Iterator[VariableScope]:
    """Prefix the names that get_variable makes and finds inside, and give it defaults.

    Args:
        name_or_scope: a name, which goes behind the scope in force; a scope, which is entered at its own place; or
            None, for `default_name` with a number where it was used before.
        default_name: used when `name_or_scope` is None.
        reuse: True shares variables, AUTO_REUSE makes those that are missing, None and False inherit.
        initializer, regularizer, dtype, constraint, partitioner: defaults of get_variable; those of the scope around it
            where None.
        custom_getter: called as `custom_getter(getter, name, ...)` in place of get_variable, around outer ones.
        auxiliary_name_scope: whether a name scope is entered too.

    Raises:
        TypeError, ValueError: the arguments do not go together.
    """
    _check(name_or_scope, default_name, reuse)
    outer = get_variable_scope()
    if isinstance(name_or_scope, VariableScope):
        around, path, last = name_or_scope, name_or_scope.name, name_or_scope.name.rpartition("/")[2]
        now: Reuse = reuse or around.reuse
    else:
        last = name_or_scope if name_or_scope is not None else _scopes.unique(outer.name, default_name or "")
        around, path = outer, "/".join([part for part in (outer.name, last) if part])
        now = reuse or outer.reuse
        _scopes.open(path)
    inherited = around.settings
    settings = Settings(
        inherited.initializer if initializer is None else initializer,
        inherited.regularizer if regularizer is None else regularizer,
        inherited.dtype if dtype is None else dtype,
        _around(inherited.custom_getter, custom_getter),
        inherited.constraint if constraint is None else constraint,
        inherited.partitioner if partitioner is None else partitioner,
    )
    scope = VariableScope(path, now, settings)
    token = _current.set(scope)
    try:
        with naming.name_scope(last) if auxiliary_name_scope and last else contextlib.nullcontext():
            yield scope
    finally:
        _current.reset(token)
        _scopes.close_inside(path)


@located
def _check(name_or_scope: object, default_name: object, reuse: object) -> None:
    if name_or_scope is None and default_name is None:
        raise ArgumentError("If default_name is None then name_or_scope is required")
    if reuse is not None and not isinstance(reuse, bool | AutoReuse):
        raise VariableError("The reuse parameter must be True or False or None.")
    if name_or_scope is None and reuse:
        raise VariableError("reuse=True cannot be used without a name_or_scope")
    if name_or_scope is not None and not isinstance(name_or_scope, str | VariableScope):
        raise ArgumentError(f"variable_scope: name_or_scope must be a string or a scope, not {name_or_scope!r}")
    if default_name is not None and not isinstance(default_name, str):
        raise ArgumentError(f"variable_scope: default_name must be a string, not {default_name!r}")


def _around(outer: Getter | None, inner: Getter | None) -> Getter | None:
    """A getter that calls the inner one, for which the outer one is the way to a variable."""
    if outer is None or inner is None:
        return inner or outer
    return lambda getter, *args, **kwargs: inner(functools.partial(outer, getter), *args, **kwargs)


@overload
def get_variable(
    name: str,
    shape: Sequence[int | None] | int | None = None,
    dtype: object = None,
    initializer: Initial | None = None,
    regularizer: Regularizer | None = None,
    trainable: bool = True,
    *,
    constraint: Constraint | None = None,
    custom_getter: Getter | None = None,
    partitioner: None = None,
) -> Variable: ...


@overload
def get_variable(
    name: str,
    shape: Sequence[int | None] | int | None = None,
    dtype: object = None,
    initializer: Initial | None = None,
    regularizer: Regularizer | None = None,
    trainable: bool = True,
    *,
    constraint: Constraint | None = None,
    custom_getter: Getter | None = None,
    partitioner: Partitioner,
) -> PartitionedVariable: ...


@located
def get_variable(
    name: str,
    shape: Sequence[int | None] | int | None = None,
    dtype: object = None,
    initializer: Initial | None = None,
    regularizer: Regularizer | None = None,
    trainable: bool = True,
    *,
    constraint: Constraint | None = None,
    custom_getter: Getter | None = None,
    partitioner: Partitioner | None = None,
) -> Variable | PartitionedVariable:
    """The variable of that name in the scope in force: made, or found, as the scope's `reuse` says.

    Args:
        name: behind the scope's name.
        shape: extents of a new variable; checked against one that is found.
        dtype: element type; the scope's, or float32, where None.
        initializer: a function of `shape` and `dtype`, a function of nothing, or the first value itself; the scope's,
            or Glorot's uniform distribution for floats and zeros for the rest, where None.
        regularizer: a function of the variable that gives a loss (see `regularization_losses`).
        trainable: whether gradients are taken by default.
        constraint: a function of its value that an optimizer applies after each update.
        custom_getter: as in `variable_scope`.
        partitioner: cuts it into parts, such as `fixed_size_partitioner(2)`, unless it is 0-d; the scope's where None.

    Returns:
        A `Variable`; where there is a partitioner, a `PartitionedVariable`.

    Raises:
        ValueError: it exists and must not, or does not and must; shape or dtype differ; there is no first value; it was
            made in parts and is wanted whole, or the other way round.
    """
    name = naming.named("get_variable", name)
    extents: object = (shape,) if isinstance(shape, int | None) else shape
    if not isinstance(extents, list | tuple) or not all(isinstance(s, int | np.integer | None) for s in extents):
        raise ArgumentError(f"get_variable: shape must be an integer, a tuple or None, but {shape!r} was given")
    for what, given in (("regularizer", regularizer), ("constraint", constraint), ("custom_getter", custom_getter)):
        if given is not None and not callable(given):
            raise ArgumentError(f"get_variable: {what} must be a function, but {given!r} was given")
    scope = get_variable_scope()
    s = scope.settings
    getter = _around(s.custom_getter, custom_getter)
    path = f"{scope.name}/{name}" if scope.name else name
    found = functools.partial(_scopes.store.get, reuse=scope.reuse)
    options: dict[str, Any] = {
        "shape": shape,
        "dtype": dtype if dtype is not None else s.dtype,
        "initializer": initializer if initializer is not None else s.initializer,
        "regularizer": regularizer if regularizer is not None else s.regularizer,
        "trainable": trainable,
        "constraint": constraint if constraint is not None else s.constraint,
        "partitioner": partitioner if partitioner is not None else s.partitioner,
    }
    return getter(found, path, **options) if getter is not None else found(path, **options)


def global_variables(scope: str | None = None) -> list[Variable]:
    """The variables that get_variable made, in order; with `scope`, those whose names begin with it."""
    prefix = _prefix("global_variables", scope)
    return [v for name, v in _scopes.store.variables.items() if name.startswith(prefix)]


def _prefix(name: str, scope: str | None) -> str:
    if scope is not None and not isinstance(scope, str):
        raise ArgumentError(f"{name}: scope must be a string or None, but {scope!r} was given")
    return scope or ""


def regularization_losses(scope: str | None = None) -> list[Array]:
    """What the regularizers give for their variables now, in the order of the variables; `scope` as there."""
    prefix = _prefix("regularization_losses", scope)
    return [
        regularizer(_scopes.store.variables[name])
        for name, regularizer in _scopes.store.regularizers.items()
        if name.startswith(prefix)
    ]


def reset_default_scope() -> None:
    """Forget all variables that get_variable made, and which names were used.

    Raises:
        ArgumentError: a variable scope is in force.
    """
    if _current.get() is not None:
        raise ArgumentError("reset_default_scope: a variable scope is in force; leave it first")
    _scopes.__init__()  # type: ignore[misc]
    naming.reset()
