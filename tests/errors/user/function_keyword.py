"""A keyword that the function does not have."""

import lithograph as lg

@lg.function
def f(x):
    return x


f(lg.ones((2,)), y=1)
