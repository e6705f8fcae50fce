"""The step that computes nothing: a mark that makes the steps around it a loop or a choice."""

from __future__ import annotations

from collections.abc import Callable

from ..ir.records import dataclass
from .body import Body
from .module import Module, Scratch
from .plan import Use
from .target import Target


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A mark in a program.

    Attributes:
        text: what it is.
        writes: writes it; the status operand when it can fail.
        uses: what it reads and writes, and so what must last until there; asked when all is planned.
        polls: it looks for signals.
    """

    text: str
    writes: Callable[[Module, Body], str | None]
    uses: Callable[[], Use]
    polls: bool = False

    def use(self) -> Use:
        """What it reads and writes."""
        return self.uses()

    def write(self, module: Module, body: Body, k: int, scratch: Scratch) -> str | None:
        """Write it."""
        return self.writes(module, body)

    def show(self, target: Target) -> str:
        """The mark as text."""
        return f"; {self.text}"
