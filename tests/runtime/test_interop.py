"""Tensors among other libraries' arrays: DLPack, buffers, operators of NumPy, copies and pickles."""

from __future__ import annotations

import copy
import gc
import importlib
import importlib.util
import pickle
import sys
import threading
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.runtime.core import counters
from lithograph.runtime.dlpack import CPU

DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
PEERS = [name for name in ("torch", "jax.numpy") if importlib.util.find_spec(name.partition(".")[0])]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4), (0, 5)], ids=str)
def test_dlpack_shares_memory_both_ways(dtype: str, shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    t = lg.tensor(values)
    out = np.from_dlpack(t)
    assert out.dtype == dtype and out.shape == shape and not out.flags.writeable
    assert np.array_equal(out, values)
    assert out.ctypes.data == t.numpy().ctypes.data
    back = lg.from_dlpack(values)
    assert back.dtype == getattr(lg, dtype) and back.shape == shape
    assert np.array_equal(back.numpy(), values)
    if values.size:
        assert back.numpy().ctypes.data == values.ctypes.data


def test_an_export_lives_as_long_as_its_last_holder() -> None:
    gc.collect()
    before = counters()
    t = lg.arange(1000)
    out = np.from_dlpack(t)
    t.dispose()
    assert out[999] == 999
    del t
    gc.collect()
    assert counters().num_buffers == before.num_buffers + 1
    del out
    gc.collect()
    assert counters()[:3] == before[:3]


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_a_capsule_that_nobody_takes_gives_its_memory_back(version: tuple[int, int] | None) -> None:
    gc.collect()
    before = counters()
    capsule = lg.arange(1000).__dlpack__(max_version=version)
    assert f'"{"dltensor_versioned" if version else "dltensor"}"' in repr(capsule)
    try:
        # The capsule goes while an error is on its way.
        raise KeyError
    except KeyError:
        del capsule
    gc.collect()
    assert counters()[:3] == before[:3]


def test_an_import_lives_as_long_as_its_tensor() -> None:
    source = np.arange(1000.0)
    references = sys.getrefcount(source)
    t = lg.from_dlpack(source)
    view = t[10:]
    assert sys.getrefcount(source) > references
    del source
    assert view[0].item() == 10
    source = np.arange(3.0)
    references = sys.getrefcount(source)
    t = lg.from_dlpack(source)
    t.dispose()
    del t
    gc.collect()
    assert sys.getrefcount(source) == references


def test_old_consumers_get_a_copy_that_is_theirs() -> None:
    class Old:
        """NumPy before version 1.0 of DLPack."""

        def __init__(self, t: Any) -> None:
            self.t = t

        def __dlpack__(self, stream: object = None, **new: object) -> object:
            return self.t.__dlpack__(stream=stream)

        def __dlpack_device__(self) -> tuple[int, int]:
            return CPU

    t = lg.tensor([1.0, 2.0])
    out = np.from_dlpack(Old(t))  # type: ignore[arg-type]
    assert out.tolist() == [1, 2] and out.ctypes.data != t.numpy().ctypes.data


def test_copies_on_demand_and_where_memory_is_laid_out_otherwise() -> None:
    x = np.arange(12.0).reshape(3, 4)
    for view in (x.T, x[:, ::2], x[::-1]):
        found = lg.from_dlpack(view)
        assert np.array_equal(found.numpy(), view)
        with pytest.raises(lg.SharingError, match="only C-contiguous, aligned memory can be shared"):
            lg.from_dlpack(view, copy=False)
    assert lg.from_dlpack(x, copy=True).numpy().ctypes.data != x.ctypes.data
    assert lg.from_dlpack(x, copy=False, device="cpu").numpy().ctypes.data == x.ctypes.data
    t = lg.tensor([1.0])
    assert lg.from_dlpack(t).numpy().ctypes.data == t.numpy().ctypes.data
    assert lg.from_dlpack(t, copy=True).numpy().ctypes.data != t.numpy().ctypes.data
    copied = np.from_dlpack(t, copy=True)
    copied[0] = 5
    assert t.item() == 1
    raw = np.zeros(9, np.uint8)[1:].view(np.float32)
    assert not raw.flags.aligned
    assert lg.from_dlpack(raw).tolist() == [0, 0]
    variable = lg.Variable([1.0, 2.0])
    assert np.from_dlpack(variable).tolist() == [1, 2]  # type: ignore[arg-type]


def test_a_variable_never_holds_foreign_memory() -> None:
    x = np.ones(3, np.float32)
    v = lg.Variable(lg.from_dlpack(x))
    v.assign_add(1)
    assert x.tolist() == [1, 1, 1]
    v.assign(lg.from_dlpack(x))
    x[:] = 9
    assert v.tolist() == [1, 1, 1]


def test_imports_work_in_functions_and_gradients() -> None:
    x = np.arange(4, dtype=np.float32)
    t = lg.from_dlpack(x)
    assert lg.function(lambda a: a * 2)(t).tolist() == [0, 2, 4, 6]
    assert lg.grad(lambda a: (a * a).sum())(t).tolist() == [0, 2, 4, 6]
    assert lg.function(lambda a: a + t)(x).tolist() == [0, 2, 4, 6]


def test_deleters_run_on_any_thread() -> None:
    gc.collect()
    before = counters()

    def work() -> None:
        for i in range(300):
            assert np.from_dlpack(lg.full((50,), i))[0] == i
            assert lg.from_dlpack(np.full(50, i))[49].item() == i

    held = [np.from_dlpack(lg.arange(100)) for _ in range(100)]
    threads = [threading.Thread(target=work) for _ in range(4)]
    threads.append(threading.Thread(target=held.clear))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    del t, threads
    gc.collect()
    assert counters()[:3] == before[:3]


class _Fake:
    def __init__(self, capsule: object, device: tuple[int, int] = CPU) -> None:
        self.capsule, self.device = capsule, device

    def __dlpack__(self, **options: object) -> object:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device


def _used() -> _Fake:
    fake = _Fake(lg.tensor([1]).__dlpack__(max_version=(1, 0)))
    lg.from_dlpack(fake)
    return fake


class _Elsewhere:
    def __dlpack__(self, stream: object = None) -> object:
        return None

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0


def _disposed() -> lg.Array:
    t = lg.tensor([1])
    t.dispose()
    return t


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lg.from_dlpack(3), lg.ArgumentError, "an array with __dlpack__ is wanted, but a int was given"),
        (lambda: lg.from_dlpack(np.ndarray), lg.ArgumentError, "but a type was given"),
        (lambda: lg.from_dlpack(_Fake(3)), lg.ArgumentError, "gave no capsule that is unused"),
        (lambda: lg.from_dlpack(_used()), lg.ArgumentError, "gave no capsule that is unused"),
        (lambda: lg.from_dlpack(_Elsewhere()), lg.SharingError, r"on device \(2, 0\) cannot give"),
        (lambda: lg.from_dlpack(np.zeros(2), device="gpu"), lg.ArgumentError, "'gpu'"),
        (lambda: lg.from_dlpack(np.zeros(2), copy=3)  # type: ignore[arg-type]
       , lg.ArgumentError, "copy is True, False or None, but 3"),
        (lambda: lg.from_dlpack(np.zeros(2, np.longdouble)), lg.SharingError, "from_dlpack: DLPack only supports"),
        (lambda: lg.tensor([1]).__dlpack__(copy=False), lg.SharingError, "a tensor is read-only, which only"),
        (lambda: lg.tensor([1]).__dlpack__(stream=1), lg.SharingError, "a CPU has no streams"),
        (lambda: lg.tensor([1]).__dlpack__(dl_device=(2, 0)), lg.SharingError, "tensors live on the device"),
        (lambda: _disposed().__dlpack__(), lg.StateError, r"Tensor is disposed\."),
        (lambda: copy.copy(_disposed()), lg.StateError, r"Tensor is disposed\."),
        (lambda: lg.tensor([1]).to_device("gpu"), lg.ArgumentError, "there is one device, 'cpu'"),
        (
            lambda: lg.tensor([1]).__array_namespace__(api_version="2019.12"),
            lg.ArgumentError,
            r"version '2019\.12' of the Array API standard is not provided; versions are 2021\.12",
        ),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_sharing_errors_are_buffer_errors() -> None:
    assert issubclass(lg.SharingError, BufferError)


def test_arrays_and_tensors_in_one_expression() -> None:
    a, t = np.array([1.0, 2.0, 3.0], np.float32), lg.tensor([10.0, 20.0, 30.0])
    for found in (a + t, a - t, a * t, a / t, a // t, a % t, a**t, a < t, a == t, a @ t, np.float32(2) * t):
        assert type(found) is lg.Tensor
    assert (a - t).tolist() == [-9, -18, -27]
    assert (np.int32(2) - lg.tensor([5])).tolist() == [-3]
    with pytest.raises(TypeError, match=r"Tensor' does not support ufuncs"):
        a += t
    assert a.tolist() == [1, 2, 3]
    a[1:] = t[1:]
    assert a.tolist() == [1, 20, 30]
    t += a  # a new tensor
    assert t.tolist() == [11, 40, 60]
    assert np.asarray(t).ctypes.data == t.numpy().ctypes.data
    assert np.asarray(t, np.float64).dtype == np.float64
    assert np.array(t, copy=True).flags.writeable


def test_the_namespace_and_the_device() -> None:
    for x in (lg.tensor([1.0]), lg.Variable([1.0])):
        assert x.__array_namespace__() is lg
        assert x.__array_namespace__(api_version="2024.12") is lg
        assert x.device == "cpu"
        assert x.to_device("cpu") is x

    @lg.function
    def f(x: lg.Array) -> lg.Array:
        assert x.__array_namespace__() is lg and x.device == "cpu"
        return x.to_device(x.device)

    assert f(np.float32(3)).item() == 3


def test_buffers() -> None:
    t = lg.tensor([[1, 2], [3, 4]])
    if sys.version_info >= (3, 12):
        view = memoryview(t)  # type: ignore[arg-type]
        assert view.readonly and view.shape == (2, 2) and view.tolist() == [[1, 2], [3, 4]]
    assert t.numpy().data.readonly


def test_copies_share_memory_but_not_disposal() -> None:
    t = lg.tensor([1.0, 2.0])
    one, (other, again) = copy.copy(t), copy.deepcopy([t, t])
    assert one.numpy().ctypes.data == other.numpy().ctypes.data == t.numpy().ctypes.data
    assert other is again
    t.dispose()
    assert one.tolist() == other.tolist() == [1, 2]

    def body(x: lg.Array) -> lg.Array:
        return copy.deepcopy({"x": x})["x"] + copy.copy(x)

    assert lg.function(body)(np.float32(2)).item() == 4


@pytest.mark.parametrize("protocol", [2, 5])
def test_pickles_of_values(protocol: int) -> None:
    def again(x: Any) -> Any:
        return pickle.loads(pickle.dumps(x, protocol))

    t = again(lg.tensor([[1, 2], [3, 4]], dtype="int16"))
    assert type(t) is lg.Tensor and t.dtype is lg.int16 and t.tolist() == [[1, 2], [3, 4]]
    assert again(lg.tensor(3.5)).item() == 3.5
    assert again(lg.zeros((0, 2))).shape == (0, 2)
    assert again(lg.float32) is lg.float32
    v = lg.Variable([1.0, 2.0], trainable=False, name="v")
    one, other, value = again((v, v, v.value()))
    assert one is other and (one.name, one.trainable, one.tolist()) == ("v", False, [1, 2])
    one.assign_add(1)
    assert v.tolist() == value.tolist() == [1, 2]
    twin = copy.deepcopy(v)
    twin.assign_add(1)
    assert (v.tolist(), twin.tolist()) == ([1, 2], [2, 3])
    spec = lg.TensorSpec([None, "n", 3], lg.int64, "x")
    assert again(spec) == spec


def test_peers_that_are_installed() -> None:
    for name in PEERS:
        _there_and_back(importlib.import_module(name))


def _there_and_back(peer: Any) -> None:
    t = lg.tensor(np.arange(6, dtype=np.float32).reshape(2, 3))
    theirs = peer.from_dlpack(t)
    assert np.asarray(theirs).tolist() == t.tolist()
    ours = lg.from_dlpack(theirs)
    assert ours.tolist() == t.tolist()
    del t
    gc.collect()
    assert float(theirs[1, 2]) == 5
    del theirs
    gc.collect()
    assert ours[1, 2].item() == 5


def test_notebooks_show_small_tables() -> None:
    t: Any = lg.tensor([[1.0, 2.5], [3.0, 4.0]])
    assert t._repr_html_() == (
        "<div>tensor <code>float32[2, 2]</code></div><table><tr><td>1.0</td><td>2.5</td></tr>"
        "<tr><td>3.0</td><td>4.0</td></tr></table>"
    )
    long: Any = lg.arange(100)
    assert long._repr_html_().count("<td>") == 9 and "<td>…</td>" in long._repr_html_()
    for shape in ((), (0,), (20, 20), (2, 3, 4), (0, 3, 4)):
        shown: Any = lg.ones(shape)
        assert f"float32[{', '.join(map(str, shape))}]" in shown._repr_html_()
    v: Any = lg.Variable([1], name="<b>")
    assert v._repr_html_().startswith("<div>variable &lt;b&gt; <code>int32[1]</code></div><table>")
    t.dispose()
    assert t._repr_html_() == "<div>disposed tensor <code>float32[2, 2]</code></div>"

    def f(x: lg.Array, text: str) -> lg.Array:
        return x

    compiled: Any = lg.function(f)
    compiled(np.float32(1), "<i>")
    assert compiled._repr_html_() == (
        "<div>function <code>f</code>, 1 traces</div>"
        "<ul><li><code>f(x: float32[], text: &#x27;&lt;i&gt;&#x27;)</code></li></ul>"
    )
