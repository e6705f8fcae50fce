"""Shapes that do not broadcast, inside a function."""

import lithograph as lg

@lg.function
def f(x):
    y = x * 2
    return y + lg.ones((3,))


f(lg.ones((2,)))
