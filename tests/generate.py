"""Writes the files that are made from the code: the methods of arrays as a stub, the page on the Array API standard.

`./dev generate` runs it; `tests/test_generated.py` says when to.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import operator
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

import lithograph as lg
from lithograph.ir.array import Array
from lithograph.ir.graph import Graph, Node
from lithograph.ir.op import Host

from .array_api import standard
from .array_api.cases import CASES, KINDS, Case, Names, inputs

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = "lithograph.ir.ops"
MOST: Final = 116


def methods() -> dict[str, Callable[..., object]]:
    """The functions of the op files that are methods of every array, by name."""
    return {
        name: member
        for name, member in sorted(vars(Array).items())
        if inspect.isfunction(member) and member.__module__.startswith(PACKAGE) and not name.startswith("__")
    }


def _origins(module: str) -> dict[str, tuple[str, str]]:
    """For each name at the top of a module, the module that defines it and its name there."""
    source = inspect.getsource(sys.modules[module])
    found: dict[str, tuple[str, str]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            where = ".".join([*base, *([node.module] if node.module else [])])
            found |= {alias.asname or alias.name: (where, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: (alias.name, "") for alias in node.names}
    for name in vars(sys.modules[module]):
        found.setdefault(name, (module, name))
    return found


def _import(name: str, where: str, original: str) -> str:
    if not original:
        return f"import {where}" + (f" as {name}" if name != where else "")
    shown = where.replace("lithograph.ir", "", 1) if where.startswith("lithograph.ir") else where
    return f"from {shown or '.'} import {original}" + (f" as {name}" if name != original else "")


def _method(name: str, function: Callable[..., object], imports: set[str]) -> str:
    signature = inspect.signature(function)
    known = _origins(function.__module__)
    shown: list[str] = []
    texts = [p.annotation for p in signature.parameters.values()] + [signature.return_annotation]
    for text in texts:
        for node in ast.walk(ast.parse(str(text), mode="eval")):
            if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
                imports.add(_import(node.id, *known[node.id]))
    first, *rest = signature.parameters.values()
    only = first.kind is first.POSITIONAL_ONLY
    parameters = ["self"]
    for before, p in zip([first, *rest], rest, strict=False):
        if p.kind is p.KEYWORD_ONLY and before.kind not in (p.KEYWORD_ONLY, p.VAR_POSITIONAL):
            if before.kind is p.POSITIONAL_ONLY:
                parameters.append("/")
            parameters.append("*")
        elif before.kind is p.POSITIONAL_ONLY and p.kind is not p.POSITIONAL_ONLY and (only or before is not first):
            parameters.append("/")
        star = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
        default = "" if p.default is p.empty else f" = {_default(p.default)}"
        parameters.append(f"{star}{p.name}: {p.annotation}{default}")
    if all(p.kind is p.POSITIONAL_ONLY for p in [first, *rest]):
        parameters.append("/")
    shown.append(f"    def {name}({', '.join(parameters)}) -> {signature.return_annotation}:")
    if len(shown[0]) > MOST:
        inner = "".join([f"        {p},\n" for p in parameters])
        shown = [f"    def {name}(\n{inner}    ) -> {signature.return_annotation}:"]
    doc = inspect.cleandoc(function.__doc__ or "").replace("\\", "\\\\").splitlines()
    shown.append("\n".join([f'        """{doc[0]}', *[f"        {line}".rstrip() for line in doc[1:]]]))
    shown[-1] += '"""' if len(doc) == 1 else '\n        """'
    return "\n".join(shown) + "\n"


def _default(value: object) -> str:
    return "..." if not isinstance(value, bool | int | float | str | tuple | type(None)) else repr(value)


def stub() -> str:
    """`ir/methods.pyi`."""
    imports: set[str] = set()
    made = [_method(name, function, imports) for name, function in methods().items()]
    used = "\n".join(sorted(imports, key=lambda line: (line.startswith("from ."), line)))
    return (
        '"""Methods of every array, for type checkers and editors; made by `./dev generate` from the op files."""\n\n'
        f"# ruff: noqa: E501, I001\n\n{used}\n\nclass Methods:\n" + "\n".join(made)
    )


def _nodes(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        yield node
        for region in node.regions:
            yield from _nodes(region)


def _on_host(node: Node) -> bool:
    types = [*[a.type for a in node.args], *[r.type for r in node.results]]
    return isinstance(node.op.lowering, Host) or any(t.dtype.kind == "complex" for t in types)


def _traced(name: str, case: Case, dtype: str) -> str:
    """Where a function runs in one dtype: "native", "host", "eager" or "" for nowhere."""
    names = Names(lg, name, dtype, *inputs(case, dtype))

    def body(x: Any, y: Any) -> Any:
        names.x, names.y = x, y
        return case.call(names)

    given = names.x, names.y
    try:
        graph = lg.function(body).get_concrete_function(*given).graph
    except (lg.LithographError, AttributeError):
        try:
            body(*given)
        except (lg.LithographError, AttributeError):
            return ""
        return "eager"
    return "host" if any(map(_on_host, _nodes(graph))) else "native"


def _differentiable(name: str, case: Case) -> bool:
    if not set(KINDS[case.kinds]) & {"f"} or case.result in ("bool", "index") or not case.compiled:
        return False
    names = Names(lg, name, "float32", *inputs(case, "float32"))

    def value(x: Any, y: Any) -> Any:
        names.x, names.y = x, y
        found = case.call(names)
        parts = found if isinstance(found, list | tuple) else [found]
        return sum([lg.sum(p * p) for p in parts], lg.zeros(()))

    try:
        (gradient,) = (lg.grad(value)(names.x, names.y),)
    except (lg.LithographError, AttributeError):
        return False
    return bool(np.any(gradient.numpy()))


_LABELS: Final = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex"}
_SAMPLES: Final = {"b": "bool", "i": "int32", "u": "uint8", "f": "float32", "c": "complex64"}


def _row(signature: str) -> str:
    name = signature.partition("(")[0]
    try:
        operator.attrgetter(name)(lg)
    except AttributeError:
        return f"| `{signature}` | no | | | |"
    case = CASES.get(name)
    if case is None:
        return f"| `{signature}` | yes | – | – | – |"
    places: dict[str, list[str]] = {}
    for kind in KINDS[case.kinds]:
        if hasattr(lg, _SAMPLES[kind]):
            places.setdefault(_traced(name, case, _SAMPLES[kind]), []).append(_LABELS[kind])
    native, host = places.get("native", []), places.get("host", [])
    where = "yes" if native or host else "eager only"
    grads = "yes" if _differentiable(name, case) else "–"
    return f"| `{signature}` | {where} | {', '.join(native) or '–'} | {', '.join(host) or '–'} | {grads} |"


def page() -> str:
    """`docs/array-api.md`."""
    lines = [
        "# The Array API standard",
        "",
        f"What there is of version {standard.VERSION} of the Python Array API standard; made by `./dev generate`.",
        "`x.__array_namespace__()` gives the module `lithograph`, whose functions these are.",
        "",
        "- **under `function`**: whether a compiled function may call it. *Eager only* are functions whose result has",
        "  a shape that depends on values.",
        "- **native**, **host**: kinds of dtypes for which it is machine code, or a step of NumPy in the program.",
        "- **differentiable**: whether gradients go through it; there are none where a result is not a float, or does",
        "  not vary with the operands.",
        "",
    ]
    for category, listed in standard.FUNCTIONS.items():
        title = f"Extension `{category}`" if category in ("linalg", "fft") else category.capitalize()
        lines += [f"## {title}", "", "| function | under `function` | native | host | differentiable |"]
        lines += ["|---|---|---|---|---|", *[_row(signature) for signature in listed], ""]
    named = {n.partition(".")[2] or n for n in standard.signatures()}
    known = {*named, *standard.CONSTANTS, *standard.DTYPES}
    lines += ["## Beyond the standard", "", "| function | what it gives |", "|---|---|"]
    for name in sorted(set(lg.__all__) - known, key=str.lower):
        member = getattr(lg, name)
        if inspect.isfunction(member) and (doc := inspect.getdoc(member)):
            paragraph = " ".join(doc.partition("\n\n")[0].split()).replace("|", "\\|")
            lines.append(f"| `{name}` | {paragraph} |")
    return "\n".join(lines) + "\n"


FILES: Final[dict[str, Callable[[], str]]] = {"ir/methods.pyi": stub, "docs/array-api.md": page}


def main() -> None:
    """Write the files that differ, and name them."""
    for name, make in FILES.items():
        path, text = ROOT / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")


if __name__ == "__main__":
    main()
