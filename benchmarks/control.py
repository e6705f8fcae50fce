"""Loops that cannot be written as one op over arrays: what frameworks are measured on, and the same in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Loop = Callable[..., Any]


def start(rng: np.random.Generator, small: bool) -> Sequence[np.ndarray]:
    """A number of steps and a number to start from, int32."""
    return [np.asarray(1000 if small else 1_000_000, np.int32), np.asarray(rng.integers(1, 2**31), np.int32)]


def mixed(x: Any) -> Any:
    """One step of a xorshift on int32 (Marsaglia, Xorshift RNGs, 2003, with the shifts 13, 17, 5)."""
    x = x ^ (x << 13)
    x = x ^ (x >> 17)
    return x ^ (x << 5)


def mixing(fori_loop: Loop) -> Loop:
    """The step repeated n times, a function of (n, x), by a framework's `fori_loop(lo, hi, body, carry)`."""
    return lambda n, x: fori_loop(0, n, lambda _, x: mixed(x), x)


def mix(n: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
    """The step repeated n times, on Python integers that are wrapped to 32 bits."""

    def wrapped(value: int) -> int:
        return (value + 2**31) % 2**32 - 2**31

    value = int(x)
    for _ in range(int(n)):
        value = wrapped(value ^ wrapped(value << 13))
        value ^= value >> 17
        value = wrapped(value ^ wrapped(value << 5))
    return [np.asarray(value, np.int32)]


def sequence(rng: np.random.Generator, small: bool) -> Sequence[np.ndarray]:
    """Steps x, weights w and a first state h of a recurrent layer, float32."""
    steps, batch, width = (5, 3, 4) if small else (256, 32, 64)
    shapes = ((steps, batch, width), (width, width), (batch, width))
    return [rng.standard_normal(s, np.float32) * np.float32(by) for s, by in zip(shapes, (1.0, 0.1, 1.0), strict=True)]


def recurring(scan: Loop, tanh: Callable[[Any], Any]) -> Loop:
    """All states h = tanh(h @ w + x), a function of (x, w, h), by a framework's `scan(body, carry, xs)`."""

    def run(x: Any, w: Any, h: Any) -> Any:
        def body(h: Any, x: Any) -> tuple[Any, Any]:
            h = tanh(h @ w + x)
            return h, h

        return scan(body, h, x)[1]

    return run


def recur(x: np.ndarray, w: np.ndarray, h: np.ndarray) -> list[np.ndarray]:
    """The same in NumPy."""
    made = np.empty_like(x)
    for k in range(len(x)):
        h = made[k] = np.tanh(h @ w + x[k])
    return [made]
