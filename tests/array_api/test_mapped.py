"""Every function of the Array API standard mapped over examples, against the function called for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .cases import CASES, Names, dtypes_of, inputs
from .test_conformance import COMPILED, parts

COUNT = 3


def called(name: str, dtype: str, x: Any, y: Any) -> Any:
    """The parts of the result of a case for arrays that take the place of its own."""
    names = Names(lg, name, dtype, *inputs(CASES[name], dtype))
    names.x, names.y = x, y
    return [lg.asarray(p) for p in parts(CASES[name].call(names))]


def near(found: np.ndarray, expected: np.ndarray) -> bool:
    """Equal, but for how sums of products, and complex numbers, are rounded."""
    if found.dtype.kind not in "fc":
        return found.dtype == expected.dtype and np.array_equal(found, expected)
    least = 64 * float(np.finfo(found.dtype).eps)
    return found.dtype == expected.dtype and np.allclose(found, expected, least, least, equal_nan=True)


MAPPED = [
    (name, dtype)
    for name, case in CASES.items()
    if case.compiled == "same"
    for dtype in [d for d in COMPILED if d in dtypes_of(case)][-2:]
]


@pytest.mark.parametrize(("name", "dtype"), MAPPED, ids=[f"{n}-{d}" for n, d in MAPPED])
def test_mapped_is_each(name: str, dtype: str) -> None:
    x, y = inputs(CASES[name], dtype)
    xs, ys = [np.stack([a, np.flip(a), np.roll(a, 1)]) for a in (x, y)]
    for axes in ((0, 0), (0, None), (None, 0)):
        given = [[a if axis is None else many[k] for a, many, axis in zip((x, y), (xs, ys), axes, strict=True)]
                 for k in range(COUNT)]  # fmt: skip
        each = [called(name, dtype, *map(lg.tensor, pair)) for pair in given]
        columns = [a if axis is None else many for a, many, axis in zip((x, y), (xs, ys), axes, strict=True)]
        mapped = lg.vmap(lambda p, q: called(name, dtype, lg.tensor(p), lg.tensor(q)), in_axes=axes)
        found = mapped(*map(lg.tensor, columns))
        for k, (part, parts_of_each) in enumerate(zip(found, zip(*each, strict=True), strict=True)):
            expected = np.stack([np.asarray(p) for p in parts_of_each])
            assert near(np.asarray(part), expected), f"result {k} of {axes}:\n{part}\n{expected}"


REFUSED = [name for name, case in CASES.items() if case.compiled == "refused"]


@pytest.mark.parametrize("name", REFUSED)
def test_shapes_that_follow_from_values_are_refused(name: str) -> None:
    dtype = next(d for d in COMPILED if d in dtypes_of(CASES[name]))
    x, y = [lg.tensor(np.stack([a, a])) for a in inputs(CASES[name], dtype)]
    with pytest.raises(lg.TraceError, match="differ from example to example"):
        lg.vmap(lambda p, q: called(name, dtype, p, q))(x, y)
