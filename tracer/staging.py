"""Entering a stage so that the native call path knows: while any is entered, every call goes the slow way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..ir.stage import Stage, default, entered
from ..runtime.core import enter, leave

compilation_off: list[bool] = []
"""Not empty while functions run their Python body on each call."""


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


def run_functions_eagerly(on: bool) -> None:
    """Turn compilation off (or on again): functions then run their Python body on each call."""
    if on and not compilation_off:
        compilation_off.append(True)
        enter()
    elif not on and compilation_off:
        compilation_off.pop()
        leave()
