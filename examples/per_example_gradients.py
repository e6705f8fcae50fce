"""One example at a time, many at once: `lg.vmap`, gradients of each example, private training, ensembles, in cells.

Run it with `python examples/per_example_gradients.py`, or cell by cell in an editor that knows `# %%`. The lines that
begin with `#>` are what it prints.
"""

# %% A function of one example
# A network that is written for one example is easy to read: `x` is a vector, the result a number, and no axis has to be
# kept in mind.
from __future__ import annotations

import numpy as np

import lithograph as lg

Weights = dict[str, lg.Array]


def loss(weights: Weights, x: lg.Array, y: lg.Array) -> lg.Array:
    """The squared error of a small network on one example."""
    hidden = lg.tanh(x @ weights["w1"] + weights["b1"])
    return lg.square(hidden @ weights["w2"] + weights["b2"] - y)


rng = np.random.default_rng(0)
weights = {
    "w1": lg.tensor(rng.normal(0, 0.5, (4, 16))),
    "b1": lg.zeros(16, dtype="float64"),
    "w2": lg.tensor(rng.normal(0, 0.25, 16)),
    "b2": lg.zeros((), dtype="float64"),
}
xs = lg.tensor(rng.normal(size=(200, 4)))
ys = lg.sin(xs[:, 0] * 2) + xs[:, 1] * xs[:, 2]
print("one", loss(weights, xs[0], ys[0]).shape)
#> one ()

# %% The same function of many examples
# `lg.vmap` makes it one of many: `in_axes` says for each argument along which axis the examples lie, `None` that it is
# the same for all. Inside, nothing has changed: the function still sees vectors. It is run once, and each of its ops is
# carried out for all examples together, by a rule that belongs to the op.

losses = lg.vmap(loss, in_axes=(None, 0, 0))
print("many", losses(weights, xs, ys).shape)
#> many (200,)
one_by_one = [loss(weights, x, y).item() for x, y in zip(xs, ys, strict=True)]
print("as a loop gives them:", np.allclose(losses(weights, xs, ys), one_by_one))
#> as a loop gives them: True

# %% The gradient of each example
# The gradient of a mean says how the weights should change for all. How much does each example ask for? Its gradient is
# a function of one example, like the loss, so it can be mapped just so. In compiled code this is one program.

each = lg.function(lg.vmap(lg.grad(loss), in_axes=(None, 0, 0)))
gradients = each(weights, xs, ys)
print({name: g.shape for name, g in sorted(gradients.items())})
#> {'b1': (200, 16), 'b2': (200,), 'w1': (200, 4, 16), 'w2': (200, 16)}

mean = lg.grad(lambda w: losses(w, xs, ys).mean())(weights)
print("their mean is the mean's gradient:", all(np.allclose(g.mean(axis=0), mean[k]) for k, g in gradients.items()))
#> their mean is the mean's gradient: True


# %% Private training
# Where no single example may show in the result, its gradient is cut to a length before it is added to the others, and
# noise hides the rest (Abadi et al., "Deep learning with differential privacy", 2016). It takes one line: clip what one
# example asks for, then map.
def clipped(weights: Weights, x: lg.Array, y: lg.Array, most: float = 1.0) -> Weights:
    """The gradient of one example, no longer than `most`."""
    gradient: Weights = lg.grad(loss)(weights, x, y)
    length = lg.sqrt(sum((lg.square(g).sum() for g in gradient.values()), start=lg.zeros((), dtype="float64")))
    return {k: g * lg.minimum(1.0, most / length) for k, g in gradient.items()}


@lg.function
def private_step(weights: Weights, key: lg.Array) -> Weights:
    """The next weights: a step along the mean of clipped gradients, with noise."""
    total = lg.vmap(clipped, in_axes=(None, 0, 0))(weights, xs, ys)
    keys = lg.random.split(key, len(weights))
    return {
        name: w - 0.2 * (total[name].mean(axis=0) + lg.random.normal(w.shape, stddev=0.01, dtype="float64", key=k))
        for (name, w), k in zip(weights.items(), keys, strict=True)
    }


trained = weights
for step in range(300):
    trained = private_step(trained, lg.random.fold_in(lg.random.key(1), step))
print(f"loss {losses(weights, xs, ys).mean().item():.2f} -> {losses(trained, xs, ys).mean().item():.2f}")
#> loss 1.33 -> 0.59

# %% Many networks at once
# What is mapped need not be the data. Here there are ten sets of weights, one for each key, and one batch of examples:
# an ensemble. `vmap` in `vmap` gives a matrix of all networks by all examples.


def fresh(key: lg.Array) -> Weights:
    """Random weights of one network."""
    first, second = lg.random.split(key)
    return {
        "w1": lg.random.normal((4, 16), stddev=0.5, dtype="float64", key=first),
        "b1": lg.zeros(16, dtype="float64"),
        "w2": lg.random.normal((16,), stddev=0.25, dtype="float64", key=second),
        "b2": lg.zeros((), dtype="float64"),
    }


def descend(weights: Weights) -> Weights:
    """One step of gradient descent of one network."""
    gradient = lg.grad(lambda w: losses(w, xs, ys).mean())(weights)
    return {k: w - 0.2 * gradient[k] for k, w in weights.items()}


networks = lg.vmap(fresh)(lg.random.split(lg.random.key(2), 10))
descend_all = lg.function(lg.vmap(descend))
for _ in range(300):
    networks = descend_all(networks)
table = lg.vmap(losses, in_axes=(0, None, None))(networks, xs, ys)
print("networks by examples", table.shape, "best", f"{table.mean(axis=1).min().item():.2f}")
#> networks by examples (10, 200) best 0.08

# %% What differs has no single value
# Inside, a tensor that differs from example to example is many numbers at once, so Python cannot branch on it. The
# error says what to do instead.


def absolute(x: lg.Array) -> lg.Array:
    """The magnitude of one number, in plain Python."""
    return x if x > 0 else -x


try:
    lg.vmap(absolute)(xs[0])
except lg.TraceError as error:
    print(str(error).splitlines()[0].rpartition("; ")[2])
#> choose between values with lithograph.where(condition, a, b)
print("with where:", np.allclose(lg.vmap(lambda x: lg.where(x > 0, x, -x))(xs[0]), lg.abs(xs[0])))
#> with where: True
