"""A NumPy function of a traced tensor and an array."""

import numpy as np

import lithograph as lg

@lg.function
def f(x):
    return np.add(x, np.ones(2))


f(lg.ones((2,)))
