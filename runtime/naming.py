"""Name scopes: prefixes of the names of variables that are made inside them; it knows nothing of what is named."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

from ..ir.errors import ArgumentError
from ..ir.stage import located

_current: Final[ContextVar[str]] = ContextVar("lithograph_name_scope", default="")
_used: Final[dict[str, int]] = {}


def current_name_scope() -> str:
    """The name scope in force, such as `"outer/inner"`; empty outside of any."""
    return _current.get()


def prefixed(name: str) -> str:
    """A name in the name scope in force."""
    scope = _current.get()
    return f"{scope}/{name}" if scope else name


@located
def named(what: str, name: object) -> str:
    """A name that the user gave to `what`; ArgumentError where it is no string, or empty."""
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"{what} takes a name, but {name!r} was given")
    return name


@contextlib.contextmanager
def name_scope(name: str) -> Iterator[str]:
    """Put `name/` before the names of variables that are made inside; get_variable's names are left alone.

    A name that was used before in the same scope gets a number: `dense`, `dense_1`. A name that ends with a slash is
    taken as the whole path, as it is.

    Raises:
        ArgumentError: `name` is no string, or empty.
    """
    name = named("name_scope", name)
    path = name[:-1] if name.endswith("/") else _unique(prefixed(name))
    token = _current.set(path)
    try:
        yield path
    finally:
        _current.reset(token)


@contextlib.contextmanager
def outside() -> Iterator[None]:
    """Leave all name scopes for a while."""
    token = _current.set("")
    try:
        yield
    finally:
        _current.reset(token)


def _unique(path: str) -> str:
    count = _used.get(path, 0)
    _used[path] = count + 1
    if not count:
        return path
    found = f"{path}_{count}"
    while found in _used:
        count += 1
        found = f"{path}_{count}"
    _used[path], _used[found] = count + 1, 1
    return found


def reset() -> None:
    """Forget which names were used."""
    _used.clear()
