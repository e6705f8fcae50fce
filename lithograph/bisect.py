"""Finding what first goes wrong on a program's way to native code: a pass, an op's body, a lowering or a kernel."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from .codegen.build import build
from .codegen.interpret import StepFailed, run_program
from .codegen.program import Program
from .codegen.target import host
from .ir.check import array_difference, floats_between, outcome, outcome_difference
from .ir.config import config
from .ir.errors import LithographError
from .ir.graph import Graph, Node, Value
from .ir.interpret import bind_sizes, evaluate
from .ir.loc import Loc
from .ir.op import Host, Literal, Structural
from .ir.passes import Pass
from .ir.passes.fuse import fuse
from .ir.records import dataclass
from .ir.repro import KERNELS, Repro
from .ir.specialise import specialised
from .ir.text import show
from .ir.verify import verify
from .runtime.compare import compare_steps


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that changes an answer.

    Attributes:
        what: "pass", "op", "lowering" or "kernel".
        name: which one.
        fault: how the answer changes, in words.
        text: what it was at work on.
        loc: where the op at fault was written.
    """

    what: str
    name: str
    fault: str
    text: str
    loc: Loc | None = None

    def __str__(self) -> str:
        at = "" if self.loc is None else "\n  at {}:{}".format(*self.loc.position[:2])
        return f"the {self.what} {self.name!r} changes an answer: {self.fault}{at}\n\n{self.text.rstrip()}"


def bisect(
    graph: Graph, inputs: Sequence[np.ndarray], names: Sequence[str], passes: Mapping[str, Pass]
) -> Finding | None:
    """The first thing that changes an answer on the way to native code; None when nothing does.

    Each pass is tried by the references, before and after. Then, op by op, the body of each row against its reference;
    each kernel's lowering against the bodies of its ops; and each kernel of the native program against its
    interpretation.

    Args:
        graph: the program.
        inputs: in the order of its params; state enters with them.
        names: the passes to run, in order; what they leave unfused is fused before code is generated.
        passes: all passes by name.

    Raises:
        ArgumentError, DTypeError, ShapeError: the inputs do not fit.
    """
    sizes = bind_sizes(graph, inputs)
    before = outcome(graph, inputs)
    for name in names:
        new = graph
        try:
            new = passes[name](graph)
            verify(new)
            fault = None if new is graph else outcome_difference(before, outcome(new, inputs))
        except Exception as error:  # Whatever it is, it is the pass that was asked for.
            fault = f"it fails with {type(error).__name__}: {error}"
        if fault is not None:
            return Finding("pass", name, fault, show(graph))
        graph = new
    final = fuse(specialised(graph, sizes))
    try:
        _walk(final, inputs)
    except _Found as found:
        return found.finding
    except LithographError:
        pass  # The program fails on these inputs; the steps below are followed up to there.
    step = compare_steps(final, inputs)
    return None if step is None else Finding("kernel", step.name, step.fault, step.text)


class _Found(Exception):
    """Ends the walk over a program at what is at fault."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.what)
        self.finding = finding


def names_from(repro: Repro | None) -> tuple[str, ...]:
    """The passes that run by default: the pipeline's, for a repro those from the one at fault on."""
    if repro is None:
        return config.pipeline
    if repro.name == KERNELS:
        return ()
    if repro.name not in config.pipeline:
        return (repro.name,)
    return config.pipeline[config.pipeline.index(repro.name) :]


def _walk(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The results of a graph by the bodies of its ops.

    Raises:
        _Found: an op or a lowering is at fault.
        LithographError: a check fails.
    """
    known: dict[Value, np.ndarray] = dict(zip(graph.params, inputs, strict=True))
    for node in graph.nodes:
        args = [known[a] for a in node.args]
        if isinstance(node.op.lowering, Structural):
            regions = [functools.partial(_walk, region) for region in node.regions]
            made = node.op.lowering.meaning(node, node.attrs, regions, args)
            if node.op.name == "fused":
                _check_lowering(node, args, made)
        else:
            made = [_by_body(node, args)]
        known.update(zip(node.results, made, strict=True))
    return [known[r] for r in graph.results]


def _by_body(node: Node, args: Sequence[np.ndarray]) -> np.ndarray:
    try:
        meant = evaluate(node, args, {})
    except LithographError as error:
        if not isinstance(node.op.lowering, Host) and _interpreted(node, args) is not None:
            raise _fault_of(node, f"its body gives results where its reference says: {error}") from None
        raise
    if isinstance(node.op.lowering, Host | Literal):
        return meant
    found = _interpreted(node, args)
    if found is None:
        raise _fault_of(node, "its body fails where its reference gives results")
    (made,) = found
    accuracy, most = node.op.accuracy, 0.0
    if accuracy is not None:
        # The reference is rounded too.
        most = 1.0 + math.ceil(max(accuracy.float32, accuracy.float64))
    wrong = floats_between(meant, made) > most
    if wrong.any():
        at = np.unravel_index(int(wrong.argmax()), wrong.shape)
        place = [int(i) for i in at]
        raise _fault_of(node, f"its reference gives {meant[at]!r} at {place}, its body {made[at]!r}")
    return made


def _fault_of(node: Node, fault: str) -> _Found:
    return _Found(Finding("op", node.op.name, fault, show(_alone(node)), node.loc))


def _check_lowering(node: Node, args: Sequence[np.ndarray], meant: Sequence[np.ndarray]) -> None:
    name = node.regions[0].name
    made = _interpreted(node, args)
    if made is None:
        raise _Found(Finding("lowering", name, "it fails where its ops do not", _program(node).kernels(), node.loc))
    for number, (expected, found) in enumerate(zip(meant, made, strict=True)):
        fault = array_difference(expected, found)
        if fault is not None:
            text = f"{show(node.regions[0])}\n{_program(node).kernels()}"
            raise _Found(Finding("lowering", name, f"result {number} {fault}", text, node.loc))


def _alone(node: Node) -> Graph:
    """A graph of one node."""
    params = {a: Value(a.type, None, k) for k, a in enumerate(dict.fromkeys(node.args))}
    types = tuple([r.type for r in node.results])
    made = Node(node.op, tuple([params[a] for a in node.args]), node.attrs, types, node.loc, node.regions)
    return Graph(node.op.name, tuple(params.values()), (made,), made.results)


def _program(node: Node) -> Program:
    return build(fuse(_alone(node)), host(), lambda *_: 0)


def _interpreted(node: Node, args: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    """The results of a node, by the interpretation of what it is lowered to; None where a check fails."""
    program = _program(node)
    given = dict(zip(node.args, args, strict=True))
    memory: dict[int, np.ndarray] = {}
    try:
        for _, written in run_program(program, list(given.values())):
            memory.update({s.number: w.values for s, w in written.items()})
    except StepFailed:
        return None
    made = [memory[b].reshape(v.type.static_shape) for v, b in program.outputs]
    return [made[r] for r in program.results]
