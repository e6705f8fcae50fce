"""A concrete function whose extent is left open."""

import lithograph as lg

@lg.function
def f(x):
    return x


f.get_concrete_function(lg.TensorSpec([None, 2]))
