"""The switches: fields that start from LITHOGRAPH_* variables; it knows none of their readers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from . import frames
from .errors import DomainError
from .passes import PASSES, PIPELINE, Settings

_Parser = Callable[[object], object]


class _Refused(Exception):
    """Says what a switch must be."""


def _level(most: int) -> _Parser:
    def parse(value: object) -> int:
        text = str(value).strip()
        if isinstance(value, bool) or not text.isdecimal() or int(text) > most:
            raise _Refused(f"an integer from 0 to {most}")
        return int(text)

    return parse


def _threads(value: object) -> int | None:
    text = str(value).strip()
    if value is None or not text:
        return None
    if isinstance(value, bool) or not text.isdecimal() or not 1 <= int(text) <= 256:
        raise _Refused("a number of threads from 1 to 256")
    return int(text)


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).strip() not in ("0", "1"):
        raise _Refused("0 or 1")
    return str(value).strip() == "1"


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str | os.PathLike):
        raise _Refused("a string")
    return os.fspath(value)


def _traceback(value: object) -> str:
    if value not in ("short", "full"):
        raise _Refused("'short' or 'full'")
    return str(value)


def _pipeline(value: object) -> tuple[str, ...]:
    if not isinstance(value, tuple | list) or any(name not in PASSES for name in value):
        raise _Refused(f"a tuple of names of passes, which are {', '.join(PASSES)}")
    return tuple(value)


_PARSERS: Final[Mapping[str, _Parser]] = {
    "debug": _level(5),
    "check": _level(3),
    "dump": _text,
    "cache": _text,
    "threads": _threads,
    "traceback": _traceback,
    "target": _text,
    "native": _flag,
    "pipeline": _pipeline,
}


class Config:
    """The switches of this process; assigning a value that a switch cannot have raises DomainError.

    Attributes:
        debug: 0 to 5, how much is printed to stderr; it never changes what runs.
        check: 0 nothing, 1 verify after each pass, 2 also interpret before and after, 3 also text and rerun.
        dump: folder that gets the graphs of all stages; None for none.
        cache: folder of compiled objects, or "off"; None for the user's cache folder.
        threads: threads that compiled code may use, the caller included; None for all CPUs.
        traceback: "short" hides frames of this package in errors, "full" shows them.
        target: name of the CPU that code is made for; None for this machine's.
        native: whether calls go through native code.
        pipeline: names of the passes, in order.
    """

    debug: int
    check: int
    dump: str | None
    cache: str | None
    threads: int | None
    traceback: str
    target: str | None
    native: bool
    pipeline: tuple[str, ...]
    _watchers: dict[str, list[Callable[[object], None]]]

    __slots__ = (*_PARSERS, "_watchers")

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        object.__setattr__(self, "_watchers", {})
        defaults: dict[str, object] = {"debug": 0, "check": 0, "traceback": "short", "pipeline": PIPELINE}
        defaults |= {"native": True}
        for name in _PARSERS:
            variable = f"LITHOGRAPH_{name.upper()}"
            given = environment.get(variable, "").strip() if name != "pipeline" else ""
            if given:
                self._assign(name, given, variable)
            else:
                self._assign(name, defaults.get(name), name)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _PARSERS:
            raise AttributeError(f"config has no switch {name!r}; its switches are {', '.join(_PARSERS)}")
        self._assign(name, value, f"config.{name}")

    def _assign(self, name: str, value: object, title: str) -> None:
        try:
            parsed = _PARSERS[name](value)
        except _Refused as wanted:
            raise DomainError(f"{title} must be {wanted}, not {value!r}") from None
        object.__setattr__(self, name, parsed)
        for call in self._watchers.get(name, ()):
            call(parsed)

    def watch(self, name: str, call: Callable[[object], None]) -> None:
        """Have `call` told of each new value of a switch, for what has to act on it at once."""
        self._watchers.setdefault(name, []).append(call)

    @property
    def settings(self) -> Settings:
        """What the pass pipeline takes of the switches."""
        return Settings(check=self.check, debug=self.debug, dump=self.dump)

    def __repr__(self) -> str:
        return "Config(" + ", ".join([f"{name}={getattr(self, name)!r}" for name in _PARSERS]) + ")"


config: Final = Config()
"""The switches in force."""
config.watch("traceback", lambda style: frames.show_all(style == "full"))
frames.show_all(config.traceback == "full")
