"""Short reductions written out term by term, so that vector lanes run along the results and what is made of them.

A row of three elements fills no vector, and what follows each row would be computed one by one.
"""

from __future__ import annotations

import itertools
import math
from typing import Final

from ..ir import dtypes
from ..ir.records import replace
from ..ir.scalar import Scalar, const, halved, iteration
from ..ir.work import MOST_WRITTEN
from .affine import affine, replaced
from .nest import CHEAP, Nest, Reduction
from .order import PRIMITIVE

_MOST_HEAVY: Final = 8
_WORK: Final = 10
"""So many operations on terms or results are worth more terms, whose elements lie apart in memory for the lanes."""


def written_out(nest: Nest) -> Nest:
    """The nest without its short reductions of known extents that vary with the last loop; it has the same bits."""
    chosen = _chosen(nest)
    if not chosen:
        return nest
    done: dict[Scalar, Scalar] = {}
    left: list[Reduction] = []
    for expr in nest.walk():
        if expr.prim == "reduce":
            r = nest.reduction(expr)
            r = replace(r, body=done[r.body])
            if expr in chosen:
                done[expr] = _terms(nest, r)
            else:
                left.append(r)
                done[expr] = Scalar("reduce", r.dtype, (), len(left) - 1)
            continue
        args = tuple([done[a] for a in expr.args])
        if expr.prim == "load":
            args = (affine(args[0]).scalar(),)
        done[expr] = expr if args == expr.args else Scalar(expr.prim, expr.dtype, args, expr.payload)
    stores = [
        replace(s, address=done[s.address], value=done[s.value], guard=None if s.guard is None else done[s.guard])
        for s in nest.stores
    ]
    gone = {i for expr in chosen for i in nest.reduction(expr).iters}
    extents = {i: e for i, e in nest.extents.items() if i not in gone}
    return replace(nest, extents=extents, stores=tuple(stores), reductions=tuple(left))


def _chosen(nest: Nest) -> set[Scalar]:
    if nest.scans:
        return set()
    found: set[Scalar] = set()
    most = _MOST_HEAVY if sum([e.prim not in CHEAP for e in nest.walk()]) >= _WORK else MOST_WRITTEN
    for expr in nest.walk():
        if expr.prim != "reduce":
            continue
        r = nest.reduction(expr)
        extents = [nest.extents[i] for i in r.iters]
        if r.combine not in PRIMITIVE or r.pairs or (nest.domain and len(nest.domain) - 1 not in nest.free(expr)):
            continue
        if all(isinstance(e, int) for e in extents) and 0 < math.prod(map(int, extents)) <= most:
            inside = _reductions(r.body)
            if all(i in found or nest.free(i).isdisjoint(r.iters) for i in inside):
                found.add(expr)
    return found


def _reductions(root: Scalar) -> set[Scalar]:
    """The reductions that an expression is made of, without those inside them."""
    seen: set[Scalar] = set()
    stack = [root]
    while stack:
        e = stack.pop()
        if e not in seen:
            seen.add(e)
            stack.extend(e.args)
    return {e for e in seen if e.prim == "reduce"}


def _terms(nest: Nest, r: Reduction) -> Scalar:
    places = [[const(dtypes.int64, k) for k in range(int(nest.extents[i]))] for i in r.iters]
    loops = [iteration(i) for i in r.iters]
    terms = [replaced(r.body, dict(zip(loops, place, strict=True))) for place in itertools.product(*places)]
    return halved(PRIMITIVE[r.combine], terms)
