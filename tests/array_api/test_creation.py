"""Functions that make arrays from nothing, against the standard's text and NumPy, eagerly and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from .outcomes import DTYPES, agrees, same

F, I = np.float32, np.int32  # noqa: E741


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: lg.empty((2, 3)), np.zeros((2, 3), F)),
        (lambda: lg.empty(4, dtype="int8"), np.zeros(4, np.int8)),
        (lambda: lg.empty_like(lg.ones((2,), dtype=lg.bool_)), np.zeros(2, np.bool_)),
        (lambda: lg.zeros((), dtype=None, device="cpu"), np.zeros((), F)),
        (lambda: lg.ones((0, 2), device="cpu"), np.ones((0, 2), F)),
        (lambda: lg.full((2,), True), np.full(2, True)),
        (lambda: lg.full(3, 7), np.full(3, 7, I)),
        (lambda: lg.full((2, 1), -0.0), np.full((2, 1), -0.0, F)),
        (lambda: lg.full_like(lg.ones((2,), dtype=lg.uint8), 3), np.full(2, 3, np.uint8)),
        (lambda: lg.ones_like(lg.zeros((2,)), dtype=lg.int64), np.ones(2, np.int64)),
        (lambda: lg.eye(3), np.eye(3, dtype=F)),
        (lambda: lg.eye(2, 4, k=1, dtype=lg.int32), np.eye(2, 4, 1, I)),
        (lambda: lg.eye(3, 2, k=-1), np.eye(3, 2, -1, F)),
        (lambda: lg.eye(2, k=9), np.eye(2, k=9, dtype=F)),
        (lambda: lg.eye(0, 3), np.eye(0, 3, dtype=F)),
        (lambda: lg.identity(2, dtype=bool), np.identity(2, bool)),
        (lambda: lg.tri(3, 4, k=1), np.tri(3, 4, 1, F)),
        (lambda: lg.tri(3, k=-1, dtype=lg.int8), np.tri(3, k=-1, dtype=np.int8)),
        (lambda: lg.one_hot(np.array([1, 0, 5]), 3), np.eye(6, 3, dtype=F)[[1, 0, 5]]),
        (lambda: lg.arange(5), np.arange(5, dtype=I)),
        (lambda: lg.arange(2, 9, 3), np.arange(2, 9, 3, dtype=I)),
        (lambda: lg.arange(5, 0, -2), np.arange(5, 0, -2, dtype=I)),
        (lambda: lg.arange(5, 5), np.arange(0, dtype=I)),
        (lambda: lg.arange(0, 5, -1), np.arange(0, dtype=I)),
        (lambda: lg.arange(3, dtype=lg.float64, device="cpu"), np.arange(3.0)),
        (lambda: lg.arange(0.0, 1.0, 0.25), np.arange(0, 1, 0.25, dtype=F)),
        (lambda: lg.arange(5, 0, -1, dtype=lg.uint8), np.arange(5, 0, -1, dtype=np.uint8)),
        (lambda: lg.arange(-100, 101, 200, dtype=lg.int8), np.array([-100, 100], np.int8)),
        (lambda: lg.arange(2**63, 2**64, 2**62, dtype=lg.uint64), np.array([2**63, 2**63 + 2**62], np.uint64)),
        (lambda: lg.arange(2**62, -(2**62) - 1, -(2**62), dtype=lg.int64), np.array([2**62, 0, -(2**62)])),
        (lambda: lg.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=F)),
        (lambda: lg.linspace(1, 0, 4, endpoint=False), np.linspace(1, 0, 4, False, dtype=F)),
        (lambda: lg.linspace(-3.5, 2.1, 100, dtype=lg.float64), np.linspace(-3.5, 2.1, 100)),
        (lambda: lg.linspace(0.1, 0.7, 1000), np.linspace(0.1, 0.7, 1000, dtype=F)),
        (lambda: lg.linspace(3, 4, 1), np.array([3], F)),
        (lambda: lg.linspace(3, 4, 0), np.zeros(0, F)),
        (lambda: lg.logspace(0, 3, 4), np.logspace(0, 3, 4, dtype=F)),
        (lambda: lg.logspace(1, 4, 4, base=2, dtype=lg.float64), np.logspace(1, 4, 4, base=2)),
        (lambda: lg.geomspace(1, 1000, 4), np.geomspace(1, 1000, 4, dtype=F)),
        (lambda: lg.geomspace(-8, -0.5, 5), np.geomspace(-8, -0.5, 5, dtype=F)),
        (lambda: lg.geomspace(2, 32, 4, endpoint=False), np.geomspace(2, 32, 4, False, dtype=F)),
        (lambda: lg.indices((2, 3)), list(np.indices((2, 3), I))),
        (lambda: lg.fromfunction(lambda i, j: i * 10 + j, (2, 3)), np.array([[0, 1, 2], [10, 11, 12]], F)),
    ],
)  # fmt: skip
def test_values(call: Callable[[], Any], expected: Any) -> None:
    same(call(), expected)
    same(lg.function(call)(), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype: str) -> None:
    agrees(lg.zeros_like, np.zeros((2, 0), dtype), np.ones((2, 0), dtype))
    same(lg.ones(3, dtype=dtype), np.ones(3, dtype))
    same(lg.empty((), dtype=dtype), np.zeros((), dtype))
    same(lg.eye(3, k=-1, dtype=dtype), np.eye(3, k=-1, dtype=dtype))
    if dtype != "bool":
        same(lg.arange(1, 7, 2, dtype=dtype), np.arange(1, 7, 2, dtype=dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_ends_of_linspace_are_exact(dtype: str) -> None:
    rng = np.random.default_rng(0)
    for start, stop in rng.standard_normal((20, 2)) * 1e3:
        for num in (2, 3, 17):
            found = lg.linspace(float(start), float(stop), num, dtype=dtype).numpy()
            assert found[0] == np.dtype(dtype).type(start) and found[-1] == np.dtype(dtype).type(stop)
            assert (np.diff(found) > 0).all() == (stop > start)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: lg.zeros(3, device="gpu"), lg.ArgumentError, 'zeros: arrays live on the device "cpu"'),
        (lambda: lg.arange(3, device=0), lg.ArgumentError, "arange: arrays live"),
        (lambda: lg.linspace(0, 1, 3, device="meta"), lg.ArgumentError, "linspace: arrays live"),
        (lambda: lg.zeros((2, -1)), lg.ShapeError, "an extent must be >= 0"),
        (lambda: lg.arange(2**40), lg.IntegerOverflow, "the element 1099511627775 does not fit int32"),
        (lambda: lg.arange(0, 300, dtype=lg.uint8), lg.IntegerOverflow, "the element 299 does not fit uint8"),
        (lambda: lg.arange(-1, 3, dtype=lg.uint8), lg.IntegerOverflow, "the element -1 does not fit uint8"),
        (lambda: lg.arange(3, step=0), lg.ArgumentError, "step must not be zero"),
        (lambda: lg.arange(0.0, 1.0, 0.1, dtype=lg.int32), lg.DTypeError, "cannot become int32"),
        (lambda: lg.linspace(0, 1, -1), lg.ShapeError, "num must be >= 0"),
        (lambda: lg.linspace(0, 1, 5, dtype=lg.int32), lg.DTypeError, "the dtype must be a float"),
        (lambda: lg.linspace("0", 1, 5), lg.ArgumentError, "must be Python numbers"),  # type: ignore[arg-type]
        (lambda: lg.geomspace(0, 1, 5), lg.DomainError, "finite, of one sign and not zero"),
        (lambda: lg.geomspace(-1, 1, 5), lg.DomainError, "finite, of one sign and not zero"),
        (lambda: lg.fromfunction(3, (2,)), lg.ArgumentError, "a function is wanted"),  # type: ignore[arg-type]
        (lambda: lg.eye(2, k=0.5), lg.ArgumentError, "k must be an integer"),  # type: ignore[arg-type]
    ],
)
def test_errors(call: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()
