"""What all optimizers share: slots, steps, clipping, decay; the rule that makes one of them is given to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .arguments import limit
from .ir import dtypes, ops
from .ir.array import Array
from .ir.errors import ArgumentError, ShapeError, StateError
from .ir.records import dataclass, field
from .ir.stage import located
from .ir.types import show_shape
from .runtime.variable import Variable
from .schedules import Schedule
from .tracer.transforms import gradients_by_variable

Slots = dict[str, Array]
Update = Callable[[Array, Array, Slots, Array, Array], tuple[Array, Slots]]
"""`update(value, gradient, slots, learning_rate, step)` gives the new value and the new slots; the first step is 1."""
Gradients = Mapping[str, "Array | None"] | Sequence[tuple["Array | None", Variable]]


@dataclass(frozen=True, slots=True)
class Rule:
    """How an optimizer changes one variable.

    Attributes:
        name: of the optimizer.
        slots: names and first values of what it keeps for each variable, in the variable's shape.
        update: see `Update`.
        scalars: slots that are scalars.
    """

    name: str
    slots: Mapping[str, float]
    update: Update
    scalars: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clipping:
    """Limits of gradients; None leaves one out.

    Attributes:
        value: of the magnitude of each element.
        norm: of the Euclidean norm of each gradient.
        global_norm: of the norm of all gradients together.
    """

    value: float | None = None
    norm: float | None = None
    global_norm: float | None = None

    def apply(self, gradients: Sequence[Array]) -> list[Array]:
        """The gradients within the limits."""
        found = list(gradients)
        if self.value is not None:
            found = [ops.clip(g, -self.value, self.value) for g in found]
        if self.norm is not None:
            found = [g * _scale(ops.sqrt(ops.sum(ops.square(g))), self.norm) for g in found]
        if self.global_norm is not None and found:
            squares = [ops.astype(ops.sum(ops.square(g)), dtypes.float32) for g in found]
            total = squares[0]
            for s in squares[1:]:
                total = total + s
            scale = _scale(ops.sqrt(total), self.global_norm)
            found = [g * ops.astype(scale, g.dtype) for g in found]
        return found


def _scale(norm: Array, most: float) -> Array:
    return most / ops.maximum(norm, most)


@dataclass(slots=True)
class _Held:
    """A variable that was updated, and what is kept for it."""

    variable: Variable
    slots: dict[str, Variable] = field(default_factory=dict)


class Optimizer:
    """Changes variables along their gradients; made by the functions of `lithograph.optimizers`.

    A whole step, `minimize` included, may be traced by `lithograph.function`: what it keeps are variables.

    Attributes:
        name: of the optimizer.
        iterations: number of steps done, an int64 variable.
    """

    @located
    def __init__(
        self,
        rule: Rule,
        learning_rate: float | Schedule,
        *,
        weight_decay: float | None = None,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        global_clip_norm: float | None = None,
    ) -> None:
        self.name = rule.name
        self._rule = rule
        self._decay = limit(rule.name, "weight_decay", weight_decay)
        self._clipping = Clipping(
            limit(rule.name, "clip_value", clip_value),
            limit(rule.name, "clip_norm", clip_norm),
            limit(rule.name, "global_clip_norm", global_clip_norm),
        )
        self._schedule = learning_rate if callable(learning_rate) else None
        first = 0.0 if callable(learning_rate) else float(learning_rate)
        self._rate = Variable(np.float32(first), trainable=False, name=f"{rule.name}/learning_rate")
        self.iterations = Variable(np.int64(0), trainable=False, name=f"{rule.name}/iterations")
        self._held: dict[int, _Held] = {}
        self._disposed = False

    @property
    def learning_rate(self) -> Array:
        """The rate of the next step, a float32 scalar."""
        steps = self.iterations.value()
        return self._schedule(steps) if self._schedule is not None else self._rate.value()

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if self._schedule is not None:
            raise StateError(f"{self.name}: the learning rate follows a schedule, and cannot be set")
        self._rate.assign(float(rate))

    @property
    def variables(self) -> list[Variable]:
        """All that it keeps: the number of steps, then the slots."""
        return [self.iterations, *(s for held in self._held.values() for s in held.slots.values())]

    @located
    def minimize(
        self, f: Callable[[], object], return_cost: bool = False, var_list: Sequence[Variable] | None = None
    ) -> Array | None:
        """One step that lessens `f()`.

        Args:
            f: takes nothing and gives a scalar.
            return_cost: whether the value of f before the step is returned.
            var_list: the variables to change; all trainable ones that f reads when None.

        Raises:
            ShapeError, ArgumentError, DomainError: as `lithograph.variable_grads`.
        """
        value, pairs = gradients_by_variable(f, var_list, "minimize")
        self.apply_gradients([(g, v) for v, g in pairs])
        return value if return_cost else None

    @located
    def compute_gradients(
        self, f: Callable[[], object], var_list: Sequence[Variable] | None = None
    ) -> tuple[Array, dict[str, Array | None]]:
        """The value of `f()` and its gradients by the names of variables, which `apply_gradients` takes."""
        value, pairs = gradients_by_variable(f, var_list, "compute_gradients")
        for v, _ in pairs:
            self._held.setdefault(id(v._cell), _Held(v))
        return value, {v.name: g for v, g in pairs}

    @located
    def apply_gradients(self, gradients: Gradients) -> None:
        """One step along gradients: nothing changes where they do not fit.

        Args:
            gradients: by the names of variables that `compute_gradients` met, or pairs of a gradient and its variable;
                a gradient that is None is left out.

        Raises:
            StateError: the optimizer is disposed.
            ArgumentError: a name is unknown, or there is no gradient.
            ShapeError: a gradient has another shape than its variable.
            TraceError: a gradient differs from example to example under vmap.
        """
        if self._disposed:
            raise StateError(f"Optimizer {self.name!r} is already disposed.")
        pairs = [(g, v) for g, v in self._pairs(gradients) if g is not None]
        if not pairs:
            raise ArgumentError(f"{self.name}: there is no gradient to apply")
        for g, v in pairs:
            v.refuse(g)
            if g.shape != v.shape:
                raise ShapeError(
                    f"{self.name}: the gradient of {v.name!r} has shape {show_shape(g.shape)}, and the variable "
                    f"{show_shape(v.shape)}"
                )
        rate = self.learning_rate
        step = self.iterations.assign_add(1)
        clipped = self._clipping.apply([ops.astype(g, v.dtype) for g, v in pairs])
        for g, (_, v) in zip(clipped, pairs, strict=True):
            self._update(v, g, rate, step)

    def _pairs(self, gradients: Gradients) -> list[tuple[Array | None, Variable]]:
        if not isinstance(gradients, Mapping):
            return list(gradients)
        named = {held.variable.name: held.variable for held in self._held.values()}
        for name in gradients:
            if name not in named:
                raise ArgumentError(
                    f"{self.name}: no variable {name!r} was met by compute_gradients; give pairs (gradient, variable)"
                )
        return [(g, named[name]) for name, g in gradients.items()]

    def _update(self, v: Variable, g: Array, rate: Array, step: Array) -> None:
        slots = self._slots(v)
        value, of_dtype = v.value(), ops.astype(rate, v.dtype)
        if self._decay is not None:
            # Decoupled from the gradient; Loshchilov and Hutter, 2017.
            value = value - value * self._decay * of_dtype
        held = {name: s.value() for name, s in slots.items()}
        new, changed = self._rule.update(value, g, held, of_dtype, ops.astype(step, v.dtype))
        for name, s in slots.items():
            s.assign(changed[name])
        v.assign(new if v.constraint is None else v.constraint(new))

    def _slots(self, v: Variable) -> dict[str, Variable]:
        held = self._held.setdefault(id(v._cell), _Held(v))
        if not held.slots:
            slots = [(name, v.shape, first) for name, first in self._rule.slots.items()]
            for name, shape, first in [*slots, *((n, (), f) for n, f in self._rule.scalars.items())]:
                value = np.full(shape, first, v.dtype.numpy)
                held.slots[name] = Variable(value, trainable=False, name=f"{v.name}/{self.name}/{name}")
        return held.slots

    def get_weights(self) -> list[np.ndarray]:
        """The values of `variables`."""
        return [v.numpy().copy() for v in self.variables]

    @located
    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Put back what `get_weights` gave; ArgumentError or ShapeError where it does not fit, before any change."""
        variables = self.variables
        if len(weights) != len(variables):
            raise ArgumentError(f"{self.name}: it keeps {len(variables)} values, but {len(weights)} were given")
        for v, w in zip(variables, weights, strict=True):
            if np.shape(w) != v.shape:
                raise ShapeError(f"{self.name}: {v.name!r} has shape {show_shape(v.shape)}, not {np.shape(w)}")
        for v, w in zip(variables, weights, strict=True):
            v.assign(np.asarray(w, v.dtype.numpy))

    def dispose(self) -> None:
        """Give the memory of `variables` back; neither it nor what was compiled with it can be used any more."""
        for v in self.variables:
            v.dispose()
        self._held.clear()
        self._disposed = True
