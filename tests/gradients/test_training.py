"""A whole training step as one program: its bits are those of the same step run op by op."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import lithograph as lg

Step = Callable[[lg.Array, lg.Array], lg.Array]


def network() -> tuple[Step, dict[str, lg.Variable]]:
    """One Adam step of a small classifier, and its weights."""
    rng = np.random.default_rng(1)

    def made(name: str, *shape: int) -> lg.Variable:
        return lg.Variable((0.3 * rng.standard_normal(shape)).astype(np.float32), name=name)

    weights = {v.name: v for v in (made("w1", 8, 16), made("b1", 16), made("w2", 16, 4), made("b2", 4))}
    first = {k: lg.Variable(lg.zeros(v.shape), trainable=False) for k, v in weights.items()}
    second = {k: lg.Variable(lg.zeros(v.shape), trainable=False) for k, v in weights.items()}
    count = lg.Variable(0.0, trainable=False)

    def step(x: lg.Array, y: lg.Array) -> lg.Array:
        def loss() -> lg.Array:
            hidden = lg.relu(x @ weights["w1"] + weights["b1"])
            logits = hidden @ weights["w2"] + weights["b2"]
            return -lg.take_along_axis(lg.log_softmax(logits), lg.expand_dims(y, axis=1), axis=1).mean()

        value, grads = lg.variable_grads(loss)
        n = count.assign_add(1.0)
        for k, w in weights.items():
            g = grads[k]
            assert g is not None
            m = first[k].assign(0.9 * first[k] + 0.1 * g)
            v = second[k].assign(0.999 * second[k] + 0.001 * g * g)
            w.assign_sub(0.02 * (m / (1 - 0.9**n)) / (lg.sqrt(v / (1 - 0.999**n)) + 1e-8))
        return value

    return step, weights


def test_an_adam_step_has_the_bits_of_eager() -> None:  # laws 1 and 4
    rng = np.random.default_rng(2)
    x = rng.standard_normal((64, 8)).astype(np.float32)
    y = (x[:, :4].argmax(axis=1)).astype(np.int32)
    eager, eager_weights = network()
    plain, weights = network()
    compiled = lg.function(plain)
    expected = [eager(lg.tensor(x), lg.tensor(y)).item() for _ in range(5)]
    assert [compiled(x, y).item() for _ in range(5)] == expected
    assert compiled.trace_count == 1
    for name, w in weights.items():
        assert w.numpy().tobytes() == eager_weights[name].numpy().tobytes()
    losses = [compiled(x, y).item() for _ in range(150)]
    assert losses[-1] < 0.3 * losses[0]
