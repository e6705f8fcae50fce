"""One call of a function taken apart: leaves, key, canonical form, how native code recognises it."""

from __future__ import annotations

import inspect
import struct
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

import numpy as np

from ..ir.dtypes import from_numpy
from ..ir.errors import ArgumentError
from ..ir.types import TensorType
from ..runtime.core import Tensor
from ..runtime.record import (
    Match,
    MatchArray,
    MatchDict,
    MatchFloat,
    MatchIdentity,
    MatchInt,
    MatchList,
    MatchTuple,
)
from ..runtime.variable import Variable
from .keys import default_key, is_array, is_permanent, leaf_key, static_key
from .pytree import LEAF, Structure, container, count_leaves, flatten, sorted_keys, unflatten
from .signature import Signature, brief

_WORD: Final = struct.Struct("<d")


class _Place:
    """Stands for leaf `number` of a call while its arguments are brought into canonical form."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class Call:
    """The arguments of one call.

    Attributes:
        args, kwargs: as given.
        skip: number of leading arguments that do not count.
        static: for each other argument, whether it is one leaf whatever it is.
        leaves: in order; entries of dicts in the order of their keys.
        keys: what each leaf contributes to the key.
        key: calls of equal keys are written alike and run the same program.
    """

    __slots__ = ("args", "key", "keys", "kwargs", "leaves", "skip", "static", "structures")

    def __init__(
        self, signature: Signature, skip: int, args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> None:
        self.args = args
        self.kwargs = kwargs
        self.skip = skip
        self.leaves: list[object] = []
        self.keys: list[Hashable] = []
        self.static: list[bool] = []
        structures: list[Structure] = []
        values = [*args[skip:], *kwargs.values()]
        names = signature.names_of(len(args) - skip, kwargs) if signature.static else ()
        for i, value in enumerate(values):
            static = bool(names) and names[i] in signature.static
            self.static.append(static)
            if static:
                self.leaves.append(value)
                self.keys.append(static_key(value))
                structures.append(LEAF)
                continue
            found, structure = flatten(value, sort_keys=True)
            self.leaves += found
            self.keys += [leaf_key(leaf) for leaf in found]
            structures.append(structure)
        self.structures = tuple(structures)
        self.key: Hashable = (len(args), tuple(kwargs), self.structures, tuple(self.keys))
        try:
            hash(self.structures)
        except TypeError as error:
            raise ArgumentError(
                f"what flattening a registered container gives beside its parts must be hashable: {error}"
            ) from None

    def bound(self, signature: Signature) -> inspect.BoundArguments:
        """The call by parameter, with a stand-in for each leaf; ArgumentError where it does not fit."""
        numbers = iter(range(len(self.leaves)))
        trees = [_stand_ins(structure, numbers) for structure in self.structures]
        n = len(self.args) - self.skip
        return signature.bind(
            trees[:n], dict(zip(self.kwargs, trees[n:], strict=True)), self.args[self.skip :]
        )

    def canonical(
        self, bound: inspect.BoundArguments
    ) -> tuple[list[object], list[int | None], list[Hashable], Structure]:
        """The leaves by parameter, their numbers here (None: of a default), their keys and structure."""
        places, structure = flatten(dict(bound.arguments), sort_keys=True)
        numbers = [p.number if isinstance(p, _Place) else None for p in places]
        leaves = [p if n is None else self.leaves[n] for p, n in zip(places, numbers, strict=True)]
        keys = [default_key(p) if n is None else self.keys[n] for p, n in zip(places, numbers, strict=True)]
        return leaves, numbers, keys, structure


class Asked:
    """A call in canonical form: what a program is looked up by, and traced from.

    Attributes:
        leaves, numbers, keys, structure: as `Call.canonical` gives them.
        by_name: arguments that the Python function has to be given by name.
        form: of the call, as keys have it: the structure, and `by_name`.
        arrays: places of the leaves that become params.
        types: their types.
    """

    def __init__(self, call: Call, signature: Signature) -> None:
        self.call = call
        self.bound = bound = call.bound(signature)
        self.by_name = signature.names_matter(call.kwargs)
        self.leaves, self.numbers, self.keys, self.structure = call.canonical(bound)
        self.form = self.structure, self.by_name
        pairs = zip(self.numbers, self.leaves, strict=True)
        self.arrays = [i for i, (n, leaf) in enumerate(pairs) if n is not None and is_array(leaf)]
        self.types = [cast(TensorType, self.keys[i]) for i in self.arrays]

    def spread(self) -> tuple[tuple[object, ...], dict[str, object]]:
        """The arguments as the Python function is given them."""
        named = {n: v for n, v in self.bound.arguments.items() if n in self.by_name}
        placed = {n: v for n, v in self.bound.arguments.items() if n not in named}
        others = inspect.BoundArguments(self.bound.signature, placed)
        return others.args, {**others.kwargs, **named}


def _stand_ins(structure: Structure, numbers: Iterator[int]) -> object:
    return unflatten(structure, [_Place(next(numbers)) for _ in range(count_leaves(structure))])


def describe(
    leaves: Sequence[object], structure: Structure, names: Iterable[str], types: Mapping[int, TensorType]
) -> str:
    """Canonical arguments as text: `x: float32[3], y: 2`; `types` are those of the leaves that became params."""
    texts = [str(leaf_key(leaf)) if is_array(leaf) else brief(leaf) for leaf in leaves]
    shown = [_Shown(str(types[i]) if i in types else text) for i, text in enumerate(texts)]
    named = cast("dict[str, object]", unflatten(structure, shown))
    return ", ".join(f"{name}: {named[name]!r}" for name in names)


class _Shown:
    """Text that is shown without quotes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class _Unmatchable(Exception):
    """A call holds something that native code does not look into."""


def match_program(call: Call, bufs: Mapping[int, int]) -> tuple[Match, ...] | None:
    """How native code recognises calls like this one; None where it cannot.

    Args:
        call: one of them.
        bufs: for each leaf that is an array argument, its buffer.
    """
    steps: list[Match] = []
    n_leaves = 0
    n_slots = len(call.args) + len(call.kwargs)

    def leaf(value: object, slot: int) -> None:
        nonlocal n_leaves
        number = n_leaves
        n_leaves += 1
        if isinstance(value, Tensor):
            steps.append(MatchArray(slot, value._aval, bufs.get(number, -1)))
        elif type(value) is np.ndarray:
            aval = TensorType(from_numpy(value.dtype), value.shape)
            steps.append(MatchArray(slot, aval, bufs.get(number, -1)))
        elif type(value) is float:
            steps.append(MatchFloat(slot, int.from_bytes(_WORD.pack(value), "little")))
        elif type(value) is int and -(2**63) <= value < 2**63:
            steps.append(MatchInt(slot, value))
        elif value is None or isinstance(value, Variable) or (is_permanent(value) and type(value) is not int):
            steps.append(MatchIdentity(slot, value))
        else:
            raise _Unmatchable

    def walk(value: object, slot: int) -> None:
        nonlocal n_slots
        if value is None:
            steps.append(MatchIdentity(slot, None))
            return
        kind = type(value)
        if container(kind) is None:
            leaf(value, slot)
            return
        if isinstance(value, dict) and kind is dict:
            keys = sorted_keys(value)
            steps.append(MatchDict(slot, keys))
            parts: list[object] = [value[k] for k in keys]
        elif isinstance(value, tuple | list) and kind in (tuple, list):
            parts = list(value)
            steps.append(MatchTuple(slot, len(parts)) if kind is tuple else MatchList(slot, len(parts)))
        else:
            raise _Unmatchable
        first = n_slots
        n_slots += len(parts)
        for i, part in enumerate(parts):
            walk(part, first + i)

    values = [*call.args[call.skip :], *call.kwargs.values()]
    try:
        for slot, (value, static) in enumerate(zip(values, call.static, strict=True), call.skip):
            (leaf if static else walk)(value, slot)
    except _Unmatchable:
        return None
    return tuple(steps)
