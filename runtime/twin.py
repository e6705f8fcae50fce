"""The call path in plain Python, for any interpreter: the same objects and behaviour as runtime/native."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

import numpy as np

from .record import (
    Build,
    BuildConst,
    BuildDict,
    BuildList,
    BuildOutput,
    BuildTuple,
    Match,
    MatchArray,
    MatchDict,
    MatchFloat,
    MatchIdentity,
    MatchInt,
    MatchTuple,
    MatchWeak,
    NewOutput,
    Record,
    StateBinding,
)
from .surface import BINARY, COMPARISON, OPERATORS, UNARY, Counters
from .twin_memory import (
    Block,
    Cell,
    Holder,
    Tensor,
    as_ndarray,
    counters,
    dispose,
    enter,
    from_ndarray,
    held_alone,
    is_disposed,
    leave,
    live,
    new_tensor,
    replace,
    reset_peak,
    trim,
    view,
    wrap,
)

__all__ = [
    "Cell",
    "Counters",
    "Dispatcher",
    "Holder",
    "Tensor",
    "as_ndarray",
    "bind_operator",
    "counters",
    "dispose",
    "enter",
    "from_ndarray",
    "is_disposed",
    "leave",
    "new_tensor",
    "replace",
    "reset_peak",
    "trim",
    "view",
    "wrap",
]

_PLAIN_KEYS: Final = frozenset((str, int))


class _Call:
    """One call under way: the data pointers, and whatever has to live until the program returns."""

    __slots__ = ("bufs", "holds", "slots")

    def __init__(self, n_bufs: int, slots: list[object]) -> None:
        self.slots = slots
        self.bufs = (ctypes.c_int64 * max(n_bufs, 1))()
        self.holds: list[object] = []

    def pass_buf(self, buf: int, address: int, holds: object) -> bool:
        if buf >= 0:
            self.bufs[buf] = address
        self.holds.append(holds)
        return True


def _weak(call: _Call, m: MatchWeak, value: object) -> bool:
    if type(value) is not m.kind:
        return False
    if isinstance(value, int):
        bits = m.dtype.bits if m.dtype.is_integer and m.kind is int else 64
        unsigned = m.dtype.kind == "uint"
        low, high = (0, 2**bits) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        if not low <= value < high:
            return False
        wide = np.array(value, np.uint64 if unsigned else np.int64)
    else:
        wide = np.array(value, np.float64)
    with np.errstate(over="ignore"):
        converted = wide.astype(m.dtype.numpy)
    return call.pass_buf(m.buf, converted.ctypes.data, converted)


def _array(call: _Call, m: MatchArray, value: object) -> bool:
    aval = m.aval
    if type(value) is Tensor:
        # What it holds first: while there is an address, that was still held when it was asked for.
        holds, address = value._holds, value._data
        if value._aval is not aval or not address:
            return False
        return call.pass_buf(m.buf, address, (value, holds))
    if type(value) is not np.ndarray or value.dtype is not aval.dtype.numpy or value.shape != aval.shape:
        return False
    return value.flags.c_contiguous and value.flags.aligned and call.pass_buf(m.buf, value.ctypes.data, value)


def _dict(call: _Call, m: MatchDict, value: object) -> bool:
    if type(value) is not dict or len(value) != len(m.keys):
        return False
    if all(a is b for a, b in zip(value, m.keys, strict=True)):
        call.slots.extend(value.values())
        return True
    if not {*map(type, value), *map(type, m.keys)} <= _PLAIN_KEYS or not all(key in value for key in m.keys):
        return False
    call.slots.extend(value[key] for key in m.keys)
    return True


def _step(call: _Call, m: Match) -> bool:
    value = call.slots[m.slot]
    if isinstance(m, MatchArray):
        return _array(call, m, value)
    if isinstance(m, MatchIdentity):
        return value is m.value
    if isinstance(m, MatchFloat):
        return type(value) is float and ctypes.c_uint64.from_buffer(ctypes.c_double(value)).value == m.bits
    if isinstance(m, MatchInt):
        return type(value) is int and value == m.value
    if isinstance(m, MatchDict):
        return _dict(call, m, value)
    if isinstance(m, MatchWeak):
        return _weak(call, m, value)
    if not isinstance(value, tuple | list) or len(value) != m.n:
        return False
    call.slots.extend(value)
    return type(value) is (tuple if isinstance(m, MatchTuple) else list)


def _match(record: Record, args: tuple[object, ...], kwargs: dict[str, object]) -> _Call | None:
    if len(args) != record.n_args or tuple(kwargs) != record.kwnames:
        return None
    call = _Call(record.n_bufs, [*args, *kwargs.values()])
    if not all(_step(call, m) for m in record.match):
        return None
    for s in record.state:
        cell = _cell(s)
        held = cell._held
        if cell.busy or held is None or held._aval is not s.aval or not held._data:
            return None
    return call


def _cell(binding: StateBinding) -> Cell:
    if type(binding.cell) is not Cell:
        raise TypeError(f"a state is bound to a Cell, not to {type(binding.cell).__name__}")
    return binding.cell


def _build(steps: tuple[Build, ...], outputs: list[Tensor]) -> object:
    stack: list[object] = []
    for step in steps:
        if isinstance(step, BuildOutput):
            stack.append(outputs[step.index])
            continue
        if isinstance(step, BuildConst):
            stack.append(step.value)
            continue
        n = len(step.keys) if isinstance(step, BuildDict) else step.n
        popped = stack[len(stack) - n :]
        del stack[len(stack) - n :]
        if isinstance(step, BuildTuple):
            stack.append(tuple(popped))
        elif isinstance(step, BuildList):
            stack.append(popped)
        elif isinstance(step, BuildDict):
            stack.append(dict(zip(step.keys, popped, strict=True)))
        else:
            stack.append(step.function(*popped))
    return stack[0]


def _lend(record: Record, call: _Call) -> list[tuple[Tensor, Tensor]]:
    """Each cell's Tensor before and after the call; those that the program writes become busy."""
    lent = []
    for s in record.state:
        cell = _cell(s)
        alone = s.in_place and held_alone(cell)
        before = after = cell.tensor
        if s.buf_out >= 0 and not alone:
            after = new_tensor(s.aval, s.aval.nbytes)
        lent.append((before, after))
    for s, (before, after) in zip(record.state, lent, strict=True):
        call.pass_buf(s.buf_in, before._data, (before, before._holds))
        if s.buf_out >= 0:
            cell = _cell(s)
            call.bufs[s.buf_out] = after._data
            cell.busy = 1
            if after is before:
                cell._held = None
    return lent


def _settle(record: Record, lent: list[tuple[Tensor, Tensor]], success: bool) -> None:
    for s, (before, after) in zip(record.state, lent, strict=True):
        if s.buf_out >= 0:
            cell = _cell(s)
            cell._held = after if success else before
            cell.busy = 0


def _allocate(record: Record, call: _Call) -> list[Tensor | None]:
    outputs: list[Tensor | None] = []
    for out in record.outputs:
        made = None
        if isinstance(out, NewOutput):
            made = new_tensor(out.aval, out.nbytes)
            call.bufs[out.buf] = made._data
        outputs.append(made)
    if record.arena_buf >= 0:
        arena = Block(record.arena_bytes, buffers=0)
        call.pass_buf(record.arena_buf, arena.address, arena)
    if record.constants is not None:
        call.pass_buf(record.constants_buf, record.constants.ctypes.data, record)
    return outputs


def _run(record: Record, call: _Call, made: list[Tensor | None], lent: list[tuple[Tensor, Tensor]]) -> object:
    prototype = ctypes.CFUNCTYPE if record.release_gil else ctypes.PYFUNCTYPE
    success = False
    try:
        status = prototype(ctypes.c_int64, ctypes.c_void_p)(record.program)(ctypes.addressof(call.bufs))
        success = status == 0
    finally:
        with live.lock:
            _settle(record, lent, success)
    if status != 0:
        error = record.fail(status)
        if not isinstance(error, BaseException):
            raise TypeError(f"fail() returns an exception, not {type(error).__name__}")
        raise error
    outputs = []
    for out, tensor in zip(record.outputs, made, strict=True):
        if isinstance(out, NewOutput):
            assert tensor is not None
            outputs.append(tensor)
        else:
            # The cell keeps its Tensor to itself, so that nobody can dispose it.
            kept = lent[out.index][1]
            outputs.append(view(kept._aval, 0, kept))
    return _build(record.build, outputs)


class Dispatcher:
    """A callable that runs the newest record matching a call, and otherwise `slow(*args, **kwargs)`.

    Args:
        slow: what decides, and may `install` a record for the next time.
        n_buckets: a power of two; records are spread by the types of the first two tensor arguments.

    Attributes:
        always: run records also while stages are active; for code that knows the stage itself.
    """

    slow: Callable[..., object]
    always: bool

    def __init__(self, slow: Callable[..., object], n_buckets: int = 1) -> None:
        if n_buckets < 1 or n_buckets & (n_buckets - 1) or n_buckets > 1 << 20:
            raise ValueError("n_buckets must be a power of two from 1 to 1048576")
        self.slow = slow
        self.always = False
        self._records: tuple[Record, ...] = ()

    def __call__(self, *args: object, **kwargs: object) -> object:
        if self.always or not live.active:
            for record in self._records:
                with live.lock:
                    call = _match(record, args, kwargs)
                    if call is None:
                        continue
                    made = _allocate(record, call)
                    lent = _lend(record, call)
                return _run(record, call, made, lent)
        return self.slow(*args, **kwargs)

    def install(self, record: Record) -> None:
        """Put a record in front of the others."""
        if not isinstance(record, Record):
            raise TypeError(f"expected a Record, not {type(record).__name__}")
        for s in record.state:
            _cell(s)
        with live.lock:
            self._records = (record, *self._records)

    def clear(self) -> None:
        """Remove all records; calls that run one finish."""
        self._records = ()

    def __len__(self) -> int:
        return len(self._records)


_bound: Final[dict[str, Dispatcher]] = {}


def bind_operator(name: str, dispatcher: Dispatcher | None) -> Dispatcher | None:
    """Make a Tensor's operator call a Dispatcher with its operands in order, and give the one before.

    Without a Dispatcher the operator is not supported. ValueError for an unknown name.
    """
    if name not in OPERATORS:
        raise ValueError(f"{name!r} is no operator; operators are {', '.join(OPERATORS)}")
    if not isinstance(dispatcher, Dispatcher | None):
        raise TypeError(f"expected a Dispatcher, not {type(dispatcher).__name__}")
    before = _bound.pop(name, None)
    if dispatcher is not None:
        _bound[name] = dispatcher
    return before


def _attach(name: str, stem: str) -> None:
    def forward(a: object, b: object) -> object:
        bound = _bound.get(name)
        return NotImplemented if bound is None else bound(a, b)

    def reflected(a: object, b: object) -> object:
        return forward(b, a)

    def unary(a: object) -> object:
        bound = _bound.get(name)
        if bound is None:
            raise TypeError(f"bad operand type for {name}: 'lithograph.Tensor'")
        return bound(a)

    def power(a: object, b: object, modulo: object = None) -> object:
        return forward(a, b) if modulo is None else NotImplemented

    setattr(Tensor, f"__{stem}__", unary if name in UNARY else power if name == "power" else forward)
    if name in BINARY or name == "power":
        setattr(Tensor, f"__r{stem}__", reflected)


for _name, _stem in {**BINARY, "power": "pow", **UNARY, **COMPARISON}.items():
    _attach(_name, _stem)
Tensor.__module__ = "lithograph"
