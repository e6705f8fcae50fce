"""The benchmarks work, refuse to time what is wrong, and call a missed goal a miss."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import report, run
from benchmarks.answers import error, training_error
from benchmarks.cases import CASES, Case, Goal, Training
from benchmarks.peers import FRAMEWORKS, Framework
from benchmarks.processes import ENVIRONMENT, PEERS, Process, find_frameworks
from benchmarks.report import BEGIN, END, MISS, OURS, Row
from benchmarks.training import STEPS, Trainer
from benchmarks.worker import Session

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "benchmarks" / "README.md"
TRAINING = next(c for c in CASES if isinstance(c, Training))

pytestmark = pytest.mark.alone


def test_a_quick_run_measures_every_row_and_names_missing_peers() -> None:
    before = PAGE.read_text(encoding="utf-8")
    quiet = {k: v for k, v in os.environ.items() if k != ENVIRONMENT}
    done = subprocess.run(
        [sys.executable, "benchmarks/run.py", "--quick", "--small"],
        cwd=ROOT,
        env=quiet,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for case in CASES:
        if case.quick:
            assert re.search(rf"^{re.escape(case.title)} +1 +\S+ [nµm]?s ", done.stdout, re.M), case.title
    _, absent = find_frameworks(None)
    for name in absent:
        assert f"{name}: not installed" in done.stdout
    assert "goals missed: " in done.stdout
    assert PAGE.read_text(encoding="utf-8") == before


@pytest.fixture(scope="module")
def numpy_framework() -> Iterator[Framework]:
    yield FRAMEWORKS["numpy"](1)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_every_case_is_right_in_lithograph(case: Case | Training) -> None:
    answer = Session(FRAMEWORKS["lithograph"](1)).ask({"do": "prepare", "name": case.name, "small": True})
    assert answer.get("ok"), answer


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_references_agree_with_numpy(case: Case | Training, numpy_framework: Framework) -> None:
    answer = Session(numpy_framework).ask({"do": "prepare", "name": case.name, "small": True})
    lacking = {"gelu_erf": "NumPy has no erf", "mix": "a loop over single integers is Python's own"}
    assert answer == {"missing": lacking[case.name]} if case.name in lacking else answer.get("ok"), answer


def test_a_wrong_answer_is_refused(numpy_framework: Framework) -> None:
    assert numpy_framework.ops is not None
    off_by_little = replace(numpy_framework.ops, softmax=lambda x: numpy_framework.ops.softmax(x) * 1.0001)  # type: ignore[union-attr]
    session = Session(replace(numpy_framework, ops=off_by_little))
    answer = session.ask({"do": "prepare", "name": "softmax", "small": True})
    assert run.outcome(answer).startswith("WRONG (1")
    assert session.ask({"do": "time", "name": "softmax", "budget": 0.01}) == {"failed": "KeyError: 'softmax'"}


def test_wrong_training_is_refused(numpy_framework: Framework) -> None:
    start = TRAINING.make(np.random.default_rng(1), True)

    def slower(rate: float) -> float:
        trainer = Trainer(*start, np.float32)
        losses = [trainer.step() for _ in range(STEPS)]
        params = {k: start[0][k] + rate * (p - start[0][k]) for k, p in trainer.params.items()}
        return training_error(losses, params, start)

    assert slower(1.0) < 1 < slower(0.97)


@pytest.mark.parametrize(
    "result",
    [
        np.array([1, np.nan], np.float32),
        np.array([[1, 2]], np.float32),
        np.array([1, 2], np.float64),
        np.array([1, 2.001], np.float32),
    ],
    ids=["nan", "shape", "dtype", "value"],
)
def test_an_answer_of_another_kind_is_wrong(result: np.ndarray) -> None:
    right = np.array([1.0, 2.0])
    assert error([right.astype(np.float32)], [right]) == 0
    assert error([result], [right]) > 1e-4
    assert error([], [right]) == float("inf")


def test_the_written_out_gradient_is_the_loss_s() -> None:
    params, x, y = TRAINING.make(np.random.default_rng(3), True)
    trainer = Trainer(params, x, y, np.float64)
    _, gradients = trainer.loss_and_gradients()
    rng, step = np.random.default_rng(4), 1e-6
    for key, gradient in gradients.items():
        direction = rng.standard_normal(gradient.shape)
        losses = []
        for sign in (1, -1):
            moved = Trainer({**params, key: params[key] + sign * step * direction}, x, y, np.float64)
            losses.append(moved.loss_and_gradients()[0])
        slope = (losses[0] - losses[1]) / (2 * step)
        # Differences of losses near 3 carry 4e-16 / 1e-6 of rounding, and a relu may switch in between.
        assert slope == pytest.approx(float(np.sum(gradient * direction)), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(
    ("goal", "seconds", "verdict"),
    [
        (Goal(), {OURS: 1.0}, ""),
        (Goal(), {"numpy": 1.0}, MISS),
        (Goal(seconds=1.0), {OURS: 1.0}, "ok"),
        (Goal(seconds=1.0), {OURS: 1.1, "numpy": 9.0}, MISS),
        (Goal(ratio=1.3, against=("jax", "torch")), {OURS: 1.2, "jax": 1.0, "numpy": 0.1}, "ok"),
        (Goal(ratio=1.3, against=("jax", "torch")), {OURS: 1.2, "jax": 1.0, "torch": 0.9}, MISS),
        (Goal(ratio=1.3, against=("jax", "torch")), {OURS: 1.2, "numpy": 1.0}, "no peer"),
    ],
)
def test_verdicts(goal: Goal, seconds: dict[str, float], verdict: str) -> None:
    assert Row("x", 1, goal, seconds).verdict == verdict


def test_a_row_shows_what_failed_and_who_is_fastest() -> None:
    row = Row(
        "x", 2, Goal(seconds=3e-7), {OURS: 4e-7, "jax": 2e-6, "numpy": 1e-6}, {"torch": "WRONG (1e-2 > 1e-4)"}
    )
    assert report.cells(row) == [
        "x", "2", "400 ns", "1 µs", "2 µs", "WRONG (1e-2 > 1e-4)", "", "0.40 × numpy", "≤ 300 ns", MISS,
    ]  # fmt: skip


def test_the_page_is_rewritten_between_its_markers_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    report.write(page, [Row("x", 1, Goal(), {OURS: 1.0})], "lithograph 1", ["a remark"])
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\nMeasured 2")
    assert text.endswith(f"| x | 1 | 1 s |  |  |  |  |  |  |  |\n{END}\nafter\n")
    assert "lithograph 1.\n- a remark\n\n" in text and "old" not in text
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"page\.md has no lines"):
        report.write(page, [], "", [])


def test_our_page_has_the_markers() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1


@pytest.mark.parametrize("argv", [["--write", "--quick"], ["--cases", "nothing"], ["--peers", "nothing"]])
def test_bad_arguments_are_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run.main(argv)
    assert stopped.value.code == 2
    assert (
        "--write takes a whole run" if "--write" in argv else "'nothing' is none of"
    ) in capsys.readouterr().err


def test_an_interpreter_that_does_not_run_is_refused() -> None:
    with pytest.raises(SystemExit, match="/nowhere/python does not run"):
        find_frameworks("/nowhere/python")


def test_a_framework_whose_process_ends_is_an_answer(tmp_path: Path) -> None:
    process = Process("nothing", 1, sys.executable, str(tmp_path))
    try:
        assert "KeyError: 'nothing'" in str(process.hello["failed"])
        assert "KeyError: 'nothing'" in str(process.ask("chain")["failed"])
    finally:
        process.close()


def test_numpy_is_always_a_peer() -> None:
    pythons, absent = find_frameworks(None)
    assert pythons["numpy"] == pythons[OURS] == sys.executable
    assert {*pythons, *absent} == {OURS, *PEERS}
