"""Gradients of public functions against finite differences, to second order, by the rows' references."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lithograph.ir import ops
from lithograph.ir.array import Array

from ..rows.differences import close, difference, directional, slope_of
from ..rows.numpy_stage import numpy_stage
from ..rows.test_rows import along_each


def check(function: Callable[..., Array], at: Sequence[np.ndarray]) -> None:
    """The first and second derivatives in random directions of the sum of the elements, weighed."""
    rng = np.random.default_rng(2)
    along, second = along_each(rng, at, 0.1), along_each(rng, at, 1.0)

    def value(*points: Array) -> Array:
        y = function(*points)
        drawn = np.random.default_rng(1).uniform(0.5, 1.5, (2, *y._aval.static_shape))
        return ops.sum(ops.real(y * (drawn[0] + 1j * drawn[1])) if y.dtype.is_complex else y * drawn[0])

    with numpy_stage():
        for order, f in enumerate((value, slope_of(value, second)), 1):
            found, expected = directional(f, at, along), difference(f, at, along)
            assert close(found, expected), f"derivative {order}: {found}, by differences {expected}"
