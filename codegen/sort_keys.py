"""What travels when rows are sorted, as LLVM text: keys made of elements, positions beside them, digits."""

from __future__ import annotations

import enum
from typing import Final

from ..ir.dtypes import DType
from ..ir.records import dataclass
from . import words as w
from .body import Body, Operand

DIGIT: Final = 8
"""Bits of a digit."""

_INFINITY: Final = {"float16": 0x7C00, "bfloat16": 0x7F80, "float32": 0x7F800000, "float64": 0x7FF0000000000000}


class What(enum.Enum):
    """What of a row is wanted: its elements in order, their positions, or a few positions from the first on."""

    ELEMENTS = "sort"
    POSITIONS = "argsort"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Rows:
    """How the rows of a dtype are held while they are sorted."""

    dtype: DType
    what: What

    @property
    def positions(self) -> bool:
        """Whether positions travel with the elements."""
        return self.what is not What.ELEMENTS

    @property
    def bits(self) -> int:
        """Bits of an element, and of its key."""
        return self.dtype.itemsize * 8

    @property
    def shift(self) -> int:
        """Where the position begins in what travels."""
        return max(self.bits, 32)

    @property
    def type(self) -> str:
        """The LLVM type of what travels."""
        return f"i{2 * self.shift if self.positions else self.bits}"

    @property
    def size(self) -> int:
        """Bytes of what travels."""
        return 2 * self.shift // 8 if self.positions else self.bits // 8

    def at(self, f: Body, base: str, index: Operand) -> str:
        return w.at(f, base, index, self.type)

    def get(self, f: Body, pointer: str) -> str:
        return w.get(f, pointer, self.type, min(self.size, 8))

    def put(self, f: Body, value: str, pointer: str) -> None:
        w.put(f, value, pointer, self.type, min(self.size, 8))

    def key(self, f: Body, value: str) -> str:
        """The key of what travels: a position brings it along, an element by itself does not."""
        return f.assign(f"trunc {self.type} {value} to i{self.bits}") if self.positions else self.key_of(f, value)

    def key_of(self, f: Body, x: str, *, zeros_alike: bool = True) -> str:
        """The key of an element's bits; `%mask` is all ones where the order descends, else zero."""
        type_, sign = f"i{self.bits}", -(1 << (self.bits - 1))
        if self.dtype.kind == "int":
            x = f.assign(f"xor {type_} {x}, {sign}")
        elif self.dtype.is_float:
            x = self._float_key(f, x, type_, sign, zeros_alike)
        return f.assign(f"xor {type_} {x}, %mask")

    def _float_key(self, f: Body, x: str, type_: str, sign: int, zeros_alike: bool) -> str:
        """The bits of a float in an order: below zero complemented, NaN above all."""
        size = f.assign(f"and {type_} {x}, {~sign}")
        ordered = f.assign(f"xor {type_} {x}, {self._turn(f, x, type_, sign)}")
        if zeros_alike:
            zero = f.assign(f"icmp eq {type_} {size}, 0")
            ordered = f.assign(f"select i1 {zero}, {type_} {sign}, {type_} {ordered}")
        nan = f.assign(f"icmp ugt {type_} {size}, {_INFINITY[self.dtype.name]}")
        return f.assign(f"select i1 {nan}, {type_} -1, {type_} {ordered}")

    def _turn(self, f: Body, x: str, type_: str, sign: int) -> str:
        """What the bits of a float differ by from their key: all of them below zero, else the sign."""
        below = f.assign(f"ashr {type_} {x}, {self.bits - 1}")
        return f.assign(f"or {type_} {below}, {sign}")

    def element(self, f: Body, key: str) -> str:
        """The bits of an element from a key in which zeros are not alike."""
        type_, sign = f"i{self.bits}", -(1 << (self.bits - 1))
        key = f.assign(f"xor {type_} {key}, %mask")
        if self.dtype.is_float:
            return f.assign(f"xor {type_} {key}, {self._turn(f, f.assign(f'xor {type_} {key}, -1'), type_, sign)}")
        return f.assign(f"xor {type_} {key}, {sign}") if self.dtype.kind == "int" else key

    def digit(self, f: Body, key: str, number: int) -> str:
        """Digit `number` of a key, as an i64."""
        type_ = f"i{self.bits}"
        if number:
            key = f.assign(f"lshr {type_} {key}, {number * DIGIT}")
        wide = key if self.bits == 64 else f.assign(f"zext {type_} {key} to i64")
        return f.assign(f"and i64 {wide}, {(1 << DIGIT) - 1}")

    def packed(self, f: Body, source: str, index: str) -> str:
        """What travels for the element at an index of the operand."""
        type_ = f"i{self.bits}"
        x = w.get(f, w.at(f, source, index, type_), type_, self.bits // 8)
        if not self.positions:
            return x
        wide = f.assign(f"zext {type_} {self.key_of(f, x)} to {self.type}")
        place = index if self.type == "i64" else f.assign(f"zext i64 {index} to {self.type}")
        return f.assign(f"or {self.type} {f.assign(f'shl {self.type} {place}, {self.shift}')}, {wide}")

    def position(self, f: Body, value: str) -> str:
        """The position in what travels, as an i64."""
        high = f.assign(f"lshr {self.type} {value}, {self.shift}")
        return high if self.type == "i64" else f.assign(f"trunc {self.type} {high} to i64")
