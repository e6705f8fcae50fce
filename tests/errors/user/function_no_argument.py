"""A missing argument."""

import lithograph as lg

@lg.function
def f(x):
    return x


f()
