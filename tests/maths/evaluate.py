"""Functions of scalars run over arrays by native code of any vector width, for tests and benchmarks."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from lithograph.codegen import jit, target
from lithograph.codegen.body import Body
from lithograph.codegen.instructions import emit, from_memory, llvm_type, to_memory
from lithograph.ir import dtypes, scalar
from lithograph.ir.dtypes import DType
from lithograph.ir.scalar import Scalar

Meaning = Callable[..., Scalar | tuple[Scalar, ...]]


class Elementwise:
    """A compiled loop over equally long one-dimensional arrays.

    Attributes:
        lanes: vector width, 0 for scalar code.
        text: its LLVM assembly.
    """

    def __init__(self, meaning: Meaning, *inputs: DType, lanes: int = 0) -> None:
        loads = [scalar.load(d, k, (scalar.iteration(0),)) for k, d in enumerate(inputs)]
        found = meaning(*loads)
        self.results = found if isinstance(found, tuple) else (found,)
        self.inputs = inputs
        self.lanes = lanes
        self.text = _text(self.results, inputs, lanes)
        self._library = jit.load(self.text, ["elementwise"])
        count = len(self.results) + len(inputs)
        prototype = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * count)
        self.native = prototype(self._library["elementwise"])

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        """The first result, elementwise."""
        return self.all(*arrays)[0]

    def all(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """Every result, elementwise; arrays are padded with their last element to whole vectors."""
        size = arrays[0].size
        padding = -size % max(1, self.lanes)
        given = [np.pad(a, (0, padding), mode="edge") for a in arrays]
        for a, d in zip(given, self.inputs, strict=True):
            assert a.dtype == d.numpy and a.shape == given[0].shape
        outs = [np.empty(size + padding, r.dtype.numpy) for r in self.results]
        self.native(size + padding, *[a.ctypes.data for a in [*outs, *given]])
        return [out[:size] for out in outs]


def _text(results: tuple[Scalar, ...], inputs: tuple[DType, ...], lanes: int) -> str:
    body = Body()
    count = len(results)
    with body.loop(0, "%n", max(1, lanes)) as loop:
        known: dict[Scalar, str] = {}
        for k, result in enumerate(results):
            value = to_memory(
                body, result.dtype, _value(body, result, known, count, loop.index, lanes), lanes
            )
            _memory(body, k, result.dtype, loop.index, lanes, value)
    body.emit("ret void")
    pointers = ", ".join(f"ptr noalias %b{k}" for k in range(count + len(inputs)))
    declares = "\n".join(body.declares)
    width = ' "prefer-vector-width"="512"' if target.host().vector_bytes == 64 else ""
    function = body.function(f"void @elementwise(i64 %n, {pointers})", "#0")
    return f"{declares}\n{function}attributes #0 = {{ nounwind{width} }}\n"


def _memory(body: Body, number: int, dtype: DType, index: str, lanes: int, stored: str | None = None) -> str:
    place = body.assign(f"getelementptr {llvm_type(dtype, 0, True)}, ptr %b{number}, i64 {index}")
    if stored is None:
        return body.assign(f"load {llvm_type(dtype, lanes, True)}, ptr {place}, align {dtype.itemsize}")
    body.emit(f"store {llvm_type(dtype, lanes, True)} {stored}, ptr {place}, align {dtype.itemsize}")
    return stored


def _value(body: Body, x: Scalar, known: dict[Scalar, str], first: int, index: str, lanes: int) -> str:
    stack = [x]
    while stack:
        top = stack[-1]
        missing = [a for a in top.args if a not in known and top.prim != "load"]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if top in known:
            continue
        if top.prim == "load":
            assert isinstance(top.payload, int)
            raw = _memory(body, first + top.payload, top.dtype, index, lanes)
            known[top] = from_memory(body, top.dtype, raw, lanes)
            continue
        args = [known[a] for a in top.args]
        known[top] = emit(body, top.prim, top.dtype, [a.dtype for a in top.args], args, lanes, top.payload)
    return known[x]


def edges(dtype: DType) -> np.ndarray:
    """Values at which the arithmetic of `dtype` does something special."""
    if dtype is dtypes.bool_:
        return np.array([False, True])
    if dtype.is_integer:
        info = np.iinfo(dtype.name)
        near = [
            info.min,
            info.min + 1,
            info.max,
            info.max - 1,
            0,
            1,
            2,
            3,
            7,
            8,
            15,
            16,
            31,
            32,
            33,
            63,
            64,
            65,
            100,
        ]
        if dtype.kind == "int":
            near += [-1, -2, -3, -7, -8, -32, -64]
        return np.array(sorted({v for v in near if info.min <= v <= info.max}), dtype.numpy)
    limits = np.finfo(dtype.name)
    magnitudes = [
        0.0,
        limits.smallest_subnormal,
        limits.tiny,
        np.nextafter(limits.tiny, 0, dtype=dtype.numpy),
        limits.eps,
        0.5,
        1.0,
        np.nextafter(dtype.numpy.type(1), 2),
        np.nextafter(dtype.numpy.type(1), 0),
        1.5,
        2.0,
        2.5,
        3.0,
        3.5,
        127.5,
        128.0,
        255.0,
        256.0,
        32768.0,
        65536.0,
        2.0**31,
        2.0**32,
        2.0**63,
        2.0**64,
        8388609.0,
        1e10,
        limits.max,
        np.inf,
    ]
    half = np.array(magnitudes, dtype.numpy)
    below = np.nextafter(half[:-1], dtype.numpy.type(0))
    return np.concatenate([half, -half, below, -below, np.array([np.nan], dtype.numpy)])


def bits(x: np.ndarray) -> np.ndarray:
    """An array's bits, all NaNs made one."""
    if x.dtype.kind != "f":
        return x
    return np.where(np.isnan(x), np.array(np.nan, x.dtype), x).view(f"u{x.dtype.itemsize}")
