"""The buffer plan: where each value of a program lies, what shares memory, and the peak; it writes no code.

A storage is a piece of memory that one or more values (reshapes of each other) share. Params, state and constants come
with theirs; outputs are made for each call; a slice lies in another storage, at a place that changes; a stack grows
while a loop runs; the rest are temporaries, which lie in one arena. A temporary's bytes are
used again after its last step, also by the step that reads it last, where that step reads each element just before it
writes the same one. Where extents are symbolic, lifetimes are the program's, and places are found for each
set of sizes.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence

from ..ir.fields import static_type
from ..ir.records import dataclass, field
from ..ir.types import TensorType

Sizes = Mapping[str, int]

ALIGN = 64


class Kind(enum.Enum):
    """Where a storage's memory comes from."""

    PARAM = "param"
    CONSTANT = "constant"
    TEMPORARY = "temporary"
    OUTPUT = "output"
    STATE = "state"
    SLICE = "slice"
    STACK = "stack"


@dataclass(eq=False, slots=True)
class Storage:
    """One piece of memory of a program.

    Attributes:
        type: of the value that defined it.
        kind: see `Kind`.
        number: its entry in `bufs`.
        first, last: steps (by position) that write it first and touch it last; -1: before all steps.
    """

    type: TensorType
    kind: Kind
    number: int = -1
    first: int = -1
    last: int = -1

    def nbytes(self, sizes: Sizes) -> int:
        """Bytes for given sizes of the symbols, at least 1 so that distinct storages have distinct places."""
        return max(static_type(self.type, sizes).nbytes, 1)


def _no_scratch(sizes: Sizes) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Use:
    """What one step does to storages: `alike` are pairs (read, written) that may share memory.

    Attributes:
        scratch: bytes of scratch memory for given sizes of the symbols.
    """

    reads: tuple[Storage, ...]
    writes: tuple[Storage, ...]
    alike: tuple[tuple[Storage, Storage], ...] = ()
    scratch: Callable[[Sizes], int] = _no_scratch
    may_fail: bool = False


@dataclass(slots=True)
class Plan:
    """The arena of a program, for one set of sizes.

    Attributes:
        offsets: of each temporary, bytes into the arena.
        reuses: for a temporary that takes over the bytes of another one in place, that one.
        arena_bytes: its size.
        peak_bytes: the most bytes of outputs, new state and arena that a call holds beyond its inputs.
        scratch: for each step, the offset of its scratch memory in the arena.
    """

    offsets: dict[Storage, int] = field(default_factory=dict)
    reuses: dict[Storage, Storage] = field(default_factory=dict)
    arena_bytes: int = 0
    peak_bytes: int = 0
    scratch: dict[int, int] = field(default_factory=dict)


def _aligned(n: int) -> int:
    return -(-n // ALIGN) * ALIGN


class _Arena:
    """Free intervals of a growing arena; the smallest that fits is taken."""

    def __init__(self) -> None:
        self.free: list[tuple[int, int]] = []
        self.top = 0

    def take(self, nbytes: int) -> int:
        size = _aligned(nbytes)
        fitting = [(hi - lo, lo, hi) for lo, hi in self.free if hi - lo >= size]
        if fitting:
            _, lo, hi = min(fitting)
            self.free.remove((lo, hi))
            if hi - lo > size:
                self.free.append((lo + size, hi))
            return lo
        tail = max((f for f in self.free if f[1] == self.top), default=None)
        if tail is not None:
            self.free.remove(tail)
            self.top = tail[0] + size
            return tail[0]
        self.top += size
        return self.top - size

    def give(self, offset: int, nbytes: int) -> None:
        merged: list[tuple[int, int]] = []
        for lo, hi in sorted([*self.free, (offset, offset + _aligned(nbytes))]):
            if merged and merged[-1][1] == lo:
                merged[-1] = (merged[-1][0], hi)
            else:
                merged.append((lo, hi))
        self.free = merged


def set_lifetimes(uses: Sequence[Use]) -> tuple[Storage, ...]:
    """Set `first` and `last` of every storage that is touched, and return those."""
    touched: dict[Storage, None] = {}
    for step, use in enumerate(uses):
        for s in use.writes:
            if s not in touched:
                s.first = step
            touched[s] = None
            s.last = step
        for s in use.reads:
            touched[s] = None
            s.last = step
    return tuple(touched)


def place(uses: Sequence[Use], touched: Sequence[Storage], sizes: Sizes) -> Plan:
    """Places in the arena for temporaries and scratch memory, once lifetimes are set."""
    plan, arena = Plan(), _Arena()
    nbytes = {s: s.nbytes(sizes) for s in touched if s.kind is Kind.TEMPORARY}
    dying: dict[int, list[Storage]] = {}
    for s in touched:
        if s.kind is Kind.TEMPORARY:
            dying.setdefault(s.last, []).append(s)
    handed_over: set[Storage] = set()
    for step, use in enumerate(uses):
        for s in use.writes:
            if s.kind is not Kind.TEMPORARY or s.first != step:
                continue
            free = [r for r, w in use.alike if w is s and r not in handed_over and _may_take_over(r, s, step, nbytes)]
            if free:
                plan.reuses[s] = free[0]
                plan.offsets[s] = plan.offsets[free[0]]
                handed_over.add(free[0])
            else:
                plan.offsets[s] = arena.take(nbytes[s])
        scratch = use.scratch(sizes)
        if scratch:
            plan.scratch[step] = arena.take(scratch)
            arena.give(plan.scratch[step], scratch)
        for s in dying.get(step, ()):
            if s not in handed_over:
                arena.give(plan.offsets[s], nbytes[s])
    plan.arena_bytes = arena.top
    made = [s for s in touched if s.kind in (Kind.OUTPUT, Kind.STATE) and s.first >= 0]
    plan.peak_bytes = plan.arena_bytes + sum(static_type(s.type, sizes).nbytes for s in made)
    return plan


def _may_take_over(read: Storage, written: Storage, step: int, nbytes: dict[Storage, int]) -> bool:
    return (
        read.kind is Kind.TEMPORARY
        and read.last == step
        and read.first < step
        and _aligned(nbytes[read]) == _aligned(nbytes[written])
    )


def may_update(old: Storage, new: Storage, uses: Sequence[Use]) -> bool:
    """Whether new state may be written over the old while the program runs.

    All other reads of the old must come before the step that writes the new, that step must read each element before
    it writes it, and from it on nothing may fail.
    """
    if new.first < 0 or old.last > new.first:
        return False
    if any(use.may_fail for use in uses[new.first :]):
        return False
    use = uses[new.first]
    return old not in use.reads or (old, new) in use.alike
