"""Memory: what tensors take, giving it back in good order, and finding what was forgotten, in cells.

Run it with `python examples/memory.py`, or cell by cell in an editor that knows `# %%`. The lines that begin with `#>`
are what it prints.
"""

# %% What is there
# A tensor owns memory until the last reference to it goes, as with any Python object. `lg.memory()` counts the tensors
# of the process, the buffers that they lie in, and their bytes. Here it is asked what was added since a moment ago.
from __future__ import annotations

import linecache
from pathlib import Path

import numpy as np

import lithograph as lg

before = lg.memory()


def added() -> str:
    """What memory() counts beyond what it did then."""
    tensors, buffers, nbytes = (a - b for a, b in zip(lg.memory(), before, strict=True))
    return f"{tensors} tensors, {buffers} buffers, {nbytes} bytes"


a = lg.ones((256, 256))
print("one:", added())
#> one: 1 tensors, 1 buffers, 262144 bytes

# A reshape is another tensor over the same buffer, whose bytes count once. They stay until both are gone.

b = a.reshape(65536)
print("and a view:", added())
#> and a view: 2 tensors, 1 buffers, 262144 bytes

# %% Disposing
# `dispose()` gives memory back at once, whoever still refers to the tensor. Its shape can be asked for afterwards;
# using it is an error that says where it was disposed.

a.dispose()
print("the view holds the buffer:", added())
#> the view holds the buffer: 1 tensors, 1 buffers, 262144 bytes
lg.dispose({"any": ["container", b]})
print("both gone:", added())
#> both gone: 0 tensors, 0 buffers, 0 bytes
try:
    b + 1.0
except lg.StateError as error:
    print(str(error).partition(" It was")[0], b.shape)
#> Tensor is disposed. (65536,)


# %% Tidy
# A notebook, a service or an experiment keeps references in places that are easily forgotten. `lg.tidy` runs a function
# and disposes all tensors that were made meanwhile, but for those that it returns.
def spread(x: lg.Array) -> lg.Array:
    """The standard deviation, in small steps."""
    history.append(x - lg.mean(x))
    history.append(lg.square(history[-1]))
    return lg.sqrt(lg.mean(history[-1]))


history: list[lg.Array] = []
x = lg.arange(1000, dtype="float32")
found = lg.tidy(lambda: spread(x))
print(round(found.item(), 2), "and the steps:", [step.is_disposed for step in history])
#> 288.68 and the steps: [True, True]

# It is a `with` block too, and `lg.keep` exempts a tensor from all tidies around. It ends also when an error leaves it.

with lg.tidy():
    kept = lg.keep(x * 2.0)
    gone = x * 3.0
print(kept.is_disposed, gone.is_disposed)
#> False True

# %% Variables
# Variables outlive tidies. A compiled function updates them where they lie, and has all its temporaries in one arena,
# whose size is known before it runs. `memory_plan` shows both.

weights = lg.Variable(np.zeros((100, 10), np.float32), name="weights")


@lg.function
def step(x: lg.Array) -> None:
    """One step towards a goal."""
    weights.assign_sub(0.5 * (weights - lg.tanh(x @ weights + 1.0)))


step(lg.ones((100, 100)))
print(*[line for line in step.memory_plan().splitlines() if "state" in line or "peak" in line], sep="\n")
#> memory plan of step: peak 4032 bytes beyond the inputs
#>   b2 state float32[100, 10]: 4000 bytes, steps 1-1
#>   state weights: b1 -> b2, updated in place

# Only while somebody holds the value, the next one is written elsewhere: what was read never changes.

read = weights.value()
before_step = read.tolist()
step(lg.ones((100, 100)))
print(read.tolist() == before_step, weights.tolist() == before_step)
#> True False

# %% How much, and how long
# `lg.profile` runs a function and tells which kernels ran, in which order, and what they added. `lg.time` says how
# long it took in all, and how long its kernels did. `lg.debug.peak_bytes` gives the most that lived at once, scratch
# memory of compiled programs included.

profile = lg.profile(lambda: lg.tanh(lg.ones((8, 8)) @ lg.ones((8, 8)) + 1.0))
print(profile.kernel_names, profile.new_bytes, "bytes stay")
#> ['broadcast_to', 'matmul', 'add', 'tanh'] 256 bytes stay
together = lg.function(lambda: lg.tanh(lg.ones((8, 8)) @ lg.ones((8, 8)) + 1.0), name="layer")
print(lg.profile(together).kernel_names)
#> ['layer']
spent = lg.time(together)
print("kernels take part of the time:", 0 < spent.kernel_ms <= spent.wall_ms)
#> kernels take part of the time: True


# %% Who holds what
# When memory grows, `lg.debug.live_tensors` names the lines. It notes what is made inside its block; what is alive
# afterwards, and was to be gone, is a leak. Each entry has dtype, shape, bytes, name, file and line.
class Model:
    """A layer that remembers too much."""

    def __init__(self) -> None:
        self.w = lg.Variable(lg.ones((4, 2)), name="w")
        self.seen: list[lg.Array] = []

    def __call__(self, x: lg.Array) -> lg.Array:
        y = x @ self.w
        self.seen.append(y)
        return lg.sum(y)


with lg.debug.live_tensors() as alive:
    model = Model()
    for _ in range(3):
        model(lg.ones((5, 4)))

for t in alive:
    print(t.name, t.shape, t.nbytes, Path(t.file).name, "|", linecache.getline(t.file, t.line).strip())
#> w (4, 2) 32 memory.py | self.w = lg.Variable(lg.ones((4, 2)), name="w")
#> None (5, 2) 40 memory.py | y = x @ self.w
#> None (5, 2) 40 memory.py | y = x @ self.w
#> None (5, 2) 40 memory.py | y = x @ self.w

# Once they are let go, nothing but the variable is left; and that is disposed by hand.

model.seen.clear()
print(len(alive))
#> 1
model.w.dispose()
print(len(alive))
#> 0
