"""Texts from outside: whatever is done to valid IR, reading ends in a graph, a syntax error or a verifier's error."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from lithograph.ir.errors import IRSyntaxError, LithographError, VerifyError
from lithograph.ir.parse import parse
from lithograph.ir.passes import PASSES
from lithograph.ir.text import show
from lithograph.ir.verify import verify

from ..ir.random_graphs import random_graph, symbolic

DEEP = os.environ.get("LITHOGRAPH_TEST_DEEP") == "1"
GOLDEN = Path(__file__).resolve().parent.parent / "golden"
# What texts are made of, and what they are not.
PIECES = (
    *("graph", "return", "state", "fused", "call", "constant", "add", "float32", "float32[2]", "int32[n]", "@f", "%0"),
    *("%-1", "%99999999999", "{", "}", "(", ")", "[", "]", "->", "=", ",", ":", '"', "'", "\\", "\\u0000", "#", "\n"),
    *(
        "-",
        "0",
        "-0.0",
        "1e999",
        "nan",
        "inf",
        "0x1p-1074",
        "9" * 40,
        "1" * 5000,
        "true",
        "none",
        "é",
        "\x00",
        "\ud800",
    ),
    *(
        "axes=(0,)",
        "axes=(",
        "value=",
        "type=",
        "at",
        '"a.py":1:2',
        "n*2+1",
        "float32[-1]",
        "float32[2**70]",
        "complex64",
    ),
)

KINDS = [
    re.compile(r) for r in (r"%\d+", r"(?<== )\w+(?=\()", r"\b\d+\b", r"\b(?:float|int|bool)\d*\b", r"\[.*?\]")
]


def texts() -> list[str]:
    """Valid texts: the golden files, and random graphs with regions, state and symbols."""
    found = [path.read_text() for path in sorted(GOLDEN.glob("*.ir"))]
    for seed in range(12):
        rng = np.random.default_rng(seed)
        graph = random_graph(rng, 8, state=True, calls=bool(seed % 2))[0]
        found.append(show(PASSES["fuse"](graph) if seed % 3 == 0 else graph))
        general = symbolic(rng, graph)
        if general is not None:
            found.append(show(general))
    return found


def mutated(rng: np.random.Generator, text: str, others: list[str]) -> str:
    """A text with a few wrong places."""
    for _ in range(int(rng.integers(1, 4))):
        at, end = sorted(int(k) for k in rng.integers(0, len(text) + 1, 2))
        end = min(end, at + int(rng.integers(0, 12)))
        piece = PIECES[int(rng.integers(len(PIECES)))]
        other = others[int(rng.integers(len(others)))]
        from_ = int(rng.integers(len(other)))
        match int(rng.integers(9)):
            case 0:
                text = text[:at] + text[end:]
            case 1:
                text = text[:at] + piece + text[end:]
            case 2:
                text = text[:at] + piece + text[at:]
            case 3:
                text = text[:at] + chr(int(rng.integers(1, 128))) + text[at + 1 :]
            case 4:
                text = text[:at]
            case 5 | 6:
                # One word in place of another of its kind: the syntax stays.
                kind = KINDS[int(rng.integers(len(KINDS)))]
                places = list(kind.finditer(text))
                if places:
                    place = places[int(rng.integers(len(places)))]
                    words = kind.findall(other) or [piece]
                    text = text[: place.start()] + words[int(rng.integers(len(words)))] + text[place.end() :]
            case 7:
                text = text[:at] + other[from_ : from_ + 40] + text[end:]
            case _:
                lines = text.splitlines(keepends=True)
                a, b = (int(rng.integers(len(lines))) if lines else 0 for _ in range(2))
                if lines:
                    lines[a], lines[b] = lines[b], lines[a]
                text = "".join(lines)
    return text


def read(text: str) -> str:
    """What reading a text ends in."""
    try:
        graph = parse(text)
        verify(graph)
    except (IRSyntaxError, VerifyError) as error:
        return type(error).__name__
    again = show(graph)
    assert show(parse(again)) == again
    return "graph"


@pytest.mark.parametrize("block", range(60 if DEEP else 4))
def test_mutated_texts_end_in_designed_errors(block: int) -> None:
    valid = texts()
    ended: set[str] = set()
    for seed in range(400 * block, 400 * block + 400):
        rng = np.random.default_rng(seed)
        text = mutated(rng, valid[seed % len(valid)], valid)
        try:
            ended.add(read(text))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}\n{text}") from error
    assert ended == {"graph", "IRSyntaxError", "VerifyError"}


@pytest.mark.parametrize("depth", [200, 3000])
def test_regions_in_regions(depth: int) -> None:
    """However deep, they are read or refused."""
    inner = "%1 = negative(%0) : float32[2]\n"
    for k in range(depth):
        inner = f"%1 = call(%0) graph @g{k}(%0: float32[2]) {{\n{inner}return %1\n}} : float32[2]\n"
    text = f"graph @f(%0: float32[2]) {{\n{inner}return %1\n}}"
    try:
        graph = parse(text)
        verify(graph)
        assert show(parse(show(graph))) == show(graph)
    except LithographError as error:
        assert isinstance(error, IRSyntaxError)
