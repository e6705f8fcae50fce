"""A loop on a traced tensor."""

import lithograph as lg

@lg.function
def f(x):
    while x < 10:
        x = x * 2
    return x


f(lg.tensor(1.0))
