"""What compiling a graph gives: a program and where its data lie; it knows nothing of how Python calls it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..ir.graph import Graph
from ..ir.records import dataclass
from .record import Build, Match, Output, Record, StateBinding


@dataclass(frozen=True, slots=True)
class StateBuffers:
    """Where one state slot lies: read from bufs[buf_in], written to bufs[buf_out] (-1: only read).

    Attributes:
        in_place: both may be the same memory: the program has read what it needs before it writes, and
            nothing can fail after its first write.
    """

    buf_in: int
    buf_out: int
    in_place: bool


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """The forms that a program took on its way; texts are made when asked for."""

    traced: Graph
    optimized: Graph
    kernels: Callable[[], str]
    llvm: Callable[[], str]
    asm: Callable[[], str]


@dataclass(frozen=True, slots=True, eq=False)
class Executable:
    """A graph as native code.

    Attributes:
        name: name of the graph.
        program: address of `i64 program(ptr bufs)`; 0 means success.
        n_bufs: length of `bufs`.
        params: for each param of the traced graph, the buffer it is read from (-1: a state's, or unused).
        state: for each state slot of the traced graph.
        outputs: the Tensors that a call makes or takes from state.
        results: for each result of the traced graph that is no state's, in order, its index in `outputs`.
        arena_bytes, arena_buf: scratch memory, aligned to 64 bytes (-1: none).
        constants, constants_buf: words whose address is passed (None and -1: none).
        release_gil: whether a call is long enough to let other threads run meanwhile.
        reenters: whether the program may call back into Python.
        owner: keeps the code alive.
        fail: the exception that a status other than 0 stands for.
        source: its earlier forms.
        memory_plan: buffers, aliases and peak bytes, as text.
    """

    name: str
    program: int
    n_bufs: int
    params: tuple[int, ...]
    state: tuple[StateBuffers, ...]
    outputs: tuple[Output, ...]
    results: tuple[int, ...]
    arena_bytes: int
    arena_buf: int
    constants: np.ndarray[tuple[int], np.dtype[np.int64]] | None
    constants_buf: int
    release_gil: bool
    reenters: bool
    owner: object
    fail: Callable[[int], BaseException]
    source: Stages
    memory_plan: Callable[[], str]

    def record(
        self,
        match: tuple[Match, ...],
        build: tuple[Build, ...],
        n_args: int,
        *,
        kwnames: tuple[str, ...] = (),
        state: tuple[StateBinding, ...] = (),
        owner: object = None,
    ) -> Record:
        """The record of calls that run this program.

        Args:
            match, build, n_args, kwnames, state: as in `Record`.
            owner: kept alive beside the program.
        """
        return Record(
            n_args=n_args,
            kwnames=kwnames,
            match=match,
            state=state,
            outputs=self.outputs,
            build=build,
            n_bufs=self.n_bufs,
            program=self.program,
            fail=self.fail,
            arena_bytes=self.arena_bytes,
            arena_buf=self.arena_buf,
            constants=self.constants,
            constants_buf=self.constants_buf,
            release_gil=self.release_gil,
            reenters=self.reenters,
            owner=(self, owner),
        )
