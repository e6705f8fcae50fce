"""Python's `and` of traced tensors."""

import lithograph as lg

@lg.function
def f(x):
    return x > 0 and x < 1


f(lg.tensor(0.5))
