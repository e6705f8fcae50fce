"""Nested containers as a flat list of leaves and a structure; it knows nothing of tensors.

Containers are dict, OrderedDict, list, tuple, named tuples, dataclasses, None and what `register_pytree`
adds; all else is a leaf. Only exact types count: a subclass that nobody registered is a leaf.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar, cast

from ..ir.errors import ArgumentError
from ..ir.records import dataclass

T = TypeVar("T")


class Structure(NamedTuple):
    """The shape of a container: its type, what its leaves do not say (keys, field names), and its parts.

    A leaf is `LEAF`. Structures compare and hash by value.
    """

    type: type
    meta: Hashable
    children: tuple[Structure, ...]


class _Leaf:
    """The type of a leaf in a structure."""


LEAF: Final = Structure(_Leaf, None, ())


@dataclass(frozen=True, slots=True)
class Container:
    """How to take a registered type apart and put it together."""

    flatten: Callable[[object], tuple[Iterable[object], Hashable]]
    unflatten: Callable[[Hashable, Sequence[object]], object]


def _dict_parts(tree: dict[Hashable, object]) -> tuple[Iterable[object], Hashable]:
    return tree.values(), tuple(tree)


def _sequence_parts(tree: Sequence[object]) -> tuple[Iterable[object], Hashable]:
    return tree, None


def _fields(cls: type) -> tuple[str, ...]:
    return tuple([f.name for f in dataclasses.fields(cls)])


def _dataclass(cls: type) -> Container:
    names = _fields(cls)
    plain = all(f.init for f in dataclasses.fields(cls)) and not any(
        f.kw_only for f in dataclasses.fields(cls)
    )

    def parts(tree: object) -> tuple[Iterable[object], Hashable]:
        return [getattr(tree, name) for name in names], names

    def restored(meta: Hashable, children: Sequence[object]) -> object:
        if plain:
            return cls(*children)
        made: object = object.__new__(cls)
        for name, child in zip(names, children, strict=True):
            object.__setattr__(made, name, child)
        return made

    return Container(parts, restored)


def _dict_of(meta: Hashable, children: Sequence[object]) -> object:
    return dict(zip(cast("tuple[Hashable, ...]", meta), children, strict=True))


def _ordered_of(meta: Hashable, children: Sequence[object]) -> object:
    return OrderedDict(zip(cast("tuple[Hashable, ...]", meta), children, strict=True))


_containers: Final[dict[type, Container | None]] = {
    dict: Container(_dict_parts, _dict_of),  # type: ignore[arg-type]
    OrderedDict: Container(_dict_parts, _ordered_of),  # type: ignore[arg-type]
    list: Container(_sequence_parts, lambda _, children: list(children)),  # type: ignore[arg-type]
    tuple: Container(_sequence_parts, lambda _, children: (*children,)),  # type: ignore[arg-type]
    type(None): Container(lambda _: ((), None), lambda _, __: None),
}
"""Known types; None marks types that are leaves. Types live as long as the process, as a rule."""


def container(cls: type) -> Container | None:
    """How to treat objects of exactly this type; None when they are leaves."""
    try:
        return _containers[cls]
    except KeyError:
        pass
    found: Container | None = None
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        make: Callable[[Sequence[object]], object] = cast(Any, cls)._make
        found = Container(lambda tree: (cast("tuple[object, ...]", tree), None), lambda _, parts: make(parts))
    elif dataclasses.is_dataclass(cls):
        found = _dataclass(cls)
    if found is not None:
        _containers[cls] = found
    return found


def register_pytree(
    cls: type[T],
    flatten: Callable[[T], tuple[Iterable[object], Hashable]],
    unflatten: Callable[[Hashable, Sequence[object]], T],
) -> None:
    """Make objects of a type containers, wherever arguments and results may be nested.

    Args:
        cls: the type; subclasses are registered by themselves.
        flatten: gives the parts of an object, and what else is needed to make it again (hashable, compared by
        ==).
        unflatten: makes the object from the latter and the new parts.

    Raises:
        ArgumentError: `cls` is no type, or is a container already.
    """
    if not isinstance(cls, type):
        raise ArgumentError(f"register_pytree takes a type, but {cls!r} was given")
    if _containers.get(cls) is not None:
        raise ArgumentError(f"register_pytree: {cls.__name__} is a container already")
    _containers[cls] = Container(
        cast("Callable[[object], tuple[Iterable[object], Hashable]]", flatten), unflatten
    )


def flatten(tree: object, sort_keys: bool = False) -> tuple[list[object], Structure]:
    """The leaves in order, and the structure.

    Args:
        tree: containers nested in any way.
        sort_keys: take the entries of a dict in the order of their keys, so that equal dicts have equal
            structures; keys that have no order among themselves keep the dict's.
    """
    leaves: list[object] = []
    return leaves, _flatten(tree, leaves, sort_keys)


def _flatten(tree: object, leaves: list[object], sort_keys: bool) -> Structure:
    cls = type(tree)
    known = _containers.get(cls) or container(cls)
    if known is None:
        leaves.append(tree)
        return LEAF
    if sort_keys and cls is dict:
        keys = sorted_keys(cast("dict[Hashable, object]", tree))
        parts: Iterable[object] = [cast("dict[Hashable, object]", tree)[k] for k in keys]
        return Structure(cls, keys, tuple([_flatten(p, leaves, sort_keys) for p in parts]))
    parts, meta = known.flatten(tree)
    return Structure(cls, meta, tuple([_flatten(p, leaves, sort_keys) for p in parts]))


def sorted_keys(tree: dict[Hashable, object]) -> tuple[Hashable, ...]:
    """The keys of a dict in their own order, or in the dict's where they have none."""
    try:
        return tuple(sorted(tree))  # type: ignore[type-var]
    except TypeError:
        return tuple(tree)


def unflatten(structure: Structure, leaves: Iterable[object]) -> object:
    """The containers again, around other leaves; ValueError when their number differs."""
    rest = iter(leaves)
    made = _unflatten(structure, rest)
    if next(rest, LEAF) is not LEAF:
        raise ValueError("more leaves than the structure holds")
    return made


def _unflatten(structure: Structure, leaves: Iterable[object]) -> object:
    if structure is LEAF or structure.type is _Leaf:
        for leaf in leaves:
            return leaf
        raise ValueError("fewer leaves than the structure holds")
    known = container(structure.type)
    assert known is not None, "a structure names containers only"
    return known.unflatten(structure.meta, [_unflatten(c, leaves) for c in structure.children])


def count_leaves(structure: Structure) -> int:
    """Number of leaves of a structure."""
    return 1 if structure == LEAF else sum(map(count_leaves, structure.children))


def tree_map(function: Callable[[object], object], tree: object) -> object:
    """The same containers around `function` of each leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])
