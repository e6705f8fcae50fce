"""Graphs in files: IR text, and large constants in an .npz file beside it; loading runs no code."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .errors import IRSyntaxError
from .graph import Graph
from .parse import parse
from .text import show


def save_graph(path: Path, graph: Graph, notes: Sequence[str] = ()) -> None:
    """Write a graph to `path`, after notes as comments, its large constants to the .npz file beside it."""
    constants: dict[str, np.ndarray] = {}
    text = show(graph, constants=constants)
    path.write_text("".join([f"# {note}\n" for note in notes]) + text, encoding="utf-8")
    if constants:
        np.savez(path.with_suffix(".npz"), **constants)  # type: ignore[arg-type]


def load_graph(path: Path) -> Graph:
    """Read a graph, and its large constants when the .npz file of the same name is there.

    Raises:
        OSError: a file cannot be read.
        IRSyntaxError: it does not hold IR text.
    """
    beside = path.with_suffix(".npz")
    constants: dict[str, np.ndarray] = {}
    try:
        if beside.exists() and beside != path:
            with np.load(beside, allow_pickle=False) as arrays:
                constants = {name: arrays[name] for name in arrays.files}
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise IRSyntaxError(f"{path} is not IR text: it is not UTF-8 at byte {error.start}") from None
    except (ValueError, zipfile.BadZipFile) as error:
        raise IRSyntaxError(f"{beside} is no file of arrays: {error}") from None
    for array in constants.values():
        array.setflags(write=False)
    return parse(text, constants)
