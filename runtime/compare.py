"""A native program against its interpretation, step by step on the same inputs; it knows no Python function."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np

from ..codegen.build import build
from ..codegen.interpret import StepFailed, Written, run_program
from ..codegen.module import PARALLEL_NS
from ..codegen.plan import ALIGN, Kind, Storage
from ..codegen.program import Program
from ..codegen.steps import KernelStep
from ..codegen.target import host
from ..ir.analysis import control_regions, flags_within
from ..ir.check import array_difference, trials
from ..ir.errors import PassError
from ..ir.graph import Graph, Node
from ..ir.op import Flags
from ..ir.passes import Settings
from ..ir.records import dataclass
from ..ir.repro import KERNELS, Repro, save_repro
from . import hosted, threads

_Watch = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
_Program = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)


@dataclass(frozen=True, slots=True)
class StepDifference:
    """The first step of a program that does not do natively what it means.

    Attributes:
        step: its number.
        name: the kernel's, or what kind of step it is.
        text: the step.
        fault: how the results differ, in words.
    """

    step: int
    name: str
    text: str
    fault: str


def compare_steps(graph: Graph, inputs: Sequence[np.ndarray]) -> StepDifference | None:
    """The first step of the program of a graph that natively gives other bits than interpreted, None where none does.

    A program with loops or choices is not followed, and None is returned; their regions are programs themselves.

    Args:
        graph: fused, with known extents.
        inputs: in the order of its params; state enters with them.
    """
    if control_regions(graph):
        return None
    seen: dict[int, dict[int, np.ndarray]] = {}
    functions: list[object] = []

    def watched(bufs: int, step: int) -> None:
        seen[step] = {s.number: _copied(s, bufs) for s in program.steps[step].use().writes}

    def host_function(node: Node, reads: tuple[int, ...], write: int, words: int, symbols: tuple[str, ...]) -> int:
        made = hosted.function(node, reads, write, words, symbols)
        functions.append(made)
        return hosted.address(made)

    watch = _Watch(watched)
    address = ctypes.cast(watch, ctypes.c_void_p).value
    assert address is not None
    program = build(graph, host(), host_function, address)
    _run(program, inputs)
    expected = run_program(program, inputs)
    try:
        for k, written in expected:
            fault = "it fails" if k not in seen else _fault(seen[k], written)
            if fault is not None:
                return _difference(program, k, fault)
    except StepFailed as error:
        if error.step in seen:
            return _difference(program, error.step, "it does not fail, where its interpretation does")
    return None


def check_kernels(graph: Graph, settings: Settings) -> None:
    """Compare each kernel of a fused graph with its interpretation on random inputs; graphs with effects are left out.

    Raises:
        PassError: a kernel gives other bits; the message names a file to repeat it with.
    """
    if Flags.ORDERED in flags_within(graph)[graph]:
        return
    for region in control_regions(graph):
        check_kernels(region, settings)
    for trial in trials(graph, settings.seed):
        found = compare_steps(graph, trial.inputs)
        if found is None:
            continue
        fault = f"the kernel {found.name!r} differs from its interpretation: {found.fault}"
        try:
            path = save_repro(graph, settings.dump, Repro(KERNELS, settings.seed, fault))
        except OSError as error:
            raise PassError(f"{fault}\nthe graph could not be saved: {error}") from None
        raise PassError(f"{fault}\nrepeat it with: lithograph bisect {path}")


def _difference(program: Program, k: int, fault: str) -> StepDifference:
    step = program.steps[k]
    name = step.nest.name if isinstance(step, KernelStep) else type(step).__name__.removesuffix("Step").lower()
    return StepDifference(k, name, step.show(program.target), fault)


def _fault(native: dict[int, np.ndarray], expected: dict[Storage, Written]) -> str | None:
    for s, meant in expected.items():
        # What no step has written yet is whatever lay there.
        found = np.where(meant.known, native[s.number], meant.values).reshape(s.type.static_shape)
        fault = array_difference(meant.values.reshape(s.type.static_shape), found)
        if fault is not None:
            return f"b{s.number} {fault}"
    return None


def _copied(s: Storage, bufs: int) -> np.ndarray:
    table = (ctypes.c_void_p * (s.number + 1)).from_address(bufs)
    return hosted.view(s.type, table[s.number] or 0).reshape(-1).copy()


def _run(program: Program, inputs: Sequence[np.ndarray]) -> int:
    """One native call on memory of our own; its status."""
    if program.module.cost({}) > PARALLEL_NS:
        threads.ensure_started()
    library = program.load()
    table = (ctypes.c_void_p * program.n_bufs)()
    rooms: dict[int, np.ndarray] = {}
    params = iter(inputs)
    for s in program.storages:
        if s.kind in (Kind.PARAM, Kind.OUTPUT, Kind.STATE):
            rooms[s.number] = _room(s.type.nbytes)
        if s.kind is Kind.PARAM:
            given = np.ascontiguousarray(next(params)).reshape(-1).view(np.uint8)
            rooms[s.number][: given.size] = given
    for place in program.state:
        if place.in_place:
            rooms[place.write] = rooms[place.read]
    plan = program.plan({})
    rooms[program.arena_buf] = _room(plan.arena_bytes)
    rooms[program.words_buf] = program.words({}, plan)
    for number, room in rooms.items():
        table[number] = room.ctypes.data
    call: Callable[[int], int] = _Program(library["program"])
    return call(ctypes.addressof(table))


def _room(nbytes: int) -> np.ndarray:
    room = np.zeros(nbytes + 2 * ALIGN, np.uint8)
    return room[-room.ctypes.data % ALIGN :]
