"""Rows that put elements at computed places of an array: the first operand with some places changed.

Elements come in row-major order of the indices: of several that replace one place the last one stays, sums and products
are made in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast as typed

import numpy as np

from .. import dtypes
from ..array import Array
from ..attrs import Attrs, Axis, Indexing, intern
from ..batch_rules import Mapped, along, common_rank, numbered, ranked, spread, transpose
from ..dtypes import DType
from ..errors import DTypeError, ShapeError
from ..gradient import unbroadcast
from ..op import Infer, Op, Reader, Sample, Samples, Scatter, Target, VariadicVjp
from ..registry import OPS
from ..scalar import Scalar
from ..types import Extent, Shape, TensorType, broadcast_shapes, show_shape
from .creation import full, iota
from .gathering import along_samples, domain, gather_samples, legal, other, places_at, selection
from .logic import where
from .places import failure, integers, place, places
from .rows import quiet, values
from .segments import products_of_others
from .shapes import broadcast_to, reshape
from .slicing import fits, into

__all__: list[str] = []

_LARGEST = (1 << 63) - 1


def _domain(attrs: Attrs, types: tuple[TensorType, ...]) -> Shape:
    return domain(attrs, types, first=2)


def _type(name: str) -> Infer:
    def infer(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
        legal(name, types, attrs, first=2)
        fits(name, types[1], _domain(attrs, types))
        return types[0]

    return infer


def _at(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Target:
    return places_at(attrs, result.shape, index, operands[2:])


def _samples(low: float) -> Samples:
    def samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
        made: list[Sample] = []
        for k, ((x, *indices), attrs) in enumerate(gather_samples(rng, dtype)):
            shape = domain(attrs, tuple([TensorType(dtypes.from_numpy(i.dtype), i.shape) for i in (x, *indices)]))
            wanted = typed("tuple[int, ...]", shape[1:] if k % 2 else shape)
            made.append(((values(rng, dtype, x.shape, low), values(rng, dtype, wanted, low), *indices), attrs))
        return made

    return samples


Join = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _reference(join: Join) -> Callable[..., np.ndarray]:
    def reference(x: np.ndarray, updates: np.ndarray, *rest: np.ndarray | Indexing) -> np.ndarray:
        *indices, attrs = typed("tuple[np.ndarray, ...]", rest)
        a = typed(Indexing, attrs)
        result = np.array(x)
        rows = np.moveaxis(result, a.axes, range(len(a.axes)))
        common = np.broadcast_shapes(*[i.shape for i in indices])
        left = rows.shape[len(a.axes) :]
        wide = np.broadcast_to(updates, (*left[: a.at], *common, *left[a.at :]))
        given = np.moveaxis(wide, range(a.at, a.at + len(common)), range(len(common)))
        for (at, exists), row in zip(
            selection(x, indices, a), given.reshape(-1, *left) if given.size else (), strict=False
        ):
            if exists:
                rows[at] = join(rows[at], row)
        return result

    return reference


def _at_once(indices: list[Array]) -> bool:
    """Whether no place can be named twice."""
    return all(e == 1 for e in broadcast_shapes("index", *[i.shape for i in indices]))


def _put(x: Array, updates: Array | float, indices: list[Array], attrs: Attrs) -> Array:
    return OPS["scatter_set"].call(x, updates, *indices, attrs)


def _read(x: Array, indices: list[Array], attrs: Attrs) -> Array:
    return OPS["gather"].call(x, *indices, attrs)


def _last(x: Array, indices: list[Array], attrs: Indexing, wanted: Shape) -> Array:
    """For each element whether no later one replaced it; it broadcasts against the elements, of shape `wanted`."""
    common = broadcast_shapes("index", *[i.shape for i in indices])
    own = intern(Indexing(tuple(range(len(attrs.axes))), 0, attrs.mode))
    numbers = _numbers(common)
    space = full([x.shape[a] for a in attrs.axes], -1, dtype=dtypes.int64)
    kept = _read(_put(space, numbers, indices, own), indices, own)
    return reshape(kept == numbers, (*common, *(1,) * (len(wanted) - attrs.at - len(common))))


def _count(shape: Sequence[Extent]) -> Extent:
    count: Extent = 1
    for e in shape:
        count = count * e
    return count


def _numbers(shape: Shape) -> Array:
    return reshape(iota(_count(shape), dtypes.int64), shape)


def _set_vjp(g: Array, y: Array, operands: tuple[Array, ...], attrs: Attrs, i: int) -> Array:
    x, updates, *indices = operands
    a = typed(Indexing, attrs)
    if i == 0:
        return _put(g, 0.0, indices, a)
    found = _read(g, indices, a)
    if not _at_once(indices):
        found = where(_last(x, indices, a, found.shape), found, 0)
    return unbroadcast(found, updates.shape)


def _add_vjp(g: Array, y: Array, operands: tuple[Array, ...], attrs: Attrs, i: int) -> Array:
    return g if i == 0 else unbroadcast(_read(g, list(operands[2:]), attrs), operands[1].shape)


def _multiply_vjp(g: Array, y: Array, operands: tuple[Array, ...], attrs: Attrs, i: int) -> Array:
    x, updates, *indices = operands
    if i == 0:
        return OPS["scatter_multiply"].call(g, updates, *indices, attrs)
    if _at_once(indices):
        return unbroadcast(_read(g * x, indices, attrs), updates.shape)
    slope = _read(x, indices, attrs) * _others(x, updates, indices, typed(Indexing, attrs))
    return unbroadcast(_read(g, indices, attrs) * slope, updates.shape)


def _others(x: Array, updates: Array, indices: list[Array], attrs: Indexing) -> Array:
    """For each element that is put somewhere, the product of the others that are put at the same place."""
    common = broadcast_shapes("index", *[i.shape for i in indices])
    own = intern(Indexing(tuple(range(len(attrs.axes))), 0, attrs.mode))
    space, count = tuple([x.shape[a] for a in attrs.axes]), _count(common)
    wanted = domain(attrs, tuple([a._aval for a in (x, *indices)]))
    axes = tuple(range(attrs.at, attrs.at + len(common)))
    rest = tuple([k for k in range(len(wanted)) if k not in axes])
    factors = transpose(broadcast_to(updates, wanted), (*axes, *rest))
    rows = reshape(factors, (count, _count([wanted[k] for k in rest])))
    if attrs.mode == "drop":
        exists = reshape(_read(full(space, True), indices, own), (count, 1))
        rows = where(exists, rows, 1)
    groups = reshape(_read(_numbers(space), indices, own), (count,))
    found = reshape(products_of_others(rows, groups), factors.shape)
    return transpose(found, tuple([(*axes, *rest).index(k) for k in range(len(wanted))]))


def _divide_vjp(g: Array, y: Array, operands: tuple[Array, ...], attrs: Attrs, i: int) -> Array:
    _, updates, *indices = operands
    if i == 0:
        return OPS["scatter_divide"].call(g, updates, *indices, attrs)
    return unbroadcast(-(_read(g * y, indices, attrs) / updates), updates.shape)


def _extremum_vjp(g: Array, y: Array, operands: tuple[Array, ...], attrs: Attrs, i: int) -> Array:
    """Of equals the first one has the gradient, and what was there before is first of all."""
    x, updates, *indices = operands
    if i == 0:
        return where(x == y, g, 0)
    found, best = _read(g, indices, attrs), _read(y, indices, attrs)
    wins = (updates == best) & (_read(x, indices, attrs) != best)
    if not _at_once(indices):
        numbers = _numbers(found.shape)
        ranks = where(wins, numbers, _LARGEST)
        least = OPS["scatter_min"].call(full(x.shape, _LARGEST, dtype=dtypes.int64), ranks, *indices, attrs)
        wins = wins & (_read(least, indices, attrs) == numbers)
    return unbroadcast(where(wins, found, 0), updates.shape)


def _batch(op: Op, operands: tuple[Array, ...], mapped: Mapped, attrs: Attrs, extent: Extent) -> Array:
    (x, updates, *indices), a = operands, typed(Indexing, attrs)
    rank = common_rank(indices, mapped[2:])
    rest = x.ndim - mapped[0] - len(a.axes)
    x = spread(x, mapped[0], extent)
    if mapped[1]:
        updates = ranked(updates, rest + rank)
    axes = tuple([k + 1 for k in a.axes])
    if not any(mapped[2:]):
        return op.call(x, updates, *indices, intern(Indexing(axes, a.at + 1, a.mode)))
    # The axes of the indices go to the front, behind that of examples.
    missing = 1 + rest + rank - updates.ndim
    whole = reshape(updates, (*(1,) * missing, *updates._aval.shape))
    order = [0, *range(1 + a.at, 1 + a.at + rank), *range(1, 1 + a.at), *range(1 + a.at + rank, whole.ndim)]
    chosen = numbered(indices, mapped[2:], extent)
    return op.call(x, transpose(whole, order), *chosen, intern(Indexing((0, *axes), 0, a.mode)))


def _row(
    name: str, combine: str | None, join: Join, vjp: VariadicVjp, linear: tuple[int, ...] = (), low: float = -3.0
) -> Op:
    return Op(
        name,
        infer=_type(name),
        promote=into,
        reference=quiet(_reference(join)),
        lowering=Scatter(_domain, _at, combine),
        vjp=vjp,
        linear=linear,
        attrs=Indexing,
        failure=failure,
        samples=_samples(low),
        batch=_batch,
    )


def _bound(name: str) -> Join:
    row = OPS[name]
    return lambda a, b: row.evaluate((a, b), Attrs())


_set = _row("scatter_set", None, lambda a, b: b, _set_vjp, (0, 1))
_add = _row("scatter_add", "add", np.add, _add_vjp, (0, 1))
_multiply = _row("scatter_multiply", "multiply", np.multiply, _multiply_vjp, low=0.5)
_min = _row("scatter_min", "minimum", _bound("minimum"), _extremum_vjp)
_max = _row("scatter_max", "maximum", _bound("maximum"), _extremum_vjp)


def _divide_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    if not types[0].dtype.is_float:
        raise DTypeError(
            f"scatter_divide: a tensor of {types[0].dtype} cannot hold quotients; convert with astype(float32) first"
        )
    return _type("scatter_divide")(types, attrs)


def _divide_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    return _samples(0.5)(rng, dtype) if dtype.is_float else []


_divide = Op(
    "scatter_divide",
    infer=_divide_type,
    promote=into,
    reference=quiet(_reference(np.divide)),
    lowering=Scatter(_domain, _at, "divide"),
    vjp=_divide_vjp,
    attrs=Indexing,
    failure=failure,
    samples=_divide_samples,
    batch=_batch,
)


def _along_type(types: tuple[TensorType, ...], attrs: Attrs) -> TensorType:
    x, updates, indices = types
    axis = typed(Axis, attrs).axis
    integers("scatter_add_along_axis", indices.dtype)
    if updates.shape != indices.shape or other(x.shape, axis) != other(indices.shape, axis):
        raise ShapeError(
            "scatter_add_along_axis: updates and indices must have one shape, which matches "
            f"{show_shape(x.shape)} apart from axis {axis}, but they are {show_shape(updates.shape)} and "
            f"{show_shape(indices.shape)}"
        )
    return x


def _along_at(attrs: Attrs, result: TensorType, index: tuple[Scalar, ...], operands: tuple[Reader, ...]) -> Target:
    axis = typed(Axis, attrs).axis
    there, _ = place(operands[2].at(*index), result.shape[axis])
    return (*index[:axis], there, *index[axis + 1 :]), None


def _along_of(x: np.ndarray, updates: np.ndarray, indices: np.ndarray, attrs: Axis) -> np.ndarray:
    result = np.array(x)
    found = np.moveaxis(places(indices, (x, indices), attrs)[0], attrs.axis, 0)
    rows, given = np.moveaxis(result, attrs.axis, 0), np.moveaxis(updates, attrs.axis, 0)
    for where_, row in zip(found, given, strict=True):
        old = np.take_along_axis(rows, where_[None], axis=0)
        np.put_along_axis(rows, where_[None], old + row, axis=0)
    return result


def _along_samples(rng: np.random.Generator, dtype: DType) -> list[Sample]:
    return [
        ((x, values(rng, dtype, indices.shape), indices), attrs)
        for (x, indices), attrs in along_samples(rng, dtype)
    ]


_scatter_along: Op = Op(
    "scatter_add_along_axis",
    infer=_along_type,
    promote=into,
    reference=quiet(_along_of),
    lowering=Scatter(lambda attrs, types: types[2].shape, _along_at, "add"),
    vjp=(
        lambda g, y, x, u, i, attrs: g,
        lambda g, y, x, u, i, attrs: OPS["take_along_axis"].call(g, i, attrs),
        None,
    ),
    linear=(0, 1),
    attrs=Axis,
    failure=failure,
    samples=_along_samples,
    batch=along,
)
