"""The meaning of nests and programs, carried out by NumPy in the order that is stated: the oracle for schedules.

It knows neither schedules nor LLVM. A nest's expressions are evaluated by `ir/interpret_scalar.py`, float sums follow
order T8, the elements of stores that add come in row-major order. A program's steps run one after another, each
storage with memory of its own, so that what the buffer plan makes share memory cannot show here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, assert_never

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..ir import dtypes
from ..ir.attrs import NO_ATTRS
from ..ir.interpret_scalar import CheckFailed, evaluate
from ..ir.op import Combine
from ..ir.records import dataclass
from ..ir.reduction import pairs_in_order, product_in_order, sum_in_order
from ..ir.registry import OPS
from ..ir.scalar import Scalar, binary, iteration, load
from ..ir.types import Dim, Extent, Shape
from .mark import Mark
from .nest import Nest, Reduction, Store
from .plan import Kind, Storage
from .product_step import GemmStep, Matrix
from .program import Program
from .scalar_step import ScalarLoopStep
from .sort_step import SortStep
from .steps import CopyStep, HostStep, KernelStep, Step

_POINTS: Final = 1 << 17
"""Points of an expression that are evaluated at once, so that temporaries stay small."""


def run_nest(
    nest: Nest, buffers: Mapping[int, np.ndarray], sizes: Mapping[str, int] | None = None
) -> list[tuple[int, np.ndarray]]:
    """Carry out a nest on flat buffers by number, which its stores change; the addresses of each store.

    Args:
        nest: the kernel before scheduling.
        buffers: flat arrays of the nest's dtypes.
        sizes: per symbol its extent.

    Raises:
        CheckFailed: a check did not hold; what was stored by then is not said.
    """
    run = _Run(nest, buffers, sizes or {})
    for e in nest.walk():  # Arguments come before users, so a reduction inside another is known by then.
        if e.prim == "reduce":
            run.reduced[e] = run.reduction(e)
    domain = tuple(range(len(nest.domain)))
    if nest.scans:
        return [run.scan()]
    values = []
    for s in nest.stores:
        address, value = run.values(s.address, domain).reshape(-1), run.values(s.value, domain).reshape(-1)
        if s.guard is not None:
            kept = run.values(s.guard, domain).reshape(-1)
            address, value = address[kept], value[kept]
        values.append((address, value))
    for store, (address, value) in zip(nest.stores, values, strict=True):
        with np.errstate(all="ignore"):
            _put(store, buffers[store.buffer], address, value)
    return [(store.buffer, address) for store, (address, _) in zip(nest.stores, values, strict=True)]


def _put(store: Store, buffer: np.ndarray, address: np.ndarray, value: np.ndarray) -> None:
    """Store elements in row-major order: the first one for each place, then the second one for each, and so on."""
    order = np.argsort(address, kind="stable")
    places = address[order]
    first = np.searchsorted(places, places)
    turn = np.arange(places.size) - first
    for k in range(int(turn.max(initial=-1)) + 1):
        at = order[turn == k]
        new = value[at]
        if store.combine is not None:
            loads = (load(dtypes.from_numpy(new.dtype), b, (iteration(0),)) for b in (0, 1))
            new = evaluate(binary(store.combine, *loads), [np.arange(at.size)], [buffer[address[at]], new])
        buffer[address[at]] = new


class _Run:
    """One run of a nest.

    Attributes:
        step: the iteration of the last loop that a scan is at.
        reduced: what each reduction gives, with one axis for each iteration variable that it varies with, in order.
    """

    def __init__(self, nest: Nest, buffers: Mapping[int, np.ndarray], sizes: Mapping[str, int]) -> None:
        self.nest = nest
        self.buffers = buffers
        self.sizes = sizes
        self.reduced: dict[Scalar, np.ndarray] = {}
        self.step = 0

    def extent(self, number: int) -> int:
        extent: Extent = self.nest.extents[number]
        return extent.evaluate(self.sizes) if isinstance(extent, Dim) else extent

    def values(self, expr: Scalar, axes: tuple[int, ...]) -> np.ndarray:
        """An expression at all values of the iteration variables in `axes`, which become the axes of the result."""
        shape = tuple([self.extent(a) for a in axes])
        found = np.empty(shape, expr.dtype.numpy)
        if not shape:
            found[...] = self._at(expr, axes, None)
            return found
        longest = shape.index(max(shape))
        step = max(_POINTS * shape[longest] // max(math.prod(shape), 1), 1)
        for start in range(0, shape[longest], step) if found.size else ():
            part = slice(start, start + step)
            found[(slice(None),) * longest + (part,)] = self._at(expr, axes, (longest, part))
        return found

    def _at(self, expr: Scalar, axes: tuple[int, ...], part: tuple[int, slice] | None) -> np.ndarray:
        """An expression over all of `axes`, or over a part of one of them."""
        loops = [np.asarray(self.step) for _ in range(max(self.nest.extents, default=-1) + 1)]
        for k, number in enumerate(axes):
            steps = np.arange(self.extent(number))
            steps = steps[part[1]] if part is not None and part[0] == k else steps
            loops[number] = steps.reshape((-1,) + (1,) * (len(axes) - 1 - k))
        known: dict[Scalar, np.ndarray] = {}
        for e, value in self.reduced.items():
            free = self.nest.free(e)
            if free <= set(axes):
                order = np.argsort([axes.index(a) for a in sorted(free)])
                wide = value.transpose(order).reshape([self.extent(a) if a in free else 1 for a in axes])
                inside = part is not None and axes[part[0]] in free
                known[e] = wide[(slice(None),) * part[0] + (part[1],)] if part is not None and inside else wide
        return evaluate(expr, loops, self.buffers, self.sizes, known)

    def scan(self) -> tuple[int, np.ndarray]:
        """Carry out a nest with a scan, one iteration of its last loop at a time; its buffer, and the addresses."""
        (store,), kept = self.nest.stores, tuple(range(len(self.nest.domain) - 1))
        first, step = store.value.args
        addresses = []
        for k in range(self.extent(len(kept))):
            self.step = k
            addresses.append(self.values(store.address, kept))
            self.buffers[store.buffer][addresses[-1]] = self.values(step if self.step else first, kept)
        return store.buffer, np.array(addresses, np.int64)

    def reduction(self, expr: Scalar) -> np.ndarray:
        """What a reduction gives, when those inside it are known."""
        r = self.nest.reduction(expr)
        kept = tuple(sorted(self.nest.free(expr)))
        terms = self.values(r.body, (*kept, *r.iters))
        shape = terms.shape[: len(kept)]
        return combined(r, terms.reshape(*shape, math.prod(terms.shape[len(kept) :])))


def combined(r: Reduction, terms: np.ndarray) -> np.ndarray:
    """The reduction of the last axis."""
    axis = terms.ndim - 1
    match r.combine:
        case Combine.SUM | Combine.PROD:
            join, whole = (
                (np.add, sum_in_order) if r.combine is Combine.SUM else (np.multiply, product_in_order)
            )
            with np.errstate(all="ignore"):
                return pairs_in_order(terms, join) if r.pairs and r.dtype.is_float else whole(terms, (axis,))
        case Combine.ANY:
            return np.asarray(np.any(terms, axis=axis))
        case Combine.ALL:
            return np.asarray(np.all(terms, axis=axis))
        case Combine.MAX | Combine.MIN:
            return _extremum("maximum" if r.combine is Combine.MAX else "minimum", r, terms)
        case Combine.ARGMAX:
            return np.asarray(np.argmax(terms, axis=axis))
        case Combine.ARGMIN:
            return np.asarray(np.argmin(terms, axis=axis))


def _extremum(prim: str, r: Reduction, terms: np.ndarray) -> np.ndarray:
    """By halves, with the primitive, which orders zeros and keeps NaN as NumPy's reductions do not."""
    while terms.shape[-1] > 1:
        half = terms.shape[-1] // 2
        rest = terms[..., 2 * half :]
        sides = [np.ascontiguousarray(terms[..., :half]), np.ascontiguousarray(terms[..., half : 2 * half])]
        pair = binary(prim, load(r.dtype, 0, ()), load(r.dtype, 1, ()))
        terms = np.concatenate([evaluate(pair, (), sides), rest], axis=-1)
    return terms[..., 0]


class StepFailed(Exception):
    """A step whose check did not hold, or whose host function raised.

    Attributes:
        step: its number.
    """

    def __init__(self, step: int) -> None:
        super().__init__(f"step {step} failed")
        self.step = step


@dataclass(frozen=True, slots=True)
class Written:
    """What a step wrote to a storage: the flat storage after it, and which of its elements were written by now."""

    values: np.ndarray
    known: np.ndarray


def run_program(program: Program, inputs: Sequence[np.ndarray]) -> Iterator[tuple[int, dict[Storage, Written]]]:
    """Carry out a program step by step: after each, its number and what it wrote.

    Args:
        program: known extents.
        inputs: in the order of the graph's params.

    Raises:
        StepFailed: a check of a step did not hold, or the reference of a host step raised.
    """
    memory: dict[Storage, np.ndarray] = {}
    params = iter(inputs)
    constants = iter(program.constants)
    for s in program.storages:
        if s.kind is Kind.PARAM:
            memory[s] = np.array(next(params)).reshape(-1)
        elif s.kind is Kind.CONSTANT:
            memory[s] = np.array(next(constants)).reshape(-1)
        else:
            memory[s] = np.zeros(s.type.size, s.type.dtype.numpy)
    known = {s: np.zeros(s.type.size, np.bool_) for s in memory}
    for k, step in enumerate(program.steps):
        try:
            run_step(step, memory, known)
        except CheckFailed as error:
            raise StepFailed(k) from error
        except Exception as error:
            if not isinstance(step, HostStep):
                raise
            raise StepFailed(k) from error
        yield k, {s: Written(memory[s], known[s]) for s in step.use().writes}


def run_step(step: Step, memory: Mapping[Storage, np.ndarray], known: Mapping[Storage, np.ndarray]) -> None:
    """Carry out one step on flat memory, and note which elements are known; CheckFailed where a check does not hold."""
    if isinstance(step, KernelStep):
        for b, address in run_nest(step.nest, {b: memory[s] for b, s in step.storages.items()}):
            known[step.storages[b]][address] = True
        return
    for s in step.use().writes:
        known[s][...] = True
    match step:
        case GemmStep():
            left = _strided(step.a, memory, (step.m, step.k), step.batch)
            right = _strided(step.b, memory, (step.k, step.n), step.batch)
            memory[step.out][...] = OPS["matmul"].evaluate((left, right), NO_ATTRS).reshape(-1)
        case CopyStep():
            memory[step.to].view(np.uint8)[...] = memory[step.source].view(np.uint8)
        case SortStep():
            rows = memory[step.source].reshape(step.node.args[0].type.static_shape)
            memory[step.out][...] = step.node.op.evaluate([rows], step.node.attrs).reshape(-1)
        case HostStep():
            types = [a.type for a in step.node.args]
            operands = [memory[s].reshape(t.static_shape) for s, t in zip(step.reads, types, strict=True)]
            with np.errstate(all="ignore"):
                memory[step.out][...] = step.node.op.evaluate(operands, step.node.attrs).reshape(-1)
        case ScalarLoopStep() | Mark():
            raise ValueError("a program with loops or choices is not carried out step by step")
        case _:
            assert_never(step)


def _strided(
    matrix: Matrix, memory: Mapping[Storage, np.ndarray], shape: tuple[Extent, Extent], batch: Shape
) -> np.ndarray:
    flat = memory[matrix.storage][_known(matrix.offset) :]
    steps = [_known(s) * flat.itemsize for s in (*matrix.batch, matrix.row, matrix.column)]
    view = as_strided(flat, [_known(e) for e in (*batch, *shape)], steps, writeable=False)
    return np.array(view, order="C")


def _known(extent: Extent) -> int:
    assert isinstance(extent, int), "the program has known extents"
    return extent
