"""Measures Lithograph beside its peers, and says which goals it misses: see README.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.cases import BY_NAME, CASES, Case, Goal, Training
from benchmarks.processes import (
    PEERS,
    Answer,
    Process,
    find_frameworks,
    import_seconds,
    versions,
)
from benchmarks.report import HEAD, MISS, OURS, Row, cells, line, write

QUIET = 0.1
"""Cores that others may use during a turn; beyond that it is repeated, once."""


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds of turns, seconds a turn, processes for the best import and first call."""

    rounds: int
    turn_s: float
    starts: int


FULL = Effort(rounds=3, turn_s=0.08, starts=2)
QUICK = Effort(rounds=2, turn_s=0.05, starts=1)
PAGE = Path(__file__).resolve().parent / "README.md"
LEFT_OUT_QUICK = "left out of a quick run: compiling its cases takes minutes"


def outcome(answer: Answer) -> str:
    """Why an answer may not be timed, in a word or two; nothing when it may."""
    if "missing" in answer:
        return "-"
    if "failed" in answer:
        return "failed"
    if not answer["ok"]:
        return f"WRONG ({cast(float, answer['error']):.1e} > {cast(float, answer['most']):.0e})"
    return ""


class Run:
    """One measurement: which frameworks there are, what was measured, what was noticed.

    Attributes:
        rows: in the order measured.
        remarks: what a reader of the figures has to know.
        hellos: each framework's first words.
    """

    def __init__(self, pythons: Mapping[str, str], effort: Effort, cache: str, small: bool) -> None:
        self.pythons = pythons
        self.effort = effort
        self.cache = cache
        self.small = small
        self.rows: list[Row] = []
        self.remarks: list[str] = []
        self.hellos: dict[str, Answer] = {}
        self.turns = self.disturbed = 0

    def add(self, row: Row) -> None:
        self.rows.append(row)
        print(line(cells(row)), flush=True)

    def note(self, what: str, framework: str, answer: Answer) -> str:
        """An answer's outcome; failures and wrong answers are remarked upon."""
        said = outcome(answer)
        if said not in ("", "-"):
            self.remarks.append(f"{what}, {framework}: {answer.get('failed', said)}")
        return said

    @contextmanager
    def process(self, framework: str, threads: int, cache: str) -> Iterator[Process]:
        process = Process(framework, threads, self.pythons[framework], cache)
        try:
            yield process
        finally:
            process.close()

    def starting(self) -> None:
        """Import, first call in a warm process and in a cold one whose object cache is filled, tracing."""
        imports = {
            name: import_seconds(name, python, self.cache, self.effort.starts + (name == OURS))
            for name, python in self.pythons.items()
            if name != "numpy"
        }
        self.add(Row("import, beyond NumPy's", 1, Goal(seconds=0.15), imports))
        kinds = (
            "first call, 10 ops, nothing cached",
            "first call, 10 ops, new process, cached",
            "trace, an op",
        )
        goals = (Goal(seconds=0.03), Goal(seconds=0.06), Goal(seconds=25e-6))
        times: list[dict[str, list[float]]] = [{}, {}, {}]
        notes: list[dict[str, str]] = [{}, {}, {}]
        for turn in range(self.effort.starts):
            for name in self.pythons:
                if name == "numpy" or (turn and name == "torch"):  # it takes seconds
                    continue
                answers: list[Answer] = []
                with tempfile.TemporaryDirectory(prefix="lithograph-bench-") as cache:
                    with self.process(name, 1, cache) as process:
                        answers.append(process.ask("first", warm=True))
                        trace = process.ask("chain")
                    with self.process(name, 1, cache) as process:
                        answers.append(process.ask("first", warm=False))
                for k, answer in enumerate([*answers, trace]):
                    said = self.note(kinds[k], name, answer)
                    if said:
                        notes[k][name] = said
                    else:
                        times[k].setdefault(name, []).append(cast(float, answer["seconds"]))
        for k, kind in enumerate(kinds):
            least = {name: min(found) for name, found in times[k].items()}
            self.add(Row(kind, 1, goals[k], least, notes[k]))

    def timing(self, cases: Sequence[Case | Training], threads: int) -> None:
        """All cases on so many threads: each framework's answer is checked, then they take turns."""
        processes: dict[str, Process] = {}
        try:
            for name, python in self.pythons.items():
                processes[name] = Process(name, threads, python, self.cache)
                self.hellos[name] = processes[name].hello
            for case in cases:
                self.add(self.row(case, threads, processes))
        finally:
            for process in processes.values():
                process.close()

    def row(self, case: Case | Training, threads: int, processes: Mapping[str, Process]) -> Row:
        """One case; a framework's time is the least of its turns' medians."""
        notes: dict[str, str] = {}
        for name, process in processes.items():
            said = self.note(case.title, name, process.ask("prepare", name=case.name, small=self.small))
            if said:
                notes[name] = said
        times: dict[str, list[float]] = {name: [] for name in processes if name not in notes}
        for _ in range(self.effort.rounds):
            for name, found in times.items():
                answer = self.turn(processes[name], case.name)
                if "seconds" in answer:
                    found.append(cast(float, answer["seconds"]))
                else:
                    notes[name] = self.note(case.title, name, answer)
        for process in processes.values():
            process.ask("drop", name=case.name)
        least = {name: min(found) for name, found in times.items() if found and name not in notes}
        return Row(case.title, threads, case.goal, least, notes)

    def turn(self, process: Process, name: str) -> Answer:
        answer = process.ask("time", name=name, budget=self.effort.turn_s)
        if cast(float, answer.get("others", 0.0)) > QUIET:
            again = process.ask("time", name=name, budget=self.effort.turn_s)
            if cast(float, again.get("others", 0.0)) < cast(float, answer["others"]):
                answer = again
        self.turns += 1
        self.disturbed += cast(float, answer.get("others", 0.0)) > QUIET
        return answer


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows and short turns, without torch")
    parser.add_argument("--small", action="store_true", help="small inputs: shows that it works")
    parser.add_argument("--peers-python", metavar="PATH", help="an interpreter that has jax, torch and numba")
    parser.add_argument("--peers", metavar="A,B", help=f"only these of {', '.join(PEERS)}")
    parser.add_argument("--cases", metavar="A,B", help="only these of " + ", ".join(c.name for c in CASES))
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args(argv)
    for chosen, known in ((options.peers, PEERS), (options.cases, [c.name for c in CASES])):
        for name in chosen.split(",") if chosen else ():
            if name not in known:
                parser.error(f"{name!r} is none of {', '.join(known)}")
    if options.write and (options.small or options.quick or options.cases or options.peers):
        parser.error("--write takes a whole run")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 unless an answer of ours is wrong or missing."""
    options = arguments(argv)
    effort = QUICK if options.quick else FULL
    wanted = options.peers.split(",") if options.peers else list(PEERS)
    pythons, absent = find_frameworks(options.peers_python, wanted)
    if options.quick and "torch" in pythons and not options.peers:
        del pythons["torch"]
        absent["torch"] = LEFT_OUT_QUICK
    for name, why in absent.items():
        print(f"{name}: {why}")
    cases: list[Case | Training] = [c for c in CASES if c.quick or not options.quick]
    if options.cases:
        cases = [BY_NAME[name] for name in options.cases.split(",")]
    counts = [1, 2] if (os.cpu_count() or 1) > 1 and not options.quick else [1]
    print(line(HEAD), flush=True)
    # Inductor takes seconds for a case, so what it made is kept from run to run.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lithograph-bench"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    run = Run(pythons, effort, str(cache), options.small)
    if not options.cases:
        run.starting()
    for threads in counts:
        chosen = [c for c in cases if threads == 1 or c.two_threads]
        run.timing(chosen, threads)
    run.remarks += [f"{name}: {why}" for name, why in absent.items()]
    run.remarks.append(f"others used more than {QUIET} of a core in {run.disturbed} of {run.turns} turns")
    missed = [f"{row.title} ({row.threads} threads)" for row in run.rows if row.verdict == MISS]
    print("\n" + "\n".join([versions(run.hellos), *run.remarks]))
    print(f"goals missed: {', '.join(missed) if missed else 'none'}")
    if options.write:
        write(PAGE, run.rows, versions(run.hellos), run.remarks)
    return 1 if any(OURS not in row.seconds for row in run.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
