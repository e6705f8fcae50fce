"""What a compiled call is, as plain data: when it matches, what it runs and returns; it runs nothing itself.

A call is matched by a linear program over a growing array of slots. Slots 0.. are the positional arguments,
then the keyword values in the order of `kwnames`; each container that matches appends its children. Matching
writes data pointers into `bufs`; the program is then called as `i64 program(ptr bufs)`, and 0 means success.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterator

import numpy as np

from ..ir.dtypes import DType
from ..ir.records import dataclass
from ..ir.types import TensorType


@dataclass(frozen=True, slots=True)
class MatchArray:
    """A live Tensor of exactly this type, or a C-contiguous, aligned ndarray of its dtype and shape."""

    slot: int
    aval: TensorType
    buf: int


@dataclass(frozen=True, slots=True)
class MatchIdentity:
    """This very object."""

    slot: int
    value: object


@dataclass(frozen=True, slots=True)
class MatchFloat:
    """An exact Python float with these 64 bits."""

    slot: int
    bits: int


@dataclass(frozen=True, slots=True)
class MatchInt:
    """An exact Python int (no bool) with this value, which fits int64."""

    slot: int
    value: int


@dataclass(frozen=True, slots=True)
class MatchTuple:
    """An exact tuple of n; appends n slots."""

    slot: int
    n: int


@dataclass(frozen=True, slots=True)
class MatchList:
    """An exact list of n; appends n slots."""

    slot: int
    n: int


@dataclass(frozen=True, slots=True)
class MatchDict:
    """An exact dict with exactly these keys in any order; appends the values in the order of `keys`.

    Where a key is neither an exact str nor an exact int, or the dict that comes has one, it matches only
    a dict that holds the same key objects in the same order: matching runs no Python code.
    """

    slot: int
    keys: tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class MatchWeak:
    """An exact Python bool, int or float (`kind`), converted to `dtype`, which it has to fit."""

    slot: int
    kind: type[bool] | type[int] | type[float]
    dtype: DType
    buf: int


Match = MatchArray | MatchIdentity | MatchFloat | MatchInt | MatchTuple | MatchList | MatchDict | MatchWeak


@dataclass(frozen=True, slots=True)
class NewOutput:
    """A new Tensor of `nbytes`, whose memory is bufs[buf]."""

    aval: TensorType
    nbytes: int
    buf: int


@dataclass(frozen=True, slots=True)
class StateOutput:
    """The Tensor that the cell of state[index] holds after the call."""

    index: int


Output = NewOutput | StateOutput


@dataclass(frozen=True, slots=True)
class BuildOutput:
    """Push outputs[index]."""

    index: int


@dataclass(frozen=True, slots=True)
class BuildConst:
    """Push an object."""

    value: object


@dataclass(frozen=True, slots=True)
class BuildTuple:
    """Pop n, push their tuple."""

    n: int


@dataclass(frozen=True, slots=True)
class BuildList:
    """Pop n, push their list."""

    n: int


@dataclass(frozen=True, slots=True)
class BuildDict:
    """Pop one value for each key, push their dict."""

    keys: tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class BuildCall:
    """Pop n, push `function(*popped)`."""

    function: Callable[..., object]
    n: int


Build = BuildOutput | BuildConst | BuildTuple | BuildList | BuildDict | BuildCall


@dataclass(frozen=True, slots=True)
class StateBinding:
    """A variable that the program reads from bufs[buf_in] and, where buf_out >= 0, writes to bufs[buf_out].

    Attributes:
        cell: the Cell; calls go the slow way while its `busy` is not 0 or its Tensor is not of type `aval`.
        in_place: bufs[buf_out] = bufs[buf_in] when nothing else holds the cell's Tensor, else a new Tensor.
    """

    cell: object
    aval: TensorType
    buf_in: int
    buf_out: int = -1
    in_place: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One compiled specialisation of a Dispatcher.

    Attributes:
        n_args: number of positional arguments.
        kwnames: the keyword names, in the order of the call.
        match, state, outputs, build: see their types; `build` is a postfix program that leaves one object.
        n_bufs: length of `bufs`; an entry is set by at most one of match, state, outputs, arena, constants,
            and what none of them sets is for the program to use. A match with buf -1 sets none.
        program: address of `i64 program(ptr bufs)`.
        fail: called with a status that is not 0; the exception it returns is raised, nothing has changed.
        arena_bytes, arena_buf: scratch memory, aligned to 64 bytes (-1: none).
        constants, constants_buf: words whose address is passed (-1: none).
        release_gil: whether other threads run meanwhile.
        reenters: whether the program may call back into Python.
        owner: kept alive with the record.

    Raises:
        ValueError: a slot, buf or index is out of range, or a buf is set twice.
    """

    n_args: int
    match: tuple[Match, ...]
    outputs: tuple[Output, ...]
    build: tuple[Build, ...]
    n_bufs: int
    program: int
    fail: Callable[[int], BaseException]
    kwnames: tuple[str, ...] = ()
    state: tuple[StateBinding, ...] = ()
    arena_bytes: int = 0
    arena_buf: int = -1
    constants: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None
    constants_buf: int = -1
    release_gil: bool = False
    reenters: bool = False
    owner: object = None

    def __post_init__(self) -> None:
        _check_slots(self)
        _check_bufs(self)
        _check_build(self)


def n_slots(record: Record) -> int:
    """Number of slots once everything has matched."""
    n = record.n_args + len(record.kwnames)
    for m in record.match:
        if isinstance(m, MatchTuple | MatchList):
            n += m.n
        elif isinstance(m, MatchDict):
            n += len(m.keys)
    return n


def build_depth(build: tuple[Build, ...]) -> int:
    """The most objects that the stack of a postfix program holds; ValueError unless it leaves just one."""
    depth = most = 0
    for step in build:
        popped = 0 if isinstance(step, BuildOutput | BuildConst) else _operands(step)
        if popped > depth:
            raise ValueError(f"{step} pops {popped} objects, and the stack holds {depth}")
        depth += 1 - popped
        most = max(most, depth)
    if depth != 1:
        raise ValueError(f"a build program leaves one object, and this one leaves {depth}")
    return most


def _operands(step: BuildTuple | BuildList | BuildDict | BuildCall) -> int:
    n = len(step.keys) if isinstance(step, BuildDict) else operator.index(step.n)
    if n < 0:
        raise ValueError(f"{step} has a negative count")
    return n


def _check_slots(record: Record) -> None:
    if record.n_args < 0 or record.program == 0:
        raise ValueError(f"a record needs n_args >= 0 and a program, not {record.n_args}, {record.program}")
    if not all(type(name) is str for name in record.kwnames):
        raise ValueError(f"keyword names are str, not {record.kwnames}")
    known = record.n_args + len(record.kwnames)
    for m in record.match:
        if not 0 <= m.slot < known:
            raise ValueError(f"{m} looks at a slot that does not exist yet: there are {known}")
        if isinstance(m, MatchTuple | MatchList):
            if m.n < 0:
                raise ValueError(f"{m} has a negative length")
            known += m.n
        elif isinstance(m, MatchDict):
            known += len(m.keys)
        elif isinstance(m, MatchInt):
            if not -(2**63) <= m.value < 2**63:
                raise ValueError(f"{m} does not fit int64")
        elif isinstance(m, MatchFloat):
            if not 0 <= m.bits < 2**64:
                raise ValueError(f"{m} does not fit 64 bits")
        elif isinstance(m, MatchWeak) and (
            m.kind not in (bool, int, float)
            or not m.dtype.plain
            or (m.kind is float and not m.dtype.is_float)
            or (m.kind is int and m.dtype.kind == "bool")
        ):
            raise ValueError(f"a Python {m.kind.__name__} does not become {m.dtype}")


def _bufs(record: Record) -> Iterator[int]:
    for m in record.match:
        if isinstance(m, MatchArray | MatchWeak) and m.buf != -1:
            yield m.buf
    for s in record.state:
        yield s.buf_in
        if s.buf_out != -1:
            yield s.buf_out
    for out in record.outputs:
        if isinstance(out, NewOutput):
            yield out.buf
    if record.arena_buf != -1:
        yield record.arena_buf
    if record.constants_buf != -1:
        yield record.constants_buf


def _check_bufs(record: Record) -> None:
    times = [0] * record.n_bufs
    for buf in _bufs(record):
        if not 0 <= buf < record.n_bufs:
            raise ValueError(f"buf {buf} is out of range: there are {record.n_bufs}")
        times[buf] += 1
    if any(n > 1 for n in times):
        raise ValueError(f"buf {next(b for b, n in enumerate(times) if n > 1)} is set more than once")
    if (record.constants is None) != (record.constants_buf == -1) or record.arena_bytes < 0:
        raise ValueError("constants come with constants_buf, and arena_bytes is >= 0")
    constants = record.constants
    if constants is not None and (constants.dtype != np.int64 or not constants.flags.c_contiguous):
        raise ValueError("constants are a C-contiguous int64 array")
    if len({id(s.cell) for s in record.state}) != len(record.state):
        raise ValueError("a cell is bound once in a record")


def _check_build(record: Record) -> None:
    for out in record.outputs:
        if isinstance(out, StateOutput):
            if not 0 <= out.index < len(record.state):
                raise ValueError(f"{out} is out of range: there are {len(record.state)} states")
        elif out.nbytes < out.aval.nbytes:
            raise ValueError(f"{out} is smaller than its type")
    for step in record.build:
        if isinstance(step, BuildOutput) and not 0 <= step.index < len(record.outputs):
            raise ValueError(f"{step} is out of range: there are {len(record.outputs)} outputs")
    build_depth(record.build)
