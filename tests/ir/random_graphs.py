"""Random graphs that are valid by construction: any rows of the op table, on operands they are defined on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from lithograph.ir import dtypes  # importing ops fills the op table
from lithograph.ir import ops as ops
from lithograph.ir.attrs import NO_ATTRS, Attrs, Axes, Axis, Cast, Permutation, ShapeOf, Slice
from lithograph.ir.builder import Builder, Traced
from lithograph.ir.dtypes import DType, from_numpy
from lithograph.ir.errors import LithographError
from lithograph.ir.graph import Graph, StateSlot, Value
from lithograph.ir.interpret import interpret
from lithograph.ir.loc import Loc
from lithograph.ir.op import Flags, Literal, Op, Pointwise, Structural
from lithograph.ir.registry import OPS
from lithograph.ir.storage import convert
from lithograph.ir.types import Dim, TensorType

SHAPES: Final = (
    (),
    (1,),
    (3,),
    (7,),
    (2, 3),
    (3, 1),
    (1, 5),
    (0,),
    (2, 0, 3),
    (2, 3, 4),
    (5, 3),
    (17,),
    (33, 2),
)
DTYPES: Final = (dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64, dtypes.bool_)
ALL_DTYPES: Final = tuple(dtypes.BY_NAME.values())
MOST_ELEMENTS: Final = 600
_SPECIAL: Final = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-42, 1.0)


@dataclass
class _Growth:
    """A graph that grows, with the value of everything in it."""

    rng: np.random.Generator
    builder: Builder
    dtypes: Sequence[DType]
    shapes: Sequence[tuple[int, ...]]
    most: int
    inputs: list[np.ndarray] = field(default_factory=list)
    pool: list[tuple[Traced, np.ndarray]] = field(default_factory=list)

    def param(self, value: np.ndarray) -> tuple[Traced, np.ndarray]:
        made = self.builder.param(TensorType(from_numpy(value.dtype), value.shape), f"x{len(self.inputs)}")
        self.inputs.append(value)
        self.pool.append((made, value))
        return made, value


def rows(kinds: Callable[[Op], bool] = lambda op: True) -> list[Op]:
    """The rows that random graphs are made of, by name: those with samples and without effects."""
    return [
        op
        for _, op in sorted(OPS.items())
        if op.samples is not None
        and not isinstance(op.lowering, Structural | Literal)
        and Flags.ORDERED not in op.flags
        and kinds(op)
    ]


def random_graph(
    rng: np.random.Generator,
    n_ops: int,
    dtypes: Sequence[DType] = DTYPES,
    *,
    table: Sequence[Op] | None = None,
    calls: bool = True,
    state: bool = False,
    shapes: Sequence[tuple[int, ...]] = SHAPES,
    most: int = MOST_ELEMENTS,
) -> tuple[Graph, list[np.ndarray]]:
    """A graph of about `n_ops` nodes, and inputs on which none of its checks fails.

    Args:
        rng: decides everything.
        n_ops: number of ops besides constants.
        dtypes: of the params; ops such as comparisons may lead to others.
        table: the rows to choose from; all by default.
        calls: whether some nodes are calls of graphs of their own.
        state: whether some params are state, with a new value of the same type or only read.
        shapes: of the params.
        most: the most elements of a value.
    """
    growth = _Growth(rng, Builder("random"), dtypes, shapes, most)
    for _ in range(int(rng.integers(1, 4))):
        growth.param(random_array(rng, dtypes[int(rng.integers(len(dtypes)))], _shape(growth)))
    _grow(growth, n_ops, table or rows(), calls)
    results = [traced for traced, _ in growth.pool if rng.random() < 0.2 or traced is growth.pool[-1][0]]
    graph = growth.builder.finish(results[-6:])
    return (_with_state(rng, graph) if state else graph), growth.inputs


def _with_state(rng: np.random.Generator, graph: Graph) -> Graph:
    """The graph with some of its params made state."""
    slots, results = [], list(graph.results)
    values = list(graph.values())
    for k, param in enumerate(graph.params):
        if rng.random() < 0.5:
            continue
        fitting = [v for v in values if v.type is param.type]
        if rng.random() < 0.2:
            slots.append(StateSlot(k, None, f"s{k}"))
            continue
        slots.append(StateSlot(k, len(results), f"s{k}"))
        results.append(fitting[int(rng.integers(len(fitting)))])
    return replace(graph, results=tuple(results), state=tuple(slots))


def symbolic(rng: np.random.Generator, graph: Graph) -> Graph | None:
    """The graph with a symbol for one extent, through its type rules; None where they need the number."""
    axes = [(p, k) for p in graph.params for k, e in enumerate(p.type.shape) if isinstance(e, int) and e > 1]
    if not axes or any(n.regions for n in graph.nodes):
        return None
    chosen, axis = axes[int(rng.integers(len(axes)))]
    builder = Builder(graph.name)
    known: dict[Value, Traced] = {}
    for p in graph.params:
        shape = [Dim("n") if p is chosen and k == axis else e for k, e in enumerate(p.type.shape)]
        known[p] = builder.param(TensorType(p.type.dtype, tuple(shape)), p.name)
    try:
        for node in graph.nodes:
            args = tuple([known[a] for a in node.args])
            type_ = node.op.result_type(tuple([a._aval for a in args]), node.attrs)
            known[node.result] = builder.emit(node.op, args, node.attrs, type_)
    except (LithographError, ValueError):
        return None
    made = builder.finish([known[r] for r in graph.results], graph.state)
    if any(s.result is not None and made.params[s.param].type is not made.results[s.result].type for s in made.state):
        return None
    return made if any(not v.type.is_static for n in made.nodes for v in n.results) else None


def random_array(rng: np.random.Generator, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
    """An array of small numbers; among floats some zeros, infinities, nans and denormals."""
    if dtype.kind == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype.is_integer:
        return rng.integers(0 if dtype.kind == "uint" else -5, 9, shape).astype(dtype.numpy)
    if dtype.is_complex:
        parts = [random_array(rng, dtype.real, shape) for _ in range(2)]
        return np.stack(parts, axis=-1).view(dtype.numpy)[..., 0]
    usual = rng.standard_normal(shape) * 2
    return convert(np.where(rng.random(shape) < 0.06, rng.choice(np.array(_SPECIAL), shape), usual), dtype)


def _shape(growth: _Growth) -> tuple[int, ...]:
    return growth.shapes[int(growth.rng.integers(len(growth.shapes)))]


def _grow(growth: _Growth, n_ops: int, table: Sequence[Op], calls: bool) -> None:
    rng = growth.rng
    for i in range(n_ops):
        place = ("random.py", i + 1, int(rng.integers(80)))
        growth.builder.loc = Loc(None, 0, None, place, gradient=bool(rng.random() < 0.1))
        if calls and rng.random() < 0.05:
            _call(growth, table)
            continue
        if rng.random() < 0.1:
            _constant(growth)
        for _ in range(8):
            if _apply(growth, table[int(rng.integers(len(table)))]):
                break


def _constant(growth: _Growth) -> None:
    dtype = growth.dtypes[int(growth.rng.integers(len(growth.dtypes)))]
    chosen = (0, 1, 2) if dtype.kind != "float" else (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, np.nan)
    value = convert(np.full((), chosen[growth.rng.integers(len(chosen))]), dtype)
    if growth.rng.random() < 0.2:
        value = random_array(growth.rng, dtype, _shape(growth))
    growth.pool.append((growth.builder.constant(value), value))


def _call(growth: _Growth, table: Sequence[Op]) -> None:
    rng, pool = growth.rng, growth.pool
    chosen = [pool[rng.integers(len(pool))] for _ in range(int(rng.integers(1, 4)))]
    inner = _Growth(rng, Builder("callee"), growth.dtypes, growth.shapes, growth.most)
    for _, value in chosen:
        inner.param(value)
    _grow(inner, int(rng.integers(1, 5)), table, calls=False)
    # What the callee needs besides the chosen values becomes a param of the caller as well.
    args = [traced for traced, _ in chosen] + [growth.param(v)[0] for v in inner.inputs[len(chosen) :]]
    region = inner.builder.finish([t for t, _ in inner.pool[-2:]])
    types = tuple([r.type for r in region.results])
    for _ in range(int(rng.integers(1, 3))):
        made = growth.builder.emit_region(OPS["call"], args, (region,), types)
        pool.extend(zip(made, interpret(region, inner.inputs), strict=True))


def _apply(growth: _Growth, op: Op) -> bool:
    """Append one node of this op; False when no operands were found on which it is defined."""
    for operands, attrs in _candidates(growth, op):
        values = [v for _, v in operands]
        types = tuple([t._aval for t, _ in operands])
        try:
            wanted = op.promote(op.name, types)
            if any(t.dtype is not d for t, d in zip(types, wanted, strict=True)):
                continue
            result = op.result_type(types, attrs)
            if not result.is_static or result.size > growth.most:
                continue
            with np.errstate(all="ignore"):
                value = np.asarray(op.evaluate(values, attrs), order="C")
        except (LithographError, IndexError, ValueError):
            continue
        assert value.dtype == result.dtype.numpy and value.shape == result.shape, f"{op.name}: {types} {attrs}"
        growth.pool.append((growth.builder.emit(op, tuple([t for t, _ in operands]), attrs, result), value))
        return True
    return False


def _candidates(growth: _Growth, op: Op) -> Iterator[tuple[list[tuple[Traced, np.ndarray]], Attrs]]:
    """Operands and attrs to try: values that are there first, the row's own samples last."""
    rng = growth.rng
    assert op.samples is not None
    dtype = growth.dtypes[int(rng.integers(len(growth.dtypes)))]
    samples = op.examples(rng, dtype)
    if not samples and rng.random() < 0.5:
        # A row that takes none of the graph's dtypes would never be met.
        others = [ALL_DTYPES[k] for k in rng.permutation(len(ALL_DTYPES))]
        samples = next((s for d in others if (s := op.examples(rng, d))), [])
    if not samples:
        return
    sample, attrs = samples[int(rng.integers(len(samples)))]
    sample, attrs = _small(samples, sample, attrs)
    for _ in range(6):
        operands = [_like(growth, x, loose=isinstance(op.lowering, Pointwise)) for x in sample]
        if all(o is not None for o in operands):
            found = [o for o in operands if o is not None]
            yield found, _attrs(rng, attrs, found[0][1].shape if found else ())
            yield found, attrs
    if any(x.size > MOST_ELEMENTS for x in sample):
        return
    yield [_like(growth, x, exact=True) or growth.param(np.ascontiguousarray(x)) for x in sample], attrs


def _small(
    samples: Sequence[tuple[tuple[np.ndarray, ...], Attrs]], sample: tuple[np.ndarray, ...], attrs: Attrs
) -> tuple[tuple[np.ndarray, ...], Attrs]:
    if all(x.size <= MOST_ELEMENTS for x in sample):
        return sample, attrs
    return next(((s, a) for s, a in samples if all(x.size <= MOST_ELEMENTS for x in s)), (sample, attrs))


def _like(
    growth: _Growth, sample: np.ndarray, *, loose: bool = True, exact: bool = False
) -> tuple[Traced, np.ndarray] | None:
    """A value with the dtype of a sample; the very same when `exact`, mostly of its rank unless `loose`."""
    fitting = [
        (t, v)
        for t, v in growth.pool
        if v.dtype == sample.dtype
        and (not exact or (v.shape == sample.shape and np.array_equal(v, sample)))
        and (loose or exact or v.ndim == sample.ndim or growth.rng.random() < 0.3)
    ]
    return fitting[growth.rng.integers(len(fitting))] if fitting else None


def _attrs(rng: np.random.Generator, sample: Attrs, shape: tuple[int, ...]) -> Attrs:
    """Attrs of the class of a sample that suit a shape, as far as the class is known here."""
    axes = list(range(len(shape)))
    match sample:
        case Axis() if axes:
            return Axis(int(rng.integers(len(shape))))
        case Axes():
            return Axes(tuple([a for a in axes if rng.random() < 0.6]), bool(rng.random() < 0.5))
        case Permutation():
            return Permutation(tuple(int(i) for i in rng.permutation(len(shape))))
        case ShapeOf():
            return ShapeOf(_reshaped(rng, shape))
        case Cast():
            return Cast(DTYPES[rng.integers(len(DTYPES))])
        case Slice() if axes:
            return _slice(rng, shape)
        case _:
            return sample if type(sample) is not type(NO_ATTRS) else NO_ATTRS


def _reshaped(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape with as many elements, or one that this shape broadcasts to."""
    match rng.integers(4):
        case 0:
            return (int(np.prod(shape)),)
        case 1:
            return (1, *shape)
        case 2:
            return (2, *[3 if s == 1 else s for s in shape])
        case _:
            return tuple(int(s) for s in rng.permutation(shape)) if shape else (1,)


def _slice(rng: np.random.Generator, shape: tuple[int, ...]) -> Slice:
    starts, steps, extents = [], [], []
    for s in shape:
        start = int(rng.integers(0, s)) if s else 0
        step = int(rng.choice([1, 1, 2, -1]))
        room = 0 if not s else (start // -step + 1 if step < 0 else (s - start + step - 1) // step)
        starts.append(start)
        steps.append(step)
        extents.append(int(rng.integers(0, room + 1)) if rng.random() < 0.5 else room)
    return Slice(tuple(starts), tuple(steps), tuple(extents))
