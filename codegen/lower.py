"""From a region to a nest: each value's element becomes a scalar expression over the iteration variables.

Producers are evaluated where their consumers read them, so a chain of ops becomes one expression. Buffers are numbered
by the caller, and may be strided views.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..ir import dtypes
from ..ir.attrs import Axes, Constant
from ..ir.dtypes import DType
from ..ir.graph import Node, Value
from ..ir.halves import single, single_attrs, single_type
from ..ir.op import Alias, Combine, Element, Flags, Literal, Pointwise, Reader, Reduce
from ..ir.records import dataclass, replace
from ..ir.scalar import Number, Scalar, binary, cast, const, extent, iteration, load
from ..ir.storage import convert, readable
from ..ir.types import Extent, Shape
from .affine import affine, coalesced, rebuilt
from .nest import Nest, Reduction, Store
from .written import written_out

_ZERO = const(dtypes.int64, 0)
_POSITIONS = (Combine.ARGMAX, Combine.ARGMIN)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a value lies: element `offset + sum(index * stride)` of a buffer."""

    buffer: int
    strides: tuple[Extent, ...]
    offset: Extent = 0

    def address(self, index: tuple[Scalar, ...]) -> Scalar:
        """The element offset of an index, in canonical form."""
        total = extent(self.offset)
        for i, stride in zip(index, self.strides, strict=True):
            total = total + (i * stride if isinstance(stride, int) else i * extent(stride))
        return affine(total).scalar()


@dataclass(frozen=True, slots=True)
class Check:
    """A place in a kernel that may fail: the check's number and the node it belongs to."""

    number: int
    node: Node


def contiguous(shape: Shape) -> tuple[Extent, ...]:
    """Row-major strides in elements."""
    strides: list[Extent] = []
    step: Extent = 1
    for e in reversed(shape):
        strides.append(step)
        step = step * e
    return tuple(reversed(strides))


class Lowering:
    """Evaluates values of a graph as scalar expressions.

    Attributes:
        layouts: the values that lie in buffers and are loaded from there.
        checks: the places that may fail, as `check` scalars number them.
    """

    def __init__(self, layouts: Mapping[Value, Layout], rank: int) -> None:
        self.layouts = layouts
        self.reductions: list[Reduction] = []
        self.extents: dict[int, Extent] = {}
        self.checks: list[Check] = []
        self._next = rank
        self._memo: dict[tuple[Value, tuple[Scalar, ...]], Scalar] = {}
        self._numbered: dict[Scalar, Scalar] = {}
        self._same: dict[Value, Value] = {}

    def at(self, value: Value, index: tuple[Scalar, ...]) -> Scalar:
        """The element of `value` at `index`; half precision as the float32 that holds it."""
        stack = [(value, index)]
        while stack:
            key = stack[-1]
            if key in self._memo:
                stack.pop()
                continue
            pending = [k for k in self._operands(*key) if k not in self._memo]
            if pending:
                stack.extend(pending)
                continue
            self._memo[key] = self._widened(self._element(*key), key[0].type.dtype)
            stack.pop()
        return self._memo[(value, index)]

    def know(self, value: Value, number: Scalar) -> None:
        """Say what a 0-d value is, in the dtype that it is computed in."""
        self._memo[(value, ())] = number

    def substitute(self, values: Sequence[Value], others: Sequence[Value]) -> None:
        """Say that values are others, which are known here."""
        self._same.update(zip(values, others, strict=True))

    def layout(self, value: Value) -> Layout:
        """Where a value lies that is in a buffer."""
        while value in self._same:
            value = self._same[value]
        return self.layouts[value]

    def stored(self, value: Value, index: tuple[Scalar, ...]) -> Scalar:
        """The element of `value` at `index` in its own dtype, as memory holds it."""
        return _narrowed(self.at(value, index), value.type.dtype)

    def _widened(self, made: Scalar, dtype: DType) -> Scalar:
        if not dtype.is_half:
            return made
        return made if _fits(made, dtype) else cast(_narrowed(made, dtype), dtypes.float32)

    def _operands(self, value: Value, index: tuple[Scalar, ...]) -> list[tuple[Value, tuple[Scalar, ...]]]:
        """What a pointwise value reads, so that long chains are walked without recursion."""
        if value in self._same:
            return [(self._same[value], index)]
        node = value.node
        if value in self.layouts or node is None or not isinstance(node.op.lowering, Pointwise):
            return []
        return [(a, _broadcast(a.type.shape, index)) for a in node.args]

    def _element(self, value: Value, index: tuple[Scalar, ...]) -> Scalar:
        if value in self._same:
            return self._memo[(self._same[value], index)]
        layout = self.layouts.get(value)
        if layout is not None:
            return load(value.type.dtype, layout.buffer, (layout.address(index),))
        node = value.node
        assert node is not None, "a param without a layout"
        attrs = single_attrs(node.attrs) if value.type.dtype.is_half else node.attrs
        match node.op.lowering:
            case Pointwise(body, converts):
                operands = [self._memo[(a, _broadcast(a.type.shape, index))] for a in node.args]
                told = node.attrs if converts else attrs
                made = body(*operands, told) if node.op.attrs else body(*operands)
            case Element(function):
                result = single_type(value.type)
                if Flags.CHECKED in node.flags:
                    return self._checked(node, lambda readers: function(attrs, result, index, readers))
                made = function(attrs, result, index, tuple([self.reader(a) for a in node.args]))
            case Alias():
                (source,) = node.args
                made = self.at(source, reshaped(value.type.shape, source.type.shape, index))
            case Literal():
                assert isinstance(node.attrs, Constant)
                made = const(single(value.type.dtype), _item(node.attrs))
            case Reduce(combine, of):
                made = self._reduction(node, combine, of, index)
            case other:
                raise ValueError(f"{node.op.name} ({other}) has no element form")
        wanted = value.type.dtype
        fits = made.dtype is wanted or made.dtype is single(wanted)
        assert fits, f"{node.op.name}: body gives {made.dtype}, type rule {wanted}"
        return self.with_checks(made, node) if Flags.CHECKED in node.flags else made

    def reader(self, value: Value) -> Reader:
        """An operand as rows see it."""
        return Reader(single_type(value.type), lambda *index: self.at(value, _broadcast(value.type.shape, index)))

    def _checked(self, node: Node, element: Callable[[tuple[Reader, ...]], Scalar]) -> Scalar:
        """The element of an op that checks the indices it reads at.

        An operand may not vary with an index, as what is broadcast does not; the check is made all the same.
        """
        given: dict[Scalar, None] = {}

        def reader(value: Value) -> Reader:
            def at(*places: Scalar) -> Scalar:
                # Numbered before the operand sees them, so that a checked operand does not count them as its own.
                own = [self.with_checks(p, node) for p in places]
                given.update(dict.fromkeys([p for p in own if p.prim == "check"]))
                return self.at(value, _broadcast(value.type.shape, own))

            return Reader(single_type(value.type), at)

        made = self.with_checks(element(tuple([reader(a) for a in node.args])), node)
        lost = given.keys() - self._reached(made) if given else ()
        for place in [p for p in given if p in lost]:
            made = Scalar("check", made.dtype, (made, *place.args[1:]), place.payload)
        return made

    def _reached(self, root: Scalar) -> set[Scalar]:
        seen: set[Scalar] = set()
        stack = [root]
        while stack:
            e = stack.pop()
            if e not in seen:
                seen.add(e)
                stack.extend(e.args)
                if e.prim == "reduce":
                    assert isinstance(e.payload, int)
                    stack.append(self.reductions[e.payload].body)
        return seen

    def _reduction(
        self, node: Node, combine: Combine, of: Callable[[Scalar], Scalar] | None, index: tuple[Scalar, ...]
    ) -> Scalar:
        (source,) = node.args
        assert isinstance(node.attrs, Axes)
        axes = node.attrs.axes
        iters: list[int] = []
        kept = iter(index)
        inner: list[Scalar] = []
        for axis, size in enumerate(source.type.shape):
            if axis in axes:
                if node.attrs.keepdims:
                    next(kept)
                if size == 1:
                    inner.append(_ZERO)
                    continue
                self.extents[self._next] = size
                inner.append(iteration(self._next))
                iters.append(self._next)
                self._next += 1
            else:
                inner.append(next(kept))
        element = self.at(source, tuple(inner))
        body = element if of is None else of(element)
        # Half precision is reduced in float32 and rounded once, at the end.
        result = single(node.result.type.dtype)
        if combine not in _POSITIONS:
            body = cast(body, result)
        if not iters:
            return const(result, 0) if combine in _POSITIONS else body
        number = len(self.reductions)
        self.reductions.append(Reduction(combine, tuple(iters), body, result))
        return Scalar("reduce", result, (), number)

    def with_checks(self, made: Scalar, node: Node) -> Scalar:
        """Number the checks of one node, so that a failure names it."""
        done = self._numbered
        stack = [made]
        while stack:
            top = stack[-1]
            if top in done:
                stack.pop()
                continue
            pending = [a for a in top.args if a not in done]
            if pending:
                stack.extend(pending)
                continue
            args = tuple([done[a] for a in top.args])
            payload = top.payload
            if top.prim == "check":
                assert isinstance(payload, int)
                self.checks.append(Check(payload, node))
                payload = len(self.checks) - 1
            fresh = Scalar(top.prim, top.dtype, args, payload)
            done[top] = fresh
            done[fresh] = fresh
            stack.pop()
        return done[made]


def _fits(x: Scalar, half: DType) -> bool:
    """Whether a float32 certainly holds a value of a dtype of half precision, so that there is nothing to round."""
    if x.prim == "const":
        return bool(readable(convert(np.array(x.payload, np.float32), half)) == x.payload)
    return x.prim == "cast" and x.args[0].dtype is half


def _narrowed(x: Scalar, dtype: DType) -> Scalar:
    """A value as memory holds it: what was widened just before is not rounded again."""
    if not dtype.is_half:
        return x
    return x.args[0] if x.prim == "cast" and x.args[0].dtype is dtype else cast(x, dtype)


def _item(attrs: Constant) -> Number:
    item = readable(attrs.value).reshape(()).item() if attrs.value.size == 1 else None
    if not isinstance(item, bool | int | float):
        raise ValueError(f"the constant {attrs.type} is not a single number")
    return item


def _broadcast(shape: Shape, index: Sequence[Scalar]) -> tuple[Scalar, ...]:
    """The index into an operand of `shape` when the result is read at `index`."""
    skipped = len(index) - len(shape)
    return tuple([_ZERO if e == 1 else i for e, i in zip(shape, index[skipped:], strict=True)])


def reshaped(shape: Shape, source: Shape, index: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    """The index into an array of shape `source` that is read as `shape` in row-major order."""
    if keeps_axes(shape, source):
        left = iter([i for i, e in zip(index, shape, strict=True) if e != 1])
        return tuple([_ZERO if e == 1 else next(left) for e in source])
    linear = _ZERO
    for i, stride in zip(index, contiguous(shape), strict=True):
        linear = linear + (i * stride if isinstance(stride, int) else i * extent(stride))
    found: list[Scalar] = []
    for e, stride in zip(source, contiguous(source), strict=True):
        part = linear if stride == 1 else binary("tdiv", linear, extent(stride))
        found.append(binary("trem", part, extent(e)) if found else part)
    return tuple(found)


def keeps_axes(shape: Shape, source: Shape) -> bool:
    """Whether a reshape only adds or removes axes of extent 1."""
    return [e for e in shape if e != 1] == [e for e in source if e != 1]


@dataclass(frozen=True, slots=True)
class Output:
    """A value to compute for a whole domain, and where its elements go."""

    value: Value
    layout: Layout


def lower(name: str, outputs: Sequence[Output], layouts: Mapping[Value, Layout]) -> tuple[Nest, tuple[Check, ...]]:
    """The nest that computes some values of one shape, and the checks in it.

    Args:
        name: of the kernel.
        outputs: values with equal shapes.
        layouts: the values that are read from buffers instead of being computed.
    """
    domain = outputs[0].value.type.shape
    lowering = Lowering(layouts, len(domain))
    index = tuple([iteration(k) for k in range(len(domain))])
    stores = []
    kinds: dict[int, DType] = {}
    for out in outputs:
        value = lowering.stored(out.value, index)
        stores.append(Store(out.layout.buffer, out.layout.address(index), value))
        kinds[out.layout.buffer] = out.value.type.dtype
    extents = dict(enumerate(domain)) | lowering.extents
    nest = Nest(name, domain, extents, tuple(stores), tuple(lowering.reductions), {})
    for expr in nest.walk():
        if expr.prim == "load":
            assert isinstance(expr.payload, int)
            kinds[expr.payload] = expr.dtype
    merged = written_out(coalesced(replace(nest, dtypes=kinds)))
    return single_loops(merged, lambda r: r.combine in _POSITIONS), tuple(lowering.checks)


def view_strides(node: Node) -> tuple[tuple[Extent, ...], Extent]:
    """Strides and offset with which a view reads its contiguous operand; ValueError when its address is not affine."""
    (source,) = node.args
    shape = node.result.type.shape
    index = tuple([iteration(k) for k in range(len(shape))])
    lowering = Lowering({source: Layout(0, contiguous(source.type.shape))}, len(shape))
    loaded = lowering.stored(node.result, index)
    form = affine(loaded.args[0]) if loaded.prim == "load" else None
    if form is None or form.terms:
        raise ValueError(f"{node.op.name} is marked as a view, but its address is not affine")
    return tuple([form.iters.get(k, 0) for k in range(len(shape))]), form.offset


def single_loops(nest: Nest, chosen: Callable[[Reduction], bool] = lambda _: True) -> Nest:
    """Give each reduction that could not be merged into one loop a single one over its elements in row-major order.

    Args:
        nest: the kernel before scheduling.
        chosen: which reductions are meant.
    """
    mapping: dict[Scalar, Scalar] = {}
    extents = dict(nest.extents)
    groups: list[tuple[int, ...]] = []
    for r in nest.reductions:
        if len(r.iters) <= 1 or not chosen(r):
            groups.append(r.iters)
            continue
        linear = max(extents) + 1
        step: Extent = 1
        for i in reversed(r.iters):
            size = extents.pop(i)
            part = iteration(linear) if step == 1 else binary("tdiv", iteration(linear), extent(step))
            mapping[iteration(i)] = binary("trem", part, extent(size)) if i != r.iters[0] else part
            step = step * size
        extents[linear] = step
        groups.append((linear,))
    if not mapping:
        return nest
    moved = rebuilt(nest, mapping)
    merged = tuple([replace(r, iters=g) for r, g in zip(moved.reductions, groups, strict=True)])
    return replace(moved, extents=extents, reductions=merged)
