"""A generator function."""

import lithograph as lg

@lg.function
def f(x):
    yield x


f(lg.ones((2,)))
