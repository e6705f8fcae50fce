"""The value of a variable while its reader is traced."""

import lithograph as lg

v = lg.Variable(1.0, name="v")


@lg.function
def f(x):
    return x * v.numpy()


f(lg.ones((2,)))
