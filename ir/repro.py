"""Repro files: a graph that something was done wrong to, and in comments what, on which inputs; it knows no pass."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from .errors import IRSyntaxError
from .files import save_graph
from .graph import Graph
from .records import dataclass

KERNELS: Final = "kernels"
"""What a repro names instead of a pass when code generation was at fault; its graph is fused."""


@dataclass(frozen=True, slots=True)
class Repro:
    """What the head of a repro file says.

    Attributes:
        name: the pass that was wrong, or `KERNELS`.
        seed: of the random inputs.
        fault: what was wrong, in words.
    """

    name: str
    seed: int
    fault: str


def save_repro(graph: Graph, folder: str | None, repro: Repro) -> Path:
    """Write a repro to a new file in a folder, the one for temporary files by default; its path.

    Raises:
        OSError: it cannot be written.
    """
    home = Path(folder or tempfile.gettempdir())
    home.mkdir(parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(prefix=f"{repro.name}-", suffix=".ir", dir=home)
    os.close(handle)
    faults = [f"fault: {line}" for line in repro.fault.splitlines()]
    save_graph(Path(path), graph, [f"pass: {repro.name}", f"seed: {repro.seed}", *faults])
    return Path(path)


def read_repro(path: Path) -> Repro | None:
    """What the head of a file says; None when it is a program and no repro.

    Raises:
        OSError: the file cannot be read.
        IRSyntaxError: the head names no seed, or one that is no number.
    """
    said: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line.startswith("# "):
            break
        key, _, rest = line.removeprefix("# ").partition(": ")
        said.setdefault(key, []).append(rest)
    if "pass" not in said:
        return None
    seed = said.get("seed", [""])[0]
    if not seed.isdecimal():
        raise IRSyntaxError(f"{path} is no repro: it names a pass and no seed, as in '# seed: 0'")
    return Repro(said["pass"][0], int(seed), "\n".join(said.get("fault", [])))
