"""A function that calls itself for ever."""

import lithograph as lg

@lg.function
def f(x):
    return f(x)


f(lg.ones((2,)))
