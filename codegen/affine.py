"""Affine forms of index expressions, and the merging of loops that walk memory as one; it knows no op."""

from __future__ import annotations

from ..ir import dtypes
from ..ir.records import dataclass, replace
from ..ir.scalar import Scalar, const, extent, iteration
from ..ir.types import Dim, Extent
from .nest import Nest, Reduction

_ZERO = const(dtypes.int64, 0)


@dataclass(frozen=True, slots=True)
class Affine:
    """`sum(factor * iter) + sum(factor * term) + offset`; terms are expressions that are not affine themselves.

    Factors and the offset are extents: numbers, or polynomials of symbol sizes.
    """

    iters: dict[int, Extent]
    terms: dict[Scalar, Extent]
    offset: Extent

    def _combined(self, other: Affine, sign: int) -> Affine:
        iters, terms = dict(self.iters), dict(self.terms)
        for i, f in other.iters.items():
            iters[i] = iters.get(i, 0) + f * sign
        for t, f in other.terms.items():
            terms[t] = terms.get(t, 0) + f * sign
        return Affine(
            {i: f for i, f in iters.items() if f != 0},
            {t: f for t, f in terms.items() if f != 0},
            self.offset + other.offset * sign,
        )

    def _scaled(self, factor: Extent) -> Affine:
        if factor == 0:
            return Affine({}, {}, 0)
        return Affine(
            {i: f * factor for i, f in self.iters.items()},
            {t: f * factor for t, f in self.terms.items()},
            self.offset * factor,
        )

    def constant(self) -> Extent | None:
        """The value when it is the same at all points, else None."""
        return None if self.iters or self.terms else self.offset

    def scalar(self) -> Scalar:
        """The expression in one canonical form, so that equal addresses are the same object."""
        total: Scalar | None = None
        parts = [(iteration(i), f) for i, f in sorted(self.iters.items())] + list(self.terms.items())
        for part, factor in parts:
            term = part if factor == 1 else part * (factor if isinstance(factor, int) else extent(factor))
            total = term if total is None else total + term
        if total is None:
            return extent(self.offset)
        return total + extent(self.offset) if self.offset != 0 else total


def affine(expr: Scalar) -> Affine:
    """The affine form of an int64 expression."""
    if expr.prim == "const":
        assert isinstance(expr.payload, int)
        return Affine({}, {}, expr.payload)
    if expr.prim == "size":
        assert isinstance(expr.payload, str)
        return Affine({}, {}, Dim(expr.payload))
    if expr.prim == "iter":
        assert isinstance(expr.payload, int)
        return Affine({expr.payload: 1}, {}, 0)
    if expr.prim in ("add", "sub"):
        return affine(expr.args[0])._combined(affine(expr.args[1]), 1 if expr.prim == "add" else -1)
    if expr.prim == "neg":
        return affine(expr.args[0])._scaled(-1)
    if expr.prim == "mul":
        left, right = affine(expr.args[0]), affine(expr.args[1])
        for a, b in ((left, right), (right, left)):
            factor = b.constant()
            if factor is not None:
                return a._scaled(factor)
    return Affine({}, {expr: 1}, 0)


def rebuilt(nest: Nest, mapping: dict[Scalar, Scalar]) -> Nest:
    """The nest with expressions replaced; addresses are brought back to canonical form."""
    done: dict[Scalar, Scalar] = dict(mapping)
    reductions: list[Reduction] = list(nest.reductions)
    for expr in nest.walk():
        if expr in done:
            continue
        if expr.prim == "reduce":
            assert isinstance(expr.payload, int)
            r = reductions[expr.payload]
            reductions[expr.payload] = replace(r, body=done[r.body])
            done[expr] = expr
            continue
        args = tuple([done[a] for a in expr.args])
        if expr.prim == "load":
            args = (affine(args[0]).scalar(),)
        done[expr] = expr if args == expr.args else Scalar(expr.prim, expr.dtype, args, expr.payload)
    stores = tuple(
        replace(
            s,
            address=affine(done[s.address]).scalar(),
            value=done[s.value],
            guard=None if s.guard is None else done[s.guard],
        )
        for s in nest.stores
    )
    return replace(nest, stores=stores, reductions=tuple(reductions))


def renamed(root: Scalar, numbers: dict[int, int]) -> Scalar:
    """An expression with iteration variables replaced by others, addresses in canonical form."""
    return replaced(root, {iteration(old): iteration(new) for old, new in numbers.items()})


def replaced(root: Scalar, mapping: dict[Scalar, Scalar]) -> Scalar:
    """An expression with some in it replaced by others, addresses in canonical form."""
    done = dict(mapping)
    stack = [root]
    while stack:
        e = stack[-1]
        pending = [a for a in e.args if a not in done]
        if e in done or not pending:
            if e not in done:
                args = tuple([done[a] for a in e.args])
                args = (affine(args[0]).scalar(),) if e.prim == "load" else args
                done[e] = e if args == e.args else Scalar(e.prim, e.dtype, args, e.payload)
            stack.pop()
            continue
        stack.extend(pending)
    return done[root]


def _addresses(nest: Nest) -> list[Scalar]:
    return [e.args[0] for e in nest.walk() if e.prim == "load"] + [s.address for s in nest.stores]


def _bare_iters(nest: Nest, addresses: set[Scalar]) -> set[int]:
    """Iteration variables that are used as values, or inside the non-affine part of an address."""
    bare: set[int] = set()
    roots = [e for s in nest.stores for e in s.roots()[1:]] + [r.body for r in nest.reductions]
    for address in addresses:
        roots.extend(affine(address).terms)
    seen: set[Scalar] = set()
    while roots:
        expr = roots.pop()
        if expr in seen:
            continue
        seen.add(expr)
        if expr.prim == "iter":
            assert isinstance(expr.payload, int)
            bare.add(expr.payload)
        elif expr.prim == "load":
            continue
        roots.extend(expr.args)
    return bare


def coalesced(nest: Nest) -> Nest:
    """Merge neighbouring loops, of the domain and of each reduction, wherever all addresses walk them as one."""
    found = list(dict.fromkeys(_addresses(nest)))
    forms = [affine(a) for a in found]
    bare = _bare_iters(nest, set(found))
    extents = dict(nest.extents)
    replacement: dict[int, Affine] = {}

    def merge(group: tuple[int, ...]) -> tuple[int, ...]:
        kept: list[int] = []
        for i in group:
            if extents[i] == 1:
                replacement[i] = Affine({}, {}, 0)
                continue
            if kept and _mergeable(kept[-1], i):
                outer = kept.pop()
                extents[i] = extents[outer] * extents[i]
                replacement[outer] = Affine({}, {}, 0)
            kept.append(i)
        return tuple(kept)

    def _mergeable(outer: int, inner: int) -> bool:
        n = extents[inner]
        if outer in bare or inner in bare:
            return False
        return all(f.iters.get(outer, 0) == f.iters.get(inner, 0) * n for f in forms)

    loops = tuple(range(len(nest.domain)))
    domain = (*merge(loops[:-1]), loops[-1]) if nest.scans else merge(loops)
    groups = [merge(r.iters) for r in nest.reductions]
    if not replacement:
        return nest
    numbers = {old: new for new, old in enumerate(domain)}
    following = len(domain)
    for group in groups:
        for old in group:
            numbers[old] = following
            following += 1
    mapping: dict[Scalar, Scalar] = {iteration(i): _ZERO for i in replacement}
    mapping.update({iteration(old): iteration(new) for old, new in numbers.items()})
    moved = rebuilt(nest, mapping)
    return replace(
        moved,
        domain=tuple(extents[i] for i in domain),
        extents={numbers[i]: extents[i] for i in numbers},
        reductions=tuple(
            replace(r, iters=tuple(numbers[i] for i in g)) for r, g in zip(moved.reductions, groups, strict=True)
        ),
    )
