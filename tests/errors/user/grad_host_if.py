"""A gradient's own error inside a function."""

import lithograph as lg

@lg.function
def f(x):
    return lg.grad(lambda y: lg.ones((2,)))(x)


f(lg.ones((2,)))
