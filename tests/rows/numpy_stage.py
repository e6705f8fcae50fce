"""A stage that carries ops out by their references, so that rows are tested without any compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from lithograph.ir import dtypes
from lithograph.ir.array import Array
from lithograph.ir.attrs import Attrs
from lithograph.ir.gradient import Recording
from lithograph.ir.op import Op
from lithograph.ir.stage import current, entered
from lithograph.ir.types import TensorType


class Held(Array):
    """An array that holds an ndarray."""

    __slots__ = ("__weakref__", "_aval", "value")

    def __init__(self, value: np.ndarray) -> None:
        self.value = value
        self._aval = TensorType(dtypes.from_numpy(value.dtype), value.shape)

    def numpy(self) -> np.ndarray:
        """The values."""
        return self.value

    def __repr__(self) -> str:
        return f"Held({self.value!r})"


class NumPyStage:
    """References run at once; the type rule is held against what they return."""

    assumptions = None

    def lift(self, operand: Array | np.ndarray) -> Array:
        return operand if isinstance(operand, Array) else Held(operand)

    def constant(self, value: np.ndarray) -> Array:
        return Held(value)

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        made = Held(op.evaluate([numpy_of(a) for a in args], attrs))
        assert made._aval is result, (
            f"{op.name}: the type rule says {result}, the reference gives {made._aval}"
        )
        return made


def numpy_of(array: Array) -> np.ndarray:
    """The values of an array made under NumPyStage."""
    assert isinstance(array, Held)
    return array.value


@contextmanager
def numpy_stage() -> Iterator[NumPyStage]:
    """Enter a NumPyStage; native code, which may know an op from eager calls, is told of it."""
    stage = NumPyStage()
    with entered(stage):
        yield stage


def slopes(
    function: Callable[..., Array], seed: Callable[[Array], Array], wanted: Sequence[Array]
) -> list[Array | None]:
    """Cotangents of `wanted` under `function(*wanted)`, whose result's cotangent is `seed(result)`."""
    recording = Recording(current())
    with entered(recording):
        result = function(*wanted)
    return recording.gradients([result], [seed(result)], wanted)
