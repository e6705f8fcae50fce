"""An input signature that holds no specs."""

import lithograph as lg

@lg.function(input_signature=[3])
def f(x):
    return x


f(1.0)
