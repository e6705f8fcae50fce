"""What the Array API asks a namespace about itself: capabilities, devices, dtypes."""

from __future__ import annotations

from typing import Final

from . import dtypes
from .data_types import isdtype
from .dtypes import DType
from .ops.axes import on_device
from .stage import located

_STANDARD: Final = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "complex64", "complex128"),
)


class NamespaceInfo:
    """The inspection functions of the Array API standard."""

    __slots__ = ()

    def capabilities(self) -> dict[str, bool | int | None]:
        """What is optional in the standard: masks may select, shapes may follow from values, ranks have no limit."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": None}

    def default_device(self) -> str:
        """Where arrays are made."""
        return "cpu"

    @located
    def default_dtypes(self, *, device: object = None) -> dict[str, DType]:
        """The dtypes of arrays made without one; ArgumentError for a device other than "cpu"."""
        on_device("default_dtypes", device)
        found: dict[str, DType] = {"real floating": dtypes.float32, "integral": dtypes.int32, "indexing": dtypes.int64}
        part = dtypes.BY_NAME.get("complex64")
        return found if part is None else {**found, "complex floating": part}

    def devices(self) -> list[str]:
        """All devices."""
        return ["cpu"]

    @located
    def dtypes(self, *, device: object = None, kind: object = None) -> dict[str, DType]:
        """The standard's dtypes by name, all or those of a kind (see `isdtype`); errors as for `default_dtypes`."""
        on_device("dtypes", device)
        known: dict[str, DType] = {name: dtypes.BY_NAME[name] for name in _STANDARD if name in dtypes.BY_NAME}
        return known if kind is None else {name: d for name, d in known.items() if isdtype(d, kind)}


def __array_namespace_info__() -> NamespaceInfo:
    """The namespace's account of itself."""
    return NamespaceInfo()
