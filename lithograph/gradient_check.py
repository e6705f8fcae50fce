"""Comparing the derivatives of a function with differences of its values; it knows no op and no rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

import numpy as np

from .ir import dtypes
from .ir.array import Array
from .ir.errors import ArgumentError, DTypeError, GradientError
from .ir.stage import located
from .runtime.creation import tensor
from .tracer.forward import jvp
from .tracer.pytree import flatten, unflatten
from .tracer.signature import brief
from .tracer.transforms import vjp

_STEP: Final = float(np.finfo(np.float64).eps ** (1 / 3))

Flat = Callable[..., list[Array]]
"""A function of tensors that gives a list of tensors."""


@located
def check_grads(
    f: Callable[..., object],
    args: Sequence[object],
    order: int = 2,
    *,
    eps: float | None = None,
    atol: float = 1e-5,
    rtol: float = 1e-5,
) -> None:
    """Compare the derivatives of `f` with differences of its values, in random directions.

    All is computed in float64, to which float arguments are converted. For each tensor of the arguments, `jvp` along a
    direction and `vjp` along the same must agree with the central difference (f(x + eps d) - f(x - eps d)) / (2 eps);
    the next order does so with the gradient of f in place of f.

    Args:
        f: gives float tensors, in any containers.
        args: its arguments, in any containers; what is no float in them is held constant.
        order: of the highest derivative that is compared.
        eps: the step along a direction of length 1; when None the cube root of float64's epsilon, 6e-6, where what is
            cut off (f''' eps^2 / 6) and what is rounded off (f epsilon / eps) are both about 4e-11.
        atol, rtol: how far two numbers may be apart, at all and relative to the difference. The defaults let functions
            pass whose values or third derivatives are some ten thousands; a wrong sign or factor is far outside.

    Raises:
        GradientError: they are further apart; it names order, argument and direction, and says both numbers.
        ArgumentError: an argument of this function is of no use.
        DTypeError: f gives other than float64 for float64, or takes complex numbers.
    """
    _check_arguments(f, args, order, {"eps": _STEP if eps is None else eps, "atol": atol, "rtol": rtol})
    step = eps or _STEP
    leaves, structure = flatten(tuple(args))
    places = [k for k, leaf in enumerate(leaves) if _is_float(leaf)]
    points = [tensor(leaves[k], dtype=dtypes.float64) for k in places]
    names = _names(args)

    def flat(*given: Array) -> list[Array]:
        inside = list(leaves)
        for k, x in zip(places, given, strict=True):
            inside[k] = x
        out = f(*cast("tuple[object, ...]", unflatten(structure, inside)))
        return [_double(leaf) for leaf in flatten(out)[0]]

    rng = np.random.default_rng(0)
    function: Flat = flat
    for level in range(1, order + 1):
        weights = [_drawn(rng, y.shape) for y in function(*points)]
        for k, place in enumerate(places):
            direction = _drawn(rng, points[k].shape)
            expected = _difference(function, points, k, direction, step, weights)
            for way, found in _derivatives(function, points, k, direction, weights):
                if not abs(found - expected) <= atol + rtol * abs(expected):
                    shown = np.array2string(direction, precision=3, threshold=8, separator=", ").replace("\n", "")
                    of = "the function" if level == 1 else f"derivative {level - 1}"
                    raise GradientError(
                        f"derivative {level} by {names[place]} along {shown}: {way} gives {found:.9g}, and differences "
                        f"of {of} give {expected:.9g}"
                    )
        function = _gradient(function, weights)


def _check_arguments(f: object, args: object, order: object, floats: Mapping[str, object]) -> None:
    if not callable(f):
        raise ArgumentError(f"check_grads: f is a function, but {brief(f)} was given")
    if not isinstance(args, list | tuple):
        raise ArgumentError(f"check_grads: args is a tuple, an entry per argument of f, but {brief(args)} was given")
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise ArgumentError(f"check_grads: order is a positive integer, but {brief(order)} was given")
    for name, number in floats.items():
        if not isinstance(number, int | float) or isinstance(number, bool) or not 0 <= number < 1:
            raise ArgumentError(f"check_grads: {name} is a float from 0 to 1, but {brief(number)} was given")


def _is_float(leaf: object) -> bool:
    if isinstance(leaf, complex) or (isinstance(leaf, Array) and leaf.dtype.is_complex):
        raise DTypeError("check_grads: directions are drawn for real numbers; give a function of the two parts")
    if isinstance(leaf, Array):
        return leaf.dtype.is_inexact
    return isinstance(leaf, float) or (isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f")


def _double(leaf: object) -> Array:
    if not isinstance(leaf, Array) or leaf.dtype is not dtypes.float64:
        given = leaf._aval if isinstance(leaf, Array) else brief(leaf)
        raise DTypeError(
            f"check_grads: f is compared in float64, and given that, it must return float64, but it returned {given}"
        )
    return leaf


def _names(args: Sequence[object]) -> list[str]:
    names: list[str] = []
    for n, argument in enumerate(args):
        count = len(flatten(argument)[0])
        single = count == 1 and flatten(argument)[0][0] is argument
        names += [f"argument {n}"] if single else [f"argument {n} (tensor {k} in it)" for k in range(count)]
    return names


def _drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A random array of length 1."""
    drawn = np.asarray(rng.standard_normal(shape))
    return drawn / (np.linalg.norm(drawn) or 1.0)


def _weighed(values: Sequence[Array], weights: Sequence[np.ndarray]) -> float:
    return float(sum(np.sum(y.numpy() * w) for y, w in zip(values, weights, strict=True)))


def _difference(
    function: Flat, points: Sequence[Array], k: int, along: np.ndarray, step: float, weights: Sequence[np.ndarray]
) -> float:
    """The slope of the weighed sum of what a function gives, by differences."""
    ends = []
    for h in (step, -step):
        moved = [*points]
        moved[k] = tensor(points[k].numpy() + h * along)
        ends.append(_weighed(function(*moved), weights))
    return (ends[0] - ends[1]) / (2 * step)


def _derivatives(
    function: Flat, points: Sequence[Array], k: int, along: np.ndarray, weights: Sequence[np.ndarray]
) -> list[tuple[str, float]]:
    """The same slope by forward and by reverse mode."""
    tangents = [tensor(along if n == k else np.zeros(p.shape)) for n, p in enumerate(points)]
    forward = _weighed(jvp(function, points, tangents)[1], weights)
    reverse = _gradient(function, weights)(*points)[k]
    return [("jvp", forward), ("vjp", float(np.sum(reverse.numpy() * along)))]


def _gradient(function: Flat, weights: Sequence[np.ndarray]) -> Flat:
    """The gradient of the weighed sum of what a function gives."""

    def gradient(*points: Array) -> list[Array]:
        return list(vjp(function, *points)[1]([tensor(w) for w in weights]))

    return gradient
