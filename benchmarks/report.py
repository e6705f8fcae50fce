"""Figures as people read them: rows, verdicts, tables; it measures nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from .cases import Goal

OURS: Final = "lithograph"
COLUMNS: Final = (OURS, "numpy", "jax", "torch", "numba")
BEGIN: Final = "<!-- figures: begin -->"
END: Final = "<!-- figures: end -->"
MISS: Final = "MISS"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        title: what was measured.
        threads: on how many.
        goal: what ours has to reach.
        seconds: for each framework that gave a right answer, its time.
        notes: for each that did not, why not, in a word or two.
    """

    title: str
    threads: int
    goal: Goal
    seconds: Mapping[str, float]
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def fastest(self) -> str | None:
        """The fastest peer."""
        peers = [name for name in self.seconds if name != OURS]
        return min(peers, key=lambda name: self.seconds[name]) if peers else None

    def ratio(self, against: Sequence[str] = ()) -> float | None:
        """Our time over the fastest of these peers', or of all; None when one of the two is missing."""
        peers = [s for name, s in self.seconds.items() if name != OURS and (not against or name in against)]
        return self.seconds[OURS] / min(peers) if peers and OURS in self.seconds else None

    @property
    def verdict(self) -> str:
        """Either "ok" or MISS; "no peer" where the goal's peers gave no figure; nothing without a goal."""
        goal = self.goal
        if OURS not in self.seconds:
            return MISS
        if goal.seconds is not None:
            return "ok" if self.seconds[OURS] <= goal.seconds else MISS
        if goal.ratio is None:
            return ""
        ratio = self.ratio(goal.against)
        return "no peer" if ratio is None else "ok" if ratio <= goal.ratio else MISS


def duration(seconds: float) -> str:
    """Three digits and a unit: 1.25e-6 is '1.25 µs'."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def goal_text(goal: Goal) -> str:
    if goal.seconds is not None:
        return f"≤ {duration(goal.seconds)}"
    if goal.ratio is None:
        return ""
    return f"≤ {goal.ratio:g} × {' or '.join(goal.against) or 'fastest'}"


def cells(row: Row) -> list[str]:
    """A row's texts: title, threads, frameworks, ratio to the fastest peer, goal, verdict."""
    ratio = row.ratio()
    times = [duration(row.seconds[c]) if c in row.seconds else row.notes.get(c, "") for c in COLUMNS]
    return [
        row.title,
        str(row.threads),
        *times,
        "" if ratio is None else f"{ratio:.2f} × {row.fastest}",
        goal_text(row.goal),
        row.verdict,
    ]


HEAD: Final = ["", "threads", *COLUMNS, "ours / fastest peer", "goal", ""]
_WIDTHS: Final = (40, 7, *(10 for _ in COLUMNS), 19, 20, 7)


def line(texts: Sequence[str]) -> str:
    """Texts in columns for a terminal."""
    return " ".join(t.ljust(w) for t, w in zip(texts, _WIDTHS, strict=True)).rstrip()


def markdown(rows: Sequence[Row]) -> str:
    lines = [HEAD, ["---"] * len(HEAD), *[cells(row) for row in rows]]
    return "\n".join("| " + " | ".join(texts) + " |" for texts in lines)


def machine() -> str:
    """The processor, its cores, the system and Python."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            named = [text.partition(":")[2].strip() for text in lines if text.startswith("model name")]
        model = named[0] if named else model
    system = f"{platform.system()} {platform.machine()}"
    return f"{model}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def write(path: Path, rows: Sequence[Row], versions: str, remarks: Sequence[str]) -> None:
    """Replace what stands between the markers of a page.

    Raises:
        SystemExit: the page lacks the markers.
    """
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"benchmarks: {path.name} has no lines {BEGIN} and {END}")
    today = datetime.now(UTC).date().isoformat()
    said = "".join(f"\n- {remark}" for remark in remarks)
    head = f"Measured {today}: {machine()}; {versions}.{said}"
    path.write_text(f"{before}{begin}\n{head}\n\n{markdown(rows)}\n{end}{after}", encoding="utf-8")
