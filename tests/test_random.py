"""The distributions of `lg.random`: moments and frequencies under fixed seeds, the same bits compiled, refusals."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lithograph as lg

N = 100_000


def near(found: np.ndarray, mean: float, variance: float) -> None:
    """Six standard errors of the mean, and of the variance with the sample's own fourth moment."""
    x = found.astype(np.float64).reshape(-1)
    assert abs(x.mean() - mean) < 6 * np.sqrt(variance / x.size)
    spread = np.var((x - mean) ** 2)
    assert abs(np.mean((x - mean) ** 2) - variance) < 6 * np.sqrt(spread / x.size)


# The variance of the normal distribution cut off at ±2: 1 - 4 phi(2) / (2 Phi(2) - 1).
CUT = 1 - 4 * 0.05399096651318806 / 0.9544997361036416

DRAWS: dict[str, tuple[Callable[..., lg.Array], float, float]] = {
    "uniform": (lambda **k: lg.random.uniform((N,), -1.0, 3.0, **k), 1.0, 16 / 12),
    "uniform float64": (lambda **k: lg.random.uniform((N,), 0, 2, "float64", **k), 1.0, 4 / 12),
    "normal": (lambda **k: lg.random.normal((N,), 1.0, 2.0, **k), 1.0, 4.0),
    "truncated": (lambda **k: lg.random.truncated_normal((N,), **k), 0.0, CUT),
    "truncated float64": (lambda **k: lg.random.truncated_normal((N,), 1, 3, "float64", **k), 1.0, 9 * CUT),
    "exponential": (lambda **k: lg.random.exponential((N,), 3.0, **k), 3.0, 9.0),
    "exponential float64": (lambda **k: lg.random.exponential((N,), dtype="float64", **k), 1.0, 1.0),
    "gamma below 1": (lambda **k: lg.random.gamma((N,), 0.4, **k), 0.4, 0.4),
    "gamma": (lambda **k: lg.random.gamma((N,), 7.5, 0.5, **k), 15.0, 30.0),
    "gamma float64": (lambda **k: lg.random.gamma((N,), 1.0, dtype="float64", **k), 1.0, 1.0),
    "gamma large": (lambda **k: lg.random.gamma((N,), 1e6, **k), 1e6, 1e6),
    "beta": (lambda **k: lg.random.beta((N,), 2.0, 3.0, **k), 0.4, 0.04),
    "poisson": (lambda **k: lg.random.poisson((N,), 3.7, **k), 3.7, 3.7),
    "poisson large": (lambda **k: lg.random.poisson((N,), 250.0, **k), 250.0, 250.0),
    "bernoulli": (lambda **k: lg.random.bernoulli((N,), 0.3, **k), 0.3, 0.21),
    "randint": (lambda **k: lg.random.randint((N,), -3, 8, **k), 2.0, 120 / 12),
    "randint int8": (lambda **k: lg.random.randint((N,), -128, 128, "int8", **k), -0.5, 65535 / 12),
    "randint uint64": (lambda **k: lg.random.randint((N,), 0, 2**33, "uint64", **k), (2**33 - 1) / 2, 2**66 / 12),
}


@pytest.mark.parametrize("name", DRAWS)
def test_moments(name: str) -> None:
    draw, mean, variance = DRAWS[name]
    near(draw(key=lg.random.key(11)).numpy(), mean, variance)


@pytest.mark.parametrize("name", DRAWS)
def test_compiled_draws_the_same_bits_and_advances_the_generator(name: str) -> None:
    draw = DRAWS[name][0]

    def body() -> tuple[lg.Array, lg.Array]:
        return draw()[:1000], lg.random.uniform((3,))

    lg.random.seed(5)
    eager = [[t.numpy() for t in body()] for _ in range(2)]
    lg.random.seed(5)
    compiled = lg.function(body)
    for row in eager:
        for expected, found in zip(row, compiled(), strict=True):
            assert np.array_equal(expected, found.numpy())
    lg.random.seed(0)


def ks(found: np.ndarray, distribution: Callable[[np.ndarray], np.ndarray]) -> None:
    """Kolmogorov and Smirnov's test: the greatest distance is below 2.7 / sqrt(n), but for one seed in a million."""
    x = np.sort(found.astype(np.float64))
    ideal = distribution(x)
    i = np.arange(x.size)
    worst = max(np.max(ideal - i / x.size), np.max((i + 1) / x.size - ideal))
    assert worst < 2.7 / np.sqrt(x.size)


def test_shapes_of_distributions() -> None:
    key = lg.random.key(3)
    ks(lg.random.exponential((N,), key=key).numpy(), lambda x: 1 - np.exp(-x))
    cdf = lg.function(lambda x: lg.erf(x / 2**0.5) / 2)
    ks(
        lg.random.truncated_normal((N,), key=key).numpy(),
        lambda x: cdf(x).numpy() / 0.9544997361036416 + 0.5,
    )
    # Of gamma(2): 1 - (1 + x) exp(-x). Of beta(1, 3): 1 - (1 - x)^3.
    ks(lg.random.gamma((N,), 2.0, key=key).numpy(), lambda x: 1 - (1 + x) * np.exp(-x))
    ks(lg.random.beta((N,), 1.0, 3.0, key=key).numpy(), lambda x: 1 - (1 - x) ** 3)


def chi_square(counts: np.ndarray, expected: np.ndarray) -> None:
    """Pearson's statistic is below its mean and six standard deviations."""
    degrees = counts.size - 1
    assert np.sum((counts - expected) ** 2 / expected) < degrees + 6 * np.sqrt(2 * degrees)


def test_frequencies() -> None:
    key = lg.random.key(4)
    drawn = lg.random.randint((N,), 0, 77, key=key).numpy()
    chi_square(np.bincount(drawn, minlength=77), np.full(77, N / 77))
    for rate in (4.0, 40.0):
        k = np.arange(200)
        chance = np.exp(k * np.log(rate) - rate - np.cumsum(np.log(np.maximum(k, 1))))
        usual = chance * N > 20
        found = np.bincount(lg.random.poisson((N,), rate, key=key).numpy(), minlength=200)[usual]
        chi_square(found, chance[usual] * N)
    logits = np.log(np.array([[1, 2, 3, 4], [10, 1e-3, 0, 5]], np.float32) + np.float32(1e-30))
    classes = lg.random.categorical(logits, N, key=key)
    assert (classes.shape, classes.dtype) == ((2, N), lg.int64)
    first = np.bincount(classes[0].numpy(), minlength=4)
    chi_square(first, np.array([0.1, 0.2, 0.3, 0.4]) * N)
    second = np.bincount(classes[1].numpy(), minlength=4)
    assert second[2] == 0
    assert 0 < second[1] < 30  # 6.7 expected
    ends = lg.random.randint((100,), 5, 6, key=key).numpy()
    assert (ends == 5).all()


def test_whole_ranges_of_integers_are_reached() -> None:
    key = lg.random.key(9)
    for dtype in ("int8", "uint8", "int64", "uint64", "int32", "uint32"):
        limits = np.iinfo(dtype)
        found = lg.random.randint((2000,), limits.min, limits.max + 1, dtype, key=key).numpy()
        assert found.dtype == dtype
        span = float(limits.max) - float(limits.min)
        assert (found.astype(np.float64) - limits.min).min() < span * 0.01
        assert (found.astype(np.float64) - limits.min).max() > span * 0.99


def test_parameters_may_be_arrays() -> None:
    key = lg.random.key(1)
    rates = np.array([[0.5], [100.0]])
    counts = lg.random.poisson((2, 1000), rates, key=key).numpy()
    assert counts[0].mean() < 1 < 90 < counts[1].mean()
    low, high = np.array([0, 10]), np.array([[6], [11]])
    found = lg.random.randint((2, 2), np.array([0, 10]), high + 5, "int64", key=key).numpy()
    assert (found >= low).all() and (found < high + 5).all()
    p = np.array([0.0, 1.0, 0.5], np.float32)
    coins = lg.random.bernoulli((200, 3), p, key=key).numpy()
    assert not coins[:, 0].any() and coins[:, 1].all() and 50 < coins[:, 2].sum() < 150


def test_orders() -> None:
    key = lg.random.key(6)
    order = lg.random.permutation(1000, key=key)
    assert order.dtype is lg.int32 and sorted(order.tolist()) == list(range(1000)) != order.tolist()
    x = np.arange(24).reshape(2, 3, 4)
    for axis in (0, 1, -1):
        found = lg.random.shuffle(x, axis=axis, key=key).numpy()
        assert found.shape == x.shape
        assert np.array_equal(np.sort(found, axis=axis), x)
    assert lg.random.permutation(x, axis=1, key=key).tolist() == lg.random.shuffle(x, axis=1, key=key).tolist()
    assert lg.random.permutation(0, key=key).shape == (0,)
    # Of three things each of the six orders comes up as often.
    keys = lg.random.split(key, 3000).numpy()
    ranks = [tuple(lg.random.permutation(3, key=k).tolist()) for k in keys]
    chi_square(np.unique(ranks, axis=0, return_counts=True)[1], np.full(6, 500))


def test_choices() -> None:
    key = lg.random.key(8)
    drawn = lg.random.choice(5, N, key=key)
    assert drawn.dtype is lg.int32
    chi_square(np.bincount(drawn.numpy(), minlength=5), np.full(5, N / 5))
    p = np.array([4, 0, 3, 2, 1])
    counts = np.bincount(lg.random.choice(5, N, p=p, key=key).numpy(), minlength=5)
    assert counts[1] == 0
    chi_square(counts[[0, 2, 3, 4]], np.array([4, 3, 2, 1]) / 10 * N)
    assert sorted(lg.random.choice(10, 10, replace=False, key=key).tolist()) == list(range(10))
    some = lg.random.choice(5, (2, 2), replace=False, p=p, key=key)
    assert some.shape == (2, 2) and sorted(some.numpy().reshape(-1).tolist()) == [0, 2, 3, 4]
    first = [int(lg.random.choice(5, 1, replace=False, p=p, key=k).item()) for k in lg.random.split(key, 2000).numpy()]
    chi_square(np.bincount(first, minlength=5)[[0, 2, 3, 4]], np.array([4, 3, 2, 1]) * 200.0)
    x = np.arange(12).reshape(3, 4)
    columns = lg.random.choice(x, (2, 3), axis=1, key=key).numpy()
    assert columns.shape == (3, 2, 3) and np.array_equal(columns[1] - columns[0], np.full((2, 3), 4))
    assert lg.random.choice(x, key=key).shape == (4,)


def test_orders_and_choices_compiled() -> None:
    def body(x: lg.Array) -> tuple[lg.Array, ...]:
        p = lg.tensor([1.0, 2.0, 3.0, 4.0])
        return (
            lg.random.shuffle(x), lg.random.permutation(50), lg.random.choice(x, (3,)),
            lg.random.choice(4, (20,), p=p), lg.random.choice(4, (2,), p=p, replace=False),
        )  # fmt: skip

    x = np.arange(7)
    lg.random.seed(5)
    eager = [t.tolist() for t in body(lg.tensor(x))]
    lg.random.seed(5)
    assert [t.tolist() for t in lg.function(body)(x)] == eager
    lg.random.seed(0)


@pytest.mark.parametrize(("dtype", "bits"), [("float16", 11), ("bfloat16", 8)])
def test_half_precision(dtype: str, bits: int) -> None:
    key = lg.random.key(2)
    u = lg.random.uniform((N,), dtype=dtype, key=key)
    assert u.dtype == dtype
    values = u.astype("float64").numpy()
    assert values.max() == 1 - 2.0**-bits and np.array_equal(values * 2**bits, np.floor(values * 2**bits))
    chi_square(np.bincount((values * 128).astype(int), minlength=128), np.full(128, N / 128))
    near(lg.random.normal((N,), dtype=dtype, key=key).astype("float64").numpy(), 0.0, 1.0)


def test_keys_folded_with_data() -> None:
    key = lg.random.key(0)
    folded = [tuple(lg.random.fold_in(key, n).tolist()) for n in (0, 1, 2, -1, 2**40)]
    assert len({*folded, tuple(key.tolist()), *map(tuple, lg.random.split(key, 3).tolist())}) == 9
    assert tuple(lg.random.fold_in(key, lg.tensor(2)).tolist()) == folded[2]
    compiled = lg.function(lambda k, n: lg.random.uniform((2,), key=lg.random.fold_in(k, n)))
    step = lg.tensor(1)
    expected = lg.random.uniform((2,), key=lg.random.fold_in(key, step))
    assert compiled(key, step).tolist() == expected.tolist()


def test_a_generator_has_every_function() -> None:
    drawing = [name for name in lg.random.__all__ if "key" in inspect.signature(getattr(lg.random, name)).parameters]
    drawing = [name for name in drawing if name not in ("fold_in", "split")]
    a, b = lg.random.Generator(3), lg.random.Generator(3)
    for name in drawing:
        ours = inspect.signature(getattr(lg.random, name))
        assert inspect.signature(getattr(a, name)) == ours
    assert a.randint((3,), 0, 100).tolist() == b.randint((3,), 0, 100).tolist()
    assert a.split(3).shape == (3, 2)
    with_key = a.normal((2,), key=lg.random.key(1)).tolist()
    assert with_key == lg.random.normal((2,), key=lg.random.key(1)).tolist()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda r: r.randint((2,), 3, 3), lg.DomainError, "random_integers: there is no integer from 3 up to but"),
        (
            lambda r: r.randint((2,), np.array([0, 5]), np.array([1, 5])),
            lg.DomainError,
            "random_integers: there is no integer from 5 up to but",
        ),
        (lambda r: r.randint((2,), 0, 300, "uint8"), lg.IntegerOverflow, "the bound 300 does not fit uint8"),
        (lambda r: r.randint((2,), 0, 3, "float32"), lg.DTypeError, "the dtype must be an integer"),
        (lambda r: r.randint((2,), 0.5, 3), lg.ArgumentError, "a bound of int32 is an integer"),
        (lambda r: r.randint((2,), np.zeros(3, int), 3), lg.ShapeError, "could not be broadcast|do not broadcast"),
        (lambda r: r.bernoulli((2,), 1.5), lg.DomainError, "random_bernoulli: chances are within 0 and 1"),
        (lambda r: r.gamma((2,), 0.0), lg.DomainError, "random_gamma: alpha must be above zero"),
        (lambda r: r.beta((2,), 1.0, -1.0), lg.DomainError, "random_gamma: alpha must be above zero"),
        (lambda r: r.poisson((2,), -1.0), lg.DomainError, "random_poisson: the rate must be at least zero"),
        (lambda r: r.poisson((2,), 200.0, "int8"), lg.DomainError, "below half of the greatest result"),
        (lambda r: r.categorical(np.float32(3), 2), lg.ShapeError, "categorical: logits has classes"),
        (lambda r: r.normal((2,), np.zeros((3, 2), np.float32)), lg.ShapeError, r"random\.normal: the parameters"),
        (lambda r: r.fold_in(r.key(0), 1.5), lg.DTypeError, r"random\.fold_in: the data must be an integer"),
        (lambda r: r.fold_in(r.key(0), np.arange(2)), lg.ShapeError, "random_fold_in: the data must be one integer"),
        (lambda r: r.choice(3, 4, replace=False), lg.DomainError, "4 of 3 cannot be drawn without replacement"),
        (lambda r: r.choice(0, 1), lg.DomainError, "1 of 0 cannot be drawn"),
        (lambda r: r.choice(2, 1, p=[1.0, -1.0]), lg.DomainError, "chances are not negative"),
        (lambda r: r.choice(2, 1, p=[0.0, 0.0]), lg.DomainError, "chances are not negative"),
        (lambda r: r.choice(2, 1, p=[1.0]), lg.ShapeError, "p has one chance for each of 2"),
        (lambda r: r.shuffle(np.zeros((2, 2)), axis=2), lg.ShapeError, r"random\.shuffle: axis 2 is out of range"),
        (lambda r: r.permutation(np.float32(1)), lg.ShapeError, r"random\.shuffle: axis 0 is out of range"),
        (lambda r: r.permutation(-1), lg.ShapeError, "an extent must be >= 0"),
        (lambda r: r.exponential((-1,)), lg.ShapeError, "an extent must be >= 0"),
        (lambda r: r.truncated_normal((2,), key=np.zeros(3)), lg.ShapeError, "a key is uint32"),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(lg.random)
