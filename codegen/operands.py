"""Types, constants and the two forms of values in LLVM text, at any vector width; it knows no primitives."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.scalar import Payload
from .body import Body

_ELEMENT = {d.name: f"i{d.bits}" for d in dtypes.ALL} | {"float32": "float", "float64": "double"}
_MANGLED = _ELEMENT | {"float32": "f32", "float64": "f64"}


def llvm_type(dtype: DType, lanes: int = 0, memory: bool = False) -> str:
    """The LLVM type of `dtype`: a scalar for 0 lanes, else a vector; a bool in `memory` is an i8."""
    element = "i8" if memory and dtype is dtypes.bool_ else _ELEMENT[dtype.name]
    return f"<{lanes} x {element}>" if lanes else element


def mangled(dtype: DType, memory: bool = False) -> str:
    """The element type as it stands in the names of overloaded intrinsics."""
    return "i8" if memory and dtype is dtypes.bool_ else _MANGLED[dtype.name]


def literal(dtype: DType, value: Payload, lanes: int = 0) -> str:
    """A constant operand, splatted when there are lanes; floats are written bit for bit.

    Raises:
        ValueError: the value is not a number, or an integer that does not fit.
    """
    if isinstance(value, str) or value is None:
        raise ValueError(f"{value!r} is no {dtype.name} constant")
    if dtype.is_float:
        x = float(value)
        if dtype is dtypes.float32 and math.isfinite(x):
            x = struct.unpack("<f", struct.pack("<f", x))[0]
        text = f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"
    elif dtype is dtypes.bool_:
        text = "true" if value else "false"
    else:
        low = -(1 << dtype.bits - 1) if dtype.kind == "int" else 0
        if not low <= value < low + (1 << dtype.bits):
            raise ValueError(f"{value} does not fit {dtype.name}")
        text = str(int(value))
        if dtype.kind == "uint" and value >= 1 << dtype.bits - 1:
            text = str(int(value) - (1 << dtype.bits))
    return f"splat ({_ELEMENT[dtype.name]} {text})" if lanes else text


def splat(body: Body, dtype: DType, value: str, lanes: int) -> str:
    """A scalar register copied to all lanes."""
    if not lanes:
        return value
    wide, narrow = llvm_type(dtype, lanes), _ELEMENT[dtype.name]
    first = body.assign(f"insertelement {wide} poison, {narrow} {value}, i64 0")
    return body.assign(f"shufflevector {wide} {first}, {wide} poison, <{lanes} x i32> zeroinitializer")


def from_memory(body: Body, dtype: DType, value: str, lanes: int) -> str:
    """A just loaded value in its register form (differs for bool only; any non-zero byte is true)."""
    if dtype is not dtypes.bool_:
        return value
    zero = "zeroinitializer" if lanes else "0"
    return body.assign(f"icmp ne {llvm_type(dtype, lanes, memory=True)} {value}, {zero}")


def to_memory(body: Body, dtype: DType, value: str, lanes: int) -> str:
    """A register in the form that memory holds (differs for bool only)."""
    if dtype is not dtypes.bool_:
        return value
    return body.assign(f"zext {llvm_type(dtype, lanes)} {value} to {llvm_type(dtype, lanes, True)}")


def intrinsic(body: Body, name: str, dtype: DType, args: Sequence[str], lanes: int) -> str:
    """Call `llvm.{name}` where the result and all arguments have one type."""
    type_ = llvm_type(dtype, lanes)
    suffix = f"v{lanes}{_MANGLED[dtype.name]}" if lanes else _MANGLED[dtype.name]
    body.declare(f"declare {type_} @llvm.{name}.{suffix}({', '.join([type_] * len(args))})")
    return body.assign(f"call {type_} @llvm.{name}.{suffix}({', '.join(f'{type_} {a}' for a in args)})")


def select(body: Body, type_: str, condition: str, yes: str, no: str, lanes: int) -> str:
    """`yes` where the i1 (or vector of them) `condition` is true, else `no`."""
    boolean = f"<{lanes} x i1>" if lanes else "i1"
    return body.assign(f"select {boolean} {condition}, {type_} {yes}, {type_} {no}")
