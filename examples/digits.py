"""Handwritten digits, learned by a network of two layers whose whole Adam step is one compiled function.

Run it with `./dev demo`, or `python examples/digits.py` where Lithograph is installed. It shows the step's graph as
traced and as optimised, its kernels, the memory it plans and takes, and its speed beside eager calls and NumPy.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import lithograph as lg

HIDDEN, BATCH, EPOCHS, RATE = 128, 64, 60, 2e-3
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7
Arrays = dict[str, np.ndarray]


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 64) scaled to [0, 1] and labels (n,), for training and for testing."""
    with gzip.open(Path(__file__).with_name("digits.csv.gz"), "rt") as lines:
        rows = np.loadtxt(lines, delimiter=",", dtype=np.float32)
    rows = np.random.default_rng(0).permutation(rows)
    images, labels = rows[:, :64] / 16, rows[:, 64].astype(np.int32)
    return images[:1347], labels[:1347], images[1347:], labels[1347:]


def initial() -> Arrays:
    """He's normal initialisation."""
    rng = np.random.default_rng(1)
    return {
        "w1": (rng.standard_normal((64, HIDDEN)) * np.sqrt(2 / 64)).astype(np.float32),
        "b1": np.zeros(HIDDEN, np.float32),
        "w2": (rng.standard_normal((HIDDEN, 10)) * np.sqrt(2 / HIDDEN)).astype(np.float32),
        "b2": np.zeros(10, np.float32),
    }


class Network:
    """Parameters and Adam's moments as variables; `step` is compiled whole: loss, gradients, update."""

    def __init__(self) -> None:
        self.params = {name: lg.Variable(value, name=name) for name, value in initial().items()}
        zeros = {name: np.zeros(p.shape, np.float32) for name, p in self.params.items()}
        self.mean = {name: lg.Variable(zero, name=f"{name}.mean") for name, zero in zeros.items()}
        self.square = {name: lg.Variable(zero, name=f"{name}.square") for name, zero in zeros.items()}
        self.count = lg.Variable(0.0, name="count")

    def logits(self, params: dict[str, lg.Array], x: lg.Array) -> lg.Array:
        hidden = lg.relu(x @ params["w1"] + params["b1"])
        return hidden @ params["w2"] + params["b2"]

    def loss(self, params: dict[str, lg.Array], x: lg.Array, y: lg.Array) -> lg.Array:
        picked = lg.one_hot(y, 10) * lg.log_softmax(self.logits(params, x), axis=-1)
        return -lg.sum(picked) / x.shape[0]

    @lg.function
    def step(self, x: lg.Array, y: lg.Array) -> lg.Array:
        params = {name: p.value() for name, p in self.params.items()}
        loss, grads = lg.value_and_grad(self.loss)(params, x, y)
        count = self.count.assign_add(1.0)
        rate = RATE * lg.sqrt(1 - BETA2**count) / (1 - BETA1**count)
        for name, g in grads.items():
            mean = self.mean[name].assign(BETA1 * self.mean[name] + (1 - BETA1) * g)
            square = self.square[name].assign(BETA2 * self.square[name] + (1 - BETA2) * g * g)
            self.params[name].assign_sub(rate * mean / (lg.sqrt(square) + EPSILON))
        return loss

    @lg.function
    def accuracy(self, x: lg.Array, y: lg.Array) -> lg.Array:
        params = {name: p.value() for name, p in self.params.items()}
        return lg.mean(lg.argmax(self.logits(params, x), axis=-1) == y)


class NumPyNetwork:
    """The same step by hand."""

    def __init__(self) -> None:
        self.params = initial()
        self.mean = {n: np.zeros_like(p) for n, p in self.params.items()}
        self.square = {n: np.zeros_like(p) for n, p in self.params.items()}
        self.count = 0

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        p, n = self.params, len(x)
        before = x @ p["w1"] + p["b1"]
        hidden = np.maximum(before, 0)
        z = hidden @ p["w2"] + p["b2"]
        z = z - z.max(axis=1, keepdims=True)
        log_softmax = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        loss = -log_softmax[np.arange(n), y].mean()
        dz = np.exp(log_softmax)
        dz[np.arange(n), y] -= 1
        dz /= n
        dh = (dz @ p["w2"].T) * (before > 0)
        grads = {"w1": x.T @ dh, "b1": dh.sum(axis=0), "w2": hidden.T @ dz, "b2": dz.sum(axis=0)}
        self.count += 1
        rate = np.float32(RATE * np.sqrt(1 - BETA2**self.count) / (1 - BETA1**self.count))
        for name, g in grads.items():
            self.mean[name] = np.float32(BETA1) * self.mean[name] + np.float32(1 - BETA1) * g
            self.square[name] = np.float32(BETA2) * self.square[name] + np.float32(1 - BETA2) * g * g
            p[name] = p[name] - rate * self.mean[name] / (np.sqrt(self.square[name]) + np.float32(EPSILON))
        return float(loss)


def microseconds(call: Callable[[], object], repeats: int) -> float:
    """Median time of a call."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1e6)


def title(text: str) -> None:
    print(f"\n=== {text} " + "=" * max(0, 100 - len(text)))


def main() -> None:
    train_x, train_y, test_x, test_y = load()
    net = Network()
    x, y = train_x[:BATCH], train_y[:BATCH]

    title("the step as traced: one graph, variables as state (first lines)")
    traced = net.step.ir(x, y, stage="traced").splitlines()
    print("\n".join([*traced[:30], f"... {len(traced)} lines in all"]))
    title("the step as optimised: what is left after the passes")
    print(net.step.ir(x, y, stage="optimized"))
    title("its kernels (first lines)")
    kernels = net.step.ir(x, y, stage="kernels").splitlines()
    print("\n".join([*kernels[:40], f"... {len(kernels)} lines in all"]))

    title("memory")
    print(net.step.memory_plan(x, y))
    net.step(x, y)
    peak = lg.debug.peak_bytes(lambda: net.step(x, y))
    print(f"measured peak of a step beyond what was live before it: {peak} bytes")

    title("training")
    rng = np.random.default_rng(2)
    start = time.perf_counter()
    for epoch in range(EPOCHS):
        order = rng.permutation(len(train_x))
        losses = []
        for first in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[first : first + BATCH]
            losses.append(net.step(train_x[chosen], train_y[chosen]))
        if epoch % 10 == 9:
            accuracy = float(net.accuracy(test_x, test_y))
            print(f"epoch {epoch + 1:3}: loss {float(losses[-1]):.4f}, test accuracy {accuracy:.4f}")
    print(f"{EPOCHS * (len(train_x) // BATCH)} steps in {time.perf_counter() - start:.2f} s")

    title("time per step")
    by_hand, eager = NumPyNetwork(), Network()
    compiled_us = microseconds(lambda: net.step(x, y), 300)
    numpy_us = microseconds(lambda: by_hand.step(x, y), 300)
    lg.run_functions_eagerly(True)
    eager_us = microseconds(lambda: eager.step(x, y), 30)
    lg.run_functions_eagerly(False)
    print(f"eager    {eager_us:9.1f} µs")
    print(f"NumPy    {numpy_us:9.1f} µs")
    print(f"compiled {compiled_us:9.1f} µs   {numpy_us / compiled_us:.1f} times as fast as NumPy")

    accuracy = float(net.accuracy(test_x, test_y))
    title(f"test accuracy {accuracy:.4f}")
    if accuracy < 0.97:
        raise SystemExit("the network should reach 0.97")


if __name__ == "__main__":
    main()
