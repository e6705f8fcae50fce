"""Running a graph natively on NumPy arrays, for tools that have no Python function: no cache, no dispatch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir import dtypes
from ..ir.errors import StateError
from ..ir.graph import Graph
from ..ir.interpret import bind_sizes
from ..ir.records import replace
from ..ir.types import TensorType
from .compile import build
from .core import Dispatcher, Tensor, as_ndarray
from .executable import Executable
from .record import BuildOutput, BuildTuple, MatchArray


def run(executable: Executable, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The results of one native call of a program without state.

    Raises:
        StateError: the arrays are not of the types that the program was made for, or it has state.
        LithographError: what the program's checks say.
    """
    types = [TensorType(dtypes.from_numpy(a.dtype), a.shape) for a in arrays]
    if executable.state:
        raise StateError(f"{executable.name} has state, which only a traced function can supply")
    record = executable.record(
        tuple([MatchArray(k, t, executable.params[k]) for k, t in enumerate(types)]),
        (*(BuildOutput(r) for r in executable.results), BuildTuple(len(executable.results))),
        len(arrays),
    )

    def refuse(*given: object) -> object:
        raise StateError(f"{executable.name} takes {', '.join(map(str, types))}")

    dispatcher = Dispatcher(refuse)
    dispatcher.install(record)
    made = dispatcher(*[np.require(a, requirements=["C", "A"]) for a in arrays])
    assert isinstance(made, tuple)
    return [as_ndarray(t) for t in made if isinstance(t, Tensor)]


def execute(graph: Graph, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Compile a graph and run it once; state enters and leaves as further arrays.

    Raises:
        ArgumentError, DTypeError, ShapeError: the arrays do not fit the graph's params.
        LithographError: what the program's checks say.
    """
    bind_sizes(graph, arrays)
    return run(build(replace(graph, state=())), arrays)
