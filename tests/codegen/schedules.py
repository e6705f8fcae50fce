"""Nests with other schedules than the usual one: which are legal, and running one natively under any of them."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from lithograph.codegen import jit
from lithograph.codegen.affine import affine
from lithograph.codegen.body import Body
from lithograph.codegen.kernel import KernelWriter
from lithograph.codegen.nest import Nest
from lithograph.codegen.schedule import Schedule
from lithograph.codegen.target import host

_PROGRAM = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)


def legal_schedule(rng: np.random.Generator, nest: Nest) -> Schedule:
    """A random schedule among those that the docstring of `Schedule` allows."""
    rank = len(nest.domain)
    if rank == 0:
        return Schedule(0, 0, 1, None)
    last = rank - 1
    block = int(rng.integers(1, 70)) if rank == 1 else 1
    lanes = int(rng.choice([0, 2, 4, 8, 16]))
    if any(s.ordered for s in nest.stores):
        apart = all(
            affine(s.address).iters.get(last, 0) != 0 and not any(last in nest.free(t) for t in affine(s.address).terms)
            for s in nest.stores
        )
        return Schedule(lanes if apart else 0, 0, block, None, serial=True)
    if nest.scans:
        if rank == 1:
            return Schedule(0, 0, 1 << 62, None)
        together = affine(nest.stores[0].address).iters.get(last - 1, 0) == 1
        lanes, block = lanes if together else 0, int(rng.integers(1, 70)) if rank == 2 else 1
        return Schedule(lanes, lanes * int(rng.integers(1, 12)), block, None)
    if any(r.iters and last in nest.free(r.body) for r in nest.reductions):
        columns = lanes * int(rng.integers(1, 12)) if lanes else 0
        return Schedule(lanes, columns, block, None)
    return Schedule(lanes * int(rng.choice([1, 2, 4])), 0, block, None)


def run_natively(
    nest: Nest, plan: Schedule, buffers: Mapping[int, np.ndarray], ranges: Sequence[tuple[int, int]]
) -> int:
    """Run a nest under a schedule, its tasks in ranges one after another; the first status that is not 0."""
    declares: dict[str, None] = {}
    target = host()
    kernel = KernelWriter(nest, plan, declares, width=target.vector_bytes).write("kernel", "#0")
    body = Body(declares)
    for lo, hi in ranges:
        status = body.assign(f"call i64 @kernel(ptr %bufs, i64 {lo}, i64 {hi})")
        failed = body.assign(f"icmp ne i64 {status}, 0")
        with body.if_(failed):
            body.emit(f"ret i64 {status}")
            body.label(body.fresh_label("unreached"))
    body.emit("ret i64 0")
    main = body.function("i64 @program(ptr %bufs)", "#0")
    attributes = f'attributes #0 = {{ nounwind "prefer-vector-width"="{target.vector_bytes * 8}" }}'
    library = jit.load("\n".join([*declares, kernel, main, attributes, ""]), ["program"])
    table = (ctypes.c_void_p * (max(buffers) + 1))()
    for b, array in buffers.items():
        table[b] = array.ctypes.data
    return int(_PROGRAM(library["program"])(ctypes.addressof(table)))


def task_ranges(rng: np.random.Generator, tasks: int, serial: bool) -> list[tuple[int, int]]:
    """All tasks once, cut into ranges at random, in any order unless `serial`."""
    cuts = sorted({0, tasks, *(int(c) for c in rng.integers(0, tasks + 1, 3))})
    ranges = list(itertools.pairwise(cuts))
    return ranges if serial else [ranges[k] for k in rng.permutation(len(ranges))]
