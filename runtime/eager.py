"""The Eager stage: an op that is called now is computed now, by a one-op program that serves many shapes.

Each op's `call` is a Dispatcher; the first call of a kind finds its program here and leaves a record there,
so that the next one runs native code at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import numpy as np

from ..codegen import eager as code
from ..codegen import sort_step
from ..codegen.eager_scatter import scatter
from ..codegen.lower import view_strides
from ..ir import dtypes, stage
from ..ir.array import Array
from ..ir.attrs import NO_ATTRS, Attrs, Constant, Order, Slice, intern
from ..ir.batching import Batched
from ..ir.builder import Builder, Traced
from ..ir.errors import LithographError, StateError
from ..ir.loc import NOWHERE
from ..ir.op import Alias, Contract, Element, Host, Literal, Lowering, Op, Pointwise, Reduce, Scan, Scatter, Sort
from ..ir.records import replace
from ..ir.registry import OPS
from ..ir.stage import locate, operand_type
from ..ir.types import TensorType
from . import hosted, threads
from .compile import build
from .core import Dispatcher, Tensor, as_ndarray, bind_operator, enter, from_ndarray, is_disposed, leave
from .creation import handle
from .disposal import refusal
from .partitioned import PartitionedVariable
from .record import BuildOutput, Match, MatchArray, MatchIdentity, MatchWeak, NewOutput, Record
from .surface import OPERATORS
from .variable import Variable
from .watching import made as told
from .watching import watchers

_GIL_NS = 5000.0
_MOST = 256
_BUCKETS = 16

Plan = Callable[[Sequence[Match]], Record]
"""Makes the record of a call from how its operands are matched."""


class Eager:
    """The stage in force where no other was entered."""

    assumptions = None

    def __init__(self) -> None:
        self._plans: dict[tuple[Op, Attrs, tuple[TensorType, ...]], tuple[Record, Dispatcher]] = {}
        self._lock = threading.Lock()

    def lift(self, operand: Array | np.ndarray) -> Array:
        """The operand as a Tensor: a variable's value, a copy of an ndarray."""
        if isinstance(operand, Tensor):
            if is_disposed(operand):
                raise refusal(operand)
            return operand
        if isinstance(operand, Variable):
            return operand.held()
        if isinstance(operand, PartitionedVariable):
            return operand.as_tensor()
        if isinstance(operand, Traced):
            return operand.builder.lift(operand)
        if isinstance(operand, np.ndarray):
            return self.constant(operand)
        if isinstance(operand, Batched):
            raise operand.stale()
        raise StateError(f"{operand!r} has no value here")

    def constant(self, value: np.ndarray) -> Array:
        """A Tensor that holds a copy of an array."""
        aval = TensorType(dtypes.from_numpy(value.dtype), value.shape)
        return told(from_ndarray(aval, np.asarray(value, order="C")))

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        """Compute one op."""
        by = watchers()
        if not by:
            return self._computed(op, args, attrs, result)
        start = time.perf_counter()
        made = self._computed(op, args, attrs, result)
        seconds = time.perf_counter() - start
        assert isinstance(made, Tensor)
        for w in by:
            w.made(made)
            w.ran(op.name, args, (made,), seconds)
        return made

    def _computed(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        if isinstance(op.lowering, Alias):
            (x,) = args
            assert isinstance(x, Tensor)
            return handle(x, result)
        together = _run_of(attrs, args[0]._aval, result) if isinstance(attrs, Slice) and len(args) == 1 else None
        if together is not None:
            (x,) = args
            assert isinstance(x, Tensor)
            return handle(x, result, together * result.dtype.itemsize)
        if isinstance(op.lowering, Literal):
            assert isinstance(attrs, Constant)
            return from_ndarray(result, np.asarray(attrs.value, order="C"))
        if isinstance(_native(op, [a._aval for a in args], result), Host):
            return self._hosted(op, args, attrs, result)
        _, run = self.plan(op, attrs, tuple([a._aval for a in args]), result)
        made = run(*args)
        assert isinstance(made, Tensor)
        return made

    def _hosted(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        """One op by its reference, with no program around it."""
        operands = [as_ndarray(a) for a in args if isinstance(a, Tensor)]
        try:
            return from_ndarray(result, np.asarray(op.evaluate(operands, attrs), order="C"))
        except LithographError as error:
            raise locate(error) from None

    def plan(
        self, op: Op, attrs: Attrs, types: tuple[TensorType, ...], result: TensorType
    ) -> tuple[Record, Dispatcher]:
        """The record for Tensors of these types, and a Dispatcher that holds it alone."""
        key = (op, attrs, types)
        known = self._plans.get(key)
        if known is None:
            with self._lock:
                if len(self._plans) >= 4096:
                    self._plans.clear()
                record = _record(op, attrs, types, result)
                run = Dispatcher(_mismatch)
                run.always = True
                run.install(record)
                known = self._plans[key] = (record, run)
        return known


def _native(op: Op, types: Iterable[TensorType], result: TensorType) -> Lowering:
    return op.native([*[t.dtype for t in types], result.dtype])


def _mismatch(*args: object) -> object:
    for a in args:
        if isinstance(a, Tensor) and is_disposed(a):
            raise refusal(a)
    raise StateError("an eager program was called with operands that it was not made for")


def _record(op: Op, attrs: Attrs, types: tuple[TensorType, ...], result: TensorType) -> Record:
    match = tuple([MatchArray(k, t, k) for k, t in enumerate(types)])
    call = _call(op, attrs, types, result)
    if call is None:
        return _whole_program(op, attrs, types, result, match)
    count = len(types)
    if call.cost > _GIL_NS:
        threads.ensure_started()

    def fail(status: int) -> BaseException:
        check = call.kernel.checks[(status & 0xFFFF) - 1]
        return locate(op.error(check.number, status >> 16, types, attrs))

    return Record(
        n_args=count,
        match=match,
        outputs=(NewOutput(result, result.nbytes, count),),
        build=(BuildOutput(0),),
        n_bufs=count + 3,
        program=call.kernel.program,
        fail=fail,
        arena_bytes=call.scratch,
        arena_buf=count + 2 if call.scratch else -1,
        constants=np.array(call.words, np.int64),
        constants_buf=count + 1,
        release_gil=call.cost > _GIL_NS,
        owner=call.kernel.library,
    )


def _call(op: Op, attrs: Attrs, types: tuple[TensorType, ...], result: TensorType) -> code.Call | None:
    match _native(op, types, result):
        case Pointwise():
            return code.elementwise(op, attrs, types, result)
        case Reduce():
            axes: tuple[int, ...] = getattr(attrs, "axes")  # noqa: B009
            return code.reduction(op, axes, types[0])
        case Scan():
            return code.scan(op, attrs, types, result)
        case Contract():
            return code.product(types, result)
        case Sort(positions) if sort_step.fits(types[0], attrs):
            assert isinstance(attrs, Order)
            return sort_step.eager_call(positions, attrs, types[0])
        case Element(view=True):
            strides, offset = _strides(op, attrs, types[0], result)
            return code.view(OPS["stop_gradient"], result.dtype, result.static_shape, strides, offset)
        case Scatter():
            return scatter(op, attrs, types, result)
        case Element() if op.name != "concat":
            return code.general(op, attrs, types, result)
        case _:
            return None


def _run_of(attrs: Slice, source: TensorType, result: TensorType) -> int | None:
    """Where the elements of a slice start that lie together in memory, so that they need no copy; None: they do not."""
    expected, step, start = 1, 1, 0
    for first, by, extent, size in reversed(
        list(zip(attrs.starts, attrs.steps, result.static_shape, source.static_shape, strict=True))
    ):
        if extent == 0 or (extent > 1 and by * step != expected):
            return None
        start += int(first) * step
        expected *= extent
        step *= size
    return start


def _strides(op: Op, attrs: Attrs, source: TensorType, result: TensorType) -> tuple[tuple[int, ...], int]:
    builder = Builder(op.name)
    x = builder.param(source)
    made = builder.emit(op, (x,), attrs, result)
    assert made.value.node is not None
    strides, offset = view_strides(made.value.node)
    return tuple(map(int, strides)), int(offset)


def _whole_program(
    op: Op, attrs: Attrs, types: tuple[TensorType, ...], result: TensorType, match: tuple[Match, ...]
) -> Record:
    """The record of a program for exactly these types, for ops whose meaning needs known extents."""
    builder = Builder(op.name)
    builder.loc = NOWHERE
    params = tuple([builder.param(t) for t in types])
    made = build(builder.finish([builder.emit(op, params, attrs, result)]))
    bound = tuple(
        [MatchArray(m.slot, m.aval, made.params[k]) for k, m in enumerate(match) if isinstance(m, MatchArray)]
    )
    return made.record(bound, (BuildOutput(made.results[0]),), len(types))


def _hosted(
    op: Op, attrs: Attrs, types: Sequence[TensorType], wanted: Sequence[dtypes.DType], result: TensorType
) -> Record:
    """The record of an op whose reference is run, with no program around it."""
    function = hosted.single(op, attrs, types, wanted, result)
    return Record(
        n_args=len(types),
        match=tuple([MatchArray(k, t, k) for k, t in enumerate(types)]),
        outputs=(NewOutput(result, result.nbytes, len(types)),),
        build=(BuildOutput(0),),
        n_bufs=len(types) + 1,
        program=hosted.address(function),
        fail=lambda status: hosted.failure(),
        reenters=True,
        owner=function,
    )


def _install(op: Op) -> None:
    """Make an op's `call` a Dispatcher."""

    seen: set[tuple[object, ...]] = set()

    def slow(*given: object) -> object:
        result = stage.apply(op, *given)  # type: ignore[arg-type]
        if stage.current() is not EAGER or not isinstance(result, Tensor):
            return result
        kind = tuple([_kind(x) for x in given])
        if kind in seen:
            return result
        record = _direct(op, given)
        if len(seen) >= _MOST:
            dispatcher.clear()
            seen.clear()
        seen.add(kind)
        if record is not None:
            dispatcher.install(record)
        return result

    dispatcher = Dispatcher(slow, _BUCKETS)
    op.call = cast("Callable[..., Array]", dispatcher)
    if op.name in OPERATORS:
        bind_operator(op.name, dispatcher)


_WEAK = (bool, int, float)
_WIDEST = {
    bool: TensorType(dtypes.bool_, ()),
    int: TensorType(dtypes.int64, ()),
    float: TensorType(dtypes.float64, ()),
}


def _kind(given: object) -> object:
    """What of an operand decides which record it matches."""
    if isinstance(given, Array):
        return type(given), given._aval
    if isinstance(given, np.ndarray):
        return given.dtype, given.shape
    return given if isinstance(given, Attrs) else type(given)


def _direct(op: Op, given: tuple[object, ...]) -> Record | None:
    """The record for operands as the user gave them; None when they have to be converted first."""
    operands, attrs = (given, NO_ATTRS) if op.attrs is None else (given[:-1], given[-1])
    assert isinstance(attrs, Attrs)
    if isinstance(op.lowering, Alias | Literal):
        return None
    types = tuple([operand_type(op.name, x) for x in operands])
    wanted = op.promote(op.name, types)
    lifted = tuple([TensorType(d, t.shape) for t, d in zip(types, wanted, strict=True)])
    matches: list[Match] = []
    result = op.result_type(lifted, attrs)
    if isinstance(attrs, Slice) and len(lifted) == 1 and _run_of(attrs, lifted[0], result) is not None:
        return None
    hosts = isinstance(_native(op, lifted, result), Host)
    if hosts:
        # A host step takes Python numbers in the widest dtype of their kind, and converts them itself.
        lifted = tuple([_WIDEST.get(type(x), t) for x, t in zip(operands, types, strict=True)])
        record = _hosted(op, attrs, lifted, wanted, result)
    else:
        record, _ = EAGER.plan(op, attrs, lifted, result)
    bufs = {m.slot: m.buf for m in record.match if isinstance(m, MatchArray)}
    for k, (x, t) in enumerate(zip(operands, lifted, strict=True)):
        if type(x) in (Tensor, np.ndarray) and types[k].dtype is t.dtype:
            matches.append(MatchArray(k, t, bufs[k]))
        elif type(x) in _WEAK and t.dtype.plain and not (t.dtype.kind == "bool" and type(x) is not bool):
            matches.append(MatchWeak(k, type(x), t.dtype, bufs[k]))  # type: ignore[arg-type]
        else:
            return None
    if op.attrs is not None:
        if intern(attrs) is not attrs:
            return None
        matches.append(MatchIdentity(len(operands), attrs))
    return replace(record, n_args=len(given), match=tuple(matches))


EAGER = Eager()
"""The one Eager stage of the process."""


def install() -> None:
    """Make Eager the default stage and every op's `call` native."""
    stage.default.clear()
    stage.default.append(EAGER)
    stage.crossing[:] = [enter, leave]
    for op in OPS.values():
        _install(op)
