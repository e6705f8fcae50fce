"""The command line: shows, optimises, runs and bisects IR files."""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .bisect import Finding, bisect, names_from
from .ir import ops as _ops  # noqa: F401 (fills the op table)
from .ir.check import random_inputs, trials
from .ir.errors import ArgumentError, LithographError
from .ir.files import load_graph
from .ir.graph import Graph, Value
from .ir.interpret import interpret
from .ir.passes import PASSES, PIPELINE, Settings, run_pipeline
from .ir.repro import read_repro
from .ir.text import show
from .ir.verify import verify
from .runtime.execute import execute


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, 1 when `bisect` found a fault, or 2 after an error, told on stderr."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "bisect":
            finding = _bisect(options)
            print(finding or "nothing changes an answer")
            return 0 if finding is None else 1
        for line in _COMMANDS[options.command](options):
            print(line)
    except LithographError as error:
        print(f"lithograph {options.command}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"lithograph {options.command}: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lithograph", description="Shows, optimises and runs programs as IR text.")
    commands = parser.add_subparsers(dest="command", required=True)
    show_command = commands.add_parser("show", help="print a program in its normal form")
    show_command.add_argument("--no-locations", action="store_true", help="leave out the places in the source")
    opt_command = commands.add_parser("opt", help="run passes and print the result")
    opt_command.add_argument(
        "--passes",
        default=",".join(PIPELINE),
        help=f"names, in order, of {', '.join(PASSES)}; default: %(default)s",
    )
    opt_command.add_argument("--check", type=int, choices=range(4), default=1, help="how much is checked (default 1)")
    opt_command.add_argument("--debug", type=int, choices=range(6), default=0, help="how much is printed to stderr")
    opt_command.add_argument("--dump", help="folder that gets the graph after each pass")
    opt_command.add_argument("--no-locations", action="store_true", help="leave out the places in the source")
    run_command = commands.add_parser("run", help="run a program and print its results")
    bisect_command = commands.add_parser(
        "bisect", help="name the first pass, op, lowering or kernel that changes an answer; exit code 1 when one does"
    )
    bisect_command.add_argument(
        "--passes", help="names, in order; default: those of config.pipeline, from the one that a repro file names on"
    )
    for command in (run_command, bisect_command):
        command.add_argument(
            "--inputs",
            nargs="+",
            default=[],
            metavar="NAME=VALUE",
            help="a Python literal or a .npy file for a param",
        )
    run_command.add_argument("--interpret", action="store_true", help="run the NumPy references instead of native code")
    for command in (opt_command, run_command):
        command.add_argument("--seed", type=int, default=0, help="of random inputs (default 0)")
    bisect_command.add_argument("--seed", type=int, help="of random inputs (default 0, or what a repro file names)")
    for command in (show_command, opt_command, run_command, bisect_command):
        command.add_argument("file", type=Path, help="IR text; large constants lie in the .npz file beside it")
    return parser


def _show(options: argparse.Namespace) -> list[str]:
    graph = load_graph(options.file)
    verify(graph)
    return [show(graph, locations=not options.no_locations).rstrip()]


def _opt(options: argparse.Namespace) -> list[str]:
    graph = load_graph(options.file)
    names = [name.strip() for name in options.passes.split(",") if name.strip()]
    settings = Settings(options.check, options.debug, options.dump, max(options.seed, 0))
    return [show(run_pipeline(graph, names, settings).graph, locations=not options.no_locations).rstrip()]


def _run(options: argparse.Namespace) -> list[str]:
    graph = load_graph(options.file)
    verify(graph)
    inputs = _inputs(options.inputs, graph, random_inputs(graph, max(options.seed, 0)))
    results = interpret(graph, inputs) if options.interpret else execute(graph, inputs)
    return [
        f"{i}: {r.type} = {np.array2string(x)}" for i, (r, x) in enumerate(zip(graph.results, results, strict=True))
    ]


def _bisect(options: argparse.Namespace) -> Finding | None:
    graph = load_graph(options.file)
    verify(graph)
    repro = read_repro(options.file)
    seed = max(options.seed or 0, 0) if options.seed is not None or repro is None else repro.seed
    if options.passes is not None:
        names = tuple([name.strip() for name in options.passes.split(",") if name.strip()])
    else:
        names = names_from(repro)
    for name in names:
        if name not in PASSES:
            raise ArgumentError(f"there is no pass {name!r}; passes are {', '.join(PASSES)}")
    chosen = [_inputs(options.inputs, graph, t.inputs) for t in trials(graph, seed)]
    findings = (bisect(graph, inputs, names, PASSES) for inputs in (chosen[:1] if options.inputs else chosen))
    return next((f for f in findings if f is not None), None)


def _inputs(given_inputs: Sequence[str], graph: Graph, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Inputs with those put in that were given as NAME=VALUE."""
    inputs = list(inputs)
    places = {name: i for i, p in enumerate(graph.params) for name in _titles(p)}
    for given in given_inputs:
        name, equals, text = given.partition("=")
        if not equals or name not in places:
            known = ", ".join([_titles(p)[0] for p in graph.params]) or "none"
            raise ArgumentError(f"--inputs takes NAME=VALUE for params, which are {known}, but {given!r} came")
        inputs[places[name]] = _value(text, graph.params[places[name]])
    return inputs


def _titles(param: Value) -> list[str]:
    """The names by which a param can be given: the user's, and its number."""
    numbers = [str(param.index), f"%{param.index}"]
    return [param.name, *numbers] if param.name else numbers


def _value(text: str, param: Value) -> np.ndarray:
    """The array that `text` means, with the param's dtype when it is a literal.

    Raises:
        ArgumentError: it is neither a literal nor a file of an array.
    """
    wanted = param.type.dtype.numpy
    try:
        if text.endswith(".npy"):
            return np.asarray(np.load(text, allow_pickle=False))
        # Python's literals have no words for these two.
        plain = re.sub(r"-?\b(nan|inf)\b", r"'\g<0>'", text)
        given = np.array(ast.literal_eval(plain), None if plain == text else wanted)
        if _fits(given, wanted):
            return given.astype(wanted)
    except FileNotFoundError:
        raise
    except (
        ValueError,
        SyntaxError,
        TypeError,
        MemoryError,
        RecursionError,
        OverflowError,
        EOFError,
    ) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArgumentError(f"--inputs: {text!r} is neither a Python literal nor a .npy file: {first}") from None
    raise ArgumentError(f"--inputs: {text!r} is {given.dtype}, where {param.type.dtype} is needed")


def _fits(given: np.ndarray, wanted: np.dtype[np.generic]) -> bool:
    if not given.size or wanted.kind == "f":
        return given.dtype.kind in "biuf"
    if wanted.kind == "b":
        return given.dtype.kind == "b"
    return given.dtype.kind in "iu" and bool((given.astype(wanted) == given).all())


_COMMANDS: dict[str, Callable[[argparse.Namespace], list[str]]] = {
    "show": _show,
    "opt": _opt,
    "run": _run,
}
