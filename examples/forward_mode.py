"""Forward mode: directional derivatives, Jacobians, Hessians, and Newton's method, in cells to read from top to bottom.

Run it with `python examples/forward_mode.py`, or cell by cell in an editor that knows `# %%`. The lines that begin with
`#>` are what it prints.
"""

# %% A derivative along a direction
# Reverse mode answers how one number depends on many. Forward mode answers the other question: how do all results
# change if the argument moves in one direction? `lg.jvp` gives the result and that change, the tangent, in one go. It
# keeps nothing for later: a tangent leaves memory together with the array that it belongs to.
from __future__ import annotations

import numpy as np

import lithograph as lg


def polar(p: lg.Array) -> lg.Array:
    """Radius and angle of a point of the plane."""
    return lg.stack([lg.hypot(p[0], p[1]), lg.atan2(p[1], p[0])])


point = lg.tensor([3.0, 4.0], dtype="float64")
outwards = point / lg.hypot(point[0], point[1])
value, tangent = lg.jvp(polar, (point,), (outwards,))
print("polar", value.numpy().round(4), "outwards", tangent.numpy().round(4) + 0.0)
#> polar [5.     0.9273] outwards [1. 0.]

# Walking away from the origin, the radius grows by what is walked, and the angle stays. Across, it is the other way.

across = lg.stack([-outwards[1], outwards[0]])
print("across", lg.jvp(polar, (point,), (across,))[1].numpy().round(4) + 0.0)
#> across [0.  0.2]

# %% All directions: the Jacobian
# Column k of the Jacobian is the tangent along axis k. `lg.jacobian` finds the same matrix in reverse, by its rows;
# which is better depends on whether there are more results or more arguments.

columns = [lg.jvp(polar, (point,), (axis,))[1] for axis in lg.eye(2, dtype="float64")]
matrix = lg.stack(columns, axis=1)
print(matrix.numpy().round(4))
#> [[ 0.6   0.8 ]
#>  [-0.16  0.12]]
print("as lg.jacobian gives it:", np.allclose(matrix, lg.jacobian(polar)(point)))
#> as lg.jacobian gives it: True


# %% Second derivatives: forward over reverse
# The gradient is a function like any other, so it has a tangent too: the product of the Hessian with a direction, for
# about the price of two gradients, however long the argument is. No matrix is made.
def valley(x: lg.Array) -> lg.Array:
    """Rosenbrock's function: a long curved valley with its lowest point at (1, 1, ...)."""
    return (100 * lg.square(x[1:] - lg.square(x[:-1])) + lg.square(1 - x[:-1])).sum()


def curvature(x: lg.Array, direction: lg.Array) -> lg.Array:
    product: lg.Array = lg.jvp(lg.grad(valley), (x,), (direction,))[1]
    return product


start = lg.tensor([-1.2, 1.0], dtype="float64")
steps = lg.tensor([1.0, -1.0], dtype="float64")
print("Hessian times direction", curvature(start, steps).numpy().round(2))
#> Hessian times direction [850. 280.]

# `lg.hessian` makes the whole matrix.

print("as lg.hessian gives it:", np.allclose(lg.hessian(valley)(start) @ steps, curvature(start, steps)))
#> as lg.hessian gives it: True


# %% Newton's method, compiled
# Each step solves a linear system with the Hessian. Compiled, the function, its gradient, its second derivatives and
# the system are one program; the loop around it stays plain Python.
@lg.function
def newton(x: lg.Array) -> tuple[lg.Array, lg.Array]:
    """The next point, and the function here."""
    return x - lg.linalg.solve(lg.hessian(valley)(x), lg.grad(valley)(x)), valley(x)


x = start
heights = []
for _ in range(8):
    x, height = newton(x)
    heights.append(height.item())
print("heights", *[f"{h:.3f}" for h in heights])
#> heights 24.200 4.732 1411.845 0.056 0.313 0.000 0.000 0.000
print("at", x.numpy().round(6))
#> at [1. 1.]
print("traced once:", newton.trace_count == 1)
#> traced once: True

# %% Newton's method without a matrix
# For long arguments the matrix is too large, but conjugate gradients need nothing of it but products with directions.
# They want a function that is curved upwards everywhere, such as this one.

def bowl(x: lg.Array) -> lg.Array:
    """Elements near one, of which none should lie far above the one before."""
    return lg.square(x - 1).sum() / 2 + lg.exp(x[1:] - x[:-1]).sum()


@lg.function
def descend(x: lg.Array) -> lg.Array:
    """One Newton step, its system solved by eight steps of conjugate gradients."""
    residual = -lg.grad(bowl)(x)
    direction, move, size = residual, lg.zeros_like(x), (residual * residual).sum()
    for _ in range(8):
        product = lg.jvp(lg.grad(bowl), (x,), (direction,))[1]
        length = size / (direction * product).sum()
        move, residual = move + length * direction, residual - length * product
        size, before = (residual * residual).sum(), size
        direction = residual + size / before * direction
    return x + move


y = lg.linspace(-2, 2, 10_000, dtype="float64")
for _ in range(5):
    y = descend(y)
print("no slope is left:", lg.abs(lg.grad(bowl)(y)).max().item() < 1e-10)
#> no slope is left: True
