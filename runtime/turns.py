"""Waiting for variables that running programs write: who has waited long goes next; it knows no variable.

A program takes all variables that it needs at once, or none, so nobody waits while holding one. But who needs several
could wait for ever while others use each in turn: hence, after a while, calls that start let those go first who wait.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Final

from .core import enter, leave

_PAUSE: Final = 2e-5
_PATIENCE: Final = 1e-3
_MOST: Final = 1.0
"""Seconds: between two tries, until a waiter asks for the others to give way, and for how long they do."""

BUSY: Final = object()
"""What a try gives when a variable is being written."""

_waiting: Final[list[int]] = []
_turn = threading.RLock()


def give_way() -> None:
    """Let those go first who have waited long; called before a program is started."""
    # Not for ever: a program that is waited for may have called back into Python.
    if _waiting and _turn.acquire(timeout=_MOST):
        _turn.release()


def when_free(attempt: Callable[[], object]) -> object:
    """What `attempt` gives once that is not BUSY."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        found = attempt()
        if found is not BUSY:
            return found
        time.sleep(_PAUSE)
    _waiting.append(threading.get_ident())
    # Calls take the Python path meanwhile, where they give way.
    enter()
    try:
        with _turn:
            while (found := attempt()) is BUSY:
                time.sleep(_PAUSE)
            return found
    finally:
        leave()
        _waiting.pop()


def _after_fork() -> None:
    """Threads that waited are not in the child."""
    global _turn
    _turn = threading.RLock()
    while _waiting:
        _waiting.pop()
        leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
