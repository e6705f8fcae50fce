"""Whether two graphs mean the same, on random inputs, and whether a text reads back; it knows no pass."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from .analysis import regions_first
from .dtypes import DType
from .errors import LithographError, VerifyError
from .fields import array_bits, static_type
from .graph import Graph
from .interpret import interpret
from .parse import parse
from .records import dataclass
from .same import difference
from .storage import convert
from .text import show
from .types import Dim

Results = list[np.ndarray] | type[Exception]
"""The results of a graph, or the class of the error that it ends in."""

_SPECIAL = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan)


def random_inputs(graph: Graph, seed: int) -> list[np.ndarray]:
    """Inputs for a graph: small numbers, among floats some infinities and nans; symbols get 1 to 4."""
    rng = np.random.default_rng(seed)
    sizes = {n: int(rng.integers(1, 5)) for n in _symbols(graph)}
    return [_random(rng, p.type.dtype, static_type(p.type, sizes).static_shape) for p in graph.params]


def _symbols(graph: Graph) -> list[str]:
    extents = [e for p in graph.params for e in p.type.shape if isinstance(e, Dim)]
    return sorted({n for e in extents for n in e.symbols})


def _random(rng: np.random.Generator, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
    if dtype.kind == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype.is_integer:
        low = 0 if dtype.kind == "uint" else -4
        return rng.integers(low, 6, shape).astype(dtype.numpy)
    if dtype.is_complex:
        real, imaginary = (_random(rng, dtype.real, shape) for _ in range(2))
        return np.asarray(real + 1j * np.where(np.isfinite(imaginary), imaginary, 0), dtype.numpy)
    array, special = rng.standard_normal(shape), rng.choice(np.array(_SPECIAL), shape)
    return convert(np.where(rng.random(shape) < 0.1, special, array), dtype)


def _tame(graph: Graph, seed: int) -> Iterator[list[np.ndarray]]:
    """Inputs at which checks tend to hold: indices that are in range, divisors that are not 0."""
    rng = np.random.default_rng(seed)
    for size in (3, 1):
        sizes = dict.fromkeys(_symbols(graph), size)
        types = [(p.type.dtype, static_type(p.type, sizes).static_shape) for p in graph.params]
        for low, high in ((1, 3), (0, 2), (1, 2), (0, 1)):
            yield [
                (rng.uniform(low, high, s) if d.is_float else rng.integers(low, high, s)).astype(d.numpy)
                for d, s in types
            ]


@dataclass(frozen=True, slots=True)
class Trial:
    """Inputs, and what a graph makes of them by its references."""

    inputs: list[np.ndarray]
    outcome: Results


def trials(graph: Graph, seed: int) -> list[Trial]:
    """A few runs of a graph, the first on `random_inputs(graph, seed)`.

    Where a check fails in the first, one more is on inputs at which none does, if such are found. A graph that may run
    for ever is not run.
    """
    if "while" in {node.op.name for g in regions_first(graph)[0] for node in g.nodes}:
        return []
    made = [Trial(x, outcome(graph, x)) for x in (random_inputs(graph, seed), random_inputs(graph, seed + 1))]
    if all(isinstance(t.outcome, type) for t in made):
        tame = (Trial(x, outcome(graph, x)) for x in _tame(graph, seed))
        made.extend(itertools.islice((t for t in tame if not isinstance(t.outcome, type)), 1))
    return made


def outcome(graph: Graph, inputs: Sequence[np.ndarray]) -> Results:
    """The results of a graph, or the class of the error that it ends in.

    At sizes that a trace excluded, references of NumPy may refuse in their own words, or give less than the type rule
    says: either is a ValueError then.
    """
    try:
        return interpret(graph, inputs)
    except (LithographError, IndexError, ValueError) as error:
        if not isinstance(error, LithographError) and not _symbols(graph):
            raise
        return ValueError if isinstance(error, VerifyError) and _symbols(graph) else type(error)


def mismatch(before: Graph, after: Graph, inputs: Sequence[np.ndarray]) -> str | None:
    """How the bits of the results of two graphs differ for the same inputs, in words; None if nowhere."""
    return outcome_difference(outcome(before, inputs), outcome(after, inputs))


def outcome_difference(a: Results, b: Results) -> str | None:
    """How the bits of two outcomes differ, in words; None if nowhere."""
    if any(isinstance(x, type) and not issubclass(x, LithographError) for x in (a, b)):
        return None  # The inputs are none that the graph is for.
    if isinstance(a, type) or isinstance(b, type):
        # Which of several failing checks is reported is open; that one is reported is not.
        return None if isinstance(a, type) and isinstance(b, type) else f"before {_said(a)}, after {_said(b)}"
    if len(a) != len(b):
        return f"before there are {len(a)} results, after {len(b)}"
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        found = array_difference(x, y)
        if found is not None:
            return f"result {i} {found}"
    return None


def array_difference(before: np.ndarray, after: np.ndarray) -> str | None:
    """How the bits of two arrays differ, in words; None if nowhere. A NaN equals any NaN."""
    if before.dtype != after.dtype or before.shape != after.shape:
        return f"was {before.dtype}{list(before.shape)} and is {after.dtype}{list(after.shape)}"
    if array_bits(before) == array_bits(after):
        return None
    at = next(k for k in np.ndindex(before.shape) if array_bits(before[k]) != array_bits(after[k]))
    return f"at {list(at)} was {before[at]!r} and is {after[at]!r}"


def floats_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many floats lie from one array to the other, elementwise, in ULPs; for other dtypes 0 or infinity.

    -0 and +0 are neighbours, two NaNs are equal, and a NaN is infinitely far from a number. Of complex numbers, it is
    the part that is further off.
    """
    if a.dtype.kind == "c":
        further: np.ndarray = np.maximum(floats_between(a.real, b.real), floats_between(a.imag, b.imag))
        return further
    if a.dtype.kind != "f":
        return np.where(a == b, 0.0, np.inf)
    bits = np.dtype(f"int{8 * a.dtype.itemsize}")
    ranks = []
    for x in (a, b):
        i = np.ascontiguousarray(x).view(bits).reshape(x.shape)
        # The bits of negative floats grow downwards.
        ranks.append(np.where(i < 0, bits.type(-1) - (i ^ np.iinfo(bits).min), i).astype(np.longdouble))
    far = np.abs(ranks[0] - ranks[1]).astype(np.float64)
    return np.where(np.isnan(a) & np.isnan(b), 0.0, np.where(np.isnan(a) != np.isnan(b), np.inf, far))


def _said(outcome: Results) -> str:
    return f"it raises {outcome.__name__}" if isinstance(outcome, type) else "it gives results"


def text_mismatch(graph: Graph) -> str | None:
    """How a graph differs from what its text reads back as; None when it does not."""
    constants: dict[str, np.ndarray] = {}
    text = show(graph, constants=constants)
    return difference(graph, parse(text, constants))
