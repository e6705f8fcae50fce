"""A NumPy function of a traced tensor."""

import numpy as np

import lithograph as lg

@lg.function
def f(x):
    return np.exp(x)


f(lg.tensor(0.5))
