"""The cases as Numba users write them, as explicit loops; only imported where Numba is.

Names are the cases' own. Python itself cannot run these fast, so nothing else reads them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numba import prange

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
ONE, HALF = np.float32(1), np.float32(0.5)
ROOT_2_PI, CUBIC, ROOT_HALF = np.float32((2 / np.pi) ** 0.5), np.float32(0.044715), np.float32(0.5**0.5)


def call(x: Floats, y: Floats) -> Floats:
    return x * y + ONE


def gelu_tanh(x: Floats, w: Floats, b: Floats) -> Floats:
    out = np.empty_like(x)
    scale, shift = w[()], b[()]
    for i in prange(x.size):
        z = x[i] * scale + shift
        gelu = HALF * z * (ONE + np.tanh(ROOT_2_PI * (z + CUBIC * z * z * z)))
        out[i] = gelu / (ONE + np.exp(-x[i]))
    return out


def gelu_erf(x: Floats, w: Floats, b: Floats) -> Floats:
    out = np.empty_like(x)
    scale, shift = w[()], b[()]
    for i in prange(x.size):
        z = x[i] * scale + shift
        out[i] = HALF * z * (ONE + math.erf(z * ROOT_HALF)) / (ONE + np.exp(-x[i]))
    return out


def softmax(x: Floats) -> Floats:
    out = np.empty_like(x)
    for i in prange(x.shape[0]):
        most = x[i, 0]
        for j in range(x.shape[1]):
            most = max(most, x[i, j])
        total = np.float32(0)
        for j in range(x.shape[1]):
            e = np.exp(x[i, j] - most)
            out[i, j] = e
            total += e
        for j in range(x.shape[1]):
            out[i, j] /= total
    return out


def layer_norm(x: Floats, g: Floats, b: Floats) -> Floats:
    out = np.empty_like(x)
    n = np.float32(x.shape[1])
    for i in prange(x.shape[0]):
        total = np.float32(0)
        for j in range(x.shape[1]):
            total += x[i, j]
        mean = total / n
        square = np.float32(0)
        for j in range(x.shape[1]):
            square += (x[i, j] - mean) ** 2
        scale = ONE / np.sqrt(square / n + np.float32(1e-5))
        for j in range(x.shape[1]):
            out[i, j] = (x[i, j] - mean) * scale * g[j] + b[j]
    return out


def sum0(x: Floats) -> Floats:
    out = np.zeros(x.shape[1], np.float32)
    blocks = (x.shape[1] + 511) // 512
    for block in prange(blocks):
        start, stop = block * 512, min(block * 512 + 512, x.shape[1])
        for i in range(x.shape[0]):
            for j in range(start, stop):
                out[j] += x[i, j]
    return out


def sum1(x: Floats) -> Floats:
    out = np.empty(x.shape[0], np.float32)
    for i in prange(x.shape[0]):
        total = np.float32(0)
        for j in range(x.shape[1]):
            total += x[i, j]
        out[i] = total
    return out


def first(x: Floats, w: Floats, b: Floats) -> np.float32:
    total = np.float32(0)
    for i in range(x.size):
        z = x[i] * w[i] + b[i]
        total += np.abs(z * np.tanh(np.log(np.exp(z) + ONE)) - x[i])
    return total


def mix(n: np.ndarray, x: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    value = np.int32(x[()])
    for _ in range(n[()]):
        value = np.int32(value ^ np.int32(value << 13))
        value = np.int32(value ^ (value >> 17))
        value = np.int32(value ^ np.int32(value << 5))
    out[()] = value
    return out


PARALLEL: Final = (gelu_tanh, gelu_erf, softmax, layer_norm, sum0, sum1)
CACHED: Final = (first,)
LOOPS: Final[Mapping[str, Callable[..., object]]] = {
    "call": call,
    "call_numpy": call,
    "first": first,
    "mix": mix,
    **{f.__name__: f for f in PARALLEL},
}
