"""A variable made on a later call."""

import lithograph as lg

kept = []


@lg.function
def f(x):
    kept.append(lg.Variable(1.0))
    return x * kept[-1]


f(lg.ones((2,)))
f(lg.ones((3,)))
