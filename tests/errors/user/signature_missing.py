"""An input signature that leaves a parameter out."""

import lithograph as lg

@lg.function(input_signature=[lg.TensorSpec([2])])
def f(x, y):
    return x


f(lg.ones((2,)), 1.0)
