"""Runs passes in order, and checks, prints, dumps and times each; knows no pass and reads no settings."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..analysis import flags_within
from ..check import outcome, outcome_difference, text_mismatch, trials
from ..errors import ArgumentError, LithographError, PassError
from ..files import save_graph
from ..graph import Graph
from ..op import Flags
from ..records import dataclass, field
from ..repro import Repro, save_repro
from ..same import difference
from ..text import show
from ..verify import verify

Pass = Callable[[Graph], Graph]


@dataclass(frozen=True, slots=True)
class Settings:
    """How passes are run.

    Attributes:
        check: 0 nothing; 1 verify after each pass; 2 also interpret before and after on random inputs and
        compare
            bits; 3 also read the text back, and run the pass again, which must then change nothing.
        debug: 0 nothing; 1 a line per pass; 2 also the graphs that passes change; to stderr.
        dump: folder that gets the graph before the first pass and after each; None for none.
        seed: of the random inputs.
    """

    check: int = 0
    debug: int = 0
    dump: str | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """One pass: seconds it took, and the number of nodes after it."""

    name: str
    seconds: float
    nodes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The optimised graph, and how long each pass took."""

    graph: Graph
    timings: list[Timing] = field(default_factory=list)


def run_passes(graph: Graph, names: Sequence[str], table: Mapping[str, Pass], settings: Settings) -> Outcome:
    """Run passes by name, in order.

    Raises:
        ArgumentError: a name is not in the table.
        VerifyError: the graph is not valid before the first pass.
        PassError: a pass failed or changed the meaning; the message names the pass and a file to repeat it
        with.
    """
    for name in names:
        if name not in table:
            raise ArgumentError(f"there is no pass {name!r}; passes are {', '.join(table)}")
    if settings.check:
        verify(graph)
    _dump(settings, graph, 0, "start")
    outcome = Outcome(graph)
    for i, name in enumerate(names):
        started = time.perf_counter()
        new = _run(name, table[name], outcome.graph, settings)
        seconds = time.perf_counter() - started
        _check(name, table[name], outcome.graph, new, settings)
        changed = new is not outcome.graph
        outcome = Outcome(new, [*outcome.timings, Timing(name, seconds, len(new.nodes))])
        _report(settings, outcome, changed)
        _dump(settings, new, i + 1, name)
    return outcome


def _run(name: str, run: Pass, graph: Graph, settings: Settings) -> Graph:
    try:
        return run(graph)
    except Exception as error:  # Whatever went wrong, the user needs the pass and a way to repeat it.
        raise _failure(name, graph, settings, f"{type(error).__name__}: {error}") from error


def _check(name: str, run: Pass, old: Graph, new: Graph, settings: Settings) -> None:
    if new is old or not settings.check:
        return
    fault = _fault(run, old, new, settings)
    if fault is not None:
        raise _failure(name, old, settings, fault)


def _fault(run: Pass, old: Graph, new: Graph, settings: Settings) -> str | None:
    try:
        verify(new)
        if [p.type for p in old.params] != [p.type for p in new.params] or old.state != new.state:
            return "the params or the state slots changed"
        fault = _changed_results(old, new, settings.seed) if settings.check >= 2 else None
        if fault is None and settings.check >= 3:
            fault = text_mismatch(new)
            again = run(new)
            if fault is None and again is not new:
                fault = difference(new, again)
                fault = fault and f"run again, it changes the graph: {fault}"
    except LithographError as error:
        return str(error)
    return fault


def _changed_results(old: Graph, new: Graph, seed: int) -> str | None:
    if Flags.ORDERED in flags_within(old)[old]:
        return None  # Its effects are for the program to have, not for a check.
    faults = (outcome_difference(t.outcome, outcome(new, t.inputs)) for t in trials(old, seed))
    return next((f for f in faults if f is not None), None)


def _failure(name: str, graph: Graph, settings: Settings, fault: str) -> PassError:
    try:
        path = save_repro(graph, settings.dump, Repro(name, settings.seed, fault))
    except OSError as error:
        return PassError(
            f"the pass {name!r} failed: {fault}\nthe graph before it could not be saved: {error}"
        )
    return PassError(
        f"the pass {name!r} failed: {fault}\n"
        f"repeat it with: lithograph opt {path} --passes {name} --check {max(settings.check, 1)} "
        f"--seed {settings.seed}"
    )


def _report(settings: Settings, outcome: Outcome, changed: bool) -> None:
    if settings.debug < 1:
        return
    last = outcome.timings[-1]
    note = "" if changed else ", unchanged"
    print(f"{last.name:12} {last.seconds * 1e3:8.3f} ms {last.nodes:6} nodes{note}", file=sys.stderr)
    if settings.debug >= 2 and changed:
        print(show(outcome.graph), file=sys.stderr)


def _dump(settings: Settings, graph: Graph, number: int, name: str) -> None:
    if settings.dump is None:
        return
    folder = Path(settings.dump)
    folder.mkdir(parents=True, exist_ok=True)
    safe = "".join([c if c.isalnum() else "_" for c in graph.name])
    save_graph(folder / f"{safe}-{number:02}-{name}.ir", graph)
