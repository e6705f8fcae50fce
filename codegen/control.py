"""Loops of a program: the marks that make the steps between them one; they compute nothing and plan no memory.

A loop stands in a program as `enter`, the steps of its condition, `test`, the steps of its body, `poll`, `leave`. What
it carries lies in two pieces of memory, the value and the one that the body makes, whose pointers change places after
each iteration. A slice of an array, and one iteration's part of what is stacked, is a storage whose pointer is moved
along.
"""

from __future__ import annotations

import functools

from ..ir.records import dataclass, field
from ..ir.types import Dim, Extent
from . import words
from .body import Body
from .mark import Mark
from .module import Module, buffer_pointer, sized
from .plan import Storage, Use
from .stacks import POLL, declare_poll, grow


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """A storage whose pointer walks along another one, `extent` elements at a time.

    Attributes:
        grows: the other one is a stack that this loop makes.
    """

    storage: Storage
    of: Storage
    grows: bool = False

    def size(self) -> Extent:
        """Bytes of one slice."""
        return self.storage.type.elements * self.storage.type.dtype.itemsize


@dataclass(slots=True, eq=False)
class Loop:
    """A loop of a program.

    Attributes:
        carried: what it carries: the value, and where the body puts the next one (None: into the value itself).
        slices: of what it reads, then of what it stacks.
        length: number of iterations: an extent, or where it is found; None where a condition decides.
        reverse: slices are walked from the last to the first.
        trips: where the number of iterations goes.
        outer: other storages that must keep their contents as long as it runs.
    """

    carried: list[tuple[Storage, Storage | None]]
    slices: list[Slice]
    length: Extent | Storage | None
    reverse: bool
    trips: Storage | None
    outer: tuple[Storage, ...] = ()
    _names: dict[str, str] = field(default_factory=dict)
    _begun: list[tuple[str, str]] = field(default_factory=list)
    _costs: int = 0

    def swaps(self) -> list[tuple[Storage, Storage]]:
        """The pairs whose pointers change places after each iteration."""
        return [(c, r) for c, r in self.carried if r is not None]

    def enter(self) -> Mark:
        """The start, which the memory that iterations fill is needed from; without a condition, its test too."""
        often = "while" if self.length is None else f"{self.length} times"
        if isinstance(self.length, Storage):
            often = "as often as an operand says"
        back = ", backwards" if self.reverse else ""
        what = ", ".join([str(c.type) for c, _ in self.carried]) or "nothing"
        return Mark(f"loop {often}{back}, carries {what}", self._enter, self._filled)

    def test(self, condition: Storage) -> Mark:
        """The end of the condition: the body runs where a bool in memory is true."""
        return Mark("while that is true", functools.partial(self._test, condition), lambda: Use((condition,), ()))

    def poll(self) -> Mark:
        """The end of an iteration: looks for signals now and then, so that Ctrl-C stops a loop."""
        return Mark("look for signals", self._poll, lambda: Use((), (), may_fail=True), polls=True)

    def leave(self) -> Mark:
        """The end, which all that iterations need must last until."""
        return Mark("end of the loop", self._leave, self._kept)

    def _filled(self) -> Use:
        reads = (self.length,) if isinstance(self.length, Storage) else ()
        return Use(reads, tuple(dict.fromkeys([*[r for _, r in self.swaps()], *[s.of for s in self.slices]])))

    def _kept(self) -> Use:
        kept = [s for pair in self.carried for s in pair if s is not None]
        reads = tuple(dict.fromkeys([*self.outer, *kept, *[s.of for s in self.slices]]))
        return Use(reads, () if self.trips is None else (self.trips,), may_fail=True)

    def _enter(self, module: Module, body: Body) -> str | None:
        names = self._names
        self._costs = len(module.costs)
        names["at"] = body.alloca("i64", 1, 8)
        words.put(body, 0, names["at"])
        for c, r in self.swaps():
            self._begun.append((buffer_pointer(body, c), buffer_pointer(body, r)))
        names["head"], names["done"] = body.fresh_label("head"), body.fresh_label("done")
        if isinstance(self.length, Storage):
            names["length"] = words.get(body, buffer_pointer(body, self.length))
        elif self.length is not None:
            names["length"] = module.table.extent(body, self.length)
        body.emit(f"br label %{names['head']}")
        body.label(names["head"])
        if self.length is None:
            return None
        now = words.get(body, names["at"])
        return self._begin(module, body, words.compare(body, "slt", now, names["length"]))

    def _test(self, condition: Storage, module: Module, body: Body) -> str | None:
        found = words.get(body, buffer_pointer(body, condition), "i8", 1)
        return self._begin(module, body, body.assign(f"icmp ne i8 {found}, 0"))

    def _begin(self, module: Module, body: Body, more: str) -> str | None:
        first = body.fresh_label("body")
        body.emit(f"br i1 {more}, label %{first}, label %{self._names['done']}")
        body.label(first)
        now = words.get(body, self._names["at"])
        index = words.sub(body, words.sub(body, self._names["length"], 1), now) if self.reverse else now
        status: str | None = None
        for part in self.slices:
            size = module.table.extent(body, part.size())
            if part.grows:
                count = words.add(body, now, 1) if self.length is None else self._names["length"]
                failed = grow(module, body, part.of.number, count, size)
                status = failed if status is None else body.assign(f"or i64 {status}, {failed}")
            place = words.at(body, buffer_pointer(body, part.of), words.mul(body, index, size), "i8")
            words.put(body, place, _slot(body, part.storage), "ptr")
        return status

    def _leave(self, module: Module, body: Body) -> None:
        """Write the back edge, and what makes of the last values the loop's results."""
        module.declares["declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"] = None
        names = self._names
        for c, r in self.swaps():
            old, new = buffer_pointer(body, c), buffer_pointer(body, r)
            words.put(body, new, _slot(body, c), "ptr")
            words.put(body, old, _slot(body, r), "ptr")
        words.put(body, words.add(body, words.get(body, names["at"]), 1), names["at"])
        body.emit(f"br label %{names['head']}")
        body.label(names["done"])
        for (c, r), (first, second) in zip(self.swaps(), self._begun, strict=True):
            last = buffer_pointer(body, c)
            nbytes = module.table.extent(body, c.type.elements * c.type.dtype.itemsize)
            with body.if_(body.assign(f"icmp ne ptr {last}, {first}")):
                body.emit(f"call void @llvm.memcpy.p0.p0.i64(ptr {first}, ptr {last}, i64 {nbytes}, i1 false)")
            words.put(body, first, _slot(body, c), "ptr")
            words.put(body, second, _slot(body, r), "ptr")
        if self.trips is not None:
            words.put(body, words.get(body, names["at"]), buffer_pointer(body, self.trips))
        inside = module.costs[self._costs :]
        length = self.length
        if isinstance(length, int | Dim):
            module.costs[self._costs :] = [lambda sizes: sized(length, sizes) * sum(c(sizes) for c in inside)]
        else:
            module.costs.append(lambda sizes: OPEN_NS)

    def _poll(self, module: Module, body: Body) -> str:
        declare_poll(module)
        now = body.assign("call i64 @llvm.readcyclecounter()")
        status = body.alloca("i64", 1, 8)
        words.put(body, 0, status)
        waited = words.sub(body, now, words.get(body, module.polled))
        with body.if_(words.compare(body, "ugt", waited, _CYCLES)):
            words.put(body, now, module.polled)
            words.put(body, body.assign(f"call i64 @{POLL}(i64 0)"), status)
        return words.get(body, status)


_CYCLES = 1 << 25
"""Of the processor's clock, between two looks for signals."""
OPEN_NS = 1e4
"""Nanoseconds that a loop of unknown length is taken to need besides: other threads must be able to run meanwhile."""


def start_polling(module: Module, body: Body) -> None:
    """Note, where a program starts, when signals were last looked for."""
    module.declares["declare i64 @llvm.readcyclecounter()"] = None
    module.polled = body.alloca("i64", 1, 8)
    words.put(body, body.assign("call i64 @llvm.readcyclecounter()"), module.polled)


def _slot(body: Body, storage: Storage) -> str:
    return body.assign(f"getelementptr ptr, ptr %bufs, i64 {storage.number}")
