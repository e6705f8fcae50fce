"""A variable where a list is expected."""

import lithograph as lg

v = lg.Variable(1.0)
lg.variable_grads(lambda: v * 2, v)
