"""Shapes of a thousand million elements and more: positions have 64 bits, and what is fused is never laid out."""

from __future__ import annotations

import os

import numpy as np
import pytest

import lithograph as lg

MANY = 10**9
BEYOND = 2**32 + 3
"""More elements than 32 bits can count."""


def test_a_sum_of_many_needs_no_memory() -> None:
    f = lg.function(lambda x: lg.sum(lg.broadcast_to(x, (MANY,))))
    assert f(np.int32(1)).item() == MANY
    text = f.memory_plan()
    assert "arena" in text and int(text.partition("peak ")[2].split()[0]) < 10**6


def test_shapes_of_many_elements_trace_print_and_parse() -> None:
    f = lg.function(lambda x: lg.max(lg.broadcast_to(x, (1000, 1000, 1000)) * 2, axis=(0, 2)))
    text = f.ir(np.float32(1), stage="traced")
    assert "float32[1000, 1000, 1000]" in text and "float32[1000]" in str(lg.parse_ir(text).results[0].type)


@pytest.mark.deep
@pytest.mark.skipif(
    os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") < 16e9, reason="two arrays of 4 GB need a machine of 16 GB"
)
def test_positions_beyond_32_bits() -> None:
    x = lg.zeros((BEYOND,), dtype=lg.uint8)
    y = lg.function(lambda x: x.at[-1].set(7).at[2**31].add(5))(x)
    assert y.shape == (BEYOND,) and x[-1].item() == 0
    assert (y[-1].item(), y[2**31].item(), y[BEYOND - 2].item()) == (7, 5, 0)
    assert lg.argmax(y).item() == BEYOND - 1
    # Compiled, since an eager cast to 64 bits would lay out 34 GB.
    total = lg.function(lambda y: lg.sum(y, dtype=lg.int64))
    assert total(y).item() == 12
    assert lg.function(lg.count_nonzero)(y).item() == 2
    assert lg.take(y, lg.tensor([2**32 + 2, 2**31], dtype=lg.int64)).tolist() == [7, 5]
    with pytest.raises(lg.RangeError, match=f"index {BEYOND} is out of range"):
        lg.take(y, lg.tensor([BEYOND], dtype=lg.int64))
    row = lg.reshape(y[: 2**32], (2**16, 2**16))
    assert lg.max(row, axis=1)[2**15].item() == 5
    half = lg.astype(y[2**31 - 2 : 2**31 + 2], lg.float32)
    assert half.tolist() == [0, 0, 5, 0]
