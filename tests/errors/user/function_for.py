"""A loop over a traced number."""

import lithograph as lg

@lg.function
def f(x):
    total = x
    for _ in range(x):
        total = total + x
    return total


f(lg.tensor(3))
