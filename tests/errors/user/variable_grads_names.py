"""Two variables of one name."""

import lithograph as lg

v = lg.Variable(1.0, name="w")
w = lg.Variable(2.0, name="w")
lg.variable_grads(lambda: v * w)
