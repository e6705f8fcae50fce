"""How many elements a mask selects is not known while a function is traced."""

import lithograph as lg

@lg.function
def positive(x):
    return x[x > 0].sum()


positive(lg.tensor([1.0, -2.0, 3.0]))
