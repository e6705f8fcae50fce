"""Integer division by zero, found when the function runs."""

import lithograph as lg

@lg.function
def f(a, b):
    return a + a // b


f(lg.tensor([4, 5]), lg.tensor([1, 1]))
f(lg.tensor([4, 5]), lg.tensor([1, 0]))
