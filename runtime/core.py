"""The call path in force: native where the interpreter allows, its twin elsewhere; it defines nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.config import config
from .native.layout import supported
from .surface import Counters

if TYPE_CHECKING or not config.native or not supported():
    from .twin import (
        Cell,
        Dispatcher,
        Holder,
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
        replace,
        reset_peak,
        trim,
        view,
        wrap,
    )
else:
    from .native.objects import (
        Cell,
        Dispatcher,
        Holder,
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
        replace,
        reset_peak,
        trim,
        view,
        wrap,
    )

__all__ = [
    "Cell",
    "Counters",
    "Dispatcher",
    "Holder",
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
    "replace",
    "reset_peak",
    "trim",
    "view",
    "wrap",
]
