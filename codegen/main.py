"""The entry of a program as LLVM text: it says where things lie, runs the steps, and leaves at the first failure."""

from __future__ import annotations

from collections.abc import Sequence

from .body import Body
from .control import start_polling
from .extents import Number
from .mark import Mark
from .module import Module, Scratch, watch
from .plan import Kind, Plan, Storage
from .product_step import GemmStep
from .sort_step import SortStep
from .stacks import free_stacks
from .steps import Step


def write_main(
    module: Module, steps: Sequence[Step], storages: Sequence[Storage], fixed: Plan | None, arena_buf: int, watcher: int
) -> str:
    """The text of the module whose steps these are.

    Args:
        module: receives what the steps need.
        steps: in order.
        storages: of the program.
        fixed: the buffer plan where it is the same for each call; else places are read with each call.
        arena_buf: number of the arena's entry in `bufs`.
        watcher: address of what is called after each step; 0 for nothing.
    """
    body, table = Body(module.declares), module.table
    arena = _load(body, arena_buf)
    constants = [s for s in storages if s.kind is Kind.CONSTANT]
    if constants or table.symbols:
        table.pointer = _load(body, table.buffer)
        for k, s in enumerate(constants):
            body.emit(f"store ptr {table.constant(body, k)}, ptr {_entry(body, s.number)}")
    temporaries = [s for s in storages if s.kind is Kind.TEMPORARY]
    if temporaries:
        _lay_out(module, body, arena, temporaries, fixed)
    stacks = [s.number for s in storages if s.kind is Kind.STACK]
    for n in (m for first in stacks for m in (first, first + 1)):
        body.emit(f"store ptr null, ptr {_entry(body, n)}")
    if any(isinstance(s, Mark) and s.polls for s in steps):
        start_polling(module, body)
    leaving = body.alloca("i64", 1, 8)
    for k, step in enumerate(steps):
        at = str(fixed.scratch.get(k, 0)) if fixed else "0"
        if not fixed and isinstance(step, GemmStep | SortStep):
            at = table.number(body, _scratch_of(k))
        status = step.write(module, body, k, Scratch(arena, at))
        if status is not None:
            with body.if_(body.assign(f"icmp ne i64 {status}, 0")):
                body.emit(f"store i64 {status}, ptr {leaving}")
                body.emit("br label %leave")
                body.label(body.fresh_label("unreached"))
        if watcher:
            watch(module, body, watcher, k)
    body.emit(f"store i64 0, ptr {leaving}")
    body.emit("br label %leave")
    body.label("leave")
    if stacks:
        free_stacks(module, body, stacks)
    body.emit(f"ret i64 {body.assign(f'load i64, ptr {leaving}')}")
    return module.text([body.function("i64 @program(ptr %bufs)", "#0")])


def _lay_out(module: Module, body: Body, arena: str, temporaries: Sequence[Storage], fixed: Plan | None) -> None:
    """Write the pointers of temporaries, whose entries follow each other, by a loop: lines for each compile slowly."""
    if fixed:
        offsets = ", ".join([f"i64 {fixed.offsets.get(s, 0)}" for s in temporaries])
        module.declares[f"@offsets = internal constant [{len(temporaries)} x i64] [{offsets}]"] = None
        table = "@offsets"
    else:
        table = module.table.row(body, [_offset_of(s) for s in temporaries])
    first = _entry(body, temporaries[0].number)
    with body.loop(0, len(temporaries)) as k:
        slot = body.assign(f"getelementptr i64, ptr {table}, i64 {k.index}")
        offset = body.assign(f"load i64, ptr {slot}")
        place = body.assign(f"getelementptr i8, ptr {arena}, i64 {offset}")
        entry = body.assign(f"getelementptr ptr, ptr {first}, i64 {k.index}")
        body.emit(f"store ptr {place}, ptr {entry}")


def _offset_of(storage: Storage) -> Number:
    return lambda sizes, plan: plan.offsets.get(storage, 0)


def _scratch_of(step: int) -> Number:
    return lambda sizes, plan: plan.scratch.get(step, 0)


def _entry(body: Body, k: int) -> str:
    return body.assign(f"getelementptr ptr, ptr %bufs, i64 {k}")


def _load(body: Body, k: int) -> str:
    return body.assign(f"load ptr, ptr {_entry(body, k)}")
