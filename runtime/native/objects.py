"""The native call path's objects, under the names of its twin; importing this compiles or loads the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.types import TensorType
from ..record import Record
from ..surface import OPERATORS, Counters
from .format import encode
from .module import Native

if TYPE_CHECKING:
    from ..twin import (
        Cell,
        Dispatcher,
        Holder,
        Tensor,
        as_ndarray,
        dispose,
        enter,
        from_ndarray,
        is_disposed,
        leave,
        new_tensor,
        replace,
        reset_peak,
        trim,
        view,
        wrap,
    )


def _describe(aval: object) -> tuple[object, ...]:
    """What NumPy needs to know of a type; ShapeError when an extent is symbolic."""
    if not isinstance(aval, TensorType):
        raise TypeError(f"expected a TensorType, not {type(aval).__name__}")
    return (aval.dtype.numpy, aval.nbytes, *aval.static_shape)


_native = Native(_describe)
_f = _native.functions

if not TYPE_CHECKING:
    Tensor, Cell, Dispatcher = _native.types
    Holder = Tensor
    new_tensor, wrap, view, as_ndarray, from_ndarray = (
        _f[name] for name in ("new_tensor", "wrap", "view", "as_ndarray", "from_ndarray")
    )
    dispose, is_disposed, reset_peak, trim = (
        _f[name] for name in ("dispose", "is_disposed", "reset_peak", "trim_blocks")
    )
    enter, leave, replace = _f["enter"], _f["leave"], _f["replace"]


def counters() -> Counters:
    """The allocator's counts now."""
    return Counters(*_native.live[:4])


def bind_operator(name: str, dispatcher: Dispatcher | None) -> Dispatcher | None:
    """Make a Tensor's operator call a Dispatcher with its operands in order, and give the one before.

    Without a Dispatcher the operator is not supported. ValueError for an unknown name.
    """
    if name not in OPERATORS:
        raise ValueError(f"{name!r} is no operator; operators are {', '.join(OPERATORS)}")
    if not isinstance(dispatcher, Dispatcher | None):
        raise TypeError(f"expected a Dispatcher, not {type(dispatcher).__name__}")
    before = _f["bind"](OPERATORS.index(name), dispatcher)
    assert isinstance(before, Dispatcher | None)
    return before


def _install(self: Dispatcher, record: Record) -> None:
    """Put a record in front of the others."""
    if not isinstance(record, Record):
        raise TypeError(f"expected a Record, not {type(record).__name__}")
    for s in record.state:
        if type(s.cell) is not Cell:
            raise TypeError(f"a state is bound to a Cell, not to {type(s.cell).__name__}")
    encoded = encode(record)
    _f["install"](self, encoded.words, encoded.objects, encoded.keys)


def _clear(self: Dispatcher) -> None:
    """Remove all records; calls that run one finish."""
    _f["clear"](self)


for _name, _method in (("install", _install), ("clear", _clear)):
    _method.__name__ = _name
    setattr(Dispatcher, _name, _method)
