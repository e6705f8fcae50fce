"""Programs that are wrong, one per file, and the whole text of the error that each must end in.

A case is a program, `case_*.py` in this folder for the ops and the IR, `user/*.py` for what users import; beside it
stands the error as a text file: class, colon, message. Folders are left out of the location, so that a text holds
wherever the project lies. A program may define `unchanged()`: after the error it must still say True.
"""

from __future__ import annotations

import json
import operator
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lithograph as lg
from lithograph.elsewhere import NAMES
from lithograph.ir.stage import current, default

from ..rows.numpy_stage import numpy_stage

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CASES = sorted(HERE.glob("case_*.py"))
USER = sorted((HERE / "user").glob("*.py"))
# Words that only a failure of our own would say.
INTERNAL = ("NoneType' object", "has no attribute", "AssertionError", "KeyError", "SystemError")


def outcome_of(path: Path) -> str:
    """Run a case; the error it ends in."""
    program = compile(path.read_text(), str(path), "exec")
    space: dict[str, object] = {"__name__": "case"}
    try:
        exec(program, space)
    except Exception as error:
        text = f"{type(error).__name__}: {error}".replace(f"{path.parent}/", "")
    else:
        text = "no error"
    check = space.get("unchanged", lambda: True)
    assert callable(check) and check(), f"{path.stem}: the error left a change behind"
    return text


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_the_error_reads_as_designed(path: Path, golden: Callable[[Path, str], None]) -> None:
    with numpy_stage():
        golden(path.with_suffix(".txt"), outcome_of(path) + "\n")


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_the_error_is_the_same_eagerly(path: Path) -> None:
    expected = path.with_suffix(".txt").read_text().replace("a Held was given", "a Tensor was given")
    assert outcome_of(path) + "\n" == expected


@pytest.mark.parametrize("path", USER, ids=lambda p: p.stem)
def test_users_read(path: Path, golden: Callable[[Path, str], None]) -> None:
    text = outcome_of(path)
    assert text != "no error"
    assert not any(word in text for word in INTERNAL)
    golden(path.with_suffix(".txt"), text + "\n")
    assert current() is default[0] and (lg.tensor([1.0]) + 1).tolist() == [2]
    assert lg.function(lambda x: x + 1)(1.0) == 2


TWIN = """
import json, sys
from pathlib import Path
from tests.errors.test_errors import USER, outcome_of
print(json.dumps({path.stem: outcome_of(path) for path in USER}))
"""


def test_the_twin_of_the_native_path_says_the_same() -> None:
    environment = dict(os.environ, LITHOGRAPH_NATIVE="0", PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path]))
    done = subprocess.run(
        [sys.executable, "-c", TWIN], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert json.loads(done.stdout) == {p.stem: p.with_suffix(".txt").read_text()[:-1] for p in USER}


def test_there_are_cases() -> None:
    assert len(CASES) >= 30 and len(USER) >= 130


@pytest.mark.parametrize(("other", "ours"), NAMES.items())
def test_names_of_other_frameworks_lead_to_ours(other: str, ours: str) -> None:
    assert callable(operator.attrgetter(ours)(lg))
    with pytest.raises(AttributeError, match=f"no attribute '{other}'; it is lithograph.{re.escape(ours)} here$"):
        getattr(lg, other)


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match=r"^module 'lithograph' has no attribute 'nothing'$"):
        lg.nothing  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(lg, "nothing")
