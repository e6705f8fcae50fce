"""A static argument that is not hashable."""

import lithograph as lg

@lg.function(static_argnames="k")
def f(x, k):
    return x


f(lg.ones((2,)), [1, 2])
