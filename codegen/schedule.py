"""How a nest runs: lanes, blocks, the form of its reductions, by rough costs; it writes no code.

Every legal schedule of a nest gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..ir.records import dataclass
from ..ir.scalar import Scalar
from ..ir.types import Extent
from .affine import affine
from .nest import CHEAP, Nest
from .plan import Sizes
from .scan import ROWS
from .target import THREADS, Target

_TASK_ELEMENTS = 2048
_COLUMN_BYTES = 4096
_ONE_TASK = 1 << 62
_FEWEST_COLUMNS = 256
_ROW_ELEMENTS = 16384
_ROWS_OF_ANY_LENGTH = 4
_DEEP = 48
_MUCH_NS = 300_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a nest runs; every legal one gives the same bits.

    Attributes:
        lanes: vector lanes along the last loop of the domain: a power of 2 up to 64, or 0: scalar. Where reductions
            vary with that loop, lanes need `columns`; where stores add, neighbours need different addresses.
        columns: the reductions that vary with the last loop are computed for blocks of so many columns, a multiple of
            the lanes; 0: each by itself.
        block: iterations of the outermost loop in one task; 1 where there are loops inside it.
        cost: rough nanoseconds of the whole nest on one thread; None when extents are symbolic.
        serial: all tasks run in order on one thread.
    """

    lanes: int
    columns: int
    block: int
    cost: float | None
    serial: bool = False

    def tasks(self, nest: Nest, sizes: Sizes) -> int:
        """Number of tasks of a nest for given sizes of the symbols."""
        domain = [e if isinstance(e, int) else e.evaluate(sizes) for e in nest.domain]
        return 1 if not domain else -(-domain[0] // self.block) if all(domain) else 0


Costs = tuple[tuple[float, tuple[Extent, ...]], ...]
"""Nanoseconds of work on one thread, each with the extents of the loops around it."""


def costs(nest: Nest) -> Costs:
    """Rough costs of the parts of a nest: vector instructions plus bytes moved."""
    found: list[tuple[float, tuple[Extent, ...]]] = []
    counted: set[Scalar] = set()

    def count(roots: Sequence[Scalar]) -> float:
        work, stack = 0.0, list(roots)
        while stack:
            e = stack.pop()
            if e in counted or e.prim == "reduce":
                continue
            counted.add(e)
            if e.prim == "load":
                work += 0.08 * e.dtype.itemsize / 4
            elif e.prim not in CHEAP and nest.free(e):
                work += 0.1 if e.prim in ("div", "sqrt", "tdiv", "trem") else 0.03
            stack.extend(e.args)
        return work

    for r in nest.reductions:
        inner = [nest.extents[i] for i in r.iters]
        outer = [nest.extents[i] for i in sorted(nest.free(r.body)) if i < len(nest.domain)]
        found.append((count([r.body]) + 0.05, (*outer, *inner)))
        found.append((8, tuple(outer)))
    found.append((count([s.value for s in nest.stores]) + 0.1 * len(nest.stores), nest.domain))
    return tuple(found)


def total(parts: Costs, sizes: Sizes) -> float:
    """The sum of costs for given sizes of the symbols."""
    return sum(ns * math.prod([e if isinstance(e, int) else e.evaluate(sizes) for e in loops]) for ns, loops in parts)


def cost(nest: Nest) -> float | None:
    """Rough nanoseconds on one thread; None when extents are symbolic."""
    return total(costs(nest), {}) if nest.is_static else None


def schedule(nest: Nest, target: Target) -> Schedule:
    """The schedule for a nest, from its access pattern, extents and the target's vector width."""
    rank = len(nest.domain)
    last = rank - 1
    varying = [r for r in nest.reductions if r.iters and last in nest.free(r.body)]
    widest = max(d.itemsize for d in nest.dtypes.values())
    lanes = min(16, max(2, target.vector_bytes // max(widest, 4)))
    if any(s.ordered for s in nest.stores):
        lanes = lanes if rank and all(_distinct(nest, s.address, last) for s in nest.stores) else 0
        return Schedule(lanes, 0, _TASK_ELEMENTS if rank == 1 else 1, cost(nest), serial=True)
    if rank == 0:
        return Schedule(0, 0, 1, cost(nest))
    if nest.scans:
        return _scan_schedule(nest, lanes)
    n = nest.domain[last]
    if varying and not _columns_pay(nest, last):
        return Schedule(0, 0, 1 if rank > 1 else _rows_per_task(nest), cost(nest))
    if isinstance(n, int):
        if n == 1:
            return Schedule(0, 0, 1, cost(nest))
        lanes = min(lanes, 1 << n.bit_length() - 1)
    if varying:
        width = _column_width(nest)
        return Schedule(lanes, width, width if rank == 1 else 1, cost(nest))
    lanes *= _chains(nest, target, n)
    return Schedule(lanes, 0, _TASK_ELEMENTS if rank == 1 else 1, cost(nest))


def _chains(nest: Nest, target: Target, last: Extent) -> int:
    """How many vectors are computed side by side.

    A long chain of operations waits for itself, and a processor looks only some hundred instructions ahead for others.
    More code takes longer to compile, so there has to be enough to compute.
    """
    if nest.reductions or sum([e.prim not in CHEAP for e in nest.walk()]) < _DEEP:
        return 1
    known = cost(nest)
    if (known is not None and known < _MUCH_NS) or (isinstance(last, int) and last < 64):
        return 1
    return 4 if target.vector_bytes == 64 else 2


def _scan_schedule(nest: Nest, lanes: int) -> Schedule:
    (store,), kept = nest.stores, len(nest.domain) - 1
    if not kept:
        return Schedule(0, 0, _ONE_TASK, _scan_cost(nest, 1))
    n = nest.domain[kept - 1]
    if affine(store.address).iters.get(kept - 1, 0) != 1 or (isinstance(n, int) and n < 4):
        return Schedule(0, 0, ROWS if kept == 1 else 1, _scan_cost(nest, ROWS))
    if isinstance(n, int):
        lanes = min(lanes, 1 << n.bit_length() - 1)
    width = _scan_width(nest)
    return Schedule(lanes, width, width if kept == 1 else 1, cost(nest))


def _scan_cost(nest: Nest, rows: int) -> float | None:
    """Where each step waits for the one before, that is what takes time."""
    known = cost(nest)
    return None if known is None else max(known, 1.3 / rows * math.prod(e for e in nest.domain if isinstance(e, int)))


def _scan_width(nest: Nest) -> int:
    width = _COLUMN_BYTES // max(d.itemsize for d in nest.dtypes.values())
    n = nest.domain[len(nest.domain) - 2]
    return max(64, min(width, -(-n // (16 * THREADS)) * 16)) if isinstance(n, int) else width // 4


def _rows_per_task(nest: Nest) -> int:
    extents = [[nest.extents[i] for i in r.iters] for r in nest.reductions]
    known = [math.prod([e for e in of if isinstance(e, int)]) for of in extents if all(isinstance(e, int) for e in of)]
    longest = max(known, default=0)
    return min(max(_ROW_ELEMENTS // longest, 1), 64) if longest else _ROWS_OF_ANY_LENGTH


def _distinct(nest: Nest, address: Scalar, last: int) -> bool:
    """Whether neighbours along the last loop certainly have different addresses."""
    form = affine(address)
    factor = form.iters.get(last, 0)
    return isinstance(factor, int) and factor != 0 and not any(last in nest.free(t) for t in form.terms)


def _column_width(nest: Nest) -> int:
    width = _COLUMN_BYTES // max(d.itemsize for d in nest.dtypes.values())
    long = any(not isinstance(e := nest.extents[i], int) or e > 65536 for r in nest.reductions for i in r.iters)
    n = nest.domain[-1]
    width = width // 8 if long else width
    if len(nest.domain) > 1 or THREADS == 1:
        return min(width, -(-n // 16) * 16) if isinstance(n, int) else width
    if not isinstance(n, int):
        return width // 2
    shared = -(-n // THREADS)
    return min(width, max(-(-shared // 16) * 16, _FEWEST_COLUMNS))


def _columns_pay(nest: Nest, column: int) -> bool:
    """Whether lanes along the kept axis read memory better than lanes along the reduced one."""
    n = nest.domain[column]
    if isinstance(n, int) and n < 4:
        return False
    columns, rows = [0, 0], [0, 0]
    for r in nest.reductions:
        stack, seen = [r.body], set[Scalar]()
        while stack:
            e = stack.pop()
            if e in seen:
                continue
            seen.add(e)
            stack.extend(e.args)
            if e.prim == "load":
                form = affine(e.args[0])
                for found, iters in (columns, (column,)), (rows, r.iters):
                    steps = [form.iters.get(i, 0) for i in iters]
                    found[0] -= 1 not in steps and any(s != 0 for s in steps)
                    found[1] += 1 in steps
    # Fewer operands gathered from places far apart; where those are as many, more read side by side.
    return columns > rows
