"""The fields of attrs classes, seen generically: kinds, exact keys, sizes for symbols; it knows no class."""

from __future__ import annotations

import dataclasses
import struct
import types
import typing
from collections.abc import Hashable, Mapping
from typing import Final

import numpy as np

from .attrs import Attrs
from .dtypes import DType, bfloat16, from_numpy
from .storage import readable
from .types import Dim, Extent, TensorType

_fields: Final[dict[type[object], Mapping[str, object]]] = {}


def fields_of(cls: type[object]) -> Mapping[str, object]:
    """Names and type hints of the fields of an attrs class, in order."""
    known = _fields.get(cls)
    if known is None:
        assert dataclasses.is_dataclass(cls)
        hints = typing.get_type_hints(cls)
        known = _fields[cls] = {f.name: hints[f.name] for f in dataclasses.fields(cls)}
    return known


def conforms(value: object, hint: object) -> bool:
    """Whether a value is what a field's type hint asks for; an int is no float and a bool is no int."""
    origin = typing.get_origin(hint)
    if origin is typing.Union or origin is types.UnionType:
        return any(conforms(value, h) for h in typing.get_args(hint))
    if origin is typing.Literal:
        return any(type(value) is type(v) and value == v for v in typing.get_args(hint))
    if origin is tuple:
        inner = typing.get_args(hint)
        if not isinstance(value, tuple):
            return False
        if len(inner) == 2 and inner[1] is Ellipsis:
            return all(conforms(v, inner[0]) for v in value)
        return len(value) == len(inner) and all(map(conforms, value, inner))
    if origin is not None:
        hint = origin
    if hint is int or hint is float:
        return type(value) is hint
    if hint is None:
        return value is None
    return isinstance(hint, type) and isinstance(value, hint)


def show_hint(hint: object) -> str:
    """A type hint as messages write it: `tuple[int, ...]`."""
    if isinstance(hint, type) and typing.get_origin(hint) is None:
        return hint.__name__
    text = str(hint)
    for prefix in ("numpy.", "typing.", "collections.abc."):
        text = text.replace(prefix, "")
    return text.replace(Dim.__module__ + ".", "").replace(DType.__module__ + ".", "")


def exact_value(value: object) -> Hashable:
    """A key, equal for values that mean exactly the same: -0.0 differs from 0.0, and nan equals nan."""
    if isinstance(value, complex):
        return "complex", exact_value(value.real), exact_value(value.imag)
    if isinstance(value, float):
        return "float", struct.pack("<d", value) if value == value else b"nan"
    if isinstance(value, tuple):
        return tuple([exact_value(v) for v in value])
    if isinstance(value, np.ndarray):
        return from_numpy(value.dtype), value.shape, array_bits(value)
    assert isinstance(value, Hashable)
    return type(value), value


def array_bits(value: np.ndarray) -> bytes:
    """The bits of an array in row-major order, every nan (of a complex number: of a part) written as the same nan."""
    if value.dtype.kind == "c":
        parts = np.float32 if value.dtype.itemsize == 8 else np.float64
        return array_bits(np.ascontiguousarray(value).reshape(-1).view(parts))
    if value.dtype.kind == "f":
        nan = np.isnan(value)
        if nan.any():
            value = np.where(nan, value.dtype.type(np.nan), value)
    return array_bits(readable(value)) if value.dtype == bfloat16.numpy else value.tobytes()


def _has_floats(hint: object) -> bool:
    return hint is float or any(map(_has_floats, typing.get_args(hint)))


def exact_key(attrs: Attrs) -> Hashable:
    """A hashable key, equal for two attrs only when they mean exactly the same."""
    cls: type[object] = type(attrs)
    if not any(map(_has_floats, fields_of(cls).values())):
        assert isinstance(attrs, Hashable)
        return attrs
    return cls, *[exact_value(getattr(attrs, name)) for name in fields_of(cls)]


def same_attrs(a: Attrs, b: Attrs) -> bool:
    """Whether two attrs have the same class and the same values, arrays compared by bits."""
    if a is b:
        return True
    names = fields_of(type(a))
    return type(a) is type(b) and all(exact_value(getattr(a, n)) == exact_value(getattr(b, n)) for n in names)


def _put(value: object, sizes: Mapping[str, Extent]) -> object:
    if isinstance(value, Dim):
        return value.substitute(sizes)
    if isinstance(value, tuple):
        found = tuple([_put(v, sizes) for v in value])
        return value if all(a is b for a, b in zip(found, value, strict=True)) else found
    if isinstance(value, TensorType):
        return value if value.is_static else static_type(value, sizes)
    return value


def static_type(type: TensorType, sizes: Mapping[str, Extent]) -> TensorType:
    """A type with extents for its symbols."""
    if type.is_static:
        return type
    shape = tuple([e.substitute(sizes) if isinstance(e, Dim) else e for e in type.shape])
    return TensorType(type.dtype, shape, type.weak)


def static_attrs(attrs: Attrs, sizes: Mapping[str, Extent]) -> Attrs:
    """Attrs with extents for the symbols in their fields; the same object when there are none."""
    changed = {}
    for name in fields_of(type(attrs)):
        old = getattr(attrs, name)
        new = _put(old, sizes)
        if new is not old:
            changed[name] = new
    return dataclasses.replace(attrs, **changed) if changed else attrs
