"""A stage that does not exist."""

import lithograph as lg

@lg.function
def f(x):
    return x


f.ir(lg.ones((2,)), stage="mlir")
