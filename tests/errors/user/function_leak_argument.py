"""A traced tensor given to another function after its trace."""

import lithograph as lg

kept = []


@lg.function
def f(x):
    kept.append(x * 2)
    return x


f(lg.ones((2,)))
f(kept[0])
