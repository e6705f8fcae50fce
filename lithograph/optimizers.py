"""Optimizers: the update rules, with Keras 3's formulas and numbers; what they share is `optimizer.py`'s."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, Unpack

from . import schedules
from .arguments import checked
from .ir import ops
from .ir.array import Array
from .ir.errors import DomainError
from .optimizer import Optimizer, Rule, Slots
from .schedules import Schedule

__all__ = [
    "Optimizer", "adadelta", "adagrad", "adam", "adamax", "adamw", "ftrl", "get", "lion", "momentum", "nadam",
    "rmsprop", "schedules", "sgd",
]  # fmt: skip

Rate = float | Schedule


class Common(TypedDict, total=False):
    """Options of all optimizers; None leaves one out.

    Attributes:
        weight_decay: part of each variable, times the learning rate, that a step takes off it.
        clip_value, clip_norm, global_clip_norm: limits of elements, of each gradient's norm, of the norm of all.
    """

    weight_decay: float | None
    clip_value: float | None
    clip_norm: float | None
    global_clip_norm: float | None


@checked
def sgd(learning_rate: Rate = 0.01, **options: Unpack[Common]) -> Optimizer:
    """Gradient descent: `w -= rate * g`; elements whose gradient is zero stay as they are."""

    def update(w: Array, g: Array, s: Slots, rate: Array, step: Array) -> tuple[Array, Slots]:
        return ops.where(g == 0, w, w - rate * g), {}

    return Optimizer(Rule("sgd", {}, update), learning_rate, **options)


@checked
def momentum(
    learning_rate: Rate = 0.01, momentum: float = 0.9, nesterov: bool = False, **options: Unpack[Common]
) -> Optimizer:
    """Gradient descent with momentum: `m = momentum * m - rate * g; w += m`; Nesterov's looks one step ahead."""

    def update(w: Array, g: Array, s: Slots, rate: Array, step: Array) -> tuple[Array, Slots]:
        m = momentum * s["momentum"] - rate * g
        return w + (momentum * m - rate * g if nesterov else m), {"momentum": m}

    return Optimizer(Rule("momentum", {"momentum": 0.0}, update), learning_rate, **options)


@checked
def adagrad(
    learning_rate: Rate = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7,
    **options: Unpack[Common],
) -> Optimizer:  # fmt: skip
    """Steps that shrink with the sum of squared gradients (Duchi et al., 2011).

    Elements whose gradient is zero stay as they are.
    """

    def update(w: Array, g: Array, s: Slots, rate: Array, step: Array) -> tuple[Array, Slots]:
        none, held = g == 0, s["accumulator"]
        total = ops.where(none, held, held + ops.square(g))
        return ops.where(none, w, w - rate * g / ops.sqrt(total + epsilon)), {"accumulator": total}

    return Optimizer(Rule("adagrad", {"accumulator": initial_accumulator_value}, update), learning_rate, **options)


@checked
def adadelta(
    learning_rate: Rate = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **options: Unpack[Common]
) -> Optimizer:
    """Steps in the unit of the variable, from running means of squared gradients and steps (Zeiler, 2012)."""

    def update(w: Array, g: Array, s: Slots, rate: Array, step: Array) -> tuple[Array, Slots]:
        grads = rho * s["gradients"] + (1 - rho) * ops.square(g)
        delta = -ops.sqrt(s["steps"] + epsilon) * g / ops.sqrt(grads + epsilon)
        return w + rate * delta, {"gradients": grads, "steps": rho * s["steps"] + (1 - rho) * ops.square(delta)}

    return Optimizer(Rule("adadelta", {"gradients": 0.0, "steps": 0.0}, update), learning_rate, **options)


def _power(base: float, step: Array) -> Array:
    return ops.pow(ops.full((), base, dtype=step.dtype), step)


def _adam(name: str, rate: Rate, beta_1: float, beta_2: float, epsilon: float, options: Common) -> Optimizer:
    def update(w: Array, g: Array, s: Slots, rate: Array, step: Array) -> tuple[Array, Slots]:
        scale = rate * ops.sqrt(1 - _power(beta_2, step)) / (1 - _power(beta_1, step))
        m = s["m"] + (g - s["m"]) * (1 - beta_1)
        v = s["v"] + (ops.square(g) - s["v"]) * (1 - beta_2)
        return w - m * scale / (ops.sqrt(v) + epsilon), {"m": m, "v": v}

    return Optimizer(Rule(name, {"m": 0.0, "v": 0.0}, update), rate, **options)


@checked
def adam(
    learning_rate: Rate = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    **options: Unpack[Common],
) -> Optimizer:  # fmt: skip
    """Running means of the gradient and its square (Kingma and Ba, 2014)."""
    return _adam("adam", learning_rate, beta_1, beta_2, epsilon, options)


@checked
def adamw(
    learning_rate: Rate = 0.001, weight_decay: float = 0.004, beta_1: float = 0.9, beta_2: float = 0.999,
    epsilon: float = 1e-7, *, clip_value: float | None = None, clip_norm: float | None = None,
    global_clip_norm: float | None = None,
) -> Optimizer:  # fmt: skip
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2017)."""
    options = Common(
        weight_decay=weight_decay, clip_value=clip_value, clip_norm=clip_norm, global_clip_norm=global_clip_norm
    )
    return _adam("adamw", learning_rate, beta_1, beta_2, epsilon, options)


@checked
def adamax(
    learning_rate: Rate = 0.002, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    **options: Unpack[Common],
) -> Optimizer:  # fmt: skip
    """Adam with the largest magnitude in place of the root mean square (Kingma and Ba, 2014, section 7)."""

    def update(w: Array, g: Array, s: Slots, rate: Array, step: Array) -> tuple[Array, Slots]:
        m = s["m"] + (g - s["m"]) * (1 - beta_1)
        u = ops.maximum(beta_2 * s["u"], ops.abs(g))
        return w - rate * m / ((1 - _power(beta_1, step)) * (u + epsilon)), {"m": m, "u": u}

    return Optimizer(Rule("adamax", {"m": 0.0, "u": 0.0}, update), learning_rate, **options)


@checked
def nadam(
    learning_rate: Rate = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
    **options: Unpack[Common],
) -> Optimizer:  # fmt: skip
    """Adam with Nesterov's momentum (Dozat, 2015); the product of momenta is kept beside each variable."""

    def update(w: Array, g: Array, s: Slots, rate: Array, step: Array) -> tuple[Array, Slots]:
        # Both in the variable's dtype, so that what the power lacks the running means lack too.
        b1, b2 = [ops.full((), b, dtype=w.dtype) for b in (beta_1, beta_2)]
        now = b1 * (1 - 0.5 * _power(0.96, step))
        following = b1 * (1 - 0.5 * _power(0.96, step + 1))
        product = s["product"] * now
        m = s["m"] + (g - s["m"]) * (1 - b1)
        v = s["v"] + (ops.square(g) - s["v"]) * (1 - b2)
        mean = following * m / (1 - product * following) + (1 - now) * g / (1 - product)
        root = ops.sqrt(v / (1 - ops.pow(b2, step)))
        return w - mean * rate / (root + epsilon), {"m": m, "v": v, "product": product}

    rule = Rule("nadam", {"m": 0.0, "v": 0.0}, update, scalars={"product": 1.0})
    return Optimizer(rule, learning_rate, **options)


@checked
def rmsprop(
    learning_rate: Rate = 0.001, decay: float = 0.9, momentum: float = 0.0, centered: bool = False,
    epsilon: float = 1e-7, **options: Unpack[Common],
) -> Optimizer:  # fmt: skip
    """Gradients over their running root mean square (Hinton, 2012), or their standard deviation when `centered`."""

    def update(w: Array, g: Array, s: Slots, rate: Array, step: Array) -> tuple[Array, Slots]:
        new = {"v": decay * s["v"] + (1 - decay) * ops.square(g)}
        spread = new["v"] + epsilon
        if centered:
            new["mean"] = decay * s["mean"] + (1 - decay) * g
            spread = new["v"] - ops.square(new["mean"]) + epsilon
        change = rate * g / ops.sqrt(spread)
        if momentum:
            change = new["momentum"] = momentum * s["momentum"] + change
        return w - change, new

    slots = {"v": 0.0} | ({"mean": 0.0} if centered else {}) | ({"momentum": 0.0} if momentum else {})
    return Optimizer(Rule("rmsprop", slots, update), learning_rate, **options)


@checked
def lion(
    learning_rate: Rate = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **options: Unpack[Common]
) -> Optimizer:
    """Steps of one size, along the sign of a mean (Chen et al., 2023)."""

    def update(w: Array, g: Array, s: Slots, rate: Array, step: Array) -> tuple[Array, Slots]:
        m = s["momentum"]
        return w - rate * ops.sign(m * beta_1 + g * (1 - beta_1)), {"momentum": m * beta_2 + g * (1 - beta_2)}

    return Optimizer(Rule("lion", {"momentum": 0.0}, update), learning_rate, **options)


@checked
def ftrl(
    learning_rate: Rate = 0.001, learning_rate_power: float = -0.5, initial_accumulator_value: float = 0.1,
    l1: float = 0.0, l2: float = 0.0, l2_shrinkage: float = 0.0, beta: float = 0.0, **options: Unpack[Common],
) -> Optimizer:  # fmt: skip
    """Follow the regularised leader (McMahan et al., 2013), with `l1`, `l2` and shrinkage as its regularisation."""

    def update(w: Array, g: Array, s: Slots, rate: Array, step: Array) -> tuple[Array, Slots]:
        total = s["accumulator"] + ops.square(g)
        before = ops.pow(s["accumulator"], -learning_rate_power)
        after = ops.pow(total, -learning_rate_power)
        shrunk = g + 2 * l2_shrinkage * w if l2_shrinkage else g
        linear = s["linear"] + shrunk - (after - before) / rate * w
        quadratic = after / rate + 2 * (l2 + beta / (2 * rate) if beta else l2)
        new = (ops.clip(linear, -l1, l1) - linear) / quadratic
        return new, {"accumulator": total, "linear": linear}

    slots = {"accumulator": initial_accumulator_value, "linear": 0.0}
    return Optimizer(Rule("ftrl", slots, update), learning_rate, **options)


def get(name: object) -> Optimizer:
    """The optimizer of that name with its usual settings; an optimizer as it is.

    Raises:
        DomainError: there is none of that name.
    """
    if isinstance(name, Optimizer):
        return name
    usual: dict[str, Callable[[], Optimizer]] = {
        "sgd": lambda: sgd(0.01), "adagrad": lambda: adagrad(0.01), "adadelta": lambda: adadelta(1.0), "adam": adam,
        "adamw": adamw, "adamax": adamax, "nadam": nadam, "rmsprop": rmsprop, "lion": lion, "ftrl": ftrl,
        "momentum": momentum,
    }  # fmt: skip
    if not isinstance(name, str) or name not in usual:
        raise DomainError(f"Unknown Optimizer {name}")
    return usual[name]()
