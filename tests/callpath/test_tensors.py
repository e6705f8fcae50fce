"""Tensors: life, memory, counts, views, disposal, and what they refuse."""

from __future__ import annotations

import gc
import weakref
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lithograph.ir import dtypes
from lithograph.ir.errors import ShapeError
from lithograph.ir.types import Dim, TensorType

pytestmark = pytest.mark.callpath
F4 = TensorType(dtypes.float32, (4,))
BIG = TensorType(dtypes.float32, (1000,))


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (5, 7, 11), (1,) * 8])
def test_an_array_comes_back(path: ModuleType, dtype: dtypes.DType, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.int64).reshape(shape).astype(dtype.numpy)
    back = path.as_ndarray(path.from_ndarray(TensorType(dtype, shape), array))
    assert back.dtype == dtype.numpy
    assert back.shape == shape
    assert np.array_equal(back, array)
    assert not back.flags.writeable
    assert back.flags.c_contiguous
    assert back.flags.aligned
    with pytest.raises(ValueError, match="WRITEABLE"):
        back.flags.writeable = True


def test_large_memory_is_aligned(path: ModuleType) -> None:
    for n in (65, 100, 1000, 1 << 20):
        aval = TensorType(dtypes.float32, (n,))
        t = path.new_tensor(aval, aval.nbytes)
        assert t._data % 64 == 0
        assert (t._nbytes, t._aval, t._base) == (4 * n, aval, None)


def test_small_memory_is_aligned_to_16(path: ModuleType) -> None:
    assert [path.new_tensor(F4, 16)._data % 16 for _ in range(9)] == [0] * 9


def test_counters(path: ModuleType) -> None:
    tensors, buffers, nbytes, _ = path.counters()
    path.reset_peak()
    small, big = path.new_tensor(F4, 16), path.new_tensor(BIG, 4000)
    assert path.counters() == (tensors + 2, buffers + 2, nbytes + 4016, nbytes + 4016)
    view = path.view(F4, 16, big)
    assert path.counters() == (tensors + 3, buffers + 2, nbytes + 4016, nbytes + 4016)
    del big
    assert path.counters()[:3] == (tensors + 2, buffers + 2, nbytes + 4016)
    del view
    assert path.counters()[:3] == (tensors + 1, buffers + 1, nbytes + 16)
    del small
    assert path.counters() == (tensors, buffers, nbytes, nbytes + 4016)
    path.reset_peak()
    assert path.counters().peak_bytes == nbytes


def test_views_share_and_collapse(path: ModuleType) -> None:
    array = np.arange(1000, dtype=np.float32)
    t = path.from_ndarray(BIG, array)
    view = path.view(TensorType(dtypes.float32, (10, 20)), 400, t)
    inner = path.view(F4, 4, view)
    assert view._base is not None
    assert t._base is view._base
    assert inner._base is view._base
    del t, view
    assert path.as_ndarray(inner).tolist() == [101, 102, 103, 104]


def test_a_view_of_foreign_memory(path: ModuleType) -> None:
    array = np.arange(4, dtype=np.float32)
    dead = weakref.ref(array)
    t = path.wrap(F4, array.ctypes.data, array)
    assert t._base is array
    del array
    shown = path.as_ndarray(t)
    del t
    gc.collect()
    assert shown.tolist() == [0, 1, 2, 3]
    assert dead() is not None
    del shown
    gc.collect()
    assert dead() is None


def test_an_ndarray_keeps_the_memory(path: ModuleType) -> None:
    before = path.counters()[:3]
    shown = path.as_ndarray(path.from_ndarray(BIG, np.arange(1000, dtype=np.float32)))
    tensors, buffers, nbytes, _ = path.counters()
    assert (tensors, buffers, nbytes) == (before[0], before[1] + 1, before[2] + 4000)
    other = [path.from_ndarray(BIG, np.zeros(1000, np.float32)) for _ in range(8)]
    assert shown[999] == 999
    del shown, other
    assert path.counters()[:3] == before


@pytest.mark.parametrize("aval", [F4, BIG], ids=str)
def test_dispose_frees_at_once(path: ModuleType, aval: TensorType) -> None:
    before = path.counters()[:3]
    t = path.new_tensor(aval, aval.nbytes)
    assert not path.is_disposed(t)
    path.dispose(t)
    assert path.is_disposed(t)
    assert (t._data, t._base) == (0, None)
    assert path.counters()[:3] == before
    path.dispose(t)
    with pytest.raises(ValueError, match=r"Tensor is disposed\."):
        path.as_ndarray(t)
    with pytest.raises(ValueError, match=r"Tensor is disposed\."):
        path.view(aval, 0, t)


@pytest.mark.parametrize("aval", [F4, BIG], ids=str)
def test_dispose_waits_for_views(path: ModuleType, aval: TensorType) -> None:
    before = path.counters()[:3]
    t = path.from_ndarray(aval, np.ones(aval.static_shape, np.float32))
    view, shown = path.view(F4, 0, t), path.as_ndarray(t)
    path.dispose(t)
    assert path.counters()[:3] == (before[0] + 1, before[1] + 1, before[2] + aval.nbytes)
    assert path.as_ndarray(view).tolist() == [1] * 4
    path.dispose(view)
    assert path.counters()[:3] == (before[0], before[1] + 1, before[2] + aval.nbytes)
    assert shown.sum() == aval.size
    del shown
    assert path.counters()[:3] == before


def test_dispose_of_a_view_leaves_its_base(path: ModuleType) -> None:
    t = path.from_ndarray(BIG, np.ones(1000, np.float32))
    view = path.view(F4, 0, t)
    shown = path.as_ndarray(view)
    path.dispose(view)
    assert path.as_ndarray(t).sum() == 1000
    del t
    assert shown.tolist() == [1] * 4


def test_weak_references_and_identity(path: ModuleType, tensor: Any) -> None:
    a, b = tensor(1), tensor(1)
    called: list[bool] = []
    ref = weakref.ref(a, lambda _: called.append(True))
    assert ref() is a
    assert len({a, b, a}) == 2
    assert hash(a) == hash(a)
    del a
    assert ref() is None
    assert called == [True]


def test_a_type_cannot_be_made_or_derived(path: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"lithograph\.tensor"):
        path.Tensor()
    with pytest.raises(TypeError, match=r"lithograph\.tensor"):
        path.Tensor.__new__(path.Tensor, 1)
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Derived", (path.Tensor,), {})
    assert repr(path.Tensor) == "<class 'lithograph.Tensor'>"


def test_members_are_read_only(path: ModuleType, tensor: Any) -> None:
    if path.__name__.endswith("twin"):
        pytest.skip("the twin trusts its callers")
    t = tensor(1)
    for name in ("_data", "_aval", "_base", "_nbytes"):
        with pytest.raises(AttributeError):
            setattr(t, name, 0)
    with pytest.raises(AttributeError):
        t.other = 1


def test_methods_can_be_attached(path: ModuleType, tensor: Any) -> None:
    methods = {
        "doubled": lambda self: path.as_ndarray(self) * 2,
        "__len__": lambda self: 4,
        "__getitem__": lambda self, i: ("item", i),
        "__bool__": lambda self: False,
    }
    before = {name: path.Tensor.__dict__.get(name) for name in methods}
    for name, method in methods.items():
        setattr(path.Tensor, name, method)
    try:
        t = tensor(3)
        assert t.doubled().tolist() == [6] * 4
        assert (len(t), t[1:2], bool(t)) == (4, ("item", slice(1, 2)), False)
    finally:
        for name, old in before.items():
            if old is None:
                delattr(path.Tensor, name)
            else:
                setattr(path.Tensor, name, old)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p, t: p.new_tensor(F4, -1), ValueError, "nbytes must be >= 0"),
        (lambda p, t: p.new_tensor(F4, 1 << 62), MemoryError, None),
        (lambda p, t: p.new_tensor(F4, (1 << 63) - 1), MemoryError, None),
        (lambda p, t: p.new_tensor(F4, 1 << 50), MemoryError, None),
        (lambda p, t: p.new_tensor(F4, "x"), TypeError, None),
        (lambda p, t: p.new_tensor(F4), TypeError, "argument"),
        (lambda p, t: p.wrap(3, t._data, t), TypeError, "expected a TensorType, not int"),
        (lambda p, t: p.Dispatcher(len).install(3), TypeError, "expected a Record, not int"),
        (lambda p, t: p.wrap(F4, 0, None), ValueError, "wrap needs an address"),
        (lambda p, t: p.wrap(F4, t._data, t), TypeError, "viewed, not wrapped"),
        (lambda p, t: p.view(3, 0, t), TypeError, "expected a TensorType, not int"),
        (lambda p, t: p.view(F4, 0, np.zeros(4)), TypeError, "expected a Tensor"),
        (lambda p, t: p.view(F4, 1, t), ValueError, "the view lies outside the Tensor"),
        (lambda p, t: p.view(F4, -1, t), ValueError, "the view lies outside the Tensor"),
        (lambda p, t: p.view(F4, (1 << 63) - 1, t), ValueError, "the view lies outside the Tensor"),
        (lambda p, t: p.view(TensorType(dtypes.float32, (Dim("n"),)), 0, t), ShapeError, "symbolic"),
        (lambda p, t: p.wrap(TensorType(dtypes.float32, (Dim("n"),)), 8, None), ShapeError, "symbolic"),
        (lambda p, t: p.as_ndarray(np.zeros(4)), TypeError, "expected a Tensor"),
        (lambda p, t: p.as_ndarray(p.new_tensor(BIG, 16)), ValueError, "less memory than its type"),
        (lambda p, t: p.dispose(None), TypeError, "expected a Tensor"),
        (lambda p, t: p.is_disposed(3), TypeError, "expected a Tensor"),
        (lambda p, t: p.from_ndarray(F4, [1, 2, 3, 4]), TypeError, r"expected a numpy\.ndarray"),
        (lambda p, t: p.from_ndarray(F4, np.zeros(5, np.float32)), ValueError, "not C-contiguous"),
        (lambda p, t: p.from_ndarray(F4, np.zeros((4, 1), np.float32)), ValueError, "not C-contiguous"),
        (lambda p, t: p.from_ndarray(F4, np.zeros(4)), ValueError, "not C-contiguous"),
        (lambda p, t: p.from_ndarray(F4, np.zeros(4, ">f4")), ValueError, "not C-contiguous"),
        (lambda p, t: p.from_ndarray(F4, np.zeros(8, np.float32)[::2]), ValueError, "not C-contiguous"),
        (lambda p, t: p.leave(), RuntimeError, r"leave\(\) without enter\(\)"),
        (lambda p, t: p.Cell(3), TypeError, "expected a Tensor"),
        (lambda p, t: p.Cell(), TypeError, None),
        (lambda p, t: p.Dispatcher(), TypeError, None),
        (lambda p, t: p.Dispatcher(print, 3), ValueError, "n_buckets must be a power of two"),
        (lambda p, t: p.Dispatcher(print, 0), ValueError, "n_buckets must be a power of two"),
        (lambda p, t: p.Dispatcher(print, 1 << 40), ValueError, "n_buckets must be a power of two"),
        (lambda p, t: p.bind_operator("plus", p.Dispatcher(print)), ValueError, "'plus' is no operator"),
        (lambda p, t: p.bind_operator("add", print), TypeError, "expected a Dispatcher"),
    ],
)
def test_refusals(
    path: ModuleType, tensor: Any, call: Any, error: type[Exception], message: str | None
) -> None:
    t = tensor(1)
    with pytest.raises(error, match=message):
        call(path, t)
    assert path.as_ndarray(t).tolist() == [1] * 4


def test_an_equal_dtype_object_is_accepted(path: ModuleType) -> None:
    copied = np.arange(4, dtype=np.dtype("f4", copy=True))
    assert path.as_ndarray(path.from_ndarray(F4, copied)).tolist() == [0, 1, 2, 3]


def test_freed_blocks_return(path: ModuleType) -> None:
    aval = TensorType(dtypes.uint8, (8 << 20,))
    first = path.new_tensor(aval, aval.nbytes)
    address = first._data
    del first
    second = path.new_tensor(aval, aval.nbytes)
    if not path.__name__.endswith("twin"):
        assert second._data == address
    del second
    many = [path.new_tensor(aval, aval.nbytes + i) for i in range(20)]
    assert len({t._data for t in many}) == 20
    del many
    path.trim()
    third = path.new_tensor(aval, aval.nbytes)
    assert third._data % 64 == 0
