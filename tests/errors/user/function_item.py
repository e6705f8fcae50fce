"""The element of a traced tensor."""

import lithograph as lg

@lg.function
def f(x):
    return x.item()


f(lg.tensor(0.5))
