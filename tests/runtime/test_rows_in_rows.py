"""Reductions and invariant terms inside reductions: what a loop needs is computed before it, in blocks of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg

from ..codegen.programs import same_bits

# Some lists name every kind of value that is the same for a whole row: a reduction, a chain of them, and functions
# whose special values leave the line and thus need blocks.
PROGRAMS: dict[str, Callable[..., lg.Array]] = {
    "var": lambda x, s: lg.var(x),
    "var of rows": lambda x, s: lg.var(x, axis=-1),
    "var of columns": lambda x, s: lg.var(x, axis=0),
    "centred": lambda x, s: lg.sum(lg.square(x - lg.sum(x))),
    "three deep": lambda x, s: lg.sum(lg.square(x - lg.max(x - lg.mean(x)))),
    "rows of the whole": lambda x, s: lg.sum(x - lg.sum(x), axis=-1),
    "exp of a scalar": lambda x, s: lg.sum(x * lg.exp(s)),
    "log of a reduction": lambda x, s: lg.max(x - lg.log(lg.sum(lg.exp(x)))),
    "sin of a scalar, rows": lambda x, s: lg.sum(x * lg.sin(s * 1e6) + lg.log1p(s), axis=-1),
    "position": lambda x, s: lg.argmax(lg.abs(x - lg.mean(x) * lg.tanh(s)), axis=-1),
    "any": lambda x, s: lg.any(x > lg.mean(x) * lg.exp(s)),
    "logsumexp": lambda x, s: lg.logsumexp(x),
    "softmax of all": lambda x, s: lg.softmax(lg.reshape(x, (-1,))),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(300,), (37, 53), (4, 5), (3, 1000), (70, 3), (1, 128), (2, 3, 200)])
def test_compiled_is_eager(shape: tuple[int, ...], dtype: type) -> None:
    x: np.ndarray = np.random.default_rng(0).normal(0, 2, shape).astype(dtype)
    s: np.ndarray = np.asarray(0.7, dtype)

    def run(x: lg.Array, s: lg.Array) -> list[lg.Array]:
        return [f(x, s) for f in PROGRAMS.values()]

    expected = run(lg.tensor(x), lg.tensor(s))
    together = lg.function(run)(x, s)
    for (name, f), a, b in zip(PROGRAMS.items(), expected, together, strict=True):
        alone = lg.function(f)(x, s)
        assert same_bits(alone.numpy(), a.numpy()), name
        assert same_bits(b.numpy(), a.numpy()), name
