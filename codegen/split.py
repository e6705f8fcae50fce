"""Cutting a long reduction to a single value into parts that threads can share; the order of its sum stays the same."""

from __future__ import annotations

from ..ir import dtypes
from ..ir.op import Combine
from ..ir.records import replace
from ..ir.scalar import Scalar, const, iteration, load
from .affine import rebuilt
from .nest import Nest, Reduction, Store
from .order import CHUNK

_POSITIONS = (Combine.ARGMAX, Combine.ARGMIN)


def split(nest: Nest, buffer: int) -> tuple[Nest, ...]:
    """Nests that together do what one does, run in order; the nest alone when there is nothing to share.

    Args:
        nest: a nest with an empty domain and one long reduction is cut at the chunks of order T8.
        buffer: number of a new buffer of the reduction's dtype, with a place for each chunk.
    """
    if nest.domain or len(nest.reductions) != 1:
        return (nest,)
    (r,) = nest.reductions
    size = nest.extents[r.iters[0]] if len(r.iters) == 1 else 0
    if r.combine in _POSITIONS or not isinstance(size, int) or size < 2 * CHUNK:
        return (nest,)
    whole, rest = divmod(size, CHUNK)
    total = Scalar("reduce", r.dtype, (), 0)
    kinds = {b: d for b, d in nest.dtypes.items() if any(e.payload == b for e in nest.walk() if e.prim == "load")}
    kinds[buffer] = r.dtype
    parts = []
    for start, chunks, extent in ((0, whole, CHUNK), (whole, 1 if rest else 0, rest)):
        if chunks:
            place = (iteration(0) if chunks > 1 else const(dtypes.int64, 0)) + start
            store = Store(buffer, const(dtypes.int64, 0), total)
            old = Nest(nest.name, (chunks,), {0: chunks, 1: extent}, (store,), (r,), kinds)
            moved = rebuilt(old, {iteration(r.iters[0]): iteration(1) + place * CHUNK})
            parts.append(
                replace(
                    moved,
                    stores=(replace(store, address=place),),
                    reductions=(replace(moved.reductions[0], iters=(1,)),),
                )
            )
    count = whole + (1 if rest else 0)
    joined = Reduction(r.combine, (0,), load(r.dtype, buffer, (iteration(0),)), r.dtype, pairs=True)
    last = replace(nest, extents={0: count}, reductions=(joined,), dtypes={**nest.dtypes, **kinds})
    return (*parts, last)


def chunk_count(nest: Nest) -> int:
    """Places that the new buffer needs."""
    size = nest.extents[nest.reductions[0].iters[0]]
    assert isinstance(size, int)
    return -(-size // CHUNK)
