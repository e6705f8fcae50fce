"""Element types and their promotion; it knows nothing of shapes."""

from __future__ import annotations

from typing import Final

import numpy as np

from .errors import DTypeError


class DType:
    """One element type; each exists once, so `is` compares.

    Attributes:
        name: as users write it.
        kind: bool, int, uint, float or complex.
        bits: width of an element; a bool counts as 1.
        numpy: the NumPy dtype of arrays that hold it.
        plain: native code computes with it as it is; half precision is computed in float32 and rounded, and
            complex numbers are computed on the host.
    """

    __slots__ = ("bits", "kind", "name", "numpy", "plain")

    name: str
    kind: str
    bits: int
    numpy: np.dtype[np.generic]
    plain: bool

    def __init__(self, name: str, kind: str, bits: int, numpy: object = None) -> None:
        self.name = name
        self.kind = kind
        self.bits = bits
        self.numpy = np.dtype(name if numpy is None else numpy)  # type: ignore[call-overload]
        self.plain = kind != "complex" and not self.is_half

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.numpy.itemsize

    @property
    def is_float(self) -> bool:
        """Whether this is a real floating type."""
        return self.kind == "float"

    @property
    def is_half(self) -> bool:
        """Whether this is a floating type of 16 bits."""
        return self.kind == "float" and self.bits == 16

    @property
    def is_complex(self) -> bool:
        """Whether this is a complex type."""
        return self.kind == "complex"

    @property
    def is_inexact(self) -> bool:
        """Whether this is a real or complex floating type: what can be differentiated."""
        return self.kind in ("float", "complex")

    @property
    def real(self) -> DType:
        """The type of the parts of a complex number; a real type is its own."""
        if self.kind != "complex":
            return self
        return float32 if self.bits == 64 else float64

    @property
    def complex(self) -> DType:
        """The complex type that holds the values of a floating type."""
        if self.kind == "complex":
            return self
        return complex128 if self is float64 else complex64

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
            return from_numpy(np.dtype(other)) is self  # type: ignore[call-overload]
        except (TypeError, DTypeError):
            # A name that NumPy does not know.
            return other == self.name


bool_: Final = DType("bool", "bool", 1)
int8: Final = DType("int8", "int", 8)
int16: Final = DType("int16", "int", 16)
int32: Final = DType("int32", "int", 32)
int64: Final = DType("int64", "int", 64)
uint8: Final = DType("uint8", "uint", 8)
uint16: Final = DType("uint16", "uint", 16)
uint32: Final = DType("uint32", "uint", 32)
uint64: Final = DType("uint64", "uint", 64)
float16: Final = DType("float16", "float", 16)
# NumPy has no such type, and a field of bytes of this name is nothing that it would compute with by mistake.
bfloat16: Final = DType("bfloat16", "float", 16, [("bfloat16", "V2")])
float32: Final = DType("float32", "float", 32)
float64: Final = DType("float64", "float", 64)
complex64: Final = DType("complex64", "complex", 64)
complex128: Final = DType("complex128", "complex", 128)

ALL: Final = (
    *(bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64),
    *(float16, bfloat16, float32, float64, complex64, complex128),
)
BY_NAME: Final = {d.name: d for d in ALL}
_BY_NUMPY: Final = {d.numpy: d for d in ALL}
_BY_PYTHON: Final[dict[object, DType]] = {
    bool: bool_,
    int: int32,
    float: float32,
    complex: complex64,
}
_RANK: Final = {"bool": 0, "uint": 1, "int": 1, "float": 2, "complex": 3}


def from_numpy(dtype: np.dtype[np.generic]) -> DType:
    """The element type of a NumPy dtype; DTypeError when there is none (objects, strings, foreign byte orders)."""
    found = _BY_NUMPY.get(dtype)
    if found is None and _is_bfloat16(dtype):
        return bfloat16
    if found is None:
        raise DTypeError(f"dtype {dtype} is not supported; supported are {', '.join(BY_NAME)}")
    return found


def _is_bfloat16(dtype: np.dtype[np.generic]) -> bool:
    """Whether this is the bfloat16 of the package ml_dtypes, which need not be installed."""
    return dtype.name == "bfloat16" and dtype.itemsize == 2


def as_dtype(spec: object) -> DType:
    """The element type meant by a DType, a name, a NumPy dtype or scalar type, or a numeric type of Python.

    Python's int means int32, float means float32 and complex means complex64.

    Raises:
        DTypeError: nothing is known by that name.
    """
    if isinstance(spec, DType):
        return spec
    if isinstance(spec, str) and spec == "bfloat16":
        return bfloat16
    try:
        known = _BY_PYTHON.get(spec) if isinstance(spec, type) else None
        return known if known is not None else from_numpy(np.dtype(spec))  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise DTypeError(f"{spec!r} is not a dtype; dtypes are {', '.join(BY_NAME)}") from None


def promote(a: DType, b: DType) -> DType:
    """The common type of two tensor dtypes: the Array API's table; an integer and a float give the float.

    float16 and bfloat16 give float32; a float and a complex give the complex that holds both.

    Raises:
        DTypeError: uint64 meets a signed integer, which no integer type covers.
    """
    if a is b:
        return a
    if a.is_complex or b.is_complex:
        wide = max(d.real.bits for d in (a, b) if d.is_inexact)
        return complex128 if wide == 64 else complex64
    if a.is_half and b.is_half:
        return float32
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
    """The type of a tensor dtype met by a Python number: the tensor's, unless the number is of a higher kind.

    A float that meets a Python complex becomes the complex of its precision.
    """
    if _RANK[tensor.kind] >= _RANK[python.kind]:
        return tensor
    return promote(tensor, python) if python.is_complex else python
