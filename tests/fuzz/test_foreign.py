"""Bytes and memory from outside: pickles, capsules and descriptions of arrays end in exceptions, never worse."""

from __future__ import annotations

import ctypes
import os
import pickle
import pickletools
import warnings
from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg
from lithograph.runtime import dlpack
from lithograph.runtime.core import Tensor
from lithograph.runtime.native.capsules import VERSIONED_NAME

DEEP = os.environ.get("LITHOGRAPH_TEST_DEEP") == "1"
ROUNDS = 8000 if DEEP else 500


def objects() -> list[object]:
    """What users pickle."""
    return [
        lg.tensor([1.0, 2.0, 3.0]),
        lg.zeros((2, 0, 3), dtype=lg.int64),
        lg.tensor(True),
        lg.Variable([1.0, -0.0]),
        lg.TensorSpec([None, 2], lg.float32),
        lg.float32,
        {"a": [lg.tensor([1, 2])], "b": lg.ones((3, 3))},
    ]


def mutated(rng: np.random.Generator, data: bytes) -> bytes:
    """A few bytes replaced, dropped or doubled."""
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(made))) if made else 0
        match int(rng.integers(4)):
            case 0:
                made[at : at + 1] = bytes([int(rng.integers(256))])
            case 1:
                del made[at : at + int(rng.integers(1, 5))]
            case 2:
                made[at:at] = made[at : at + 6]
            case _:
                made[at : at + 1] = bytes([made[at] ^ (1 << int(rng.integers(8)))]) if made else b"x"
    return bytes(made)


def takes_all_memory(data: bytes) -> bool:
    """Whether Python's unpickler would make a table of a size that these bytes name, however large."""
    try:
        return any(
            op.name in ("LONG_BINPUT", "PUT") and int(arg or 0) > 10_000 for op, arg, _ in pickletools.genops(data)
        )
    except Exception:  # What comes before the first wrong byte is all that will be read.
        return b"r" in data


def walk(value: object) -> None:
    """Look at everything in what a pickle gave."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for v in value:
            walk(v)
    if isinstance(value, Tensor | lg.Variable):
        repr(value)
        (value + value).numpy()


@pytest.mark.parametrize("protocol", [2, 5])
def test_mutated_pickles_end_in_exceptions(protocol: int) -> None:
    valid = [pickle.dumps(x, protocol) for x in objects()]
    for data in valid:
        walk(pickle.loads(data))
    loaded = 0
    for seed in range(ROUNDS):
        rng = np.random.default_rng(seed)
        data = mutated(rng, valid[seed % len(valid)])
        if takes_all_memory(data):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                walk(pickle.loads(data))
            loaded += 1
        except Exception:  # Python's unpickler raises what it likes; that the process lives is the point.
            continue
    assert 0 < loaded < ROUNDS


WRONG_STATES = [
    ("float32", (2,), b"1234567"),
    ("float32", (2,), "12345678"),
    ("float32", (2,), None),
    ("float32", (2.0,), b"12345678"),
    ("float32", [2], b"12345678"),
    ("float32", (-2,), b"12345678"),
    ("float32", (2**62, 2**62), b""),
    ("object", (1,), b"12345678"),
    ("<U2", (1,), b"12345678"),
    (None, (1,), b"12345678"),
]


@pytest.mark.parametrize("state", WRONG_STATES, ids=str)
def test_a_tensor_is_restored_from_its_bytes_only(state: tuple[object, ...]) -> None:
    made = lg.tensor([1.0, 2.0]).__reduce_ex__(2)
    assert isinstance(made, tuple) and callable(made[0])
    assert made[0](*made[1]).tolist() == [1.0, 2.0]
    with pytest.raises(lg.LithographError):
        made[0](*state)


def test_buffers_out_of_band_are_taken() -> None:
    buffers: list[pickle.PickleBuffer] = []
    x = lg.tensor(np.arange(1000.0))
    data = pickle.dumps(x, 5, buffer_callback=buffers.append)
    assert len(data) < 500 and len(buffers) == 1
    assert pickle.loads(data, buffers=buffers).tolist() == x.tolist()


class Foreign:
    """Another library's array, whose capsule is not what it should be."""

    def __init__(self, change: Callable[[dlpack._DLTensor], None], *, device: object = (1, 0)) -> None:
        self.change = change
        self.device = device
        self.kept: list[object] = []

    def __dlpack_device__(self) -> object:
        return self.device

    def __dlpack__(self, **options: object) -> object:
        capsule = lg.tensor(np.arange(6.0).reshape(2, 3)).__dlpack__(max_version=(1, 0))
        address = dlpack._capsule_get(capsule, VERSIONED_NAME)
        self.change(dlpack._Versioned.from_address(address).tensor)
        return capsule


def test_mutated_capsules_end_in_designed_errors() -> None:
    ended: set[str] = set()
    for seed in range(ROUNDS):
        rng = np.random.default_rng(seed)
        kept: list[object] = []

        def change(given: dlpack._DLTensor, rng: np.random.Generator = rng, kept: list[object] = kept) -> None:
            for _ in range(int(rng.integers(1, 3))):
                match int(rng.integers(9)):
                    case 0:
                        given.ndim = int(rng.choice([-(2**31), -1, 0, 1, 33, 65, 2**31 - 1]))
                    case 1:
                        given.shape = None
                    case 2:
                        # Each extent fits the memory, or can be told to be wrong.
                        row = (ctypes.c_int64 * 2)(
                            int(rng.choice([-7, 0, 1, 2, 2**60])), int(rng.choice([-1, 0, 1, 3]))
                        )
                        kept.append(row)
                        given.shape = ctypes.addressof(row)
                    case 3:
                        given.data = None
                    case 4:
                        row = (ctypes.c_int64 * 2)(2**62, -(2**62))
                        kept.append(row)
                        given.strides = ctypes.addressof(row)
                    case 5:
                        given.byte_offset = int(rng.choice([2**63, 2**62 + 8]))
                    case 6:
                        given.code = int(rng.integers(256))
                    case 7:
                        given.bits, given.lanes = int(rng.integers(65)), int(rng.integers(4))
                    case _:
                        given.device_type = int(rng.integers(-2, 20))
                if given.ndim > 2:
                    return

        copy = (None, True, False)[int(rng.integers(3))]
        try:
            lg.from_dlpack(Foreign(change), copy=copy).tolist()
            ended.add("tensor")
        except lg.LithographError as error:
            ended.add(type(error).__name__)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
    assert ended >= {"tensor", "SharingError", "DTypeError"}


@pytest.mark.parametrize(
    ("device", "capsule"),
    [(None, None), ((1,), None), ("cpu", None), ((1, 0), None), ((1, 0), b"dltensor"), ((1, 0), object()), ((2, 0), 7)],
)
def test_producers_that_give_no_capsule_are_refused(device: object, capsule: object) -> None:
    class Producer:
        def __dlpack_device__(self) -> object:
            return device

        def __dlpack__(self, **options: object) -> object:
            return capsule

    with pytest.raises(lg.LithographError):
        lg.from_dlpack(Producer())


def test_a_capsule_is_taken_once() -> None:
    class Producer:
        capsule = lg.tensor([1.0]).__dlpack__(max_version=(1, 0))

        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

        def __dlpack__(self, **options: object) -> object:
            return self.capsule

    assert lg.from_dlpack(Producer()).tolist() == [1.0]
    with pytest.raises(lg.LithographError, match="gave no capsule that is unused"):
        lg.from_dlpack(Producer())


def interfaces() -> list[dict[str, object]]:
    """Descriptions of memory as NumPy's protocol has them, most of them wrong in what can be told to be wrong."""
    room = np.arange(6.0)
    whole: dict[str, object] = {"data": (room.ctypes.data, True), "shape": (6,), "typestr": "<f8", "version": 3}
    changes: list[dict[str, object]] = [
        {}, {"shape": (-1,)}, {"shape": (2**40, 2**40)}, {"shape": "6"}, {"shape": None}, {"shape": (1.5,)},
        {"typestr": "<f3"}, {"typestr": "|O"}, {"typestr": 7}, {"typestr": "<U4"}, {"strides": (1, 2)},
        {"strides": "x"}, {"data": None}, {"data": (None, True)}, {"data": "x"}, {"data": ()}, {"data": ("0", True)},
        {"version": None}, {"descr": [("a", "<f8")]}, {"shape": ()}, {"shape": (0,)}, {"mask": 1}, {"offset": -1},
    ]  # fmt: skip
    return [{"kept": room, **whole, **c} for c in changes]


@pytest.mark.parametrize("call", [lg.asarray, lg.tensor, lambda x: lg.tensor([1.0]) + x, lg.sum], ids=range(4))
def test_descriptions_of_memory_end_in_designed_errors(call: Callable[[object], object]) -> None:
    for given in interfaces():
        for attribute in ("__array_interface__", "__array_struct__", "__array__", "__buffer__"):
            for others in ({}, {"__array__": lambda self, *args, **kwargs: np.ones(2)}):
                foreign = type("Foreign", (), {**others, attribute: given})()
                try:
                    repr(call(foreign))
                except lg.LithographError:
                    continue
