"""The command line: its output, and one message with exit code 2 for whatever is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lithograph.cli import main

TEXT = """\
graph @main(%0 "x": float32[2], %1 "n": int32[]) {
  %2 = negative(%0) : float32[2] at "a.py":1:2
  %3 = negative(%2) : float32[2] at "a.py":1:3
  %4 = add(%3, %3) : float32[2] at "a.py":1:4
  return %4, %1
}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "main.ir"
    path.write_text(TEXT)
    return str(path)


def test_show(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", file]) == 0
    assert capsys.readouterr().out == TEXT
    assert main(["show", file, "--no-locations"]) == 0
    assert " at " not in capsys.readouterr().out


def test_opt(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["opt", file, "--passes", "simplify", "--check", "3"]) == 0
    assert capsys.readouterr().out == (
        'graph @main(%0 "x": float32[2], %1 "n": int32[]) {\n'
        '  %2 = add(%0, %0) : float32[2] at "a.py":1:4\n  return %2, %1\n}\n'
    )


def test_run(file: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([1.5, -0.0], np.float32))
    assert main(["run", file, "--inputs", f"x={tmp_path / 'x.npy'}", "1=-7"]) == 0
    assert capsys.readouterr().out == "0: float32[2] = [ 3. -0.]\n1: int32[] = -7\n"
    assert main(["run", file, "--inputs", "x=[nan, -inf]", "n=1"]) == 0
    assert capsys.readouterr().out == "0: float32[2] = [ nan -inf]\n1: int32[] = 1\n"


def test_random_inputs_are_those_of_the_seed(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for seed in ("1", "1", "2"):
        assert main(["run", file, "--seed", seed]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != said[2]


def test_native_code_and_references_agree(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", file, "--seed", "3"]) == 0
    native = capsys.readouterr().out
    assert main(["run", file, "--seed", "3", "--interpret"]) == 0
    assert capsys.readouterr().out == native


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["run", "FILE", "--inputs", "y=1"],
            "--inputs takes NAME=VALUE for params, which are x, n, but 'y=1' came",
        ),
        (["run", "FILE", "--inputs", "n=1.5"], "--inputs: '1.5' is float64, where int32 is needed"),
        (
            ["run", "FILE", "--inputs", "n=9999999999"],
            "--inputs: '9999999999' is int64, where int32 is needed",
        ),
        (
            ["run", "FILE", "--inputs", "x=[1, 2, 3]"],
            "main: input 0 (x) must be float32[2], but its shape is (3,)",
        ),
        (
            ["run", "FILE", "--inputs", "x=f()"],
            "--inputs: 'f()' is neither a Python literal nor a .npy file: "
            "malformed node or string on line 1: <ast.Call object at ",
        ),
        (["run", "FILE", "--inputs", "x=none.npy"], "none.npy: No such file or directory"),
        (["show", "none.ir"], "none.ir: No such file or directory"),
        (
            ["opt", "FILE", "--passes", "csee"],
            "there is no pass 'csee'; passes are inline, canonical, cse, fold,",
        ),
    ],
    ids=lambda x: " ".join(x[-1:]) if isinstance(x, list) else "",
)
def test_errors_are_one_message(
    arguments: list[str], message: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([file if a == "FILE" else a for a in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"lithograph {arguments[0]}: {message}")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", TEXT[:90].encode(), b"graph"])
def test_files_that_are_no_ir_are_told(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.ir"
    path.write_bytes(content)
    for command in ("show", "opt", "run"):
        assert main([command, str(path)]) == 2
        assert capsys.readouterr().err.startswith(f"lithograph {command}: ")


def test_an_invalid_graph_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.ir"
    path.write_text("graph @f(%0: float32[2]) {\n  %1 = negative(%0) : float32[3]\n  return %1\n}")
    assert main(["run", str(path)]) == 2
    assert "the results of negative are float32[3] and should be float32[2]" in capsys.readouterr().err
