"""Repro files, each a graph that once was compiled wrong: whatever lies in `repros/` is run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from lithograph.cli import main
from lithograph.ir.files import load_graph
from lithograph.ir.passes import Settings, run_pipeline
from lithograph.ir.repro import KERNELS, read_repro

REPROS = sorted((Path(__file__).resolve().parent / "repros").glob("*.ir"))


@pytest.mark.parametrize("path", REPROS, ids=lambda p: p.stem)
def test_what_was_wrong_is_right(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repro = read_repro(path)
    assert repro is not None, f"{path} must start with '# pass: NAME' and '# seed: N'"
    if repro.name != KERNELS:
        settings = Settings(check=3, seed=repro.seed, dump=str(tmp_path))
        run_pipeline(load_graph(path), [repro.name], settings)
    code = main(["bisect", str(path)])
    assert code == 0, capsys.readouterr().out


def test_there_are_repros() -> None:
    assert REPROS
