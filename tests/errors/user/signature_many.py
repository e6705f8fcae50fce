"""More arguments than the input signature has."""

import lithograph as lg

@lg.function(input_signature=[lg.TensorSpec([2], lg.float32)])
def f(x):
    return x + 1


f(lg.ones((2,)), 1)
