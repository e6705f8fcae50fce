"""A Record as words for the native entry; the words' meaning is here, what acts on them is not."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from ...ir.dtypes import ALL
from ...ir.records import dataclass
from ...ir.types import TensorType
from ..record import (
    Build,
    BuildCall,
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
    MatchList,
    MatchTuple,
    MatchWeak,
    NewOutput,
    Record,
    build_depth,
    n_slots,
)

# The header, by word. `*_at` are byte offsets from the record; `copies` to `scratch` are words of the frame.
HEADER: Final = (
    *("references", "objects", "n_args", "kwnames", "n_kwnames"),
    *("copies", "frame", "bufs", "outs", "used", "new", "stack", "scratch"),
    *("n_match", "match_at", "n_state", "state_at", "n_out", "out_at", "n_build", "build_at"),
    *("arena_bytes", "arena_buf", "arena", "constants", "constants_buf"),
    *("program", "holds", "release_gil", "fail", "simple"),
)
OFFSET: Final = {name: 8 * i for i, name in enumerate(HEADER)}

ARRAY, IDENTITY, FLOAT, INT, TUPLE, LIST, DICT, WEAK = range(8)
MATCH_WORDS: Final = 6
STATE_WORDS: Final = 6
OUT_WORDS: Final = 3
PUSH_OUTPUT, PUSH_CONST, MAKE_TUPLE, MAKE_LIST, MAKE_DICT, MAKE_CALL = range(6)
BUILD_WORDS: Final = 3
KIND: Final[dict[type, int]] = {float: 0, int: 1, bool: 2}
DTYPE_CODE: Final = {d.name: i for i, d in enumerate(ALL)}


@dataclass(frozen=True, slots=True)
class Encoded:
    """What `install` takes.

    Attributes:
        words: the record.
        objects: everything the words point to.
        keys: the sums that choose the buckets.
    """

    words: bytes
    objects: tuple[object, ...]
    keys: bytes


class _Words:
    """Words under construction, with the objects that they point to."""

    def __init__(self) -> None:
        self.table: list[int] = []
        self.extra: list[int] = []
        self.objects: list[object] = []

    def point(self, o: object) -> int:
        """The address of an object that will be kept."""
        self.objects.append(o)
        return id(o)


def _signed(bits: int) -> int:
    return bits - (1 << 64) if bits >= 1 << 63 else bits


def _array_spec(w: _Words, aval: TensorType) -> list[int]:
    shape = aval.static_shape
    return [w.point(aval.dtype.numpy), aval.nbytes, len(shape), *shape]


def _plain(keys: Sequence[object]) -> bool:
    return all(type(k) in (str, int) for k in keys)


def _match(record: Record, w: _Words, extra_at: int) -> tuple[list[int], int]:
    """The match table and the number of scratch words; it points into `w.extra`, at byte `extra_at`."""
    table: list[int] = []
    slots = record.n_args + len(record.kwnames)
    scratch = 0
    for m in record.match:
        here = extra_at + 8 * len(w.extra)
        row = _match_row(m, w, record.n_bufs, slots, scratch, here)
        table += row + [0] * (MATCH_WORDS - len(row))
        scratch += isinstance(m, MatchWeak)
        if isinstance(m, MatchTuple | MatchList):
            slots += m.n
        elif isinstance(m, MatchDict):
            slots += len(m.keys)
    return table, scratch


def _match_row(m: Match, w: _Words, n_bufs: int, slots: int, scratch: int, here: int) -> list[int]:
    if isinstance(m, MatchArray):
        w.extra += _array_spec(w, m.aval)
        return [ARRAY, m.slot, w.point(m.aval), m.buf if m.buf >= 0 else n_bufs, here]
    if isinstance(m, MatchIdentity):
        return [IDENTITY, m.slot, w.point(m.value)]
    if isinstance(m, MatchFloat):
        return [FLOAT, m.slot, _signed(m.bits)]
    if isinstance(m, MatchInt):
        return [INT, m.slot, m.value]
    if isinstance(m, MatchTuple | MatchList):
        return [TUPLE if isinstance(m, MatchTuple) else LIST, m.slot, m.n, slots]
    if isinstance(m, MatchDict):
        w.extra += [w.point(k) for k in m.keys]
        return [DICT, m.slot, len(m.keys), slots, here, int(_plain(m.keys))]
    buf = m.buf if m.buf >= 0 else n_bufs
    return [WEAK, m.slot, KIND[m.kind], buf, DTYPE_CODE[m.dtype.name], scratch]


def _build_row(step: Build, w: _Words) -> list[int]:
    if isinstance(step, BuildOutput):
        return [PUSH_OUTPUT, step.index, 0]
    if isinstance(step, BuildConst):
        return [PUSH_CONST, w.point(step.value), 0]
    if isinstance(step, BuildTuple):
        return [MAKE_TUPLE, step.n, 0]
    if isinstance(step, BuildList):
        return [MAKE_LIST, step.n, 0]
    if isinstance(step, BuildDict):
        return [MAKE_DICT, len(step.keys), w.point(tuple(step.keys))]
    assert isinstance(step, BuildCall)
    return [MAKE_CALL, step.n, w.point(step.function)]


def _keys(record: Record) -> bytes:
    """The sums aval0 + 3 * aval1 under which the record is found: an ndarray argument counts as 0."""
    first: list[tuple[int, ...]] = [(0,), (0,)]
    for m in record.match:
        if isinstance(m, MatchArray) and m.slot < min(2, record.n_args):
            first[m.slot] = (id(m.aval), 0)
    sums = dict.fromkeys(a + 3 * b for a in first[0] for b in first[1])
    return struct.pack(f"<{len(sums)}q", *sums)


def encode(record: Record) -> Encoded:
    """The words of a record; TypeError or ValueError from its parts before anything is installed."""
    w = _Words()
    fixed = 8 * (
        len(HEADER)
        + MATCH_WORDS * len(record.match)
        + STATE_WORDS * len(record.state)
        + OUT_WORDS * len(record.outputs)
        + BUILD_WORDS * len(record.build)
    )
    match, n_scratch = _match(record, w, fixed)
    state: list[int] = []
    for s in record.state:
        state += [w.point(s.cell), w.point(s.aval), s.buf_in, s.buf_out, int(s.in_place), s.aval.nbytes]
    outs: list[int] = []
    for out in record.outputs:
        if isinstance(out, NewOutput):
            outs += [w.point(out.aval), out.nbytes, out.buf]
        else:
            outs += [0, out.index, -1]
    build = [word for step in record.build for word in _build_row(step, w)]
    known = record.n_args + len(record.kwnames)
    total = n_slots(record)
    h = dict.fromkeys(HEADER, 0)
    h["references"] = 0
    h["n_args"] = record.n_args
    h["kwnames"] = w.point(record.kwnames)
    h["n_kwnames"] = len(record.kwnames)
    h["copies"] = total if total > known else 0
    position = h["copies"]
    sizes = {
        "bufs": record.n_bufs + 1,
        "outs": len(record.outputs),
        "used": len(record.state),
        "new": len(record.state),
        "stack": build_depth(record.build),
        "scratch": n_scratch,
    }
    for name, length in sizes.items():
        h[name] = position
        position += length
    h["frame"] = position
    at = 8 * len(HEADER)
    for name, count, table in (
        ("match", len(record.match), match),
        ("state", len(record.state), state),
        ("out", len(record.outputs), outs),
        ("build", len(record.build), build),
    ):
        h[f"n_{name}"], h[f"{name}_at"] = count, at
        at += 8 * len(table)
    h["arena_bytes"], h["arena_buf"] = record.arena_bytes, record.arena_buf
    if record.constants is not None:
        w.point(record.constants)
        h["constants"] = record.constants.ctypes.data
    h["constants_buf"] = record.constants_buf
    h["program"] = _signed(record.program)
    h["holds"] = int(record.release_gil or record.reenters)
    h["release_gil"] = int(record.release_gil)
    h["fail"] = w.point(record.fail)
    h["simple"] = int(record.build == (BuildOutput(0),) and len(record.outputs) == 1)
    w.point(record.owner)
    words = [*h.values(), *match, *state, *outs, *build, *w.extra]
    return Encoded(struct.pack(f"<{len(words)}q", *words), tuple(w.objects), _keys(record))
