"""What of an argument a trace depends on: the part of the cache key that one leaf contributes; it caches
nothing.

Arrays count by dtype and shape, Python numbers and strings by type and value (floats by their bits),
variables by type and by which arguments are the same one, other objects by identity through a weak reference,
or by equality where they define it.
"""

from __future__ import annotations

import struct
import weakref
from collections.abc import Callable, Hashable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Final

import numpy as np

from ..ir.abstract import Abstract
from ..ir.batching import Batched
from ..ir.builder import Traced
from ..ir.dtypes import DType, from_numpy
from ..ir.errors import ArgumentError
from ..ir.types import TensorType
from ..runtime.core import Tensor
from ..runtime.partitioned import PartitionedVariable
from ..runtime.variable import Variable
from .signature import TensorSpec

_bits: Final = struct.Struct("<d").pack


def _array(leaf: np.ndarray) -> Hashable:
    return TensorType(from_numpy(leaf.dtype), leaf.shape)


_LEAF_KEY: Final[dict[type, Callable[..., Hashable]]] = {
    Tensor: lambda leaf: leaf._aval,
    Traced: lambda leaf: leaf._aval,
    Batched: lambda leaf: leaf._aval,
    np.ndarray: _array,
    float: lambda leaf: (float, _bits(leaf)),
    int: lambda leaf: (int, leaf),
    bool: lambda leaf: (bool, leaf),
    str: lambda leaf: (str, leaf),
    Variable: lambda leaf: (Variable, id(leaf)),
    PartitionedVariable: weakref.ref,
    TensorSpec: lambda leaf: leaf.aval,
}


def is_array(leaf: object) -> bool:
    """Whether a leaf becomes a param of the trace: its value is not part of the key."""
    return isinstance(leaf, Tensor | np.ndarray | Abstract | np.generic | TensorSpec)


def leaf_key(leaf: object) -> Hashable:
    """What a leaf contributes to the key of a call; variables count by identity here.

    Raises:
        DTypeError: an array of an unsupported dtype.
        ArgumentError: an object that is not hashable.
    """
    known = _LEAF_KEY.get(type(leaf))
    if known is not None:
        return known(leaf)
    if isinstance(leaf, np.ndarray | np.generic):
        return TensorType(from_numpy(leaf.dtype), leaf.shape)
    return static_key(leaf)


def static_key(value: object) -> Hashable:
    """What an object that the trace depends on as a whole contributes: its type and value, or its identity.

    Raises:
        ArgumentError: it is not hashable.
    """
    if isinstance(value, float):
        return type(value), _bits(value)
    if isinstance(value, complex):
        return type(value), _bits(value.real), _bits(value.imag)
    try:
        hash(value)
    except TypeError:
        raise ArgumentError(
            f"an argument of type {type(value).__name__} cannot be part of a signature: it is neither a "
            "tensor nor a container of them, and is not hashable; make it hashable and immutable, or "
            "register_pytree its type"
        ) from None
    if type(value).__eq__ is object.__eq__ and not is_permanent(value):
        try:
            return weakref.ref(value)
        except TypeError:
            pass
    return type(value), value


def default_key(leaf: object) -> Hashable:
    """What a leaf of a parameter's default contributes: arrays and variables there are captured."""
    return ("default", id(leaf)) if is_array(leaf) or isinstance(leaf, Variable) else leaf_key(leaf)


def is_permanent(value: object) -> bool:
    """Whether holding a reference to an object keeps nothing alive that would otherwise go."""
    if isinstance(value, FunctionType):
        return value.__closure__ is None and "<locals>" not in value.__qualname__
    return isinstance(
        value, bool | int | str | bytes | type | ModuleType | BuiltinFunctionType | DType | np.dtype
    )


def pattern(keys: list[Hashable], leaves: list[object], captured: set[int]) -> tuple[Hashable, ...]:
    """Keys of leaves with variables by their pattern: which are the same, and which the function uses by
    itself.

    Args:
        keys: from `leaf_key`.
        leaves: the leaves they are of.
        captured: ids of the variables that traces of this function captured.
    """
    seen: dict[int, int] = {}
    found: list[Hashable] = []
    for key, leaf in zip(keys, leaves, strict=True):
        if type(leaf) is Variable and id(leaf) not in captured and key == (Variable, id(leaf)):
            key = (Variable, leaf._aval, leaf.trainable, seen.setdefault(id(leaf), len(seen)))
        found.append(key)
    return tuple(found)
