"""Gradients: of functions, of variables, on a tape, written by hand, checked, and with less memory, in cells.

Run it with `python examples/gradients.py`, or cell by cell in an editor that knows `# %%`. The lines that begin with
`#>` are what it prints.
"""

# %% The gradient of a function
# `lg.grad` makes of a function of tensors the function that gives its gradient: of the first argument, or of those that
# `argnums` names. Plain Python control flow is fine, for the function is simply run.
from __future__ import annotations

from collections.abc import Callable

import numpy as np

import lithograph as lg


def cube(x: lg.Array) -> lg.Array:
    """A curve whose slopes are easy to tell."""
    return x * x * x


print(lg.grad(cube)(2.0).item(), lg.grad(lg.grad(cube))(2.0).item(), lg.grad(lg.grad(lg.grad(cube)))(2.0).item())
#> 12.0 12.0 6.0


def plane(x: lg.Array, y: lg.Array) -> lg.Array:
    """Depends on both of its arguments."""
    return x * x * y


print(lg.grad(plane, argnums=1)(3.0, 5.0).item())
#> 9.0
print([g.item() for g in lg.grads(plane)(3.0, 5.0)])
#> [30.0, 9.0]

# The result may be an array: then it is the gradient of the sum of its elements, or of what `dy` weighs them with.

x = lg.tensor([2.0, 3.0])
print(lg.grad(lg.square)(x).tolist(), lg.grad(lg.square)(x, dy=[10.0, 1.0]).tolist())
#> [4.0, 6.0] [40.0, 6.0]

# Often the value is wanted too, and perhaps more: `has_aux` lets what is returned beside it through.

value, slope = lg.value_and_grad(lambda v: lg.square(v).sum())(x)
print(value.item(), slope.tolist())
#> 13.0 [4.0, 6.0]
(value, norm), slope = lg.value_and_grad(lambda v: (lg.square(v).sum(), lg.sqrt(v @ v)), has_aux=True)(x)
print(round(norm.item(), 4), slope.tolist())
#> 3.6056 [4.0, 6.0]

# %% Compiled
# All of this works inside `lg.function` and outside of it, in either order, and gives the same bits.

compiled = lg.function(lg.grad(cube))
of_compiled = lg.grad(lg.function(cube))
print(compiled(x).tolist() == lg.grad(cube)(x).tolist() == of_compiled(x).tolist())
#> True

# %% Containers
# Arguments may be any nest of tensors, and so are their gradients.

parameters = {"w": lg.tensor([[1.0, 2.0], [3.0, 4.0]]), "b": [lg.tensor([0.5, 0.5])]}
found = lg.grad(lambda p: lg.sum(lg.square(x @ p["w"] + p["b"][0])))(parameters)
print(found["w"].tolist(), found["b"][0].tolist())
#> [[46.0, 66.0], [69.0, 99.0]] [23.0, 33.0]

# %% Variables
# A model keeps what it learns in variables. `lg.variable_grads` gives the gradients of those that were read, by name;
# an optimizer's `minimize` does that and a step.

a, b = lg.Variable(3.0, name="a"), lg.Variable(2.0, name="b")
fixed = lg.Variable(1.0, name="fixed", trainable=False)
value, grads = lg.variable_grads(lambda: a * 25.0 + b * 5.0 + fixed)
print(value.item(), {name: g.item() for name, g in grads.items() if g is not None})
#> 86.0 {'a': 25.0, 'b': 5.0}

optimizer = lg.optimizers.sgd(0.5)


@lg.function
def train() -> None:
    """One step downhill, as one program."""
    optimizer.minimize(lambda: lg.square(a - 1.0) + lg.square(b + 1.0))


train()
print(a.item(), b.item())
#> 1.0 -1.0

# %% On a tape
# Where the computation is no function, a tape remembers it. Variables are watched by themselves, tensors when asked.

t = lg.tensor([1.0, 2.0, 3.0])
with lg.GradientTape(persistent=True) as tape:
    tape.watch(t)
    y = lg.square(t)
    z = lg.sum(y * y)
print(tape.gradient(z, t).tolist(), tape.gradient(z, y).tolist())  # type: ignore[attr-defined]
#> [4.0, 32.0, 108.0] [2.0, 8.0, 18.0]
print(tape.jacobian(y, t).tolist())  # type: ignore[attr-defined]
#> [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]

# %% Holding still
# `lg.stop_gradient` gives its argument as a constant.

print(lg.grad(lambda v: v * lg.stop_gradient(v))(3.0).item())
#> 3.0


# %% A gradient of one's own
# The slope of a square root is infinite at zero. `lg.custom_gradient` takes a function that returns a value and, beside
# it, a function from the cotangent of the value to that of the argument. What that needs it keeps by closure.
@lg.custom_gradient
def safe_sqrt(x: lg.Array) -> tuple[lg.Array, Callable[[lg.Array], lg.Array]]:
    """A square root whose slope is at most a thousand."""
    root = lg.sqrt(x)
    return root, lambda dy: dy * lg.minimum(0.5 / root, 1000.0)


at = lg.tensor([0.0, 4.0])
print(lg.grad(lg.sqrt)(at).tolist(), lg.grad(safe_sqrt)(at).tolist())
#> [inf, 0.25] [1000.0, 0.25]

# %% Pulling back by hand
# `lg.vjp` runs a function forward once and gives the way back, which may be taken as often as one likes: here once for
# each row of a Jacobian.

out, pull = lg.vjp(lambda v: lg.stack([v[0] * v[1], v[0] + v[1]]), x)
print(out.tolist(), [pull(row)[0].tolist() for row in lg.eye(2)])
#> [6.0, 5.0] [[3.0, 2.0], [1.0, 1.0]]


# %% Less memory
# On the way back, everything that the way there computed is needed, and so it is all kept. `lg.remat` keeps a
# function's arguments alone, and runs it again when its turn comes: the same numbers, more work, less memory.
def layer(v: lg.Array) -> lg.Array:
    """Leaves several arrays of the size of its argument behind."""
    return lg.sin(lg.exp(-lg.tanh(v)))


def deep(v: lg.Array, apply: Callable[[lg.Array], lg.Array]) -> lg.Array:
    """Eight layers."""
    for _ in range(8):
        v = apply(v)
    return lg.sum(v)


large = lg.ones((1000, 100))
usual, frugal = lg.grad(lambda v: deep(v, layer)), lg.grad(lambda v: deep(v, lg.remat(layer)))
peaks = [lg.debug.peak_bytes(lambda: usual(large)), lg.debug.peak_bytes(lambda: frugal(large))]
print("same:", usual(large).tolist() == frugal(large).tolist(), "less than two thirds:", peaks[1] < peaks[0] * 2 / 3)
#> same: True less than two thirds: True

# %% Is it right?
# `lg.debug.check_grads` compares derivatives with differences of values, to second order unless told otherwise. A
# mistake is named with its order, and both numbers.

lg.debug.check_grads(lambda v: lg.sum(lg.sin(v) * v), (np.array([0.3, -1.2]),), order=3)
wrong = lg.custom_gradient(lambda v: (v * v, lambda dy: dy * v))
try:
    lg.debug.check_grads(wrong, (np.array(3.0),))
except lg.GradientError as error:
    print("found:", type(error).__name__)
#> found: GradientError

# %% When there is none
# An argument that the result does not depend on is an error, since most often it is a mistake.
try:
    lg.grad(lambda v: lg.ones(()))(x)
except lg.DomainError as error:
    print(str(error).partition(". ")[0])
#> Cannot compute gradient of y=f(x) with respect to x
