"""Functions that are traced once per kind of call and then run as native code; made by `decorator.py`.

A call goes to the native dispatcher, which is this object's own; what that does not recognise comes to
`_slow` here. There a *form* (one way of writing the call: positions, names, containers, kinds of leaves)
leads to a *program* (one trace). Several forms may share a program: calls are brought into canonical form
first.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from ..ir.assumptions import Assumptions
from ..ir.builder import Builder
from ..ir.errors import ArgumentError, StateError, TraceError
from ..ir.layers import ground
from ..ir.records import dataclass
from ..ir.stage import current, located
from ..ir.text import show
from ..ir.types import TensorType
from ..runtime.core import Dispatcher
from ..runtime.html import escape
from ..runtime.variable import Variable
from .call import Asked, Call, describe, match_program
from .concrete import ConcreteFunction, make_concrete
from .entry import Binding, Form, Program, make_form, run_eagerly
from .extents import Extents, Family, flat, general, named, shaped, sizes_of
from .inline import inline
from .keys import pattern
from .pytree import unflatten
from .signature import Signature, signature_of
from .staging import compilation_off
from .trace import TraceBuilder, trace

R = TypeVar("R")

MOST_BINDINGS: Final = 512
MOST_FORMS: Final = 1024
STAGES: Final = ("traced", "optimized", "kernels", "llvm", "asm")


@dataclass(frozen=True, slots=True)
class Options:
    """What `lithograph.function` was asked for."""

    static: str | tuple[str, ...] | None = None
    specs: tuple[object, ...] | None = None
    reduce_retracing: bool = True


def _accepted(binding: Binding) -> bool:
    """Whether what a program with open symbols assumes holds in the trace that it is used in."""
    outer = current().assumptions
    return outer is None or not binding.is_open or outer.accepts(binding.program.trace.guards)


class Function(Dispatcher, Generic[R]):
    """A Python function that runs as native code, traced once per kind of call; made by
    `lithograph.function`.

    Attributes:
        python_function: what was decorated.
        name: of its graphs.
    """

    python_function: Callable[..., R]
    name: str
    _options: Options
    _owner: weakref.ref[object] | None
    _known_signature: Signature | None
    _bindings: OrderedDict[Hashable, Binding]
    _families: OrderedDict[Hashable, Family]
    _forms: dict[Hashable, Form]
    _captured: set[int]
    _tracing: set[Hashable]
    _traces: int
    _lock: threading.RLock
    _bound: dict[int, tuple[weakref.ref[object], Function[R]]]

    if TYPE_CHECKING:
        # Arrays of any kind may stand where the Python function says which it takes.
        def __call__(self, *args: object, **kwargs: object) -> R: ...

    @property
    def trace_count(self) -> int:
        """How many times the Python function was traced."""
        return self._traces

    def signatures(self) -> list[str]:
        """Each kind of call that there is a program for, as text, the latest used last."""
        programs = dict.fromkeys(b.program for b in self._bindings.values())
        return [f"{self.name}({p.signature})" for p in programs]

    @located
    def get_concrete_function(self, *args: object, **kwargs: object) -> ConcreteFunction:
        """The program for one kind of call.

        Args:
            args, kwargs: as in a call, or the input_signature where there are none; a TensorSpec stands for a
                tensor of its dtype and shape. What it leaves open may be of any size, as far as the trace does
                not depend on it.

        Raises:
            ShapeError: the trace needs an extent that a spec leaves open; else what tracing raises.
        """
        given = args if args or kwargs else self._signature.specs or ()
        call = self._call(self._arguments(given), kwargs)
        binding, order, variables = self._binding(call)
        return make_concrete(self._signature, self.name, call, binding, order, variables)

    @located
    def ir(self, *args: object, stage: str = "optimized", **kwargs: object) -> str:
        """A program as text.

        Args:
            args, kwargs: as in a call; without any, the latest program is shown.
            stage: "traced", "optimized", "kernels", "llvm" or "asm".

        Raises:
            ArgumentError: another stage, or there is no program yet.
        """
        if type(stage) is not str or stage not in STAGES:
            raise ArgumentError(f"stage is one of {', '.join(STAGES)}, but {stage!r} was given")
        binding = self._shown(args, kwargs)
        if stage == "traced":
            return show(binding.program.trace.graph)
        source = binding.executable().source
        if stage == "optimized":
            return show(source.optimized)
        return {"kernels": source.kernels, "llvm": source.llvm, "asm": source.asm}[stage]()

    @located
    def memory_plan(self, *args: object, **kwargs: object) -> str:
        """The buffers of a program and its peak bytes as text; arguments as for `ir`."""
        return self._shown(args, kwargs).executable().memory_plan()

    def _shown(self, args: tuple[object, ...], kwargs: dict[str, object]) -> Binding:
        if args or kwargs or not self._bindings:
            return self._binding(self._call(self._arguments(args), kwargs))[0]
        return next(reversed(self._bindings.values()))

    def __get__(self, instance: object, owner: type | None = None) -> Function[R]:
        if instance is None:
            return self
        # A bound method hands on the attributes of its function.
        return cast("Function[R]", MethodType(self._of(instance), instance))

    def _of(self, instance: object) -> Function[R]:
        """The function of one instance, which has programs of its own and goes when the instance does."""
        known = self._bound.get(id(instance))
        if known is not None and known[0]() is instance:
            return known[1]
        bound, key = self._bound, id(instance)

        def gone(_: object) -> None:
            bound.pop(key, None)

        try:
            owner = weakref.ref(instance, gone)
        except TypeError:
            return self
        made = make_function(self.python_function, self.name, self._options, owner)
        bound[key] = (owner, made)
        return made

    def _repr_html_(self) -> str:
        """For notebooks: the name, and each kind of call that there is a program for."""
        listed = "".join([f"<li><code>{escape(s)}</code></li>" for s in self.signatures()])
        return f"<div>function <code>{escape(self.name)}</code>, {self._traces} traces</div><ul>{listed}</ul>"

    def __copy__(self) -> Function[R]:
        return self

    def __deepcopy__(self, memo: object) -> Function[R]:
        return self

    @property
    def _skip(self) -> int:
        """Number of leading arguments that the signature does not count: the instance."""
        return 0 if self._owner is None else 1

    @property
    def _signature(self) -> Signature:
        if self._known_signature is None:
            self._known_signature = signature_of(
                self.python_function, self._owner is not None, self._options.static, self._options.specs
            )
        return self._known_signature

    def _arguments(self, args: tuple[object, ...]) -> tuple[object, ...]:
        """The arguments of a method that is asked for its programs, with the instance in front."""
        if self._owner is None:
            return args
        instance = self._owner()
        if instance is None:
            raise StateError(f"the instance that {self.name!r} belongs to is gone")
        return (instance, *args)

    def _call(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Call:
        if self._signature.specs is not None:
            converted, kwargs = self._signature.converted(args[self._skip :], kwargs)
            args = (*args[: self._skip], *converted)
        return Call(self._signature, self._skip, args, kwargs)

    @located
    def _slow(self, *args: object, **kwargs: object) -> object:
        """A call that the dispatcher did not recognise."""
        if compilation_off:
            return run_eagerly(self.python_function, args, kwargs)
        call = self._call(args, kwargs)
        stage = current()
        base = ground(stage)
        form = self._forms.get(call.key)
        if not isinstance(base, Builder) and stage is base:
            return (form or self._install(call, *self._binding(call)))(call.leaves)
        binding, order, variables = self._binding(call)
        return inline(binding.trace, stage, base, [call.leaves[i] for i in order], variables)

    def _binding(self, call: Call) -> tuple[Binding, tuple[int, ...], tuple[Variable, ...]]:
        """The program for a call, traced if need be; which leaves are its arguments; its variables."""
        asked = Asked(call, self._signature)
        with self._lock:
            binding = self._bindings.get(self._key(asked))
            if binding is None or not _accepted(binding):
                binding = self._find_or_trace(asked)
                trace = binding.program.trace
                if not trace.captures_traced:
                    self._captured.update([id(v) for v in trace.variables if isinstance(v, Variable)])
                    self._bindings[self._key(asked)] = binding
            else:
                self._bindings.move_to_end(self._key(asked))
            if len(self._bindings) > MOST_BINDINGS:
                self._bindings.popitem(last=False)
                self._forget_forms()
        order = tuple([n for i in asked.arrays if (n := asked.numbers[i]) is not None])
        found = binding.program.trace.variables
        variables = [v if isinstance(v, Variable) else cast(Variable, asked.leaves[v]) for v in found]
        return binding, order, tuple(variables)

    def _key(self, asked: Asked) -> Hashable:
        return asked.form, pattern(asked.keys, asked.leaves, self._captured)

    def _find_or_trace(self, asked: Asked) -> Binding:
        """The program for a call whose like is not known: one with symbols that fits, else a new one."""
        extents = flat(asked.types)
        if not all(isinstance(e, int) for e in extents):
            # Specs leave extents open, or a trace around this one does, by whose sizes it goes.
            outer = current().assumptions
            inner = Assumptions(outer.sizes if outer is not None else None)
            binding = Binding(self._trace(asked, shaped(asked.types, named(extents)), inner), {})
            assert _accepted(binding), "both traces get the same answers"
            return binding
        key = asked.form, pattern([general(k) for k in asked.keys], asked.leaves, self._captured)
        family = self._families.setdefault(key, Family())
        if len(self._families) > MOST_BINDINGS:
            self._families.popitem(last=False)
        found = family.find(extents)
        return Binding(*found) if found is not None else self._traced(asked, extents, family)

    def _traced(self, asked: Asked, extents: Extents, family: Family) -> Binding:
        """A new program, with symbols for the extents that change, or that specs leave open."""
        specified = None
        if self._signature.specs is not None:
            specified = named(flat(self._signature.specified(asked.bound, asked.arrays, asked.types)))
        generalise = self._options.reduce_retracing or specified is not None
        wanted = family.pattern(extents, specified) if generalise else extents
        sizes = sizes_of(wanted, extents)
        assert sizes is not None, "a pattern fits what it was made of"
        if sizes:
            try:
                program = self._trace(asked, shaped(asked.types, wanted), Assumptions(sizes))
            except Exception:
                # Whatever does not work with symbols: if the function is at fault, this raises better.
                made = Binding(self._trace(asked, asked.types, None), {})
                family.static = True
                return made
            family.add(program)
            return Binding(program, sizes)
        return Binding(self._trace(asked, asked.types, None), {})

    def _trace(
        self, asked: Asked, types: Sequence[TensorType], assumptions: Assumptions | None
    ) -> Program:
        key = (self._key(asked), assumptions is None)
        if key in self._tracing:
            raise TraceError(
                f"{self.name!r} calls itself with arguments of the same signature while it is being traced, "
                "which would never end; a recursion needs an argument that is a Python value and changes"
            )
        places = dict(zip(asked.arrays, types, strict=True))

        def arguments(builder: TraceBuilder) -> tuple[Sequence[object], Mapping[str, object]]:
            inside: list[object] = []
            for i, (number, leaf) in enumerate(zip(asked.numbers, asked.leaves, strict=True)):
                if i in places:
                    inside.append(builder.param(places[i]))
                elif number is not None and isinstance(leaf, Variable):
                    inside.append(builder.argument(leaf, i))
                else:
                    inside.append(leaf)
            asked.bound.arguments.update(cast("dict[str, object]", unflatten(asked.structure, inside)))
            args, kwargs = asked.spread()
            return (*asked.call.args[: self._skip], *args), kwargs

        self._tracing.add(key)
        try:
            found = trace(self.name, self.python_function, arguments, self._traces == 0, assumptions)
        finally:
            self._tracing.discard(key)
        self._traces += 1
        return Program(found, types, describe(asked.leaves, asked.structure, asked.bound.arguments, places))

    def _install(
        self, call: Call, binding: Binding, order: tuple[int, ...], variables: tuple[Variable, ...]
    ) -> Form:
        """Remember the form of a call, and let the dispatcher recognise it."""
        form = make_form(binding, order, variables)
        code = binding.executable()
        match = match_program(call, {n: code.params[i] for i, n in enumerate(order)})
        with self._lock:
            known = self._forms.get(call.key)
            if known is not None:
                return known
            if len(self._forms) >= MOST_FORMS:
                self._forget_forms()
            self._forms[call.key] = form
            if match is not None and not binding.program.loose:
                self.install(binding.record(len(call.args), tuple(call.kwargs), match, variables))
        return form

    def _forget_forms(self) -> None:
        self._forms.clear()
        self.clear()


def make_function(
    function: Callable[..., R], name: str, options: Options, owner: weakref.ref[object] | None
) -> Function[R]:
    """A Function around a Python function; `owner` is the instance that it is a method of."""
    made = cast("Function[R]", Function(_unset, 16))
    functools.update_wrapper(made, function, updated=())
    made.python_function = function
    made.name = name
    made._options = options
    made._owner = owner
    made._known_signature = None
    made._bindings = OrderedDict()
    made._families = OrderedDict()
    made._forms = {}
    made._captured = set()
    made._tracing = set()
    made._traces = 0
    made._lock = threading.RLock()
    made._bound = {}
    # The dispatcher refers to the function weakly, so that dropping it frees its programs at once.
    itself = weakref.ref(made)

    def slow(*args: object, **kwargs: object) -> object:
        alive = itself()
        assert alive is not None, "whoever calls a function holds it"
        return alive._slow(*args, **kwargs)

    made.slow = slow
    return made


def _unset(*args: object, **kwargs: object) -> object:
    raise StateError("this function was not made by lithograph.function")
