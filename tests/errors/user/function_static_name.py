"""A static name that is no parameter."""

import lithograph as lg

@lg.function(static_argnames="k")
def f(x):
    return x


f(1.0)
