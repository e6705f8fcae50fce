"""Scalar primitives as LLVM instructions at any vector width; it knows no loops, no memory and no kernels.

Every primitive means what the table at the head of `ir/scalar.py` says, with the same bits at every width.
No fast-math flag is ever emitted. `lanes` is 0 for a scalar, else the number of lanes of a vector, which the
arguments of one instruction share. A bool is an i1 in registers and an i8 in memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from ..ir import dtypes, scalar
from ..ir.dtypes import DType
from ..ir.scalar import RARE, Payload, Scalar
from .body import Body
from .half import narrow, widen
from .operands import from_memory as from_memory
from .operands import intrinsic as intrinsic
from .operands import literal as literal
from .operands import llvm_type as llvm_type
from .operands import mangled as mangled
from .operands import select
from .operands import splat as splat
from .operands import to_memory as to_memory

_Types = Sequence[DType]
_Args = Sequence[str]
_Emitter = Callable[[Body, DType, _Types, _Args, int], str]


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
    if prim == "rarely":
        assert isinstance(payload, str)
        return _rarely(body, payload, arg_dtypes, args, lanes)
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
        if _constant_below(args[1], dtype.bits):
            return body.assign(f"{name} {type_} {args[0]}, {args[1]}")
        inside = body.assign(f"icmp ult {type_} {args[1]}, {literal(dtype, dtype.bits, lanes)}")
        moved = body.assign(f"{name} {type_} {args[0]}, {args[1]}")
        return select(body, type_, inside, moved, literal(dtype, 0, lanes), lanes)

    return emitter


def _ashr(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
    _need_integer(dtype, "ashr")
    amount = args[1]
    if not _constant_below(amount, dtype.bits):
        amount = intrinsic(body, "umin", dtype, (amount, literal(dtype, dtype.bits - 1, lanes)), lanes)
    return body.assign(f"ashr {llvm_type(dtype, lanes)} {args[0]}, {amount}")


def _constant_below(operand: str, limit: int) -> bool:
    digits = operand.rstrip(")").rpartition(" ")[2]
    return digits.isdigit() and int(digits) < limit


def _need_integer(dtype: DType, name: str) -> None:
    if not dtype.is_integer:
        raise ValueError(f"no {name} for {dtype.name}")


def _select_op(body: Body, dtype: DType, of: _Types, args: _Args, lanes: int) -> str:
    return select(body, llvm_type(dtype, lanes), args[0], args[1], args[2], lanes)


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
        safe = select(body, type_, unsafe, one, y, lanes)
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
        return select(body, type_, minus, negated, quotient, lanes)

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
    if body.has_f16 and {source, dtype} == {dtypes.float16, dtypes.float32}:
        return _between_f16(body, dtype, x, lanes)
    if dtype.is_half:
        return _expression(body, narrow(scalar.load(source, 0, ()), dtype), [x], lanes)
    if source.is_half:
        load = scalar.load(source, 0, ())
        plain = source is dtypes.bfloat16 or not body.has_f16
        single = _expression(body, widen(load), [x], lanes) if plain else _between_f16(body, dtypes.float32, x, lanes)
        return _cast(body, dtype, (dtypes.float32,), (single,), lanes)
    before, after = llvm_type(source, lanes), llvm_type(dtype, lanes)
    if dtype is dtypes.bool_:
        rule = "fcmp une" if source.is_float else "icmp ne"
        return body.assign(f"{rule} {before} {x}, {literal(source, 0, lanes)}")
    if source is dtypes.bool_:
        if dtype.is_float:
            return select(body, after, x, literal(dtype, 1, lanes), literal(dtype, 0, lanes), lanes)
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


def _between_f16(body: Body, dtype: DType, x: str, lanes: int) -> str:
    """float16 from float32, or to it, by the target's own instructions; a register holds its bits as an integer."""
    bits, single = llvm_type(dtypes.float16, lanes), llvm_type(dtypes.float32, lanes)
    half = f"<{lanes} x half>" if lanes else "half"
    if dtype is dtypes.float32:
        held = body.assign(f"bitcast {bits} {x} to {half}")
        return body.assign(f"fpext {half} {held} to {single}")
    rounded = body.assign(f"fptrunc {single} {x} to {half}")
    return body.assign(f"bitcast {half} {rounded} to {bits}")


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
    result = select(body, after, over, literal(wide, high, lanes), raw, lanes)
    if signed:
        under = body.assign(f"fcmp olt {before} {x}, {literal(source, float(low), lanes)}")
        result = select(body, after, under, literal(wide, low, lanes), result, lanes)
        odd = body.assign(f"fcmp uno {before} {x}, {x}")
    else:
        odd = body.assign(f"fcmp ult {before} {x}, {literal(source, 0.0, lanes)}")
    result = select(body, after, odd, literal(wide, 0, lanes), result, lanes)
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


def _rarely(body: Body, name: str, of: _Types, args: _Args, lanes: int) -> str:
    """A branch to a call if some lane needs it; the function takes and gives vectors through memory."""
    types = [llvm_type(d, lanes) for d in of[1:]]
    some = args[0]
    if lanes:
        mask = body.assign(f"bitcast <{lanes} x i1> {args[0]} to i{lanes}")
        some = body.assign(f"icmp ne i{lanes} {mask}, 0")
    slots = [body.alloca(t) for t in types]
    before = body.block
    rare, join = body.fresh_label("rare"), body.fresh_label("usual")
    body.emit(f"br i1 {some}, label %{rare}, label %{join}")
    body.label(rare)
    for type_, slot, value in zip(types[1:], slots[1:], args[2:], strict=True):
        body.emit(f"store {type_} {value}, ptr {slot}")
    symbol, definition, declares = _out_of_line(name, tuple(of[2:]), lanes)
    for line in (*declares, definition):
        body.declare(line)
    body.emit(f"call void @{symbol}({', '.join(f'ptr {s}' for s in slots)})")
    found = body.assign(f"load {types[0]}, ptr {slots[0]}")
    merged = select(body, types[0], args[0], found, args[1], lanes)
    body.emit(f"br label %{join}")
    body.label(join)
    return body.assign(f"phi {types[0]} [ {args[1]}, %{before} ], [ {merged}, %{rare} ]")


@functools.cache
def _out_of_line(name: str, of: tuple[DType, ...], lanes: int) -> tuple[str, str, tuple[str, ...]]:
    """(symbol, definition, declares) of the function RARE[name]; the module that calls it holds it."""
    root = RARE[name](*[scalar.load(d, k, ()) for k, d in enumerate(of)])
    body = Body()
    given = [body.assign(f"load {llvm_type(d, lanes)}, ptr %x{k}") for k, d in enumerate(of)]
    body.emit(f"store {llvm_type(root.dtype, lanes)} {_expression(body, root, given, lanes)}, ptr %y")
    body.emit("ret void")
    symbol = f"rare.{name}.{'.'.join(d.name for d in of)}.{lanes}"
    parameters = ", ".join(["ptr noalias %y", *(f"ptr noalias %x{k}" for k in range(len(of)))])
    attributes = 'cold noinline nounwind "prefer-vector-width"="512"'
    return symbol, body.function(f"internal void @{symbol}({parameters})", attributes), tuple(body.declares)


def _expression(body: Body, root: Scalar, given: Sequence[str], lanes: int) -> str:
    """The operand that holds an expression, in which load number k stands for the operand `given[k]`."""
    known: dict[Scalar, str] = {}
    stack = [root]
    while stack:
        top = stack[-1]
        missing = [a for a in top.args if a not in known]
        stack.extend(missing)
        if missing:
            continue
        stack.pop()
        if top.prim == "load":
            assert isinstance(top.payload, int)
            known[top] = given[top.payload]
        elif top not in known:
            operands, kinds = [known[a] for a in top.args], [a.dtype for a in top.args]
            known[top] = emit(body, top.prim, top.dtype, kinds, operands, lanes, top.payload)
    return known[root]


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
PRIMITIVES = frozenset({"const", "rarely", *_EMITTERS})
