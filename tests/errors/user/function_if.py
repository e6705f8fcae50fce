"""A branch on a traced tensor."""

import lithograph as lg

@lg.function
def f(x):
    if x > 0:
        return x
    return -x


f(lg.tensor(1.0))
