"""A failure in a function that another calls names the line of the op."""

import lithograph as lg

@lg.function
def g(x, i):
    return lg.take(x, i)


@lg.function
def f(x, i):
    return g(x * 2, i)


f(lg.arange(4), lg.tensor([1]))
f(lg.arange(4), lg.tensor([4]))
