"""Questions about dtypes, against the standard's text and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

import lithograph as lg

PRESENT = [n for n in ("float16", "float32", "float64", "complex64", "complex128") if hasattr(lg, n)]
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
KINDS = {
    "bool": "b", "signed integer": "i", "unsigned integer": "u", "integral": "iu", "real floating": "f",
    "complex floating": "c", "numeric": "iufc",
}  # fmt: skip


@pytest.mark.parametrize("name", PRESENT)
def test_finfo(name: str) -> None:
    for given in (getattr(lg, name), name, lg.zeros(2, dtype=name)):
        found, expected = lg.finfo(given), np.finfo(name)
        assert found.bits == expected.bits
        for field in ("eps", "max", "min", "smallest_normal", "tiny"):
            assert type(getattr(found, field)) is float
            assert getattr(found, field) == float(getattr(expected, field))
        assert found.dtype == expected.dtype


@pytest.mark.parametrize("name", INTEGERS)
def test_iinfo(name: str) -> None:
    for given in (getattr(lg, name), name, lg.zeros(2, dtype=name)):
        found, expected = lg.iinfo(given), np.iinfo(name)
        assert (found.bits, found.max, found.min) == (expected.bits, expected.max, expected.min)
        assert type(found.max) is int and found.dtype is getattr(lg, name)


@pytest.mark.parametrize("name", ["bool", *INTEGERS, *PRESENT])
def test_isdtype(name: str) -> None:
    dtype = lg.zeros((), dtype=name).dtype
    for kind, letters in KINDS.items():
        assert lg.isdtype(dtype, kind) == (np.dtype(name).kind in letters)
    assert lg.isdtype(dtype, dtype)
    assert lg.isdtype(dtype, ("complex floating", lg.float32)) == (np.dtype(name).kind == "c" or name == "float32")
    assert not lg.isdtype(dtype, ())


@pytest.mark.parametrize(("a", "b"), list(product(["bool", *INTEGERS, "float32", "float64"], repeat=2)))
def test_result_type_is_that_of_a_sum(a: str, b: str) -> None:
    x, y = lg.ones(2, dtype=a), lg.ones((), dtype=b)
    try:
        expected = lg.where(True, x, y).dtype
    except lg.DTypeError:
        with pytest.raises(lg.DTypeError):
            lg.result_type(x, y)
        assert not lg.can_cast(x, y.dtype)
        return
    assert lg.result_type(x, y) is expected
    assert lg.result_type(x.dtype, b) is expected
    assert lg.can_cast(x, y.dtype) == (expected is y.dtype)


def test_numbers_are_weak() -> None:
    x = lg.ones(2, dtype=lg.int8)
    assert lg.result_type(x, 3) is lg.int8
    assert lg.result_type(x, 3.0) is lg.float32
    assert lg.result_type(lg.float64, 1) is lg.float64
    assert lg.result_type(lg.float64, 1.0, True) is lg.float64
    assert lg.result_type(1, 2.0) is lg.float32
    assert lg.result_type(True, True) is lg.bool_
    assert lg.result_type(np.ones(3), lg.float32) is lg.float64
    assert lg.function(lambda a: lg.ones((), dtype=lg.result_type(a, 1.0)))(x).dtype is lg.float32


def test_the_namespace_tells_of_itself() -> None:
    info = lg.__array_namespace_info__()
    assert info.devices() == [info.default_device()] == ["cpu"]
    assert info.default_dtypes()["real floating"] is lg.zeros(1).dtype
    assert info.default_dtypes(device="cpu")["integral"] is lg.arange(1).dtype
    assert info.default_dtypes()["indexing"] is lg.argmax(lg.zeros(1)).dtype
    known = info.dtypes()
    assert known["bool"] is lg.bool_ and known["uint16"] is lg.uint16
    assert set(info.dtypes(kind="integral")) == set(INTEGERS)
    assert set(info.dtypes(kind=("bool", "real floating"), device="cpu")) == {"bool", "float32", "float64"}
    claims = info.capabilities()
    assert set(claims) == {"boolean indexing", "data-dependent shapes", "max dimensions"}
    assert claims["boolean indexing"] and lg.arange(3)[lg.arange(3) > 0].tolist() == [1, 2]
    assert claims["data-dependent shapes"] and lg.unique_values(lg.zeros(3)).shape == (1,)


def test_astype_takes_the_options_of_the_standard() -> None:
    x = lg.ones(2)
    assert lg.astype(x, lg.int8, copy=False, device="cpu").dtype is lg.int8


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: lg.finfo(lg.int32), lg.DTypeError, "int32 is no floating dtype; ask iinfo"),
        (lambda: lg.iinfo(lg.float32), lg.DTypeError, "float32 is no integer dtype; ask finfo"),
        (lambda: lg.iinfo(lg.bool_), lg.DTypeError, "bool is no integer dtype"),
        (lambda: lg.finfo("text"), lg.DTypeError, "'text' is not a dtype"),
        (lambda: lg.finfo(None), lg.DTypeError, "None is not a dtype"),
        (lambda: lg.isdtype(lg.int8, "integer"), lg.ArgumentError, "the kind must be one of bool, signed integer"),
        (lg.result_type, lg.ArgumentError, "at least one array or dtype"),
        (lambda: lg.result_type(lg.uint64, lg.int8), lg.DTypeError, "uint64"),
        (lambda: lg.__array_namespace_info__().dtypes(device="tpu"), lg.ArgumentError, "arrays live"),
        (lambda: lg.astype(lg.ones(2), lg.int8, device="gpu"), lg.ArgumentError, "astype: arrays live"),
    ],
)  # fmt: skip
def test_errors(call: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()
