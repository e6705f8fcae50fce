"""The op table by name; rows enter themselves (`ir/op.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .op import Op

OPS: Final[dict[str, Op]] = {}
