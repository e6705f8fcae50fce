"""A traced tensor as a Python float."""

import lithograph as lg

@lg.function
def f(x):
    return x * float(x)


f(lg.tensor(0.5))
