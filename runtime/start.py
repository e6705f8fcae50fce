"""Puts the runtime in force, once, when it is imported: tensors get their methods, ops their native calls."""

from __future__ import annotations

from . import eager, tensor_methods

tensor_methods.attach()
eager.install()
