"""Too many arguments."""

import lithograph as lg

@lg.function
def f(x):
    return x


f(lg.ones((2,)), 1)
