"""Entering a stage so that the native call path knows: while any is entered, every call goes the slow way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..ir.stage import Stage, default, entered
from ..runtime.core import enter, leave


@contextmanager
def staged(stage: Stage) -> Iterator[None]:
    """Make `stage` the current one in this context for a while."""
    enter()
    try:
        with entered(stage):
            yield
    finally:
        leave()


@contextmanager
def eagerly() -> Iterator[None]:
    """Carry ops out at once for a while, whatever is being traced or recorded."""
    with entered(default[0]):
        yield
