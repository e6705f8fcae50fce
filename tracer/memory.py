"""Giving the memory of tensors in containers back by hand; it knows neither allocation nor scopes."""

from __future__ import annotations

from ..ir.builder import Builder
from ..ir.gradient import ground
from ..ir.stage import current
from ..runtime import core
from .pytree import flatten


def dispose(container: object) -> None:
    """Drop the claim of all tensors in a container on their memory.

    Whatever else is in it is left alone, and so is a tensor that is disposed already. Inside a function that
    is being traced nothing happens.

    Args:
        container: a tensor, or any nest of them.
    """
    if isinstance(ground(current()), Builder):
        return
    for leaf in flatten(container)[0]:
        if isinstance(leaf, core.Tensor):
            core.dispose(leaf)
