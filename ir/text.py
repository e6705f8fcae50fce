"""Graphs as text, which `ir/parse.py` reads back exactly; the printer knows no op and no class of attrs.

The grammar is LL(1) and the same for every op; `#` starts a comment.

    program = { graph }                             the last graph is the program
    graph   = "graph" "@" NAME [STRING] "(" [param {"," param}] ")" [state] "{" {node} "return" [values] "}"
    values  = VALUE {"," VALUE}
    param   = VALUE [STRING] ":" type               the string is the user's name for the value
    state   = "state" "(" slot {"," slot} ")"
    slot    = STRING ":" INT ["->" INT]             key, number of the param, number of the result
    node    = [def {"," def} "="] NAME "(" [arg {"," arg}] ")" {region} [":" type {"," type}] [loc]
    def     = VALUE [STRING]
    arg     = VALUE | NAME "=" attr                 operands stand before attributes
    region  = "@" NAME | graph                      a graph that stands above, or one written in place
    loc     = "at" place {"from" place}             the places it was called from, innermost first
    place   = ["∂"] STRING ":" INT ":" INT          file, line, column; ∂: the derivative of what is there
    type    = ["weak"] NAME "[" [extent {"," extent}] "]"
    extent  = ["-"] term {("+" | "-") term}
    term    = INT ["*" symbol] | symbol
    symbol  = NAME | "$" STRING
    attr    = ["-"] FLOAT | extent | STRING | "true" | "false" | "none" | DTYPE | tuple | type [array]
    tuple   = "(" [attr {"," attr} [","]] ")"
    array   = "(" [element {"," element}] ")"       in row-major order; a complex one is "(" real "," imaginary ")"
            | "@" NAME                              a large array by name

VALUE is `%` and a number; values are numbered from 0 in each graph. A graph that is called, or used more than
once, stands once, before its users. A graph's NAME is unique in the text; where its own name is another, the
string has it.
"""

from __future__ import annotations

import hashlib
import json
import re
import weakref
from collections.abc import Mapping, MutableMapping
from typing import Final

import numpy as np

from .analysis import regions_first
from .attrs import NO_ATTRS, Attrs
from .dtypes import BY_NAME, DType, bfloat16, from_numpy
from .fields import array_bits, fields_of
from .graph import Graph, Node, Value
from .loc import Loc
from .op import Host
from .storage import readable
from .types import TIMES, Dim, TensorType

RESERVED: Final = frozenset({"true", "false", "none", "nan", "inf", "weak", *BY_NAME})
CALL: Final = "call"
MOST_INLINE_ELEMENTS: Final = 16
MOST_NESTED: Final = 32

known_constants: Final[weakref.WeakValueDictionary[str, np.ndarray]] = weakref.WeakValueDictionary()
"""Large constants that were printed by name and are still alive, so that their text can be read back."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def quote(text: str) -> str:
    """A string literal of the IR: JSON's."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)


def _show_symbol(name: str) -> str:
    return name if _NAME.fullmatch(name) and name not in RESERVED else "$" + quote(name)


def show_extent(extent: int | Dim) -> str:
    """An extent: `3`, `2*batch+1`, `height*width`."""
    if not isinstance(extent, Dim):
        return str(extent)
    named = [("*".join(map(_show_symbol, n.split(TIMES))), c) for n, c in extent.terms]
    parts = [name if c == 1 else f"{c}*{name}" for name, c in named]
    if extent.const or not parts:
        parts.append(str(extent.const))
    return "".join([p if i == 0 or p[0] == "-" else "+" + p for i, p in enumerate(parts)])


def show_type(type: TensorType) -> str:
    """A type: `float32[2, batch]`, `weak int32[]`."""
    weak = "weak " if type.weak else ""
    return f"{weak}{type.dtype.name}[{', '.join([show_extent(e) for e in type.shape])}]"


def _show_element(x: np.generic) -> str:
    if isinstance(x, np.complexfloating):
        return f"({_show_element(x.real)}, {_show_element(x.imag)})"
    if isinstance(x, np.bool_):
        return "true" if x else "false"
    if isinstance(x, np.floating):
        short = str(x)
        # Elements are read as float64 first, and the shortest float32 text may then round to a neighbour.
        exact = type(x)(float(short)) == x or x != x
        text = short if exact else repr(float(x))
        return text if any(c in text for c in ".enaif") else text + ".0"
    return str(x)


def _constant_name(array: np.ndarray) -> str:
    digest = hashlib.blake2b(array_bits(array), digest_size=8)
    name = array.dtype.str if array.dtype != bfloat16.numpy else bfloat16.name
    digest.update(f"{name}{array.shape}".encode())
    return "c" + digest.hexdigest()


class _Printer:
    def __init__(
        self,
        labels: Mapping[Graph, str],
        locations: bool,
        constants: MutableMapping[str, np.ndarray] | None,
    ) -> None:
        self.labels = labels
        self.locations = locations
        self.constants = constants

    def attr(self, value: object) -> str:
        if value is None:
            return "none"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | Dim):
            return show_extent(value)
        if isinstance(value, float):
            return repr(value)
        if isinstance(value, str):
            return quote(value)
        if isinstance(value, DType):
            return value.name
        if isinstance(value, TensorType):
            return show_type(value)
        if isinstance(value, tuple):
            inner = ", ".join([self.attr(v) for v in value])
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if isinstance(value, np.ndarray):
            return self.array(value)
        raise TypeError(f"a {type(value).__name__} cannot be a field of attrs: {value!r}")

    def array(self, value: np.ndarray) -> str:
        kind = f"{from_numpy(value.dtype).name}[{', '.join([str(n) for n in value.shape])}]"
        if value.size <= MOST_INLINE_ELEMENTS:
            return f"{kind}({', '.join([_show_element(x) for x in readable(value).reshape(-1)])})"
        name = _constant_name(value)
        if self.constants is None:
            known_constants.setdefault(name, value)
        else:
            self.constants.setdefault(name, value)
        return f"{kind} @{name}"

    def fields(self, attrs: Attrs) -> list[str]:
        if attrs is NO_ATTRS:
            return []
        return [f"{name}={self.attr(getattr(attrs, name))}" for name in fields_of(type(attrs))]

    def node(self, node: Node, numbers: Mapping[Value, int], indent: str) -> str:
        parts = [indent]
        if node.results:
            parts += [", ".join([_defined(r, numbers) for r in node.results]), " = "]
        args = [_number(a, numbers) for a in node.args]
        parts.append(f"{node.op.name}({', '.join(args + self.fields(node.attrs))})")
        for region in node.regions:
            label = self.labels.get(region)
            parts.append(" @" + label if label else " " + self.graph(region, indent, "")[len(indent) :])
        if node.results:
            parts += [" : ", ", ".join([show_type(r.type) for r in node.results])]
        if self.locations and node.loc is not None:
            parts += [" at ", " from ".join(_places(node.loc))]
        if isinstance(node.lowering, Host):
            parts.append("  # host")
        return "".join(parts)

    def graph(self, graph: Graph, indent: str, label: str) -> str:
        numbers = numbering(graph)
        title = "@" + (label or _identifier(graph.name))
        if title[1:] != graph.name:
            title += " " + quote(graph.name)
        params = ", ".join([f"{_defined(p, numbers)}: {show_type(p.type)}" for p in graph.params])
        state = ", ".join([f"{quote(s.key)}: {s.param}" + _arrow(s.result) for s in graph.state])
        lines = [f"{indent}graph {title}({params}) {f'state({state}) ' if state else ''}{{"]
        lines += [self.node(node, numbers, indent + "  ") for node in graph.nodes]
        results = ", ".join([_number(r, numbers) for r in graph.results])
        lines += [f"{indent}  return {results}".rstrip(), indent + "}"]
        return "\n".join(lines)


def _arrow(result: int | None) -> str:
    return "" if result is None else f" -> {result}"


def _number(value: Value, numbers: Mapping[Value, int]) -> str:
    number = numbers.get(value)
    return "%?" if number is None else f"%{number}"


def _defined(value: Value, numbers: Mapping[Value, int]) -> str:
    name = _number(value, numbers)
    return f"{name} {quote(value.name)}" if value.name else name


def _places(loc: Loc | None) -> list[str]:
    places = []
    while loc is not None:
        file, line, column = loc.position
        places.append(f"{'∂' if loc.gradient else ''}{quote(file)}:{line}:{column}")
        loc = loc.outer
    return places


def _identifier(name: str) -> str:
    clean = re.sub(r"[^A-Za-z0-9_.]", "_", name) or "graph"
    return clean if _NAME.fullmatch(clean) else "_" + clean


def _labels(graph: Graph) -> dict[Graph, str]:
    """The graphs that stand on their own, in the order in which they are printed, with names of their own."""
    ordered, uses, depth = regions_first(graph)
    called = {r for g in ordered for n in g.nodes if n.op.name == CALL for r in n.regions}
    labels: dict[Graph, str] = {}
    taken: dict[str, int] = {}
    for g in ordered:
        if g is graph or g in called or uses[g] > 1 or depth[g] % MOST_NESTED == 0:
            base = label = _identifier(g.name)
            while label in taken:
                taken[base] += 1
                label = f"{base}_{taken[base]}"
            taken[label] = 0
            labels[g] = label
    return labels


def numbering(graph: Graph) -> dict[Value, int]:
    """The number of each value that a graph defines, as printed."""
    return {value: i for i, value in enumerate(graph.values())}


def show(
    graph: Graph, *, locations: bool = True, constants: MutableMapping[str, np.ndarray] | None = None
) -> str:
    """A graph as text; `parse(show(graph))` is structurally equal to it.

    Constants of more than 16 elements are printed by name. Their values go into `constants` when it is given;
    without it the text can be read back in this process for as long as the arrays live.
    """
    labels = _labels(graph)
    printer = _Printer(labels, locations, constants)
    return "\n\n".join([printer.graph(g, "", label) for g, label in labels.items()]) + "\n"


def show_node(node: Node, numbers: Mapping[Value, int]) -> str:
    """One node as a line of text, its regions by name only; a value that is not numbered shows as `%?`."""
    labels = {r: _identifier(r.name) for r in node.regions}
    return _Printer(labels, False, {}).node(node, numbers, "")
