"""Gradients of each of many examples: the network that frameworks are measured on, and its gradients written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def network(rng: np.random.Generator, small: bool) -> Sequence[np.ndarray]:
    """Weights w1, b1, w2, b2 and examples x, y, one a row, in float32."""
    n, width, out, count = (8, 16, 4, 6) if small else (64, 128, 10, 256)
    shapes = ((n, width), (width,), (width, out), (out,), (count, n), (count, out))
    scales = (0.1, 1.0, 0.1, 1.0, 1.0, 1.0)
    return [rng.standard_normal(s, np.float32) * np.float32(by) for s, by in zip(shapes, scales, strict=True)]


def network_loss(tanh: Callable[[Any], Any], total: Callable[[Any], Any]) -> Callable[..., Any]:
    """The squared error of a network of two layers on one example, a function of (w1, b1, w2, b2, x, y)."""

    def loss(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
        off = tanh(x @ w1 + b1) @ w2 + b2 - y
        return total(off * off)

    return loss


def each_gradient(
    w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray, x: np.ndarray, y: np.ndarray
) -> list[np.ndarray]:
    """The gradients of that loss by w1, b1, w2 and b2 for each row of x and y."""
    h = np.tanh(x @ w1 + b1)
    d2 = 2 * (h @ w2 + b2 - y)
    d1 = (d2 @ w2.T) * (1 - h * h)
    return [x[:, :, None] * d1[:, None], d1, h[:, :, None] * d2[:, None], d2]
