"""The array object of the standard: attributes, operators in all their forms, methods, conversions to Python."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import lithograph as lg

from . import standard

DTYPES = standard.DTYPES


def values(dtype: str, shape: tuple[int, ...] = (2, 3)) -> np.ndarray:
    rng = np.random.default_rng(0)
    found = rng.integers(0, 2, shape) if dtype == "bool" else rng.integers(1, 5, shape)
    return found.astype(dtype)


def takes(dtype: str, name: str) -> bool:
    """Whether the standard defines an operator for a dtype."""
    kind = np.dtype(dtype).kind
    if name in ("and", "or", "xor", "invert"):
        return kind in "biu"
    if name in ("lshift", "rshift"):
        return kind in "iu"
    if name in ("floordiv", "mod"):
        return kind in "iuf"
    if name == "truediv":
        return kind in "fc"
    if name in ("lt", "le", "gt", "ge"):
        return kind in "iuf"
    return kind in "iufc" or name in ("eq", "ne")


def close(found: lg.Array, expected: np.ndarray) -> None:
    a = found.numpy()
    assert (a.shape, a.dtype) == (expected.shape, expected.dtype)
    if a.dtype.kind in "fc":
        # A power may be off by 2 ULP.
        np.testing.assert_allclose(a, expected, rtol=4 * float(np.finfo(a.dtype).eps))
    else:
        np.testing.assert_array_equal(a, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_attributes(dtype: str) -> None:
    x = values(dtype, (2, 3, 4))
    t = lg.tensor(x)
    for name in standard.ATTRIBUTES:
        assert hasattr(t, name)
    assert (t.shape, t.ndim, t.size, t.device) == ((2, 3, 4), 3, 24, "cpu")
    assert t.dtype is getattr(lg, dtype) and t.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(t.mT.numpy(), x.mT)
    np.testing.assert_array_equal(t[0].T.numpy(), x[0].T)
    for name in standard.METHODS:
        assert callable(getattr(t, name))


@pytest.mark.parametrize("name", standard.BINARY)
def test_binary_operators_with_arrays_numbers_and_reflected(name: str) -> None:
    for dtype in DTYPES:
        if not takes(dtype, name):
            continue
        x, y = values(dtype, (3, 3)), values(dtype, (3, 3)).T.copy()
        a, b = lg.tensor(x), lg.tensor(y)
        forward = getattr(operator, f"{name}_" if name in ("and", "or") else name)
        close(forward(a, b), forward(x, y))
        expected = forward(x, y)
        close(getattr(a, f"__{name}__")(b), expected)
        close(getattr(b, f"__r{name}__")(a), expected)
        changed: Any = a
        changed = getattr(operator, "i" + name)(changed, b)
        close(changed, expected)
        assert changed is not a
        np.testing.assert_array_equal(a.numpy(), x)
        if name == "matmul":
            continue
        number = x.dtype.type(2).item() if dtype != "bool" else True
        close(forward(a, number), forward(x, number))
        close(forward(number, a), forward(number, x))
        function = standard.BINARY[name]
        if hasattr(lg, function):
            close(getattr(lg, function)(a, b), expected)


@pytest.mark.parametrize("name", standard.COMPARISONS)
def test_comparisons(name: str) -> None:
    for dtype in DTYPES:
        if takes(dtype, name):
            x, y = values(dtype), values(dtype)[::-1].copy()
            compare = getattr(operator, name)
            close(compare(lg.tensor(x), lg.tensor(y)), compare(x, y))
            close(compare(lg.tensor(x), 2 if dtype != "bool" else True), compare(x, 2 if dtype != "bool" else True))
            close(getattr(lg, standard.COMPARISONS[name])(lg.tensor(x), lg.tensor(y)), compare(x, y))


@pytest.mark.parametrize("name", standard.UNARY)
def test_unary_operators(name: str) -> None:
    for dtype in DTYPES:
        if takes(dtype, name):
            x = values(dtype)
            found = getattr(operator, name)(lg.tensor(x))
            close(found, np.asarray(getattr(operator, name)(x)))
            close(getattr(lg, standard.UNARY[name])(lg.tensor(x)), found.numpy())


@pytest.mark.parametrize("dtype", DTYPES)
def test_conversions_to_python(dtype: str) -> None:
    one, zero = lg.ones((), dtype=dtype), lg.zeros((), dtype=dtype)
    assert bool(one) is True and bool(zero) is False
    kind = np.dtype(dtype).kind
    if kind != "c":
        assert (int(one), type(int(one))) == (1, int)
        assert (float(one), type(float(one))) == (1.0, float)
    assert (complex(one), type(complex(one))) == (1 + 0j, complex)
    if kind in "iu":
        assert ["a", "b"][one] == "b"
    for convert in (bool, int, float):
        with pytest.raises(lg.LithographError):
            convert(lg.ones((2,), dtype=dtype))


@pytest.mark.parametrize("a", DTYPES)
@pytest.mark.parametrize("b", DTYPES)
def test_promotion(a: str, b: str) -> None:
    """The standard's table; of pairs that it leaves open, an integer and a float give the float."""
    x, y = lg.ones((2,), dtype=a), lg.ones((2,), dtype=b)
    kinds = {np.dtype(a).kind, np.dtype(b).kind}
    if kinds == {"b"}:
        return
    defined = len(kinds) == 1 or kinds in ({"i", "u"}, {"f", "c"})
    if defined and not ("uint64" in (a, b) and "i" in kinds):
        expected = np.result_type(a, b)
        assert (x + y).dtype == expected
        assert (x * y).numpy().dtype == expected
        assert lg.function(lambda x, y: x - y)(x, y).dtype == expected
    elif "uint64" in (a, b) and kinds == {"i", "u"}:
        with pytest.raises(lg.DTypeError):
            x + y


@pytest.mark.parametrize("dtype", DTYPES)
def test_python_numbers_take_the_dtype_of_the_array(dtype: str) -> None:
    t, kind = lg.ones((2,), dtype=dtype), np.dtype(dtype).kind
    if kind != "b":
        assert (t + 1).dtype == dtype and (1 - t).dtype == dtype
    if kind in "fc":
        assert (t * 0.5).dtype == dtype
    assert (t == 1).dtype is lg.bool


def test_shapes_broadcast() -> None:
    for one, other in (((2, 3), (3,)), ((2, 1), (1, 3)), ((), (4,)), ((0, 3), (3,)), ((1,), (0,)), ((), ())):
        found = lg.ones(one) + lg.ones(other)
        assert found.shape == np.broadcast_shapes(one, other)
    for one, other in (((2,), (3,)), ((2, 3), (2,)), ((0,), (2,))):
        with pytest.raises(lg.ShapeError):
            lg.ones(one) + lg.ones(other)


def test_elements_are_not_assigned() -> None:
    t = lg.zeros((3,))
    with pytest.raises(lg.ArgumentError, match="a tensor never changes"):
        t[0] = 1
