"""Repetitions that make another number of elements than was said."""

import numpy as np

import lithograph as lg


@lg.function
def several(x, n):
    return lg.repeat(x, n, total_repeat_length=4)


several(np.ones(2), np.array([1, 2]))
