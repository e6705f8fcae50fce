"""A negative power of integers, found when the function runs."""

import lithograph as lg

@lg.function
def f(a, b):
    return a**b


f(lg.tensor([4, 5]), lg.tensor([1, -1]))
