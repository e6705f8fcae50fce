"""Random numbers: the generator's published answers, the distributions' moments, independence of keys and
shapes.
"""

from __future__ import annotations

import numpy as np
import pytest

from lithograph.ir import dtypes, ops
from lithograph.ir.errors import ArgumentError, DTypeError, ShapeError
from lithograph.ir.ops.random import philox_words

from .numpy_stage import Held, numpy_of, numpy_stage

ONES = 0xFFFFFFFF


def test_the_generator_gives_the_published_answer() -> None:
    # Random123's known answer for a counter and a key of zeros.
    words = philox_words(np.array([0]), np.array([0]), np.array([0, 0], np.uint32))
    assert [int(w[0]) for w in words] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


def test_an_element_depends_on_key_and_row_major_index_alone() -> None:
    with numpy_stage():
        key = ops.random_key(7)
        flat = numpy_of(ops.random_uniform(key, (24,)))
        assert np.array_equal(numpy_of(ops.random_uniform(key, (2, 3, 4))).reshape(-1), flat)
        assert np.array_equal(numpy_of(ops.random_uniform(key, (5,))), flat[:5])
        assert not np.array_equal(numpy_of(ops.random_uniform(ops.random_key(8), (24,))), flat)


def test_seeds() -> None:
    with numpy_stage():
        assert numpy_of(ops.random_key((3 << 32) + 5)).tolist() == [5, 3]
        assert numpy_of(ops.random_key(-1)).tolist() == [ONES, ONES]
        with pytest.raises(
            ArgumentError, match=r"random\.key: the seed must fit 64 bits, but it is 18446744073709551616"
        ):
            ops.random_key(1 << 64)


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64], ids=str)
def test_uniform_numbers(dtype: dtypes.DType) -> None:
    with numpy_stage():
        x = numpy_of(ops.random_uniform(ops.random_key(1), (200_000,), dtype=dtype)).astype(np.float64)
    assert x.min() >= 0
    assert x.max() < 1
    # Five standard errors of the mean and of the variance of 200,000 numbers.
    assert abs(x.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / x.size)
    assert abs(x.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / x.size)
    counts = np.bincount((x * 64).astype(int), minlength=64)
    # Chi square with 63 degrees of freedom: below 130 but for one seed in a million.
    assert np.sum((counts - x.size / 64) ** 2 / (x.size / 64)) < 130
    scale = 2.0**24 if dtype is dtypes.float32 else 2.0**53
    assert np.array_equal(x * scale, np.floor(x * scale))


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64], ids=str)
def test_normal_numbers(dtype: dtypes.DType) -> None:
    with numpy_stage():
        x = numpy_of(ops.random_normal(ops.random_key(2), (200_000,), dtype=dtype)).astype(np.float64)
    assert np.isfinite(x).all()
    # Five standard errors of the first four moments.
    for power, moment, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(x**power) - moment) < 5 * np.sqrt(spread / x.size)


def test_keys_made_from_a_key_differ_from_it_and_from_each_other() -> None:
    with numpy_stage():
        key = ops.random_key(3)
        keys = numpy_of(ops.random_split(key, 1000))
        assert len({tuple(k) for k in [*keys.tolist(), numpy_of(key).tolist()]}) == 1001
        state, used = ops.random_next(key)
        assert np.array_equal(np.stack([numpy_of(state), numpy_of(used)]), numpy_of(ops.random_split(key)))


def test_what_is_no_key_is_refused() -> None:
    with numpy_stage():
        with pytest.raises(
            ShapeError, match=r"random_uniform: a key is uint32\[2\], as random\.key makes it, but int64\[2\]"
        ):
            ops.random_uniform(np.array([1, 2]), (3,))
        with pytest.raises(
            DTypeError, match=r"random_normal: the dtype must be float32 or float64, but int32 was asked"
        ):
            ops.random_normal(Held(np.array([1, 2], np.uint32)), (3,), dtype="int32")
        with pytest.raises(ShapeError, match=r"random_uniform: an extent must be >= 0"):
            ops.random_uniform(ops.random_key(0), (-3,))
