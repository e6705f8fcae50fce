"""Element types and their promotion; it knows nothing of shapes."""

from __future__ import annotations

from typing import Final

import numpy as np

from .errors import DTypeError


class DType:
    """One element type; each exists once, so `is` compares."""

    __slots__ = ("bits", "kind", "name", "numpy")

    name: str
    kind: str
    bits: int
    numpy: np.dtype[np.generic]

    def __init__(self, name: str, kind: str, bits: int) -> None:
        self.name = name
        self.kind = kind
        self.bits = bits
        self.numpy = np.dtype(name)

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.numpy.itemsize

    @property
    def is_float(self) -> bool:
        """Whether this is a real floating type."""
        return self.kind == "float"

    @property
    def is_integer(self) -> bool:
        """Whether this is a signed or unsigned integer type."""
        return self.kind in ("int", "uint")

    def __repr__(self) -> str:
        return f"lithograph.{self.name}"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return as_dtype, (self.name,)

    def __hash__(self) -> int:
        return hash(self.numpy)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if other is None or isinstance(other, DType):
            return False
        try:
            return bool(self.numpy == other)
        except TypeError:
            return False


bool_: Final = DType("bool", "bool", 1)
int8: Final = DType("int8", "int", 8)
int16: Final = DType("int16", "int", 16)
int32: Final = DType("int32", "int", 32)
int64: Final = DType("int64", "int", 64)
uint8: Final = DType("uint8", "uint", 8)
uint16: Final = DType("uint16", "uint", 16)
uint32: Final = DType("uint32", "uint", 32)
uint64: Final = DType("uint64", "uint", 64)
float32: Final = DType("float32", "float", 32)
float64: Final = DType("float64", "float", 64)

ALL: Final = (bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64)
BY_NAME: Final = {d.name: d for d in ALL}
_BY_NUMPY: Final = {d.numpy: d for d in ALL}
_BY_PYTHON: Final[dict[object, DType]] = {bool: bool_, int: int32, float: float32}
_RANK: Final = {"bool": 0, "uint": 1, "int": 1, "float": 2, "complex": 3}


def from_numpy(dtype: np.dtype[np.generic]) -> DType:
    """The element type of a NumPy dtype; DTypeError when there is none (objects, strings, foreign byte orders)."""
    found = _BY_NUMPY.get(dtype)
    if found is None:
        raise DTypeError(f"dtype {dtype} is not supported; supported are {', '.join(BY_NAME)}")
    return found


def as_dtype(spec: object) -> DType:
    """The element type meant by a DType, a name, a NumPy dtype or scalar type, or Python's bool, int, float.

    Python's int means int32 and float means float32.

    Raises:
        DTypeError: nothing is known by that name.
    """
    if isinstance(spec, DType):
        return spec
    try:
        known = _BY_PYTHON.get(spec) if isinstance(spec, type) else None
        return known if known is not None else from_numpy(np.dtype(spec))  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise DTypeError(f"{spec!r} is not a dtype; dtypes are {', '.join(BY_NAME)}") from None


def promote(a: DType, b: DType) -> DType:
    """The common type of two tensor dtypes: the Array API's table; an integer and a float give the float.

    Raises:
        DTypeError: uint64 meets a signed integer, which no integer type covers.
    """
    if a is b:
        return a
    if _RANK[a.kind] != _RANK[b.kind]:
        return a if _RANK[a.kind] > _RANK[b.kind] else b
    if a.kind == b.kind:
        return a if a.bits > b.bits else b
    signed, unsigned = (a, b) if a.kind == "int" else (b, a)
    if signed.bits > unsigned.bits:
        return signed
    if unsigned.bits == 64:
        raise DTypeError(f"{signed.name} and uint64 have no common integer type; convert one with astype")
    return BY_NAME[f"int{unsigned.bits * 2}"]


def promote_weak(tensor: DType, python: DType) -> DType:
    """The type of a tensor dtype met by a Python number: the tensor's, unless the number is of a higher kind."""
    return tensor if _RANK[tensor.kind] >= _RANK[python.kind] else python
