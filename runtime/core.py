"""The call path in force: native where the interpreter allows, its twin elsewhere; it defines nothing."""

from __future__ import annotations

from .surface import Counters
from .twin import (
    Cell,
    Dispatcher,
    Tensor,
    as_ndarray,
    bind_operator,
    counters,
    dispose,
    enter,
    from_ndarray,
    is_disposed,
    leave,
    new_tensor,
    reset_peak,
    trim,
    wrap,
)

__all__ = [
    "Cell",
    "Counters",
    "Dispatcher",
    "Tensor",
    "as_ndarray",
    "bind_operator",
    "counters",
    "dispose",
    "enter",
    "from_ndarray",
    "is_disposed",
    "leave",
    "new_tensor",
    "reset_peak",
    "trim",
    "wrap",
]
