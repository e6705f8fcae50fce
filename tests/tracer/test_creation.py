"""Tensors from Python and NumPy, and back."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg

F32 = np.float32


@pytest.mark.parametrize(
    ("values", "dtype", "shape"),
    [
        (1.5, "float32", ()),
        (3, "int32", ()),
        (True, "bool", ()),
        ([[1, 2.5], [3, 4]], "float32", (2, 2)),
        ([1, 2], "int32", (2,)),
        ([True, False], "bool", (2,)),
        ([True, 2], "int32", (2,)),
        ([], "float32", (0,)),
        ([[], []], "float32", (2, 0)),
        (np.ones((2, 3)), "float64", (2, 3)),
        (np.int8(3), "int8", ()),
        ([np.float64(1), np.float64(2)], "float64", (2,)),
        ([np.ones(2, F32), np.zeros(2, F32)], "float32", (2, 2)),
        (np.arange(6).reshape(2, 3).T, "int64", (3, 2)),
        (range(3), "int32", (3,)),
    ],
)
def test_dtypes_and_shapes(values: object, dtype: str, shape: tuple[int, ...]) -> None:  # A6.2, API 1
    t = lg.tensor(values)
    assert isinstance(t, lg.Tensor)
    assert (t.dtype.name, t.shape) == (dtype, shape)
    assert np.array_equal(t.numpy(), np.asarray(values).astype(dtype))


def test_requested_dtypes_and_shapes() -> None:
    assert lg.tensor([1, 2, 3, 4], (2, 2), "float64").tolist() == [[1, 2], [3, 4]]
    assert lg.tensor([1, 2], dtype=lg.bool).tolist() == [True, True]
    assert lg.tensor(np.array([1.7, -1.7]), dtype="int32").tolist() == [1, -1]
    assert lg.tensor2d([1, 2, 3, 4], (2, 2)).shape == (2, 2) and lg.tensor1d([1]).shape == (1,)
    assert lg.tensor6d([[[[[[1]]]]]]).ndim == 6 and lg.scalar(4).item() == 4


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: lg.tensor([[1, 2], [3]]), lg.ShapeError,
         "tensor: the nest is ragged: values[1] has 1 values where 2 are expected"),
        (lambda: lg.tensor([[[1], [2]], [[1], [2, 3]]]), lg.ShapeError,
         "tensor: the nest is ragged: values[1][1] has 2 values where 1 are expected"),
        (lambda: lg.tensor([1, 2, 3], (2, 2)), lg.ShapeError,
         "Based on the provided shape, (2, 2), the tensor should have 4 values but has 3"),
        (lambda: lg.tensor1d([[1]]), lg.ShapeError, "tensor1d() requires values to be a flat array"),
        (lambda: lg.tensor2d([1, 2]), lg.ShapeError,
         "tensor2d() requires shape to be provided when `values` are a flat array"),
        (lambda: lg.tensor2d([1, 2], (2,)), lg.ShapeError, "tensor2d() requires shape to have 2 extents"),
        (lambda: lg.scalar([1, 2]), lg.ShapeError, "scalar() requires a single number"),
        (lambda: lg.tensor("text"), lg.ArgumentError,
         "tensor: numbers, nested lists of numbers or arrays are wanted"),
        (lambda: lg.tensor([1, "a"]), lg.DTypeError,
         "tensor: 'a' at [1] is a str; elements are numbers or bools"),
        (lambda: lg.tensor([1, None]), lg.DTypeError, "tensor: None at [1] is a NoneType"),
        (lambda: lg.tensor(2**31), lg.IntegerOverflow, "the Python int 2147483648 does not fit int32"),
        (lambda: lg.tensor([1, 2**70]), lg.IntegerOverflow, "the Python int 1180591620717411303424 at [1]"),
        (lambda: lg.tensor([1.5], dtype="int32"), lg.DTypeError,
         "Cannot convert [1.5] to a tensor of dtype int32"),
        (lambda: lg.tensor(np.array(["a"])), lg.DTypeError, "dtype <U1 is not supported"),
        (lambda: lg.asarray([1], copy=False), lg.ArgumentError, "asarray: a list cannot be shared"),
        (lg.Tensor, TypeError, ""),
    ],
)  # fmt: skip
def test_refused(make: object, kind: type[Exception], text: str) -> None:  # A6.2
    with pytest.raises(kind) as error:
        make()  # type: ignore[operator]
    assert str(error.value).startswith(text)


def test_copies_and_views() -> None:  # API 1
    a = np.arange(4, dtype=F32)
    copied, shared = lg.tensor(a), lg.asarray(a, copy=False)
    assert lg.asarray(copied) is copied
    a[0] = 9
    assert copied.tolist()[0] == 0 and shared.tolist()[0] == 9
    view = copied.numpy()
    assert not view.flags.writeable and view.ctypes.data == copied.__array_interface__["data"][0]
    del copied
    assert view.tolist() == [0, 1, 2, 3]
    assert np.from_dlpack(lg.tensor([1.0, 2.0])).tolist() == [1, 2]
    assert lg.from_dlpack(np.arange(3)).tolist() == [0, 1, 2]
    assert pickle.loads(pickle.dumps(lg.tensor([1.0, 2.0]))).tolist() == [1, 2]


def test_python_protocols() -> None:
    t = lg.tensor([[1, 2], [3, 4]])
    assert len(t) == 2 and [row.tolist() for row in t] == [[1, 2], [3, 4]]
    assert float(lg.scalar(1.5)) == 1.5 and int(lg.scalar(3)) == 3 and bool(lg.scalar(0)) is False
    assert [10, 20, 30][lg.scalar(1)] == 20
    assert np.asarray(t).tolist() == t.tolist() and np.asarray(t, dtype=np.float64).dtype == np.float64
    assert repr(lg.tensor([1.5, 2])) == "tensor([1.5, 2. ], dtype=float32)"
    anything: object = t
    assert isinstance(anything, lg.Array) and hash(t) == hash(t)
    asks: list[Callable[[], object]] = [lambda: bool(t), t.item, lambda: float(t), lambda: int(t)]
    for ask in asks:
        with pytest.raises(lg.DomainError, match=r"takes a tensor of one element, but the shape is \(2, 2\)"):
            ask()
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        iter(lg.scalar(1))
    with pytest.raises(TypeError):
        [1][lg.scalar(0.0)]


def test_disposed() -> None:  # A6.1
    t = lg.tensor([1.0])
    view = t.numpy()
    t.dispose()
    t.dispose()
    assert t.is_disposed and t.shape == (1,) and view.tolist() == [1]
    uses: list[Callable[[], object]] = [lambda: t + 1, t.numpy, t.item, lambda: lg.exp(t)]
    for use in uses:
        with pytest.raises(lg.StateError, match=r"Tensor is disposed\."):
            use()
    assert "disposed" in repr(t)


def test_inside_a_trace() -> None:
    table = np.arange(3, dtype=F32)

    @lg.function
    def f(x: lg.Array) -> lg.Array:
        return lg.tensor([1.0, 2.0, 3.0]) * x + lg.tensor(table) + lg.tensor([x, x, 2 * x])

    assert f(lg.scalar(2.0)).tolist() == [4, 7, 12]
    table[:] = 10
    assert f(lg.scalar(2.0)).tolist() == [14, 16, 20]
