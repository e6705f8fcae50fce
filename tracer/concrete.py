"""The program for one kind of call, which refuses calls of another kind; it traces nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..ir.builder import Builder
from ..ir.errors import ArgumentError
from ..ir.gradient import ground
from ..ir.graph import Graph
from ..ir.stage import current, located
from ..ir.types import TensorType
from ..runtime.variable import Variable
from .call import Call
from .entry import Form, Program, as_tensor, make_form
from .inline import inline
from .keys import is_array, leaf_key
from .pytree import Structure, unflatten
from .signature import Signature, TensorSpec, spec_of
from .trace import Constant


@dataclass(frozen=True, slots=True, eq=False)
class ConcreteFunction:
    """A function for arguments of one kind; arguments that are Python values may be left out.

    Attributes:
        name: of the function.
        program: its trace and native code.
        leaves: canonical leaves of the call it was made for, and `structure` around them.
    """

    name: str
    program: Program
    signature: Signature
    form: Form
    leaves: tuple[object, ...]
    structure: Structure

    @property
    def graph(self) -> Graph:
        """The traced graph."""
        return self.program.trace.graph

    @property
    def captured_variables(self) -> tuple[Variable, ...]:
        """The variables that it reads or writes and that are no arguments."""
        return tuple([v for v in self.program.trace.variables if isinstance(v, Variable)])

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """A spec for each array argument."""
        return tuple(
            [spec_of(p.type, p.name or None) for p in self.graph.params[: self.program.trace.n_args]]
        )

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """A spec for each tensor of the result."""
        results = self.graph.results
        return tuple([spec_of(results[i].type) for i in self.program.trace.leaves if isinstance(i, int)])

    @property
    def structured_input_signature(self) -> dict[str, object]:
        """By parameter, the arguments with a spec for each array."""
        specs = [spec_of(cast(TensorType, leaf_key(x))) if is_array(x) else x for x in self.leaves]
        return cast("dict[str, object]", unflatten(self.structure, specs))

    @property
    def structured_outputs(self) -> object:
        """The result with a spec for each tensor."""
        trace = self.program.trace
        specs = [
            i.value if isinstance(i, Constant) else spec_of(self.graph.results[i].type) for i in trace.leaves
        ]
        return unflatten(trace.structure, specs)

    @located
    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Run the program.

        Raises:
            ArgumentError: an argument has another dtype, shape, structure or Python value than it was made
            for, or there is no such parameter.
        """
        try:
            bound = self.signature.parameters.bind_partial(*args, **kwargs).arguments
        except TypeError as error:
            raise self.signature.misfit(str(error), args) from None
        known = self.structured_input_signature
        values: dict[str, object] = {}
        for name, expected in known.items():
            values[name] = bound.get(name, expected)
        call = Call(self.signature, 0, (), values)
        given: list[object] = []
        if call.structures != self.structure.children:
            raise ArgumentError(f"{self.name}: the arguments are nested otherwise than in {known}")
        for expected, leaf in zip(self.leaves, call.leaves, strict=True):
            self._check(expected, leaf)
            if is_array(expected):
                given.append(leaf)
        stage = current()
        base = ground(stage)
        if isinstance(base, Builder) or stage is not base:
            return inline(self.program.trace, stage, base, given, self.form.variables)
        self.program.refresh()
        return self.form.run(*[as_tensor(leaf) for leaf in given])

    def _check(self, expected: object, leaf: object) -> None:
        if is_array(expected) and isinstance(leaf, TensorSpec):
            raise ArgumentError(f"{self.name}: an argument that is a tensor is missing: {leaf!r}")
        if leaf_key(expected) == leaf_key(leaf):
            return
        if is_array(expected):
            wanted = spec_of(cast(TensorType, leaf_key(expected)))
            found = repr(spec_of(cast(TensorType, leaf_key(leaf)))) if is_array(leaf) else repr(leaf)
            raise ArgumentError(f"Can not cast {found} to {wanted!r}")
        raise ArgumentError(f"Can not cast {leaf!r} to Literal[{expected!r}]")

    def __repr__(self) -> str:
        return f"<ConcreteFunction {self.name}({self.program.signature})>"


def make_concrete(
    signature: Signature,
    name: str,
    call: Call,
    program: Program,
    order: Sequence[int],
    variables: Sequence[Variable],
) -> ConcreteFunction:
    """The concrete function for the kind of `call`."""
    leaves, _, _, structure = call.canonical(call.bound(signature))
    form = make_form(program, tuple(order), tuple(variables))
    return ConcreteFunction(name, program, signature, form, tuple(leaves), structure)
