"""The folders import downwards only, without cycles; each file says what it is and can be read in one go."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parent.parent
# Each folder may import from itself and from those before it.
FOLDERS = ("ir", "codegen", "runtime", "tracer", "lithograph")
MOST_LINES = 400
LLVM_FOLDER = "codegen"
NETWORKX_MODULE = "lithograph.ir.analysis"
ALWAYS_THERE = sys.stdlib_module_names | {"numpy", "llvmlite", "networkx"}

Names = frozenset[str]


@dataclass(frozen=True)
class Import:
    """One import of a module: on which line, and whether it runs when the importing module does."""

    target: str
    line: int
    in_function: bool
    typing_only: bool


def module_name(path: Path) -> str:
    """The name under which Python imports a file: ir/graph.py is lithograph.ir.graph."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "lithograph" else ("lithograph", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(p): p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*.py"))}
SOURCES = {name: path.read_text(encoding="utf-8") for name, path in FILES.items()}
PACKAGES = frozenset(name for name, path in FILES.items() if path.name == "__init__.py")


def folder_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in FOLDERS else "lithograph"


def _targets(node: ast.AST, module: str, modules: Names, packages: Names) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parts = module.split(".") if module in packages else module.split(".")[:-1]
        start = parts[: len(parts) - node.level + 1] if node.level else []
        base = ".".join([*start, *([node.module] if node.module else [])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if inner in modules else base
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
        name = node.args[0] if node.args else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield f"lithograph{name.value}" if name.value.startswith(".") else name.value


def imports_of(module: str, source: str, modules: Names, packages: Names) -> list[Import]:
    """All imports of a module, `importlib.import_module("...")` included, with relative names resolved."""
    found: list[Import] = []

    def walk(node: ast.AST, in_function: bool, typing_only: bool) -> None:
        line = getattr(node, "lineno", 0)
        for target in _targets(node, module, modules, packages):
            found.append(Import(target, line, in_function, typing_only))
        in_function = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        guarded: list[ast.stmt] = []
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            guarded = node.body
        for child in ast.iter_child_nodes(node):
            walk(child, in_function, typing_only or child in guarded)

    walk(ast.parse(source), False, False)
    return found


def faults(sources: dict[str, str], packages: Names) -> list[str]:
    """Every breach of the rules on imports, one line each."""
    modules = frozenset(sources)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(modules)
    result: list[str] = []
    for module, source in sources.items():
        rank = FOLDERS.index(folder_of(module))
        for found in imports_of(module, source, modules, packages):
            top, where = found.target.split(".")[0], f"{module}:{found.line}"
            if top == "lithograph":
                if FOLDERS.index(folder_of(found.target)) > rank:
                    result.append(f"{where} imports upwards: {found.target}")
                if found.in_function:
                    result.append(f"{where} imports inside a function: {found.target}")
                if found.target in modules and not found.typing_only and not found.in_function:
                    graph.add_edge(module, found.target)
            elif top == "llvmlite" and folder_of(module) != LLVM_FOLDER:
                result.append(f"{where} imports llvmlite outside {LLVM_FOLDER}/")
            elif top == "networkx" and module != NETWORKX_MODULE:
                result.append(f"{where} imports networkx outside ir/analysis.py")
            elif top not in ALWAYS_THERE and not found.in_function:
                result.append(f"{where} needs {top}, an extra: import it in the function that uses it")
    for component in nx.strongly_connected_components(graph):
        if len(component) > 1 or any(graph.has_edge(m, m) for m in component):
            names = sorted(name.removeprefix("lithograph.") for name in component)
            result.append(f"import cycle: {', '.join(names)}")
    return result


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_was_read(folder: str) -> None:
    assert [m for m in SOURCES if folder_of(m) == folder]


def test_imports_go_downwards_without_cycles() -> None:
    assert faults(SOURCES, PACKAGES) == []


def test_files_are_short() -> None:
    lines = {str(FILES[m].relative_to(ROOT)): source.count("\n") for m, source in SOURCES.items()}
    assert {path: n for path, n in lines.items() if n > MOST_LINES} == {}


def test_modules_open_with_a_docstring() -> None:
    assert [module for module, source in SOURCES.items() if not ast.get_docstring(ast.parse(source))] == []


TOY_PACKAGES = frozenset({"lithograph", "lithograph.ir"})
TOY = dict.fromkeys([*TOY_PACKAGES, "lithograph.ir.a", "lithograph.ir.b", "lithograph.runtime.t"], "")


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("ir.a", "from ..runtime import t", "1 imports upwards: lithograph.runtime.t"),
        ("ir.a", "from ..runtime.t import T", "1 imports upwards: lithograph.runtime.t"),
        ("ir.a", "import lithograph.runtime.t", "1 imports upwards: lithograph.runtime.t"),
        ("ir.a", "from .. import x", "1 imports upwards: lithograph"),
        ("ir.a", "def f():\n    from . import b", "2 imports inside a function: lithograph.ir.b"),
        ("ir.a", "def f():\n    import_module('.ir.b', p)", "2 imports inside a function: lithograph.ir.b"),
        ("ir.a", "def f():\n    import llvmlite.binding", "2 imports llvmlite outside codegen/"),
        ("ir.a", "import networkx", "1 imports networkx outside ir/analysis.py"),
        ("runtime.t", "import mpi", "1 needs mpi, an extra: import it in the function that uses it"),
    ],
)
def test_a_breach_is_found(module: str, source: str, fault: str) -> None:
    name = f"lithograph.{module}"
    assert faults(TOY | {name: source}, TOY_PACKAGES) == [f"{name}:{fault}"]


@pytest.mark.parametrize(
    ("package", "a", "b", "members"),
    [
        ("", "from .b import y", "from . import a", "ir.a, ir.b"),
        ("from .a import x", "", "from . import y", None),
        ("from .b import y", "from . import x", "from .a import x", "ir, ir.a, ir.b"),
    ],
)
def test_a_cycle_is_found(package: str, a: str, b: str, members: str | None) -> None:
    tree = TOY | {"lithograph.ir": package, "lithograph.ir.a": a, "lithograph.ir.b": b}
    assert faults(tree, TOY_PACKAGES) == ([f"import cycle: {members}"] if members else [])


def test_what_is_allowed_is_no_fault() -> None:
    tree = TOY | {
        "lithograph.ir.a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .b import B",
        "lithograph.ir.b": "import numpy\nfrom .a import A",
        "lithograph.ir.analysis": "import networkx as nx",
        "lithograph.runtime.t": "from ..ir import a\nfrom ..ir.b import B\ndef f():\n    import onnx",
        "lithograph.codegen.j": "import llvmlite.binding as llvm",
        "lithograph": "from .runtime.t import T\nfrom .ir.a import A",
    }
    assert faults(tree, TOY_PACKAGES) == []
