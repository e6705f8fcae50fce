"""How a public function is held against NumPy: eagerly, compiled, and by its gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import lithograph as lg
from lithograph.ir import ops

from ..rows.differences import close, difference, directional
from ..rows.numpy_stage import numpy_stage

DTYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")


def arrays(result: Any) -> list[np.ndarray]:
    """What a call returned, as ndarrays; numbers count as 0-d ones."""
    return [np.asarray(r) for r in result] if isinstance(result, list | tuple) else [np.asarray(result)]


def same(found: Any, expected: Any, *, dtypes: bool = True) -> None:
    """Assert equal shapes, dtypes and values, signs of zero included; a NaN equals any NaN."""
    ours, theirs = arrays(found), arrays(expected)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert not dtypes or a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
        if a.dtype.kind == "f":
            number = ~np.isnan(a)
            np.testing.assert_array_equal(np.signbit(a)[number], np.signbit(b)[number])


def agrees(call: Callable[..., Any], expected: Any, *operands: np.ndarray, dtypes: bool = True) -> None:
    """Assert that a function of tensors gives what is expected, eagerly and compiled."""
    tensors = [lg.tensor(x) for x in operands]
    same(call(*tensors), expected, dtypes=dtypes)
    same(lg.function(call)(*tensors), expected, dtypes=dtypes)


def slopes_agree(call: Callable[..., lg.Array], *points: np.ndarray) -> None:
    """Assert that the gradient of a weighted sum of the result is that of finite differences."""
    rng = np.random.default_rng(5)
    along: Sequence[np.ndarray] = [rng.uniform(-1, 1, p.shape) for p in points]

    def weighted(*given: lg.Array) -> lg.Array:
        result = call(*given)
        weights = np.random.default_rng(6).uniform(0.5, 1.5, result.shape)
        return ops.sum(ops.square(result) * weights)

    with numpy_stage():
        assert close(directional(weighted, points, along), difference(weighted, points, along))
