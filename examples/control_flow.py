"""Loops and choices: `lg.cond`, `switch`, `while_loop`, `fori_loop`, `scan`, `map`, `associative_scan`, in cells.

Run it with `python examples/control_flow.py`, or cell by cell in an editor that knows `# %%`. The lines that begin with
`#>` are what it prints.
"""

# %% A loop as a function
# While a function is traced, its tensors have no values yet, so a Python `while` cannot ask one whether to go on.
# `lg.while_loop` takes the condition and the body as functions of what is carried from one iteration to the next.
# Called eagerly they run as they stand; in a compiled function they become a native loop, with no Python in it.
from __future__ import annotations

from typing import Any

import numpy as np

import lithograph as lg

Pair = tuple[lg.Array, lg.Array]


def steps(n: lg.Array) -> Any:
    """How many steps of the Collatz rule lead from n to 1."""

    def body(carry: Pair) -> Pair:
        x, count = carry
        return lg.where(x % 2 == 0, x // 2, 3 * x + 1), count + 1

    return lg.while_loop(lambda carry: carry[0] != 1, body, (n, lg.tensor(0)))[1]


compiled = lg.function(steps)
print("27 takes", steps(lg.tensor(27)).item(), "steps,", compiled(lg.tensor(27)).item(), "compiled")
#> 27 takes 111 steps, 111 compiled

# %% Loops over single numbers are as fast as in C
# A loop that carries single numbers becomes one function of LLVM, whose optimiser keeps them in registers. Loops may
# stand in loops; whatever they use from outside is captured.


@lg.function
def longest(n: lg.Array) -> Any:
    """The number below n that takes the most steps, and how many."""

    def body(i: lg.Array, best: Pair) -> Pair:
        count = steps(i + 1)
        better = count > best[1]
        return lg.where(better, i + 1, best[0]), lg.where(better, count, best[1])

    return lg.fori_loop(0, n, body, (lg.tensor(0), lg.tensor(0)))


at, most = longest(lg.tensor(10_000))
print("below 10000:", at.item(), "takes", most.item())
#> below 10000: 6171 takes 261

# %% Scan: a recurrence over an array
# `lg.scan` walks along the first axis of `xs`, carries a state, and stacks what each iteration gives beside it: running
# sums, filters, recurrent networks.


def smooth(a: lg.Array, xs: lg.Array) -> Any:
    """Exponential smoothing of a series by a factor a."""

    def body(last: lg.Array, x: lg.Array) -> Pair:
        new = a * last + (1 - a) * x
        return new, new

    return lg.scan(body, xs[0], xs)[1]


series = lg.tensor(np.sin(np.arange(200) / 10) + np.random.default_rng(0).normal(0, 0.2, 200))
print("smoothed:", np.round(lg.function(smooth)(0.8, series).numpy()[:4], 3))
#> smoothed: [0.025 0.035 0.093 0.138]

# %% The same in logarithmic depth
# Where the steps of a recurrence can be combined in any grouping, `lg.associative_scan` combines pairs, then pairs of
# pairs, whole arrays at a time. A step here is x -> a x + b, and two steps after each other are again of that kind.


def then(first: Pair, second: Pair) -> Pair:
    return first[0] * second[0], second[0] * first[1] + second[1]


factors = lg.where(lg.arange(200) == 0, 0.0, lg.full(200, 0.8, dtype=lg.float64))
together = lg.function(lambda f, x: lg.associative_scan(then, (f, (1 - f) * x)))(factors, series)[1]
print("the same numbers:", np.abs(together.numpy() - lg.function(smooth)(0.8, series).numpy()).max() < 1e-14)
#> the same numbers: True

# %% One example at a time
# `lg.map` calls a function for each row in turn and stacks the results: for work of which one piece at a time should be
# in memory. Here are the distances of 1,000 points from one another, of which each row's smallest is kept.

points = lg.tensor(np.random.default_rng(1).random((1000, 3)))


@lg.function
def nearest(points: lg.Array) -> Any:
    def from_one(p: lg.Array) -> lg.Array:
        squares = lg.square(points - p).sum(axis=1)
        return lg.sqrt(lg.where(squares == 0, lg.inf, squares).min())

    return lg.map(from_one, points)


print("nearest neighbours, on average:", round(nearest(points).mean().item(), 4))
#> nearest neighbours, on average: 0.0578

# %% Gradients go through loops
# Reverse mode runs a loop backwards, over the values that the first one saved of each iteration. Here the factor is
# found by which the smoothed series predicts the next value best. The number of iterations need not be known: the
# gradient of a `while_loop` saves on a stack that grows.


def loss(a: lg.Array) -> lg.Array:
    """The mean squared error of the prediction."""
    return lg.square(smooth(a, series)[:-1] - series[1:]).mean()


step = lg.function(lambda a: a - 0.5 * lg.grad(loss)(a))
a = lg.tensor(0.2, dtype=lg.float64)
for _ in range(200):
    a = step(a)
print("best factor:", round(a.item(), 3), "slope there:", abs(round(lg.grad(loss)(a).item(), 6)))
#> best factor: 0.369 slope there: 0.0

# %% Choices
# `lg.cond` runs one of two functions, `lg.switch` one of many; the others have no effect and cost nothing.


@lg.function
def safe_inverse(x: lg.Array) -> Any:
    return lg.cond((x != 0).all(), lambda: 1 / x, lambda: lg.zeros_like(x))


print(safe_inverse(lg.tensor([2.0, 4.0])), safe_inverse(lg.tensor([2.0, 0.0])))
#> tensor([0.5 , 0.25], dtype=float32) tensor([0., 0.], dtype=float32)

# %% Many examples at once
# Under `lg.vmap` a loop runs until the last example is done; one that is done earlier keeps what it has.

print(lg.vmap(steps)(lg.tensor([1, 7, 27, 97])).tolist())
#> [0, 16, 111, 118]

# %% What became of it
# The text of a program shows a loop as one node, whose regions are graphs.

lines = compiled.ir(stage="traced").splitlines()
print([line.split(" = ")[1].split("(")[0] for line in lines if " = while(" in line])
#> ['while']
