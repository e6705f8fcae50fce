"""Taking what is not there, found when the function runs."""

import lithograph as lg

@lg.function
def f(x, i):
    return lg.take(x, i)


f(lg.arange(4), lg.tensor([1, -5]))
