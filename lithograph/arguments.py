"""Arguments of factories, checked against their annotations: numbers, flags, names, sequences of numbers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, cast

import numpy as np

from .ir.errors import ArgumentError
from .ir.stage import located

F = TypeVar("F", bound=Callable[..., object])


def _is_number(x: object) -> bool:
    if isinstance(x, bool) or not isinstance(x, int | float | np.integer | np.floating):
        return False
    return not isinstance(x, int) or -_LARGEST <= x <= _LARGEST


def _is_integer(x: object) -> bool:
    return isinstance(x, int | np.integer) and not isinstance(x, bool)


_LARGEST: Final = 2**1023
_KINDS: Final[dict[str, tuple[str, Callable[[object], bool]]]] = {
    "float": ("a number", _is_number),
    "int": ("an integer", _is_integer),
    "bool": ("True or False", lambda x: isinstance(x, bool)),
    "str": ("a string", lambda x: isinstance(x, str)),
    "None": ("None", lambda x: x is None),
    "Rate": ("a number or a schedule", lambda x: _is_number(x) or callable(x)),
    "Schedule": ("a schedule", callable),
    "Sequence[int]": (
        "a list of integers",
        lambda x: isinstance(x, Sequence) and not isinstance(x, str) and all(map(_is_integer, x)),
    ),
    "Sequence[float]": (
        "a list of numbers",
        lambda x: isinstance(x, Sequence) and not isinstance(x, str) and all(map(_is_number, x)),
    ),
}


def limit(name: str, what: str, value: object) -> float | None:
    """A number that is not negative, or None; ArgumentError for anything else."""
    if value is not None and not (isinstance(value, int | float) and _is_number(value) and value >= 0):
        raise ArgumentError(f"{name}: {what} must be a number that is not negative, but it is {value!r}")
    return value


def checked(function: F) -> F:
    """Make a factory refuse, with an ArgumentError, arguments that are not of the kinds that its annotations name."""
    parameters = inspect.signature(function).parameters
    kinds = {n: [_KINDS[k] for k in str(p.annotation).split(" | ") if k in _KINDS] for n, p in parameters.items()}

    @functools.wraps(function)
    @located
    def call(*args: object, **kwargs: object) -> object:
        for name, value in [*zip(parameters, args, strict=False), *kwargs.items()]:
            asked = kinds.get(name)
            if asked and not any(fits(value) for _, fits in asked):
                words = " or ".join([word for word, _ in asked])
                raise ArgumentError(f"{function.__name__}: {name} must be {words}, but {value!r} was given")
        return function(*args, **kwargs)

    return cast(F, call)
