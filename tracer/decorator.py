"""The decorator `lithograph.function`: what it takes and refuses; it traces and runs nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TypeVar, cast, overload

from ..ir.errors import ArgumentError
from ..ir.stage import located
from .function import Function, Options, make_function

R = TypeVar("R")


@overload
def function(
    target: Callable[..., R],
    /,
    *,
    input_signature: Sequence[object] | None = None,
    static_argnames: str | Sequence[str] | None = None,
    reduce_retracing: bool = True,
    name: str | None = None,
) -> Function[R]: ...
@overload
def function(
    *,
    input_signature: Sequence[object] | None = None,
    static_argnames: str | Sequence[str] | None = None,
    reduce_retracing: bool = True,
    name: str | None = None,
) -> Callable[[Callable[..., R]], Function[R]]: ...


@located
def function(
    target: Callable[..., object] | None = None,
    /,
    *,
    input_signature: Sequence[object] | None = None,
    static_argnames: str | Sequence[str] | None = None,
    reduce_retracing: bool = True,
    name: str | None = None,
) -> object:
    """Make a Python function run as native code; used as `@function` or `@function(...)`.

    The function is traced once for each kind of call: dtypes and shapes of arrays, structure of containers,
    type and value of everything else. Its Python effects happen then and only then. An extent that changes
    becomes a symbol, and one trace then serves all its sizes for which the function takes the same course.

    Args:
        target: a function, method, lambda or callable object.
        input_signature: TensorSpecs for the first parameters, in any nest; arguments are converted to them.
        static_argnames: parameters whose values are taken as they are, compared by == and hash.
        reduce_retracing: whether extents that change become symbols; else each shape is traced.
        name: of its graphs; the function's own by default.

    Raises:
        ArgumentError: `target` is no such thing, or the names and specs do not fit its parameters.
    """
    static = (static_argnames,) if isinstance(static_argnames, str) else static_argnames
    for title, given in (("static_argnames", static), ("input_signature", input_signature)):
        if not isinstance(given, Sequence | set | None):
            raise ArgumentError(f"lithograph.function: {title} is a sequence, but a {type(given).__name__} was given")
    options = Options(
        None if static is None else tuple(static),
        None if input_signature is None else tuple(input_signature),
        reduce_retracing,
    )

    @located
    def decorate(target: object) -> object:
        if isinstance(target, staticmethod | classmethod):
            return type(target)(cast("Callable[..., object]", decorate(target.__func__)))
        if isinstance(target, type) or not callable(target):
            raise ArgumentError(
                f"lithograph.function takes a function, but a {type(target).__name__} was given"
            )
        codes = (target, type(target).__call__)
        if any(inspect.iscoroutinefunction(c) or inspect.isgeneratorfunction(c) for c in codes):
            raise ArgumentError("lithograph.function takes a plain function, no generator or coroutine")
        title = name or str(getattr(target, "__name__", type(target).__name__))
        made = make_function(target, "lambda" if title == "<lambda>" else title, options, None)
        if "." not in getattr(target, "__qualname__", "").rpartition("<locals>.")[2]:
            # In a class body it is not known yet whether the first parameter is an instance.
            _ = made._signature
        return made

    return decorate if target is None else decorate(target)
