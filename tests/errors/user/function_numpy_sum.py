"""A NumPy reduction of a traced tensor."""

import numpy as np

import lithograph as lg

@lg.function
def f(x):
    return np.sum(x)


f(lg.ones((2,)))
