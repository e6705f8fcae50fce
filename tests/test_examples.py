"""The examples that are read cell by cell print what they say they print."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted(Path(__file__).resolve().parent.parent.joinpath("examples").glob("*.py"))
CELLS = [path for path in EXAMPLES if "# %%" in path.read_text()]


@pytest.mark.parametrize("path", CELLS, ids=lambda p: p.stem)
def test_it_prints_what_it_says(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = [line.removeprefix("#> ") for line in path.read_text().splitlines() if line.startswith("#> ")]
    runpy.run_path(str(path), run_name="__main__")
    assert said and capsys.readouterr().out.splitlines() == said


def test_there_are_some() -> None:
    assert CELLS
