"""The training step that frameworks are measured on, written out in NumPy; their reference and their peer."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import DTypeLike

Parameters = dict[str, np.ndarray]

STEPS: Final = 3
"""How many steps a framework's answer is checked over."""
RATE: Final = 1e-3
BETA1: Final = 0.9
BETA2: Final = 0.999
EPSILON: Final = 1e-8


class Trainer:
    """A network of three dense layers with relu, softmax cross-entropy and Adam (Kingma and Ba, 2015).

    Attributes:
        params: w1, b1 to w3, b3, updated by `step`.
    """

    def __init__(self, params: Parameters, x: np.ndarray, y: np.ndarray, dtype: DTypeLike) -> None:
        self.params = {k: p.astype(dtype) for k, p in params.items()}
        self.first = {k: np.zeros_like(p) for k, p in self.params.items()}
        self.second = {k: np.zeros_like(p) for k, p in self.params.items()}
        self.time = 0
        self.x = x.astype(dtype)
        self.y = y

    def loss_and_gradients(self) -> tuple[float, Parameters]:
        """The mean cross-entropy, and its derivative with respect to each parameter."""
        p, n = self.params, len(self.y)
        h1 = np.maximum(self.x @ p["w1"] + p["b1"], 0)
        h2 = np.maximum(h1 @ p["w2"] + p["b2"], 0)
        z = h2 @ p["w3"] + p["b3"]
        z -= z.max(1, keepdims=True)
        e = np.exp(z)
        total = e.sum(1, keepdims=True)
        loss = float(np.mean(np.log(total[:, 0]) - z[np.arange(n), self.y]))
        d3 = e / total
        d3[np.arange(n), self.y] -= 1
        d3 /= n
        d2 = (d3 @ p["w3"].T) * (h2 > 0)
        d1 = (d2 @ p["w2"].T) * (h1 > 0)
        layers = ((self.x, d1), (h1, d2), (h2, d3))
        gradients: Parameters = {}
        for k, (inputs, delta) in enumerate(layers, 1):
            gradients[f"w{k}"] = inputs.T @ delta
            gradients[f"b{k}"] = delta.sum(0)
        return loss, gradients

    def step(self) -> float:
        """One step of Adam; the loss before it."""
        loss, gradients = self.loss_and_gradients()
        self.time += 1
        a, b = 1 - BETA1**self.time, 1 - BETA2**self.time
        for k, g in gradients.items():
            self.first[k] = BETA1 * self.first[k] + (1 - BETA1) * g
            self.second[k] = BETA2 * self.second[k] + (1 - BETA2) * g * g
            self.params[k] -= RATE * (self.first[k] / a) / (np.sqrt(self.second[k] / b) + EPSILON)
        return loss
