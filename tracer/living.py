"""Which tensors and variables are alive, and the lines that made them; it keeps none of them alive."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from ..ir.array import Array
from ..ir.dtypes import DType
from ..ir.errors import StateError
from ..ir.loc import Loc, here
from ..ir.records import dataclass
from ..ir.stage import located
from ..ir.types import Shape, TensorType
from ..runtime.variable import Variable
from ..runtime.watching import watched, watchers


@dataclass(frozen=True, slots=True)
class LiveTensor:
    """A tensor or variable that is alive.

    Attributes:
        dtype, shape, nbytes: of it; a tensor that shares memory with another counts all of it too.
        name: of a variable; None for a tensor.
        file, line: the place in the user's program that made it.
    """

    dtype: DType
    shape: Shape
    nbytes: int
    name: str | None
    file: str
    line: int

    def __str__(self) -> str:
        named = "" if self.name is None else f"  {self.name!r}"
        return f"{TensorType(self.dtype, self.shape)}  {self.nbytes} bytes{named}  {self.file}:{self.line}"


class LiveTensors:
    """Notes tensors and variables as they are made inside its `with` block, and says which of them are alive.

    Iterating over it gives a `LiveTensor` for each that is alive now, in the order in which they were made; `len`
    counts them, and its text is a line for each. That may also be asked after the block: what is alive then, and was
    to be gone, is a leak.
    """

    def __init__(self) -> None:
        self._made: dict[int, tuple[weakref.ref[Array], Loc]] = {}
        self._watching: AbstractContextManager[None] | None = None

    @located
    def __enter__(self) -> LiveTensors:
        if self._watching is not None:
            raise StateError("this live_tensors() is watching already; call it anew for a block inside")
        self._watching = watched([*watchers(), self])
        self._watching.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        block, self._watching = self._watching, None
        if block is not None:
            # Told of the error, it would raise it anew, with frames of ours.
            block.__exit__(None, None, None)

    def made(self, array: Array) -> None:
        """Note it, and the user's line."""
        key, made = id(array), self._made
        made[key] = weakref.ref(array, lambda _: made.pop(key, None)), here()

    def ran(self, name: str, inputs: Sequence[Array], outputs: Sequence[Array], seconds: float) -> None:
        """Nothing: outputs are told of one by one."""

    def __iter__(self) -> Iterator[LiveTensor]:
        found: list[LiveTensor] = []
        for known, loc in list(self._made.values()):
            array = known()
            if array is not None and not array.is_disposed:
                name = array.name if isinstance(array, Variable) else None
                file, line, _ = loc.position
                found.append(LiveTensor(array.dtype, array.shape, array.nbytes, name, file, line))
        return iter(found)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        lines = [str(t) for t in self]
        return "\n  ".join([f"{len(lines)} tensor{'s' * (len(lines) != 1)} alive", *lines])


def live_tensors() -> LiveTensors:
    """Which of the tensors and variables that a block makes are alive, with the lines that made them.

    `with lg.debug.live_tensors() as alive:` notes what is made in the block: results of ops and of compiled functions,
    new tensors, variables. `print(alive)`, `len(alive)` and `for t in alive` tell of what is alive then, in the
    block or after it. Nothing is kept alive by it. What other threads make is not noted. Inside the block all calls
    take the Python path, as in `tidy`; outside, it costs nothing.

    Returns:
        What the block is entered with, and asked; see `LiveTensors`.
    """
    return LiveTensors()
