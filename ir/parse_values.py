"""Reading types and the values of attrs from IR text; it knows no graphs (grammar: `ir/text.py`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import numpy as np

from .dtypes import BY_NAME, DType
from .errors import ShapeError
from .storage import convert, held
from .text import MOST_NESTED, RESERVED, known_constants
from .tokens import Tokens
from .types import TIMES, Dim, Extent, TensorType

_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "none": None}
_FLOATS: Final = {"nan": float("nan"), "inf": float("inf")}


def parse_string(tokens: Tokens, expected: str = "a string") -> str:
    """A string literal."""
    at = tokens.at
    word = tokens.expect_kind("string", expected)
    try:
        value = json.loads(word)
    except ValueError:
        tokens.wrong("this string is not a JSON string", at)
    assert isinstance(value, str)
    return value


def parse_int(tokens: Tokens, expected: str) -> int:
    """A number without a sign."""
    return int(tokens.expect_kind("int", expected))


def _symbol(tokens: Tokens) -> Dim:
    if tokens.take("$"):
        at = tokens.at
        name = parse_string(tokens, "the name of a dimension as a string")
        if TIMES in name or not name:
            tokens.wrong(f"the name of a dimension holds no {TIMES}, and is not empty", at)
        return Dim(name)
    if tokens.kind != "name" or tokens.word in RESERVED:
        tokens.fault("an extent")
    return Dim(tokens.advance())


def _term(tokens: Tokens, sign: int) -> Extent:
    found: Extent = _symbol(tokens) if tokens.kind != "int" else int(tokens.advance())
    while tokens.take("*"):
        found = _symbol(tokens) * found
    return found * sign


def _rest_of_extent(tokens: Tokens, total: Extent) -> Extent:
    while tokens.kind == "punct" and tokens.word in ("+", "-"):
        sign = 1 if tokens.advance() == "+" else -1
        total = total + _term(tokens, sign)
    return total


def parse_extent(tokens: Tokens) -> Extent:
    """An extent: a number or a polynomial of symbols."""
    return _rest_of_extent(tokens, _term(tokens, -1 if tokens.take("-") else 1))


def parse_dtype(tokens: Tokens) -> DType:
    """The name of a dtype."""
    found = BY_NAME.get(tokens.word) if tokens.kind == "name" else None
    if found is None:
        tokens.fault("a dtype")
    tokens.advance()
    return found


def parse_type(tokens: Tokens) -> TensorType:
    """A type such as `float32[2, batch]`."""
    weak = tokens.take("weak")
    dtype = parse_dtype(tokens)
    tokens.expect("[")
    return _shaped(tokens, dtype, weak)


def _shaped(tokens: Tokens, dtype: DType, weak: bool) -> TensorType:
    shape: list[Extent] = []
    first = tokens.at
    while not tokens.take("]"):
        if shape:
            tokens.expect(",")
        at = tokens.at
        extent = parse_extent(tokens)
        if not isinstance(extent, Dim) and extent < 0:
            tokens.wrong(f"an extent must be >= 0, but this is {extent}", at)
        shape.append(extent)
    try:
        return TensorType(dtype, tuple(shape), weak)
    except ShapeError as error:
        tokens.wrong(str(error), first)


def parse_attr(tokens: Tokens, constants: Mapping[str, np.ndarray], depth: int = 0) -> object:
    """The value of one field of attrs."""
    kind, word = tokens.kind, tokens.word
    if kind == "string":
        return parse_string(tokens)
    if kind == "float":
        return float(tokens.advance())
    if kind == "int" or word == "$":
        return parse_extent(tokens)
    if word == "-":
        return _negative(tokens)
    if word == "(":
        return _tuple(tokens, constants, depth)
    if kind != "name":
        tokens.fault("the value of an attribute")
    if word in _WORDS:
        tokens.advance()
        return _WORDS[word]
    if word in _FLOATS:
        tokens.advance()
        return _FLOATS[word]
    if word == "weak":
        return parse_type(tokens)
    if word in BY_NAME:
        dtype = parse_dtype(tokens)
        if not tokens.take("["):
            return dtype
        return _type_or_array(tokens, _shaped(tokens, dtype, False), constants)
    return parse_extent(tokens)


def _negative(tokens: Tokens) -> float | Extent:
    tokens.expect("-")
    if tokens.kind == "float":
        return -float(tokens.advance())
    if tokens.kind == "name" and tokens.word in _FLOATS:
        return -_FLOATS[tokens.advance()]
    return _rest_of_extent(tokens, _term(tokens, -1))


def _tuple(tokens: Tokens, constants: Mapping[str, np.ndarray], depth: int) -> tuple[object, ...]:
    if depth >= MOST_NESTED:
        tokens.wrong(f"tuples are nested more than {MOST_NESTED} deep")
    tokens.expect("(")
    values: list[object] = []
    while not tokens.take(")"):
        values.append(parse_attr(tokens, constants, depth + 1))
        if not tokens.take(","):
            tokens.expect(")")
            break
    return tuple(values)


def _type_or_array(
    tokens: Tokens, type: TensorType, constants: Mapping[str, np.ndarray]
) -> TensorType | np.ndarray:
    at = tokens.at
    if tokens.word not in ("(", "@"):
        return type
    if not type.is_static:
        tokens.wrong("an array needs a shape of numbers", at)
    if tokens.take("("):
        return _dense(tokens, type, at)
    tokens.expect("@")
    name = tokens.expect_kind("name", "the name of a constant")
    array = constants.get(name)
    if array is not None:
        array = held(array)
    if array is None:
        array = known_constants.get(name)
    if array is None:
        tokens.wrong(f"the values of the constant @{name} are not at hand; pass them in `constants`", at)
    if array.shape != type.shape or array.dtype != type.dtype.numpy:
        tokens.wrong(f"the constant @{name} is {array.dtype}{list(array.shape)} and not {type}", at)
    return array


def _dense(tokens: Tokens, type: TensorType, at: int) -> np.ndarray:
    values: list[bool | int | float | complex] = []
    while not tokens.take(")"):
        if values:
            tokens.expect(",")
        values.append(_element(tokens, type.dtype))
    if len(values) != type.size:
        tokens.wrong(f"{type} has {type.size} elements, but {len(values)} are given", at)
    try:
        with np.errstate(over="ignore"):
            array = _array(values, type.dtype).reshape(type.static_shape)
    except OverflowError:
        tokens.wrong(f"an element does not fit {type.dtype}", at)
    array.setflags(write=False)
    return array


def _array(values: list[bool | int | float | complex], dtype: DType) -> np.ndarray:
    return convert(np.array(values, np.float64), dtype) if dtype.is_half else np.array(values, dtype.numpy)


def _element(tokens: Tokens, dtype: DType) -> bool | int | float | complex:
    expected = f"an element of {dtype}"
    if dtype.is_complex:
        tokens.expect("(")
        real = _element(tokens, dtype.real)
        tokens.expect(",")
        imaginary = _element(tokens, dtype.real)
        tokens.expect(")")
        return complex(real, imaginary)
    if dtype.kind == "bool":
        if not (tokens.kind == "name" and tokens.word in ("true", "false")):
            tokens.fault(expected)
        return tokens.advance() == "true"
    negative = tokens.take("-")
    if dtype.is_integer:
        number = parse_int(tokens, expected)
        return -number if negative else number
    if tokens.kind == "name" and tokens.word in _FLOATS:
        value = _FLOATS[tokens.advance()]
    else:
        value = float(tokens.expect_kind("float", expected))
    return -value if negative else value
