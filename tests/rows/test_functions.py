"""The public functions against NumPy: subscripts, shapes, ranges, joins, composites."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lithograph.ir import ops
from lithograph.ir.attrs import NO_ATTRS
from lithograph.ir.errors import ArgumentError, DivisionError, DomainError, RangeError
from lithograph.ir.registry import OPS

from .lowering import lowered
from .numpy_stage import Held, numpy_of, numpy_stage

X = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
I = np.array([[2, 0], [1, -1]])  # noqa: E741


@pytest.mark.parametrize(
    "index",
    [
        1, -1, (0, 1), (0, 1, 2, 3), slice(None), slice(1, None), slice(None, None, -1), slice(5, 0, -2),
        slice(3, 1),
        (slice(None), slice(None, None, 2), slice(-3, -1)), Ellipsis, (Ellipsis, 1), (1, Ellipsis, 0), None,
        (None, 0, None, Ellipsis, None), (slice(None), 0, slice(None), 1), np.int64(1), (slice(None), I), [0,
        1, 1],
        (0, I), (I[0] % 2, 1), (slice(None), 1, I), (Ellipsis, I, 0), (Ellipsis, I), (None, slice(1), I), (),
        (slice(None), np.array(-1)), (np.array(1), slice(None), np.array(2)), [],
    ],
    ids=str,
)  # fmt: skip
def test_subscripts(index: Any) -> None:
    with numpy_stage():
        found = numpy_of(Held(X)[index])
    assert found.shape == X[index].shape
    assert np.array_equal(found, X[index])


def test_a_tensor_as_an_index() -> None:
    with numpy_stage():
        assert np.array_equal(numpy_of(Held(X)[Held(np.array(1)), Held(np.array(0))]), X[1, 0])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda x: x.reshape(6, -1), X.reshape(6, -1)),
        (lambda x: x.reshape((-1,)), X.reshape(-1)),
        (lambda x: ops.expand_dims(x, axis=(0, -1)), np.expand_dims(X, (0, -1))),
        (lambda x: x[:1].squeeze(), X[:1].squeeze()),
        (lambda x: ops.squeeze(x[:, :1], 1), X[:, 0]),
        (lambda x: x.T, X.T),
        (lambda x: x.mT, np.swapaxes(X, -1, -2)),
        (lambda x: x.transpose((1, -1, 0, 2)), X.transpose(1, 3, 0, 2)),
        (lambda x: x.swapaxes(0, -1), X.swapaxes(0, -1)),
        (lambda x: x.moveaxis(0, 2), np.moveaxis(X, 0, 2)),
        (lambda x: ops.broadcast_to(x[:, :, :, :1], X.shape), np.broadcast_to(X[..., :1], X.shape)),
        (lambda x: x.flip(axis=(0, 2)), np.flip(X, (0, 2))),
        (ops.flip, np.flip(X)),
        (lambda x: ops.pad(x[0, 0], [(1, 0), (2, 3)]), np.pad(X[0, 0], [(1, 0), (2, 3)])),
        (lambda x: ops.pad(x, 1), np.pad(X, 1)),
        (lambda x: ops.concat([x, x[:1]], axis=0), np.concatenate([X, X[:1]])),
        (lambda x: ops.concat([x, x], axis=None), np.concatenate([X, X], axis=None)),
        (lambda x: ops.stack([x, x], axis=-1), np.stack([X, X], axis=-1)),
        (lambda x: ops.concat(ops.split(x, 3, axis=1), axis=1), X),
        (lambda x: ops.split(x, [1, 3], axis=2)[1], X[:, :, 1:3]),
        (lambda x: ops.take_along_axis(x[0, 0], I[:1], axis=1), np.take_along_axis(X[0, 0], I[:1], 1)),
        (lambda x: ops.tril(x, k=1), np.tril(X, 1)),
        (lambda x: ops.triu(x, k=-1), np.triu(X, -1)),
        (lambda x: ops.clip(x, 3, 9), np.clip(X, 3, 9)),
        (lambda x: ops.clip(x, max=9), np.clip(X, None, 9)),
        (lambda x: ops.outer(x[0, 0, 0], x[0, 0, 1]), np.outer(X[0, 0, 0], X[0, 0, 1])),
        (lambda x: ops.vecdot(x, x), np.vecdot(X, X)),
        (lambda x: ops.tensordot(x, x[0, 0], axes=([2, 3], [0, 1])), np.tensordot(X, X[0, 0])),
        (lambda x: x @ x[0, 0, 0], X @ X[0, 0, 0]),
        (lambda x: x[0, 0, :, 0] @ x, X[0, 0, :, 0] @ X),
        (lambda x: x[0, 0, 0] @ x[0, 0, 1], X[0, 0, 0] @ X[0, 0, 1]),
        (lambda x: x @ x[0, 0].T, X @ X[0, 0].T),
        (lambda x: X[0, 0] @ x.mT, X[0, 0] @ X.swapaxes(-1, -2)),
        (lambda x: ops.argmax(x, axis=1, keepdims=True), np.argmax(X, axis=1, keepdims=True)),
        (lambda x: ops.argmin(-x), np.argmin(-X)),
    ],
)
def test_functions_as_in_numpy(call: Any, expected: np.ndarray) -> None:
    with numpy_stage():
        found = numpy_of(call(Held(X)))
    assert found.shape == expected.shape
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "bounds",
    [
        (5,),
        (2, 7),
        (7, 2, -1),
        (0, 10, 3),
        (3, 3),
        (0,),
        (10, 0, -4),
        (-3, 3),
        (0.0, 1.0, 0.1),
        (1.5, -2, -0.5),
    ],
)
def test_ranges(bounds: tuple[float, ...]) -> None:
    with numpy_stage():
        found = numpy_of(ops.arange(*bounds))
    expected = np.arange(*bounds)
    assert found.shape == expected.shape
    if found.dtype == np.int32:
        assert np.array_equal(found, expected)
    else:
        # start + i*step in float32: each of the two operations rounds by half an ULP of at most max(|start|,
        # |stop|).
        assert np.all(np.abs(found - expected) <= 2.0**-24 * 2 * (abs(bounds[0]) + abs(bounds[1])))


def test_linspace_ends_where_it_should() -> None:
    with numpy_stage():
        found = numpy_of(ops.linspace(-1.0, 2.1, 7))
        assert found[0] == np.float32(-1.0)
        assert found[-1] == np.float32(2.1)
        # A product and a sum, each rounded to float32 at magnitudes below 4.
        assert np.all(np.abs(found - np.linspace(-1.0, 2.1, 7)) <= 2 * 2.0**-23)
        assert np.allclose(
            numpy_of(ops.linspace(0.0, 1.0, 4, endpoint=False)), [0, 0.25, 0.5, 0.75], rtol=0, atol=0
        )
        assert numpy_of(ops.linspace(3.0, 4.0, 1)).tolist() == [3.0]


def test_one_hot() -> None:
    with numpy_stage():
        found = numpy_of(ops.one_hot(np.array([[0, 2], [1, 5]]), 3))
        assert found.tolist() == [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 0, 0]]]
        assert found.dtype == np.float32
        assert numpy_of(ops.one_hot(np.array([0, 2]), 3, axis=0)).tolist() == [[1, 0], [0, 0], [0, 1]]
        with pytest.raises(ArgumentError, match="one_hot: axis must be an integer"):
            ops.one_hot(np.array([0, 2]), 3, axis=())  # type: ignore[arg-type]


def test_eye_and_filled() -> None:
    with numpy_stage():
        assert np.array_equal(numpy_of(ops.eye(3, 4, k=1)), np.eye(3, 4, 1))
        assert np.array_equal(numpy_of(ops.eye(2)), np.eye(2))
        assert np.array_equal(numpy_of(ops.full_like(X, 7)), np.full_like(X, 7))
        assert numpy_of(ops.zeros(())).shape == ()


def test_statistics() -> None:
    x = np.random.default_rng(0).standard_normal((4, 5, 6))
    with numpy_stage():
        h: Any = Held(x)
        # float64 sums of 30 elements in another order: a few ULPs of the largest partial sum.
        for found, expected in [
            (h.mean(axis=(0, 2)), x.mean((0, 2))),
            (h.var(axis=1, correction=1, keepdims=True), x.var(1, ddof=1, keepdims=True)),
            (h.std(), x.std()),
        ]:
            assert numpy_of(found).shape == np.shape(expected)
            assert np.allclose(numpy_of(found), expected, rtol=1e-14, atol=1e-15)
        assert numpy_of(ops.mean(np.array([1, 2], np.int32))) == 1.5


def test_reducing_no_axis_changes_nothing() -> None:
    with numpy_stage():
        for function in (ops.sum, ops.max, ops.min):
            assert np.array_equal(numpy_of(function(Held(X), axis=())), X)


def test_extrema_of_zeros_and_nan() -> None:
    with numpy_stage():
        z: Any = Held(np.array([[-0.0, 0.0], [0.0, -0.0], [-0.0, -0.0]]))
        assert np.signbit(numpy_of(z.max(axis=1))).tolist() == [False, False, True]
        assert np.signbit(numpy_of(z.min(axis=1))).tolist() == [True, True, True]
        n: Any = Held(np.array([1.0, np.nan, 3.0, np.nan]))
        assert np.isnan(numpy_of(n.max()))
        assert np.isnan(numpy_of(n.min()))
        assert (int(numpy_of(n.argmax())), int(numpy_of(n.argmin()))) == (1, 1)


def test_checked_ops_raise_what_plain_python_would() -> None:
    with numpy_stage():
        x = Held(np.array([1, -2, 3], np.int32))
        with pytest.raises(RangeError, match=r"index 3 is out of range for axis 0 with extent 3"):
            ops.take(x, np.array([0, 3, 9]))
        with pytest.raises(RangeError, match=r"index -4 "):
            x[np.array([-4])]
        with pytest.raises(RangeError, match=r"index 7 "):
            ops.take_along_axis(x, np.array([7]))
        with pytest.raises(DivisionError, match=r"floor_divide: integer division by zero"):
            x // 0
        with pytest.raises(DivisionError, match=r"remainder: integer division by zero"):
            x % np.array([1, 0, 1], np.int32)
        with pytest.raises(
            DomainError, match=r"cannot be raised to a negative power, and the exponent is -2"
        ):
            x**-2
        assert issubclass(RangeError, IndexError)
        assert issubclass(DivisionError, ZeroDivisionError)
        assert issubclass(DomainError, ValueError)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_division_with_remainder_follows_numpy(kind: type[np.floating]) -> None:
    rng = np.random.default_rng(0)
    span = 120 if kind is np.float32 else 1000
    a = (rng.uniform(-2, 2, 2000) * 2.0 ** rng.integers(-span, span, 2000)).astype(kind)
    b = (rng.uniform(-2, 2, 2000) * 2.0 ** rng.integers(-span, span, 2000)).astype(kind)
    for name in ("floor_divide", "remainder"):
        op = OPS[name]
        found, expected = lowered(op, [a, b], NO_ATTRS), op.evaluate([a, b], NO_ATTRS)
        assert found is not None
        assert np.array_equal(found, expected, equal_nan=True)
