"""A traced tensor used after its trace."""

import lithograph as lg

kept = []


@lg.function
def f(x):
    kept.append(x * 2)
    return x


f(lg.ones((2,)))
kept[0] + 1
