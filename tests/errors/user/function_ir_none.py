"""The IR of a function that was never called."""

import lithograph as lg

@lg.function
def f(x):
    return x


f.ir()
