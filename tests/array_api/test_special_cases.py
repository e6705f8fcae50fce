"""The special cases that the Array API standard 2024.12 lists for elementwise functions, eager and compiled.

Each case reads as in the standard: what the operands are, and the result. An operand stands for all numbers of POOL
that it describes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.array import Array

from ..codegen.programs import same_bits

UNARY = {
    "abs": "nan -> nan; -0 -> 0; -inf -> inf",
    "acos": "nan -> nan; >1 -> nan; <-1 -> nan; 1 -> 0",
    "acosh": "nan -> nan; <1 -> nan; 1 -> 0; inf -> inf",
    "asin": "nan -> nan; >1 -> nan; <-1 -> nan; 0 -> 0; -0 -> -0",
    "asinh": "nan -> nan; 0 -> 0; -0 -> -0; inf -> inf; -inf -> -inf",
    "atan": "nan -> nan; 0 -> 0; -0 -> -0; inf -> pi/2; -inf -> -pi/2",
    "atanh": "nan -> nan; <-1 -> nan; >1 -> nan; -1 -> -inf; 1 -> inf; 0 -> 0; -0 -> -0",
    "ceil": "integral -> x1; inf -> inf; -inf -> -inf; 0 -> 0; -0 -> -0; nan -> nan; -0.5 -> -0",
    "cos": "nan -> nan; 0 -> 1; -0 -> 1; inf -> nan; -inf -> nan",
    "cosh": "nan -> nan; 0 -> 1; -0 -> 1; inf -> inf; -inf -> inf",
    "exp": "nan -> nan; 0 -> 1; -0 -> 1; inf -> inf; -inf -> 0",
    "expm1": "nan -> nan; 0 -> 0; -0 -> -0; inf -> inf; -inf -> -1",
    "floor": "integral -> x1; inf -> inf; -inf -> -inf; 0 -> 0; -0 -> -0; nan -> nan; 0.5 -> 0",
    "isfinite": "inf -> 0; -inf -> 0; nan -> 0; finite -> 1",
    "isinf": "inf -> 1; -inf -> 1; nan -> 0; finite -> 0",
    "isnan": "nan -> 1; number -> 0",
    "log": "nan -> nan; <0 -> nan; 0 -> -inf; -0 -> -inf; 1 -> 0; inf -> inf",
    "log10": "nan -> nan; <0 -> nan; 0 -> -inf; -0 -> -inf; 1 -> 0; inf -> inf",
    "log1p": "nan -> nan; <-1 -> nan; -1 -> -inf; 0 -> 0; -0 -> -0; inf -> inf",
    "log2": "nan -> nan; <0 -> nan; 0 -> -inf; -0 -> -inf; 1 -> 0; inf -> inf",
    "negative": "nan -> nan; 0 -> -0; -0 -> 0; inf -> -inf",
    "positive": "any -> x1",
    "reciprocal": "nan -> nan; inf -> 0; -inf -> -0; 0 -> inf; -0 -> -inf",
    "round": "integral -> x1; inf -> inf; -inf -> -inf; 0 -> 0; -0 -> -0; nan -> nan; 0.5 -> 0; 1.5 -> 2; -2.5 -> -2",
    "sign": "<0 -> -1; 0 -> 0; -0 -> 0; >0 -> 1; nan -> nan",
    "signbit": "0 -> 0; -0 -> 1; inf -> 0; -inf -> 1; +finite -> 0; -finite -> 1",
    "sin": "nan -> nan; 0 -> 0; -0 -> -0; inf -> nan; -inf -> nan",
    "sinh": "nan -> nan; 0 -> 0; -0 -> -0; inf -> inf; -inf -> -inf",
    "sqrt": "nan -> nan; <0 -> nan; 0 -> 0; -0 -> -0; inf -> inf",
    "square": "nan -> nan; -0 -> 0; -inf -> inf",
    "tan": "nan -> nan; 0 -> 0; -0 -> -0; inf -> nan; -inf -> nan",
    "tanh": "nan -> nan; 0 -> 0; -0 -> -0; inf -> 1; -inf -> -1",
    "trunc": "integral -> x1; inf -> inf; -inf -> -inf; 0 -> 0; -0 -> -0; nan -> nan; -0.5 -> -0; 1.5 -> 1",
    # Not of the standard: the same rules for the functions that it lacks.
    "cbrt": "nan -> nan; 0 -> 0; -0 -> -0; inf -> inf; -inf -> -inf",
    "erf": "nan -> nan; 0 -> 0; -0 -> -0; inf -> 1; -inf -> -1",
    "erfc": "nan -> nan; 0 -> 1; -0 -> 1; inf -> 0; -inf -> 2",
    "exp2": "nan -> nan; 0 -> 1; -0 -> 1; inf -> inf; -inf -> 0; 3 -> 8",
    "rsqrt": "nan -> nan; <0 -> nan; 0 -> inf; -0 -> -inf; inf -> 0",
    "sigmoid": "nan -> nan; 0 -> 0.5; -0 -> 0.5; inf -> 1; -inf -> 0",
}

BINARY = {
    "add": """
        nan, any -> nan; any, nan -> nan; inf, -inf -> nan; -inf, inf -> nan; inf, inf -> inf; -inf, -inf -> -inf
        inf, finite -> inf; -inf, finite -> -inf; finite, inf -> inf; finite, -inf -> -inf; -0, -0 -> -0
        -0, 0 -> 0; 0, -0 -> 0; 0, 0 -> 0; 0, -finite -> x2; -0, +finite -> x2; -finite, 0 -> x1; 1, -1 -> 0""",
    "atan2": """
        nan, any -> nan; any, nan -> nan; +finite, 0 -> pi/2; +finite, -0 -> pi/2; 0, >0 -> 0; 0, 0 -> 0; 0, -0 -> pi
        0, <0 -> pi; -0, >0 -> -0; -0, 0 -> -0; -0, -0 -> -pi; -0, <0 -> -pi; -finite, 0 -> -pi/2
        -finite, -0 -> -pi/2; +finite, inf -> 0; +finite, -inf -> pi; -finite, inf -> -0; -finite, -inf -> -pi
        inf, finite -> pi/2; -inf, finite -> -pi/2; inf, inf -> pi/4; inf, -inf -> 3*pi/4; -inf, inf -> -pi/4
        -inf, -inf -> -3*pi/4""",
    "copysign": """
        >0, >0 -> x1; >0, 0 -> x1; <0, 0 -> -x1; nan, any -> nan; 0, -0 -> -0; -0, 0 -> 0; 1, <0 -> -1; 1, -0 -> -1
        -1, >0 -> 1; inf, -0 -> -inf""",
    "divide": """
        nan, any -> nan; any, nan -> nan; inf, inf -> nan; inf, -inf -> nan; -inf, inf -> nan; -inf, -inf -> nan
        0, 0 -> nan; 0, -0 -> nan; -0, 0 -> nan; -0, -0 -> nan; 0, >0 -> 0; -0, >0 -> -0; 0, <0 -> -0; -0, <0 -> 0
        >0, 0 -> inf; >0, -0 -> -inf; <0, 0 -> -inf; <0, -0 -> inf; inf, +finite -> inf; inf, -finite -> -inf
        -inf, +finite -> -inf; -inf, -finite -> inf; +finite, inf -> 0; +finite, -inf -> -0; -finite, inf -> -0
        -finite, -inf -> 0; +finite, +finite -> positive; -finite, -finite -> positive; +finite, -finite -> negative
        -finite, +finite -> negative""",
    "equal": "nan, any -> 0; any, nan -> 0; inf, inf -> 1; -inf, -inf -> 1; -0, 0 -> 1; 0, -0 -> 1; inf, -inf -> 0",
    "floor_divide": """
        nan, any -> nan; any, nan -> nan; inf, inf -> nan; inf, -inf -> nan; -inf, inf -> nan; -inf, -inf -> nan
        0, 0 -> nan; 0, -0 -> nan; -0, 0 -> nan; -0, -0 -> nan; 0, >0 -> 0; -0, >0 -> -0; 0, <0 -> -0; -0, <0 -> 0
        >0, 0 -> inf; >0, -0 -> -inf; <0, 0 -> -inf; <0, -0 -> inf; inf, +finite -> inf; inf, -finite -> -inf
        -inf, +finite -> -inf; -inf, -finite -> inf; +finite, inf -> 0; +finite, -inf -> -0; -finite, inf -> -0
        -finite, -inf -> 0; +finite, +finite -> positive; -finite, -finite -> positive; +finite, -finite -> negative
        -finite, +finite -> negative""",
    "fmod": """
        nan, any -> nan; any, nan -> nan; inf, any -> nan; -inf, any -> nan; finite, 0 -> nan; finite, inf -> x1
        finite, -inf -> x1; -0, +finite -> -0; 0, -finite -> 0""",
    "greater": "nan, any -> 0; any, nan -> 0; inf, finite -> 1; finite, -inf -> 1; 0, -0 -> 0",
    "greater_equal": "nan, any -> 0; any, nan -> 0; inf, inf -> 1; -0, 0 -> 1",
    "hypot": """
        inf, any -> inf; -inf, any -> inf; any, inf -> inf; any, -inf -> inf; nan, finite -> nan; finite, nan -> nan
        nan, nan -> nan; 0, -0 -> 0; 0, >0 -> x2; <0, 0 -> -x1""",
    "less": "nan, any -> 0; any, nan -> 0; -inf, finite -> 1; finite, inf -> 1; -0, 0 -> 0",
    "less_equal": "nan, any -> 0; any, nan -> 0; inf, inf -> 1; 0, -0 -> 1",
    "logaddexp": """
        nan, any -> nan; any, nan -> nan; inf, number -> inf; number, inf -> inf; -inf, -inf -> -inf
        -inf, +finite -> x2; +finite, -inf -> x1""",
    "maximum": "nan, any -> nan; any, nan -> nan; 0, -0 -> 0; -0, 0 -> 0; inf, number -> inf; number, -inf -> x1",
    "minimum": "nan, any -> nan; any, nan -> nan; 0, -0 -> -0; -0, 0 -> -0; -inf, number -> -inf; number, inf -> x1",
    "fmax": "nan, any -> x2; any, nan -> x1; 0, -0 -> 0; -0, 0 -> 0",
    "fmin": "nan, any -> x2; any, nan -> x1; 0, -0 -> -0; -0, 0 -> -0",
    "multiply": """
        nan, any -> nan; any, nan -> nan; inf, 0 -> nan; -inf, -0 -> nan; 0, inf -> nan; inf, >0 -> inf; inf, <0 -> -inf
        <0, inf -> -inf; -finite, -finite -> positive; +finite, -finite -> negative; 0, -finite -> -0; -0, -0 -> 0""",
    "nextafter": "nan, any -> nan; any, nan -> nan; 0, -0 -> -0; -0, 0 -> 0; inf, inf -> inf; 1.5, 1.5 -> 1.5",
    "not_equal": "nan, any -> 1; any, nan -> 1; inf, inf -> 0; -0, 0 -> 0; inf, -inf -> 1",
    "pow": """
        not 1, nan -> nan; any, 0 -> 1; any, -0 -> 1; nan, nonzero -> nan; |x|>1, inf -> inf; |x|>1, -inf -> 0
        1, inf -> 1; -1, inf -> 1; 1, -inf -> 1; -1, -inf -> 1; 1, number -> 1; |x|<1, inf -> 0; |x|<1, -inf -> inf
        inf, >0 -> inf; inf, <0 -> 0; -inf, odd>0 -> -inf; -inf, not odd>0 -> inf; -inf, odd<0 -> -0
        -inf, not odd<0 -> 0; 0, >0 -> 0; 0, <0 -> inf; -0, odd>0 -> -0; -0, not odd>0 -> 0; -0, odd<0 -> -inf
        -0, not odd<0 -> inf; -finite, fraction -> nan""",
    "remainder": """
        nan, any -> nan; any, nan -> nan; inf, inf -> nan; inf, -inf -> nan; -inf, inf -> nan; -inf, -inf -> nan
        0, 0 -> nan; 0, -0 -> nan; -0, 0 -> nan; -0, -0 -> nan; 0, >0 -> 0; -0, >0 -> 0; 0, <0 -> -0; -0, <0 -> -0
        >0, 0 -> nan; >0, -0 -> nan; <0, 0 -> nan; <0, -0 -> nan; inf, finite -> nan; -inf, finite -> nan
        +finite, inf -> x1; +finite, -inf -> x2; -finite, inf -> x2; -finite, -inf -> x1; +finite, +finite -> positive
        -finite, +finite -> positive; -finite, -finite -> negative; +finite, -finite -> negative""",
    "subtract": """
        nan, any -> nan; any, nan -> nan; inf, inf -> nan; -inf, -inf -> nan; inf, -inf -> inf; -inf, inf -> -inf
        inf, finite -> inf; finite, inf -> -inf; 0, 0 -> 0; -0, 0 -> -0; 0, -0 -> 0; 1, 1 -> 0""",
}

# Limits, and numbers with and without a fraction; only what both float types hold exactly.
POOL = [
    *(0.0, 2.0**-149, 2.0**-126, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 1024.0, 8388607.0, 2.0**100, math.inf),
    *(-0.0, -(2.0**-149), -(2.0**-126), -0.25, -0.5, -1.0, -1.5, -2.0, -2.5, -3.0, -1024.0, -8388607.0, -(2.0**100)),
    *(-math.inf, math.nan),
]


def _is_odd(x: float) -> bool:
    return math.isfinite(x) and x % 2 == 1


WORDS: dict[str, Callable[[float], bool]] = {
    "any": lambda x: True,
    "number": lambda x: not math.isnan(x),
    "finite": math.isfinite,
    "+finite": lambda x: 0 < x < math.inf,
    "-finite": lambda x: -math.inf < x < 0,
    "nonzero": lambda x: x != 0,
    "integral": lambda x: math.isfinite(x) and x == int(x),
    "fraction": lambda x: math.isfinite(x) and x != int(x),
    "odd>0": lambda x: x > 0 and _is_odd(x),
    "odd<0": lambda x: x < 0 and _is_odd(x),
    "not odd>0": lambda x: x > 0 and not _is_odd(x),
    "not odd<0": lambda x: x < 0 and not _is_odd(x),
    "not 1": lambda x: x != 1,
    "|x|>1": lambda x: abs(x) > 1,
    "|x|<1": lambda x: abs(x) < 1,
    ">0": lambda x: x > 0,
    "<0": lambda x: x < 0,
    ">1": lambda x: x > 1,
    "<1": lambda x: x < 1,
    "<-1": lambda x: x < -1,
}
ANGLES = {
    f"{sign}{word}": float(f"{sign}{value}")
    for word, value in (("pi", math.pi), ("pi/2", math.pi / 2), ("pi/4", math.pi / 4), ("3*pi/4", 0.75 * math.pi))
    for sign in ("", "-")
}
CASES = [(name, text) for table in (UNARY, BINARY) for name, text in table.items()]


def _numbers(word: str) -> list[float]:
    """What an operand stands for."""
    if word in WORDS:
        return [x for x in POOL if WORDS[word](x)]
    value = float(word)
    return [value]


def _read(text: str) -> tuple[list[tuple[float, ...]], list[str]]:
    """The operands of all cases, and the word for each result."""
    operands, results = list[tuple[float, ...]](), list[str]()
    for case in text.replace("\n", ";").split(";"):
        if not case.strip():
            continue
        given, result = case.split("->")
        every = list(itertools.product(*[_numbers(word.strip()) for word in given.split(",")]))
        assert every, case
        operands += every
        results += [result.strip()] * len(every)
    return operands, results


def _agrees(word: str, x: tuple[np.floating, ...], found: np.ndarray) -> bool:
    if word in ("positive", "negative"):
        return bool(np.signbit(found) == (word == "negative")) and not np.isnan(found)
    if word in ANGLES:
        # "An implementation-dependent approximation": here the nearest float or its neighbour.
        nearest = np.asarray(ANGLES[word], found.dtype)
        return bool(np.abs(found - nearest) <= np.spacing(np.abs(nearest)))
    named = {"x1": x[0], "-x1": -x[0], "x2": x[-1]}
    expected = np.asarray(named[word] if word in named else float(word)).astype(found.dtype)
    return same_bits(found, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "text"), CASES, ids=[name for name, _ in CASES])
def test_special_cases(name: str, text: str, dtype: type[np.floating]) -> None:
    rows, words = _read(text)
    operands = [np.array(column, dtype) for column in zip(*rows, strict=True)]
    function = getattr(lg, {"pow": "power"}.get(name, name))

    def call(*x: Array) -> Array:
        y: Array = function(*x)
        return y

    eager = call(*[lg.tensor(x) for x in operands]).numpy()
    for word, x, found in zip(words, zip(*operands, strict=True), eager, strict=True):
        assert _agrees(word, x, np.asarray(found)), f"{name}{x} is {found}, not {word}"
    assert same_bits(lg.function(call)(*operands).numpy(), eager)


def test_integers_stay_integers_where_they_round() -> None:
    for name in ("floor", "ceil", "round", "trunc", "sign", "abs", "negative", "positive", "square"):
        for dtype in (np.int8, np.int64, np.uint16):
            x = np.array([3, 0, 7], dtype)
            assert getattr(lg, name)(lg.tensor(x)).dtype.numpy == dtype
