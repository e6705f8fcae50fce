"""IR text as tokens, and the fault that names line, column and what was expected; it knows no grammar."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from .errors import IRSyntaxError

END: Final = "the end of the text"

# Numbers are bounded because Python refuses to convert very long ones.
_TOKEN: Final = re.compile(
    r"""(?:[ \t\r\n]+|\#[^\n]*)*
    (?: (?P<value>%[0-9]{1,18})
      | (?P<float>[0-9]{1,400}(?:\.[0-9]{0,400}(?:[eE][+-]?[0-9]{1,9})?|[eE][+-]?[0-9]{1,9}))
      | (?P<int>[0-9]{1,400}(?![0-9]))
      | (?P<name>[A-Za-z_][A-Za-z0-9_.]*)
      | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
      | (?P<punct>->|[@(){}\[\],:=+\-*$∂])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


class Tokens:
    """The tokens of a text, read from the front.

    Attributes:
        kind: of the token at hand: value, float, int, name, string, punct or end.
        word: the text of the token at hand.
    """

    __slots__ = ("_at", "_next", "_text", "kind", "word")

    def __init__(self, text: str) -> None:
        self._text = text
        self._next = 0
        self._at = 0
        self.kind = ""
        self.word = ""
        self.advance()

    def advance(self) -> str:
        """Go to the next token; the word of the one that is left."""
        left = self.word
        found = _TOKEN.match(self._text, self._next)
        if found is None:
            self._at = self._after_space(self._next)
            self.kind, self.word = "stray", self._text[self._at : self._at + 1]
            self.fault("a token of the IR")
        kind = found.lastgroup
        assert kind is not None
        self.kind = kind
        self._at = found.start(kind)
        self._next = found.end()
        self.word = found[kind]
        return left

    def _after_space(self, at: int) -> int:
        while at < len(self._text):
            if self._text[at] == "#":
                end = self._text.find("\n", at)
                at = len(self._text) if end < 0 else end
            elif self._text[at] not in " \t\r\n":
                break
            else:
                at += 1
        return at

    def take(self, word: str) -> bool:
        """Whether the token at hand is this name or punctuation; if so, go on."""
        if self.word == word and self.kind in ("punct", "name"):
            self.advance()
            return True
        return False

    def expect(self, word: str) -> None:
        """Take this name or punctuation."""
        if not self.take(word):
            self.fault(f"'{word}'")

    def expect_kind(self, kind: str, expected: str) -> str:
        """Take a token of this kind; its word."""
        if self.kind != kind:
            self.fault(expected)
        return self.advance()

    def fault(self, expected: str) -> NoReturn:
        """Raise IRSyntaxError at the token at hand: something else was expected."""
        found = END if self.kind == "end" else f"'{self.word}'"
        self.wrong(f"expected {expected}, but found {found}")

    def wrong(self, what: str, at: int | None = None) -> NoReturn:
        """Raise IRSyntaxError at an offset of the text, or at the token at hand."""
        place = self._at if at is None else at
        start = self._text.rfind("\n", 0, place) + 1
        end = self._text.find("\n", place)
        line = self._text[start : len(self._text) if end < 0 else end].rstrip("\r")
        column = place - start
        # A long line is shown around the fault only, and tabs would shift the caret.
        first = max(0, column - 70)
        shown = line[first : first + 100].replace("\t", " ")
        raise IRSyntaxError(
            f"IR text, line {self._text.count(chr(10), 0, start) + 1}, column {column + 1}: {what}\n"
            f"    {shown}\n    {' ' * (column - first)}^"
        )

    @property
    def at(self) -> int:
        """Offset of the token at hand, for `wrong`."""
        return self._at
