"""The worker pool's native half: fork-join by claimed chunks, and the loop that workers park in.

It starts no thread. One job runs at a time. The caller writes it down, publishes `ticket` = epoch << 32 |
chunks left, and then takes chunks like everyone else: a chunk belongs to whoever lowers the ticket by
compare-and-swap. So the caller never waits for a sleeping worker, only for chunks that somebody is running. A
worker reads the job between loading the ticket and swapping it: the swap succeeds only if the epoch is still
the same, and the job cannot be rewritten before all of its chunks are done. Idle workers spin briefly, then
sleep: a futex on Linux, a condition variable elsewhere.
"""

from __future__ import annotations

from . import words as w
from .body import Body, Operand
from .target import Target

PARALLEL = "litho_parallel"
WORKER = "litho_worker"
RESIZE = "litho_pool_resize"
RESET = "litho_pool_reset"
SYMBOLS = (PARALLEL, WORKER, RESIZE, RESET)

# About 40 microseconds on current CPUs: longer spinning takes cycles from other libraries' pools.
_SPINS = 2000
# How long the caller spins for others' chunks before it offers them its core.
_PATIENCE = 20_000
_MOST_CHUNKS = 1 << 30
_FUTEX_NUMBER = {"x86_64": 202, "aarch64": 98}

# Each word on its own cache line: workers spin on `ticket` while others count on `done`.
_WORDS = (
    "lock",
    "ticket",
    "done",
    "status",
    "kernel",
    "bufs",
    "n",
    "grain",
    "chunks",
    "sleepers",
    "wanted",
    "alarm",
)


def _word(name: str) -> str:
    return f"@pool_{name}"


def _read(f: Body, name: str, order: str = "monotonic") -> str:
    return f.assign(f"load atomic i64, ptr {_word(name)} {order}, align 64")


def _write(f: Body, name: str, value: Operand, order: str = "monotonic") -> None:
    f.emit(f"store atomic i64 {value}, ptr {_word(name)} {order}, align 64")


def _update(f: Body, operation: str, name: str, value: Operand, order: str = "seq_cst") -> str:
    return f.assign(f"atomicrmw {operation} ptr {_word(name)}, i64 {value} {order}, align 64")


def _pause(f: Body, target: Target) -> None:
    if target.triple.startswith(("x86_64", "i686")):
        f.emit('call void asm sideeffect "pause", ""()')
    elif target.triple.startswith(("aarch64", "arm64")):
        f.emit('call void asm sideeffect "yield", ""()')


def _claim() -> str:
    """void pool_claim(): runs chunks of the current job until none is left."""
    f = Body()
    again = f.fresh_label("again")
    f.emit(f"br label %{again}")
    f.label(again)
    ticket = _read(f, "ticket", "acquire")
    left = f.assign(f"and i64 {ticket}, 4294967295")
    kernel, bufs, n = _read(f, "kernel"), _read(f, "bufs"), _read(f, "n")
    grain, chunks = _read(f, "grain"), _read(f, "chunks")
    f.emit(f"br i1 {w.compare(f, 'eq', left, 0)}, label %none, label %claim")
    f.label("claim")
    lower = f.assign(f"sub i64 {ticket}, 1")
    pair = f.assign(f"cmpxchg ptr @pool_ticket, i64 {ticket}, i64 {lower} acq_rel monotonic, align 64")
    mine = f.assign(f"extractvalue {{ i64, i1 }} {pair}, 1")
    f.emit(f"br i1 {mine}, label %run, label %{again}")
    f.label("run")
    lo = w.mul(f, w.sub(f, chunks, left), grain)
    hi = w.least(f, w.add(f, lo, grain), n)
    code, data = f.assign(f"inttoptr i64 {kernel} to ptr"), f.assign(f"inttoptr i64 {bufs} to ptr")
    status = f.assign(f"call i64 {code}(ptr {data}, i64 {lo}, i64 {hi})")
    with f.if_(w.compare(f, "ne", status, 0)):
        _update(f, "umax", "status", status, "monotonic")
    _update(f, "add", "done", 1, "release")
    f.emit(f"br label %{again}")
    f.label("none")
    f.emit("ret void")
    return f.function("internal void @pool_claim()", "nounwind")


def _parallel(target: Target) -> str:
    """i64 litho_parallel(kernel, bufs, n, grain): the largest of the chunks' statuses."""
    f = Body()
    serial, fork = f.fresh_label("serial"), f.fresh_label("fork")
    held, ready = f.fresh_label("held"), f.fresh_label("ready")
    small = w.compare(f, "sle", "%n", "%grain")
    alone = w.compare(f, "sle", _read(f, "wanted"), 0)
    f.emit(f"br i1 {w.either(f, small, alone)}, label %{serial}, label %{fork}")
    f.label(serial)
    f.emit(f"br i1 {w.compare(f, 'sle', '%n', 0)}, label %nothing, label %direct")
    f.label("direct")
    f.emit(f"{(whole := f.fresh())} = call i64 %kernel(ptr %bufs, i64 0, i64 %n)")
    f.emit(f"ret i64 {whole}")
    f.label("nothing")
    f.emit("ret i64 0")
    f.label(fork)
    taken = _update(f, "xchg", "lock", 1, "acquire")
    f.emit(f"br i1 {w.compare(f, 'ne', taken, 0)}, label %{serial}, label %{held}")
    f.label(held)
    f.emit(f"br label %{ready}")
    f.label(ready)
    coarse = w.ceil_div(f, "%n", _MOST_CHUNKS)
    grain = w.most(f, w.most(f, "%grain", 1), coarse)
    chunks = w.ceil_div(f, "%n", grain)
    _write(f, "kernel", f.assign("ptrtoint ptr %kernel to i64"))
    _write(f, "bufs", f.assign("ptrtoint ptr %bufs to i64"))
    for name, value in (("n", "%n"), ("grain", grain), ("chunks", chunks), ("done", "0"), ("status", "0")):
        _write(f, name, value)
    epoch = f.assign(f"lshr i64 {_read(f, 'ticket')}, 32")
    following = f.assign(f"shl i64 {f.assign(f'add i64 {epoch}, 1')}, 32")
    # Sequentially consistent against a worker that counts itself asleep and then looks at the ticket once
    # more.
    _update(f, "xchg", "ticket", f.assign(f"or i64 {following}, {chunks}"))
    sleepers = _read(f, "sleepers", "seq_cst")
    with f.if_(w.compare(f, "sgt", sleepers, 0)):
        f.emit(f"call void @pool_wake(i64 {w.least(f, sleepers, w.sub(f, chunks, 1))})")
    f.emit("call void @pool_claim()")
    wait, more = f.fresh_label("wait"), f.fresh_label("more")
    before = f.block
    f.emit(f"br label %{wait}")
    f.label(wait)
    spun = f.fresh()
    f.emit(f"{spun} = phi i64 [ 0, %{before} ], [ %again, %{more}.end ]")
    finished = w.compare(f, "eq", _read(f, "done", "acquire"), chunks)
    f.emit(f"br i1 {finished}, label %joined, label %{more}")
    f.label(more)
    _pause(f, target)
    tired = w.compare(f, "sgt", spun, _PATIENCE)
    with f.if_(tired):
        f.emit("call i32 @sched_yield()")
    f.emit(f"br label %{more}.end")
    f.label(f"{more}.end")
    f.emit(f"%again = add i64 {spun}, 1")
    f.emit(f"br label %{wait}")
    f.label("joined")
    status = _read(f, "status")
    _write(f, "lock", 0, "release")
    f.emit(f"ret i64 {status}")
    return f.function(f"i64 @{PARALLEL}(ptr %kernel, ptr %bufs, i64 %n, i64 %grain)", "nounwind")


def _worker(target: Target) -> str:
    """i64 litho_worker(index): serves jobs until the pool wants no more than `index` workers."""
    f = Body()
    serve = f.fresh_label("serve")
    f.emit(f"br label %{serve}")
    f.label(serve)
    f.emit("call void @pool_claim()")
    with f.loop(0, _SPINS):
        left = f.assign(f"and i64 {_read(f, 'ticket')}, 4294967295")
        with f.if_(w.compare(f, "ne", left, 0)):
            f.emit(f"br label %{serve}")
            f.label(f.fresh_label("unreached"))
        _pause(f, target)
    # The alarm is read before the last look at the ticket: a job published later changes it, and the wait
    # returns.
    alarm = _read(f, "alarm", "seq_cst")
    _update(f, "add", "sleepers", 1)
    left = f.assign(f"and i64 {_read(f, 'ticket', 'seq_cst')}, 4294967295")
    stay = w.compare(f, "sgt", _read(f, "wanted", "seq_cst"), "%index")
    calm = w.both(f, w.compare(f, "eq", left, 0), stay)
    with f.if_(calm):
        f.emit(f"call void @pool_wait(i64 {alarm})")
    _update(f, "sub", "sleepers", 1)
    stay = w.compare(f, "sgt", _read(f, "wanted"), "%index")
    f.emit(f"br i1 {stay}, label %{serve}, label %leave")
    f.label("leave")
    f.emit("ret i64 0")
    return f.function(f"i64 @{WORKER}(i64 %index)", "nounwind")


def _futex(target: Target) -> str:
    """pool_wait and pool_wake by the Linux system call, on the low half of the alarm (FUTEX_PRIVATE_FLAG =
    128).
    """
    number = _FUTEX_NUMBER[target.triple.split("-")[0]]
    wait, wake = Body(), Body()
    low = wait.assign("trunc i64 %seen to i32")
    wait.emit(
        f"call i64 (i64, ...) @syscall(i64 {number}, ptr @pool_alarm, i64 128, i32 {low}, "
        f"ptr null, ptr null, i64 0)"
    )
    wait.emit("ret void")
    _update(wake, "add", "alarm", 1)
    wake.emit(
        f"call i64 (i64, ...) @syscall(i64 {number}, ptr @pool_alarm, i64 129, i64 %count, "
        f"ptr null, ptr null, i64 0)"
    )
    wake.emit("ret void")
    return (
        "declare i64 @syscall(i64, ...)\n"
        + wait.function("internal void @pool_wait(i64 %seen)", "nounwind")
        + wake.function("internal void @pool_wake(i64 %count)", "nounwind")
    )


def _condition() -> str:
    """pool_wait and pool_wake by a condition variable; RESET initialises it."""
    wait, wake = Body(), Body()
    wait.emit("call i32 @pthread_mutex_lock(ptr @pool_mutex)")
    look = wait.fresh_label("look")
    wait.emit(f"br label %{look}")
    wait.label(look)
    same = w.compare(wait, "eq", _read(wait, "alarm"), "%seen")
    wait.emit(f"br i1 {same}, label %sleep, label %awake")
    wait.label("sleep")
    wait.emit("call i32 @pthread_cond_wait(ptr @pool_condition, ptr @pool_mutex)")
    wait.emit(f"br label %{look}")
    wait.label("awake")
    wait.emit("call i32 @pthread_mutex_unlock(ptr @pool_mutex)")
    wait.emit("ret void")
    wake.emit("call i32 @pthread_mutex_lock(ptr @pool_mutex)")
    _update(wake, "add", "alarm", 1)
    wake.emit("call i32 @pthread_mutex_unlock(ptr @pool_mutex)")
    wake.emit("call i32 @pthread_cond_broadcast(ptr @pool_condition)")
    wake.emit("ret void")
    # Larger than any C library's types.
    storage = "".join(
        f"@pool_{name} = internal global [256 x i8] zeroinitializer, align 64\n"
        for name in ("mutex", "condition")
    )
    declares = "".join(
        f"declare i32 @{name}\n"
        for name in (
            "pthread_mutex_lock(ptr)",
            "pthread_mutex_unlock(ptr)",
            "pthread_cond_wait(ptr, ptr)",
            "pthread_cond_broadcast(ptr)",
            "pthread_mutex_init(ptr, ptr)",
            "pthread_cond_init(ptr, ptr)",
        )
    )
    return (
        storage
        + declares
        + wait.function("internal void @pool_wait(i64 %seen)", "nounwind")
        + wake.function("internal void @pool_wake(i64 %count)", "nounwind")
    )


def _resize() -> str:
    """i64 litho_pool_resize(workers): how many workers shall stay; those above leave. Returns 0."""
    f = Body()
    _write(f, "wanted", "%workers", "seq_cst")
    f.emit("call void @pool_wake(i64 2147483647)")
    f.emit("ret i64 0")
    return f.function(f"i64 @{RESIZE}(i64 %workers)", "nounwind")


def _reset(condition: bool) -> str:
    """i64 litho_pool_reset(): the state of a process without workers, as after a fork. Returns 0."""
    f = Body()
    for name in _WORDS:
        _write(f, name, 0)
    if condition:
        f.emit("call i32 @pthread_mutex_init(ptr @pool_mutex, ptr null)")
        f.emit("call i32 @pthread_cond_init(ptr @pool_condition, ptr null)")
    f.emit("ret i64 0")
    return f.function(f"i64 @{RESET}()", "nounwind")


def text(target: Target, *, futex: bool | None = None) -> str:
    """The pool as an LLVM module that exports SYMBOLS; call RESET once before anything else.

    Args:
        target: the host.
        futex: sleep by futex (Linux) or by condition variable; by default what the target has.
    """
    if futex is None:
        futex = "linux" in target.triple and target.triple.split("-")[0] in _FUTEX_NUMBER
    state = "".join(f"{_word(name)} = internal global i64 0, align 64\n" for name in _WORDS)
    sleeping = _futex(target) if futex else _condition()
    declares = (
        "declare i32 @sched_yield()\n"
        "declare i64 @llvm.smin.i64(i64, i64)\n"
        "declare i64 @llvm.smax.i64(i64, i64)\n"
    )
    parts = (
        state,
        declares,
        sleeping,
        _claim(),
        _parallel(target),
        _worker(target),
        _resize(),
        _reset(not futex),
    )
    return "\n".join(parts)
