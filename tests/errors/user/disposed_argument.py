"""A disposed tensor as an argument of a compiled function."""

import lithograph as lg

@lg.function
def f(x):
    return x + 1


x = lg.ones((2,))
f(x)
x.dispose()
f(x)
