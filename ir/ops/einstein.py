"""Sums of products named by subscripts: what they mean, and in which order many operands are contracted.

Subscripts become labels, one integer per axis. Each operand is brought to different labels (a repeated one takes the
diagonal), then pairs are contracted: the cheapest one first, counted in multiplications, until one operand is left.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from types import EllipsisType
from typing import cast as typed

from ..array import Array
from ..errors import ArgumentError, ShapeError
from ..promotion import common
from ..records import dataclass
from ..stage import Operand, as_array, located, operand_type
from ..types import Dim, Extent, show_shape
from .axes import integer
from .diagonals import diagonal
from .products import as_dtype, sum_kept
from .shapes import squeeze, transpose
from .tensor_products import contract

__all__ = ["einsum"]

Label = int
"""A letter's or number's own number; -1 for the last axis of an ellipsis, -2 for the one before, and so on."""

Terms = tuple[Label | EllipsisType, ...]


@dataclass(frozen=True, slots=True)
class _Labelled:
    """An array with a label for each axis."""

    array: Array
    labels: tuple[Label, ...]


def _terms(text: str, whole: str) -> Terms:
    """The labels of one operand of a subscripts string."""
    left, dots, right = text.replace(" ", "").partition("...")
    if (left + right and not (left + right).isalpha()) or not (left + right).isascii():
        raise ArgumentError(
            f"einsum: subscripts are letters, commas, one '->' and for each operand at most one '...', but they are "
            f"{whole!r}"
        )
    return (*map(ord, left), *([...] if dots else []), *map(ord, right))


def _parsed(subscripts: str) -> tuple[list[Terms], Terms | None]:
    """The labels of the operands, and those of the result if they are given."""
    inputs, arrow, output = subscripts.partition("->")
    return [_terms(t, subscripts) for t in inputs.split(",")], _terms(output, subscripts) if arrow else None


def _listed(given: Sequence[object]) -> tuple[list[object], list[Terms], Terms | None]:
    """Operands and labels from the form `einsum(x, [0, 1], y, [1, 2], [0, 2])`."""

    def terms(labels: object) -> Terms:
        if not isinstance(labels, list | tuple):
            raise ArgumentError(
                "einsum: give subscripts such as 'ij,jk->ik' first, or a list of axis numbers after each operand, but "
                f"{labels!r} stands where a list is expected"
            )
        return tuple([x if x is ... else integer("einsum", "a label", x) for x in labels])

    if len(given) < 2:
        raise ArgumentError("einsum: give subscripts such as 'ij,jk->ik' and operands")
    output = terms(given[-1]) if len(given) % 2 else None
    pairs = given[: len(given) // 2 * 2]
    return list(pairs[::2]), [terms(x) for x in pairs[1::2]], output


def _shown(labels: Sequence[Label | EllipsisType], text: bool) -> str:
    if not text:
        return str([x if x is ... else int(x) for x in labels])
    return repr("".join(["..." if x is ... else chr(x) if x >= 0 else "..." for x in labels]))


def _expanded(array: Array, terms: Terms, text: bool) -> _Labelled:
    """One label for each axis: the axes that an ellipsis stands for are counted from their last."""
    named = [x for x in terms if x is not ...]
    missing = array.ndim - len(named)
    if missing < 0 or (missing and len(named) == len(terms)) or len(terms) > len(named) + 1:
        raise ShapeError(
            f"einsum: the subscripts {_shown(terms, text)} name {len(named)} axes, but the operand has the shape "
            f"{show_shape(array.shape)}"
        )
    if any(x < 0 for x in named):
        raise ArgumentError(f"einsum: labels must be >= 0, but they are {_shown(terms, text)}")
    labels: list[Label] = []
    for x in terms:
        labels.extend(range(-missing, 0) if x is ... else [x])
    return _Labelled(array, tuple(labels))


def _on_diagonals(x: _Labelled, text: bool) -> _Labelled:
    """The same with each label once."""
    array, labels = x.array, list(x.labels)
    while len(set(labels)) < len(labels):
        label = next(n for n in labels if labels.count(n) > 1)
        first = labels.index(label)
        second = labels.index(label, first + 1)
        if array.shape[first] != array.shape[second]:
            raise ShapeError(
                f"einsum: axes of the label {_shown([label], text)} in one operand must have one extent, but the shape "
                f"is {show_shape(x.array.shape)}"
            )
        array = diagonal(array, axis1=first, axis2=second)
        labels = [n for i, n in enumerate(labels) if i not in (first, second)] + [label]
    return _Labelled(array, tuple(labels))


def _extents(operands: Sequence[_Labelled], text: bool) -> dict[Label, Extent]:
    """The extent of each label: the one that is not 1, if there is one."""
    found: dict[Label, Extent] = {}
    for x in operands:
        for label, extent in zip(x.labels, x.array.shape, strict=True):
            known = found.setdefault(label, extent)
            if known == 1:
                found[label] = extent
            elif extent not in (1, known):
                raise ShapeError(
                    f"einsum: the label {_shown([label], text)} stands for axes of extents {known} and {extent}, and "
                    "they must be equal or 1"
                )
    return found


def _result(operands: Sequence[_Labelled], output: Terms | None, text: bool) -> tuple[Label, ...]:
    """The labels of the result: as given, or the ellipsis' and those that occur once, in order."""
    every = [n for x in operands for n in x.labels]
    dots = tuple(range(min([n for n in every if n < 0], default=0), 0))
    if output is None:
        return (*dots, *sorted([n for n in every if n >= 0 and every.count(n) == 1]))
    labels: list[Label] = []
    for x in output:
        labels.extend(dots if x is ... else [x])
    if len(set(labels)) < len(labels) or not set(labels) <= set(every) or not set(dots) <= set(labels):
        raise ArgumentError(
            f"einsum: the result's subscripts {_shown(output, text)} must name labels of the operands, each at most "
            "once, and the ellipsis where an operand's stands for axes"
        )
    return tuple(labels)


def _summed(x: _Labelled, keep: set[Label]) -> _Labelled:
    """The sum over all axes whose labels nobody else needs."""
    axes = [i for i, n in enumerate(x.labels) if n not in keep]
    if not axes:
        return x
    return _Labelled(sum_kept(x.array, axes), tuple([n for n in x.labels if n in keep]))


def _first(labels: Sequence[Label], order: Sequence[Label]) -> int:
    """The first place in `order` that one of the labels has."""
    return min([order.index(n) for n in labels if n in order], default=0)


def _pair(a: _Labelled, b: _Labelled, keep: set[Label], order: Sequence[Label]) -> _Labelled:
    """The product of two operands, summed over the labels that both have and nobody else needs.

    The operand whose own axes come first in `order` stands on the left.
    """
    a, b = _summed(a, keep | set(b.labels)), _summed(b, keep | set(a.labels))
    own_a, own_b = [n for n in a.labels if n not in b.labels], [n for n in b.labels if n not in a.labels]
    if own_a and own_b and _first(own_a, order) > _first(own_b, order):
        a, b, own_a, own_b = b, a, own_b, own_a
    both = [(i, b.labels.index(n)) for i, n in enumerate(a.labels) if n in b.labels]
    batch = [p for p in both if a.labels[p[0]] in keep]
    summed = [p for p in both if a.labels[p[0]] not in keep]
    array = contract("einsum", a.array, b.array, batch, summed)
    return _Labelled(array, (*[a.labels[i] for i, _ in batch], *own_a, *own_b))


def _size(labels: set[Label], extents: dict[Label, Extent]) -> int:
    """Elements over some labels; a symbolic extent counts as a thousand."""
    return math.prod([1000 if isinstance(e, Dim) else e for e in map(extents.__getitem__, labels)])


def _cheapest(operands: Sequence[_Labelled], output: set[Label], extents: dict[Label, Extent]) -> tuple[int, int]:
    """The pair with the fewest multiplications; of equals the one with the smallest result, then the first."""

    if len(operands) == 2:
        return 0, 1

    def cost(pair: tuple[int, int]) -> tuple[int, int, tuple[int, int]]:
        a, b = (set(operands[i].labels) for i in pair)
        kept = (a | b) & output.union(*[operands[i].labels for i in range(len(operands)) if i not in pair])
        return _size(a | b, extents), _size(kept, extents), pair

    pairs: Iterator[tuple[int, int]] = itertools.combinations(range(len(operands)), 2)
    return min(pairs, key=cost)


@located
def einsum(subscripts: str | Operand, /, *operands: Operand | Sequence[int | EllipsisType]) -> Array:
    """The sum of products of operands whose axes are named by subscripts, as in `einsum("ij,jk->ik", a, b)`.

    Axes with one label run together; those whose label the result does not name are summed. Without `->` the result
    has the labels that occur once, in alphabetical order, after the axes of an ellipsis `...`, which stands for the
    axes that are not named and broadcast. A label that occurs twice in one operand takes its diagonal. In place of
    letters, a list of numbers may follow each operand, and last come those of the result. Many operands are contracted
    in pairs, the cheapest first.

    Raises:
        ArgumentError: subscripts that cannot be read, or a result that names what no operand has.
        ShapeError: extents of one label differ (1 broadcasts), or subscripts do not fit the rank of an operand.
    """
    text = isinstance(subscripts, str)
    if isinstance(subscripts, str):
        given: list[object] = list(operands)
        terms, output = _parsed(subscripts)
    else:
        given, terms, output = _listed([subscripts, *operands])
    if len(given) != len(terms):
        raise ArgumentError(
            f"einsum: the subscripts {subscripts!r} name {len(terms)} operands, but {len(given)} were given"
        )
    dtype = common(tuple([operand_type("einsum", x) for x in given]))
    arrays = [as_dtype(as_array("einsum", typed(Operand, x)), dtype) for x in given]
    known = [_expanded(x, t, text) for x, t in zip(arrays, terms, strict=True)]
    labels = _result(known, output, text)
    once = [_on_diagonals(x, text) for x in known]
    extents = _extents(once, text)
    rest = [_narrowed(x, extents) for x in once]
    while len(rest) > 1:
        i, j = _cheapest(rest, set(labels), extents)
        others = [x for k, x in enumerate(rest) if k not in (i, j)]
        keep = set(labels).union(*[x.labels for x in others])
        rest = [*others, _pair(rest[i], rest[j], keep, labels)]
    last = _summed(rest[0], set(labels))
    order = [last.labels.index(n) for n in labels]
    return last.array if order == list(range(len(order))) else transpose(last.array, order)


def _narrowed(x: _Labelled, extents: dict[Label, Extent]) -> _Labelled:
    """Without the axes of extent 1 that others repeat."""
    axes = [i for i, n in enumerate(x.labels) if x.array.shape[i] == 1 and extents[n] != 1]
    if not axes:
        return x
    return _Labelled(squeeze(x.array, tuple(axes)), tuple([n for i, n in enumerate(x.labels) if i not in axes]))
