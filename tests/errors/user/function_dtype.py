"""An argument of a dtype that is not supported."""

import numpy as np

import lithograph as lg

@lg.function
def f(x):
    return x


f(np.ones(2, "datetime64[s]"))
