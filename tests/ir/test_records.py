"""Quick data classes do what the standard library's do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from lithograph.ir.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: float = 0.5
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Near(Point):
    z: int = 3


@dataclass(slots=True)
class Open:
    items: list[int] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)


@dataclass(frozen=True, eq=False)
class Identity:
    x: int

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("negative")


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    x: int
    y: float = 0.5
    tags: tuple[str, ...] = ()


def test_values_compare_hash_and_show_as_the_standard_ones() -> None:
    a, b, c = Point(1), Point(1, 0.5, ()), Point(1, y=2.0)
    others: list[object] = [c, Standard(1), (1, 0.5, ()), Near(1)]
    assert a == b and hash(a) == hash(b) == hash(Standard(1)) and a not in others
    assert repr(c) == repr(Standard(1, y=2.0)).replace("Standard", "Point")
    assert repr(Near(1, z=4)) == "Near(x=1, y=0.5, tags=(), z=4)"
    match c:
        case Point(x, y):
            assert (x, y) == (1, 2.0)


def test_fields_replace_copy_and_pickle() -> None:
    assert [f.name for f in dataclasses.fields(Near)] == ["x", "y", "tags", "z"]
    assert dataclasses.replace(Point(1), y=3.0) == Point(1, 3.0)
    ways: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
    for again in ways:
        assert again(Near(1, tags=("a",))) == Near(1, tags=("a",))


def test_frozen_ones_never_change_and_slots_hold_no_more() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        setattr(Point(1), "x", 2)  # noqa: B010 - a type checker refuses the plain form
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        delattr(Point(1), "x")
    assert not hasattr(Point(1), "__dict__")
    with pytest.raises(TypeError, match=r"Point.__init__\(\) missing 1 required positional argument: 'x'"):
        Point(*[])


def test_open_ones_have_fields_of_their_own() -> None:
    a, b = Open(), Open()
    a.items.append(1)
    a.seen["x"] = 1
    assert b.items == [] and b.seen == {} and a != b and a == Open([1]) and repr(a) == "Open(items=[1])"
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)


def test_identity_and_post_init() -> None:
    a, b = Identity(1), Identity(1)
    assert a != b and len({a, b}) == 2 and a == a
    with pytest.raises(ValueError, match="negative"):
        Identity(-1)
