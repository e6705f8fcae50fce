"""Looking inside: what calls take in memory."""

from __future__ import annotations

from collections.abc import Callable

from .runtime import core

__all__ = ["peak_bytes"]


def peak_bytes(call: Callable[[], object]) -> int:
    """The most bytes that tensors and programs held at once while `call` ran, beyond what they held before.

    It is the allocator's own count: tensors, their shared buffers and the scratch memory of compiled programs, in this
    process, whichever thread they belong to.
    """
    core.reset_peak()
    before = core.counters().num_bytes
    result = call()
    peak = core.counters().peak_bytes
    del result
    return peak - before
