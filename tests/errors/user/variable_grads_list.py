"""A list of what are no variables."""

import lithograph as lg

v = lg.Variable(1.0)
lg.variable_grads(lambda: v * 2, [lg.tensor(1.0)])
