"""Source locations: where in the user's program an operation was written; taken cheaply, resolved only when shown."""

from __future__ import annotations

import itertools
import linecache
import sys
from types import CodeType, FrameType
from typing import Final

_PACKAGE = __name__.split(".")[0] + "."


class Loc:
    """A place in a program: a code object and an instruction, or a file position read from IR text.

    Attributes:
        outer: the place that called into the function this one lies in, or None.
        gradient: whether the operation there is the derivative of what is written.
    """

    __slots__ = ("_code", "_instruction", "_position", "gradient", "outer")

    def __init__(
        self,
        code: CodeType | None,
        instruction: int,
        outer: Loc | None = None,
        position: tuple[str, int, int] | None = None,
        gradient: bool = False,
    ) -> None:
        self._code = code
        self._instruction = instruction
        self._position = position
        self.outer = outer
        self.gradient = gradient

    @property
    def position(self) -> tuple[str, int, int]:
        """File, line and column (line from 1, column from 1; 0 where unknown)."""
        if self._position is None:
            self._position = _resolve(self._code, self._instruction)
        return self._position

    def as_gradient(self) -> Loc:
        """The same place, marked as standing for the derivative of what is there."""
        return Loc(self._code, self._instruction, self.outer, self._position, gradient=True)

    def called_from(self, caller: Loc | None) -> Loc:
        """The same place, in a function that `caller` called, behind the callers that it has already."""
        chain = [self]
        while (outer := chain[-1].outer) is not None:
            chain.append(outer)
        result = caller
        for loc in reversed(chain):
            result = Loc(loc._code, loc._instruction, result, loc._position, loc.gradient)
        assert result is not None
        return result

    def caret(self) -> str:
        """The source line with a caret under the column, or an empty string when the source is not at hand."""
        file, line, column = self.position
        text = linecache.getline(file, line).rstrip()
        if not text.strip():
            return ""
        stripped = text.lstrip()
        offset = max(column - 1 - (len(text) - len(stripped)), 0)
        return f"    {stripped}\n    {' ' * offset}^"

    def __str__(self) -> str:
        file, line, column = self.position
        return f"{'∂' if self.gradient else ''}{file}:{line}:{column}"

    __repr__ = __str__


NOWHERE: Final = Loc(None, 0)
"""For what serves many places in programs."""


def _resolve(code: CodeType | None, instruction: int) -> tuple[str, int, int]:
    if code is None:
        return ("<unknown>", 0, 0)
    index = instruction // 2
    found = next(itertools.islice(code.co_positions(), index, index + 1), (None, None, None, None))
    line, _, column, _ = found
    return (code.co_filename, line or code.co_firstlineno, 0 if column is None else column + 1)


def is_ours(frame: FrameType) -> bool:
    """Whether a frame runs code of this package."""
    name = frame.f_globals.get("__name__", "")
    return isinstance(name, str) and name.startswith(_PACKAGE)


def user_frame(start: FrameType | None) -> FrameType | None:
    """The nearest frame at or above `start` that is not inside this package."""
    frame = start
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    return frame


def here() -> Loc:
    """The place in the user's program that is being executed."""
    frame = user_frame(sys._getframe(1))
    if frame is None:
        return Loc(None, 0)
    return Loc(frame.f_code, frame.f_lasti)
