"""Scalar primitives as LLVM instructions at any vector width; it knows no loops, no memory and no kernels.

Every primitive means what the table at the head of `ir/scalar.py` says, with the same bits at every width.
No fast-math flag is ever emitted. `lanes` is 0 for a scalar, else the number of lanes of a vector, which the
arguments of one instruction share. A bool is an i1 in registers and an i8 in memory.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

from ..ir import dtypes
from ..ir.dtypes import DType
from ..ir.scalar import Payload
from .body import Body

_Types = Sequence[DType]
_Args = Sequence[str]
_Emitter = Callable[[Body, DType, _Types, _Args, int], str]

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


def emit(
    body: Body,
    prim: str,
    dtype: DType,
    arg_dtypes: Sequence[DType],
    args: Sequence[str],
    lanes: int = 0,
    payload: Payload = None,
) -> str:
    """Append the instructions of one pure primitive and return the operand that holds its value.

    Args:
        body: receives the instructions.
        prim: the primitive; `iter`, `size`, `load` and `check` are not pure and not known here.
        dtype: the result's dtype.
        arg_dtypes: the arguments' dtypes.
        args: the arguments' operands.
        lanes: 0 for scalars, else the vector width of the result and of all arguments.
        payload: a constant's value.

    Raises:
        ValueError: there is no such primitive for these dtypes.
    """
    if prim == "const":
        return literal(dtype, payload, lanes)
    emitter = _EMITTERS.get(prim)
    if emitter is None:
        raise ValueError(f"{prim} is no pure primitive")
    return emitter(body, dtype, arg_dtypes, args, lanes)


def _plain(floating: str | None, integer: str | None) -> _Emitter:
    """One instruction, by the kind of the dtype."""

    def emitter(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
        name = floating if dtype.is_float else integer
        if name is None:
            raise ValueError(f"no such primitive for {dtype.name}")
        return body.assign(f"{name} {llvm_type(dtype, lanes)} {', '.join(args)}")

    return emitter


def _call(name: str) -> _Emitter:
    def emitter(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
        if not dtype.is_float:
            raise ValueError(f"no {name} for {dtype.name}")
        return intrinsic(body, name, dtype, args, lanes)

    return emitter


def _neg(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
    if dtype.is_float:
        return body.assign(f"fneg {llvm_type(dtype, lanes)} {args[0]}")
    return body.assign(f"sub {llvm_type(dtype, lanes)} {literal(dtype, 0, lanes)}, {args[0]}")


def _not(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
    if dtype.is_float:
        raise ValueError(f"no not for {dtype.name}")
    ones = True if dtype is dtypes.bool_ else -1 if dtype.kind == "int" else (1 << dtype.bits) - 1
    return body.assign(f"xor {llvm_type(dtype, lanes)} {args[0]}, {literal(dtype, ones, lanes)}")


def _compare(floating: str, signed: str, unsigned: str) -> _Emitter:
    def emitter(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
        operand = of[0]
        rule = f"icmp {signed if operand.kind == 'int' else unsigned}"
        if operand.is_float:
            rule = f"fcmp {floating}"
        return body.assign(f"{rule} {llvm_type(operand, lanes)} {args[0]}, {args[1]}")

    return emitter


def _extremum(prefer: str, floating: str, combine: str) -> _Emitter:
    """minimum or maximum; a bool's is `combine` of its bits."""

    def emitter(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
        if dtype.is_float:
            return intrinsic(body, floating, dtype, args, lanes)
        if dtype is dtypes.bool_:
            return body.assign(f"{combine} {llvm_type(dtype, lanes)} {args[0]}, {args[1]}")
        return intrinsic(body, f"{'s' if dtype.kind == 'int' else 'u'}{prefer}", dtype, args, lanes)

    return emitter


def _shift(name: str) -> _Emitter:
    """Logical shifts: LLVM's is poison from the width on, which the select never lets through."""

    def emitter(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
        _need_integer(dtype, name)
        type_ = llvm_type(dtype, lanes)
        inside = body.assign(f"icmp ult {type_} {args[1]}, {literal(dtype, dtype.bits, lanes)}")
        moved = body.assign(f"{name} {type_} {args[0]}, {args[1]}")
        return _select(body, type_, inside, moved, literal(dtype, 0, lanes), lanes)

    return emitter


def _ashr(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
    _need_integer(dtype, "ashr")
    amount = intrinsic(body, "umin", dtype, (args[1], literal(dtype, dtype.bits - 1, lanes)), lanes)
    return body.assign(f"ashr {llvm_type(dtype, lanes)} {args[0]}, {amount}")


def _need_integer(dtype: DType, name: str) -> None:
    if not dtype.is_integer:
        raise ValueError(f"no {name} for {dtype.name}")


def _select(body: Body, type_: str, condition: str, yes: str, no: str, lanes: int) -> str:
    boolean = f"<{lanes} x i1>" if lanes else "i1"
    return body.assign(f"select {boolean} {condition}, {type_} {yes}, {type_} {no}")


def _select_op(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
    return _select(body, llvm_type(dtype, lanes), args[0], args[1], args[2], lanes)


def _divide(remainder: bool) -> _Emitter:
    """tdiv and trem without any trap: divisors 0 and -1 become 1; by -1 the quotient is the negated dividend.

    LLVM splits a vector division into scalar ones. Up to 32 bits the quotient goes through floats instead:
    where it is not whole, it is more than half an ulp of double (of float up to 16 bits) away from whole
    numbers, so truncation is exact.
    """

    def emitter(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
        _need_integer(dtype, "trem" if remainder else "tdiv")
        type_ = llvm_type(dtype, lanes)
        x, y = args
        signed = dtype.kind == "int"
        one, zero = literal(dtype, 1, lanes), literal(dtype, 0, lanes)
        unsafe = body.assign(f"icmp eq {type_} {y}, {zero}")
        minus = ""
        if signed:
            minus = body.assign(f"icmp eq {type_} {y}, {literal(dtype, -1, lanes)}")
            unsafe = body.assign(f"or {llvm_type(dtypes.bool_, lanes)} {unsafe}, {minus}")
        safe = _select(body, type_, unsafe, one, y, lanes)
        if lanes and dtype.bits <= 32:
            quotient = _float_quotient(body, dtype, x, safe, lanes)
            if remainder:
                back = body.assign(f"mul {type_} {quotient}, {safe}")
                return body.assign(f"sub {type_} {x}, {back}")
        else:
            name = ("s" if signed else "u") + ("rem" if remainder else "div")
            quotient = body.assign(f"{name} {type_} {x}, {safe}")
            if remainder:
                return quotient
        if not signed:
            return quotient
        negated = body.assign(f"sub {type_} {zero}, {x}")
        return _select(body, type_, minus, negated, quotient, lanes)

    return emitter


def _float_quotient(body: Body, dtype: DType, x: str, y: str, lanes: int) -> str:
    through = dtypes.float64 if dtype.bits == 32 else dtypes.float32
    whole, wide = llvm_type(dtype, lanes), llvm_type(through, lanes)
    sign = "s" if dtype.kind == "int" else "u"
    a = body.assign(f"{sign}itofp {whole} {x} to {wide}")
    b = body.assign(f"{sign}itofp {whole} {y} to {wide}")
    q = body.assign(f"fdiv {wide} {a}, {b}")
    return body.assign(f"fpto{sign}i {wide} {q} to {whole}")


def _cast(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
    source, x = of[0], args[0]
    if source is dtype:
        return x
    before, after = llvm_type(source, lanes), llvm_type(dtype, lanes)
    if dtype is dtypes.bool_:
        rule = "fcmp une" if source.is_float else "icmp ne"
        return body.assign(f"{rule} {before} {x}, {literal(source, 0, lanes)}")
    if source is dtypes.bool_:
        if dtype.is_float:
            return _select(body, after, x, literal(dtype, 1, lanes), literal(dtype, 0, lanes), lanes)
        return body.assign(f"zext {before} {x} to {after}")
    if source.is_float and dtype.is_float:
        return body.assign(f"{'fpext' if dtype.bits > source.bits else 'fptrunc'} {before} {x} to {after}")
    if source.is_float:
        return _float_to_integer(body, source, dtype, x, lanes)
    sign = "s" if source.kind == "int" else "u"
    if dtype.is_float:
        return body.assign(f"{sign}itofp {before} {x} to {after}")
    if dtype.bits == source.bits:
        return x
    rule = "trunc" if dtype.bits < source.bits else "sext" if source.kind == "int" else "zext"
    return body.assign(f"{rule} {before} {x} to {after}")


def _float_to_integer(body: Body, source: DType, dtype: DType, x: str, lanes: int) -> str:
    """Saturating conversion; LLVM's alone is poison out of range, which the selects never let through.

    Types under 32 bits convert as int32 and saturate as integers.
    """
    wide = dtype if dtype.bits >= 32 else dtypes.int32
    before, after = llvm_type(source, lanes), llvm_type(wide, lanes)
    signed = wide.kind == "int"
    low = -(1 << wide.bits - 1) if signed else 0
    high = low + (1 << wide.bits) - 1
    raw = body.assign(f"fpto{'s' if signed else 'u'}i {before} {x} to {after}")
    over = body.assign(f"fcmp oge {before} {x}, {literal(source, float(high + 1), lanes)}")
    result = _select(body, after, over, literal(wide, high, lanes), raw, lanes)
    if signed:
        under = body.assign(f"fcmp olt {before} {x}, {literal(source, float(low), lanes)}")
        result = _select(body, after, under, literal(wide, low, lanes), result, lanes)
        odd = body.assign(f"fcmp uno {before} {x}, {x}")
    else:
        odd = body.assign(f"fcmp ult {before} {x}, {literal(source, 0.0, lanes)}")
    result = _select(body, after, odd, literal(wide, 0, lanes), result, lanes)
    if wide is dtype:
        return result
    least = -(1 << dtype.bits - 1) if dtype.kind == "int" else 0
    most = least + (1 << dtype.bits) - 1
    result = intrinsic(body, "smax", wide, (result, literal(wide, least, lanes)), lanes)
    result = intrinsic(body, "smin", wide, (result, literal(wide, most, lanes)), lanes)
    return body.assign(f"trunc {after} {result} to {llvm_type(dtype, lanes)}")


def _bitcast(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
    before, after = llvm_type(of[0], lanes), llvm_type(dtype, lanes)
    return args[0] if before == after else body.assign(f"bitcast {before} {args[0]} to {after}")


_EMITTERS: dict[str, _Emitter] = {
    "add": _plain("fadd", "add"),
    "sub": _plain("fsub", "sub"),
    "mul": _plain("fmul", "mul"),
    "div": _plain("fdiv", None),
    "neg": _neg,
    "fma": _call("fma"),
    "sqrt": _call("sqrt"),
    "floor": _call("floor"),
    "ceil": _call("ceil"),
    "trunc": _call("trunc"),
    "rint": _call("roundeven"),
    "tdiv": _divide(False),
    "trem": _divide(True),
    "minimum": _extremum("min", "minimum", "and"),
    "maximum": _extremum("max", "maximum", "or"),
    "lt": _compare("olt", "slt", "ult"),
    "le": _compare("ole", "sle", "ule"),
    "gt": _compare("ogt", "sgt", "ugt"),
    "ge": _compare("oge", "sge", "uge"),
    "eq": _compare("oeq", "eq", "eq"),
    "ne": _compare("une", "ne", "ne"),
    "and": _plain(None, "and"),
    "or": _plain(None, "or"),
    "xor": _plain(None, "xor"),
    "not": _not,
    "shl": _shift("shl"),
    "lshr": _shift("lshr"),
    "ashr": _ashr,
    "select": _select_op,
    "cast": _cast,
    "bitcast": _bitcast,
}
PRIMITIVES = frozenset({"const", *_EMITTERS})
