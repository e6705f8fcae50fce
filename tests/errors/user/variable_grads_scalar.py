"""A loss that is no scalar."""

import lithograph as lg

v = lg.Variable([1.0, 2.0])
lg.variable_grads(lambda: v * 2)
