"""The program for one kind of call, which refuses calls of another kind; it traces nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from ..ir.builder import Builder
from ..ir.errors import ArgumentError
from ..ir.graph import Graph
from ..ir.layers import ground
from ..ir.records import dataclass, field
from ..ir.stage import current, located
from ..ir.types import Dim, TensorType
from ..runtime.variable import Variable
from .call import Call
from .entry import Binding, Form, Program, as_tensor, make_form
from .extents import flat, sizes_of
from .inline import inline
from .keys import is_array, leaf_key
from .packing import Packed, bare, pack, unpack
from .pytree import Structure, unflatten
from .signature import Signature, TensorSpec, spec_of
from .trace import Constant

_MOST_FORMS: Final = 1024


@dataclass(frozen=True, slots=True, eq=False)
class ConcreteFunction:
    """A function for arguments of one kind; arguments that are Python values may be left out.

    Attributes:
        name: of the function.
        binding: its trace and native code; a spec may have left extents open.
        order, variables: as in `Form`.
        leaves: canonical leaves of the call it was made for, and `structure` around them.
    """

    name: str
    binding: Binding
    order: tuple[int, ...]
    variables: tuple[Variable, ...]
    signature: Signature
    leaves: tuple[object, ...]
    structure: Structure
    _forms: dict[tuple[int, ...], Form] = field(default_factory=dict)

    @property
    def program(self) -> Program:
        """Its trace and native code."""
        return self.binding.program

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
            [spec_of(t, p.name or None) for t, p in zip(self.program.types, self.graph.params, strict=False)]
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
            return inline(self._bound(given).trace, stage, base, given, self.variables)
        self.program.refresh()
        return self._form(given).on([as_tensor(leaf) for leaf in given])

    def _form(self, given: Sequence[object]) -> Form:
        """What runs the program on arrays of these extents."""
        binding = self._bound(given)
        key = tuple(binding.sizes.values())
        form = self._forms.get(key)
        if form is None:
            if len(self._forms) >= _MOST_FORMS:
                self._forms.clear()
            form = self._forms[key] = make_form(binding, self.order, self.variables)
        return form

    def _bound(self, given: Sequence[object]) -> Binding:
        """The program for the sizes of these arrays.

        Raises:
            ArgumentError: an extent that was left open differs where it must not, or is none that the trace is for.
        """
        if not self.binding.is_open:
            return self.binding
        types = [cast(TensorType, leaf_key(x)) for x in given]
        sizes = sizes_of(flat(self.program.types), flat(types))
        shapes = ", ".join([str(t) for t in types])
        if sizes is None:
            raise ArgumentError(f"{self.name}: ({shapes}) does not fit ({self.program.signature})")
        for guard in self.program.trace.guards:
            if not guard.holds(sizes):
                raise ArgumentError(
                    f"{self.name}: it was made for {guard}, and with arguments ({shapes}) that does not hold; "
                    "call the function itself, which is traced anew for other extents"
                )
        return Binding(self.program, sizes)

    def _check(self, expected: object, leaf: object) -> None:
        if is_array(expected) and isinstance(leaf, TensorSpec):
            raise ArgumentError(f"{self.name}: an argument that is a tensor is missing: {leaf!r}")
        if leaf_key(expected) == leaf_key(leaf):
            return
        if is_array(expected) and is_array(leaf):
            asked, given = cast(TensorType, leaf_key(expected)), cast(TensorType, leaf_key(leaf))
            open_or_equal = (isinstance(a, Dim) or a == g for a, g in zip(asked.shape, given.shape, strict=False))
            if asked.dtype is given.dtype and asked.ndim == given.ndim and all(open_or_equal):
                return
        if is_array(expected):
            wanted = spec_of(cast(TensorType, leaf_key(expected)))
            found = repr(spec_of(cast(TensorType, leaf_key(leaf)))) if is_array(leaf) else repr(leaf)
            raise ArgumentError(f"Can not cast {found} to {wanted!r}")
        raise ArgumentError(f"Can not cast {leaf!r} to Literal[{expected!r}]")

    @located
    def __reduce__(self) -> tuple[Callable[..., ConcreteFunction], tuple[object, ...]]:
        leaves = [spec_of(cast(TensorType, leaf_key(x))) if is_array(x) else x for x in self.leaves]
        about = self.order, self.variables, bare(self.signature), tuple(leaves), self.structure
        return _load, (self.name, pack(self.program), dict(self.binding.sizes), *about)

    def __copy__(self) -> ConcreteFunction:
        return self

    def __deepcopy__(self, memo: object) -> ConcreteFunction:
        return self

    def __repr__(self) -> str:
        return f"<ConcreteFunction {self.name}({self.program.signature})>"


def _load(name: str, packed: Packed, sizes: Mapping[str, int], *about: Any) -> ConcreteFunction:
    return ConcreteFunction(name, Binding(unpack(packed), sizes), *about)


def make_concrete(
    signature: Signature,
    name: str,
    call: Call,
    binding: Binding,
    order: Sequence[int],
    variables: Sequence[Variable],
) -> ConcreteFunction:
    """The concrete function for the kind of `call`."""
    leaves, _, _, structure = call.canonical(call.bound(signature))
    return ConcreteFunction(name, binding, tuple(order), tuple(variables), signature, tuple(leaves), structure)
