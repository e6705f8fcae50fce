"""An argument that does not fit the input signature's shape."""

import lithograph as lg

@lg.function(input_signature=[lg.TensorSpec([2], lg.float32)])
def f(x):
    return x + 1


f(lg.ones((3,)))
