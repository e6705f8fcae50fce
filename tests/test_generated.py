"""What is made from the code is up to date, and types the methods of arrays as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .generate import FILES, ROOT

RIGHT = """
import lithograph as lg

x = lg.tensor([[1.0, 2.0]])
y: lg.Array = x.sum(axis=0, keepdims=True).exp().astype(lg.float64)
z: lg.Array = lg.sum(y, axis=(0, 1)) + lg.matmul(x, x.mT)
t: list[lg.Array] = lg.broadcast_arrays(x, y)


@lg.function
def f(a: lg.Array, *, scale: float = 1.0) -> lg.Array:
    return a.clip(0, 1) * scale


w: lg.Array = f(x, scale=2.0)
u: lg.Array = lg.random.Generator(1).normal((2,), stddev=2.0)
"""
WRONG = {
    "x.sum(axes=0)": 'Unexpected keyword argument "axes" for "sum" of "Methods"',
    "x.sum(0)": 'Too many positional arguments for "sum" of "Methods"',
    "x.exp(1)": 'Too many arguments for "exp" of "Methods"',
    "x.soom()": '"Array" has no attribute "soom"',
    "lg.sum(x, axes=0)": 'Unexpected keyword argument "axes" for "sum"',
    "lg.soom(x)": 'Module has no attribute "soom"',
    "x.reshape(2.5)": 'Argument 1 to "reshape" of "Methods" has incompatible type "float"',
    "lg.random.Generator().uniform(size=3)": 'Unexpected keyword argument "size"',
}


@pytest.mark.parametrize("name", FILES)
def test_generated_files_are_up_to_date(name: str) -> None:
    found = (ROOT / name).read_text(encoding="utf-8")
    assert found == FILES[name](), f"{name} is out of date: run ./dev generate"


def test_programs_are_type_checked_with_the_real_signatures(tmp_path: Path) -> None:
    # From the root, mypy sees only a part of the package: these links lay it out as it is installed.
    (tmp_path / "lithograph").mkdir()
    entries = [*(ROOT / "lithograph").iterdir(), *(ROOT / f for f in ("ir", "codegen", "runtime", "tracer"))]
    for entry in entries:
        (tmp_path / "lithograph" / entry.name).symlink_to(entry)
    (tmp_path / "right.py").write_text(RIGHT)
    wrong = ["import lithograph as lg", "x = lg.tensor([1.0])", *WRONG]
    (tmp_path / "wrong.py").write_text("\n".join(wrong) + "\n")
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    command = [sys.executable, "-m", "mypy", "--explicit-package-bases", "right.py", "wrong.py"]
    environment = os.environ | {"MYPYPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    said: list[str] = done.stdout.splitlines()
    assert [line for line in said if line.startswith("right.py")] == []
    for number, message in enumerate(WRONG.values(), 3):
        found = [line for line in said if line.startswith(f"wrong.py:{number}: error:") and message in line]
        assert found, f"line {number}, {message}:\n{done.stdout}{done.stderr}"
