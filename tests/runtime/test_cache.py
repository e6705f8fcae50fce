"""The object cache on bad disks: results are right, one warning at most says why it is not used."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import lithograph as lg
from lithograph.codegen import cache

from .processes import ROOT, output_of, run

PROGRAM = """
import numpy as np, lithograph as lg
f = lg.function(lambda x: lg.exp(x) * 2 + 1)
x = np.zeros(5, np.float32)
print(f(x).tolist(), (lg.tensor(x) + 1).tolist(), lg.function(lambda x: (x * 3).sum())(x).item())
"""
RIGHT = f"{[3.0] * 5} {[1.0] * 5} 0.0\n"
ADVICE = "Programs are compiled anew in each process; set LITHOGRAPH_CACHE to a directory that only you can write"


def warnings_of(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if "Warning" in line]


def test_filled_and_used(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "anew"
    done = run(PROGRAM, LITHOGRAPH_CACHE=str(folder))
    assert (done.stdout, done.stderr) == (RIGHT, "")
    entries = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert len(entries) >= 3 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert run(PROGRAM, LITHOGRAPH_CACHE=str(folder)).stdout == RIGHT
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == entries


@pytest.mark.parametrize("case", ["a file", "others can write", "below a file"])
def test_a_directory_that_cannot_be_used(tmp_path: Path, case: str) -> None:
    folder = tmp_path / "cache"
    if case == "others can write":
        folder.mkdir()
        folder.chmod(0o777)
    else:
        folder.write_text("in the way")
        folder = folder / "below" if case == "below a file" else folder
    done = run(PROGRAM, LITHOGRAPH_CACHE=str(folder))
    assert done.stdout == RIGHT
    (only,) = warnings_of(done.stderr)
    assert f"lithograph: the object cache {folder} is not used: " in only and ADVICE in only
    assert not folder.is_dir() or not list(folder.iterdir())


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write everywhere")
def test_a_directory_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = run(PROGRAM, LITHOGRAPH_CACHE=str(tmp_path))
    tmp_path.chmod(0o700)
    assert done.stdout == RIGHT and len(warnings_of(done.stderr)) == 1


def test_off_says_nothing(tmp_path: Path) -> None:
    done = run(PROGRAM, LITHOGRAPH_CACHE="off", XDG_CACHE_HOME=str(tmp_path))
    assert (done.stdout, done.stderr) == (RIGHT, "") and not list(tmp_path.iterdir())


def test_damaged_entries_are_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert output_of(PROGRAM, LITHOGRAPH_CACHE=str(folder)) == RIGHT
    entries = sorted(folder.iterdir())
    whole = {p.name: p.read_bytes() for p in entries}

    def damaged(kind: int, body: bytes) -> bytes:
        flipped = bytes([body[0] ^ 1]) + body[1:], body[:-1] + bytes([body[-1] ^ 1])
        return [b"", body[:20], body[: len(body) // 2], *flipped, body + b"more", os.urandom(len(body))][kind]

    for kind in range(7):
        for entry in entries:
            entry.write_bytes(damaged(kind, whole[entry.name]))
        done = run(PROGRAM, LITHOGRAPH_CACHE=str(folder))
        assert (done.stdout, done.stderr) == (RIGHT, "")
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == whole


def test_an_entry_of_another_program_is_not_run(tmp_path: Path) -> None:
    """Entries are found by name: one that holds another program's whole object counts as damaged."""
    folder = tmp_path / "cache"
    assert output_of(PROGRAM, LITHOGRAPH_CACHE=str(folder)) == RIGHT
    entries = sorted(folder.iterdir(), key=lambda p: p.stat().st_size)
    entries[0].write_bytes(entries[1].read_bytes())
    done = run(PROGRAM, LITHOGRAPH_CACHE=str(folder))
    assert done.stdout == RIGHT and done.returncode == 0, done.stderr


def test_processes_fill_one_cache(tmp_path: Path) -> None:
    environment = dict(os.environ, LITHOGRAPH_CACHE=str(tmp_path / "cache"), PYTHONPATH=str(ROOT))
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.communicate(timeout=120) == (RIGHT, "")
    assert not [p for p in (tmp_path / "cache").iterdir() if p.name.startswith(".new-")]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    before = lg.config.cache
    lg.config.cache = str(tmp_path)
    tmp_path.chmod(0o700)
    yield tmp_path
    lg.config.cache = before


def test_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> int:
        raise OSError(28, "No space left on device")

    assert cache.directory() == folder
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for place in ("replace", "fdopen"):
            with monkeypatch.context() as patched:
                patched.setattr(os, place, full)
                for k in range(3):
                    f = lg.function(lambda x, k=k, place=place: x * (k + 41.5) - len(place))
                    assert f(lg.tensor([2.0])).tolist() == [2 * (k + 41.5) - len(place)]
    assert len(said) == 1 and "No space left on device" in str(said[0].message)
    assert not list(folder.iterdir())
