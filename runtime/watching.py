"""Telling whoever watches of tensors as they are made and ops as they are carried out; it knows no watcher.

A watcher is in force in its context: other threads and tasks do not see it. While there is one, every call takes the
Python path, which asks here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Final, Protocol, TypeVar, cast

from ..ir.array import Array
from .core import enter, leave

A = TypeVar("A")


class Watcher(Protocol):
    """Is told of what happens in its context."""

    def made(self, array: Array) -> None:
        """A tensor was made, or a variable."""

    def ran(self, name: str, inputs: Sequence[Array], outputs: Sequence[Array], seconds: float) -> None:
        """An op, or a compiled program, was carried out; its outputs are told of by `made` too."""


_watchers: Final[ContextVar[tuple[Watcher, ...]]] = ContextVar("lithograph_watchers", default=())


def watchers() -> tuple[Watcher, ...]:
    """Those in force, the innermost last."""
    return _watchers.get()


def made(array: A) -> A:
    """Tell of a new tensor or variable, and give it back."""
    for w in _watchers.get():
        w.made(cast(Array, array))
    return array


@contextlib.contextmanager
def watched(by: Sequence[Watcher]) -> Iterator[None]:
    """Put these watchers in force for a while, in place of those before."""
    token = _watchers.set(tuple(by))
    enter()
    try:
        yield
    finally:
        leave()
        _watchers.reset(token)
