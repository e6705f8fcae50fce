"""Gradients of what ran inside a `with`: a Recording that only remembers what depends on what it watches."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Literal

import numpy as np

from ..ir import ops
from ..ir.array import Array
from ..ir.attrs import Attrs
from ..ir.errors import ArgumentError, DTypeError, ShapeError, StateError
from ..ir.gradient import Applied, Controlled, Record, backward, extend_reached
from ..ir.layers import Custom, Layer
from ..ir.op import Op
from ..ir.stage import Stage, current, entered, located
from ..ir.types import TensorType, show_shape
from ..runtime.creation import tensor
from ..runtime.partitioned import PartitionedVariable
from ..runtime.variable import Variable
from .forward import derivatives
from .pytree import flatten, unflatten
from .recorded import Watching, leaves_like, zeros_like
from .signature import brief

Unconnected = Literal["none", "zero"]


class _Tape(Watching):
    """The stage of a tape: what it does not remember leaves memory as if there were no tape.

    Attributes:
        reached: the identities of arrays that are watched, or depend on one; `kept` and the records hold them.
    """

    def __init__(self, below: Stage) -> None:
        super().__init__(below)
        self.reached: set[int] = set()
        self.kept: list[Array] = []
        self.asked: set[int] = set()

    def watch(self, array: Array) -> None:
        """Remember what depends on an array from now on; of a variable, on its value when it is read next."""
        if isinstance(array, Variable):
            self.asked.add(id(array._cell))
            self.kept.append(array)
            self.lift(array)
            return
        lifted = self.below.lift(array)
        self.kept.append(lifted)
        self.reached.add(id(lifted))

    def lift(self, operand: Array | np.ndarray) -> Array:
        """The operand below; for a variable that is watched, its stand-in."""
        if isinstance(operand, Variable) and not (operand.trainable or id(operand._cell) in self.asked):
            return self.below.lift(operand)
        value = super().lift(operand)
        if isinstance(operand, Variable) and operand.dtype.is_inexact:
            _, _, watched = self.watched[id(operand._cell)]
            if value is watched:
                self.reached.add(id(watched))
        return value

    def emit(self, op: Op, args: tuple[Array, ...], attrs: Attrs, result: TensorType) -> Array:
        """Carry out one op below, and remember it where it depends on what is watched."""
        made = self.below.emit(op, args, attrs, result)
        self._remember(Applied(op, args, attrs, made))
        return made

    def alias(self, made: Array, of: Array) -> None:
        """Remember an identity where it stands for what is watched."""
        self._remember(Applied(None, (of,), None, made))
        if isinstance(self.below, Layer):
            self.below.alias(made, of)

    def customised(self, record: Custom) -> None:
        """Remember a gradient of its own where it leads to what is watched."""
        self._remember(record)

    def controlled(self, record: Controlled) -> None:
        """Remember a loop or a choice where it leads to what is watched."""
        self._remember(record)

    def _remember(self, record: Record) -> None:
        if extend_reached(self.reached, record):
            self.records.append(record)

    def forget(self) -> None:
        """Let go of everything."""
        self.records.clear()
        self.watched.clear()
        self.reached.clear()
        self.kept.clear()

    def met(self, arrays: Sequence[Array]) -> list[Array]:
        """Those that are watched, or depend on what is."""
        return [a for a in arrays if id(a) in self.reached]

    def spread(self, arrays: Sequence[Array], found: Sequence[Array | None]) -> list[Array | None]:
        """What was found for `met(arrays)`, and None for the others."""
        rest = iter(found)
        return [next(rest) if id(a) in self.reached else None for a in arrays]

    def array_of(self, source: Array) -> Array:
        """The array that a target or source is on this tape; of a variable, what its first read gave."""
        known = self.watched.get(id(source._cell)) if isinstance(source, Variable) else None
        return self.below.lift(source) if known is None else known[2]


class GradientTape:
    """Remembers the ops of a `with` block, so that gradients of its results can be taken.

    Trainable variables that the block reads are watched by themselves; tensors from when `watch` is called on. Tapes
    nest: the gradient that one computes inside the block of another is remembered there. A tape may be used while a
    function is traced, and functions may be called in its block.
    """

    @located
    def __init__(self, persistent: bool = False) -> None:
        """Make a tape.

        Args:
            persistent: gradients may be taken more than once; else the tape lets go of all that it holds at the first.

        Raises:
            ArgumentError: `persistent` is no bool.
        """
        if not isinstance(persistent, bool):
            raise ArgumentError(f"GradientTape: persistent is True or False, but {persistent!r} was given")
        self._persistent = persistent
        self._tape: _Tape | None = None
        self._used = False
        self._entered: AbstractContextManager[None] | None = None

    @located
    def __enter__(self) -> GradientTape:
        if self._entered is not None:
            raise StateError("this GradientTape is recording already; make another one for a block inside")
        if self._used:
            raise StateError("this GradientTape was used up; make a new one, or a persistent one")
        if self._tape is None:
            self._tape = _Tape(current())
        self._tape.below = current()
        self._entered = entered(self._tape)
        self._entered.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        block, self._entered = self._entered, None
        if block is not None:
            # Told of the error, it would raise it anew, with frames of ours.
            block.__exit__(None, None, None)

    @located
    def watch(self, tensors: object) -> None:
        """Remember what is computed from these tensors, or variables, from now on.

        Args:
            tensors: float tensors in any containers.

        Raises:
            StateError: outside of the `with` block of this tape.
            ArgumentError, DTypeError: what is no tensor, or holds other than floats.
        """
        if self._entered is None or self._tape is None:
            raise StateError("a GradientTape watches inside of its `with` block only; call watch there")
        for leaf in flatten(tensors)[0]:
            self._tape.watch(_source(leaf, "watch"))

    @located
    def gradient(
        self,
        target: object,
        sources: object,
        output_gradients: object = None,
        unconnected_gradients: Unconnected = "none",
    ) -> object:
        """The gradient of the sum of all elements of `target` by `sources`.

        Args:
            target: float tensors in any containers, made in the `with` block.
            sources: tensors that are watched or were made from such, and variables, in any containers.
            output_gradients: in the containers of the target, a cotangent for each; ones when None.
            unconnected_gradients: what a source gets that the target does not depend on: "none" for None, "zero" for
                zeros.

        Returns:
            The gradients, in the containers of the sources.

        Raises:
            StateError: nothing was recorded, or the tape is not persistent and was used before.
            DTypeError: a target or source holds other than floats.
            ArgumentError, ShapeError: `output_gradients` do not fit the target, or another argument is of no use.
        """
        tape = self._recorded(unconnected_gradients)
        wanted = [tape.array_of(_source(leaf, "gradient")) for leaf in flatten(sources)[0]]
        leaves, structure = flatten(target)
        results = [tape.array_of(_target(leaf)) for leaf in leaves]
        none: list[object] = [None] * len(results)
        given = none if output_gradients is None else leaves_like(structure, output_gradients)
        if given is None:
            raise ArgumentError("output_gradients must have the containers of the target")
        with self._computing(tape):
            seeds = [_seed(r, g) for r, g in zip(results, given, strict=True)]
            found = tape.spread(wanted, backward(tuple(tape.records), results, seeds, tape.met(wanted)))
            zero = unconnected_gradients == "zero"
            made = [zeros_like(w) if g is None and zero else g for g, w in zip(found, wanted, strict=True)]
        self._let_go()
        return unflatten(flatten(sources)[1], made)

    @located
    def jacobian(self, target: object, sources: object, unconnected_gradients: Unconnected = "none") -> object:
        """All first derivatives of one tensor by `sources`, each of shape `target.shape + source.shape`.

        Arguments, containers and errors are those of `gradient`; it goes back once, for all elements of the target.
        """
        tape = self._recorded(unconnected_gradients)
        wanted = [tape.array_of(_source(leaf, "jacobian")) for leaf in flatten(sources)[0]]
        result = tape.array_of(_target(target))
        with self._computing(tape):
            records, met = tuple(tape.records), tape.met(wanted)
            found = tape.spread(wanted, derivatives(result, met, lambda seed: backward(records, [result], [seed], met)))
            if unconnected_gradients == "zero":
                found = [
                    ops.full((*result.shape, *w.shape), -0.0, dtype=w.dtype) if d is None else d
                    for d, w in zip(found, wanted, strict=True)
                ]
        self._let_go()
        return unflatten(flatten(sources)[1], found)

    def _recorded(self, unconnected: object) -> _Tape:
        if type(unconnected) is not str or unconnected not in ("none", "zero"):
            raise ArgumentError(f'unconnected_gradients is "none" or "zero", but {brief(unconnected)} was given')
        if self._used:
            raise StateError(
                "A non-persistent GradientTape can only be used to compute one set of gradients (or jacobians); make "
                "it with persistent=True to compute more"
            )
        if self._tape is None:
            raise StateError("this GradientTape recorded nothing yet; compute the target inside of its `with` block")
        return self._tape

    def _computing(self, tape: _Tape) -> AbstractContextManager[None]:
        """Where a gradient is computed: in the current stage, which a tape that is let go then does not remember."""
        return entered(tape.below) if current() is tape and not self._persistent else nullcontext()

    def _let_go(self) -> None:
        if self._persistent or self._tape is None:
            return
        self._used = True
        self._tape.forget()
        self._tape = None


def _source(leaf: object, asking: str) -> Array:
    if not isinstance(leaf, Array):
        raise ArgumentError(f"{asking}: tensors and variables are differentiated by, but {brief(leaf)} was given")
    if isinstance(leaf, PartitionedVariable):
        raise ArgumentError(f"{asking}: {leaf.name!r} is in parts, and gradients flow to those; give list(variable)")
    if not leaf.dtype.is_inexact:
        raise DTypeError(f"{asking}: a gradient is taken by floats, but {leaf._aval} was given; convert it with astype")
    return leaf


def _target(leaf: object) -> Array:
    if not isinstance(leaf, Array):
        raise ArgumentError(f"a gradient is taken of a tensor, but the target is {brief(leaf)}")
    if not leaf.dtype.is_inexact:
        raise DTypeError(f"a gradient is taken of floats, but the target is {leaf._aval}")
    return leaf


def _seed(value: Array, given: object) -> Array:
    if given is None:
        return ops.ones(value.shape, dtype=value.dtype)
    seed = current().lift(given) if isinstance(given, Array | np.ndarray) else tensor(given, dtype=value.dtype)
    if seed.shape != value.shape:
        raise ShapeError(
            f"the shapes of output_gradients must match those of the target: {show_shape(seed.shape)} was given for "
            f"{show_shape(value.shape)}"
        )
    return seed if seed.dtype is value.dtype else ops.astype(seed, value.dtype)
