"""A variable whose first value is an argument."""

import lithograph as lg

@lg.function
def f(x):
    return lg.Variable(x).value()


f(lg.ones((2,)))
