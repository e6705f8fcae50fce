"""Containers: flattening, rebuilding, structures as keys."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, namedtuple

import pytest

import lithograph as lg
from lithograph.tracer.pytree import count_leaves, flatten, register_pytree, tree_map, unflatten

Pair = namedtuple("Pair", "a b")


@dataclasses.dataclass
class Point:
    x: object
    y: object


@dataclasses.dataclass(frozen=True)
class Derived:
    x: float
    double: float = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "double", 2 * self.x)


class Box:
    def __init__(self, content: object, label: str) -> None:
        self.content = content
        self.label = label


register_pytree(Box, lambda b: ([b.content], b.label), lambda label, parts: Box(parts[0], str(label)))

NESTS = [
    1,
    None,
    [],
    (),
    {},
    {"b": [1, (2, None)], "a": Pair(3, Point(4, {"z": 5}))},
    OrderedDict([("z", 1), ("a", 2)]),
    [Derived(1.5)],
    {1: "one", "two": 2, None: 3},
]


@pytest.mark.parametrize("nest", NESTS, ids=str)
@pytest.mark.parametrize("sort_keys", [False, True])
def test_unflatten_undoes_flatten(nest: object, sort_keys: bool) -> None:
    leaves, structure = flatten(nest, sort_keys)
    assert count_leaves(structure) == len(leaves)
    hash(structure)
    again = unflatten(structure, leaves)
    assert again == nest
    assert type(again) is type(nest)


def test_dicts_of_one_content_have_one_structure_when_sorted() -> None:
    one, other = {"a": 1, "b": [2]}, {"b": [2], "a": 1}
    assert flatten(one, sort_keys=True) == flatten(other, sort_keys=True)
    assert flatten(one)[1] != flatten(other)[1]
    assert list(tree_map(str, other)) == ["b", "a"]  # type: ignore[call-overload]


def test_containers_are_told_apart() -> None:
    structures = [flatten(x)[1] for x in ([1, 2], (1, 2), Pair(1, 2), {"a": 1, "b": 2}, [1, [2]], [1, None])]
    assert len(set(structures)) == len(structures)


def test_a_registered_type_is_a_container() -> None:
    box = tree_map(lambda v: [v], Box({"k": 1}, "lid"))
    assert isinstance(box, Box) and box.content == {"k": [1]} and box.label == "lid"
    with pytest.raises(lg.ArgumentError, match="Box is a container already"):
        register_pytree(Box, lambda b: ([], None), lambda m, p: Box(0, ""))
    with pytest.raises(lg.ArgumentError, match="takes a type"):
        register_pytree(3, lambda b: ([], None), lambda m, p: 3)  # type: ignore[arg-type]


def test_unflatten_counts() -> None:
    _, structure = flatten([1, 2])
    with pytest.raises(ValueError, match="fewer"):
        unflatten(structure, [1])
    with pytest.raises(ValueError, match="more"):
        unflatten(structure, [1, 2, 3])
