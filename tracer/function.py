"""Functions that are traced once per kind of call and then run as native code; made by `decorator.py`.

A call goes to the native dispatcher, which is this object's own; what that does not recognise comes to
`_slow` here. There a *form* (one way of writing the call: positions, names, containers, kinds of leaves)
leads to a *program* (one trace). Several forms may share a program: calls are brought into canonical form
first.
"""

from __future__ import annotations

import functools
import inspect
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MethodType
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from ..ir.builder import Builder
from ..ir.errors import ArgumentError, StateError, TraceError
from ..ir.gradient import ground
from ..ir.stage import current, located
from ..ir.text import show
from ..ir.types import TensorType
from ..runtime.core import Dispatcher
from ..runtime.variable import Variable
from .call import Call, describe, match_program
from .concrete import ConcreteFunction, make_concrete
from .entry import Form, Program, make_form, operands
from .inline import inline
from .keys import is_array, leaf_key, pattern
from .pytree import Structure, tree_map, unflatten
from .signature import Signature, signature_of
from .staging import compilation_off
from .trace import TraceBuilder, trace

R = TypeVar("R")

MOST_PROGRAMS: Final = 256
MOST_FORMS: Final = 1024
STAGES: Final = ("traced", "optimized", "kernels", "llvm", "asm")


@dataclass(frozen=True, slots=True)
class Options:
    """What `lithograph.function` was asked for."""

    static: str | tuple[str, ...] | None = None
    specs: tuple[object, ...] | None = None


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
    _programs: OrderedDict[Hashable, Program]
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
        return [f"{self.name}({p.signature})" for p in self._programs.values()]

    @located
    def get_concrete_function(self, *args: object, **kwargs: object) -> ConcreteFunction:
        """The program for one kind of call.

        Args:
            args, kwargs: as in a call; a TensorSpec stands for a tensor of its dtype and shape.

        Raises:
            ShapeError: a spec leaves an extent open; else what tracing raises.
        """
        call = self._call(self._arguments(args), kwargs)
        program, order, variables = self._program(call)
        return make_concrete(self._signature, self.name, call, program, order, variables)

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
        program = self._shown(args, kwargs)
        if stage == "traced":
            return show(program.trace.graph)
        source = program.executable().source
        if stage == "optimized":
            return show(source.optimized)
        return {"kernels": source.kernels, "llvm": source.llvm, "asm": source.asm}[stage]()

    @located
    def memory_plan(self, *args: object, **kwargs: object) -> str:
        """The buffers of a program and its peak bytes as text; arguments as for `ir`."""
        return self._shown(args, kwargs).executable().memory_plan()

    def _shown(self, args: tuple[object, ...], kwargs: dict[str, object]) -> Program:
        if args or kwargs or not (self._programs or not self._signature.parameters.parameters):
            return self._program(self._call(self._arguments(args), kwargs))[0]
        if not self._programs:
            return self._program(self._call(self._arguments(args), kwargs))[0]
        return next(reversed(self._programs.values()))

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
            return _run_eagerly(self.python_function, args, kwargs)
        call = self._call(args, kwargs)
        stage = current()
        base = ground(stage)
        form = self._forms.get(call.key)
        if not isinstance(base, Builder) and stage is base:
            return (form or self._install(call, *self._program(call)))(call.leaves)
        if form is not None:
            program, order, variables = form.program, form.order, form.variables
        else:
            program, order, variables = self._program(call)
        return inline(program.trace, stage, base, [call.leaves[i] for i in order], variables)

    def _program(self, call: Call) -> tuple[Program, tuple[int, ...], tuple[Variable, ...]]:
        """The program for a call, traced if need be; which leaves are its arguments; its variables."""
        bound = call.bound(self._signature)
        leaves, numbers, keys, structure = call.canonical(bound)
        with self._lock:
            key: Hashable = (structure, pattern(keys, leaves, self._captured))
            program = self._programs.get(key)
            if program is None:
                program = self._trace(key, call, bound, leaves, numbers, structure)
                if not program.trace.captures_traced:
                    self._captured.update([id(v) for v in program.trace.variables if isinstance(v, Variable)])
                    self._programs[(structure, pattern(keys, leaves, self._captured))] = program
            else:
                self._programs.move_to_end(key)
            if len(self._programs) > MOST_PROGRAMS:
                self._programs.popitem(last=False)
                self._forget_forms()
        order = tuple(
            [n for n, leaf in zip(numbers, leaves, strict=True) if n is not None and is_array(leaf)]
        )
        variables = [
            v if isinstance(v, Variable) else cast(Variable, leaves[v]) for v in program.trace.variables
        ]
        return program, order, tuple(variables)

    def _trace(
        self,
        key: Hashable,
        call: Call,
        bound: inspect.BoundArguments,
        leaves: Sequence[object],
        numbers: Sequence[int | None],
        structure: Structure,
    ) -> Program:
        if key in self._tracing:
            raise TraceError(
                f"{self.name!r} calls itself with arguments of the same signature while it is being traced, "
                "which would never end; a recursion needs an argument that is a Python value and changes"
            )

        def arguments(builder: TraceBuilder) -> tuple[Sequence[object], Mapping[str, object]]:
            inside: list[object] = []
            for i, (number, leaf) in enumerate(zip(numbers, leaves, strict=True)):
                if number is not None and is_array(leaf):
                    inside.append(builder.param(cast(TensorType, leaf_key(leaf))))
                elif number is not None and isinstance(leaf, Variable):
                    inside.append(builder.argument(leaf, i))
                else:
                    inside.append(leaf)
            bound.arguments.update(cast("dict[str, object]", unflatten(structure, inside)))
            return (*call.args[: self._skip], *bound.args), bound.kwargs

        self._tracing.add(key)
        try:
            found = trace(self.name, self.python_function, arguments, may_create=self._traces == 0)
        finally:
            self._tracing.discard(key)
        self._traces += 1
        return Program(found, describe(leaves, structure, bound.arguments))

    def _install(
        self, call: Call, program: Program, order: tuple[int, ...], variables: tuple[Variable, ...]
    ) -> Form:
        """Remember the form of a call, and let the dispatcher recognise it."""
        form = make_form(program, order, variables)
        code = program.executable()
        match = match_program(call, {n: code.params[i] for i, n in enumerate(order)})
        with self._lock:
            known = self._forms.get(call.key)
            if known is not None:
                return known
            if len(self._forms) >= MOST_FORMS:
                self._forget_forms()
            self._forms[call.key] = form
            if match is not None and not program.loose:
                self.install(program.record(len(call.args), tuple(call.kwargs), match, variables))
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
    made._programs = OrderedDict()
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


def _run_eagerly(
    function: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]
) -> object:
    plain = cast("tuple[object, ...]", tree_map(operands, args))
    return function(*plain, **cast("dict[str, object]", tree_map(operands, dict(kwargs))))
