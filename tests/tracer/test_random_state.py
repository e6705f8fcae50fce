"""`lg.random`: the generator's state as a variable, and keys."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lithograph as lg

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    lg.random.seed(7)
    yield
    lg.random.seed(0)


def test_a_seed_replays() -> None:  # A1.8
    first = [lg.random.uniform((3,)).tolist() for _ in range(3)]
    lg.random.seed(7)
    assert [lg.random.uniform((3,)).tolist() for _ in range(3)] == first
    assert len({tuple(row) for row in first}) == 3


def test_compiled_code_advances_the_state_in_order() -> None:
    def draw() -> tuple[lg.Array, lg.Array]:
        return lg.random.uniform((3,)), lg.random.normal((2,), 1.0, 2.0)

    eager = [[t.tolist() for t in draw()] for _ in range(3)]
    lg.random.seed(7)
    compiled = lg.function(draw)
    assert [[t.tolist() for t in compiled()] for _ in range(3)] == eager
    lg.random.seed(7)
    mixed = [[t.tolist() for t in f()] for f in (draw, compiled, draw)]
    assert mixed == eager
    assert compiled.trace_count == 1


def test_keys_give_the_same_numbers_always() -> None:
    key = lg.random.key(3)
    numbers = lg.random.normal((1000,), key=key)
    assert numbers.tolist() == lg.random.normal((1000,), key=key).tolist()
    assert lg.function(lambda k: lg.random.normal((1000,), key=k))(key).tolist() == numbers.tolist()
    one, other = lg.random.split(key)
    assert lg.random.uniform((4,), key=one).tolist() != lg.random.uniform((4,), key=other).tolist()


def test_ranges_moments_and_dtypes() -> None:
    u = lg.random.uniform((20_000,), -2, 3, "float64").numpy()
    assert u.dtype == np.float64 and u.min() >= -2 and u.max() < 3
    # The mean of n uniform numbers of range 5 has the deviation 5 / sqrt(12 n) = 0.0102; six of them are
    # allowed.
    assert abs(u.mean() - 0.5) < 6 * 0.0103
    z = lg.random.normal((20_000,), 1.0, 3.0).numpy()
    assert abs(z.mean() - 1) < 6 * 3 / 20_000**0.5 and abs(z.std() - 3) < 6 * 3 / 40_000**0.5
    assert lg.random.uniform().shape == () and lg.random.uniform(5).shape == (5,)
    low = np.array([0.0, 10.0], np.float32)
    drawn = lg.random.uniform((50, 2), low, low + 1).numpy()
    assert ((drawn >= low) & (drawn < low + 1)).all()


def test_a_variable_may_start_at_random_inside_a_function() -> None:
    kept: list[lg.Variable] = []

    @lg.function
    def f(x: lg.Array) -> lg.Array:
        if not kept:
            kept.append(lg.Variable(lambda: lg.random.normal((2,))))
        return x + kept[0]

    lg.random.seed(1)
    x = np.zeros(2, np.float32)
    first = f(x).tolist()
    assert f(x).tolist() == first
    lg.random.seed(1)
    assert lg.random.normal((2,)).tolist() == first


def test_generators_are_independent() -> None:
    one, other = lg.random.Generator(5), lg.random.Generator(5)
    assert one.uniform((2,)).tolist() == other.uniform((2,)).tolist()
    assert one.uniform((2,)).tolist() == other.uniform((2,)).tolist()
    with pytest.raises(lg.ArgumentError, match="the seed must fit 64 bits"):
        lg.random.seed(2**70)


def test_the_default_generator_is_made_when_needed() -> None:
    code = """
import lithograph as lg
from lithograph.runtime.core import counters
assert counters()[:3] == (0, 0, 0)
f = lg.function(lambda x: x + lg.random.uniform((2,)))
first = [f(lg.zeros((2,))).tolist() for _ in range(2)]
lg.random.seed(0)
assert [f(lg.zeros((2,))).tolist() for _ in range(2)] == first and f.trace_count == 1
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
