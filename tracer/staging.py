"""Turning compilation off, and carrying ops out at once whatever is being traced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..ir.stage import default, entered
from ..runtime.core import enter, leave

compilation_off: list[bool] = []
"""Not empty while functions run their Python body on each call."""


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
