"""A concrete function that depends on an extent which is left open."""

import lithograph as lg

@lg.function
def f(x):
    return x * 2 if x.shape[0] > 4 else x


f.get_concrete_function(lg.TensorSpec([None, 2]))
