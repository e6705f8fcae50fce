"""An index outside its axis, found when the function runs."""

import lithograph as lg

@lg.function
def f(x, i):
    y = x * 2
    return y[i]


f(lg.arange(4), lg.tensor(2))
f(lg.arange(4), lg.tensor(7))
