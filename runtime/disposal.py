"""Disposing tensors by hand, and the error for using one afterwards, which says where it was disposed."""

from __future__ import annotations

import weakref
from typing import Final

from ..ir.errors import StateError
from ..ir.loc import Loc, here
from . import core
from .core import Tensor

_places: Final[dict[int, tuple[weakref.ref[Tensor], Loc]]] = {}


def dispose(tensor: Tensor) -> None:
    """Drop the tensor's claim on its memory, and remember the user's line; nothing happens the second time."""
    if core.is_disposed(tensor):
        return
    key = id(tensor)
    # First, for another thread may use the tensor as soon as it is gone.
    _places[key] = weakref.ref(tensor, lambda _: _places.pop(key, None)), here()
    core.dispose(tensor)


def refusal(tensor: Tensor) -> StateError:
    """The error for a disposed tensor that is used."""
    known = _places.get(id(tensor))
    if known is None or known[0]() is not tensor:
        return StateError("Tensor is disposed.")
    file, line, _ = known[1].position
    return StateError(f"Tensor is disposed. It was disposed at {file}:{line}.")
