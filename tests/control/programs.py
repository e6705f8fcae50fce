"""Functions with loops and choices, and what they are in plain Python, for the tests of control flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import lithograph as lg

Function = Callable[..., Any]


def tensor(*shape: int, seed: int = 0) -> Any:
    """Numbers between -1 and 1 in float64."""
    return lg.tensor(np.random.default_rng(seed).uniform(-1, 1, shape))


def while_decays(x: Any, w: Any) -> Any:
    def body(c: Any) -> Any:
        i, h = c
        return i + 1, lg.tanh(h * w + x)

    return lg.while_loop(lambda c: c[0] < 5, body, (0, x))[1]


def while_decays_plainly(x: Any, w: Any) -> Any:
    h = x
    for _ in range(5):
        h = lg.tanh(h * w + x)
    return h


def scan_mixes(x: Any, w: Any) -> Any:
    last, ys = lg.scan(lambda c, a: (lg.sin(c * w + a), c * a), w * 2.0, x)
    return last + (ys * ys).sum(axis=0)


def scan_mixes_plainly(x: Any, w: Any) -> Any:
    c, ys = w * 2.0, []
    for k in range(x.shape[0]):
        a = x[k]
        c, y = lg.sin(c * w + a), c * a
        ys.append(y)
    stack = lg.stack(ys)
    return c + (stack * stack).sum(axis=0)


def scan_backwards(x: Any, w: Any) -> Any:
    last, ys = lg.scan(lambda c, a: (c * w + a, c + a), w, x, reverse=True)
    return last * ys[0] + ys.sum(axis=0)


def scan_backwards_plainly(x: Any, w: Any) -> Any:
    c, ys = w, []
    for k in reversed(range(x.shape[0])):
        a = x[k]
        c, y = c * w + a, c + a
        ys.append(y)
    stack = lg.stack(ys[::-1])
    return c * stack[0] + stack.sum(axis=0)


def fori_multiplies(x: Any, w: Any) -> Any:
    return lg.fori_loop(0, 3, lambda i, h: lg.sin(x @ (h.T * w[0]) @ x) + h, x)


def fori_multiplies_plainly(x: Any, w: Any) -> Any:
    h = x
    for _ in range(3):
        h = lg.sin(x @ (h.T * w[0]) @ x) + h
    return h


def loop_in_loop(x: Any, w: Any) -> Any:
    def outer(i: Any, h: Any) -> Any:
        return lg.while_loop(lambda c: c[1] < 3, lambda c: (lg.cos(c[0] + w) * h, c[1] + 1), (h, 0))[0]

    return lg.fori_loop(0, 3, outer, x[0])


def loop_in_loop_plainly(x: Any, w: Any) -> Any:
    h = x[0]
    for _ in range(3):
        inner = h
        for _ in range(3):
            inner = lg.cos(inner + w) * h
        h = inner
    return h


def swaps(x: Any, w: Any) -> Any:
    """What is carried changes places, comes back as it was, or is a slice of the operand."""
    a, b, c, d = lg.fori_loop(0, 5, lambda i, t: (t[1], t[0], t[2], t[2] * w), (x[0], x[1], w, w))
    return a * 2.0 + b * w + c + d


def swaps_plainly(x: Any, w: Any) -> Any:
    a, b, c, d = x[0], x[1], w, w
    for _ in range(5):
        a, b, d = b, a, c * w
    return a * 2.0 + b * w + c + d


def scalars(x: Any, w: Any) -> Any:
    """A loop over single numbers, which read an array."""

    def body(i: Any, c: Any) -> Any:
        a, b = c
        return lg.sin(a) * w[i % 3] + b, a * b + x[i % 2, 1]

    a, b = lg.fori_loop(0, 7, body, (w[0], x[0, 0]))
    return a * b


def scalars_plainly(x: Any, w: Any) -> Any:
    a, b = w[0], x[0, 0]
    for i in range(7):
        a, b = lg.sin(a) * w[i % 3] + b, a * b + x[i % 2, 1]
    return a * b


def chooses(x: Any, w: Any) -> Any:
    first = lg.cond(x.sum() > 0.0, lambda: x * w, lambda: lg.exp(x))
    return lg.switch(lg.argmax(w), [lambda a: a * 2.0, lg.sin, lambda a: a * a * w], first)


def chooses_plainly(x: Any, w: Any) -> Any:
    first = x * w if bool(x.numpy().sum() > 0.0) else lg.exp(x)
    branches: list[Function] = [lambda a: a * 2.0, lg.sin, lambda a: a * a * w]
    return branches[int(w.numpy().argmax())](first)


def choice_in_loop(x: Any, w: Any) -> Any:
    def body(i: Any, h: Any) -> Any:
        return lg.cond(i % 2 == 0, lambda: h * w + x[0], lambda: lg.sin(h) * x[1])

    return lg.fori_loop(0, 6, body, w)


def choice_in_loop_plainly(x: Any, w: Any) -> Any:
    h = w
    for i in range(6):
        h = h * w + x[0] if i % 2 == 0 else lg.sin(h) * x[1]
    return h


def maps(x: Any, w: Any) -> Any:
    return lg.map(lambda a: lg.tanh(a * w).sum() * a, x)


def maps_plainly(x: Any, w: Any) -> Any:
    return lg.stack([lg.tanh(x[k] * w).sum() * x[k] for k in range(x.shape[0])])


PAIRS: dict[str, tuple[Function, Function]] = {
    "while": (while_decays, while_decays_plainly),
    "scan": (scan_mixes, scan_mixes_plainly),
    "backwards": (scan_backwards, scan_backwards_plainly),
    "matmul": (fori_multiplies, fori_multiplies_plainly),
    "nested": (loop_in_loop, loop_in_loop_plainly),
    "swaps": (swaps, swaps_plainly),
    "scalars": (scalars, scalars_plainly),
    "choices": (chooses, chooses_plainly),
    "choice_in_loop": (choice_in_loop, choice_in_loop_plainly),
    "map": (maps, maps_plainly),
}
"""Each takes float64[4, 3] and float64[3]; the plain form runs eagerly."""
