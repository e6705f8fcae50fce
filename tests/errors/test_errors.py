"""Programs that are wrong, one per file, and the whole text of the error that each must end in.

A case is a program `case_*.py` in this folder, and beside it the error as a text file: class, colon, message.
Folders are left out of the location, so that a text holds wherever the project lies.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ..rows.numpy_stage import numpy_stage

HERE = Path(__file__).resolve().parent
CASES = sorted(HERE.glob("case_*.py"))


def outcome_of(path: Path) -> str:
    """Run a case; the error it ends in."""
    program = compile(path.read_text(), str(path), "exec")
    try:
        with numpy_stage():
            exec(program, {"__name__": "case"})
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace(f"{HERE}/", "")
    return "no error"


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_the_error_reads_as_designed(path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(path.with_suffix(".txt"), outcome_of(path) + "\n")


def test_there_are_cases() -> None:
    assert len(CASES) >= 30
