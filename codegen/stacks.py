"""Native helpers of loops: stacks that grow as a loop runs, and the look for signals.

A stack of unknown length is memory of its own, freed when its program ends; the entry after its pointer in `bufs` holds
its size in bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from . import support, words
from .body import Body
from .module import Module

POLL: Final = "poll"
"""Symbol of a C function `i64 (i64 reason)` that looks for signals, or says that memory is exhausted where the reason
is 1; its result is the status of the program where that is not 0."""
_REALLOC: Final = "lithograph_realloc"
_FREE: Final = "lithograph_free"

_GROW = """define internal i64 @grow(ptr %bufs, i64 %number, i64 %count, i64 %each) #0 {
entry:
  %product = call {i64, i1} @llvm.umul.with.overflow.i64(i64 %count, i64 %each)
  %need = extractvalue {i64, i1} %product, 0
  %beyond = extractvalue {i64, i1} %product, 1
  br i1 %beyond, label %full, label %known
known:
  %place = getelementptr ptr, ptr %bufs, i64 %number
  %room = getelementptr ptr, ptr %place, i64 1
  %size = load i64, ptr %room, align 8
  %fits = icmp ule i64 %need, %size
  br i1 %fits, label %fine, label %more
more:
  %double = mul i64 %size, 2
  %larger = call i64 @llvm.umax.i64(i64 %double, i64 %need)
  %new = call i64 @llvm.umax.i64(i64 %larger, i64 4096)
  %old = load ptr, ptr %place, align 8
  %moved = call ptr @lithograph_realloc(ptr %old, i64 %new)
  %none = icmp eq ptr %moved, null
  br i1 %none, label %full, label %done
done:
  store ptr %moved, ptr %place, align 8
  store i64 %new, ptr %room, align 8
  br label %fine
fine:
  ret i64 0
full:
  %status = call i64 @poll(i64 1)
  ret i64 %status
}
"""


_UNWATCHED = f"""define internal i64 @{POLL}(i64 %reason) {{
entry:
  %full = icmp ne i64 %reason, 0
  %status = select i1 %full, i64 65535, i64 0
  ret i64 %status
}}
"""


def declare_poll(module: Module) -> None:
    """Declare the function that looks for signals; where nobody gave one, there are none to look for."""
    if module.poll:
        module.declares[f"declare i64 @{POLL}(i64)"] = None
        module.imports[POLL] = module.poll
    elif _UNWATCHED not in module.functions:
        module.functions.append(_UNWATCHED)


def grow(module: Module, body: Body, number: int, count: str, each: str | int) -> str:
    """Make room on a stack for so many parts of so many bytes; the status operand."""
    _declare(module)
    return body.assign(f"call i64 @grow(ptr %bufs, i64 {number}, i64 {count}, i64 {each})")


def _declare(module: Module) -> None:
    if _GROW in module.functions:
        return
    declare_poll(module)
    module.declares["declare i64 @llvm.umax.i64(i64, i64)"] = None
    module.declares["declare {i64, i1} @llvm.umul.with.overflow.i64(i64, i64)"] = None
    module.declares[f"declare ptr @{_REALLOC}(ptr, i64)"] = None
    module.imports[_REALLOC] = support.allocator()[0]
    module.functions.append(_GROW)


def free_stacks(module: Module, body: Body, stacks: Sequence[int]) -> None:
    """Free the stacks in these entries of `bufs`; one that was never begun is null."""
    module.declares[f"declare void @{_FREE}(ptr)"] = None
    module.imports[_FREE] = support.allocator()[1]
    for number in stacks:
        place = body.assign(f"getelementptr ptr, ptr %bufs, i64 {number}")
        body.emit(f"call void @{_FREE}(ptr {words.get(body, place, 'ptr')})")
