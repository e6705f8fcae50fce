"""A string where the input signature has a tensor."""

import lithograph as lg

@lg.function(input_signature=[lg.TensorSpec([2], lg.float32)])
def f(x):
    return x + 1


f("ab")
