"""Every form of subscript, at random against NumPy: read by references, eagerly and compiled, changed, with gradients.

The seed is LITHOGRAPH_TEST_SEED, or 0; a failure prints it with the number of the subscript.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg
from lithograph.ir.array import Array

from ..rows.numpy_stage import Held, numpy_of, numpy_stage
from .subscripts import SHAPES, has_mask, random_subscript, selects

DEEP = os.environ.get("LITHOGRAPH_TEST_DEEP") == "1"
SEED = int(os.environ.get("LITHOGRAPH_TEST_SEED", "0"))
MANY = 10 if DEEP else 1


def counted(shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    return np.arange(1, int(np.prod(shape)) + 1, dtype=dtype).reshape(shape)


def case(rng: np.random.Generator, k: int, outside: float = 0.02) -> tuple[np.ndarray, Any, str]:
    x = counted(SHAPES[int(rng.integers(len(SHAPES)))])
    index = random_subscript(rng, x.shape, outside)
    return x, index, f"number {k} of seed {SEED}: {x.shape} {index!r}"


def same(found: np.ndarray, expected: np.ndarray, said: str) -> None:
    assert found.shape == expected.shape and np.array_equal(found, expected), f"{said}\n{found}\n{expected}"


def check(read: Callable[[], np.ndarray], expected: np.ndarray | None, said: str) -> None:
    # Where nothing is selected, NumPy checks some indices that we do not, and the other way about.
    try:
        found = read()
    except lg.RangeError:
        assert expected is None or not expected.size, said
    except lg.ShapeError:
        assert expected is None, said
    else:
        assert expected is not None or not found.size, said
        if expected is not None:
            same(found, expected, said)


def test_reading_by_references_is_numpys() -> None:
    rng = np.random.default_rng(SEED)
    with numpy_stage():
        for k in range(3000 * MANY):
            x, index, said = case(rng, k)
            check(lambda x=x, index=index: numpy_of(Held(x)[index]), selects(x, index), said)  # type: ignore[misc]


def test_reading_eagerly_is_numpys() -> None:
    rng = np.random.default_rng(SEED + 1)
    for k in range(400 * MANY):
        x, index, said = case(rng, k)
        check(lambda x=x, index=index: lg.tensor(x)[index].numpy(), selects(x, index), said)  # type: ignore[misc]


def legal_cases(seed: int, count: int, repeated: bool = True) -> list[tuple[np.ndarray, Any, str]]:
    """Subscripts without masks that select something, if not `repeated` each element once at most."""
    rng = np.random.default_rng(seed)
    found: list[tuple[np.ndarray, Any, str]] = []
    k = 0
    while len(found) < count:
        x, index, said = case(rng, k, 0.0)
        k += 1
        expected = None if has_mask(index) else selects(x, index)
        if expected is not None and (repeated or np.unique(expected).size == expected.size):
            found.append((x, index, said))
    return found


@pytest.mark.parametrize("block", range(4 * MANY))
def test_reading_compiled_is_numpys(block: int) -> None:
    cases = legal_cases(SEED + 10 + block, 60)
    f = lg.function(lambda *xs: [x[index] for x, (_, index, _) in zip(xs, cases, strict=True)])
    for found, (x, index, said) in zip(f(*[x for x, _, _ in cases]), cases, strict=True):
        same(found.numpy(), x[index], said)


def reader(index: Any) -> Callable[[Array], Array]:
    return lambda t: t[index]


def test_what_is_out_of_range_fails_in_compiled_code() -> None:
    rng = np.random.default_rng(SEED + 2)
    failed = 0
    while failed < 12 * MANY:
        x, index, said = case(rng, failed, 0.5)
        if has_mask(index) or selects(x, index) is not None:
            continue
        with pytest.raises((lg.RangeError, lg.ShapeError)):
            pytest.fail(f"{said}: {lg.function(reader(index))(x)}")
        failed += 1


def updates(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Values that broadcast to a shape."""
    own = shape[int(rng.integers(0, len(shape) + 1)) :] if rng.random() < 0.4 else shape
    own = tuple([1 if rng.random() < 0.2 else e for e in own])
    return rng.integers(1, 5, own).astype(np.float32)


def placed(x: np.ndarray, index: Any, v: np.ndarray, name: str) -> np.ndarray:
    """What NumPy makes of `x.at[index].name(v)`."""
    result = np.array(x)
    if name == "set":
        result[index] = v
    else:
        # NumPy 2.4.6 reads outside of values that broadcast, where the array has one axis.
        v = np.array(np.broadcast_to(v, result[index].shape))
        # The result of `at` is None, and it takes no index that selects a single element as an array.
        {"add": np.add, "multiply": np.multiply, "divide": np.divide, "min": np.minimum, "max": np.maximum}[name].at(
            result, index, v
        )
    return result


CHANGES = ("set", "add", "multiply", "divide", "min", "max")


def test_changing_by_references_is_numpys() -> None:
    rng = np.random.default_rng(SEED + 3)
    with numpy_stage():
        for k in range(1200 * MANY):
            x, index, said = case(rng, k, 0.0)
            expected = selects(x, index)
            if expected is None:
                continue
            v, name = updates(rng, expected.shape), CHANGES[k % 6]
            found = getattr(Held(x).at[index], name)(v)
            same(numpy_of(found), placed(x, index, v, name), f"{said} {name} {v!r}")


def test_changing_eagerly_is_numpys() -> None:
    rng = np.random.default_rng(SEED + 4)
    for k in range(150 * MANY):
        x, index, said = case(rng, k, 0.0)
        expected = selects(x, index)
        if expected is None:
            continue
        v, name = updates(rng, expected.shape), CHANGES[k % 6]
        same(getattr(lg.tensor(x).at[index], name)(v).numpy(), placed(x, index, v, name), f"{said} {name} {v!r}")


@pytest.mark.parametrize("name", CHANGES)
def test_changing_compiled_is_numpys(name: str) -> None:
    rng = np.random.default_rng(SEED + 5)
    cases = legal_cases(SEED + 20, 30 * MANY)
    values = [updates(rng, x[index].shape) for x, index, _ in cases]

    def change(*flat: Array) -> list[Array]:
        pairs = zip(flat[::2], flat[1::2], cases, strict=True)
        return [getattr((x + 0).at[index], name)(v) for x, v, (_, index, _) in pairs]

    flat = [a for (x, _, _), v in zip(cases, values, strict=True) for a in (x, v)]
    for found, (x, index, said), v in zip(lg.function(change)(*flat), cases, values, strict=True):
        same(found.numpy(), placed(x, index, v, name), f"{said} {name} {v!r}")


def slope(f: Callable[..., float], at: list[np.ndarray], along: list[np.ndarray]) -> float:
    """The derivative of a polynomial of degree 2 at most, exactly but for rounding."""
    ends = [f(*[x + s * d for x, d in zip(at, along, strict=True)]) for s in (1.0, -1.0)]
    return (ends[0] - ends[1]) / 2


def test_gradients_of_reading() -> None:
    rng = np.random.default_rng(SEED + 6)
    for k in range(60 * MANY):
        x, index, said = case(rng, k, 0.0)
        expected = selects(x, index)
        if expected is None:
            continue
        x = x.astype(np.float64)
        w = rng.integers(-3, 4, expected.shape).astype(np.float64)
        direction = rng.integers(-2, 3, x.shape).astype(np.float64)

        found = lg.grad(lambda t, index=index, w=w: lg.sum(t[index] * t[index] * w))(lg.tensor(x)).numpy()
        expected_slope = slope(lambda t, index=index, w=w: float(np.sum(t[index] ** 2 * w)), [x], [direction])
        assert np.sum(found * direction) == expected_slope, said


@pytest.mark.parametrize("name", ["set", "add"])
def test_gradients_of_changing(name: str) -> None:
    rng = np.random.default_rng(SEED + 7)
    for k in range(40 * MANY):
        x, index, said = case(rng, k, 0.0)
        expected = selects(x, index)
        if expected is None:
            continue
        if not expected.size:  # The result does not lead from what is put nowhere, and grads says so.
            continue
        x, v = x.astype(np.float64), updates(rng, expected.shape).astype(np.float64)
        w = rng.integers(-3, 4, x.shape).astype(np.float64)
        along = [rng.integers(-2, 3, a.shape).astype(np.float64) for a in (x, v)]

        def value(t: Array, u: Array, index: Any = index, w: np.ndarray = w) -> Array:
            y = getattr(t.at[index], name)(u)
            return lg.sum(y * y * w)

        found = lg.grads(value)(lg.tensor(x), lg.tensor(v))
        expected_slope = slope(
            lambda t, u, index=index, w=w: float(np.sum(placed(t, index, u, name) ** 2 * w)), [x, v], along
        )
        total = sum(float(np.sum(g.numpy() * d)) for g, d in zip(found, along, strict=True))
        assert total == expected_slope, f"{said} {v!r}"
