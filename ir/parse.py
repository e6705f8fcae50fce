"""Reading graphs from IR text (grammar: `ir/text.py`); it knows no op and does not verify what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from .attrs import NO_ATTRS, Attrs
from .errors import ArgumentError, LithographError
from .fields import conforms, fields_of, show_hint
from .graph import Graph, Node, StateSlot, Value
from .loc import Loc
from .op import Op
from .parse_values import parse_attr, parse_int, parse_string, parse_type
from .registry import OPS
from .text import MOST_NESTED
from .tokens import Tokens
from .types import TensorType

_NO_CONSTANTS: Final[dict[str, np.ndarray]] = {}


def parse(text: str, constants: Mapping[str, np.ndarray] | None = None) -> Graph:
    """The program that IR text describes, its last graph; `parse(show(g))` is structurally equal to `g`.

    `constants` has the values of large constants by name, as `show` gave them; those that are still alive in
    this process need not be given.

    Raises:
        IRSyntaxError: the text is not IR; the message names line and column and what was expected.
        ArgumentError: `text` is no string, or `constants` no mapping.
    """
    if not isinstance(text, str):
        raise ArgumentError(f"IR text is a string, but {text!r} was given")
    if constants is not None and not isinstance(constants, Mapping):
        raise ArgumentError(f"constants are arrays by name, but a {type(constants).__name__} was given")
    return _Parser(Tokens(text), _NO_CONSTANTS if constants is None else constants).program()


class _Scope:
    """The values of one graph by number, as they are defined."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}

    def define(self, value: Value, word: str, tokens: Tokens, at: int) -> None:
        if word in self.values:
            tokens.wrong(f"{word} is defined twice", at)
        self.values[word] = value


class _Parser:
    def __init__(self, tokens: Tokens, constants: Mapping[str, np.ndarray]) -> None:
        self.tokens = tokens
        self.constants = constants
        self.graphs: dict[str, Graph] = {}

    def program(self) -> Graph:
        tokens = self.tokens
        last: Graph | None = None
        while tokens.kind != "end" or last is None:
            at = tokens.at
            label, last = self.graph(0)
            if label in self.graphs:
                tokens.wrong(f"the graph @{label} is defined twice", at)
            self.graphs[label] = last
        return last

    def graph(self, depth: int) -> tuple[str, Graph]:
        tokens = self.tokens
        if depth > MOST_NESTED:
            tokens.wrong(f"graphs are nested more than {MOST_NESTED} deep")
        if not tokens.take("graph"):
            tokens.fault("a graph")
        tokens.expect("@")
        label = tokens.expect_kind("name", "the name of the graph")
        name = parse_string(tokens) if tokens.kind == "string" else label
        scope = _Scope()
        params = self.params(scope)
        state = self.state()
        tokens.expect("{")
        nodes: list[Node] = []
        while not tokens.take("return"):
            nodes.append(self.node(scope, depth))
        results: list[Value] = []
        if tokens.kind == "value":
            results.append(self.use(scope))
            while tokens.take(","):
                results.append(self.use(scope))
        tokens.expect("}")
        return label, Graph(name, params, tuple(nodes), tuple(results), state)

    def params(self, scope: _Scope) -> tuple[Value, ...]:
        tokens = self.tokens
        params: list[Value] = []
        tokens.expect("(")
        while not tokens.take(")"):
            if params:
                tokens.expect(",")
            at = tokens.at
            word, name = self.definition("a param")
            tokens.expect(":")
            value = Value(parse_type(tokens), None, len(params), name)
            scope.define(value, word, tokens, at)
            params.append(value)
        return tuple(params)

    def state(self) -> tuple[StateSlot, ...]:
        tokens = self.tokens
        slots: list[StateSlot] = []
        if not tokens.take("state"):
            return ()
        tokens.expect("(")
        while not tokens.take(")"):
            if slots:
                tokens.expect(",")
            key = parse_string(tokens, "the key of a state slot")
            tokens.expect(":")
            param = parse_int(tokens, "the number of a param")
            result = parse_int(tokens, "the number of a result") if tokens.take("->") else None
            slots.append(StateSlot(param, result, key))
        return tuple(slots)

    def definition(self, expected: str) -> tuple[str, str]:
        word = self.tokens.expect_kind("value", f"{expected} such as %0")
        return word, parse_string(self.tokens) if self.tokens.kind == "string" else ""

    def use(self, scope: _Scope) -> Value:
        tokens = self.tokens
        at = tokens.at
        word = tokens.expect_kind("value", "a value such as %0")
        found = scope.values.get(word)
        if found is None:
            tokens.wrong(f"{word} is not defined before this place", at)
        return found

    def node(self, scope: _Scope, depth: int) -> Node:
        tokens = self.tokens
        defined: list[tuple[str, str, int]] = []
        if tokens.kind == "value":
            defined.append((*self.definition("a value"), tokens.at))
            while tokens.take(","):
                at = tokens.at
                defined.append((*self.definition("a value"), at))
            tokens.expect("=")
        op = self.op()
        args, attrs = self.arguments(scope, op)
        regions: list[Graph] = []
        while tokens.word in ("@", "graph"):
            regions.append(self.region(depth))
        types: list[TensorType] = []
        if defined:
            types = self.types(len(defined))
        loc = self.place() if tokens.take("at") else None
        node = Node(op, args, attrs, tuple(types), loc, tuple(regions))
        for value, (word, name, at) in zip(node.results, defined, strict=True):
            value.name = name
            scope.define(value, word, tokens, at)
        return node

    def op(self) -> Op:
        tokens = self.tokens
        at = tokens.at
        name = tokens.expect_kind("name", "an op")
        found = OPS.get(name)
        if found is None:
            tokens.wrong(f"there is no op {name!r}", at)
        return found

    def arguments(self, scope: _Scope, op: Op) -> tuple[tuple[Value, ...], Attrs]:
        tokens = self.tokens
        args: list[Value] = []
        fields: dict[str, object] = {}
        tokens.expect("(")
        at = tokens.at
        while not tokens.take(")"):
            if args or fields:
                tokens.expect(",")
            if tokens.kind == "value" and not fields:
                args.append(self.use(scope))
            elif tokens.kind == "name":
                self.field(op, fields)
            else:
                tokens.fault("an attribute" if fields else "an argument")
        return tuple(args), self.attrs(op, fields, at)

    def field(self, op: Op, fields: dict[str, object]) -> None:
        tokens = self.tokens
        hints = fields_of(op.attrs) if op.attrs else {}
        at = tokens.at
        name = tokens.expect_kind("name", "an attribute")
        if name not in hints:
            known = f"its attributes are {', '.join(hints)}" if hints else "it has none"
            tokens.wrong(f"{op.name} has no attribute {name!r}; {known}", at)
        if name in fields:
            tokens.wrong(f"the attribute {name!r} is given twice", at)
        tokens.expect("=")
        at = tokens.at
        value = parse_attr(tokens, self.constants)
        if not conforms(value, hints[name]):
            tokens.wrong(f"{op.name}: the attribute {name!r} must be of type {show_hint(hints[name])}", at)
        fields[name] = value

    def attrs(self, op: Op, fields: dict[str, object], at: int) -> Attrs:
        if op.attrs is None:
            return NO_ATTRS
        missing = [name for name in fields_of(op.attrs) if name not in fields]
        if missing:
            self.tokens.wrong(f"{op.name} needs the attribute {missing[0]!r}", at)
        try:
            return op.attrs(**fields)
        except (LithographError, TypeError, ValueError) as error:
            self.tokens.wrong(f"{op.name}: {error}", at)

    def region(self, depth: int) -> Graph:
        tokens = self.tokens
        if tokens.word == "graph":
            return self.graph(depth + 1)[1]
        at = tokens.at
        tokens.expect("@")
        name = tokens.expect_kind("name", "the name of a graph")
        found = self.graphs.get(name)
        if found is None:
            tokens.wrong(f"the graph @{name} does not stand above", at)
        return found

    def types(self, count: int) -> list[TensorType]:
        tokens = self.tokens
        tokens.expect(":")
        at = tokens.at
        types = [parse_type(tokens)]
        while tokens.take(","):
            types.append(parse_type(tokens))
        if len(types) != count:
            tokens.wrong(f"there are {count} results, but {len(types)} types", at)
        return types

    def place(self) -> Loc:
        tokens = self.tokens
        places: list[tuple[bool, tuple[str, int, int]]] = []
        while not places or tokens.take("from"):
            gradient = tokens.take("∂")
            file = parse_string(tokens, "a file name as a string")
            tokens.expect(":")
            line = parse_int(tokens, "a line number")
            tokens.expect(":")
            places.append((gradient, (file, line, parse_int(tokens, "a column number"))))
        loc: Loc | None = None
        for gradient, position in reversed(places):
            loc = Loc(None, 0, loc, position, gradient)
        assert loc is not None
        return loc
