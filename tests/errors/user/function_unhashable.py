"""An argument that is neither a tensor nor hashable."""

import lithograph as lg

@lg.function
def f(x):
    return x


f({1, 2})
