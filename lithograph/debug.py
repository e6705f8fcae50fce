"""Looking inside: what calls take in memory, which tensors are alive, and whether gradients are right."""

from __future__ import annotations

from collections.abc import Callable

from .gradient_check import check_grads
from .ir.errors import ArgumentError
from .ir.stage import located
from .runtime import core
from .tracer.living import LiveTensor, LiveTensors, live_tensors

__all__ = ["LiveTensor", "LiveTensors", "check_grads", "live_tensors", "peak_bytes"]


@located
def peak_bytes(call: Callable[[], object]) -> int:
    """The most bytes that tensors and programs held at once while `call` ran, beyond what they held before.

    It is the allocator's own count: tensors, their shared buffers and the scratch memory of compiled programs, in this
    process, whichever thread they belong to.

    Raises:
        ArgumentError: `call` cannot be called.
    """
    if not callable(call):
        raise ArgumentError(f"peak_bytes: a function of no arguments is wanted, not a {type(call).__name__} was given")
    core.reset_peak()
    before = core.counters().num_bytes
    result = call()
    peak = core.counters().peak_bytes
    del result
    return peak - before
