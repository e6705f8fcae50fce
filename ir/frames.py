"""Which frames of a traceback users see: their own, or all; it knows no error and no switch."""

from __future__ import annotations

from types import TracebackType
from typing import Final

from .loc import is_ours

_shown: Final = {"full": False}


def show_all(full: bool) -> None:
    """Show the frames of this package from now on, or hide them."""
    _shown["full"] = full


def own(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of this package, unless all are to be shown."""
    if _shown["full"]:
        return traceback
    kept: list[TracebackType] = []
    while traceback is not None:
        if not is_ours(traceback.tb_frame):
            kept.append(traceback)
        traceback = traceback.tb_next
    made: TracebackType | None = None
    for entry in reversed(kept):
        made = TracebackType(made, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return made
